//! Rows of messages, and of what happened to them, as lines of a chat.

use super::View;
use super::times;
use crate::client::incoming;
use crate::client::item::{ChangeKind, Quote, ShownMessage};
use crate::client::screen::Look;
use crate::client::screen::layout::StyledLine;
use crate::protocol::names::Target;
use jiff::Timestamp;

/// How rows of messages are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// One conversation, in order: its name and the days stand above them.
    Conversation,
    /// Some of one conversation: its name stands above them, and the date beside each.
    Some,
    /// From anywhere: where and when stands beside each.
    Anywhere,
}

/// Rows of `/history` and its like: each with its ID, so that one can point at it.
#[must_use]
pub(super) fn messages(rows: &[String], order: Order, view: &View<'_>) -> Vec<StyledLine> {
    let messages: Vec<Option<(ShownMessage, Timestamp)>> = rows.iter().map(|row| parse(row, view)).collect();
    let ids = messages.iter().flatten().filter_map(|(message, _)| message.id);
    let digits = ids.max().map_or(0, |id| id.to_string().len());
    let mut lines = Vec::new();
    let mut before: Option<&(ShownMessage, Timestamp)> = None;
    for (row, parsed) in rows.iter().zip(&messages) {
        let Some(parsed) = parsed else {
            lines.push(view.as_is(row));
            continue;
        };
        lines.extend(heading(parsed, before, order, view));
        before = Some(parsed);
        let (message, at) = parsed;
        let mut line = StyledLine::default();
        line.put(Look::Faint, &format!("{:>digits$}  ", message.id.unwrap_or_default()));
        let when = if order == Order::Conversation { view.clock.time(*at) } else { view.clock.moment(*at) };
        if !when.is_empty() {
            line.put(Look::Faint, &format!("{when} "));
        }
        let message = ShownMessage { quote: quoted(message, &messages), ..message.clone() };
        view.timeline.put_message(&mut line, &message, order == Order::Anywhere);
        lines.push(line);
    }
    lines
}

fn parse(row: &str, view: &View<'_>) -> Option<(ShownMessage, Timestamp)> {
    let message = incoming::parse_row(row, Some(view.timeline.me()))?;
    let at = i64::try_from(message.at?).ok().and_then(|at| Timestamp::from_millisecond(at).ok())?;
    Some((message, at))
}

/// What a message answers, if it is in the same answer.
fn quoted(message: &ShownMessage, all: &[Option<(ShownMessage, Timestamp)>]) -> Option<Quote> {
    let re = message.mark.as_deref()?.split(", ").find_map(|mark| mark.strip_prefix("re "))?;
    let id: u64 = re.split(' ').next()?.parse().ok()?;
    let (original, _) =
        all.iter().flatten().find(|(other, _)| other.id == Some(id) && other.target == message.target)?;
    let is_there = !original.text.is_empty();
    is_there.then(|| Quote { author: original.author.clone(), text: original.text.clone() })
}

/// What stands above a message: the conversation, and the day.
fn heading(
    (message, at): &(ShownMessage, Timestamp),
    before: Option<&(ShownMessage, Timestamp)>,
    order: Order,
    view: &View<'_>,
) -> Option<StyledLine> {
    let clock = view.clock;
    let day = || if clock.is_today(*at) { "today".to_owned() } else { clock.day(*at) };
    let is_another = before.is_none_or(|(before, _)| before.target != message.target);
    let text = match order {
        Order::Anywhere => return None,
        Order::Conversation if is_another => format!("{}, {}", named(&message.target), day()),
        Order::Conversation if before.is_some_and(|(_, before)| !clock.is_same_day(*before, *at)) => day(),
        Order::Some if is_another => named(&message.target),
        Order::Conversation | Order::Some => return None,
    };
    Some(view.heading(&text))
}

/// A conversation, as headings name it.
fn named(target: &Target) -> String {
    match target {
        Target::Room(room) => format!("#{room}"),
        Target::Direct(_) => target.to_string(),
    }
}

/// Rows of `/changes`: `TARGET CHANGE TIME WHO WORD ID[: TEXT]`.
#[must_use]
pub(super) fn changes(rows: &[String], view: &View<'_>) -> Vec<StyledLine> {
    let mut lines = Vec::new();
    let mut before = None;
    for row in rows {
        let Some(change) = Change::parse(row) else {
            lines.push(view.as_is(row));
            continue;
        };
        if before.as_ref() != Some(&change.target) {
            lines.push(view.heading(&format!("changes in {}", named(&change.target))));
        }
        let mut line = StyledLine::default();
        line.put(Look::Faint, &format!("{} ", view.clock.moment(change.at)));
        line.put(Look::of_name(change.who), change.who).put(Look::Plain, &format!(" {} #{}", change.did(), change.id));
        if let Some(text) = change.text {
            line.put(Look::Plain, ": ").put_text(Look::Plain, text);
        }
        lines.push(line);
        before = Some(change.target);
    }
    lines
}

struct Change<'a> {
    target: Target,
    at: Timestamp,
    who: &'a str,
    kind: ChangeKind,
    id: u64,
    text: Option<&'a str>,
}

impl<'a> Change<'a> {
    fn parse(row: &'a str) -> Option<Self> {
        let mut words = row.splitn(6, ' ');
        let (target, _number, at) = (words.next()?, words.next()?, words.next()?);
        let (who, word, rest) = (words.next()?, words.next()?, words.next()?);
        let (id, text) = rest.split_once(": ").map_or((rest, None), |(id, text)| (id, Some(text)));
        Some(Self {
            target: Target::parse(target).ok()?,
            at: times::parse(at)?,
            who,
            kind: ChangeKind::parse(word)?,
            id: id.parse().ok()?,
            text,
        })
    }

    fn did(&self) -> &'static str {
        match self.kind {
            ChangeKind::Edited => "edited",
            ChangeKind::Removed => "removed",
            ChangeKind::Reacted => "reacted to",
            ChangeKind::ReactionTakenBack => "took back a reaction to",
            ChangeKind::Pinned => "pinned",
            ChangeKind::Unpinned => "unpinned",
        }
    }
}
