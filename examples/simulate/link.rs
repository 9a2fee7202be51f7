//! A connection as its client knows it: what it has sent, what it was answered, what it must still hear.

use crate::model::{Answer, Conn, Model, Who};
use crate::normal::{self, Heard, fits};
use chitchat::protocol::deflate::Unpacker;
use chitchat::protocol::frame::{Cut, Framer, Frames, Rules};
use chitchat::server::simulation::ClientEnd;
use std::collections::{BTreeMap, VecDeque};

/// The longest line of the server's, without its end.
const LINE_MAX: usize = 8191;

/// A line that was sent and is not answered yet.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    /// What it must be answered, once the server has decided it.
    pub(crate) expected: Option<Answer>,
    /// The stream in which its answer has a place among live lines.
    pub(crate) place: Option<String>,
    /// How much had been decided with it.
    pub(crate) at: u64,
    /// Its rows may show some of what happened after it was decided.
    pub(crate) is_late: bool,
}

/// How a connection comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It does not.
    None,
    /// The client leaves: it is answered all that it has asked.
    Leaving,
    /// The server ends it: what is not answered yet never will be.
    Ended,
    /// It read too slowly: nothing is owed to it any more.
    TooSlow,
}

/// What the client has heard of its own wish to send and receive frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deflate {
    Off,
    Asked,
    On,
}

#[expect(clippy::struct_excessive_bools, reason = "each is one thing that a client knows of its connection")]
pub(crate) struct Link {
    pub(crate) conn: Conn,
    pub(crate) who: Who,
    pub(crate) wire: ClientEnd,
    /// Bytes that are not on their way yet.
    pub(crate) to_send: VecDeque<u8>,
    framer: Framer,
    pub(crate) asked: VecDeque<Asked>,
    /// How many of them are decided.
    pub(crate) decided: usize,
    rows: Vec<String>,
    /// What it must hear, by stream.
    pub(crate) streams: BTreeMap<String, VecDeque<String>>,
    greeted: bool,
    pub(crate) welcomed: bool,
    pub(crate) deflate: Deflate,
    pub(crate) ending: Ending,
    /// The dispatcher knows that it is gone.
    pub(crate) is_detached: bool,
    /// The client has seen its end, or has broken it.
    pub(crate) is_gone: bool,
    /// It has not read all that there was for a while.
    pub(crate) was_slow: bool,
    /// The client's half is closed.
    pub(crate) is_half_closed: bool,
    /// A token that it was shown.
    pub(crate) token: Option<String>,
}

impl Link {
    pub(crate) fn new(conn: Conn, who: Who, wire: ClientEnd) -> Self {
        Self {
            conn,
            who,
            wire,
            to_send: VecDeque::new(),
            framer: Framer::new(),
            asked: VecDeque::new(),
            decided: 0,
            rows: Vec::new(),
            streams: BTreeMap::new(),
            greeted: false,
            welcomed: false,
            deflate: Deflate::Off,
            ending: Ending::None,
            is_detached: false,
            is_gone: false,
            was_slow: false,
            is_half_closed: false,
            token: None,
        }
    }

    /// Whether it is neither gone nor going.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_gone && self.ending == Ending::None
    }

    /// Whether the client may send lines that need a login.
    pub(crate) fn may_talk(&self) -> bool {
        self.is_open() && self.welcomed && self.deflate != Deflate::Asked && !self.is_half_closed
    }

    /// Notes lines that are about to be sent.
    pub(crate) fn ask(&mut self, line: String) {
        if line == "/set deflate 1" {
            self.deflate = Deflate::Asked;
        }
        self.asked.push_back(Asked { line, expected: None, place: None, at: 0, is_late: false });
    }

    /// What it must hear next in a stream.
    pub(crate) fn tell(&mut self, stream: String, line: String) {
        if line == "the end" {
            self.ending = Ending::Ended;
        } else {
            self.streams.entry(stream).or_default().push_back(line);
        }
    }

    /// Takes up to so many bytes; returns the lines that they ended.
    pub(crate) fn receive(&mut self, most: usize, unpacker: &mut Unpacker) -> Result<Vec<String>, String> {
        let mut bytes = Vec::new();
        self.wire.receive(most, &mut bytes);
        let (mut rest, mut lines) = (bytes.as_slice(), Vec::new());
        loop {
            let frames = if self.deflate == Deflate::Off { Frames::Off } else { Frames::FromServer };
            match self.framer.cut(&mut rest, Rules { line_max: LINE_MAX, frames }) {
                None => return Ok(lines),
                Some(Cut::Line(line)) => {
                    lines.push(String::from_utf8(line.to_vec()).map_err(|_| "a line is not UTF-8".to_owned())?);
                }
                Some(Cut::Frame(header, packed)) => {
                    let plain = unpacker.unpack(header, packed).map_err(|error| format!("a frame: {error}"))?;
                    if let Some(secret) = secret_in(&plain) {
                        return Err(format!("a secret in a frame: {secret}"));
                    }
                    self.framer.unroll(plain);
                }
                Some(other) => return Err(format!("not a line: {other:?}")),
            }
        }
    }

    /// Takes in one line.
    pub(crate) fn hear(&mut self, line: &str) -> Result<(), String> {
        if !std::mem::replace(&mut self.greeted, true) {
            return require(line.starts_with("* ChitChat at "), || format!("a greeting: {line}"));
        }
        match normal::heard(line) {
            Heard::Row(row) => self.rows.push(row),
            Heard::Final(label, last) => return self.answered(&label, last),
            Heard::Live(_, line) if line.starts_with("* slow-down:") => {}
            Heard::Live(_, line) if line.starts_with("* too-slow:") => {
                require(self.was_slow, || "too slow, though it has read all that there was".to_owned())?;
                self.ending = Ending::TooSlow;
                self.streams.clear();
            }
            // Nobody has logged in for two minutes.
            Heard::Live(_, line) if line == "* not-logged-in:" && !self.welcomed => self.ending = Ending::Ended,
            Heard::Live(stream, line) => return self.heard(&stream, &line),
            // That is told when it suits the server.
            Heard::Presence(..) => {}
        }
        Ok(())
    }

    fn heard(&mut self, stream: &str, line: &str) -> Result<(), String> {
        let first_login = self.asked.front().is_some_and(|asked| is_login(&asked.line));
        require(self.welcomed || !first_login || stream == "*", || format!("before its welcome: {line}"))?;
        let expected = self.streams.get_mut(stream).and_then(VecDeque::pop_front);
        if expected.as_deref() == Some(line) {
            return Ok(());
        }
        let expected = expected.unwrap_or_else(|| "nothing".to_owned());
        Err(format!("a live line in {stream}\n  expected: {expected}\n     heard: {line}"))
    }

    fn answered(&mut self, label: &str, last: String) -> Result<(), String> {
        let Some(asked) = self.asked.pop_front() else { return Err(format!("an answer to nothing: {last}")) };
        let Asked { line, expected, place, is_late, .. } = asked;
        let expected = expected.ok_or_else(|| format!("answered before it was decided: {line}\n  {last}"))?;
        self.decided -= 1;
        require(label == "x" || Model::is_console(self.who), || format!("the label of another line: {label} {last}"))?;
        let mut answer = std::mem::take(&mut self.rows);
        if let Some(stream) = place {
            self.heard(&stream, &last)?;
        }
        if line.starts_with("/token new") && last.starts_with("+ t") {
            let token = last.split(' ').nth(1).unwrap_or_default();
            require(secret_in(token.as_bytes()).is_some(), || format!("not a token: {token}"))?;
            self.token = Some(token.to_owned());
        }
        if is_login(&line) && last.starts_with("+ ") {
            self.welcomed = true;
        }
        if line == "/set deflate 1" {
            self.deflate = if last.starts_with("+ ") { Deflate::On } else { Deflate::Off };
        }
        answer.push(last);
        match difference(&expected, &answer, is_late) {
            None => Ok(()),
            Some(what) => Err(format!("the answer to {line}\n{what}")),
        }
    }
}

pub(crate) fn is_login(line: &str) -> bool {
    ["/login ", "/register ", "/resume "].iter().any(|verb| line.starts_with(verb))
}

pub(crate) fn require(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// A token among these lines: `t` and 64 hexadecimal digits.
fn secret_in(lines: &[u8]) -> Option<String> {
    let is_secret = |word: &&[u8]| {
        word.len() == 65 && word[0] == b't' && word[1..].iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
    };
    let mut words = lines.split(|&b| b == b' ' || b == b'\n');
    words.find(is_secret).map(|word| String::from_utf8_lossy(word).into_owned())
}

/// Where an answer is not what it must be. Of the rows of one that came late only those are compared that
/// the time makes no difference to.
fn difference(expected: &Answer, answer: &[String], is_late: bool) -> Option<String> {
    let (rows, last) = (&expected.rows, &expected.last);
    let (got_last, got_rows) = answer.split_last()?;
    let last_fits = if is_late { got_last.starts_with("+ ") } else { fits(last, got_last) };
    let rows_fit =
        is_late || (rows.len() == got_rows.len() && rows.iter().zip(got_rows).all(|(row, got)| fits(row, got)));
    if last_fits && rows_fit {
        return None;
    }
    let first = rows.iter().zip(got_rows).position(|(row, got)| !fits(row, got));
    let from = first.unwrap_or(rows.len().min(got_rows.len())).saturating_sub(1);
    let some = |rows: &[String]| rows.iter().skip(from).take(4).map(|row| format!("\n    {row}")).collect::<String>();
    Some(format!(
        "  expected: {last}, {} rows, from {from}:{}\n       got: {got_last}, {} rows:{}",
        rows.len(),
        some(rows),
        got_rows.len(),
        some(got_rows)
    ))
}
