//! What a person typed, before it is a request: the client's own commands, words of other chats, and lines
//! that were pointed at.

use super::{Session, Settled};
use crate::client::answers::more;
use crate::client::incoming;
use crate::client::interpret;
use crate::client::item::{AnswerEnd, AnswerItem, Item, ShownMessage};
use crate::client::own_verbs::{self, Meant};
use crate::client::recent::Author;
use crate::client::references;
use crate::client::requests::{Request, RequestId};
use crate::protocol::names::UserName;

impl Session {
    pub(super) fn typed(&mut self, id: RequestId, line: &str) {
        match own_verbs::meant(line) {
            Meant::Line(line) => match references::line(&line, self.current.as_ref(), &self.recent, &self.names) {
                Ok(line) => self.request(id, &line),
                Err(why) => self.refuse_line(id, &line, "no-such-message", &why),
            },
            Meant::More => match self.more.take() {
                Some(command) => self.requests.push(Request::Command { id, command }),
                None => {
                    self.tell("there is no more to show: /more goes on after a list or a page that stopped short");
                    self.settle(id, Settled::Done);
                }
            },
            Meant::Help { command, rows } => {
                self.show(Item::Answer(AnswerItem { command, rows, end: AnswerEnd::Done(String::new()) }));
                self.settle(id, Settled::Done);
            }
        }
    }

    /// Notes what an answered command has made, and how it goes on.
    pub(super) fn note_done(&mut self, command: &str, text: &str) {
        interpret::learn_done(command, &self.names);
        if more::is_paged(command) {
            self.more = more::next(command, self.answer.rows(), text).map(more::Next::command);
        }
    }

    /// A message is shown, so that one can point at it.
    pub(super) fn note_shown(&mut self, message: &ShownMessage) {
        let author =
            if message.own { Some(Author::Me) } else { UserName::parse(&message.author).ok().map(Author::Other) };
        if let (Some(id), Some(author)) = (message.id, author) {
            self.recent.shown(&message.target, id, author);
        }
    }

    /// As [`Session::note_shown`], for a row of `/history`.
    pub(super) fn note_row(&mut self, command: &str, row: &str) {
        if references::shows_lines(command)
            && let Some(message) = incoming::parse_row(row, self.me.as_ref())
        {
            self.note_shown(&message);
        }
    }
}
