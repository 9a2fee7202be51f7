//! Messages, parsed from a line or from a row of history.
//!
//! Owns the syntax of those rows, and the rule for which conversation a direct message belongs to.
//! Pure.

use super::item::ShownMessage;
use crate::protocol::line::{Body, Line};
use crate::protocol::names::{Target, UserName};
use jiff::Timestamp;

/// Takes the message from a line; `None` if it is another kind of line, or its conversation can't exist.
#[must_use]
pub(super) fn parse_line(line: &Line<'_>, me: Option<&UserName>) -> Option<ShownMessage> {
    let (target, author, to, mark, text) = match line.body {
        Body::RoomMessage { room, author, mark, text } => (Target::parse(room).ok()?, author, None, mark, text),
        Body::DirectMessage { from, to, mark, text } => {
            let other = if is_me(from, me) { to } else { from };
            let target = match line.tags.to {
                Some(tagged) => Target::parse(tagged).ok()?,
                None => UserName::parse(other).ok().map(Target::Direct)?,
            };
            (target, from, Some(to.to_owned()), mark, text)
        }
        _ => return None,
    };
    let own = is_me(author, me);
    Some(ShownMessage {
        target,
        // An event about a message may carry the message's id, but is not a message.
        id: if line.tags.ev.is_some() { None } else { line.tags.id },
        author: author.to_owned(),
        to,
        mark: mark.map(str::to_owned),
        text: text.to_owned(),
        at: line.tags.at,
        own,
        mentions_me: !own && me.is_some_and(|me| line.tags.mentions(me)),
        quote: None,
    })
}

/// Parses a row of history, `TARGET ID TIME AUTHOR[ (mark)]: TEXT`.
#[must_use]
pub(super) fn parse_row(row: &str, me: Option<&UserName>) -> Option<ShownMessage> {
    let mut words = row.splitn(4, ' ');
    let target = Target::parse(words.next()?).ok()?;
    let id = words.next()?.parse().ok()?;
    let at = words.next()?.parse::<Timestamp>().ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    let (head, text) = words.next()?.split_once(": ")?;
    let (author, mark) = match head.split_once(" (") {
        Some((author, mark)) => (author, Some(mark.strip_suffix(')')?.to_owned())),
        None => (head, None),
    };
    let own = is_me(author, me);
    let to = match &target {
        Target::Room(_) => None,
        // Rows name only the other side; what the other side said went to this account.
        Target::Direct(other) => Some(if own { *other } else { *me.unwrap_or(other) }.to_string()),
    };
    Some(ShownMessage {
        target,
        id: Some(id),
        author: author.to_owned(),
        to,
        mark,
        text: text.to_owned(),
        at,
        own,
        mentions_me: false,
        quote: None,
    })
}

/// The message that a message answers, as its marks say.
#[must_use]
pub(super) fn answered(message: &ShownMessage) -> Option<u64> {
    let mark = message.mark.as_deref()?.split(", ").find_map(|mark| mark.strip_prefix("re "))?;
    mark.split(' ').next()?.parse().ok()
}

/// Whether a name is this account's.
#[must_use]
pub(super) fn is_me(name: &str, me: Option<&UserName>) -> bool {
    UserName::parse(name).is_ok_and(|name| Some(&name) == me)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> UserName {
        UserName::parse("alice").unwrap()
    }

    #[test]
    fn rows_and_lines_parse_to_the_same() {
        for (row, line) in [
            ("lobby 7 2026-11-22T09:10:00.000Z bob: a: b", "@id=7;at=1795338600000 [lobby] bob: a: b"),
            ("lobby 8 2026-11-22T09:10:00.000Z bob (edited): x", "@id=8;at=1795338600000 [lobby] bob (edited): x"),
            ("@bob 9 2026-11-22T09:10:00.000Z bob: hi", "@id=9;at=1795338600000;to=@bob (bob > alice) hi"),
            ("@bob 9 2026-11-22T09:10:00.000Z Alice: hi", "@id=9;at=1795338600000;to=@bob (Alice > bob) hi"),
        ] {
            let row = parse_row(row, Some(&me())).unwrap();
            assert_eq!(parse_line(&Line::parse(line).unwrap(), Some(&me())), Some(row), "{line}");
        }
    }

    #[test]
    fn a_direct_message_belongs_to_the_other_side_even_without_a_tag() {
        for line in ["@id=1 (alice > bob) x", "@id=1 (bob > alice) x", "@id=1;to=@bob (bob > alice) x"] {
            let said = parse_line(&Line::parse(line).unwrap(), Some(&me())).unwrap();
            assert_eq!(said.target, Target::parse("@bob").unwrap(), "{line}");
        }
        let server = parse_line(&Line::parse("@id=1;to=@server (server > alice) x").unwrap(), Some(&me())).unwrap();
        assert_eq!(server.target, Target::parse("@server").unwrap());
    }

    #[test]
    fn other_rows_are_not_messages() {
        for row in ["", "lobby", "lobby x y z", "lobby 1 now bob", "b!d 1 2026-11-22T09:10:00Z bob: x"] {
            assert_eq!(parse_row(row, None), None, "{row}");
        }
        assert_eq!(parse_row("lobby 1 sometime bob: x", None).unwrap().at, None);
    }
}
