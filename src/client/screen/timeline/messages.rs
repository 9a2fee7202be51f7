//! What somebody says.

use super::{At, Mark, Now, Timeline};
use crate::client::item::{Quote, ShownMessage};
use crate::client::screen::layout::{StyledLine, cut, isolated, quoted};
use crate::client::screen::{Look, clean};
use crate::protocol::line::MARK_ME;
use crate::protocol::names::UserName;

/// How much of a message is quoted, in columns.
pub(super) const QUOTE_MAX: usize = 40;

impl Timeline {
    pub(super) fn message(&mut self, message: &ShownMessage, now: Now, lines: &mut Vec<StyledLine>) {
        let mark = if message.mentions_me { Mark::Mention } else { Mark::None };
        let mut line = self.begin(message.at.map(At::Server), mark, now, lines);
        let named = self.here.as_ref() != Some(&message.target);
        self.put_message(&mut line, message, named);
        lines.push(line);
    }

    /// What stands behind the time; `named` says whether a room is named.
    pub(in crate::client) fn put_message(&self, line: &mut StyledLine, message: &ShownMessage, named: bool) {
        let marks = Marks::of(message);
        let name = if message.mentions_me { Look::Loud } else { self.look(&message.author) };
        if let Some(to) = &message.to {
            line.put(Look::Plain, "(").put(name, &self.side(&message.author)).put(Look::Plain, " > ");
            line.put(self.look(to), &self.side(to));
            self.put_marks(line, &marks, ", ");
            line.put(Look::Plain, ") ");
        } else if named {
            line.put(Look::Faint, &format!("[{}] ", message.target));
        }
        if marks.does {
            line.put(Look::Plain, "~ ");
        }
        if message.to.is_none() || marks.does {
            line.put(name, &isolated(&clean(&message.author)));
        }
        if message.to.is_none() && !marks.is_empty() {
            self.put_marks(line, &marks, " (");
            line.put(Look::Plain, ")");
        }
        match (&message.to, marks.does) {
            (_, true) => _ = line.put(Look::Plain, " "),
            // It was removed, and nobody said why.
            (None, false) if message.text.is_empty() => {}
            (None, false) => _ = line.put(Look::Plain, ": "),
            (Some(_), false) => {}
        }
        line.put_text(Look::Plain, &clean(&message.text));
    }

    fn put_marks(&self, line: &mut StyledLine, marks: &Marks<'_>, before: &str) {
        let mut before = before;
        if let Some(answers) = &marks.answers {
            line.put(Look::Plain, before).put(Look::Faint, "re ");
            self.put_reference(line, answers.original.as_ref(), answers.author, answers.id);
            before = ", ";
        }
        for mark in &marks.others {
            line.put(Look::Plain, before).put(Look::Faint, &isolated(&clean(mark)));
            before = ", ";
        }
    }

    /// The beginning of a message if it was seen here, else its author if that is known, and its number.
    pub(super) fn put_reference(
        &self,
        line: &mut StyledLine,
        original: Option<&Quote>,
        author: Option<&str>,
        id: &str,
    ) {
        let author = original.map(|original| original.author.as_str()).or(author);
        if let Some(author) = author {
            line.put(self.look(author), &isolated(&clean(author)));
        }
        match original {
            // It may have been removed.
            Some(Quote { text, .. }) if !text.is_empty() => {
                line.put(Look::Plain, ": ").put(Look::Faint, &quoted(&cut(&clean(text), QUOTE_MAX)));
            }
            _ if author.is_some() => _ = line.put(Look::Faint, &format!(" #{}", clean(id))),
            _ => _ = line.put(Look::Faint, &format!("#{}", clean(id))),
        }
    }

    /// How somebody's name looks.
    pub(super) fn look(&self, name: &str) -> Look {
        if self.is_me(name) { Look::Own } else { Look::of_name(name) }
    }

    /// A side of a direct conversation.
    fn side(&self, name: &str) -> String {
        if self.is_me(name) { "you".to_owned() } else { isolated(&clean(name)).into_owned() }
    }

    pub(super) fn is_me(&self, name: &str) -> bool {
        UserName::parse(name).is_ok_and(|name| name == self.me)
    }
}

/// The marks of a message, taken apart.
struct Marks<'a> {
    /// `me`: it is what the author does.
    does: bool,
    answers: Option<Answers<'a>>,
    /// `edited`, `removed`, `2 👍`, and what later servers may say.
    others: Vec<&'a str>,
}

/// `re ID AUTHOR`.
struct Answers<'a> {
    id: &'a str,
    author: Option<&'a str>,
    original: Option<Quote>,
}

impl<'a> Marks<'a> {
    fn of(message: &'a ShownMessage) -> Self {
        let mut marks = Self { does: false, answers: None, others: Vec::new() };
        for mark in message.mark.as_deref().into_iter().flat_map(|marks| marks.split(", ")) {
            let mut words = mark.split(' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some(MARK_ME), None, ..) => marks.does = true,
                (Some("re"), Some(id), author, None) if marks.answers.is_none() => {
                    marks.answers = Some(Answers { id, author, original: message.quote.clone() });
                }
                _ => marks.others.push(mark),
            }
        }
        marks
    }

    fn is_empty(&self) -> bool {
        self.answers.is_none() && self.others.is_empty()
    }
}
