//! Coming back, and what was missed meanwhile: the part of [`Bot`] that carries out what [`Follower`] says.

use super::event::Change;
use super::{Bot, BotError, Event, Last, LoggedInConnection, Message, Missing, Start, Verdict, Wire, rest};
use crate::client::catch_up::PAGE;
use crate::protocol::line::Line;
use crate::protocol::names::Target;
use jiff::SignedDuration;
use std::time::Instant;

#[cfg(doc)]
use super::follow::Follower;

/// A row of `/conversations`.
#[derive(Debug, Clone)]
struct Listed {
    target: Target,
    last: u64,
    read: u64,
    change: u64,
}

impl Listed {
    /// Reads `TARGET LAST READ UNREAD MENTIONS CHANGE`, and ignores what follows.
    fn parse(row: &str) -> Option<Self> {
        let mut words = row.split(' ');
        let target = Target::parse(words.next()?).ok()?;
        let mut number = || words.next()?.parse().ok();
        let (last, read, _, _) = (number()?, number()?, number()?, number()?);
        Some(Self { target, last, read, change: number()? })
    }
}

impl Bot {
    /// From now on, the bot is told what happens in a conversation, a room or `@NAME`. Of what is said it misses nothing,
    /// and is told nothing twice: after a lost connection it fetches what it missed, changes as well. A room that the
    /// account is not in is joined if it is there.
    ///
    /// # Errors
    /// [`BotError::Refused`] if the conversation can't be read.
    pub fn follow(&mut self, target: &str, start: Start) -> Result<(), BotError> {
        let target = Target::parse(target)?;
        match &target {
            Target::Room(room) => self.enter(room.as_str())?,
            Target::Direct(_) => drop(self.again(&format!("history {target} limit=1"))?),
        }
        let listed = parse_list(&self.again("conversations")?.rows);
        self.follow_from(target, start, &listed);
        Ok(())
    }

    /// The same for all conversations of the account, and for those that it comes to have.
    ///
    /// # Errors
    /// As [`Bot::follow`].
    pub fn follow_all(&mut self, start: Start) -> Result<(), BotError> {
        self.follows_all = true;
        let listed = parse_list(&self.again("conversations")?.rows);
        for row in &listed {
            self.follow_from(row.target.clone(), start, &listed);
        }
        Ok(())
    }

    /// The next event, if there is one before the deadline, or before another thread wakes this one.
    ///
    /// # Errors
    /// As [`Bot::next_event`].
    pub(in crate::client) fn next_before(&mut self, until: Instant) -> Result<Option<Event>, BotError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.wire.is_none() {
                // Whoever waits is told, since a wake-up from another thread may have come meanwhile.
                self.come_back()?;
                continue;
            }
            let result = match self.follower.behind() {
                Some(missing) => self.fetch(&missing).map(|()| true),
                None => self.read_line(until),
            };
            match result {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error @ BotError::Lost(_)) => self.note(&error),
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes a connection, unless there is one.
    pub(super) fn come_back(&mut self) -> Result<(), BotError> {
        let since = Instant::now();
        let mut told = String::new();
        while self.wire.is_none() {
            let left = self.patience.map(|patience| patience.saturating_sub(since.elapsed()));
            let wait = self.backoff.next_wait();
            rest(&mut self.poller, left.map_or(wait, |left| wait.min(left)))?;
            let error = match self.dial.dial(&mut self.poller) {
                Ok(logged_in) => match self.take_over(logged_in) {
                    Err(error @ BotError::Lost(_)) => error,
                    other => return other,
                },
                Err(error) if error.is_temporary() => error.into(),
                Err(error) => return Err(error.into()),
            };
            self.wire = None;
            if left.is_some_and(|left| left.is_zero()) {
                return Err(error);
            }
            let why = error.to_string();
            if why != told {
                (self.on_trouble)(&format!("still offline: {why}"));
                told = why;
            }
        }
        Ok(())
    }

    /// Goes on with another connection.
    fn take_over(&mut self, logged_in: LoggedInConnection) -> Result<(), BotError> {
        let LoggedInConnection { connection, epoch, me, early, welcome: _ } = logged_in;
        self.wire = Some(Wire::new(connection, early));
        self.connected = Instant::now();
        self.name = me;
        self.on_this_connection("set echo on")?;
        let listed = parse_list(&self.on_this_connection("conversations")?.rows);
        let same_history = epoch == self.epoch;
        if !same_history {
            for target in self.follower.targets() {
                self.find_place(&target, listed.iter().find(|row| row.target == target))?;
            }
            self.epoch = epoch;
        }
        for target in self.follower.targets() {
            let row = listed.iter().find(|row| row.target == target);
            let is_new_direct = row.is_none() && matches!(target, Target::Direct(_));
            if !is_new_direct {
                self.follower.listed(&target, row.map(|row| (row.last, row.change)));
            }
        }
        if self.follows_all {
            for row in &listed {
                if !self.follower.follows(&row.target) {
                    self.follow_from(row.target.clone(), Start::Unread, &listed);
                }
            }
        }
        (self.on_trouble)("reconnected");
        self.events.push_back(Event::Reconnected { same_history });
        Ok(())
    }

    /// Finds where to go on in a conversation under another epoch: behind the last message that was passed on if it is
    /// still there, else with the first that was said later than it.
    fn find_place(&mut self, target: &Target, row: Option<&Listed>) -> Result<(), BotError> {
        let (Some((id, last)), Some(row)) = (self.follower.last(target), row) else { return Ok(()) };
        let place = match last {
            None => id.min(row.last),
            Some(Last { at, author }) => {
                let there = self.rows(&format!("history {target} after={} limit=1", id.saturating_sub(1)))?;
                let is_same = |found: &Message| found.id == id && found.at == Some(at) && found.author == author;
                if there.first().is_some_and(is_same) {
                    id
                } else {
                    let since = at.saturating_add(SignedDuration::from_millis(1)).unwrap_or(at);
                    let later = self.rows(&format!("history {target} since={since} limit=1"))?;
                    later.first().map_or(row.last, |message| message.id.saturating_sub(1))
                }
            }
        };
        self.follower.restart(target, place, row.change);
        Ok(())
    }

    fn rows(&mut self, words: &str) -> Result<Vec<Message>, BotError> {
        let answer = self.on_this_connection(words)?;
        Ok(answer.rows.iter().filter_map(|row| Message::from_row(row, &self.name)).collect())
    }

    fn follow_from(&mut self, target: Target, start: Start, listed: &[Listed]) {
        let row = listed.iter().find(|row| row.target == target);
        let (last, read, change) = row.map_or((0, 0, 0), |row| (row.last, row.read, row.change));
        let id = match start {
            Start::Now => last,
            Start::Last(count) => last.saturating_sub(u64::from(count)),
            Start::After(id) => id,
            Start::Unread => read,
        };
        self.follower.follow(target.clone(), id, change);
        self.follower.listed(&target, Some((last, change)));
    }

    /// Fetches a page of what is missing.
    fn fetch(&mut self, missing: &Missing) -> Result<(), BotError> {
        let (verb, target, after) = match missing {
            Missing::Messages(target, after) => ("history", target, after),
            Missing::Changes(target, after) => ("changes", target, after),
        };
        let answer = match self.on_this_connection(&format!("{verb} {target} after={after} limit={PAGE}")) {
            Err(BotError::Refused { renamed: Some(name), .. }) if Target::parse(&name).is_ok() => {
                self.follower.renamed(target, Target::parse(&name)?);
                return Ok(());
            }
            Err(error) => match error.retry() {
                Some(wait) => {
                    self.rest_connected(wait);
                    return Ok(());
                }
                None => return self.ended(target, error),
            },
            Ok(answer) => answer,
        };
        let mut progress = false;
        for row in &answer.rows {
            let event = match missing {
                Missing::Messages(..) => Message::from_row(row, &self.name).and_then(|message| {
                    let new = self.follower.fetched_message(&message.target, message.id, last(&message));
                    new.then_some(Event::Message(message))
                }),
                Missing::Changes(..) => Change::from_row(row, &self.name).and_then(|change| {
                    let new = self.follower.fetched_change(&change.target, change.number);
                    new.then_some(Event::Change(change))
                }),
            };
            if let Some(event) = event {
                progress = true;
                self.deliver(event);
            }
        }
        // After a page without anything new, the next would be the same.
        if !answer.has_more() || !progress {
            self.follower.up_to_date(missing);
        }
        Ok(())
    }

    /// A conversation can't be read any more, unless the connection is what failed.
    fn ended(&mut self, target: &Target, error: BotError) -> Result<(), BotError> {
        let BotError::Refused { code, .. } = error else { return Err(error) };
        self.follower.forget(target);
        self.events.push_back(Event::Ended { target: target.clone(), why: code });
        Ok(())
    }

    /// Reads a live line, and judges it; false if none came.
    fn read_line(&mut self, until: Instant) -> Result<bool, BotError> {
        let Some(wire) = &mut self.wire else { return Ok(true) };
        let Some(text) = wire.next(until, &mut self.poller)? else { return Ok(false) };
        let Some(event) = Line::parse(&text).ok().and_then(|line| Event::parse(&line, &self.name)) else {
            return Ok(true);
        };
        let target = match &event {
            Event::Message(message) => Some(message.target.clone()),
            Event::Change(change) => Some(change.target.clone()),
            Event::Happening(happening) => happening.room.map(Target::Room),
            _ => None,
        };
        if let Some(target) = target.filter(|target| !self.follower.follows(target)) {
            let is_in = !matches!(&event, Event::Happening(happening) if happening.what != "join" || !happening.own);
            if !self.follows_all || !is_in {
                return Ok(true);
            }
            // Another connection joined it, or somebody writes for the first time.
            let listed = parse_list(&self.on_this_connection("conversations")?.rows);
            self.follow_from(target, Start::Unread, &listed);
        }
        let verdict = match &event {
            Event::Message(message) => self.follower.message(&message.target, message.id, last(message)),
            Event::Change(change) => self.follower.change(&change.target, change.number),
            _ => Verdict::Deliver,
        };
        match verdict {
            Verdict::Deliver => self.deliver(event),
            Verdict::Skip => {}
            Verdict::Fetch => {
                if let Some(wire) = &mut self.wire {
                    wire.put_back(text);
                }
            }
        }
        Ok(true)
    }

    fn deliver(&mut self, event: Event) {
        let own = match &event {
            Event::Message(message) => message.own,
            Event::Change(change) => change.own,
            _ => false,
        };
        if own && !self.own_too {
            return;
        }
        let mut ended = None;
        if let Event::Happening(happening) = &event
            && let Some(room) = happening.room
        {
            let target = Target::Room(room);
            let out = happening.own && matches!(happening.what.as_str(), "leave" | "kick" | "ban");
            if let ("rename", Some(name)) = (happening.what.as_str(), &happening.set)
                && let Ok(name) = Target::parse(name)
            {
                self.follower.renamed(&target, name);
            } else if (out || happening.what == "close") && self.follower.forget(&target) {
                ended = Some(Event::Ended { target, why: happening.what.clone() });
            }
        }
        self.events.push_back(event);
        self.events.extend(ended);
    }
}

fn last(message: &Message) -> Option<Last> {
    message.at.map(|at| Last { at, author: message.author.clone() })
}

fn parse_list(rows: &[String]) -> Vec<Listed> {
    rows.iter().filter_map(|row| Listed::parse(row)).collect()
}
