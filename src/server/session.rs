//! One connection's state machine: a line goes in, an [`SessionAction`] comes out.
//!
//! Owns where a peer is in the conversation with the server (new, asked for a secret, or logged in)
//! and its options, as they apply to the lines still to come. Knows no socket, thread, clock, store
//! or room. Runs on the worker that owns the connection.

mod action;
mod help;
mod options;
mod question;

pub(super) use action::{SessionAction, Step};
pub(super) use options::{Options, set_text};

use crate::protocol::code::{Code, Refusal};
use crate::protocol::command::{
    AdminCommand, Command, HookCommand, Input, LINE_MAX, LINE_MAX_NEW, PersonalCommand, RoomWord, Setting, Verb, Who,
    label_of, parse_line,
};
use crate::protocol::deflate::DICTIONARY;
use crate::protocol::frame::text;
use crate::protocol::names::{AddressGroup, Text, UserName};
use crate::protocol::secrets::{Digest, Secret};
use crate::server::traffic::RequestKind;
use action::{answer, cancelled, done};
use help::help;
use question::{Asked, Question};

#[derive(Debug)]
pub(super) struct Session {
    state: SessionState,
    from: AddressGroup,
    options: Options,
    /// Whether it may ask for deflate frames.
    may_deflate: bool,
}

#[derive(Debug)]
enum SessionState {
    New,
    In,
    /// A prompt is out.
    Asked(Box<Asked>),
}

impl Session {
    #[must_use]
    pub(super) fn new(from: AddressGroup) -> Self {
        Self { state: SessionState::New, from, options: Options::default(), may_deflate: true }
    }

    /// Its lines are text between others' bytes, where there is no place for deflate frames.
    pub(super) fn refuse_deflate(&mut self) {
        self.may_deflate = false;
    }

    /// The options as they apply to the next line.
    #[must_use]
    pub(super) fn options(&self) -> Options {
        self.options
    }

    /// Whether a login was answered with `+ welcome`.
    #[must_use]
    pub(super) fn is_logged_in(&self) -> bool {
        match &self.state {
            SessionState::New => false,
            SessionState::In => true,
            SessionState::Asked(asked) => asked.question.is_logged_in(),
        }
    }

    /// Whether the next line is the answer to a prompt.
    #[must_use]
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.state, SessionState::Asked(_))
    }

    /// The dispatcher logged it in.
    pub(super) fn logged_in(&mut self) {
        self.state = SessionState::In;
    }

    /// The most bytes that the next line may have.
    #[must_use]
    pub(super) fn line_max(&self) -> usize {
        if self.is_logged_in() { LINE_MAX } else { LINE_MAX_NEW }
    }

    /// A line that was too long; `head` is its beginning.
    #[must_use]
    pub(super) fn too_long(&mut self, head: &[u8]) -> Step {
        let most = self.line_max();
        let text = if self.is_logged_in() {
            format!("a line can have at most {most} bytes; that one was not sent. Split it up.")
        } else {
            format!("before login a line can have at most {most} bytes. /login NAME or /register NAME first.")
        };
        self.refused_whole(head, Refusal::new(Code::LineTooLong, text))
    }

    /// The peer's input ended; an unanswered prompt is cancelled.
    #[must_use]
    pub(super) fn ended(&mut self) -> Option<Step> {
        let was_in = self.is_logged_in();
        match std::mem::replace(&mut self.state, if was_in { SessionState::In } else { SessionState::New }) {
            SessionState::Asked(asked) => Some(Step { label: asked.label, action: cancelled() }),
            SessionState::New | SessionState::In => None,
        }
    }

    /// Takes one line, without its end.
    #[must_use]
    pub(super) fn line(&mut self, line: &[u8]) -> Step {
        let line = match text(line) {
            Ok(line) => line,
            Err(refusal) => return self.refused_whole(line, refusal),
        };
        let was_in = self.is_logged_in();
        let home = if was_in { SessionState::In } else { SessionState::New };
        if let SessionState::Asked(_) = self.state
            && let SessionState::Asked(asked) = std::mem::replace(&mut self.state, home)
        {
            return self.answer(*asked, line);
        }
        match parse_line(line) {
            Input::Nothing => Step { label: None, action: SessionAction::Nothing },
            Input::Text(text) => Step { label: None, action: self.bare(text) },
            Input::Command { label, verb, rest } => {
                let label = label.map(Box::from);
                match verb.and_then(|verb| self.command(verb, rest)) {
                    Ok(Next::Do(action)) => Step { label, action },
                    Ok(Next::AskFor(question)) => self.prompt(label, question),
                    Err(refusal) => Step { label, action: answer(refusal) },
                }
            }
        }
    }

    /// A line that is refused as a whole still has its label; if it was the answer to a prompt, it
    /// ends that command.
    fn refused_whole(&mut self, line: &[u8], refusal: Refusal) -> Step {
        if let Some(step) = self.ended() {
            return Step { label: step.label, action: answer(refusal) };
        }
        Step { label: label_of(line).map(Box::from), action: answer(refusal) }
    }

    fn bare(&self, text: &str) -> SessionAction {
        if self.is_logged_in() {
            return match Text::parse(text) {
                Ok(Some(text)) => SessionAction::Request(RequestKind::SayHere(text)),
                Ok(None) => SessionAction::Nothing,
                Err(error) => answer(Refusal::new(Code::BadText, format!("{error}."))),
            };
        }
        answer(Refusal::new(
            Code::NotLoggedIn,
            "you are not logged in yet. New here? /register NAME   Been here? /login NAME",
        ))
    }

    fn command(&mut self, verb: &'static Verb, rest: &str) -> Result<Next, Refusal> {
        let logged_in = self.is_logged_in();
        if !logged_in && !matches!(verb.who, Who::All | Who::New) {
            let text = format!("/{} needs a login. /login NAME, or /register NAME if you are new.", verb.name);
            return Err(Refusal::new(Code::NotLoggedIn, text));
        }
        if self.may_leave_room_out(verb, rest) {
            let request = RequestKind::InCurrentRoom { verb, rest: rest.into() };
            // It may be answered in rows.
            return Ok(Next::Do(SessionAction::RequestAndWait(request)));
        }
        let already = logged_in && verb.who == Who::New;
        let refusal = || Refusal::new(Code::AlreadyLoggedIn, "you are logged in already. /quit, then come back.");
        let command = match verb.parse(rest) {
            // Whatever is wrong with it, the next line is a password, which must not be said in a
            // room.
            Err(_) if already && matches!(verb.name, "login" | "register" | "recover") => {
                return Ok(Next::AskFor(Question::Refused { refusal: refusal(), answers: 1 }));
            }
            Err(refusal) if verb.name == "passwd" => {
                return Ok(Next::AskFor(Question::Refused { refusal, answers: 2 }));
            }
            Err(refusal) if verb.name == "unregister" => {
                return Ok(Next::AskFor(Question::Refused { refusal, answers: 1 }));
            }
            Err(_) if already => return Err(refusal()),
            // A /join or /switch that fails leaves no current room, even if malformed.
            Err(refusal) if logged_in && matches!(verb.name, "join" | "switch") => {
                return Ok(Next::Do(SessionAction::Request(RequestKind::LeaveCurrentRoom(refusal))));
            }
            command => command?,
        };
        let next = self.next(command);
        match (already, next) {
            (false, next) => Ok(next),
            (true, Next::AskFor(_)) => Ok(Next::AskFor(Question::Refused { refusal: refusal(), answers: 1 })),
            (true, Next::Do(_)) => Err(refusal()),
        }
    }

    /// Whether the hub has to say which room is meant. A program means a ROOM wherever its line can be
    /// read as naming one: what it said of a room that is gone must not come to be about another.
    fn may_leave_room_out(&self, verb: &Verb, rest: &str) -> bool {
        match verb.room_word(rest) {
            RoomWord::Named => false,
            RoomWord::LeftOut => true,
            RoomWord::Unclear { .. } => !self.options.tags,
        }
    }

    fn next(&mut self, command: Command) -> Next {
        let request = |command| Next::Do(SessionAction::Request(RequestKind::Command(command)));
        match command {
            Command::Help(verb) => Next::Do(help(verb.as_deref(), self.is_logged_in())),
            Command::Quit => Next::Do(SessionAction::Quit),
            Command::Ping(text) => Next::Do(done(text.as_deref().unwrap_or("pong"))),
            Command::Register { name, invite, password: None } => Next::AskFor(Question::Register { name, invite }),
            Command::Register { name, invite, password: Some(password) } => {
                Next::Do(self.register(name, invite, password))
            }
            Command::Login { name, password: None } => Next::AskFor(Question::Login { name }),
            Command::Login { name, password: Some(password) } => Next::Do(self.login(name, password)),
            Command::Resume(token) => {
                let token = Digest::of(token.expose());
                Next::Do(SessionAction::RequestAndWait(RequestKind::Resume { token, from: self.from }))
            }
            Command::Recover { name, code, password: None } => Next::AskFor(Question::Recover { name, code }),
            Command::Recover { name, code, password: Some(password) } => Next::Do(self.recover(name, &code, password)),
            Command::Passwd => Next::AskFor(Question::OldPassword),
            Command::Unregister { all } => Next::AskFor(Question::Unregister { all }),
            Command::TokenNew { label, here } => Next::Do(SessionAction::NewToken { label, here }),
            Command::InviteCode(terms) => Next::Do(SessionAction::NewInvite(terms)),
            Command::Hook(HookCommand::New { room, label }) => Next::Do(SessionAction::NewHook { room, label }),
            Command::Admin(AdminCommand::ResetPassword(name)) => Next::Do(SessionAction::ResetPassword(name)),
            Command::SetShow => Next::Do(self.options.show()),
            Command::Set(setting) => Next::Do(self.set(setting)),
            // A read is a barrier: the lines after it are cut once it is answered.
            Command::History { .. }
            | Command::Changes { .. }
            | Command::Pins(_)
            | Command::Search(_)
            | Command::Mentions { .. }
            | Command::Export { .. }
            | Command::Conversations
            | Command::Audit { .. } => Next::Do(SessionAction::RequestAndWait(RequestKind::Command(command))),
            // So is anything with many rows, or a few bytes of commands would queue megabytes.
            Command::Admin(
                AdminCommand::Accounts { .. }
                | AdminCommand::Blocks { .. }
                | AdminCommand::Invites { .. }
                | AdminCommand::Stats
                | AdminCommand::Reload,
            )
            | Command::Rooms { .. }
            | Command::Who { .. }
            | Command::Bans { .. }
            | Command::Invitations
            | Command::Hook(HookCommand::List(_))
            | Command::Personal(PersonalCommand::Sessions | PersonalCommand::Profile(_) | PersonalCommand::Ignored)
            | Command::TokenList => Next::Do(SessionAction::RequestAndWait(RequestKind::Command(command))),
            // So is what shows a person unread lines.
            Command::Join(_) if !self.options.tags => {
                Next::Do(SessionAction::RequestAndWait(RequestKind::Command(command)))
            }
            command => request(command),
        }
    }

    fn login(&self, name: Result<UserName, Refusal>, password: Secret) -> SessionAction {
        match name {
            Ok(name) => SessionAction::RequestAndWait(RequestKind::Login { name, password, from: self.from }),
            Err(refusal) => answer(refusal),
        }
    }

    fn register(&self, name: Result<UserName, Refusal>, invite: Option<Secret>, password: Secret) -> SessionAction {
        match name {
            Ok(name) => {
                let invite = invite.map(|code| Digest::of_code(code.expose()));
                SessionAction::RequestAndWait(RequestKind::Register { name, invite, password, from: self.from })
            }
            Err(refusal) => answer(refusal),
        }
    }

    fn recover(&self, name: Result<UserName, Refusal>, code: &Secret, password: Secret) -> SessionAction {
        match name {
            Ok(name) => {
                let code = Digest::of_code(code.expose());
                SessionAction::RequestAndWait(RequestKind::Recover { name, code, password, from: self.from })
            }
            Err(refusal) => answer(refusal),
        }
    }

    fn prompt(&mut self, label: Option<Box<str>>, question: Question) -> Step {
        let text = question.text();
        self.state = SessionState::Asked(Box::new(Asked { label: label.clone(), question }));
        Step { label, action: SessionAction::Prompt(text) }
    }

    fn answer(&mut self, asked: Asked, line: &str) -> Step {
        let Asked { label, question } = asked;
        if line.is_empty() {
            return Step { label, action: cancelled() };
        }
        let secret = Secret::new(line);
        let action = match question {
            Question::Login { name } => self.login(name, secret),
            Question::Register { name, invite } => self.register(name, invite, secret),
            Question::Recover { name, code } => self.recover(name, &code, secret),
            Question::OldPassword => return self.prompt(label, Question::NewPassword { old: secret }),
            Question::Unregister { all } => {
                SessionAction::RequestAndWait(RequestKind::Unregister { all, password: secret })
            }
            Question::NewPassword { old } => SessionAction::RequestAndWait(RequestKind::Passwd { old, new: secret }),
            Question::Refused { refusal, answers: answers @ 2.. } => {
                return self.prompt(label, Question::Refused { refusal, answers: answers - 1 });
            }
            Question::Refused { refusal, .. } => answer(refusal),
        };
        Step { label, action }
    }

    fn set(&mut self, setting: Setting) -> SessionAction {
        if let Setting::Deflate(dictionary) = setting {
            if !self.is_logged_in() {
                let text = "deflate is available after login. /login NAME first.";
                return answer(Refusal::new(Code::NotLoggedIn, text));
            }
            if dictionary.is_some() && !self.may_deflate {
                return answer(Refusal::new(Code::NotAllowed, "there are no deflate frames in a WebSocket."));
            }
            if dictionary.is_some_and(|dictionary| dictionary != DICTIONARY) {
                let text = format!("There is no dictionary with that number. /set deflate {DICTIONARY}, or off.");
                return answer(Refusal::new(Code::BadArgument, text));
            }
        }
        self.options.apply(setting);
        SessionAction::Set(setting)
    }
}

enum Next {
    Do(SessionAction),
    AskFor(Question),
}

#[cfg(test)]
mod tests;
