//! `tail` and `search`: messages on standard output.

use super::output::{self, Form, Out};
use super::tell;
use crate::client::ClientError;
use crate::client::args::{SearchArgs, TailArgs};
use crate::client::bot::{Bot, BotError, Event, Message, Start};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::time::Duration;

/// Messages in one answer to `/search`.
const PAGE: u32 = 200;

/// Prints the end of a conversation, and what follows if that is wanted.
pub(super) fn tail(mut bot: Bot, args: &TailArgs) -> Result<(), ClientError> {
    let (form, mut out) = (Form::choose(args.json), Out::new());
    bot.hear_own();
    let start = args.after.map_or(Start::Last(args.lines), Start::After);
    bot.follow(&args.target.to_string(), start)?;
    if args.follow {
        // Whoever follows waits for as long as it takes.
        bot.set_patience(None);
    }
    loop {
        let event = match bot.next_event_within(Duration::ZERO)? {
            Some(event) => event,
            None => {
                out.flush()?;
                if !args.follow {
                    return Ok(());
                }
                bot.next_event()?
            }
        };
        let line = match &event {
            Event::Message(message) => output::message(message, &form, Timestamp::now()),
            Event::Change(change) => output::change(change, &form),
            Event::Reconnected { same_history: false } => {
                tell("the server has another history than before; going on after the last message that was shown");
                None
            }
            Event::Ended { target, why } => {
                out.flush()?;
                return Err(ClientError::Ended { target: target.clone(), why: why.clone() });
            }
            _ => None,
        };
        if let Some(line) = line {
            out.line(&line)?;
        }
    }
}

/// Prints what a search finds, newest first.
pub(super) fn search(mut bot: Bot, args: &SearchArgs) -> Result<(), ClientError> {
    let (form, mut out) = (Form::choose(args.json), Out::new());
    let mut left = args.limit;
    let mut cursor = None;
    while left > 0 {
        let answer = bot.ask_again(&command(args, left.min(PAGE), cursor.as_deref()))?;
        for row in &answer.rows {
            let Some(message) = Message::from_row(row, bot.name()) else { continue };
            if let Some(line) = output::message(&message, &form, Timestamp::now()) {
                out.line(&line)?;
            }
        }
        left = left.saturating_sub(u32::try_from(answer.rows.len()).unwrap_or(u32::MAX));
        cursor = answer.cursor().map(str::to_owned);
        if cursor.is_none() || answer.rows.is_empty() {
            break;
        }
    }
    out.flush()
}

fn command(args: &SearchArgs, limit: u32, cursor: Option<&str>) -> String {
    let mut command = "/search".to_owned();
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing into a text can't fail.
            let _ = write!(command, " {name}={value}");
        }
    };
    option("in", args.room.as_ref().map(ToString::to_string));
    option("from", args.from.as_ref().map(|name| name.as_str().to_owned()));
    option("since", args.since.clone());
    option("until", args.until.clone());
    option("limit", Some(limit.to_string()));
    option("more", cursor.map(str::to_owned));
    for word in args.words.iter().flat_map(|words| words.split_whitespace()) {
        // Quoted, so that no word is taken for an option.
        let _ = write!(command, " \"{}\"", word.replace('"', " "));
    }
    command
}

impl From<BotError> for ClientError {
    fn from(error: BotError) -> Self {
        Self::Bot(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::args::{Command, CommandLine};
    use clap::Parser as _;

    fn asked(line: &[&str]) -> String {
        let args = CommandLine::try_parse_from(["chitchat", "search"].iter().chain(line)).unwrap();
        let Some(Command::Search(args)) = args.command else { panic!("no search") };
        command(&args, 50, None)
    }

    #[test]
    fn words_are_never_options() {
        assert_eq!(asked(&["the pump", "from=bob"]), r#"/search limit=50 "the" "pump" "from=bob""#);
        assert_eq!(
            asked(&["--in", "#ops", "--from", "@bob", "--since", "7d"]),
            "/search in=ops from=bob since=7d limit=50"
        );
    }
}
