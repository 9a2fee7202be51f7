//! Everything that crosses from one thread to another.
//!
//! Owns the enums of the ring, the [`Mailbox`] that carries them, and the [`Budget`] that bounds
//! what is under way. `hub`, `store`, `auth` and `net` never import one another: they meet here.
//!
//! ```text
//! worker ──Request──> dispatcher ──Delivery──────────────────────────> worker
//!                     dispatcher ──AuthJob──> auth ──RequestKind::AuthDone──> dispatcher
//!                     dispatcher ──ReadJob──> reader ──Delivery::Answer──> worker
//!                     dispatcher ──ReloadJob──> reload ──RequestKind::Maintenance──> dispatcher
//!                                             watchdog ──RequestKind::Maintenance──> dispatcher
//!                                              metrics ──RequestKind::Figures──> dispatcher
//!                     dispatcher ──FiguresJob──> figures ──Delivery::Answer──> worker, or Figures ──> metrics
//! ```

mod auth;
mod blocklist;
mod budget;
mod erasures;
mod exported;
mod figures;
mod histogram;
mod lines;
mod mailbox;
mod maintenance;
mod messages;
mod password_queue;
mod personal;
mod reads;
mod records;
mod settings;
mod tally;
mod tap;
mod turn_queue;

pub(super) use auth::{AuthJob, AuthOutcome, AuthWork};
pub(super) use blocklist::{BlockedNetwork, Blocklist};
pub(super) use budget::{Budget, Share};
pub(super) use erasures::{Ended, Erasures};
pub(super) use exported::{
    EXPORT_VERSION, ExportLine, ExportMessage, ExportOf, ExportReaction, ExportReply, ExportRole, MENTION_ALL,
};
pub(super) use figures::{Asker, CommitFigures, Disk, Figures, FiguresJob, HubFigures, OpenConnections, Queues};
pub(super) use histogram::Histogram;
pub(super) use lines::{LineRef, Lines};
pub(super) use mailbox::{Mailbox, Wake};
pub(super) use maintenance::{Maintenance, ReloadJob};
pub(super) use messages::{
    Appended, ChangeKind, ChangeRecord, Draft, Expiry, Mark, Mentioned, MessageRecord, Oldest, Pins, Reaction,
    Reactions, Rest, SaidBy, Surplus,
};
pub(super) use password_queue::{Applicant, PasswordQueue, PasswordQueueSender, Standing, password_queue};
pub(super) use personal::{AwayRecord, IgnoredRecord, PersonalWrite};
pub(super) use reads::{ConversationRef, Hearer, Read, ReadJob, ReadPosition, TimeRange};
pub(super) use records::{
    AccountRecord, AdministrationWrite, AuditRecord, BlockRecord, ConversationKind, ConversationRecord, HookRecord,
    InviteMadeRecord, InviteRecord, InvitedRecord, KNOWN_MAX, MemberRecord, RecoveryRecord, RetentionRecord,
    SanctionKind, SanctionRecord, Snapshot, TokenRecord, Write,
};
pub(super) use settings::{HubSettings, KeepLimits, Limits, PaceLimits, Registration};
pub(super) use tally::{LineCounts, Tally};
pub(super) use tap::Tap;
pub(super) use turn_queue::TurnQueue;

use crate::protocol::code::Refusal;
use crate::protocol::command::{Command, InviteTerms, Verb};
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId, MessageId, RoomName, Text, UserName};
use crate::protocol::network::Network;
use crate::protocol::secrets::{Digest, Secret};
#[cfg(feature = "faults")]
use crate::server::simulation::ServerEnd;
use crossbeam_channel::Sender;
use std::fmt::Debug;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// What a worker asks the dispatcher for one of its connections, or what `auth` reports. Each is
/// answered by exactly one [`Delivery::Answer`] or [`Ack`], in the order of asking, except
/// [`RequestKind::Detach`], [`RequestKind::Stopped`], [`RequestKind::Maintenance`],
/// [`RequestKind::Figures`], and [`RequestKind::Quit`] with `answer` false.
#[derive(Debug)]
pub(super) struct Request {
    pub conn: ConnId,
    pub viewer: Viewer,
    pub kind: RequestKind,
    /// Its share of the [`Budget`], in bytes.
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

    /// From a thread that looks after the server; the connection is the one that is answered, if one is.
    #[must_use]
    pub(super) fn maintenance(conn: ConnId, maintenance: Maintenance) -> Self {
        Self { conn, viewer: Viewer::Program, kind: RequestKind::Maintenance(Box::new(maintenance)), bytes: 0 }
    }
}

/// Who looks at a connection's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Viewer {
    /// A program (tags on): it fetches what it missed and marks what it read on its own.
    Program,
    /// A person (tags off): shown unread lines at login and `/join`, and what was shown is read.
    Person {
        /// How many of those lines to show at most.
        replay: u32,
    },
}

#[derive(Debug)]
pub(super) enum RequestKind {
    /// A connection to the admin socket begins; it is logged in immediately.
    Console,
    /// A login with a password.
    Login { name: UserName, password: Secret, from: AddressGroup },
    /// A registration.
    Register {
        name: UserName,
        /// The digest of the invitation code, if one was given.
        invite: Option<Digest>,
        password: Secret,
        from: AddressGroup,
    },
    /// A login with a device token.
    Resume { token: Digest, from: AddressGroup },
    /// A new password for an account whose old one was reset.
    Recover {
        name: UserName,
        /// The digest of the code.
        code: Digest,
        password: Secret,
        from: AddressGroup,
    },
    /// A new password for the account.
    Passwd { old: Secret, new: Secret },
    /// `/unregister`, and whether what the account said goes, too.
    Unregister { all: bool, password: Secret },
    /// The result from `auth`, which answers the connection's login, registration or `/passwd`. If
    /// the connection is gone by then, only a wrong password still counts.
    AuthDone(AuthOutcome),
    /// `/token new`: the worker creates the token, since the hub has no randomness of its own.
    NewToken {
        label: String,
        /// Whether this connection counts as logged in with it from now on.
        here: bool,
        token: Secret,
    },
    /// `/invitecode`: the worker creates the code.
    NewInvite { terms: InviteTerms, code: Secret },
    /// `/hook new`: the worker creates the token.
    NewHook { room: RoomName, label: UserName, token: Secret },
    /// What a program posts at a hook's address; nobody is logged in on the connection. The answer is the
    /// id of the message that was said, or a refusal.
    Hook {
        /// Of the token in the address.
        token: Digest,
        /// The key of a `/post`, if it gave one.
        key: Option<Box<str>>,
        text: Text,
        from: AddressGroup,
    },
    /// `/resetpw`: the worker creates the code.
    ResetPassword { name: UserName, code: Secret },
    /// Bare text, said in the current room.
    SayHere(Text),
    /// A `/join` or `/switch` that could not be parsed, and why: there is no current room any more.
    LeaveCurrentRoom(Refusal),
    /// A command whose ROOM was left out, or may have been; its arguments as they were typed.
    InCurrentRoom { verb: &'static Verb, rest: Box<str> },
    /// Any other command of somebody who is logged in.
    Command(Command),
    /// The peer leaves, by `/quit` (`answer` is true) or by the end of its input: what was
    /// delivered before counts as seen.
    Quit {
        /// Whether a final line is wanted.
        answer: bool,
    },
    /// The connection is gone. May follow [`RequestKind::Quit`].
    Detach,
    /// This worker cuts no more lines; only detaches follow.
    Stopped,
    /// From the thread `reload` or `watchdog`. It may hold the answer to a `/reload` of the connection.
    Maintenance(Box<Maintenance>),
    /// From the thread `metrics`, which is sent the figures.
    Figures(Sender<Figures>),
}

/// Where a worker's requests go.
pub(super) trait Submit: Send + Sync + Debug {
    /// Hands over all requests of a worker's turn, in order, and leaves the vector empty. True if
    /// they have been decided when this returns, by the calling thread itself: the deliveries are in
    /// the workers' mailboxes then.
    #[must_use]
    fn submit(&self, requests: &mut Vec<Request>) -> bool;
}

impl RequestKind {
    /// Whether it asks for another current room.
    #[must_use]
    pub(super) fn asks_for_room(&self) -> bool {
        matches!(self, Self::Command(Command::Join(_) | Command::Switch(_)) | Self::LeaveCurrentRoom(_))
    }

    /// Whether the connection waits for an answer.
    #[must_use]
    pub(super) fn is_answered(&self) -> bool {
        !matches!(
            self,
            Self::Detach | Self::Stopped | Self::Quit { answer: false } | Self::Maintenance(_) | Self::Figures(_)
        )
    }
}

/// An accepted socket that no worker owns yet.
#[derive(Debug)]
pub(super) enum Socket {
    /// From one of the ports.
    Tcp(TcpStream),
    /// From the admin socket.
    Unix(UnixStream),
    /// From a simulation.
    #[cfg(feature = "faults")]
    Simulated(ServerEnd),
}

/// Which kind of listener accepted a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListenerKind {
    /// Implicit TLS.
    Tls,
    /// Plain text.
    Plain,
    /// HTTP without TLS.
    Web,
    /// The admin socket: logged in immediately.
    Console,
}

impl ListenerKind {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 4] = [Self::Tls, Self::Plain, Self::Web, Self::Console];

    #[must_use]
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Plain => "plain",
            Self::Web => "web",
            Self::Console => "console",
        }
    }
}

#[derive(Debug)]
pub(super) struct Accepted {
    pub socket: Socket,
    pub kind: ListenerKind,
    pub from: AddressGroup,
    /// It is a proxy's, and will say whose it is.
    pub proxied: bool,
    pub permit: Box<dyn Admission>,
    /// The server is full: the worker has to end somebody's connection who is not logged in, if not this one.
    pub crowded: bool,
}

/// A connection's share of the limits on connections; given back when dropped.
pub(super) trait Admission: Send + Sync + Debug {
    /// Somebody has logged in on it: it makes room for nobody any more.
    fn logged_in(&mut self);
    /// It is known now whose connection a proxy passes on. False if that address has as many as it may.
    fn come_from(&mut self, from: AddressGroup) -> bool;
    /// How many connections on which nobody is logged in its address has.
    fn guests_beside(&self) -> u32;
    /// Whether there are more connections than there may be by now.
    fn are_too_many(&self) -> bool;
}

#[cfg(any(test, feature = "faults"))]
impl Admission for () {
    fn logged_in(&mut self) {}

    fn come_from(&mut self, _from: AddressGroup) -> bool {
        true
    }

    fn guests_beside(&self) -> u32 {
        1
    }

    fn are_too_many(&self) -> bool {
        false
    }
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

/// What is sent to a worker.
#[derive(Debug)]
pub(super) enum Delivery {
    Accepted(Accepted),
    /// The answer to the oldest unanswered request of a connection.
    Answer(Answer),
    /// From here on the connection belongs to this account and is subscribed to these rooms. Live
    /// lines are held back until the login is answered.
    Attached {
        conn: ConnId,
        account: AccountId,
        rooms: Vec<ConversationId>,
        /// The account's lines are drawn from this; `None` if they are not counted.
        tap: Option<Arc<Tap>>,
    },
    /// The account's connections are subscribed to this room from here on.
    Enter(AccountId, ConversationId),
    /// The account's connections are no longer subscribed to this room.
    Leave(AccountId, ConversationId),
    /// The lines that the deliveries after it refer to, up to the next `Lines`.
    Lines(Arc<Lines>),
    /// A message for all connections in a room.
    RoomMessage(RoomMessage),
    /// A direct message for an account's connections.
    DirectMessage {
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
        room: ConversationId,
        /// The account that did it; its own connections get a notice instead.
        by: AccountId,
        /// Whether `/set presence off` hides it.
        presence: bool,
        /// People of these accounts are not told; see [`UnheardBy`].
        unheard_by: UnheardBy,
        line: LineRef,
    },
    /// A line for an account's connections alone.
    Notice {
        account: AccountId,
        recipients: Recipients,
        line: LineRef,
    },
    /// A line for every connection that is logged in.
    Announcement(LineRef),
    /// Another tap for the lines of a connection; `None` if they are not counted any more.
    Tap {
        conn: ConnId,
        tap: Option<Arc<Tap>>,
    },
    /// The limits from here on.
    Limits(Limits),
    /// How TLS is spoken with those who connect from here on.
    Tls {
        config: Arc<rustls::ServerConfig>,
        /// Whether an authority vouches for it.
        vouched_for: bool,
    },
    /// End all connections from these addresses.
    EndFrom(Network),
    /// End the connection, after this notice.
    End(ConnId, Refusal),
    /// Cut no more lines, and send [`RequestKind::Stopped`].
    Stop,
    /// Everything that was accepted is answered: say goodbye, flush, close.
    Bye,
    /// The server can't go on, and nobody knows what was saved: close everything immediately. Not
    /// another byte may be sent to anyone, since it could be untrue.
    Abort,
}

/// Accounts that ignore whoever said or did something, ascending; `None`, as nearly always, if nobody
/// there does. Their programs receive it all the same, and filter for themselves, so that their ids
/// have no gap.
pub(super) type UnheardBy = Option<Arc<[AccountId]>>;

/// A message for all connections in a room.
#[derive(Debug, Clone)]
pub(super) struct RoomMessage {
    pub room: ConversationId,
    /// The connection that said it, which is shown the line only if its echo is on.
    pub from: ConnId,
    /// Set on the delivery to the worker that owns `from`.
    pub ack: Ack,
    pub unheard_by: UnheardBy,
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
    pub conn: ConnId,
    /// Untagged.
    pub rows: Rows,
    pub last: Final,
}
