//! `/more`: the command that goes on where an answer stopped.

use crate::protocol::command::{Command, HistoryPart, Input, Verb, find, parse_line};
use crate::protocol::names::{Target, UserName};
use crate::protocol::network::Network;

/// What follows an answer that stopped short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::client) enum Next {
    /// This command shows what comes after it.
    Further(String),
    /// This one shows what was said before.
    Earlier(String),
}

impl Next {
    /// The command.
    #[must_use]
    pub(in crate::client) fn command(self) -> String {
        match self {
            Self::Further(command) | Self::Earlier(command) => command,
        }
    }
}

/// Whether an answer of this command may stop short: `/more` is about the last one of those.
#[must_use]
pub(in crate::client) fn is_paged(command: &str) -> bool {
    let verb = command.split(' ').next().and_then(find);
    verb.is_some_and(|verb| verb.done.contains("[, more"))
}

/// The command that goes on after this answer, if there is more and it can be asked for. `command` is
/// without slash, and `text` is the final line.
#[must_use]
pub(in crate::client) fn next(command: &str, rows: &[String], text: &str) -> Option<Next> {
    let more = text.split(" - ").next()?.split(", ").skip(1).find_map(|part| {
        let (key, cursor) = part.split_once('=').unwrap_or((part, ""));
        (key == "more").then_some(cursor)
    })?;
    let line = format!("/{command}");
    let Input::Command { verb: Ok(verb), rest, .. } = parse_line(&line) else { return None };
    let word = |row: Option<&String>, n: usize| row.and_then(|row| row.split(' ').nth(n)).map(str::to_owned);
    let (first, last) = (rows.first(), rows.last());
    Some(match verb.parse(rest).ok()? {
        Command::Search(_) | Command::Mentions { .. } | Command::Export { .. } | Command::Audit { .. } => {
            let cursor: u64 = more.parse().ok()?;
            Next::Further(with_option(verb, rest, "more", &cursor.to_string()))
        }
        Command::Rooms { .. } | Command::Bans { .. } => named(verb, rest, word(last, 0)?)?,
        Command::Admin(_) | Command::InviteCode(_) => match verb.name {
            "accounts" => named(verb, rest, word(last, 0)?)?,
            "blocks" => {
                Next::Further(with_option(verb, rest, "after", &Network::parse(&word(last, 0)?).ok()?.to_string()))
            }
            "invites" => {
                let number: u64 = word(last, 0)?.parse().ok()?;
                Next::Further(with_option(verb, rest, "after", &number.to_string()))
            }
            _ => return None,
        },
        Command::Who { page: Some(_), .. } => named(verb, rest, word(last, 0)?)?,
        // Those who are here came first: by name it begins again.
        Command::Who { .. } => Next::Further(with_option(verb, rest, "limit", "1000")),
        Command::Changes { target, .. } => {
            let rest = with_target(rest, target.as_ref(), word(last, 0)?);
            let change: u64 = word(last, 1)?.parse().ok()?;
            Next::Further(with_option(verb, &rest, "after", &change.to_string()))
        }
        Command::History { target, part: HistoryPart::Between { before: _, after, times }, .. } => {
            let forwards = after.is_some() || times.since.is_some();
            let (row, key) = if forwards { (last, "after") } else { (first, "before") };
            let rest = with_target(rest, target.as_ref(), word(row, 0)?);
            let id: u64 = word(row, 1)?.parse().ok()?;
            let command = with_option(verb, &rest, key, &id.to_string());
            if forwards { Next::Further(command) } else { Next::Earlier(command) }
        }
        _ => return None,
    })
}

fn named(verb: &Verb, rest: &str, name: String) -> Option<Next> {
    // What comes from the server becomes part of a command: nothing but a name.
    UserName::parse(&name).ok()?;
    Some(Next::Further(with_option(verb, rest, "after", &name)))
}

/// The command with this option, in place of the one that it had.
fn with_option(verb: &Verb, rest: &str, key: &str, value: &str) -> String {
    let others = rest.split(' ').filter(|word| word.split_once('=').is_none_or(|(known, _)| known != key));
    format!(
        "{} {key}={value}{}",
        verb.name,
        others.fold(String::new(), |rest, word| { if word.is_empty() { rest } else { rest + " " + word } })
    )
}

/// The arguments with the conversation that the answer was about: the current one may be another by then.
fn with_target(rest: &str, target: Option<&Target>, answered: String) -> String {
    match (target, Target::parse(&answered)) {
        (None, Ok(answered)) => format!(" {answered}{rest}"),
        _ => rest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::command::TABLE;

    fn after(command: &str, rows: &[&str], text: &str) -> Option<Next> {
        next(command, &rows.iter().map(|&row| row.to_owned()).collect::<Vec<_>>(), text)
    }

    fn further(command: &str) -> Option<Next> {
        Some(Next::Further(command.to_owned()))
    }

    fn earlier(command: &str) -> Option<Next> {
        Some(Next::Earlier(command.to_owned()))
    }

    const PAGE: &[&str] = &["lobby 4 2026-11-22T09:10:00.000Z bob: a", "lobby 7 2026-11-22T09:11:00.000Z bob: b"];

    #[test]
    fn history_goes_on_the_way_it_went() {
        assert_eq!(after("history", PAGE, "2 messages, more"), earlier("history before=4 lobby"));
        assert_eq!(
            after("history lobby before=9 limit=2", PAGE, "2 messages, more"),
            earlier("history before=4 lobby limit=2")
        );
        assert_eq!(after("history after=3", PAGE, "2 messages, more, oldest=2"), further("history after=7 lobby"));
        assert_eq!(
            after("history since=7d lobby", PAGE, "2 messages, more"),
            further("history after=7 since=7d lobby")
        );
        assert_eq!(after("history", PAGE, "2 messages"), None);
        assert_eq!(after("history around=5", PAGE, "2 messages, more"), None);
        assert_eq!(after("history", &["something new"], "1 message, more"), None);
    }

    #[test]
    fn cursors_and_names_are_taken_over() {
        assert_eq!(
            after("search a b more=9 from=bob", PAGE, "2 messages, more=5"),
            further("search more=5 a b from=bob")
        );
        assert_eq!(after("mentions", PAGE, "2 messages, more=5"), further("mentions more=5"));
        assert_eq!(after("export", &[], "0 messages, more=5"), further("export more=5"));
        assert_eq!(after("audit ops", &["x"], "1 action, more=5"), further("audit more=5 ops"));
        assert_eq!(after("rooms", &["ops 2 - x"], "1 room, more"), further("rooms after=ops"));
        assert_eq!(
            after("rooms after=dev limit=1", &["ops 2 - x"], "1 room, more"),
            further("rooms after=ops limit=1")
        );
        assert_eq!(after("accounts", &["Bob member here x -"], "1 account, more"), further("accounts after=Bob"));
        assert_eq!(after("bans #ops", &["bob - alice"], "1 ban, more"), further("bans after=bob #ops"));
        assert_eq!(after("who lobby limit=1", &["bob here"], "1 member, more"), further("who after=bob lobby limit=1"));
        assert_eq!(after("who", &["bob here"], "1 member, more"), further("who limit=1000"));
        assert_eq!(after("changes", &["lobby 3 x bob pin 4"], "1 change, more"), further("changes after=3 lobby"));
        assert_eq!(after("blocks", &["192.0.2.0/24 - server"], "1 block, more"), further("blocks after=192.0.2.0/24"));
        assert_eq!(after("invites", &["3 member 1 x server"], "1 invite, more"), further("invites after=3"));
    }

    #[test]
    fn what_may_stop_short_is_in_the_table() {
        let paged: Vec<&str> = TABLE.iter().map(|verb| verb.name).filter(|verb| is_paged(verb)).collect();
        assert_eq!(
            paged,
            [
                "invites",
                "accounts",
                "blocks",
                "rooms",
                "conversations",
                "who",
                "bans",
                "audit",
                "changes",
                "history",
                "search",
                "mentions",
                "export"
            ]
        );
    }

    #[test]
    fn nothing_of_the_server_s_becomes_a_command_but_names_and_numbers() {
        assert_eq!(after("search a", PAGE, "2 messages, more=x"), None);
        assert_eq!(after("rooms", &["o!ps 2 - x"], "1 room, more"), None);
        assert_eq!(after("conversations", &["lobby 1 1 0 0 0"], "1 conversation, more"), None);
        assert_eq!(after("frobnicate", &["x"], "1 thing, more"), None);
    }
}
