//! The command line.

use crate::run::Fault;
use chitchat::server::simulation;
use std::time::{Duration, Instant};

pub(crate) const USAGE: &str =
    "simulate [--seed N] [--steps N | --hours H | --planted | --twice] [--jobs N] [--fault NAME [--every N]]
  --seed N     the first episode's (1)
  --steps N    how many in all (1000000); the episode under way is finished
  --hours H    for so long
  --planted    plants each fault, and says after how many steps it was found
  --twice      runs some episodes twice, and compares their traces
  --jobs N     threads, each with its own seeds (1)
  --fault NAME plants one fault, which happens one time in --every N (1) that it could";

pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) work: Work,
    pub(crate) jobs: u64,
    pub(crate) fault: Option<Fault>,
}

pub(crate) enum Work {
    Steps(u64),
    Until(Instant),
    Planted,
    Twice,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { seed: 1, work: Work::Steps(1_000_000), jobs: 1, fault: None };
        let mut every = 1;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--seed" => options.seed = number(&value()?)?,
                "--steps" => options.work = Work::Steps(number(&value()?)?),
                "--hours" => {
                    let hours: f64 = value()?.parse().map_err(|_| "not a number of hours".to_owned())?;
                    options.work = Work::Until(Instant::now() + Duration::from_secs_f64(hours * 3600.0));
                }
                "--planted" => options.work = Work::Planted,
                "--twice" => options.work = Work::Twice,
                "--jobs" => options.jobs = number(&value()?)?.max(1),
                "--every" => every = number(&value()?)?,
                "--fault" => {
                    let name = value()?;
                    let known: Vec<&str> = simulation::faults().collect();
                    if !known.contains(&name.as_str()) {
                        return Err(format!("the faults are: {}", known.join(", ")));
                    }
                    options.fault = Some(Fault { name, every: 1 });
                }
                other => return Err(format!("{other}?")),
            }
        }
        if let Some(fault) = &mut options.fault {
            fault.every = u32::try_from(every).map_err(|_| "--every is too large".to_owned())?;
        }
        Ok(options)
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| format!("{text} is not a number"))
}
