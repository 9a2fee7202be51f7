//! Everything that crosses from one thread to another.
//!
//! Owns the enums of the ring, the [`Mailbox`] that carries them, and the [`Budget`] that bounds
//! what is under way. `hub`, `store`, `auth` and `net` never import one another: they meet here.
//!
//! ```text
//! worker ──Request──> dispatcher ──Delivery──────────────────────────> worker
//!                     dispatcher ──AuthJob──> auth ──RequestKind::AuthDone──> dispatcher
//!                     dispatcher ──ReadJob──> reader ──Delivery::Answer──> worker
//! ```

mod auth;
mod budget;
mod lines;
mod mailbox;
mod reads;
mod records;

pub(super) use auth::{AuthJob, AuthOutcome, AuthWork};
pub(super) use budget::{Budget, Share};
pub(super) use lines::{LineRef, Lines};
pub(super) use mailbox::{Mailbox, Wake};
pub(super) use reads::{ConversationRef, Read, ReadJob, Unread};
pub(super) use records::{
    AccountRecord, Appended, ConversationKind, ConversationRecord, Draft, InviteRecord, InvitedRecord, MemberRecord,
    Role, Snapshot, TokenRecord, Write,
};

use crate::protocol::code::Refusal;
use crate::protocol::command::Command;
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId, MessageId, Text, UserName};
use crate::protocol::secrets::{Digest, Secret};
use std::fmt::Debug;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// What a worker asks the dispatcher for one of its connections, or what `auth` tells it. Each is
/// answered by exactly one [`Delivery::Answer`] or [`Ack`], in the order of asking, except
/// [`RequestKind::Detach`], [`RequestKind::Stopped`], and [`RequestKind::Quit`] with `answer` false.
#[derive(Debug)]
pub(super) struct Request {
    /// Who asks.
    pub conn: ConnId,
    /// Whether a person or a program asks.
    pub viewer: Viewer,
    /// What is asked.
    pub kind: RequestKind,
    /// Bytes that it holds of the [`Budget`].
    pub bytes: usize,
}

impl Request {
    /// The connection is gone.
    #[must_use]
    pub(super) fn detach(conn: ConnId) -> Self {
        Self { conn, viewer: Viewer::Program, kind: RequestKind::Detach, bytes: 0 }
    }

    /// The worker that this connection id names cuts no more lines.
    #[must_use]
    pub(super) fn stopped(conn: ConnId) -> Self {
        Self { conn, viewer: Viewer::Program, kind: RequestKind::Stopped, bytes: 0 }
    }
}

/// Who looks at a connection's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Viewer {
    /// A program (tags on): it fetches what it missed, and marks what it read, by itself.
    Program,
    /// A person (tags off): shown unread lines at login and `/join`, and what was shown is read.
    Person {
        /// How many of those lines to show at most.
        replay: u32,
    },
}

/// See [`Request`].
#[derive(Debug)]
pub(super) enum RequestKind {
    /// The admin socket's connection begins; it is logged in at once.
    Console,
    /// A name and a password.
    Login {
        /// The account.
        name: UserName,
        /// What was given for its password.
        password: Secret,
        /// The address that it comes from.
        from: AddressGroup,
    },
    /// A new account.
    Register {
        /// Its name.
        name: UserName,
        /// The invitation, if one was given.
        invite: Option<Digest>,
        /// Its password.
        password: Secret,
        /// The address that it comes from.
        from: AddressGroup,
    },
    /// A device token.
    Resume {
        /// Its digest.
        token: Digest,
        /// The address that it comes from.
        from: AddressGroup,
    },
    /// A new password for one's account.
    Passwd {
        /// The current one.
        old: Secret,
        /// The new one.
        new: Secret,
    },
    /// From `auth`: what it found. It answers the connection's login, registration or `/passwd`.
    /// If the connection has gone in the meantime, only a wrong password still counts.
    AuthDone(AuthOutcome),
    /// `/token new`: the worker makes the token, since the hub has no randomness of its own.
    NewToken {
        /// The token's label.
        label: String,
        /// Whether this connection counts as logged in with it from now on.
        here: bool,
        /// The token.
        token: Secret,
    },
    /// `/invitecode`: the worker makes the code.
    NewInvite {
        /// How many people it lets in.
        uses: u32,
        /// How long it is valid.
        lasts: Duration,
        /// Whether they become administrators.
        admin: bool,
        /// The code.
        code: Secret,
    },
    /// Bare text, said in the current room.
    SayHere(Text),
    /// A `/join` or `/switch` that did not parse, with why: there is no current room any more.
    LeaveCurrentRoom(Refusal),
    /// Any other command of somebody who is logged in.
    Command(Command),
    /// The peer leaves, by `/quit` (`answer` is true) or by the end of its input: what was
    /// delivered before is what it has seen.
    Quit {
        /// Whether a final line is wanted.
        answer: bool,
    },
    /// The connection is gone. May follow [`RequestKind::Quit`].
    Detach,
    /// This worker cuts no more lines; only detaches follow.
    Stopped,
}

impl RequestKind {
    /// Whether the connection waits for an answer.
    #[must_use]
    pub(super) fn is_answered(&self) -> bool {
        !matches!(self, RequestKind::Detach | RequestKind::Stopped | RequestKind::Quit { answer: false })
    }
}

/// A socket that was accepted, not yet anyone's.
#[derive(Debug)]
pub(super) enum Socket {
    /// From the TLS port or the plain port.
    Tcp(TcpStream),
    /// From the admin socket.
    Unix(UnixStream),
}

/// Which listener a connection came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListenerKind {
    /// Implicit TLS.
    Tls,
    /// Plain text.
    Plain,
    /// The admin socket: logged in at once.
    Console,
}

/// A new connection.
#[derive(Debug)]
pub(super) struct Accepted {
    /// Its socket.
    pub socket: Socket,
    /// Where it came in.
    pub kind: ListenerKind,
    /// Where it came from.
    pub from: AddressGroup,
    /// Its permit, given back when it is dropped.
    pub permit: Box<dyn Send + Sync + Debug>,
}

/// Which of an account's connections are told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recipients {
    /// All except this one, whose answer says it.
    AllBut(ConnId),
    /// All of them.
    All,
    /// Only this one.
    Only(ConnId),
    /// All that have not said `/set presence off`.
    WantPresence,
}

/// What reaches a worker.
#[derive(Debug)]
pub(super) enum Delivery {
    /// A new connection.
    Accepted(Accepted),
    /// The answer to the oldest unanswered request of a connection.
    Answer(Answer),
    /// From here on the connection is this account's and is subscribed to these rooms. What comes
    /// live is held back until the login is answered.
    Attached {
        /// The connection.
        conn: ConnId,
        /// Whose it is.
        account: AccountId,
        /// The name as it was registered, for the log.
        name: UserName,
        /// Its account's rooms.
        rooms: Vec<ConversationId>,
    },
    /// The account's connections are subscribed to this room from here on.
    Enter(AccountId, ConversationId),
    /// The account's connections are not subscribed to this room any more.
    Leave(AccountId, ConversationId),
    /// The lines of everything that is delivered after it, up to the next ones.
    Lines(Arc<Lines>),
    /// A message for all connections in a room.
    RoomMessage(RoomMessage),
    /// A direct message for an account's connections.
    DirectMessage {
        /// Whose connections.
        account: AccountId,
        /// The connection that said it.
        from: ConnId,
        /// Set on one of the two deliveries of a direct message.
        ack: Ack,
        /// The line, as this account sees it.
        line: LineRef,
    },
    /// Something happened in a room.
    Event {
        /// The room.
        room: ConversationId,
        /// The account that did it; its own connections get a notice instead.
        by: AccountId,
        /// Not shown where `/set presence off`.
        presence: bool,
        /// The line.
        line: LineRef,
    },
    /// A line for an account's connections alone.
    Notice {
        /// Whose connections.
        account: AccountId,
        /// Which of them.
        recipients: Recipients,
        /// The line.
        line: LineRef,
    },
    /// End the connection, after this notice.
    End(ConnId, Refusal),
    /// Cut no more lines, and send [`RequestKind::Stopped`].
    Stop,
    /// All that was accepted is answered: say goodbye, flush, close.
    Bye,
    /// The server can't go on, and nobody knows what was saved: close everything and end at once.
    /// Not another byte may be sent to anyone, since it could be untrue.
    Abort,
}

/// A message for all connections in a room.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoomMessage {
    /// The room.
    pub room: ConversationId,
    /// The connection that said it, which is shown the line only if its echo is on.
    pub from: ConnId,
    /// Set on the delivery to the worker that owns `from`.
    pub ack: Ack,
    /// The line.
    pub line: LineRef,
}

/// How a message answers the oldest request of the connection that said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ack {
    /// Not by this delivery.
    None,
    /// By silence: it was bare text.
    Silent,
    /// `+ ID`.
    Id(MessageId),
}

impl Ack {
    /// As the final line of an answer; `None` if this is no answer.
    #[must_use]
    pub(super) fn answer(self) -> Option<Final> {
        match self {
            Self::None => None,
            Self::Silent => Some(Final::Silent),
            Self::Id(id) => Some(Final::MessageId(id.value())),
        }
    }
}

/// An answer: rows, then exactly one final line.
#[derive(Debug)]
pub(super) struct Answer {
    /// Who asked.
    pub conn: ConnId,
    /// Rows, untagged.
    pub rows: Rows,
    /// The final line.
    pub last: Final,
}
