//! The cost of an idle connection: processor time to log it in, and memory while it is open.

use crate::accounts::Account;
use crate::dialogue::{self, After, Greeting, Opening};
use crate::fault::Fault;
use crate::options::Options;
use crate::process::Usage;
use crate::report::Report;
use crate::swarm::Swarm;
use std::time::{Duration, Instant};

/// How long the server gets to release the memory that logging in took.
const SETTLE: Duration = Duration::from_secs(2);

/// Opens the connections, waits, measures.
pub fn run(options: &Options, accounts: &[Account], count: u32, report: &mut Report) -> Result<(), Fault> {
    let usage = || options.pid.map_or(Ok(Usage::default()), Usage::of).map_err(Fault::Local);
    let room = |n: usize| crate::fanout::room_name(n / options.members as usize);
    let greetings = accounts.iter().enumerate().map(|(n, account)| Greeting::member(options, account, Some(&room(n))));
    let mut opening = Opening::new(options, greetings.collect());
    let mut swarm = Swarm::new(options).map_err(Fault::Local)?;
    let (before, began) = (usage()?, Instant::now());
    dialogue::open_all(&mut swarm, &mut opening, options.parallel as usize, After::Stay)?;
    let seconds = began.elapsed().as_secs_f64();
    let opened = usage()?;
    let settled = Instant::now() + SETTLE;
    while let Some(left) = settled.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        swarm.turn(&mut opening, left)?;
    }
    let after = usage()?;
    let people = f64::from(count);
    report.number("idle_connections", people);
    report.number("connects_per_s", people / seconds);
    if options.pid.is_some() {
        report.number("server_ms_per_connect", (opened.cpu - before.cpu) * 1e3 / people);
        report.number("kb_per_idle_connection", (after.rss - before.rss) / people);
        report.number("server_rss_kb", after.rss);
        report.number("server_ms_while_idle", (after.cpu - opened.cpu) * 1e3);
    }
    Ok(())
}
