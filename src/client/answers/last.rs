//! Final lines, as a person needs them.

use super::more::{self, Next};

/// What the final line of a verb is for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// A sentence, or what was asked for.
    Sentence,
    /// An ID or the number of a change, which are for programs: what was done is seen elsewhere.
    Number,
    /// `N rooms[, more]`. What is said if there are none, and the words for one and for several, if those of
    /// the server don't say it.
    Count { none: &'static str, things: Option<(&'static str, &'static str)> },
    /// A sentence, without the count that it begins with: of the rows, not all are shown.
    Uncounted,
    /// Nothing below rows, which say it all; else a sentence.
    RowsAlone,
    /// `ROOM - TOPIC`
    Topic,
    /// `NAME ROLE`
    Role,
    /// `NAME`, which stands above the rows; or a sentence, if there are none.
    NameAbove,
}

/// A count on a final line.
struct Counted<'a> {
    number: &'a str,
    thing: &'a str,
    more: bool,
    /// Older ones are not kept.
    oldest: Option<&'a str>,
    /// What else is there, with what parts it from the count.
    rest: String,
}

impl<'a> Counted<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (counted, note) = text.split_once(" - ").map_or((text, None), |(counted, note)| (counted, Some(note)));
        let mut parts = counted.split(", ");
        let (number, thing) = parts.next()?.split_once(' ')?;
        let is_count = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_word = !thing.is_empty() && thing.bytes().all(|byte| byte.is_ascii_lowercase());
        let mut counted = Self { number, thing, more: false, oldest: None, rest: String::new() };
        for part in parts {
            match part.split_once('=').unwrap_or((part, "")) {
                ("more", _) => counted.more = true,
                ("oldest", id) => counted.oldest = Some(id),
                _ => counted.rest.push_str(&format!("; {part}")),
            }
        }
        if let Some(note) = note {
            counted.rest.push_str(&format!("; {note}"));
        }
        (is_count && is_word).then_some(counted)
    }
}

/// The line for a final line `+ TEXT`, or none.
#[must_use]
pub(super) fn last_line(last: Last, command: &str, rows: &[String], text: &str) -> Option<String> {
    let sentence = || (!text.is_empty()).then(|| text.to_owned());
    match last {
        Last::Sentence => sentence(),
        Last::Number => {
            let (number, rest) = text.split_once(' ').unwrap_or((text, ""));
            let number = number.strip_prefix("change=").unwrap_or(number);
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { (!rest.is_empty()).then(|| rest.to_owned()) } else { sentence() }
        }
        Last::Count { none, things } => match Counted::parse(text) {
            Some(counted) => Some(count_line(&counted, none, things, more::next(command, rows, text).as_ref())),
            None => sentence(),
        },
        Last::Topic => match text.split_once(" - ") {
            Some((room, topic)) => Some(format!("the topic of {room}: {topic}")),
            None => sentence(),
        },
        Last::Role => match text.split_once(' ') {
            Some((name, role @ ("owner" | "moderator" | "member"))) => {
                let article = if role == "owner" { "an" } else { "a" };
                Some(format!("{name} is {article} {role}."))
            }
            _ => sentence(),
        },
        Last::Uncounted => match text.split_once(". ") {
            Some((counted, rest)) if Counted::parse(counted).is_some() => Some(rest.to_owned()),
            _ => sentence(),
        },
        Last::NameAbove | Last::RowsAlone if rows.is_empty() => sentence(),
        Last::NameAbove | Last::RowsAlone => None,
    }
}

fn count_line(counted: &Counted<'_>, none: &str, things: Option<(&str, &str)>, next: Option<&Next>) -> String {
    let Counted { number, thing, more, oldest, rest } = counted;
    let mut line = match (*number, things) {
        ("0", _) if *more => format!("no {thing} so far"),
        ("0", _) => none.to_owned(),
        ("1", Some((one, _))) => format!("1 {one}"),
        (_, Some((_, several))) => format!("{number} {several}"),
        (_, None) => format!("{number} {thing}"),
    };
    line.push_str(&match next {
        Some(Next::Earlier(_)) => "; /more shows earlier ones".to_owned(),
        Some(Next::Further(_)) => "; /more shows the next".to_owned(),
        None if *more => ", and there are more".to_owned(),
        None => String::new(),
    });
    if let Some(oldest) = oldest {
        line.push_str(&format!("; what was said before {oldest} is not kept any more"));
    }
    line + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(command: &str, rows: &[&str], text: &str) -> String {
        let rows: Vec<String> = rows.iter().map(|&row| row.to_owned()).collect();
        let last = Last::Count { none: "nobody is here", things: None };
        last_line(last, command, &rows, text).unwrap()
    }

    #[test]
    fn counts_are_for_people() {
        assert_eq!(counted("rooms", &[], "2 rooms"), "2 rooms");
        assert_eq!(counted("rooms", &[], "0 rooms"), "nobody is here");
        assert_eq!(counted("history", &["lobby 9 …"], "1 message, more"), "1 message; /more shows earlier ones");
        assert_eq!(
            counted("history", &["lobby 9 …"], "1 message, more, oldest=7"),
            "1 message; /more shows earlier ones; what was said before 7 is not kept any more"
        );
        assert_eq!(counted("search x", &["…"], "1 message, more=123"), "1 message; /more shows the next");
        assert_eq!(counted("export", &[], "0 messages, more=123"), "no messages so far; /more shows the next");
        assert_eq!(
            counted("conversations", &["lobby 1 1 0 0 0"], "1 conversation, more"),
            "1 conversation, and there are more"
        );
        assert_eq!(
            counted("history", &[], "0 messages - this server keeps no history"),
            "nobody is here; this server keeps no history"
        );
        assert_eq!(
            counted("invitations", &["x"], "1 invitation - /join ROOM accepts one"),
            "1 invitation; /join ROOM accepts one"
        );
        // A newer server's.
        assert_eq!(counted("rooms", &[], "2 rooms, newest=ops"), "2 rooms; newest=ops");
        assert_eq!(counted("sessions end others", &[], "2 sessions ended."), "2 sessions ended.");
        assert_eq!(counted("token new x", &[], "txyz is shown only this once."), "txyz is shown only this once.");
    }

    #[test]
    fn numbers_of_messages_and_changes_are_for_programs() {
        let line = |text: &str| last_line(Last::Number, "act lobby waves", &[], text);
        assert_eq!([line("17"), line("change=4")], [None, None]);
        assert_eq!(line("17 and more").as_deref(), Some("and more"));
        assert_eq!(line("done").as_deref(), Some("done"));
    }

    #[test]
    fn data_before_a_sentence_is_put_into_words() {
        let line = |last, text: &str| last_line(last, "x", &[], text).unwrap();
        assert_eq!(line(Last::Topic, "ops - the pumps - all"), "the topic of ops: the pumps - all");
        assert_eq!(line(Last::Topic, "ops has no topic."), "ops has no topic.");
        assert_eq!(line(Last::Role, "bob owner"), "bob is an owner.");
        assert_eq!(line(Last::Role, "bob king"), "bob king");
    }
}
