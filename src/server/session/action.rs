//! What a line asks of the connection.

use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::{InviteTerms, Setting};
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::{RoomName, UserName};
use crate::server::traffic::RequestKind;

/// What a line asks of the connection.
#[derive(Debug)]
pub(crate) enum SessionAction {
    /// Nothing; an empty line.
    Nothing,
    /// Answer this, after the pending answers.
    Answer(Rows, Final),
    /// Ask for a secret: the next line is the answer.
    Prompt(String),
    /// Change an option at this place in the output, and answer.
    Set(Setting),
    /// Send this to the dispatcher; its answer is this line's.
    Request(RequestKind),
    /// The same, but cut no further line until the answer is there.
    RequestAndWait(RequestKind),
    /// `/token new`: create a token first.
    NewToken {
        label: String,
        /// Whether this connection counts as logged in with it from now on.
        here: bool,
    },
    /// `/invitecode`: create a code first.
    NewInvite(InviteTerms),
    /// `/hook new`: create a token first.
    NewHook { room: RoomName, label: UserName },
    /// `/resetpw`: create a code first.
    ResetPassword(UserName),
    /// Say goodbye and close.
    Quit,
}

/// A line's label, and what to do.
#[derive(Debug)]
pub(crate) struct Step {
    /// Shown by the answer.
    pub label: Option<Box<str>>,
    pub action: SessionAction,
}

pub(super) fn answer(refusal: Refusal) -> SessionAction {
    SessionAction::Answer(Rows::default(), Final::Refused(refusal))
}

pub(super) fn done(text: &str) -> SessionAction {
    SessionAction::Answer(Rows::default(), Final::Done(text.to_owned()))
}

pub(super) fn cancelled() -> SessionAction {
    answer(Refusal::new(Code::Cancelled, "no answer came, so nothing was changed."))
}
