//! Answers: who is told what, for everything that people ask and do.
//!
//! [`Hub::handle`] takes a worker's request. A change to the stored state goes to
//! [`crate::server::core`] as an operation, and its outcome becomes answers and deliveries; a query
//! is answered from the state. Everything else here is local to this process and lost with it:
//! connections and their current rooms, presence, which lines were shown, who guesses passwords.
//!
//! Must not know SQLite, sockets, threads or clocks: the time is an argument. The dispatcher's
//! thread runs it.
//!
//! `login` and `attach` let connections in; `account`, `administration`, `rooms`, `roles`, `moderation`,
//! `messages`, `mentions`, `changes`, `hooks` and
//! `reading` hold the verbs, and `current_room` reads lines that leave their ROOM out; `presence` announces who comes
//! and goes; `connections` knows who is connected; `throttle` and `password_checks` handle passwords, and
//! `pace` says how often an account may do what many notice, and `taps` how fast it may send lines; `sweep` drops what rooms no longer keep;
//! `maintenance` takes new settings; `refusals` has the sentences for what the core refuses.

mod account;
mod administration;
mod attach;
mod blocks;
mod changes;
mod connections;
mod current_room;
mod effects;
mod hooks;
mod invitations;
mod invites;
mod log_entry;
mod login;
mod maintenance;
mod mentions;
mod messages;
mod moderation;
mod pace;
mod password_checks;
mod personal;
mod presence;
mod reading;
mod refusals;
mod roles;
mod rooms;
mod stats;
mod steady;
mod sweep;
mod taps;
mod throttle;

pub(super) use effects::Effects;

use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::Command;
use crate::protocol::line::{Body, Final, Line, Rows, Tags};
use crate::protocol::names::{AccountId, ConnId};
#[cfg(test)]
use crate::server::core::Refused;
use crate::server::core::{AccountAction, Manner, Operation, OperationKind, Outcome, State, Storage};
use crate::server::traffic::{AuditRecord, HubSettings, Request, RequestKind, SanctionKind, Snapshot, Viewer};
use connections::Connections;
use log_entry::LogEntry;
use pace::Pace;
use password_checks::PasswordChecks;
use presence::Presence;
use stats::Stats;
use std::time::Instant;
use steady::SteadyClock;
use sweep::Sweeper;
use taps::Taps;
use throttle::Throttle;

pub(super) use refusals::not_saved;
pub(super) use sweep::{Backlog, ERASE_MOST, GRACE, SWEEP_MOST};

/// In rooms with up to this many members, everyone is told who comes and goes. In larger ones
/// people ask with `/who`, since telling everyone would cost the square of the number of members.
pub const TELL_MEMBERS_MAX: usize = 50;

/// The time, twice: one to wait by, one to show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// Monotonic.
    pub instant: Instant,
    /// Milliseconds of Unix time; the dispatcher never lets it go back.
    pub wall: u64,
}

/// An operation and its outcome.
#[cfg(test)]
pub(super) type Applied = (Operation, Result<Outcome, Refused>);

#[derive(Debug)]
pub(super) struct Hub {
    settings: HubSettings,
    state: State,
    connections: Connections,
    presence: Presence,
    throttle: Throttle,
    pace: Pace,
    taps: Taps,
    stats: Stats,
    password_checks: PasswordChecks,
    blocks: blocks::Blocks,
    clock: SteadyClock,
    sweeper: Sweeper,
    /// Those who are connected need other taps.
    retap: bool,
    /// What administrators are told when they log in.
    warnings: Vec<String>,
    /// The last batch that was to be stored could not be.
    unsaved: bool,
    /// Every operation that was applied, in order, with its outcome.
    #[cfg(test)]
    applied: Vec<Applied>,
}

impl Hub {
    /// Starts with the stored state and nobody connected.
    #[must_use]
    pub(super) fn new(settings: HubSettings, snapshot: Snapshot) -> Self {
        Self {
            state: State::new(snapshot),
            connections: Connections::new(settings.workers),
            presence: Presence::default(),
            throttle: Throttle::new(settings.logins, settings.registrations),
            pace: Pace::new(settings.pace),
            stats: Stats::default(),
            taps: Taps::new(settings.account_flood, settings.pace.new_account),
            password_checks: PasswordChecks::default(),
            blocks: blocks::Blocks::default(),
            clock: SteadyClock::default(),
            sweeper: Sweeper::default(),
            retap: false,
            warnings: Vec::new(),
            unsaved: false,
            settings,
            #[cfg(test)]
            applied: Vec::new(),
        }
    }

    /// A connection asked for another current room in a batch that will be rolled back: it has none then.
    pub(super) fn refuse_room(&mut self, conn: ConnId) {
        self.connections.set_current_room(conn, None);
    }

    /// Starts again from the stored state after a batch was rolled back, and undoes what the batch
    /// did to connections: those that it logged in are logged out, those that it ended are back,
    /// and those that asked for another current room have none. Connections that are gone stay
    /// gone.
    pub(super) fn roll_back(&mut self, snapshot: Snapshot) {
        self.state = State::new(snapshot);
        self.connections.roll_back(&self.state);
        self.blocks.roll_back();
        self.sweeper.roll_back();
        self.stats.count_failed();
        self.unsaved = true;
    }

    /// What the steady clock shows: see [`steady`].
    pub(super) fn steady(&mut self, now: Now) -> u64 {
        self.clock.at(now)
    }

    /// Something was stored.
    pub(super) fn saved(&mut self) {
        self.unsaved = false;
    }

    /// The batch is stored, and with it what it did to connections.
    pub(super) fn commit(&mut self, effects: &mut Effects) {
        self.connections.commit();
        self.blocks.commit();
        self.password_checks.delay(&mut effects.delayed);
    }

    /// Decides one request. Changes go to `storage`, in order; `effects` may go out once they are
    /// committed.
    pub(super) fn handle(&mut self, now: Now, request: Request, storage: &mut dyn Storage, effects: &mut Effects) {
        let Request { conn, viewer, kind, bytes: _ } = request;
        let mut guest = Guest { now, conn, viewer, hub: self, storage, effects };
        let refused = match kind {
            RequestKind::Console => login::console(&mut guest),
            RequestKind::Login { name, password, from } => login::login(&mut guest, name, password, from),
            RequestKind::Register { name, invite, password, from } => {
                login::register(&mut guest, login::NewUser { name, invite, from }, password)
            }
            RequestKind::Resume { token, from } => login::resume(&mut guest, token, from),
            RequestKind::Recover { name, code, password, from } => {
                login::recover(&mut guest, name, code, password, from)
            }
            RequestKind::Hook { token, key, text, from } => hooks::post(&mut guest, &token, key, text, from),
            RequestKind::AuthDone(outcome) => login::auth_done(&mut guest, outcome),
            RequestKind::Quit { answer } => presence::quit(&mut guest, answer),
            RequestKind::Detach => {
                guest.hub.detach(now, conn, guest.effects);
                Ok(())
            }
            RequestKind::Stopped => Ok(()),
            // The dispatcher takes them out of the batch.
            RequestKind::Maintenance(_) | RequestKind::Figures(_) => Err(unexpected(&"what is no part of a batch")),
            kind => match guest.hub.connections.account(conn) {
                Some(account) => handle_logged_in(&mut guest.logged_in(account), kind),
                None => Err(Refusal::new(Code::NotLoggedIn, "this connection has ended. Log in again.")),
            },
        };
        if let Err(refusal) = refused {
            effects.refuse(conn, refusal);
        }
    }

    /// When [`Hub::tick`] next has something to do; `None` if nothing is due.
    #[must_use]
    pub(super) fn due(&self) -> Option<Instant> {
        [self.presence.due(), self.password_checks.due()].into_iter().flatten().min()
    }

    /// Does what is due: announces who came and went, and sends out delayed password checks.
    pub(super) fn tick(&mut self, now: Now, effects: &mut Effects) {
        self.tell_presence(now, effects);
        self.password_checks.take_due(now.instant, &mut effects.auth_jobs);
        self.throttle.forget(now.instant);
    }

    /// What the server's log says of an entry of the audit log, which this connection made.
    pub(super) fn log_entry(&self, conn: ConnId, record: AuditRecord) -> LogEntry {
        let AuditRecord { conversation, at: _, by, verb, whom, reason } = record;
        let room = conversation.and_then(|room| self.state.room(room)).map(|room| room.name.to_string());
        LogEntry::Audit { by: self.state.name(by).to_owned(), conn, verb, room, whom, reason }
    }

    /// The name of a room, or those of the two in a direct conversation, for the simulation.
    #[cfg(feature = "faults")]
    pub(in crate::server) fn names_of(&self, conversation: crate::protocol::names::ConversationId) -> Vec<String> {
        use crate::server::core::Conversation;
        let name = |account: AccountId| self.state.name(account).to_owned();
        match self.state.conversation(conversation) {
            Some(Conversation::Room(room)) => vec![room.name.to_string()],
            Some(Conversation::Pair(pair)) => pair.sides.map(name).into(),
            None => Vec::new(),
        }
    }

    /// The state, and every operation that led to it, with its outcome.
    #[cfg(test)]
    pub(super) fn recorded(&self) -> (&State, &[Applied]) {
        (&self.state, &self.applied)
    }

    fn apply(&mut self, now: Now, kind: OperationKind, storage: &mut dyn Storage) -> Result<Outcome, Refusal> {
        let operation = Operation { at: now.wall, steady: self.clock.at(now), kind };
        #[cfg(test)]
        let recorded = operation.clone();
        let outcome = self.state.apply(operation, storage);
        #[cfg(test)]
        self.applied.push((recorded, outcome.clone()));
        outcome.map_err(refusals::refusal)
    }
}

fn handle_logged_in(cx: &mut Context<'_>, kind: RequestKind) -> Answered {
    let command = match kind {
        RequestKind::SayHere(text) => return messages::say_here(cx, text),
        RequestKind::LeaveCurrentRoom(refusal) => {
            return Err(cx.leave_current_room(refusal));
        }
        RequestKind::Passwd { old, new } => return login::passwd(cx, old, new),
        RequestKind::Unregister { all, password } => return login::unregister(cx, all, password),
        RequestKind::NewToken { label, here, token } => return account::new_token(cx, label, here, &token),
        RequestKind::NewInvite { terms, code } => return invites::new(cx, terms, &code),
        RequestKind::NewHook { room, label, token } => return hooks::new(cx, room, label, &token),
        RequestKind::ResetPassword { name, code } => return administration::reset_password(cx, name, &code),
        RequestKind::InCurrentRoom { verb, rest } => current_room::read(cx, verb, &rest)?,
        RequestKind::Command(command) => command,
        other => return Err(unexpected(&other)),
    };
    cx.forget_expired_invitations()?;
    match command {
        Command::Say { target, key, text } => messages::say(cx, target, key, text),
        Command::Act { target: Some(target), text } => messages::say_as(cx, target, Manner::Me, text),
        Command::Act { target: None, text } => messages::act_here(cx, text),
        Command::Reply { target, id, text } => messages::say_as(cx, target, Manner::Reply(id), text),
        Command::Edit { target, id, text } => changes::edit(cx, target, id, text),
        Command::Update { target, key, text } => messages::update(cx, target, key, text),
        Command::Redact { target, id, reason } => changes::redact(cx, target, id, reason),
        Command::React { target, id, word } => changes::react(cx, target, id, word),
        Command::Pin { target, id, pinned } => changes::pin(cx, target, id, pinned),
        Command::Pins(target) => changes::pins(cx, target.as_ref()),
        Command::Changes { target, after, limit } => changes::list(cx, target.as_ref(), after, limit),
        Command::Read { target, id } => messages::read(cx, &target, id),
        Command::History { target, part, limit } => reading::history(cx, target.as_ref(), part, limit),
        Command::Search(search) => reading::search(cx, *search),
        Command::Mentions { limit, more } => mentions::list(cx, limit, more),
        Command::Export { limit, more } => reading::export(cx, limit, more),
        Command::Conversations => reading::conversations(cx),
        Command::Rooms { after, limit } => rooms::list(cx, after.as_ref(), limit),
        Command::Create { room, private } => rooms::create(cx, room, private),
        Command::Join(room) => rooms::join(cx, room),
        Command::Leave(room) => rooms::leave(cx, room),
        Command::Switch(room) => rooms::switch(cx, &room),
        Command::Invite { room, name } => invitations::invite(cx, room, name),
        Command::Invitations => invitations::list(cx),
        Command::Decline(what) => invitations::decline(cx, what),
        Command::Who { room, page } => rooms::who(cx, room.as_ref(), page.as_ref()),
        Command::Kick { room, name, reason } => moderation::kick(cx, room, name, reason),
        Command::Ban { room, name, lasts, reason } => {
            let sentence = moderation::Sentence { kind: SanctionKind::Ban, lasts, reason };
            moderation::impose(cx, room, name, sentence)
        }
        Command::Mute { room, name, lasts, reason } => {
            let sentence = moderation::Sentence { kind: SanctionKind::Mute, lasts, reason };
            moderation::impose(cx, room, name, sentence)
        }
        Command::Unban { room, name } => moderation::lift(cx, room, name, SanctionKind::Ban),
        Command::Unmute { room, name } => moderation::lift(cx, room, name, SanctionKind::Mute),
        Command::Slow { room, every } => moderation::slow(cx, room, every),
        Command::Hook(command) => hooks::act(cx, command),
        Command::Private { room, private } => moderation::set_private(cx, room, private),
        Command::Retain { room, keep } => moderation::retain(cx, room, keep),
        Command::Rename { room, name } => moderation::rename(cx, room, name),
        Command::Close(room) => moderation::close(cx, room),
        Command::Bans { room, after, limit } => moderation::bans(cx, &room, after.as_ref(), limit),
        Command::Audit { room, limit, more } => moderation::audit(cx, room.as_ref(), limit, more),
        Command::RoleShow { room, name } => roles::show(cx, &room, &name),
        Command::RoleSet { room, name, role } => roles::set(cx, room, name, role),
        Command::TopicShow(room) => rooms::show_topic(cx, &room),
        Command::TopicSet { room, topic } => rooms::set_topic(cx, room, topic),
        Command::Admin(command) => administration::administer(cx, command),
        Command::TokenList => account::list_tokens(cx),
        Command::TokenRevoke(label) => account::revoke_token(cx, label),
        Command::Whoami => account::whoami(cx),
        Command::Personal(command) => personal::act(cx, command),
        // The session answers all others, or sends them in another form.
        other => Err(unexpected(&other)),
    }
}

/// What a handler needs for a connection that may not be logged in.
struct Guest<'a> {
    now: Now,
    conn: ConnId,
    viewer: Viewer,
    hub: &'a mut Hub,
    storage: &'a mut dyn Storage,
    effects: &'a mut Effects,
}

impl Guest<'_> {
    fn logged_in(&mut self, account: AccountId) -> Context<'_> {
        Context {
            now: self.now,
            conn: self.conn,
            account,
            viewer: self.viewer,
            hub: self.hub,
            storage: self.storage,
            effects: self.effects,
        }
    }
}

/// What a handler needs for a connection that is logged in.
struct Context<'a> {
    now: Now,
    conn: ConnId,
    account: AccountId,
    viewer: Viewer,
    hub: &'a mut Hub,
    storage: &'a mut dyn Storage,
    effects: &'a mut Effects,
}

impl Context<'_> {
    /// Has the core apply an action of the account.
    fn apply(&mut self, action: AccountAction) -> Result<Outcome, Refusal> {
        self.hub.apply(self.now, OperationKind::Account(self.account, action), self.storage)
    }

    /// Answers with one final line.
    fn done(&mut self, text: impl Into<String>) -> Answered {
        self.effects.done(self.conn, text);
        Ok(())
    }
}

/// The request was answered, or will be by a reader or `auth`; otherwise, why it is refused.
type Answered = Result<(), Refusal>;

/// The refusal for something that can't happen.
fn unexpected(what: &dyn std::fmt::Debug) -> Refusal {
    log::error!("the dispatcher did not expect {what:?}");
    Refusal::new(Code::Internal, "something went wrong in the server; its log says what.")
}

fn event<'a>(room: &'a str, text: &'a str, ev: &'a str, who: &'a str) -> Line<'a> {
    Line { tags: Tags { ev: Some(ev), who: Some(who), ..Tags::default() }, body: Body::Event { room, text } }
}

/// The first of these rows, as many as were asked for and fit into an answer's bytes, and a final line
/// that counts them and says whether there are more.
fn page(rows: impl IntoIterator<Item = String>, limit: u32, bytes: usize, thing: &str) -> (Rows, Final) {
    let (mut page, mut shown, mut more) = (Rows::default(), 0, "");
    for row in rows {
        if shown == limit as usize || !page.push_within(&row, bytes) {
            more = ", more";
            break;
        }
        shown += 1;
    }
    (page, Final::Done(format!("{}{more}", count(shown, thing))))
}

/// `1 room`, `2 rooms`.
fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests;
