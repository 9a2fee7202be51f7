//! The dispatcher's state: accounts, rooms, pairs of people, and who is connected.
//!
//! Pure: [`Rooms::handle`] takes a request and the time and says what follows as [`Effects`], in
//! their order. It knows no SQLite, socket, thread or clock. What must be kept leaves as
//! [`Keep`]; `store` gives a message its id, and [`Rooms::appended`]
//! turns that into what people see. The dispatcher thread runs it.
//!
//! `world` is what is kept, `live` who is connected; `accounts`, `own`, `members` and `talk` decide
//! the verbs, `welcome` lets connections in, `presence` tells who comes and goes, `throttle` slows
//! down who guesses passwords.

mod accounts;
mod effects;
mod live;
mod members;
mod own;
mod password_checks;
mod presence;
mod talk;
mod throttle;
mod welcome;
mod world;

use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::Command;
use crate::protocol::line::{Body, Line, Tags};
use crate::protocol::names::{AccountId, ConnId, ConversationId};
use crate::server::flood::Rate;
use crate::server::traffic::{Appended, Delivery, Recipients, Request, RequestKind, Snapshot, Viewer};
pub use effects::{Append, Effects, Keep, Outgoing};
use live::Live;
use password_checks::PasswordChecks;
use presence::Presence;
use std::time::Instant;
use throttle::Throttle;
use world::World;

/// In a room of up to so many members one is told who comes and goes; in a larger one it is asked
/// for by `/who`, since telling it would cost the square of their number.
pub const TELL_MEMBERS_MAX: usize = 50;
/// Device tokens that one account may have.
pub const TOKENS_MAX: usize = 64;
/// Rooms that one account may be in.
pub const ROOMS_MAX: usize = 1000;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Anyone.
    Open,
    /// Whoever has an invitation.
    Invite,
    /// Nobody, but with an administrator's invitation (or the server would stay without one).
    Closed,
}

/// What the operator decided, as far as it concerns the rooms.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may make an account.
    pub registration: Registration,
    /// Login attempts of one address; `None` is no bound.
    pub logins: Option<Rate>,
    /// New accounts of one address; `None` is no bound.
    pub registrations: Option<Rate>,
    /// The most bytes that the rows of one answer may have.
    pub answer_bytes: usize,
    /// How many workers there are: 1 to 256.
    pub workers: usize,
}

/// The time, twice: one to wait by, one to show.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Monotonic.
    pub instant: Instant,
    /// Milliseconds of Unix time; the dispatcher never lets it fall.
    pub wall: u64,
}

/// The state of the one dispatcher.
#[derive(Debug)]
pub struct Rooms {
    settings: Settings,
    world: World,
    live: Live,
    presence: Presence,
    throttle: Throttle,
    password_checks: PasswordChecks,
}

impl Rooms {
    /// Begins with what is kept, and nobody connected.
    #[must_use]
    pub fn new(settings: Settings, kept: Snapshot) -> Self {
        let workers = settings.workers;
        Self {
            throttle: Throttle::new(settings.logins, settings.registrations),
            settings,
            world: World::new(kept),
            live: Live::new(workers),
            presence: Presence::default(),
            password_checks: PasswordChecks::default(),
        }
    }

    /// Takes what is kept anew, after a batch that could not be kept was rolled back, and takes back
    /// what the batch did to connections: who was let in by it is out again, who was ended by it is
    /// not, and who asked to talk elsewhere talks nowhere. Who went away stays away.
    pub fn reload(&mut self, kept: Snapshot) {
        self.world = World::new(kept);
        self.live.take_back(&self.world);
    }

    /// The batch is kept: what it did to connections stands.
    pub fn kept(&mut self, out: &mut Outgoing) {
        self.live.keep();
        self.password_checks.delay(&mut out.delayed);
    }

    /// How many accounts may administer the server, the console's own left out.
    #[must_use]
    pub fn administrators(&self) -> usize {
        self.world.administrators()
    }

    /// Decides one request.
    pub fn handle(&mut self, now: Now, request: Request, effects: &mut Effects) {
        let Request { conn, viewer, kind, bytes: _ } = request;
        match kind {
            RequestKind::Console => self.console(now, conn, effects),
            RequestKind::Login { name, password, from } => {
                self.login(now, Guest { conn, viewer }, name, password, from, effects)
            }
            RequestKind::Register { name, invite, password, from } => {
                self.register(
                    now,
                    Guest { conn, viewer },
                    accounts::NewAccount { name, invite, from },
                    password,
                    effects,
                );
            }
            RequestKind::Resume { token, from } => self.resume(now, conn, viewer, token, from, effects),
            RequestKind::AuthDone(outcome) => self.auth_done(now, conn, viewer, outcome, effects),
            RequestKind::Detach => self.detach(now, conn),
            RequestKind::Quit { hear } => self.quit(conn, viewer != Viewer::Program, hear, effects),
            RequestKind::Stopped => {}
            attached => {
                let Some(account) = self.live.account(conn) else {
                    effects.refuse(conn, Refusal::new(Code::NotLoggedIn, "this connection has ended. Log in again."));
                    return;
                };
                self.handle_attached(now, Asker { conn, account, viewer }, attached, effects);
            }
        }
    }

    fn handle_attached(&mut self, now: Now, asker: Asker, kind: RequestKind, effects: &mut Effects) {
        let conn = asker.conn;
        let refused = match kind {
            RequestKind::SayHere(text) => self.say_here(now, asker, text, effects),
            RequestKind::LeaveCurrentRoom(refusal) => {
                self.live.talk_in(conn, None);
                Err(refusal)
            }
            RequestKind::Passwd { old, new } => self.passwd(now, asker, old, new, effects),
            RequestKind::NewToken { label, token } => self.new_token(now, asker, label, &token, effects),
            RequestKind::NewInvite { uses, lasts, admin, code } => {
                self.new_invite(now, asker, own::NewInvite { uses, lasts, admin }, &code, effects)
            }
            RequestKind::Command(command) => match command {
                Command::Say { target, key, text } => self.say(now, asker, target, key, text, effects),
                Command::History { target, before, after, limit } => {
                    self.history(asker, target, talk::Span { before, after, limit }, effects)
                }
                Command::Search { within, from, limit, more, words } => {
                    self.search(asker, talk::Search { within, from, limit, more, words }, effects)
                }
                Command::Read { target, id } => self.read(asker, target, id, effects),
                Command::Conversations => self.conversations(asker, effects),
                Command::Rooms { after, limit } => self.list_rooms(asker, after, limit, effects),
                Command::Create { room, private } => self.create(asker, room, private, effects),
                Command::Join(room) => self.join(asker, room, effects),
                Command::Leave(room) => self.leave(asker, room, effects),
                Command::Switch(room) => self.switch(asker, room, effects),
                Command::Invite { room, name } => self.invite(asker, room, name, effects),
                Command::Who(room) => self.who(asker, room, effects),
                Command::TopicShow(room) => self.show_topic(asker, room, effects),
                Command::TopicSet { room, topic } => self.set_topic(asker, room, topic, effects),
                Command::TokenList => self.list_tokens(asker, effects),
                Command::TokenRevoke(label) => self.revoke_token(now, asker, label, effects),
                Command::Whoami => self.whoami(asker, effects),
                Command::Sessions => self.sessions(asker, effects),
                // What remains is answered by the session, or comes in another shape.
                other => {
                    log::error!("a command reached the dispatcher that the session answers: {other:?}");
                    Err(Refusal::new(Code::Internal, "that was a fault of the server's. It was written to its log."))
                }
            },
            RequestKind::Console
            | RequestKind::Login { .. }
            | RequestKind::Register { .. }
            | RequestKind::Resume { .. }
            | RequestKind::AuthDone(_)
            | RequestKind::Quit { .. }
            | RequestKind::Detach
            | RequestKind::Stopped => Ok(()),
        };
        if let Err(refusal) = refused {
            effects.refuse(conn, refusal);
        }
    }

    /// When [`Rooms::tick`] has something to do; `None` if nothing waits.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        [self.presence.due(), self.password_checks.due()].into_iter().flatten().min()
    }

    /// Does what is due: tells who came and went.
    pub fn tick(&mut self, now: Now, effects: &mut Effects) {
        self.tell_presence(now, effects);
        self.password_checks.take_due(now.instant, &mut effects.out.auth_jobs);
        self.throttle.forget(now.instant);
    }

    /// The store took a message: what people see of it.
    pub fn appended(&mut self, append: Append, outcome: Appended, out: &mut Outgoing) {
        self.show_appended(append, outcome, out);
    }

    /// Tells an account's connections something.
    fn notify(&self, account: AccountId, recipients: Recipients, line: Line<'_>, effects: &mut Effects) {
        let line = effects.out.encode(&line);
        for worker in self.live.workers_of_account(account) {
            effects.deliver(worker, Delivery::Notice { account, recipients, line });
        }
    }

    /// Tells a room that something happened in it, if the room is small enough to be told.
    fn tell_room(&self, room: ConversationId, by: AccountId, presence: bool, line: Line<'_>, effects: &mut Effects) {
        let line = effects.out.encode(&line);
        for worker in self.live.workers_of_room(room) {
            effects.deliver(worker, Delivery::Event { room, by, presence, line });
        }
    }
}

/// Who asks: a connection that is logged in.
#[derive(Debug, Clone, Copy)]
struct Asker {
    conn: ConnId,
    account: AccountId,
    viewer: Viewer,
}

/// Who wants to log in.
#[derive(Debug, Clone, Copy)]
struct Guest {
    conn: ConnId,
    viewer: Viewer,
}

/// Whether an asked-for thing was done (and answered), or why not.
type Outcome = Result<(), Refusal>;

fn event<'a>(room: &'a str, text: &'a str, ev: &'a str, who: &'a str) -> Line<'a> {
    Line { tags: Tags { ev: Some(ev), who: Some(who), ..Tags::default() }, body: Body::Event { room, text } }
}

#[cfg(test)]
mod tests;
