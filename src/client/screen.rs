//! What lines look like to a person.
//!
//! Owns the marks, times and colours; colour alone never says anything. Pure: knows no terminal,
//! and runs on whichever thread prints.

use super::item::{AnswerEnd, AnswerItem, Item};
use crate::protocol::names::{Target, UserName, is_text};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::borrow::Cow;

/// How to show things.
#[derive(Debug, Clone)]
pub(super) struct Style {
    /// Whether names have colours.
    pub paint: Paint,
    /// The time zone; without one, times are not shown.
    pub clock: Option<TimeZone>,
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Colour,
    Plain,
}

impl Paint {
    /// Decides by `--color` first, then by `NO_COLOR` and `TERM`.
    #[must_use]
    pub(super) fn choose(
        asked: super::args::Colors,
        output: OutputKind,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        use super::args::Colors;
        let wanted = match asked {
            Colors::Always => true,
            Colors::Never => false,
            Colors::Auto => {
                let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
                let dumb = variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
                output == OutputKind::Terminal && !no_color && !dumb
            }
        };
        if wanted { Self::Colour } else { Self::Plain }
    }

    fn put(self, out: &mut String, text: &str, colour: u8) {
        match self {
            Self::Plain => out.push_str(text),
            Self::Colour => out.push_str(&format!("\x1b[38;5;{colour}m{text}\x1b[0m")),
        }
    }
}

/// Where the output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputKind {
    /// To a terminal.
    Terminal,
    /// To a pipe or a file.
    Pipe,
}

/// Those of the 256 colours that are readable on black and on white.
const NAME_COLOURS: [u8; 12] = [31, 35, 62, 64, 66, 97, 99, 130, 132, 161, 166, 172];
const GREY: u8 = 244;
const RED: u8 = 160;

/// The line for an item, or its lines, without the last line end. `now` decides whether a time needs its date.
#[must_use]
pub(super) fn render(item: &Item, style: &Style, now: Timestamp) -> String {
    let mut out = String::new();
    let paint = style.paint;
    match item {
        Item::Message(message) => {
            stamp(&mut out, message.at, style, now);
            let mark = message.mark.as_deref();
            match &message.to {
                None => {
                    paint.put(&mut out, &format!("[{}] ", message.target), GREY);
                    put_name(&mut out, &message.author, paint);
                    if let Some(mark) = mark {
                        out.push_str(&format!(" ({})", clean(mark)));
                    }
                    out.push_str(": ");
                }
                Some(to) => {
                    out.push('(');
                    put_name(&mut out, &message.author, paint);
                    out.push_str(" > ");
                    put_name(&mut out, to, paint);
                    if let Some(mark) = mark {
                        out.push_str(&format!(", {}", clean(mark)));
                    }
                    out.push_str(") ");
                }
            }
            out.push_str(&clean(&message.text));
        }
        Item::Event(event) => {
            stamp(&mut out, event.at, style, now);
            match &event.target {
                Some(Target::Room(room)) => {
                    paint.put(&mut out, &format!("[{room}] * {}", clean(&event.text)), GREY);
                }
                Some(Target::Direct(_)) | None => out.push_str(&format!("* {}", clean(&event.text))),
            }
        }
        Item::Here { target, topic } => {
            let topic = topic.as_deref().map(|topic| format!(": {}", clean(topic))).unwrap_or_default();
            paint.put(&mut out, &format!("── {}{topic} ──", named(target)), GREY);
        }
        Item::LeftOff { count, since } => {
            stamp(&mut out, *since, style, now);
            let lines = if *count == 1 { "line" } else { "lines" };
            paint.put(&mut out, &format!("── {count} new {lines} ──"), GREY);
        }
        Item::Answer(AnswerItem { rows, end, .. }) => {
            let mut lines: Vec<String> = rows.iter().map(|row| row_line(row, paint)).collect();
            match end {
                AnswerEnd::Done(text) => lines.push(format!("+ {}", clean(text))),
                AnswerEnd::Refused { code, text } => lines.push(refusal_line(code, text, paint)),
                AnswerEnd::Open => {}
            }
            out.push_str(&lines.join("\n"));
        }
        Item::Row(text) => out.push_str(&row_line(text, paint)),
        Item::Done(text) => out.push_str(&format!("+ {}", clean(text))),
        Item::Refused { code, text } => out.push_str(&refusal_line(code, text, paint)),
        Item::Notice(text) => out.push_str(&format!("* {}", clean(text))),
        Item::Local(text) => paint.put(&mut out, &format!("({})", clean(text)), GREY),
    }
    out
}

fn row_line(text: &str, paint: Paint) -> String {
    let mut out = String::new();
    paint.put(&mut out, "| ", GREY);
    out.push_str(&clean(text));
    out
}

fn refusal_line(code: &str, text: &str, paint: Paint) -> String {
    let mut out = String::new();
    paint.put(&mut out, &format!("- {}: {}", clean(code), clean(text)), RED);
    out
}

fn named(target: &Target) -> String {
    match target {
        Target::Room(room) => format!("#{room}"),
        Target::Direct(_) => target.to_string(),
    }
}

/// A text without the characters that control a terminal, whatever the server let through.
#[must_use]
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_text(c) { c } else { '\u{fffd}' }).collect())
}

/// As [`clean`], for a text of several lines.
#[must_use]
pub fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

fn put_name(out: &mut String, name: &str, paint: Paint) {
    let name = clean(name);
    let case_folded =
        UserName::parse(&name).map_or_else(|_| name.to_lowercase(), |name| name.case_folded().into_owned());
    // FNV-1a, so that a name has the same colour on every machine and in every version.
    let hash =
        case_folded.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    paint.put(out, &name, NAME_COLOURS[hash as usize % NAME_COLOURS.len()]);
}

fn stamp(out: &mut String, at: Option<u64>, style: &Style, now: Timestamp) {
    let (Some(zone), Some(at)) = (&style.clock, at) else { return };
    // Only a hostile server sends a time that is out of range; it is not shown.
    let Some(at) = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok()) else { return };
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = if at.date() == now.date() { "%H:%M " } else { "%Y-%m-%d %H:%M " };
    style.paint.put(out, &at.strftime(form).to_string(), GREY);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::args::Colors;
    use crate::client::item::{EventKind, ShownEvent, ShownMessage};
    use proptest::prelude::*;

    /// 2026-11-22 09:10:00 UTC.
    const NOW: i64 = 1_795_338_600;

    fn shown(item: &Item, paint: Paint, clock: Option<TimeZone>) -> String {
        render(item, &Style { paint, clock }, Timestamp::from_second(NOW).unwrap())
    }

    fn said(text: &str, at: Option<u64>) -> Item {
        Item::Message(message("lobby", text, at))
    }

    fn message(target: &str, text: &str, at: Option<u64>) -> ShownMessage {
        ShownMessage {
            target: Target::parse(target).unwrap(),
            id: Some(7),
            author: "bob".to_owned(),
            to: None,
            mark: None,
            text: text.to_owned(),
            at,
            own: false,
            mentions_me: false,
            quote: None,
        }
    }

    fn happened(target: Option<Target>, text: &str, at: Option<u64>) -> Item {
        let kind = EventKind::Other(None);
        Item::Event(ShownEvent { target, kind, who: None, own: false, text: text.to_owned(), at })
    }

    #[test]
    fn without_a_terminal_lines_look_like_on_the_wire() {
        let plain = |item: &Item| shown(item, Paint::Plain, None);
        assert_eq!(plain(&said("hello", Some(1))), "[lobby] bob: hello");
        let direct = Item::Message(ShownMessage {
            to: Some("alice".to_owned()),
            mark: Some("edited".to_owned()),
            ..message("@bob", "yes!", None)
        });
        assert_eq!(plain(&direct), "(bob > alice, edited) yes!");
        let event = |target: &str| happened(Target::parse(target).ok(), "carol left", None);
        assert_eq!(
            (plain(&event("lobby")), plain(&event("@bob"))),
            ("[lobby] * carol left".into(), "* carol left".into())
        );
        let answer =
            AnswerItem { command: "who".into(), rows: vec!["a".into(), "b".into()], end: AnswerEnd::Done("2".into()) };
        assert_eq!(plain(&Item::Answer(answer)), "| a\n| b\n+ 2");
        let refused = Item::Refused { code: "muted".to_owned(), text: "no.".to_owned() };
        assert_eq!(plain(&refused), "- muted: no.");
        assert_eq!(plain(&Item::Row("a b".to_owned())), "| a b");
        assert_eq!(plain(&Item::Local("connected again".to_owned())), "(connected again)");
    }

    #[test]
    fn times_are_local_and_dated_unless_today() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let at =
            |seconds: i64| shown(&said("x", Some((NOW + seconds) as u64 * 1000)), Paint::Plain, Some(zone.clone()));
        assert_eq!(at(0), "10:10 [lobby] bob: x");
        assert_eq!(at(-86_400), "2026-11-21 10:10 [lobby] bob: x");
        assert_eq!(shown(&said("x", Some(u64::MAX)), Paint::Plain, Some(zone)), "[lobby] bob: x");
    }

    #[test]
    fn time_zones_are_known_by_name() {
        // As in `TZ=America/New_York`.
        let zone = TimeZone::get("America/New_York").unwrap();
        assert_eq!(shown(&said("x", Some(NOW as u64 * 1000)), Paint::Plain, Some(zone)), "04:10 [lobby] bob: x");
    }

    #[test]
    fn a_name_always_has_the_same_colour() {
        let of = |name: &str| {
            let mut out = String::new();
            put_name(&mut out, name, Paint::Colour);
            out.replace(name, "")
        };
        assert_eq!(of("Alice"), of("alice"));
        assert_ne!(of("alice"), of("bob"));
    }

    #[test]
    fn colours_are_for_terminals_that_support_them() {
        use OutputKind::{Pipe, Terminal};
        let choose = |asked, terminal, set: Option<(&str, &str)>| {
            Paint::choose(asked, terminal, |name| {
                let (key, value) = set.unwrap_or(("TERM", "xterm"));
                if key == name { Some(value.to_owned()) } else { (name == "TERM").then(|| "xterm".to_owned()) }
            })
        };
        assert_eq!(choose(Colors::Auto, Terminal, None), Paint::Colour);
        assert_eq!(choose(Colors::Auto, Pipe, None), Paint::Plain);
        assert_eq!(choose(Colors::Auto, Terminal, Some(("NO_COLOR", "1"))), Paint::Plain);
        assert_eq!(choose(Colors::Auto, Terminal, Some(("NO_COLOR", ""))), Paint::Colour);
        assert_eq!(choose(Colors::Auto, Terminal, Some(("TERM", "dumb"))), Paint::Plain);
        assert_eq!(choose(Colors::Always, Pipe, Some(("NO_COLOR", "1"))), Paint::Colour);
        assert_eq!(choose(Colors::Never, Terminal, None), Paint::Plain);
    }

    proptest! {
        #[test]
        fn no_control_character_reaches_the_terminal(text in any::<String>(), name in any::<String>(), at in any::<u64>()) {
            let named = ShownMessage {
                author: name.clone(),
                to: Some(name.clone()),
                mark: Some(text.clone()),
                ..message("@bob", &text, Some(at))
            };
            let end = AnswerEnd::Refused { code: name.clone(), text: text.clone() };
            let items = [
                Item::Message(ShownMessage { to: None, ..named.clone() }),
                Item::Message(named),
                happened(None, &text, Some(at)),
                happened(Target::parse("lobby").ok(), &text, Some(at)),
                Item::Here { target: Target::parse("lobby").unwrap(), topic: Some(text.clone()) },
                Item::Answer(AnswerItem { command: text.clone(), rows: Vec::new(), end }),
                Item::Answer(AnswerItem { command: text.clone(), rows: vec![text.clone()], end: AnswerEnd::Open }),
                Item::Row(text.clone()),
                Item::Done(text.clone()),
                Item::Refused { code: name, text: text.clone() },
                Item::Notice(text.clone()),
                Item::Local(text),
            ];
            for item in items {
                let line = shown(&item, Paint::Plain, Some(TimeZone::UTC));
                prop_assert!(line.chars().all(is_text), "{line:?}");
            }
        }
    }
}
