//! The conversation as somebody reads it at a terminal: what happened, below one another and in local time.
//!
//! Owns what the next line depends on: the day and the time that were shown last, the current
//! conversation, the joins that are held back, and how large rooms are. What others say here:
//!
//! - a line of somebody's has the time, or as many blanks while it is the same, then the name and a colon;
//! - `!` in place of the blank after the time: it mentions you;
//! - `*` begins what the server says happened, `~` what somebody does (`/me`), so that nobody can pass
//!   the one off as the other;
//! - `──` begins and ends a heading.
//!
//! Pure: an item and the time in, [`StyledLine`]s of lines out. Runs on the network thread.

use super::layout::{StyledLine, width};
use super::{Look, clean, headed, new_lines};
use crate::client::answers::{self, Clock, View};
use crate::client::item::{EventKind, Item, ShownEvent};
use crate::client::settings::Settings;
use crate::protocol::names::{Target, UserName};
use comings::{Coming, Comings};
use crowds::Crowds;
use jiff::civil::Date;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::time::Instant;

mod changes;
mod comings;
mod crowds;
mod messages;

/// The time, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(in crate::client) struct Now {
    /// What is shown.
    pub wall: Timestamp,
    /// What is waited for.
    pub steady: Instant,
}

/// The timeline at one terminal.
#[derive(Debug)]
pub(in crate::client) struct Timeline {
    me: UserName,
    zone: TimeZone,
    /// The form of a time of day; empty if it is not shown.
    clock: String,
    here: Option<Target>,
    /// The day of the last rule.
    day: Option<Date>,
    /// The time that the last line shows, or would.
    stamp: Option<String>,
    /// When what was shown last happened.
    last: Option<Zoned>,
    comings: Comings,
    crowds: Crowds,
}

impl Now {
    /// What the clocks say.
    #[must_use]
    pub(in crate::client) fn read() -> Self {
        Self { wall: Timestamp::now(), steady: Instant::now() }
    }
}

impl Timeline {
    /// A timeline in which nothing was shown yet.
    #[must_use]
    pub(in crate::client) fn new(me: UserName, zone: TimeZone, settings: &Settings) -> Self {
        Self {
            me,
            zone,
            clock: settings.clock.clone(),
            here: None,
            day: None,
            stamp: None,
            last: None,
            comings: Comings::default(),
            crowds: Crowds::new(settings.joins),
        }
    }

    /// Whose timeline it is.
    #[must_use]
    pub(in crate::client) fn me(&self) -> &UserName {
        &self.me
    }

    /// The lines for an item; none if it is held back or not worth a line. `columns` is the width of the
    /// terminal, if that is known: tables are made for it.
    #[must_use]
    pub(in crate::client) fn show(&mut self, item: &Item, now: Now, columns: Option<usize>) -> Vec<StyledLine> {
        self.crowds.note(item);
        let mut lines = Vec::new();
        if let Item::Event(event) = item
            && is_presence(&event.kind)
        {
            let is_large = matches!(&event.target, Some(Target::Room(room)) if self.crowds.is_large(*room));
            if is_large && !event.own {
                return lines;
            }
            if let Some(coming) = Coming::of(event) {
                if self.comings.is_full() {
                    self.release(now, &mut lines);
                }
                self.comings.hold(coming, now);
                return lines;
            }
        }
        self.release(now, &mut lines);
        self.comings.interrupted();
        match item {
            Item::Message(message) => self.message(message, now, &mut lines),
            Item::Event(event) => self.event(event, now, &mut lines),
            Item::Here { target, topic, .. } => self.heading(target, topic.as_deref(), now, &mut lines),
            Item::LeftOff { count, since } => self.left_off(*count, *since, now, &mut lines),
            Item::Answer(answer) => {
                let clock = Clock { zone: &self.zone, now: now.wall, time_of_day: &self.clock };
                lines.extend(answers::lines(answer, &View { timeline: self, clock, columns }));
                // What comes next stands below something else.
                self.stamp = None;
            }
            Item::Row(text) => lines.push(row(text)),
            Item::Done(text) => lines.push(plain(Look::Plain, "+ ", text)),
            Item::Refused { code, text } => lines.push(answers::refusal(code, text)),
            Item::Notice(text) => {
                let mut line = self.begin(None, Mark::None, now, &mut lines);
                line.put(Look::Plain, "* ").put_text(Look::Plain, &clean(text));
                lines.push(line);
            }
            Item::Local(text) => lines.push(plain(Look::Faint, "(", &format!("{text})"))),
        }
        lines
    }

    /// When to call [`Timeline::tick`].
    #[must_use]
    pub(in crate::client) fn next_tick(&self) -> Option<Instant> {
        self.comings.due()
    }

    /// The lines of what was held back, if its time is over.
    #[must_use]
    pub(in crate::client) fn tick(&mut self, now: Now) -> Vec<StyledLine> {
        let mut lines = Vec::new();
        if self.next_tick().is_some_and(|due| due <= now.steady) {
            self.release(now, &mut lines);
        }
        lines
    }

    fn release(&mut self, now: Now, lines: &mut Vec<StyledLine>) {
        for (place, at, sentence) in self.comings.release() {
            let mut line = self.begin(Some(At::Here(at)), Mark::None, now, lines);
            self.put_place(&mut line, place.as_ref());
            line.put(Look::Faint, "* ").put_text(Look::Faint, &sentence);
            lines.push(line);
        }
    }

    fn event(&mut self, event: &ShownEvent, now: Now, lines: &mut Vec<StyledLine>) {
        let mark = match &event.kind {
            EventKind::Change(change) if change.mentions_me => Mark::Mention,
            _ => Mark::None,
        };
        let mut line = self.begin(event.at.map(At::Server), mark, now, lines);
        // That somebody is away is the same in all rooms.
        if !matches!(event.kind, EventKind::Away | EventKind::Back) {
            self.put_place(&mut line, event.target.as_ref());
        }
        line.put(Look::Faint, "* ");
        match &event.kind {
            EventKind::Change(change) => self.put_change(&mut line, event, change),
            _ => _ = line.put_text(Look::Faint, &clean(&event.text)),
        }
        lines.push(line);
    }

    /// From here on lines of this conversation don't name it.
    fn heading(&mut self, target: &Target, topic: Option<&str>, now: Now, lines: &mut Vec<StyledLine>) {
        if self.day.is_none() {
            self.rule(self.zoned(now.wall).date(), lines);
        }
        let topic = topic.map(|topic| format!(": {topic}")).unwrap_or_default();
        lines.push(plain(Look::Faint, "── ", &format!("{}{topic} ──", headed(target))));
        self.here = Some(target.clone());
        self.stamp = None;
    }

    fn left_off(&mut self, count: u64, since: Option<u64>, now: Now, lines: &mut Vec<StyledLine>) {
        let since = since.and_then(|at| self.local(at));
        let since = since.map(|at| format!(" since {}", self.moment(&at, now))).unwrap_or_default();
        lines.push(plain(Look::Faint, "── ", &format!("{}{since} ──", new_lines(count))));
        self.stamp = None;
    }

    fn rule(&mut self, day: Date, lines: &mut Vec<StyledLine>) {
        lines.push(plain(Look::Faint, "── ", &format!("{} ──", day.strftime("%A, %-d %B %Y"))));
        self.day = Some(day);
        self.stamp = None;
    }

    /// A line with its time, or with as many blanks if that is the same as before.
    fn begin(&mut self, at: Option<At>, mark: Mark, now: Now, lines: &mut Vec<StyledLine>) -> StyledLine {
        let time = match at.unwrap_or(At::Here(now.wall)) {
            At::Server(at) => self.local(at).unwrap_or_else(|| self.zoned(now.wall)),
            // This clock may differ from the server's: times don't go back because of that.
            At::Here(wall) => {
                let time = self.zoned(wall);
                self.last.clone().map_or(time.clone(), |last| last.max(time))
            }
        };
        if self.day != Some(time.date()) {
            self.rule(time.date(), lines);
        }
        let stamp = self.time_of_day(&time);
        self.last = Some(time);
        let mut line = StyledLine::default();
        if self.stamp.as_ref() == Some(&stamp) {
            line.put(Look::Faint, &" ".repeat(width(&stamp)));
        } else {
            line.put(Look::Faint, &stamp);
        }
        match mark {
            Mark::Mention => _ = line.put(Look::Loud, "!"),
            Mark::None if stamp.is_empty() => {}
            Mark::None => _ = line.put(Look::Faint, " "),
        }
        self.stamp = Some(stamp);
        line
    }

    /// Names a conversation, unless it is the current one.
    fn put_place(&self, line: &mut StyledLine, place: Option<&Target>) {
        if let Some(place) = place.filter(|place| self.here.as_ref() != Some(place)) {
            line.put(Look::Faint, &format!("[{place}] "));
        }
    }

    /// A time of the server's. Only a hostile server sends one that is out of range.
    fn local(&self, at: u64) -> Option<Zoned> {
        let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok())?;
        Some(self.zoned(at))
    }

    fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    fn time_of_day(&self, time: &Zoned) -> String {
        clean(&strtime::format(&self.clock, time).unwrap_or_default()).into_owned()
    }

    /// `09:12`, with the day if that is not today.
    fn moment(&self, at: &Zoned, now: Now) -> String {
        let today = self.zoned(now.wall).date();
        let time = if self.clock.is_empty() { at.strftime("%H:%M").to_string() } else { self.time_of_day(at) };
        match at.date() {
            day if day == today => time,
            day if day.year() == today.year() => format!("{}, {time}", day.strftime("%-d %B")),
            day => format!("{}, {time}", day.strftime("%-d %B %Y")),
        }
    }
}

/// When something happened.
#[derive(Debug, Clone, Copy)]
enum At {
    /// By the server's clock, in milliseconds of Unix time.
    Server(u64),
    /// By this machine's clock.
    Here(Timestamp),
}

/// What stands between the time and the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    /// `!`: it mentions this account.
    Mention,
}

/// Whether something is about who is here, which large rooms don't show.
fn is_presence(kind: &EventKind) -> bool {
    use EventKind::{Away, Back, Join, Leave, Offline, Online};
    matches!(kind, Join | Leave | Online | Offline | Away | Back)
}

fn plain(look: Look, mark: &str, text: &str) -> StyledLine {
    let mut line = StyledLine::default();
    line.put(look, mark).put(look, &clean(text));
    line
}

fn row(text: &str) -> StyledLine {
    let mut line = StyledLine::default();
    line.put(Look::Faint, "| ").put_text(Look::Plain, &clean(text));
    line
}

#[cfg(test)]
mod tests;
