//! What everybody must see. The server's journal says in which order it took lines, and which turns it
//! stored; the model of `tests/model`, which was written from `docs/PROTOCOL.md`, says what each of them
//! must be answered and who must be told what.

use crate::link::{Ending, Link, is_login};
use crate::model::retention::Keep;
use crate::model::{Answer, Conn, Model, Told, Who, own_place};
use chitchat::protocol::names::{ConnId, MessageId};
use chitchat::server::simulation::{Dropped, Entry};
use std::collections::BTreeMap;

pub(crate) const PASSWORD: &str = "correct horse battery";
/// Questions whose answers come from a reader, which may be late.
const READS: [&str; 8] =
    ["/history ", "/search", "/mentions", "/export", "/changes ", "/pins ", "/conversations", "/audit"];

pub(crate) struct Oracle {
    pub(crate) model: Model,
    pub(crate) links: BTreeMap<Conn, Link>,
    /// The accounts that there are, by name.
    names: Vec<&'static str>,
    /// What was taken since the last turn was stored or refused.
    turn: Vec<Entry>,
    /// When, by the steady clock.
    turn_at: u64,
    /// The latest time that a message can have: the system's clock's, which never falls.
    latest: u64,
    /// What was decided, counted.
    decided: u64,
    /// How much had been decided when messages were last dropped.
    swept: u64,
    /// What all conversations keep.
    keep: Keep,
    /// Messages that were dropped.
    pub(crate) dropped: u64,
    /// The tokens of each account.
    pub(crate) tokens: BTreeMap<Who, Vec<String>>,
}

impl Oracle {
    pub(crate) fn new(keep: Keep) -> Self {
        Self {
            model: Model::new(),
            links: BTreeMap::new(),
            names: vec!["server"],
            turn: Vec::new(),
            turn_at: 0,
            latest: 0,
            decided: 0,
            swept: 0,
            keep,
            dropped: 0,
            tokens: BTreeMap::new(),
        }
    }

    fn link(&mut self, id: ConnId) -> Option<&mut Link> {
        self.links.values_mut().find(|link| link.wire.id() == Some(id))
    }

    /// Time has passed by the steady clock, and the system's clock shows this.
    pub(crate) fn passes(&mut self, by: u64, shown: u64) {
        self.latest = (self.latest + by).max(shown);
    }

    /// Takes in what the dispatcher did, at that time of its steady clock.
    pub(crate) fn digest(&mut self, entries: Vec<Entry>, now: u64, epoch: &str) -> Result<(), String> {
        self.model.ahead = self.latest.saturating_sub(now);
        for entry in entries {
            match entry {
                Entry::Committed => {
                    for entry in std::mem::take(&mut self.turn) {
                        self.decide(entry, now, epoch)?;
                    }
                }
                Entry::Refused => {
                    for entry in std::mem::take(&mut self.turn) {
                        self.refuse(entry, now, epoch)?;
                    }
                }
                entry => {
                    self.turn.push(entry);
                    self.turn_at = now;
                }
            }
        }
        Ok(())
    }

    /// The process has ended in a turn of which nobody knows whether it was stored: it was, or was not.
    pub(crate) fn end(&mut self, stored: bool, epoch: &str) -> Result<(), String> {
        if stored {
            self.digest(vec![Entry::Committed], self.turn_at, epoch)?;
        }
        self.turn.clear();
        self.links.clear();
        self.model.end();
        Ok(())
    }

    fn decide(&mut self, entry: Entry, now: u64, epoch: &str) -> Result<(), String> {
        self.decided += 1;
        match entry {
            Entry::Line(id) => {
                let Some((conn, line)) = self.next_line(id, now, epoch)? else { return Ok(()) };
                self.line(conn, &line, now);
            }
            Entry::Resume(id) => {
                let Some((conn, line)) = self.next_line(id, now, epoch)? else { return Ok(()) };
                let token = line.trim_start_matches("/resume ");
                let who = self.tokens.iter().find(|(_, tokens)| tokens.iter().any(|one| one == token));
                match who.map(|(who, _)| *who) {
                    Some(who) => self.log_in(conn, who),
                    None => self.answer(conn, refusal("bad-credentials")),
                }
            }
            Entry::Password(id) => {
                let Some((conn, line)) = self.next_line(id, now, epoch)? else { return Ok(()) };
                let (verb, name) = verb_and_name(&line);
                if verb == "/register" && self.names.contains(&name) {
                    self.answer(conn, refusal("name-taken"));
                }
            }
            Entry::PasswordChecked(id, right) => self.password_checked(id, right),
            Entry::Console(id) => {
                if let Some(link) = self.link(id) {
                    link.welcomed = true;
                }
            }
            Entry::Quit(id, is_answered) => {
                if is_answered && let Some((conn, _)) = self.next_line(id, now, epoch)? {
                    self.answer(conn, done("goodbye…"));
                }
                self.leaves(id);
            }
            Entry::Detach(id) => self.detached(id),
            Entry::Dropped(dropped) => self.dropped(&dropped, now)?,
            Entry::Committed | Entry::Refused => {}
        }
        Ok(())
    }

    /// Nothing of the turn is stored: who waits for an answer is refused, and whoever wanted another
    /// current room has none.
    fn refuse(&mut self, entry: Entry, now: u64, epoch: &str) -> Result<(), String> {
        match entry {
            Entry::Line(id) | Entry::Resume(id) | Entry::Password(id) | Entry::Quit(id, true) => {
                let Some((conn, line)) = self.next_line(id, now, epoch)? else { return Ok(()) };
                if ["/join ", "/switch "].iter().any(|verb| line.starts_with(verb)) {
                    self.model.leave_current(conn);
                }
                self.answer(conn, refusal("storage"));
                if matches!(entry, Entry::Quit(..)) {
                    self.leaves(id);
                }
            }
            Entry::PasswordChecked(id, _) => {
                if let Some(conn) = self.link(id).map(|link| link.conn) {
                    self.answer(conn, refusal("storage"));
                }
            }
            Entry::Quit(id, false) => self.leaves(id),
            Entry::Detach(id) => self.detached(id),
            Entry::Console(_) | Entry::Dropped(_) | Entry::Committed | Entry::Refused => {}
        }
        Ok(())
    }

    fn dropped(&mut self, dropped: &[Dropped], now: u64) -> Result<(), String> {
        let through = |id: MessageId| usize::try_from(id.value()).map_err(|error| error.to_string());
        let dropped = dropped.iter().map(|Dropped { names, through: id }| Ok((names.clone(), through(*id)?)));
        let dropped: Vec<_> = dropped.collect::<Result<_, String>>()?;
        self.dropped += self.model.drop_messages(&dropped, self.keep, now)? as u64;
        self.swept = self.decided;
        Ok(())
    }

    /// What was due to go at that time and is still there, if anything is.
    pub(crate) fn overdue(&self, at: u64) -> Option<String> {
        self.model.overdue(self.keep, at)
    }

    fn leaves(&mut self, id: ConnId) {
        if let Some(link) = self.link(id)
            && link.ending == Ending::None
        {
            link.ending = Ending::Leaving;
        }
    }

    fn detached(&mut self, id: ConnId) {
        if let Some(link) = self.link(id) {
            link.is_detached = true;
            let conn = link.conn;
            self.model.disconnect(conn);
        }
    }

    /// The next line of a connection that is the dispatcher's to decide. Those before it, which its worker
    /// has decided, are passed over. `None` if the connection is not known any more.
    fn next_line(&mut self, id: ConnId, now: u64, epoch: &str) -> Result<Option<(Conn, String)>, String> {
        let Some(conn) = self.link(id).map(|link| link.conn) else { return Ok(None) };
        self.pass_over_local(conn, now, epoch);
        let link = self.links.get_mut(&conn).ok_or("a link")?;
        let asked = link.asked.get(link.decided).ok_or_else(|| format!("{id} was asked nothing that it decided"))?;
        let line = asked.line.clone();
        link.decided += 1;
        Ok(Some((conn, line)))
    }

    /// Decides the lines that a worker answers by itself, as far as the next one that it does not.
    pub(crate) fn pass_over_local(&mut self, conn: Conn, now: u64, epoch: &str) {
        while let Some(link) = self.links.get_mut(&conn)
            && let Some(asked) = link.asked.get_mut(link.decided)
        {
            let expected = match asked.line.split_once(' ') {
                Some(("/set", "tags on")) => done(&format!("tags on epoch={epoch} protocol=1")),
                Some(("/set", option)) => done(&format!("{option}…")),
                Some(("/ping", text)) => done(text),
                _ => return,
            };
            asked.expected = Some(expected);
            let line = asked.line.clone();
            link.decided += 1;
            if line.starts_with("/set echo") && self.model.is_connected(conn) {
                self.model.step(conn, &line, now);
            }
        }
    }

    fn line(&mut self, conn: Conn, line: &str, now: u64) {
        if Model::is_console(self.links[&conn].who) {
            self.model.grant_first(1);
            return self.answer(conn, done("alice…"));
        }
        if !self.model.is_connected(conn) {
            // It was ended in the meantime, and has been told so.
            return self.answer(conn, refusal("not-logged-in"));
        }
        if line.starts_with("/token new") {
            return self.answer(conn, done("…"));
        }
        let answer = self.model.step(conn, line, now);
        let at = self.decided;
        let Some(link) = self.links.get_mut(&conn) else { return };
        let place = own_place(line, &answer.last);
        if let Some(place) = &place {
            link.tell(place.clone(), answer.last.clone());
        }
        if let Some(asked) = link.asked.get_mut(link.decided - 1) {
            (asked.place, asked.at) = (place, at);
        }
        self.answer(conn, answer);
    }

    fn password_checked(&mut self, id: ConnId, right: bool) {
        // A login of a connection that is gone does not take place.
        let Some(link) = self.link(id).filter(|link| !link.is_detached) else { return };
        let Some(asked) = link.asked.get(link.decided.wrapping_sub(1)).filter(|asked| is_login(&asked.line)) else {
            return;
        };
        let (conn, who, line) = (link.conn, link.who, asked.line.clone());
        let (verb, name) = verb_and_name(&line);
        if verb == "/register" {
            if self.names.contains(&name) {
                return self.answer(conn, refusal("name-taken"));
            }
            let known = crate::episode::NAMES.iter().find(|known| **known == name).copied().unwrap_or("nobody");
            let (made, told) = self.model.register_seen(known);
            debug_assert_eq!(made, who);
            self.names.push(known);
            self.tell(&told);
            return self.log_in(conn, who);
        }
        if right { self.log_in(conn, who) } else { self.answer(conn, refusal("bad-credentials")) }
    }

    fn log_in(&mut self, conn: Conn, who: Who) {
        let answer = self.model.connect(conn, who);
        self.answer(conn, answer);
    }

    fn tell(&mut self, told: &[Told]) {
        for told in told {
            if let Some(link) = self.links.get_mut(&told.conn) {
                link.tell(told.stream.clone(), told.line.clone());
            }
        }
    }

    /// A connection's last decided line must be answered so, and others must hear of it.
    fn answer(&mut self, conn: Conn, answer: Answer) {
        self.tell(&answer.told);
        if let Some(link) = self.links.get_mut(&conn)
            && let Some(asked) = link.asked.get_mut(link.decided.wrapping_sub(1))
        {
            asked.expected = Some(answer);
        }
    }

    /// A reader is about to answer a connection: of messages that were changed since it was asked, it shows
    /// the present text.
    pub(crate) fn read(&mut self, id: ConnId) {
        let now = self.decided;
        let Some(conn) = self.link(id).map(|link| link.conn) else { return };
        let Self { model, links, .. } = self;
        let Some(link) = links.get_mut(&conn) else { return };
        let who = link.who;
        // No line is decided after one that a reader has, but those that a worker answers may be passed over.
        let is_local = |asked: &crate::link::Asked| ["/set ", "/ping "].iter().any(|verb| asked.line.starts_with(verb));
        let decided = link.asked.iter_mut().take(link.decided);
        let Some(asked) = decided.rev().find(|asked| !is_local(asked)) else { return };
        if asked.at == now || !READS.iter().any(|read| asked.line.starts_with(read)) {
            return;
        }
        let line = asked.line.clone();
        let swept = asked.at < self.swept;
        let Some(expected) = &mut asked.expected else { return };
        if line.starts_with("/history") && !swept {
            for row in &mut expected.rows {
                *row = model.row_again(who, row).unwrap_or_else(|| head(row));
            }
        } else if line.starts_with("/changes") {
            for row in &mut expected.rows {
                *row = head(row);
            }
        } else {
            asked.is_late = true;
        }
    }

    /// A client takes in one line.
    pub(crate) fn hear(&mut self, conn: Conn, line: &str) -> Result<(), String> {
        let Some(link) = self.links.get_mut(&conn) else { return Ok(()) };
        link.hear(line)?;
        if let Some(token) = link.token.take() {
            self.tokens.entry(link.who).or_default().push(token);
        }
        Ok(())
    }

    /// What is still to be heard, if there is something, by connections that nobody has ended.
    pub(crate) fn outstanding(&self) -> Option<String> {
        for link in self.links.values().filter(|link| link.is_open()) {
            if let Some(asked) = link.asked.front() {
                return Some(format!("connection {} was not answered: {}", link.conn, asked.line));
            }
            if let Some((stream, lines)) = link.streams.iter().find(|(_, lines)| !lines.is_empty()) {
                return Some(format!("connection {} has not heard in {stream}: {}", link.conn, lines[0]));
            }
        }
        None
    }
}

/// What is the same in a row whenever it is asked for: all before the text.
fn head(row: &str) -> String {
    let head = row.split_once(": ").map_or(row, |(head, _)| head);
    // Marks change, too.
    format!("{}…", head.split_once(" (").map_or(head, |(head, _)| head))
}

fn refusal(code: &str) -> Answer {
    Answer { last: format!("- {code}"), ..Answer::default() }
}

fn done(text: &str) -> Answer {
    Answer { last: format!("+ {text}"), ..Answer::default() }
}

fn verb_and_name(line: &str) -> (&str, &str) {
    let mut words = line.split(' ');
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}
