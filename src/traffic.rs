//! Everything that crosses from one thread to another.
//!
//! Owns the enums of the ring, the [`Mailbox`] that carries them, and the [`Budget`] that bounds
//! what is under way. `rooms`, `store`, `auth` and `net` never import one another: they meet here.
//!
//! ```text
//! worker ──Request──> dispatcher ──Delivery──> worker
//!   │  └──AuthJob──> auth ──Delivery::Judged──────^
//!   │                dispatcher ──Ticket──> reader ──Delivery::Answer──^
//! ```

use crate::names::{AccountId, AddressGroup, ConnId, ConversationId, MessageId, RoomName, Text, UserName};
use crate::protocol::code::Refusal;
use crate::protocol::command::Command;
use crate::protocol::line::{Final, Rows};
use crate::secrets::{Digest, Secret};
use parking_lot::{Condvar, Mutex};
use std::fmt::Debug;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

// ---------------------------------------------------------------------------------------------
// Worker to dispatcher
// ---------------------------------------------------------------------------------------------

/// What a worker asks the dispatcher for one of its connections. Each but [`Ask::Detach`],
/// [`Ask::Quit`] with `hear` false, and [`Ask::Stopped`] is answered by exactly one
/// [`Delivery::Answer`] or [`Delivery::Said`] with `answer` set, in the order of asking.
#[derive(Debug)]
pub struct Request {
    /// Who asks.
    pub conn: ConnId,
    /// How many unread lines to show at login and `/join`: `None` for a program (tags on), which
    /// fetches what it missed by itself.
    pub replay: Option<u32>,
    /// What is asked.
    pub ask: Ask,
    /// The request's share of what may be under way.
    pub share: Share,
}

/// See [`Request`].
#[derive(Debug)]
pub enum Ask {
    /// The admin socket's connection begins; it is logged in at once.
    Console,
    /// A name and a password; answered by [`Delivery::Check`] if it may be tried.
    Login {
        /// The account.
        name: UserName,
        /// What was given for its password.
        password: Secret,
        /// Where from.
        from: AddressGroup,
    },
    /// A new account; answered by [`Delivery::Check`] if it may be made.
    Register {
        /// The name it shall have.
        name: UserName,
        /// The invitation, if one was given.
        invite: Option<Digest>,
        /// Its password.
        password: Secret,
        /// Where from.
        from: AddressGroup,
    },
    /// A device token.
    Resume {
        /// Its digest.
        token: Digest,
        /// Where from.
        from: AddressGroup,
    },
    /// A new password for one's account; answered by [`Delivery::Check`].
    Passwd {
        /// The one that stands.
        old: Secret,
        /// The one to come.
        new: Secret,
    },
    /// What `auth` found. The connection may have gone meanwhile: a failure counts all the same.
    Judged(Verdict),
    /// `/token new`: the worker made the token, since the dispatcher's state is pure.
    NewToken {
        /// The token's label.
        label: String,
        /// The token.
        token: Secret,
    },
    /// `/invitecode`: the worker made the code.
    NewInvite {
        /// How many it lets in.
        uses: u32,
        /// How long it lives.
        lasts: Duration,
        /// Whether they become administrators.
        admin: bool,
        /// The code.
        code: Secret,
    },
    /// Bare text, said in the current room.
    Here(Text),
    /// A `/join` or `/switch` that did not parse: there is no current room any more.
    Lost(Refusal),
    /// Any other command of somebody who is logged in.
    Run(Command),
    /// The peer says goodbye, by `/quit` (`hear` is true) or by the end of its input: what was
    /// delivered before is what it has seen.
    Quit {
        /// Whether a final line is wanted.
        hear: bool,
    },
    /// The connection is gone. May follow [`Ask::Quit`].
    Detach,
    /// This worker cuts no more lines; the last request it sends but for detaches.
    Stopped,
}

impl Ask {
    /// Whether the connection waits for an answer.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        !matches!(self, Ask::Detach | Ask::Stopped | Ask::Quit { hear: false })
    }
}

// ---------------------------------------------------------------------------------------------
// To workers
// ---------------------------------------------------------------------------------------------

/// A socket that was accepted, not yet anyone's.
#[derive(Debug)]
pub enum Socket {
    /// From the TLS port or the plain port.
    Tcp(TcpStream),
    /// From the admin socket.
    Unix(UnixStream),
}

/// Which door a connection came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Implicit TLS.
    Tls,
    /// Plain text.
    Plain,
    /// The admin socket: logged in at once.
    Console,
}

/// A new connection.
#[derive(Debug)]
pub struct Accepted {
    /// Its socket.
    pub socket: Socket,
    /// Where it came in.
    pub door: Door,
    /// Where it came from.
    pub from: AddressGroup,
    /// Its place among all connections, given back when it is dropped.
    pub place: Box<dyn Send + Sync + Debug>,
}

/// Which of an account's connections hear something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hears {
    /// All but this one, whose answer says it.
    AllBut(ConnId),
    /// All of them.
    All,
    /// This one alone.
    Only(ConnId),
}

/// What reaches a worker.
#[derive(Debug)]
pub enum Delivery {
    /// A new connection.
    Accepted(Accepted),
    /// `auth` is done with a job.
    Judged(ConnId, Verdict),
    /// Have this checked by `auth`, after the delay: the throttle's.
    Check {
        /// For whom.
        conn: ConnId,
        /// What.
        work: AuthWork,
        /// How long to wait first.
        delay: Duration,
    },
    /// The answer to the oldest unanswered request of a connection.
    Answer(Answer),
    /// From here on the connection is this account's and hears these conversations. What comes
    /// live is held back until the login's answer.
    Attached {
        /// The connection.
        conn: ConnId,
        /// Whose it is.
        account: AccountId,
        /// The name as it was registered, for the log.
        name: UserName,
        /// The rooms it hears.
        rooms: Vec<ConversationId>,
    },
    /// The account's connections hear this room from here on.
    Enter(AccountId, ConversationId),
    /// The account's connections hear this room no more.
    Leave(AccountId, ConversationId),
    /// A message for all connections in a room.
    Said {
        /// The room.
        room: ConversationId,
        /// The connection that said it: shown the line only if its echo is on.
        from: ConnId,
        /// Answers `from`'s oldest request, if `from` is this worker's.
        answer: Final,
        /// The line.
        line: Arc<Encoded>,
    },
    /// A direct message for an account's connections.
    Direct {
        /// Whose connections.
        account: AccountId,
        /// The connection that said it.
        from: ConnId,
        /// Answers `from`'s oldest request: on one of the two deliveries of a direct message.
        answer: Option<Final>,
        /// The line, as this account sees it.
        line: Arc<Encoded>,
    },
    /// Something happened in a room.
    Event {
        /// The room.
        room: ConversationId,
        /// The account that did it: its connections are told by a notice of their own.
        by: AccountId,
        /// Not shown where `/set presence off`.
        presence: bool,
        /// The line.
        line: Arc<Encoded>,
    },
    /// A line for an account's connections alone.
    Notice {
        /// Whose connections.
        account: AccountId,
        /// Which of them.
        hears: Hears,
        /// The line.
        line: Arc<Encoded>,
    },
    /// End the connection, after this notice.
    End(ConnId, Refusal),
    /// Take no more lines from anyone, and say [`Ask::Stopped`].
    Stop,
    /// All that was accepted is answered: say goodbye, flush, close.
    Bye,
}

/// An answer: rows, then exactly one final line.
#[derive(Debug)]
pub struct Answer {
    /// Who asked.
    pub conn: ConnId,
    /// Rows, untagged.
    pub rows: Rows,
    /// The final line.
    pub last: Final,
}

/// A line that goes to many, encoded once: with its tags for programs, sliced off for people.
#[derive(Debug)]
pub struct Encoded {
    /// Not cut to size, which would move it again: it lives for moments.
    bytes: Vec<u8>,
    body: usize,
    /// The conversation that the line belongs to: frames never mix two.
    conversation: Option<ConversationId>,
    tagged_frame: OnceLock<Option<Box<[u8]>>>,
    plain_frame: OnceLock<Option<Box<[u8]>>>,
    _share: Share,
}

impl Encoded {
    /// `bytes` is the tagged line with its LF; the body begins at `body`. The share is given back
    /// when the last worker has dropped the line.
    #[must_use]
    pub fn new(bytes: Vec<u8>, body: usize, conversation: Option<ConversationId>, share: Share) -> Self {
        debug_assert!(body < bytes.len());
        Self { bytes, body, conversation, tagged_frame: OnceLock::new(), plain_frame: OnceLock::new(), _share: share }
    }

    /// The line, with its LF, as a connection wants it.
    #[must_use]
    pub fn line(&self, tagged: bool) -> &[u8] {
        if tagged { &self.bytes } else { &self.bytes[self.body..] }
    }

    /// The conversation it belongs to, if any.
    #[must_use]
    pub fn conversation(&self) -> Option<ConversationId> {
        self.conversation
    }

    /// The line's deflate frame if that is smaller, made by whoever first needs it.
    pub fn frame(&self, tagged: bool, pack: impl FnOnce(&[u8]) -> Option<Box<[u8]>>) -> Option<&[u8]> {
        let cell = if tagged { &self.tagged_frame } else { &self.plain_frame };
        cell.get_or_init(|| pack(self.line(tagged))).as_deref()
    }
}

// ---------------------------------------------------------------------------------------------
// Auth
// ---------------------------------------------------------------------------------------------

/// A job for the bcrypt pool.
#[derive(Debug)]
pub struct AuthJob {
    /// For whom.
    pub conn: ConnId,
    /// What to do.
    pub work: AuthWork,
}

/// See [`AuthJob`].
#[derive(Debug)]
pub enum AuthWork {
    /// Is this the account's password?
    Verify {
        /// The account with the generation of its password; `None` if there is no such account,
        /// which must take the same time.
        account: Option<(AccountId, u32)>,
        /// The name that was tried, folded: failures are counted for it.
        name: UserName,
        /// The hash that stands.
        hash: Option<Arc<str>>,
        /// What was given.
        password: Secret,
        /// Where from.
        from: AddressGroup,
    },
    /// Hash a new account's password.
    Hash {
        /// The name it shall have.
        name: UserName,
        /// The invitation.
        invite: Option<Digest>,
        /// The password, of a length that bcrypt takes whole.
        password: Secret,
        /// Where from.
        from: AddressGroup,
    },
    /// Check the old password and hash the new.
    Change {
        /// The account.
        account: AccountId,
        /// The generation of its password.
        generation: u32,
        /// The hash that stands.
        hash: Arc<str>,
        /// What was given for the old.
        old: Secret,
        /// The new one.
        new: Secret,
    },
}

/// What `auth` found.
#[derive(Debug)]
pub enum Verdict {
    /// The password was right.
    Right {
        /// Whose.
        account: AccountId,
        /// The generation that was checked: the password may have changed meanwhile.
        generation: u32,
        /// Where from.
        from: AddressGroup,
    },
    /// The password was wrong, or there is no such account.
    Wrong {
        /// The name that was tried.
        name: UserName,
        /// Where from.
        from: AddressGroup,
    },
    /// A new account's hash.
    Hashed {
        /// The name it shall have.
        name: UserName,
        /// The invitation.
        invite: Option<Digest>,
        /// The hash.
        hash: Arc<str>,
        /// Where from.
        from: AddressGroup,
    },
    /// A new password's hash, the old one being right.
    Changed {
        /// Whose.
        account: AccountId,
        /// The generation that was checked.
        generation: u32,
        /// The new hash.
        hash: Arc<str>,
    },
    /// `/passwd` gave a wrong old password.
    WrongOld,
    /// The job could not be done.
    Failed(Refusal),
}

// ---------------------------------------------------------------------------------------------
// Dispatcher and store
// ---------------------------------------------------------------------------------------------

/// A change to what is kept, besides messages.
#[derive(Debug, Clone)]
pub enum Write {
    /// A new account.
    Account(AccountRecord),
    /// A new password; the account's generation goes up by one.
    Password {
        /// Whose.
        account: AccountId,
        /// The new generation.
        generation: u32,
        /// The hash.
        hash: Arc<str>,
    },
    /// A new device token.
    Token(TokenRecord),
    /// A token is gone.
    TokenGone(Digest),
    /// A new invitation to the server.
    Invite(InviteRecord),
    /// One use of an invitation; at none left it is gone.
    InviteUsed(Digest),
    /// An invitation is too old.
    InviteGone(Digest),
    /// A new room or pair.
    Conversation(ConversationRecord),
    /// A room's topic; empty is none.
    Topic(ConversationId, String),
    /// A new member.
    Member(MemberRecord),
    /// A member is gone.
    MemberGone(ConversationId, AccountId),
    /// A read marker.
    Read(ConversationId, AccountId, MessageId),
    /// An invitation to a private room.
    Invited(InvitedRecord),
    /// An invitation to a room is used up.
    InvitedGone(ConversationId, AccountId),
    /// The account was used from there, so strangers can't keep that address out.
    Known(AccountId, AddressGroup),
}

/// An account as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its number, given by `rooms`.
    pub id: AccountId,
    /// Its name as it was registered.
    pub name: UserName,
    /// bcrypt's hash; `None` for the server's own account, which nobody can log in to.
    pub hash: Option<Arc<str>>,
    /// Counts password changes: what was proven of an older one is worth nothing.
    pub generation: u32,
    /// Whether it may administer the server.
    pub admin: bool,
    /// When it was made, in milliseconds of Unix time.
    pub at: u64,
}

/// A device token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// SHA-256 of the token.
    pub digest: Digest,
    /// Whose.
    pub account: AccountId,
    /// Its label, unique within the account.
    pub label: String,
    /// When it was made, in milliseconds of Unix time.
    pub at: u64,
}

/// An invitation to the server as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteRecord {
    /// SHA-256 of the code.
    pub digest: Digest,
    /// How many it still lets in.
    pub uses: u32,
    /// Whether they become administrators.
    pub admin: bool,
    /// Until when, in milliseconds of Unix time.
    pub until: u64,
}

/// Which conversation it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConversationKind {
    /// A room.
    Room {
        /// Its name.
        name: RoomName,
        /// Whether only the invited see it.
        private: bool,
        /// What it is about; empty is nothing.
        topic: String,
    },
    /// Two people, the lower account first; or one, with itself.
    Pair(AccountId, AccountId),
}

/// A room or a pair as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationRecord {
    /// Its number, given by `rooms`.
    pub id: ConversationId,
    /// Which it is.
    pub kind: ConversationKind,
    /// The id of the last message said in it.
    pub last: MessageId,
}

/// What a member may do in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Talk.
    Member,
    /// Everything.
    Owner,
}

/// A member of a room, or one side of a pair, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberRecord {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub account: AccountId,
    /// What it may do.
    pub role: Role,
    /// Read up to here.
    pub read: MessageId,
}

/// An invitation to a room as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitedRecord {
    /// Where to.
    pub conversation: ConversationId,
    /// Who.
    pub account: AccountId,
    /// By whom.
    pub by: AccountId,
}

/// All that `rooms` needs to know of what is kept: read at start, and again after a failed commit.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Names this database's line of history.
    pub epoch: String,
    /// Every account, ascending by id.
    pub accounts: Vec<AccountRecord>,
    /// Every device token.
    pub tokens: Vec<TokenRecord>,
    /// Every invitation to the server.
    pub invites: Vec<InviteRecord>,
    /// Every room and pair, ascending by id.
    pub conversations: Vec<ConversationRecord>,
    /// Every member of every room and pair.
    pub members: Vec<MemberRecord>,
    /// Every invitation to a room.
    pub invited: Vec<InvitedRecord>,
    /// Addresses that each account was used from.
    pub known: Vec<(AccountId, AddressGroup)>,
}

/// A message that wants to be kept. Its id is given by `store`.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Where it is said.
    pub conversation: ConversationId,
    /// By whom.
    pub author: AccountId,
    /// When, in milliseconds of Unix time.
    pub at: u64,
    /// What.
    pub text: Text,
    /// `/post`'s key.
    pub key: Option<Box<str>>,
}

/// What became of a [`Draft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It has this id.
    New(MessageId),
    /// The same was said under this key before, with this id.
    Again(MessageId),
    /// Another text was said under this key before.
    Conflict,
}

// ---------------------------------------------------------------------------------------------
// Dispatcher to readers
// ---------------------------------------------------------------------------------------------

/// A read that `rooms` allowed. It leaves the dispatcher after the commit of all that came before
/// it, and is answered to the worker by the reader that takes it.
#[derive(Debug)]
pub struct Ticket {
    /// Who asked.
    pub conn: ConnId,
    /// What.
    pub read: Read,
}

/// See [`Ticket`].
#[derive(Debug)]
pub enum Read {
    /// `/history`: with `after` the first `limit` lines, else the last; both bounds exclusive.
    History {
        /// Where, with the name that its rows carry.
        place: Place,
        /// Ids below; never above what was committed when it was asked.
        before: MessageId,
        /// Ids above.
        after: Option<MessageId>,
        /// At most so many.
        limit: u32,
    },
    /// `/search`.
    Search {
        /// Everywhere that the asker may read, or just the one place asked for.
        places: Vec<Place>,
        /// Whether `places` is one that was asked for.
        within: bool,
        /// Only by this account.
        from: Option<AccountId>,
        /// At most so many.
        limit: u32,
        /// The cursor of the answer before.
        more: Option<u64>,
        /// All of these words.
        words: Text,
    },
    /// `/conversations`.
    Conversations {
        /// Who asks: one's own lines are not unread.
        account: AccountId,
        /// Where, up to which id, read up to where.
        places: Vec<Unread>,
    },
    /// What a person is shown at login and `/join`: unread lines of the room, then a row for each
    /// other conversation with news, then the final line.
    Welcome {
        /// Who: one's own lines are not unread.
        account: AccountId,
        /// The current room.
        room: Option<Unread>,
        /// At most so many lines of it.
        replay: u32,
        /// The other conversations; only those with news are shown.
        others: Vec<Unread>,
        /// The final line.
        last: Final,
    },
}

/// A conversation, and the TARGET that the asker knows it by.
#[derive(Debug, Clone)]
pub struct Place {
    /// Which.
    pub conversation: ConversationId,
    /// `ROOM` or `@NAME`.
    pub target: Box<str>,
}

/// A conversation and how far it is read.
#[derive(Debug, Clone)]
pub struct Unread {
    /// Which.
    pub place: Place,
    /// The last id when it was asked.
    pub last: MessageId,
    /// Read up to here.
    pub read: MessageId,
}

// ---------------------------------------------------------------------------------------------
// Budget
// ---------------------------------------------------------------------------------------------

/// What all requests and lines under way may hold together, in bytes. At the bound a worker stops
/// cutting lines; nothing ever blocks on it.
#[derive(Debug)]
pub struct Budget {
    held: AtomicUsize,
    most: usize,
}

impl Budget {
    /// A budget of `most` bytes; `usize::MAX` is no bound.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), most })
    }

    /// Whether more may be taken. The bound is soft by what the workers take at the same moment.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.held.load(Ordering::Relaxed) < self.most
    }

    /// Takes a share, given back when it is dropped.
    #[must_use]
    pub fn take(self: &Arc<Self>, bytes: usize) -> Share {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Share(Some((Arc::clone(self), bytes)))
    }

    /// Bytes that are under way now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

/// A part of a [`Budget`], given back when dropped.
#[derive(Debug, Default)]
pub struct Share(Option<(Arc<Budget>, usize)>);

impl Drop for Share {
    fn drop(&mut self) {
        if let Some((budget, bytes)) = self.0.take() {
            budget.held.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Mailbox
// ---------------------------------------------------------------------------------------------

/// Wakes a thread that sleeps outside its mailbox, as a worker does in its readiness wait.
pub trait Wake: Send + Sync {
    /// Makes the wait return. Called only while the owner sleeps, at most once a sleep.
    fn wake(&self);
}

/// A mailbox: a sender that also wakes. A locked `Vec` that the owner swaps out whole, and a flag
/// that says whether it sleeps, so that an awake owner costs no system call. Unbounded: what is
/// under way is bounded by the [`Budget`] and by each connection's unanswered lines, so a send
/// never blocks and no cycle of the ring can deadlock.
pub struct Mailbox<T> {
    slot: Arc<Slot<T>>,
}

struct Slot<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    wake: Option<Box<dyn Wake>>,
}

struct State<T> {
    items: Vec<T>,
    asleep: bool,
}

impl<T> std::fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailbox")
    }
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot) }
    }
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self::with(None)
    }
}

impl<T> Mailbox<T> {
    /// A mailbox whose owner sleeps in [`Mailbox::wait`].
    #[must_use]
    pub fn new() -> Self {
        Self::with(None)
    }

    /// A mailbox whose owner sleeps elsewhere and is woken by `wake`.
    #[must_use]
    pub fn waking(wake: Box<dyn Wake>) -> Self {
        Self::with(Some(wake))
    }

    fn with(wake: Option<Box<dyn Wake>>) -> Self {
        let state = Mutex::new(State { items: Vec::new(), asleep: false });
        Self { slot: Arc::new(Slot { state, arrived: Condvar::new(), wake }) }
    }

    /// Sends one item.
    pub fn send(&self, item: T) {
        self.put(|items| items.push(item));
    }

    /// Sends all of a batch under one lock, and leaves the batch empty with its room kept.
    pub fn send_all(&self, batch: &mut Vec<T>) {
        if !batch.is_empty() {
            self.put(|items| items.append(batch));
        }
    }

    fn put(&self, put: impl FnOnce(&mut Vec<T>)) {
        let mut state = self.slot.state.lock();
        put(&mut state.items);
        let wake = std::mem::take(&mut state.asleep);
        drop(state);
        if wake {
            match &self.slot.wake {
                Some(wake) => wake.wake(),
                None => {
                    self.slot.arrived.notify_one();
                }
            }
        }
    }

    /// Takes what is there into `into`, which must be empty.
    pub fn take(&self, into: &mut Vec<T>) {
        debug_assert!(into.is_empty());
        let mut state = self.slot.state.lock();
        state.asleep = false;
        std::mem::swap(&mut state.items, into);
    }

    /// Says that the owner is about to sleep; false if something is there, and it must not. The
    /// owner calls [`Mailbox::take`] when it is awake again.
    #[must_use]
    pub fn may_sleep(&self) -> bool {
        let mut state = self.slot.state.lock();
        state.asleep = state.items.is_empty();
        state.asleep
    }

    /// Sleeps until something is there or the time has come, then takes what is there.
    pub fn wait(&self, until: Option<Instant>, into: &mut Vec<T>) {
        debug_assert!(into.is_empty());
        let mut state = self.slot.state.lock();
        while state.items.is_empty() {
            state.asleep = true;
            match until {
                None => self.slot.arrived.wait(&mut state),
                Some(until) => {
                    if self.slot.arrived.wait_until(&mut state, until).timed_out() {
                        break;
                    }
                }
            }
        }
        state.asleep = false;
        std::mem::swap(&mut state.items, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_given_back_when_the_last_line_is_dropped() {
        let budget = Budget::new(100);
        let line = Arc::new(Encoded::new(b"@id=1 x\n".to_vec(), 6, None, budget.take(150)));
        let other = Arc::clone(&line);
        drop(line);
        assert!(!budget.has_room());
        assert_eq!((other.line(true), other.line(false)), (&b"@id=1 x\n"[..], &b"x\n"[..]));
        drop(other);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_mailbox_wakes_a_sleeper_and_hands_over_all_at_once() {
        let mailbox = Mailbox::new();
        let sender = mailbox.clone();
        let thread = std::thread::spawn(move || {
            for n in 0..1000 {
                sender.send_all(&mut vec![n, n]);
            }
        });
        let (mut got, mut batch) = (Vec::new(), Vec::new());
        while got.len() < 2000 {
            mailbox.wait(Some(Instant::now() + Duration::from_secs(10)), &mut batch);
            assert!(!batch.is_empty(), "nothing came for ten seconds");
            got.append(&mut batch);
        }
        thread.join().unwrap();
        assert!(got.is_sorted());
    }

    #[test]
    fn a_full_mailbox_keeps_its_owner_awake() {
        let mailbox = Mailbox::new();
        assert!(mailbox.may_sleep());
        mailbox.send(1);
        assert!(!mailbox.may_sleep());
        let mut batch = Vec::new();
        mailbox.take(&mut batch);
        assert_eq!(batch, [1]);
        assert!(mailbox.may_sleep());
    }
}
