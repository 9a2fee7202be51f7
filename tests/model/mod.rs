//! What the server promises, as a plain value: who there is, who is in which room, what was said. It is
//! written from `docs/PROTOCOL.md` alone, so that a mistake of the server's isn't made here as well; the
//! integration tests hold it against the real program (`tests/integration/agreement`).
//!
//! A [`Model`] takes one line of one connection at a time and says what must be answered and who must be
//! told what. It has no clock, no randomness and no I/O, and a clone costs little, so that a test can go
//! on with several of them where the order of things isn't known.
//!
//! To add a verb: an arm in [`Model::decide`], and a line in `operations::OPERATIONS`.

mod administration;
mod changing;
mod hooks;
mod mentions;
mod moderation;
pub(crate) mod operations;
mod people;
mod questions;
pub(crate) mod random;
pub(crate) mod retention;
mod rooms;
mod saying;
mod state;
pub(crate) mod unpaced;
mod words;

pub(crate) use state::{Conn, Model, Who};

use state::{Mark, Role};
use words::Words;

/// What a line is answered, and what it makes others hear.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// Rows. One that ends in `…` may go on with fields that the model doesn't know.
    pub rows: Vec<String>,
    /// The final line: of a refusal only the code, and whether it says `retry`.
    pub last: String,
    /// What each connection is told, in order, under the stream in which the order holds.
    pub told: Vec<Told>,
}

/// A live line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Who hears it.
    pub conn: Conn,
    /// A TARGET, or `*` for notices.
    pub stream: String,
    /// The line, in the form that [`super::agreement`]'s `normal` gives the real ones.
    pub line: String,
}

/// A refused line, which changes nothing.
#[derive(Debug)]
struct Refusal {
    code: &'static str,
    retry: bool,
}

type Outcome = Result<Answer, Refusal>;

fn refuse<T>(code: &'static str) -> Result<T, Refusal> {
    Err(Refusal { code, retry: false })
}

fn require(holds: bool, code: &'static str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { refuse(code) }
}

fn done(last: impl std::fmt::Display) -> Outcome {
    Ok(Answer { last: format!("+ {last}"), ..Answer::default() })
}

/// The final line of a list: `+ 1 message`, `+ 2 messages, more`.
fn listed(rows: Vec<String>, thing: &str, more: &str) -> Outcome {
    let plural = if rows.len() == 1 { "" } else { "s" };
    Ok(Answer { last: format!("+ {} {thing}{plural}{more}", rows.len()), rows, told: Vec::new() })
}

/// Whose line it is.
#[derive(Debug, Clone, Copy)]
struct By {
    conn: Conn,
    me: Who,
}

impl Model {
    /// One line of a connection that is logged in. `now` is in milliseconds from any point and never
    /// goes back.
    pub(crate) fn step(&mut self, conn: Conn, line: &str, now: u64) -> Answer {
        self.now = now;
        self.told.clear();
        let by = By { conn, me: self.connections[&conn].account };
        let mut answer = self.decide(by, line).unwrap_or_else(|Refusal { code, retry }| Answer {
            last: format!("- {code}{}", if retry { " retry" } else { "" }),
            ..Answer::default()
        });
        answer.told = std::mem::take(&mut self.told);
        answer
    }

    fn decide(&mut self, by: By, line: &str) -> Outcome {
        let mut words = Words::new(line);
        match words.next() {
            "/say" => self.say(by, words.next(), Mark::None, words.rest()),
            "/msg" => self.say(by, &format!("@{}", words.next()), Mark::None, words.rest()),
            "/act" => self.say(by, words.next(), Mark::Me, words.rest()),
            "/me" => self.say_here(by, Mark::Me, words.rest()),
            "/reply" => self.reply(by, words.next(), words.number(), words.rest()),
            "/post" => self.post(by, words.next(), words.next(), words.rest()),
            "/update" => self.update(by, words.next(), words.next(), words.rest()),
            "/edit" => self.edit(by, words.next(), words.number(), words.rest()),
            "/redact" => self.redact(by, words.next(), words.number(), words.rest()),
            "/react" => self.react(by, words.next(), words.number(), words.rest()),
            "/pin" => self.pin(by, words.next(), words.number(), true),
            "/unpin" => self.pin(by, words.next(), words.number(), false),
            "/read" => self.read(by, words.next(), words.number()),
            "/create" => self.create(by, words.next(), words.rest() == "private"),
            "/join" => self.join(by, words.next()),
            "/leave" => self.leave(by, words.next()),
            "/switch" => self.switch(by, words.next()),
            "/topic" => self.topic(by, words.next(), words.rest()),
            "/invite" => self.invite(by, words.next(), words.next()),
            "/decline" => self.decline(by, words.next()),
            "/role" => match (words.next(), words.next(), words.rest()) {
                (room, name, "") => self.role(by, room, name),
                (room, name, role) => self.assign(by, room, name, Role::named(role)),
            },
            "/kick" => self.kick(by, words.next(), words.next(), words.rest()),
            "/ban" => self.ban(by, words.next(), words.next(), words.rest()),
            "/unban" => self.unban(by, words.next(), words.next()),
            "/mute" => self.mute(by, words.next(), words.next(), words.rest()),
            "/unmute" => self.unmute(by, words.next(), words.next()),
            "/slow" => self.slow(by, words.next(), words.next()),
            "/retain" => self.retain(by, words.next(), words.next()),
            "/hook" => match words.next() {
                "new" => self.new_hook(by, words.next(), words.next()),
                "list" => self.list_hooks(by, words.next()),
                _ => self.revoke_hook(by, words.next(), words.next()),
            },
            "/private" => self.private(by, words.next(), words.next() == "on"),
            "/rename" => self.rename(by, words.next(), words.next()),
            "/close" => self.close(by, words.next()),
            "/disable" => self.disable(by, words.next(), words.rest()),
            "/enable" => self.enable(by, words.next()),
            "/grant" => self.grant(by, words.next(), words.next() == "admin"),
            "/announce" => self.announce(by, words.rest()),
            "/away" => self.away(by, words.rest()),
            "/profile" => match (words.next(), words.rest()) {
                ("text", text) => self.describe(by, text),
                (name, _) => self.profile(by, name),
            },
            "/ignore" => self.ignore(by, words.next(), true),
            "/unignore" => self.ignore(by, words.next(), false),
            "/ignored" => self.ignored(by),
            "/sessions" => match words.rest() {
                "" => self.sessions(by),
                _ => self.end_others(by),
            },
            "/mentions" => self.mentions(by, words.rest()),
            "/history" => self.history(by, words.next(), words.rest()),
            "/search" => self.search(by, words.rest()),
            "/export" => self.export(by, words.rest()),
            "/changes" => self.changes(by, words.next(), words.rest()),
            "/pins" => self.pins(by, words.next()),
            "/who" => self.who(by, words.next()),
            "/bans" => self.bans(by, words.next()),
            "/audit" => self.audit(by, words.next()),
            "/rooms" => self.list_rooms(by),
            "/conversations" => self.list_conversations(by),
            "/invitations" => self.invitations(by),
            "/accounts" => self.list_accounts(by),
            "/set" => self.set(by, words.next(), words.next()),
            "/ping" => done(words.rest()),
            verb => panic!("the model doesn't know {verb}"),
        }
    }
}

/// Where the answer to a line stands among live lines: `+ ID` does, in the conversation that the line names.
pub(crate) fn own_place(line: &str, last: &str) -> Option<String> {
    let mut words = line.split(' ');
    let (verb, target) = (words.next()?, words.next()?);
    let id = last.strip_prefix("+ ")?;
    let said = id.bytes().all(|byte| byte.is_ascii_digit());
    match verb {
        "/say" | "/act" | "/reply" | "/post" | "/update" if said => Some(target.to_lowercase()),
        "/msg" if said => Some(format!("@{}", target.to_lowercase())),
        _ => None,
    }
}
