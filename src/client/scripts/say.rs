//! `say` and `msg`.

use super::output::Out;
use super::stdin::{Input, Next};
use super::{exit_code, tell};
use crate::client::ClientError;
use crate::client::args::MessageArgs;
use crate::client::bot::{Bot, BotError, Updated};
use crate::protocol::names::Target;
use std::time::{Duration, Instant};

/// How long one wait for input lasts before the next begins.
const IDLE: Duration = Duration::from_hours(1);

struct Sayer<'a> {
    bot: Bot,
    out: Out,
    target: String,
    how: &'a MessageArgs,
    /// How many lines there were to say, which numbers the keys.
    count: u64,
    refused: bool,
}

/// Says the text, or each line of standard input.
pub(super) fn say(bot: Bot, target: &Target, how: &MessageArgs) -> Result<(), ClientError> {
    let mut sayer = Sayer { bot, out: Out::new(), target: target.to_string(), how, count: 0, refused: false };
    match how.text.as_slice() {
        [] => sayer.say_input()?,
        [dash] if dash == "-" => sayer.say_input()?,
        words => {
            let text = words.join(" ");
            // A shell's "$(command)" may hold several lines.
            let lines: Vec<(u64, &str)> = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).collect();
            if lines.is_empty() {
                return Err(ClientError::NothingToSay);
            }
            lines.into_iter().try_for_each(|(number, line)| sayer.say(number, line))?;
        }
    }
    if let Err(error) = sayer.bot.quit() {
        log::debug!("while leaving: {error}");
    }
    if sayer.refused { Err(ClientError::Refused) } else { Ok(()) }
}

impl Sayer<'_> {
    fn say_input(&mut self) -> Result<(), ClientError> {
        let input = Input::start(self.bot.wake_handle())?;
        let mut number = 0;
        loop {
            let next = input.next()?;
            number += u64::from(matches!(next, Next::Line(_) | Next::NotText));
            match next {
                Next::Line(line) if line.trim().is_empty() => {}
                Next::Line(line) => self.say(number, &line)?,
                Next::NotText => {
                    // It counts, so that the lines behind it have the same keys when it is mended.
                    self.count += 1;
                    self.refuse(number, "it is not UTF-8");
                }
                // What others say is of no interest, but has to be read.
                Next::Wait => drop(self.bot.next_before(Instant::now() + IDLE)?),
                Next::End => return Ok(()),
            }
        }
    }

    /// Tells that a line can't be said.
    fn refuse(&mut self, number: u64, why: &str) {
        tell(&format!("line {number}: {why}"));
        self.refused = true;
    }

    /// Says the line of this number.
    fn say(&mut self, number: u64, text: &str) -> Result<(), ClientError> {
        self.count += 1;
        let said = match &self.how.key {
            None => self.bot.say(&self.target, text).map(Updated::Said),
            Some(key) if self.how.update => self.bot.update(&self.target, key, text),
            Some(key) if self.count == 1 => self.bot.post(&self.target, key, text).map(Updated::Said),
            Some(key) => self.bot.post(&self.target, &format!("{key}-{}", self.count), text).map(Updated::Said),
        };
        match said {
            Ok(Updated::Said(id)) if self.how.id => self.out.line(&id.to_string())?,
            Ok(Updated::Replaced(change)) if self.how.id => self.out.line(&format!("change={change}"))?,
            Ok(_) => return Ok(()),
            // The next line may be better, unless nothing can be said there at all.
            Err(error @ (BotError::Refused { .. } | BotError::NotOneLine)) if exit_code(&error) == 1 => {
                self.refuse(number, &error.to_string());
            }
            Err(error) => return Err(error.into()),
        }
        self.out.flush()
    }
}
