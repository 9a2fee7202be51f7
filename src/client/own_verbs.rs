//! What the client does itself with a typed line, before the server is asked.
//!
//! Owns `/more`, `/query` and the part of `/help` that is about the client, and which words of other chats
//! it takes for a verb. Only words whose arguments are the same, and that end nothing for good: after
//! `/part` the server says what `/leave` does. Whatever is not known goes to the server, which may be
//! newer. Pure.

use super::answers::{OWN_VERBS, local_help};
use super::interpret::is_quit;
use crate::protocol::command::{find, other_word};
use std::borrow::Cow;

/// Words that are taken for the verb that the table of hints names.
const TAKEN: &[&str] = &[
    "exit",
    "bye",
    "logout",
    "disconnect", // quit
    "commands",
    "h",
    "man", // help
    "list",
    "channels",
    "ls", // rooms
    "names",
    "members",
    "users",
    "people", // who
    "whois",
    "finger",
    "info", // profile
    "afk",
    "brb", // away
    "j",
    "enter", // join
    "go",
    "goto",
    "buffer",
    "win",
    "window", // switch
    "w",
    "whisper",
    "tell",
    "dm",
    "pm",
    "privmsg",
    "notice", // msg
    "action",
    "emote", // me
    "re",
    "answer", // reply
    "chats",
    "inbox",
    "unread", // conversations
    "find",
    "grep", // search
    "backlog",
    "scrollback", // history
    "highlights",
    "hilight", // mentions
    "pinned",  // pins
];

/// What a line means to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meant<'a> {
    /// This line.
    Line(Cow<'a, str>),
    /// `/more`.
    More,
    /// `/help` about something that the client knows itself: as a command and rows of an answer.
    Help { command: String, rows: Vec<String> },
}

/// What a typed line means.
#[must_use]
pub(super) fn meant(line: &str) -> Meant<'_> {
    let as_it_is = Meant::Line(Cow::Borrowed(line));
    let Some(typed) = line.strip_prefix('/').filter(|typed| typed.starts_with(|c: char| c.is_ascii_alphabetic()))
    else {
        return as_it_is;
    };
    let (word, rest) = typed.split_at(typed.find(' ').unwrap_or(typed.len()));
    let word = word.to_ascii_lowercase();
    let asked = rest.trim_matches(' ');
    match word.as_str() {
        "more" if asked.is_empty() => Meant::More,
        "help" => match local_help(asked) {
            Some(rows) => Meant::Help { command: format!("help {asked}"), rows },
            None => as_it_is,
        },
        "query" | "q" if asked.is_empty() => meant("/help query"),
        "query" | "q" => Meant::Line(Cow::Owned(query(asked))),
        // It takes no text: what follows would say that one is away.
        "back" => Meant::Line(Cow::Borrowed("/away")),
        taken if TAKEN.contains(&taken) && find(taken).is_none() => match other_word(taken) {
            Some(verb) => Meant::Line(Cow::Owned(format!("/{}{rest}", verb.name))),
            None => as_it_is,
        },
        _ => as_it_is,
    }
}

/// Whether a line is a command that the server does not know, and the client does.
#[must_use]
pub(super) fn knows(line: &str) -> bool {
    let word = line.strip_prefix('/').and_then(|typed| typed.split(' ').next()).unwrap_or_default();
    let word = word.to_ascii_lowercase();
    let is_own = OWN_VERBS.iter().any(|own| own.name == word) || matches!(word.as_str(), "q" | "back");
    is_own || TAKEN.contains(&word.as_str())
}

/// Whether a line leaves the client, which the main thread does.
#[must_use]
pub(super) fn leaves(line: &str) -> bool {
    matches!(meant(line), Meant::Line(line) if is_quit(&line))
}

/// `/query NAME`, and what it says if there is more.
fn query(asked: &str) -> String {
    match asked.split_once(' ') {
        Some((name, text)) => format!("/msg {name} {text}"),
        None => format!("/switch @{}", asked.trim_start_matches('@')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(typed: &str) -> String {
        match meant(typed) {
            Meant::Line(line) => line.into_owned(),
            other => panic!("{typed}: {other:?}"),
        }
    }

    #[test]
    fn words_of_other_chats_are_taken() {
        for (typed, means) in [
            ("/exit", "/quit"),
            ("/names", "/who"),
            ("/NAMES ops", "/who ops"),
            ("/list", "/rooms"),
            ("/whois bob", "/profile bob"),
            ("/w bob  lunch?", "/msg bob  lunch?"),
            ("/notice bob hi", "/msg bob hi"),
            ("/afk on a train", "/away on a train"),
            ("/back from lunch", "/away"),
            ("/j ops", "/join ops"),
            ("/grep pump", "/search pump"),
            ("/query bob", "/switch @bob"),
            ("/q @bob ", "/switch @bob"),
            ("/query bob lunch?", "/msg bob lunch?"),
        ] {
            assert_eq!(line(typed), means);
        }
    }

    #[test]
    fn there_are_several_words_for_leaving() {
        assert!(leaves("/quit") && leaves("/exit") && leaves("/BYE") && !leaves("/part") && !leaves("exit"));
    }

    #[test]
    fn other_lines_stay() {
        for typed in [
            "hello",
            "/ names",
            "//names",
            "/part",
            "/nick bob",
            "/delete 1",
            "/who ops",
            "/more rooms",
            "/frobnicate",
            "/",
            "",
        ] {
            assert_eq!(line(typed), typed);
        }
    }

    #[test]
    fn what_the_client_knows_itself_is_not_asked() {
        assert_eq!(meant("/more "), Meant::More);
        assert!(matches!(meant("/help keys"), Meant::Help { .. }));
        assert!(matches!(meant("/help  /query"), Meant::Help { command, .. } if command == "help /query"));
        assert_eq!(line("/help reply"), "/help reply");
        assert_eq!(line("/help"), "/help");
        assert!(matches!(meant("/query"), Meant::Help { command, .. } if command == "help query"));
    }

    #[test]
    fn every_word_that_is_taken_has_its_verb() {
        for word in TAKEN {
            assert!(find(word).is_none() && other_word(word).is_some(), "{word}");
        }
    }
}
