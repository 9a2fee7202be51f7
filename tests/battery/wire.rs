//! A connection that bears the server's death at any moment, and what its lines say.

use crate::actors::Account;
use crate::support::Client;
use crate::told::{Changed, Said};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Why a client can't go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The server is gone.
    Gone,
    /// It broke a promise.
    Broken(String),
}

pub(crate) type Step<T> = Result<T, Stop>;

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Broken(why)
    }
}

impl From<Stop> for String {
    /// Where the server must be there.
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Gone => "the server is gone".to_owned(),
            Stop::Broken(why) => why,
        }
    }
}

/// A connection of one account, with tags on.
pub(crate) struct Link {
    client: Client,
    pub name: String,
    /// Live lines that came before an answer.
    aside: VecDeque<Line>,
}

/// A line that the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Said(Said),
    Changed(Changed),
    /// A final line: its label, if it has one, and what follows the `+ ` or the `- `.
    Done(String, String),
    Refused(String, String),
    Row(String),
    /// Comings and goings, notices.
    Other(String),
}

/// A read that takes more than 5 s is `busy`, as one may be on a machine that does too much else.
const BUSY_MOST: usize = 5;

impl Link {
    /// Logs in; also says which epoch the server named.
    pub(crate) fn log_in(address: SocketAddr, account: &Account) -> Step<(Self, String)> {
        let Account { name, token } = account;
        let client = Client::try_plain(address).ok_or(Stop::Gone)?;
        let mut link = Self { client, name: name.clone(), aside: VecDeque::new() };
        link.send(&format!("/set tags on\n/@in resume {token}\n"));
        loop {
            let line = link.client.line_or_end().ok_or(Stop::Gone)?;
            if let Some(rest) = line.strip_prefix("+ tags on epoch=") {
                let epoch = rest.split(' ').next().unwrap_or_default().to_owned();
                return match link.answer("in")? {
                    Line::Done(..) => Ok((link, epoch)),
                    other => Err(format!("{name} could not log in: {other:?}").into()),
                };
            }
        }
    }

    pub(crate) fn send(&mut self, lines: &str) {
        self.client.send_anyway(lines.as_bytes());
    }

    /// The next line, those that were set aside first.
    pub(crate) fn next(&mut self) -> Step<Line> {
        match self.aside.pop_front() {
            Some(line) => Ok(line),
            None => self.read(),
        }
    }

    fn read(&mut self) -> Step<Line> {
        let line = self.client.line_or_end().ok_or(Stop::Gone)?;
        Ok(parse(&self.name, &line))
    }

    /// The final line of a command with this label; live lines are set aside.
    fn answer(&mut self, label: &str) -> Step<Line> {
        loop {
            match self.read()? {
                Line::Done(of, text) if of == label => return Ok(Line::Done(of, text)),
                Line::Refused(of, text) if of == label => return Ok(Line::Refused(of, text)),
                line @ (Line::Said(_) | Line::Changed(_)) => self.aside.push_back(line),
                _ => {}
            }
        }
    }

    /// Sends one command and returns its final line.
    pub(crate) fn ask(&mut self, command: &str) -> Step<Line> {
        self.send(&format!("/@ask {command}\n"));
        self.answer("ask")
    }

    /// Sends one command and returns its rows and its final line.
    pub(crate) fn rows(&mut self, command: &str) -> Step<(Vec<String>, String)> {
        let (mut rows, mut busy) = (Vec::new(), 0);
        self.send(&format!("/@rows {command}\n"));
        loop {
            match self.read()? {
                Line::Row(row) => rows.push(row),
                Line::Done(label, text) if label == "rows" => return Ok((rows, text)),
                Line::Refused(label, text) if label == "rows" && text.starts_with("busy: ") && busy < BUSY_MOST => {
                    busy += 1;
                    rows.clear();
                    self.send(&format!("/@rows {command}\n"));
                }
                Line::Refused(label, text) if label == "rows" => return Err(format!("/{command}: {text}").into()),
                line @ (Line::Said(_) | Line::Changed(_)) => self.aside.push_back(line),
                _ => {}
            }
        }
    }

    /// All that a conversation has behind an id, page by page. Each id must be the one that follows.
    pub(crate) fn history(&mut self, target: &str, after: u64) -> Step<Vec<Row>> {
        self.pages("history", target, after, |me, row| Row::parse(me, row).map(|row| (row.said.id, row)))
    }

    /// All changes of a conversation behind a number, likewise.
    pub(crate) fn changes(&mut self, target: &str, after: u64) -> Step<Vec<Changed>> {
        self.pages("changes", target, after, |me, row| change_row(me, row).map(|change| (change.change, change)))
    }

    fn pages<T>(
        &mut self,
        verb: &str,
        target: &str,
        after: u64,
        parse: impl Fn(&str, &str) -> Option<(u64, T)>,
    ) -> Step<Vec<T>> {
        let (mut all, mut last) = (Vec::new(), after);
        loop {
            let (rows, done) = self.rows(&format!("{verb} {target} after={last} limit=1000"))?;
            for row in rows {
                match parse(&self.name, &row) {
                    Some((number, parsed)) if number == last + 1 => all.push(parsed),
                    _ => return Err(format!("/{verb} {target} after={after} gave after {last}: {row}").into()),
                }
                last += 1;
            }
            if !done.contains(", more") {
                return Ok(all);
            }
        }
    }
}

/// A row of `/history` or `/search`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub said: Said,
    /// As it is shown.
    pub time: String,
    pub edited: bool,
}

impl Row {
    /// `TARGET ID TIME AUTHOR[ (MARK, MARK)]: TEXT`, as the account `me` is shown it.
    pub(crate) fn parse(me: &str, row: &str) -> Option<Self> {
        let mut words = row.splitn(4, ' ');
        let (target, id, time) = (canonical(me, words.next()?), words.next()?.parse().ok()?, words.next()?.to_owned());
        let (author, marks, text) = author_and_text(words.next()?)?;
        let has = |mark| marks.split(", ").any(|one| one == mark);
        let (removed, edited) = (has("removed"), has("edited"));
        let said = Said { target, id, author: author.to_owned(), text: text.to_owned(), removed };
        Some(Self { said, time, edited })
    }
}

/// `AUTHOR[ (MARKS)]: TEXT`. None of the marks in this battery holds a `): `.
fn author_and_text(rest: &str) -> Option<(&str, &str, &str)> {
    let (head, text) = rest.split_once(": ")?;
    Some(match head.split_once(" (") {
        Some((author, marks)) => (author, marks.strip_suffix(')')?, text),
        None => (head, "", text),
    })
}

/// `TARGET CHANGE TIME WHO WORD ID[: TEXT]`.
fn change_row(me: &str, row: &str) -> Option<Changed> {
    let mut words = row.splitn(6, ' ');
    let (target, change) = (canonical(me, words.next()?), words.next()?.parse().ok()?);
    let (_time, by, word) = (words.next()?, words.next()?.to_owned(), words.next()?.to_owned());
    let rest = words.next()?;
    let (about, text) = rest.split_once(": ").map_or((rest, None), |(about, text)| (about, Some(text.to_owned())));
    Some(Changed { target, change, by, word, about: about.parse().ok()?, text })
}

/// The same name for a conversation, whoever looks: a room's, or both names of a direct one.
pub(crate) fn canonical(me: &str, target: &str) -> String {
    match target.strip_prefix('@') {
        Some(other) if other < me => format!("{other}+{me}"),
        Some(other) => format!("{me}+{other}"),
        None => target.to_owned(),
    }
}

fn parse(me: &str, line: &str) -> Line {
    let (tags, body) = line.strip_prefix('@').and_then(|rest| rest.split_once(' ')).unwrap_or(("", line));
    let tag = |name: &str| tags.split(';').find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='));
    let label = tag("re").unwrap_or_default().to_owned();
    if let Some(text) = body.strip_prefix("+ ") {
        return Line::Done(label, text.to_owned());
    }
    if let Some(text) = body.strip_prefix("- ") {
        return Line::Refused(label, text.to_owned());
    }
    if let Some(row) = body.strip_prefix("| ") {
        return Line::Row(row.to_owned());
    }
    said(me, &tag, body)
        .map(Line::Said)
        .or_else(|| changed(me, &tag, body).map(Line::Changed))
        .unwrap_or_else(|| Line::Other(line.to_owned()))
}

fn said<'a>(me: &str, tag: &impl Fn(&str) -> Option<&'a str>, body: &str) -> Option<Said> {
    let id = tag("id")?.parse().ok()?;
    let (target, author, text) = if let Some(rest) = body.strip_prefix('[') {
        let (room, rest) = rest.split_once("] ")?;
        let (author, _, text) = author_and_text(rest)?;
        (room.to_owned(), author, text)
    } else {
        let (names, text) = body.strip_prefix('(')?.split_once(") ")?;
        (canonical(me, tag("to")?), names.split_once(" > ")?.0, text)
    };
    Some(Said { target, id, author: author.to_owned(), text: text.to_owned(), removed: false })
}

fn changed<'a>(me: &str, tag: &impl Fn(&str) -> Option<&'a str>, body: &str) -> Option<Changed> {
    let (change, about) = (tag("change")?.parse().ok()?, tag("about")?.parse().ok()?);
    let target = match body.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0.to_owned(),
        None => canonical(me, tag("to")?),
    };
    let text = body.split_once(": ").map(|(_, text)| text.to_owned());
    Some(Changed { target, change, by: tag("who")?.to_owned(), word: tag("ev")?.to_owned(), about, text })
}
