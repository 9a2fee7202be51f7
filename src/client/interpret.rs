//! What the user means by a line, and what an answered command changes for the client.
//!
//! Pure. Texts become posts with a key, so that they can be repeated; commands go to the server as
//! typed, also those that this version does not know: the server may be newer.

use super::known_names::KnownNames;
use crate::protocol::command::{Command, Input, LINE_MAX, Setting, label_of, parse_line};
use crate::protocol::names::{RoomName, Target};

/// Bytes that a label of the client's and its frame take at most: `/@c` and a number, a space.
const LABEL_ROOM: usize = 24;

/// What the client adds to `/help`.
pub const KEYS_HELP: &[&str] = &[
    "in this client: Tab completes commands, rooms and names; Up and Ctrl-R find what you typed before",
    "Ctrl-C drops the line, Ctrl-D or /quit leaves; // at the start of a line says a /",
];

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interpretation {
    /// An empty line.
    Nothing,
    /// Say this.
    Post {
        /// Where.
        target: Target,
        /// Once, under this key.
        key: String,
        /// What.
        text: String,
    },
    /// Send this, without slash and label.
    Command(String),
    /// It can't be sent.
    Refused {
        /// As the server would call it.
        code: &'static str,
        /// What to do.
        text: String,
    },
}

/// Reads a line that was typed while `room` was the current one.
pub fn interpret(line: &str, room: Option<&RoomName>, new_key: impl FnOnce() -> String) -> Interpretation {
    let refused = |code, text: &str| Interpretation::Refused { code, text: text.to_owned() };
    if line.contains(['\n', '\r']) {
        return refused("bad-text", "a line has no line ends in it");
    }
    let meant = match parse_line(line) {
        Input::Nothing => return Interpretation::Nothing,
        Input::Text(text) => match room {
            Some(room) => Interpretation::Post { target: Target::Room(*room), key: new_key(), text: text.to_owned() },
            None => return refused("no-room", "you are in no room now. /rooms lists them, /join ROOM enters one."),
        },
        Input::Command { verb: Ok(verb), rest, .. } => match verb.parse(rest) {
            Ok(Command::Say { target, key: None, text }) => {
                Interpretation::Post { target, key: new_key(), text: text.as_str().to_owned() }
            }
            Ok(Command::Set(Setting::Tags(_) | Setting::Deflate(_))) => {
                return refused("not-allowed", "this client needs tags and deflate as they are");
            }
            // Also where the arguments look wrong: the server's refusal is the one that counts.
            _ => Interpretation::Command(format!("{}{rest}", verb.name)),
        },
        Input::Command { verb: Err(_), .. } => Interpretation::Command(without_label(line).to_owned()),
    };
    let length = match &meant {
        Interpretation::Post { target, key, text } => format!("post {target} {key} ").len() + text.len(),
        Interpretation::Command(command) => command.len(),
        _ => 0,
    };
    if length + LABEL_ROOM > LINE_MAX {
        let text = format!("{} bytes are more than one line may have. Nothing was sent.", line.len());
        return Interpretation::Refused { code: "line-too-long", text };
    }
    meant
}

/// The command behind the slash and the user's own label, if there is one.
fn without_label(line: &str) -> &str {
    let behind = match label_of(line.as_bytes()) {
        Some(label) => &line["/@ ".len() + label.len()..],
        None => &line["/".len()..],
    };
    behind.trim_start_matches(' ')
}

/// Whether a line leaves the client: that is between the user and the main thread.
#[must_use]
pub fn is_quit(line: &str) -> bool {
    matches!(parse(line), Some(Command::Quit))
}

/// Whether a typed line holds, or leads to, a secret: it is kept out of what is remembered.
#[must_use]
pub fn is_secret(line: &str) -> bool {
    let Input::Command { verb: Ok(verb), .. } = parse_line(line.trim_start()) else {
        // A mistyped /login may hold a password.
        return line.trim_start().starts_with('/') && !matches!(parse_line(line.trim_start()), Input::Text(_));
    };
    matches!(verb.name, "login" | "register" | "resume" | "passwd" | "resetpw")
}

/// The room that a command makes the current one; refused, it leaves none.
#[must_use]
pub fn enters_room(command: &str) -> Option<RoomName> {
    match parse(&format!("/{command}"))? {
        Command::Join(room) | Command::Switch(room) => Some(room),
        _ => None,
    }
}

/// The room that a command leaves.
#[must_use]
pub fn leaves_room(command: &str) -> Option<RoomName> {
    match parse(&format!("/{command}"))? {
        Command::Leave(room) => Some(room),
        _ => None,
    }
}

/// The conversation whose unread lines a command shows, or marks as read.
#[must_use]
pub fn catches_up(command: &str) -> Option<Target> {
    match parse(&format!("/{command}"))? {
        Command::History { target: Some(target), .. } | Command::Read { target, .. } => Some(target),
        _ => None,
    }
}

/// The option that a command sets, where the user may: tags and deflate are the client's own.
#[must_use]
pub fn sets_option(command: &str) -> Option<&'static str> {
    match parse(&format!("/{command}"))? {
        Command::Set(Setting::Echo(_)) => Some("echo"),
        Command::Set(Setting::Presence(_)) => Some("presence"),
        Command::Set(Setting::Replay(_)) => Some("replay"),
        _ => None,
    }
}

/// Whether a command is `/help` without an argument.
#[must_use]
pub fn is_help(command: &str) -> bool {
    matches!(parse(&format!("/{command}")), Some(Command::Help(None)))
}

/// Whether a command changes the password.
#[must_use]
pub fn is_passwd(command: &str) -> bool {
    matches!(parse(&format!("/{command}")), Some(Command::Passwd))
}

/// Learns the names in a row of an answer.
pub fn learn_row(command: &str, row: &str, names: &KnownNames) {
    let word = row.split(' ').next().unwrap_or_default();
    match parse(&format!("/{command}")) {
        Some(Command::Rooms { .. }) => names.room(word),
        Some(Command::Who(_)) => names.person(word),
        Some(Command::Conversations) if word.starts_with('@') => names.person(word),
        Some(Command::Conversations) => names.room(word),
        _ => {}
    }
}

fn parse(line: &str) -> Option<Command> {
    match parse_line(line) {
        Input::Command { verb: Ok(verb), rest, .. } => verb.parse(rest).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(line: &str) -> Interpretation {
        interpret(line, Some(&RoomName::lobby()), || "key".to_owned())
    }

    fn post(target: &str, text: &str) -> Interpretation {
        Interpretation::Post { target: Target::parse(target).unwrap(), key: "key".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn texts_become_posts_and_commands_stay() {
        assert_eq!(meant("hello  bob"), post("lobby", "hello  bob"));
        assert_eq!(meant("//etc"), post("lobby", "/etc"));
        assert_eq!(meant("/msg Bob lunch?"), post("@Bob", "lunch?"));
        assert_eq!(meant("/say ops hi"), post("ops", "hi"));
        assert_eq!(meant("  "), Interpretation::Nothing);
        assert!(is_quit("/QUIT") && is_quit("/@x quit") && !is_quit("//quit"));
        assert_eq!(meant("/join #Ops"), Interpretation::Command("join #Ops".to_owned()));
        assert_eq!(meant("/@mine who  ops"), Interpretation::Command("who  ops".to_owned()));
        assert_eq!(meant("/@mine frobnicate x"), Interpretation::Command("frobnicate x".to_owned()));
        assert_eq!(meant("/history limit=x"), Interpretation::Command("history limit=x".to_owned()));
        assert_eq!(meant("/"), Interpretation::Command(String::new()));
    }

    #[test]
    fn what_can_not_be_sent_is_said_at_once() {
        let code = |line: &str, room: Option<&RoomName>| match interpret(line, room, || "key".to_owned()) {
            Interpretation::Refused { code, .. } => code,
            other => panic!("{other:?}"),
        };
        let lobby = RoomName::lobby();
        assert_eq!(code("hello", None), "no-room");
        assert_eq!(code(&"a".repeat(LINE_MAX), Some(&lobby)), "line-too-long");
        assert_eq!(code("/set tags off", Some(&lobby)), "not-allowed");
        assert_eq!(code("a\nb", Some(&lobby)), "bad-text");
    }

    #[test]
    fn secrets_are_not_remembered() {
        for line in ["/login a b", " /LOGIN a b", "/@x resume t", "/register a b", "/passwd", "/lgoin a b", "/"] {
            assert!(is_secret(line), "{line}");
        }
        for line in ["hello", "/join ops", "//login a b", ""] {
            assert!(!is_secret(line), "{line}");
        }
    }
}
