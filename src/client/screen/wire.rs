//! Lines as they are on the wire: what a program sees that reads the client's output. Scripts rely on it.
//!
//! Pure, and without a memory: what is shown does not depend on what was shown before.

use super::{Look, Paint, clean, headed, new_lines};
use crate::client::item::{AnswerEnd, AnswerItem, Item};
use crate::protocol::names::Target;

/// The line for an item, or its lines, without the last line end.
#[must_use]
pub(in crate::client) fn wire(item: &Item, paint: Paint) -> String {
    let mut out = String::new();
    match item {
        Item::Message(message) => {
            let mark = message.mark.as_deref();
            match &message.to {
                None => {
                    paint.put(&mut out, &format!("[{}] ", message.target), Look::Faint);
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
        Item::Event(event) => match &event.target {
            Some(Target::Room(room)) => {
                paint.put(&mut out, &format!("[{room}] * {}", clean(&event.text)), Look::Faint);
            }
            Some(Target::Direct(_)) | None => out.push_str(&format!("* {}", clean(&event.text))),
        },
        Item::Here { target, topic, .. } => {
            let topic = topic.as_deref().map(|topic| format!(": {}", clean(topic))).unwrap_or_default();
            paint.put(&mut out, &format!("── {}{topic} ──", headed(target)), Look::Faint);
        }
        Item::LeftOff { count, .. } => paint.put(&mut out, &format!("── {} ──", new_lines(*count)), Look::Faint),
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
        Item::Local(text) => paint.put(&mut out, &format!("({})", clean(text)), Look::Faint),
    }
    out
}

fn row_line(text: &str, paint: Paint) -> String {
    let mut out = String::new();
    paint.put(&mut out, "| ", Look::Faint);
    out.push_str(&clean(text));
    out
}

fn refusal_line(code: &str, text: &str, paint: Paint) -> String {
    let mut out = String::new();
    paint.put(&mut out, &format!("- {}: {}", clean(code), clean(text)), Look::Bad);
    out
}

fn put_name(out: &mut String, name: &str, paint: Paint) {
    paint.put(out, &clean(name), Look::of_name(name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::item::{EventKind, ShownEvent, ShownMessage};
    use crate::protocol::names::is_text;
    use proptest::prelude::*;

    fn plain(item: &Item) -> String {
        wire(item, Paint::Plain)
    }

    fn message(target: &str, text: &str) -> ShownMessage {
        ShownMessage {
            target: Target::parse(target).unwrap(),
            id: Some(7),
            author: "bob".to_owned(),
            to: None,
            mark: None,
            text: text.to_owned(),
            at: Some(1),
            own: false,
            mentions_me: false,
            quote: None,
        }
    }

    fn happened(target: Option<Target>, text: &str) -> Item {
        let kind = EventKind::Other(None);
        Item::Event(ShownEvent { target, kind, who: None, own: false, text: text.to_owned(), at: None })
    }

    #[test]
    fn without_a_terminal_lines_look_like_on_the_wire() {
        assert_eq!(plain(&Item::Message(message("lobby", "hello"))), "[lobby] bob: hello");
        let direct = Item::Message(ShownMessage {
            to: Some("alice".to_owned()),
            mark: Some("edited".to_owned()),
            ..message("@bob", "yes!")
        });
        assert_eq!(plain(&direct), "(bob > alice, edited) yes!");
        assert_eq!(plain(&happened(Target::parse("lobby").ok(), "carol left")), "[lobby] * carol left");
        assert_eq!(plain(&happened(Target::parse("@bob").ok(), "bob edited 1")), "* bob edited 1");
        let answer =
            AnswerItem { command: "who".into(), rows: vec!["a".into(), "b".into()], end: AnswerEnd::Done("2".into()) };
        assert_eq!(plain(&Item::Answer(answer)), "| a\n| b\n+ 2");
        let refused = Item::Refused { code: "muted".to_owned(), text: "no.".to_owned() };
        assert_eq!(plain(&refused), "- muted: no.");
        assert_eq!(plain(&Item::Row("a b".to_owned())), "| a b");
        assert_eq!(plain(&Item::Local("connected again".to_owned())), "(connected again)");
    }

    #[test]
    fn colours_can_be_had_without_a_terminal() {
        let coloured = wire(&Item::Message(message("lobby", "hello")), Paint::Colour);
        assert_eq!(coloured, "\x1b[38;5;243m[lobby] \x1b[0m\x1b[38;5;130mbob\x1b[0m: hello");
    }

    proptest! {
        #[test]
        fn no_control_character_gets_through(text in any::<String>(), name in any::<String>()) {
            let named = ShownMessage {
                author: name.clone(),
                to: Some(name.clone()),
                mark: Some(text.clone()),
                ..message("@bob", &text)
            };
            let end = AnswerEnd::Refused { code: name.clone(), text: text.clone() };
            let items = [
                Item::Message(ShownMessage { to: None, ..named.clone() }),
                Item::Message(named),
                happened(None, &text),
                happened(Target::parse("lobby").ok(), &text),
                Item::Here { target: Target::parse("lobby").unwrap(), topic: Some(text.clone()), members: None },
                Item::Answer(AnswerItem { command: text.clone(), rows: Vec::new(), end }),
                Item::Answer(AnswerItem { command: text.clone(), rows: vec![text.clone()], end: AnswerEnd::Open }),
                Item::Row(text.clone()),
                Item::Done(text.clone()),
                Item::Refused { code: name, text: text.clone() },
                Item::Notice(text.clone()),
                Item::Local(text),
            ];
            for item in items {
                let line = plain(&item);
                prop_assert!(line.chars().all(is_text), "{line:?}");
            }
        }
    }
}
