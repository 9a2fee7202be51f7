//! What the user means by a line, and what an answered command changes for the client.
//!
//! Pure. Messages become `/post`s with a key, so that they can be sent again; commands go to the
//! server as typed, even those that this version does not know: the server may be newer.

use super::known_names::KnownNames;
use super::own_verbs;
use crate::protocol::command::{
    AfterRoom, Command, HistoryPart, Input, LINE_MAX, PersonalCommand, RoomWord, Setting, Verb, label_of, parse_line,
};
use crate::protocol::names::{RoomName, Target, UserName};

/// The most bytes of the client's label: `/@c`, a number and a space.
const LABEL_ROOM: usize = 24;

/// What the client adds to `/help`.
pub(super) const KEYS_HELP: &[&str] = &[
    "in this client: Tab completes commands, rooms and names; Up and Ctrl-R find earlier lines",
    "Ctrl-C clears the line, Ctrl-D or /quit leaves; to say a line that begins with /, type // instead",
];

const NO_ROOM: &str = "you're not in a room. /rooms lists them, /join ROOM enters one.";

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Interpretation {
    /// An empty line.
    Nothing,
    /// Say this.
    Post {
        target: Target,
        /// The key under which it is said only once.
        key: String,
        text: String,
    },
    /// Send this command, which is without slash and label.
    Command(String),
    /// It can't be sent.
    Refused {
        /// The code that the server would use.
        code: &'static str,
        /// Why, and what to do.
        text: String,
    },
}

/// Interprets a line that was entered while `current` was the current conversation.
pub(super) fn interpret(
    line: &str,
    current: Option<&Target>,
    names: &KnownNames,
    new_key: impl FnOnce() -> String,
) -> Interpretation {
    let refused = |code, text: &str| Interpretation::Refused { code, text: text.to_owned() };
    if line.contains(['\n', '\r']) {
        return refused("bad-text", "a message is one line, without line ends in it");
    }
    let interpreted = match parse_line(line) {
        Input::Nothing => return Interpretation::Nothing,
        Input::Text(text) => match current {
            Some(target) => Interpretation::Post { target: target.clone(), key: new_key(), text: text.to_owned() },
            None => return refused("no-room", NO_ROOM),
        },
        // The server's current room is not always this client's current conversation, so it is named.
        Input::Command { verb: Ok(verb), rest, .. } if verb.name == "me" => match current {
            Some(target) => Interpretation::Command(format!("act {target}{rest}")),
            None => return refused("no-room", NO_ROOM),
        },
        Input::Command { verb: Ok(verb), rest, .. } if leaves_target_out(verb, rest) => match current {
            Some(target) => Interpretation::Command(format!("{} {target}{rest}", verb.name)),
            None => return refused("no-room", NO_ROOM),
        },
        Input::Command { verb: Ok(verb), rest, .. } => match verb.parse(rest) {
            Ok(Command::Say { target, key: None, text }) => {
                Interpretation::Post { target, key: new_key(), text: text.as_str().to_owned() }
            }
            Ok(Command::Set(Setting::Tags(_) | Setting::Deflate(_))) => {
                return refused("not-allowed", "this client manages tags and deflate itself.");
            }
            // Even if the arguments look wrong: the server decides.
            _ => {
                let with_room = match current {
                    Some(Target::Room(room)) if leaves_room_out(verb, rest, names) => {
                        Some(Verb::with_room(room.as_str(), rest))
                    }
                    Some(person @ Target::Direct(_)) if about_a_room(verb, rest) => {
                        let text = format!("you're talking with {person}, and this is about a room: name it.");
                        return refused("no-room", &text);
                    }
                    _ => None,
                };
                Interpretation::Command(format!("{}{}", verb.name, with_room.as_deref().unwrap_or(rest)))
            }
        },
        Input::Command { verb: Err(_), .. } => Interpretation::Command(without_label(line).to_owned()),
    };
    let length = match &interpreted {
        Interpretation::Post { target, key, text } => format!("post {target} {key} ").len() + text.len(),
        Interpretation::Command(command) => command.len(),
        _ => 0,
    };
    if length + LABEL_ROOM > LINE_MAX {
        let most = line.len().saturating_sub(length + LABEL_ROOM - LINE_MAX);
        let text = format!("that line is {} bytes, and the limit here is {most}. Nothing was sent.", line.len());
        return Interpretation::Refused { code: "line-too-long", text };
    }
    interpreted
}

/// Whether a command is about the current conversation without naming it.
fn leaves_target_out(verb: &Verb, rest: &str) -> bool {
    use Command::{Changes, History, Pins};
    matches!(verb.parse(rest), Ok(History { target: None, .. } | Changes { target: None, .. } | Pins(None)))
}

/// Whether a command is about the current room, surely.
fn about_a_room(verb: &Verb, rest: &str) -> bool {
    verb.room_word(rest) == RoomWord::LeftOut || matches!(verb.parse(rest), Ok(Command::Who { room: None, .. }))
}

/// Whether a command is about the current room without naming it. The server takes this client for a
/// program, whose ROOM it never guesses, so the client names the room; it has heard of all that the user
/// is in. A lone word that may be a text or a room stays as it is, and the server says what to type.
fn leaves_room_out(verb: &Verb, rest: &str, names: &KnownNames) -> bool {
    match verb.room_word(rest) {
        RoomWord::Named => false,
        RoomWord::LeftOut => true,
        RoomWord::Unclear { word, alone } => {
            let text_alone = alone && verb.after_room == Some(AfterRoom::Text) && word != "-";
            !text_alone && !names.is_like_a_room(word)
        }
    }
}

/// The command after the slash and the user's own label, if there is one.
fn without_label(line: &str) -> &str {
    let behind = match label_of(line.as_bytes()) {
        Some(label) => &line["/@ ".len() + label.len()..],
        None => &line["/".len()..],
    };
    behind.trim_start_matches(' ')
}

/// Whether a line leaves the client, which the main thread handles.
#[must_use]
pub(super) fn is_quit(line: &str) -> bool {
    matches!(parse(line), Some(Command::Quit))
}

/// Whether a line contains a secret, or is followed by one: it is kept out of the history file.
#[must_use]
pub(super) fn is_secret(line: &str) -> bool {
    let Input::Command { verb: Ok(verb), .. } = parse_line(line.trim_start()) else {
        // A mistyped /login may contain a password.
        let line = line.trim_start();
        return line.starts_with('/') && !matches!(parse_line(line), Input::Text(_)) && !own_verbs::knows(line);
    };
    matches!(verb.name, "login" | "register" | "resume" | "passwd" | "recover" | "unregister")
}

/// The room that a command makes current.
#[must_use]
pub(super) fn enters_room(command: &str) -> Option<RoomName> {
    match parse(&format!("/{command}"))? {
        Command::Join(room) | Command::Switch(room) => Some(room),
        _ => None,
    }
}

/// The room that a command leaves.
#[must_use]
pub(super) fn leaves_room(command: &str) -> Option<RoomName> {
    match parse(&format!("/{command}"))? {
        Command::Leave(room) => Some(room),
        _ => None,
    }
}

/// The conversation whose unread messages a command shows or marks as read.
#[must_use]
pub(super) fn catches_up(command: &str) -> Option<Target> {
    match parse(&format!("/{command}"))? {
        Command::History { target: Some(target), part: HistoryPart::Between { before: None, times, .. }, .. }
            if times.is_all() =>
        {
            Some(target)
        }
        Command::Read { target, .. } => Some(target),
        _ => None,
    }
}

/// Whom a command ignores from now on, or not any more.
#[must_use]
pub(super) fn ignores(command: &str) -> Option<(UserName, bool)> {
    match parse(&format!("/{command}"))? {
        Command::Personal(PersonalCommand::Ignore(name)) => Some((name, true)),
        Command::Personal(PersonalCommand::Unignore(name)) => Some((name, false)),
        _ => None,
    }
}

/// The conversation in which a command says or changes something.
#[must_use]
pub(super) fn tells(command: &str) -> Option<Target> {
    match parse(&format!("/{command}"))? {
        Command::Say { target, .. }
        | Command::Act { target: Some(target), .. }
        | Command::Reply { target, .. }
        | Command::Edit { target, .. }
        | Command::Update { target, .. }
        | Command::Redact { target, .. }
        | Command::React { target, .. }
        | Command::Pin { target, .. } => Some(target),
        _ => None,
    }
}

/// Whether a command has a text in it that somebody wrote for others, also if its arguments are not valid.
#[must_use]
pub(super) fn says(command: &str) -> bool {
    const VERBS: [&str; 4] = ["say", "act", "reply", "edit"];
    command.split_once(' ').is_some_and(|(verb, _)| VERBS.iter().any(|says| says.eq_ignore_ascii_case(verb)))
}

/// The message that a command changes, if it names one.
#[must_use]
pub(super) fn changes(command: &str) -> Option<u64> {
    match parse(&format!("/{command}"))? {
        Command::Edit { id, .. } | Command::Redact { id, .. } | Command::React { id, .. } | Command::Pin { id, .. } => {
            Some(id.value())
        }
        _ => None,
    }
}

/// Whether a command makes a room.
#[must_use]
pub(super) fn makes_room(command: &str) -> bool {
    matches!(parse(&format!("/{command}")), Some(Command::Create { .. }))
}

/// The option that a command sets, if it is the user's to set: the client manages tags and deflate.
#[must_use]
pub(super) fn sets_option(command: &str) -> Option<&'static str> {
    match parse(&format!("/{command}"))? {
        Command::Set(Setting::Echo(_)) => Some("echo"),
        Command::Set(Setting::Presence(_)) => Some("presence"),
        Command::Set(Setting::Replay(_)) => Some("replay"),
        _ => None,
    }
}

/// Whether a command lists the conversations.
#[must_use]
pub(super) fn lists_conversations(command: &str) -> bool {
    matches!(parse(&format!("/{command}")), Some(Command::Conversations))
}

/// Whether a command is `/help` without an argument.
#[must_use]
pub(super) fn is_help(command: &str) -> bool {
    matches!(parse(&format!("/{command}")), Some(Command::Help(None)))
}

/// Whether a command changes the password.
#[must_use]
pub(super) fn is_passwd(command: &str) -> bool {
    matches!(parse(&format!("/{command}")), Some(Command::Passwd))
}

/// Learns the name in a row of an answer.
pub(super) fn learn_row(command: &str, row: &str, names: &KnownNames) {
    let word = row.split(' ').next().unwrap_or_default();
    match parse(&format!("/{command}")) {
        Some(Command::Rooms { .. }) => names.room(word),
        Some(Command::Who { .. }) => names.person(word),
        Some(Command::Conversations) if word.starts_with('@') => names.person(word),
        Some(Command::Conversations) => names.room(word),
        _ => {}
    }
}

/// Learns the room that a command has made: it may be named in the next line.
pub(super) fn learn_done(command: &str, names: &KnownNames) {
    if let Some(Command::Create { room, .. }) = parse(&format!("/{command}")) {
        names.room(room.as_str());
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

    fn lobby() -> Target {
        Target::Room(RoomName::lobby())
    }

    fn interpreted(line: &str) -> Interpretation {
        interpret(line, Some(&lobby()), &KnownNames::default(), || "key".to_owned())
    }

    fn post(target: &str, text: &str) -> Interpretation {
        Interpretation::Post { target: Target::parse(target).unwrap(), key: "key".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn messages_become_posts_and_commands_stay() {
        assert_eq!(interpreted("hello  bob"), post("lobby", "hello  bob"));
        assert_eq!(interpreted("//etc"), post("lobby", "/etc"));
        assert_eq!(interpreted("/msg Bob lunch?"), post("@Bob", "lunch?"));
        assert_eq!(interpreted("/say ops hi"), post("ops", "hi"));
        assert_eq!(interpreted("  "), Interpretation::Nothing);
        assert!(is_quit("/QUIT") && is_quit("/@x quit") && !is_quit("//quit"));
        assert_eq!(interpreted("/join #Ops"), Interpretation::Command("join #Ops".to_owned()));
        assert_eq!(interpreted("/@mine who  ops"), Interpretation::Command("who  ops".to_owned()));
        assert_eq!(interpreted("/@mine frobnicate x"), Interpretation::Command("frobnicate x".to_owned()));
        assert_eq!(interpreted("/history limit=x"), Interpretation::Command("history limit=x".to_owned()));
        assert_eq!(interpreted("/"), Interpretation::Command(String::new()));
    }

    #[test]
    fn a_command_about_the_current_room_names_it() {
        let names = KnownNames::default();
        ["lobby", "ops"].iter().for_each(|room| names.room(room));
        let sent = |line: &str| match interpret(line, Some(&lobby()), &names, || "key".to_owned()) {
            Interpretation::Command(command) => command,
            other => panic!("{other:?}"),
        };
        assert_eq!(sent("/leave"), "leave #lobby");
        assert_eq!(leaves_room(&sent("/leave")), Some(RoomName::lobby()));
        assert_eq!(sent("/invite bob"), "invite #lobby bob");
        assert_eq!(sent("/invite ops bob"), "invite ops bob");
        assert_eq!(sent("/kick bob flooding"), "kick #lobby bob flooding");
        assert_eq!(sent("/kick ops bob"), "kick ops bob");
        assert_eq!(sent("/topic  the house  rules"), "topic #lobby  the house  rules");
        assert_eq!(sent("/topic -"), "topic #lobby -");
        assert_eq!(sent("/me waves"), "act lobby waves");
        assert_eq!(sent("/history limit=5"), "history lobby limit=5");
        assert_eq!(sent("/pins"), "pins lobby");
        assert_eq!(sent("/history @bob limit=5"), "history @bob limit=5");
        // These name a room, or the server says what to type.
        for as_typed in ["topic ops the pumps", "topic lobb the rules", "topic rules", "join", "frobnicate bob"] {
            assert_eq!(sent(&format!("/{as_typed}")), as_typed);
        }
        let nowhere = interpret("/leave", None, &names, || "key".to_owned());
        assert_eq!(nowhere, Interpretation::Command("leave".to_owned()));
    }

    #[test]
    fn with_a_person_nothing_is_about_a_room_by_accident() {
        let (bob, names) = (Target::parse("@bob").unwrap(), KnownNames::default());
        names.room("lobby");
        let meant = |line: &str| interpret(line, Some(&bob), &names, || "key".to_owned());
        assert_eq!(meant("lunch?"), post("@bob", "lunch?"));
        assert_eq!(meant("/me bows"), Interpretation::Command("act @bob bows".to_owned()));
        assert_eq!(meant("/history"), Interpretation::Command("history @bob".to_owned()));
        for line in ["/leave", "/who", "/topic", "/invite carol"] {
            assert!(matches!(meant(line), Interpretation::Refused { code: "no-room", .. }), "{line}");
        }
        assert_eq!(meant("/leave lobby"), Interpretation::Command("leave lobby".to_owned()));
    }

    #[test]
    fn a_room_that_was_made_is_known() {
        let names = KnownNames::default();
        learn_done("create ops private", &names);
        learn_done("topic lobby x", &names);
        assert!(names.has_room("ops") && !names.has_room("lobby"));
    }

    #[test]
    fn a_line_that_can_not_be_sent_is_refused() {
        let code = |line: &str, room: Option<&Target>| match interpret(line, room, &KnownNames::default(), || {
            "key".to_owned()
        }) {
            Interpretation::Refused { code, .. } => code,
            other => panic!("{other:?}"),
        };
        let lobby = lobby();
        assert_eq!(code("hello", None), "no-room");
        assert_eq!(code(&"a".repeat(LINE_MAX), Some(&lobby)), "line-too-long");
        assert_eq!(code("/set tags off", Some(&lobby)), "not-allowed");
        assert_eq!(code("a\nb", Some(&lobby)), "bad-text");
        let long =
            |bytes: usize| interpret(&"a".repeat(bytes), Some(&lobby), &KnownNames::default(), || "key".to_owned());
        let most = LINE_MAX - LABEL_ROOM - "post lobby key ".len();
        assert!(matches!(long(most), Interpretation::Post { .. }));
        let told = format!("that line is 4000 bytes, and the limit here is {most}. Nothing was sent.");
        assert_eq!(long(4000), Interpretation::Refused { code: "line-too-long", text: told });
    }

    #[test]
    fn secrets_are_recognised() {
        for line in
            ["/login a b", " /LOGIN a b", "/@x resume t", "/register a b", "/passwd", "/recover a b", "/lgoin a b", "/"]
        {
            assert!(is_secret(line), "{line}");
        }
        for line in ["hello", "/join ops", "//login a b", "", "/query bob", "/more", "/w bob hi", "/names"] {
            assert!(!is_secret(line), "{line}");
        }
    }
}
