//! The two protocols: how a line is sent, what a delivery looks like, and what is checked in it.

use clap::ValueEnum;
use std::io::Write as _;

/// The wire to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// ChitChat's own.
    Chitchat,
    /// RFC 1459 and its successors.
    Irc,
}

impl Protocol {
    /// The word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Chitchat => "chitchat",
            Protocol::Irc => "irc",
        }
    }
}

/// What a sender puts into a text so that its receivers can check it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The sender's number in the whole run.
    pub sender: u32,
    /// The line's number among those of the sender, from 0.
    pub serial: u32,
    /// When the line was due, in nanoseconds since the swarm began.
    pub due: u64,
}

impl Stamp {
    fn encode(self, bytes: usize, out: &mut Vec<u8>) {
        let start = out.len();
        // Writing to a Vec can't fail.
        let _ = write!(out, "~ {} {} {} ", self.sender, self.serial, self.due);
        let written = out.len() - start;
        out.extend((written..bytes).map(|at| b'a' + (at % 26) as u8));
    }

    /// Reads a text of exactly this many bytes.
    fn parse(text: &[u8], bytes: usize) -> Option<Self> {
        let mut rest = text.strip_prefix(b"~ ")?;
        let mut number = || {
            let end = rest.iter().position(|&b| b == b' ')?;
            let mut value = 0u64;
            for &digit in &rest[..end] {
                value = value.checked_mul(10)?.checked_add(u64::from(digit.checked_sub(b'0').filter(|&d| d < 10)?))?;
            }
            rest = &rest[end + 1..];
            Some(value)
        };
        let (sender, serial, due) = (number()?, number()?, number()?);
        let at = text.len() - rest.len();
        let whole = text.len() == bytes && rest.iter().zip(at..).all(|(&byte, at)| byte == b'a' + (at % 26) as u8);
        let stamp = Self { sender: sender.try_into().ok()?, serial: serial.try_into().ok()?, due };
        whole.then_some(stamp)
    }
}

/// What a line from the server means to a run.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A line of a sender, in that room.
    Said(&'a [u8], Stamp),
    /// A message that no sender sent.
    Garbled,
    /// The server expects this answer.
    Answer(Vec<u8>),
    /// The command was refused, or the server complains.
    Refused,
    /// Anything else.
    Other,
}

/// How a line is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// ChitChat's bare text, in the room joined last, which is not answered.
    Bare,
    /// ChitChat's `/say`, which is answered with the line's ID.
    Acknowledged,
    /// IRC's `PRIVMSG`, which is not answered.
    Irc,
}

/// Appends a line that says a stamped text of this many bytes in a room. A text begins with `~`, so
/// that bare text is never a command.
pub fn say(manner: Manner, room: &str, stamp: Stamp, bytes: usize, out: &mut Vec<u8>) {
    // Writing to a Vec can't fail.
    let _ = match manner {
        Manner::Bare => Ok(()),
        Manner::Acknowledged => write!(out, "/say {room} "),
        Manner::Irc => write!(out, "PRIVMSG #{room} :"),
    };
    stamp.encode(bytes, out);
    out.extend_from_slice(match manner {
        Manner::Bare | Manner::Acknowledged => b"\n",
        Manner::Irc => b"\r\n",
    });
}

/// Reads a line without its end.
pub fn hear(protocol: Protocol, line: &[u8], bytes: usize) -> Heard<'_> {
    let said = match protocol {
        Protocol::Chitchat => {
            let body = untagged(line);
            match body.first() {
                Some(b'[') => split(&body[1..], b"] "),
                Some(b'-') => return Heard::Refused,
                _ => return Heard::Other,
            }
            .and_then(|(room, rest)| if rest.starts_with(b"* ") { None } else { Some((room, split(rest, b": ")?.1)) })
        }
        Protocol::Irc => {
            if let Some(token) = line.strip_prefix(b"PING ") {
                return Heard::Answer([b"PONG ", token, b"\r\n"].concat());
            }
            if line.starts_with(b"ERROR ") {
                return Heard::Refused;
            }
            split(line, b" PRIVMSG #").and_then(|(_, rest)| split(rest, b" :"))
        }
    };
    match said {
        None => Heard::Other,
        Some((room, text)) => Stamp::parse(text, bytes).map_or(Heard::Garbled, |stamp| Heard::Said(room, stamp)),
    }
}

/// A ChitChat line without its tags.
pub fn untagged(line: &[u8]) -> &[u8] {
    if line.first() == Some(&b'@') { split(line, b" ").map_or(line, |(_, body)| body) } else { line }
}

/// The parts before and after the first `mark`.
fn split<'a>(line: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = line.windows(mark.len()).position(|window| window == mark)?;
    Some((&line[..at], &line[at + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_lines_are_recognised_and_a_changed_byte_is_noticed() {
        let stamp = Stamp { sender: 7, serial: 12, due: 123_456_789 };
        for (manner, said) in [(Manner::Bare, ""), (Manner::Acknowledged, "/say r "), (Manner::Irc, "PRIVMSG #r :")] {
            let mut sent = Vec::new();
            say(manner, "r", stamp, 64, &mut sent);
            let text = sent.iter().position(|&b| b == b'~').unwrap();
            assert_eq!(&sent[..text], said.as_bytes());
            let (protocol, before) = match manner {
                Manner::Irc => (Protocol::Irc, ":u7!u@h PRIVMSG #r :"),
                _ => (Protocol::Chitchat, "@id=1;at=2 [r] u7: "),
            };
            let mut line = [before.as_bytes(), sent[text..].trim_ascii_end()].concat();
            assert_eq!(hear(protocol, &line, 64), Heard::Said(b"r", stamp));
            assert_eq!(hear(protocol, &line, 65), Heard::Garbled);
            *line.last_mut().unwrap() ^= 1;
            assert_eq!(hear(protocol, &line, 64), Heard::Garbled);
        }
    }

    #[test]
    fn other_lines_are_other() {
        assert_eq!(hear(Protocol::Chitchat, b"@ev=join;who=u1 [r] * u1 joined", 64), Heard::Other);
        assert_eq!(hear(Protocol::Chitchat, b"@id=4 + 4", 64), Heard::Other);
        assert_eq!(hear(Protocol::Chitchat, b"- slow-down: wait", 64), Heard::Refused);
        assert_eq!(hear(Protocol::Chitchat, b"- no-room: you talk in no room just now.", 64), Heard::Refused);
        assert_eq!(hear(Protocol::Irc, b"PING :x", 64), Heard::Answer(b"PONG :x\r\n".to_vec()));
        assert_eq!(hear(Protocol::Irc, b":a!b@c JOIN #r", 64), Heard::Other);
    }
}
