//! Connections in memory: lines are typed into real sessions, and what each connection would see is
//! recorded.

mod turn;

use super::super::{Hub, LogEntry, Now};
use super::model::Model;
use crate::protocol::code::Code;
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::{AccountId, AddressGroup, ConnId, ConversationId};
use crate::protocol::secrets::Secret;
use crate::server::core::State;
use crate::server::session::{Session, SessionAction, set_text};
use crate::server::traffic::{
    HubFigures, HubSettings, KeepLimits, Lines, PaceLimits, Registration, Request, RequestKind, UnheardBy,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Everybody's password in tests that are not about passwords.
pub(super) const PASSWORD: &str = "password1";
pub(super) const WORKERS: usize = 2;

pub(super) struct Chat {
    pub(super) hub: Hub,
    pub(super) model: Model,
    pub(super) now: Now,
    pub(super) conns: Vec<Conn>,
    /// What was typed and seen.
    pub(super) log: String,
    /// What the server's log says.
    pub(super) logged: Vec<LogEntry>,
    /// What `/stats` was answered with last.
    pub(super) figures: Option<HubFigures>,
    secrets: u32,
    /// What follows from the connections that a delivery ended.
    ended: Vec<Request>,
    /// The lines of the current deliveries.
    lines: Arc<Lines>,
}

pub(super) struct Conn {
    pub(super) label: String,
    pub(super) id: ConnId,
    pub(super) session: Session,
    from: AddressGroup,
    pub(super) account: Option<AccountId>,
    pub(super) receives: BTreeSet<ConversationId>,
    /// Requests that are not answered yet.
    waiting: usize,
    held: Option<Vec<String>>,
    /// The last id seen in each conversation.
    last: BTreeMap<String, u64>,
    /// Whether the last request was refused.
    pub(super) refused: bool,
    pub(super) gone: bool,
}

impl Conn {
    /// Whether a person looks at it whose account is one of these.
    fn is_person_of(&self, accounts: &UnheardBy) -> bool {
        let account =
            accounts.iter().flat_map(|accounts| accounts.iter()).any(|&account| self.account == Some(account));
        account && !self.session.options().tags
    }
}

pub(super) fn settings() -> HubSettings {
    HubSettings {
        registration: Registration::Open,
        logins: None,
        registrations: None,
        account_flood: None,
        pace: PaceLimits::default(),
        rooms_made: None,
        members_invite: None,
        keep: KeepLimits::default(),
        edit_for: Some(std::time::Duration::from_hours(24)),
        answer_bytes: 1 << 20,
        workers: WORKERS,
    }
}

impl Chat {
    pub(super) fn new() -> Self {
        Self::with(settings())
    }

    pub(super) fn with(settings: HubSettings) -> Self {
        let model = Model::new();
        let hub = Hub::new(settings, model.snapshot.clone());
        let now = Now { instant: Instant::now(), wall: 1_700_000_000_000 };
        Self {
            hub,
            model,
            now,
            conns: Vec::new(),
            log: String::new(),
            logged: Vec::new(),
            figures: None,
            secrets: 0,
            ended: Vec::new(),
            lines: Arc::default(),
        }
    }

    /// A chat with these people, each with one connection of that name.
    pub(super) fn of(names: &[&str]) -> Self {
        let mut chat = Self::new();
        for name in names {
            chat.connect(name);
            chat.type_line(name, &format!("/register {name} {PASSWORD}"));
        }
        chat.wait(Duration::from_secs(10));
        chat.log.clear();
        chat
    }

    /// Opens a connection, which transcripts call by this label.
    pub(super) fn connect(&mut self, label: &str) {
        let serial = self.conns.len() as u64 + 1;
        let id = ConnId::new((serial % WORKERS as u64) as u8, serial);
        let from = AddressGroup::V4([192, 0, 2, serial as u8]);
        self.conns.retain(|conn| conn.label != label || !conn.gone);
        let conn = Conn {
            label: label.to_owned(),
            id: ConnId::new(id.worker() as u8, self.fresh()),
            session: Session::new(from),
            from,
            account: None,
            receives: BTreeSet::new(),
            waiting: 0,
            held: None,
            last: BTreeMap::new(),
            refused: false,
            gone: false,
        };
        self.conns.push(conn);
    }

    /// The same from the address of another connection.
    pub(super) fn beside(&mut self, label: &str, other: &str) {
        let from = self.conns[self.at(other)].from;
        self.connect(label);
        let at = self.at(label);
        self.conns[at].session = Session::new(from);
        self.conns[at].from = from;
    }

    /// The administrator's console.
    pub(super) fn console(&mut self, label: &str) {
        self.connect(label);
        let at = self.at(label);
        self.conns[at].session = Session::new(AddressGroup::Console);
        self.conns[at].from = AddressGroup::Console;
        let console = self.request(at, RequestKind::Console);
        self.batch(vec![console]);
    }

    /// A person who is an administrator, with one connection of that name.
    pub(super) fn administrator(&mut self, name: &str) {
        let log = std::mem::take(&mut self.log);
        if self.conns.iter().all(|conn| conn.label != "console") {
            self.console("console");
        }
        self.type_line("console", "/invitecode admin");
        let (_, code) = self.log.rsplit_once("invite=").unwrap();
        let code = code.trim_end().to_owned();
        self.connect(name);
        self.type_line(name, &format!("/register {name} invite={code} {PASSWORD}"));
        self.wait(Duration::from_secs(10));
        self.log = log;
    }

    /// Types a line that must be done.
    #[track_caller]
    pub(super) fn does(&mut self, label: &str, line: &str) {
        assert_eq!(self.refusal(label, line), None, "{line}\n{}", self.log);
    }

    /// Types a line; returns the code if it is refused.
    pub(super) fn refusal(&mut self, label: &str, line: &str) -> Option<Code> {
        let start = self.log.len();
        self.type_line(label, line);
        let refused = format!("{label}< - ");
        let refusal = self.log[start..].lines().find_map(|seen| seen.strip_prefix(&refused))?;
        Some(Code::parse(refusal.split(": ").next().unwrap_or_default()).expect("a refusal has a code"))
    }

    fn fresh(&mut self) -> u64 {
        self.secrets += 1;
        u64::from(self.secrets)
    }

    /// Another connection of the same person.
    pub(super) fn device(&mut self, label: &str, name: &str) {
        self.connect(label);
        let log = std::mem::take(&mut self.log);
        self.type_line(label, &format!("/login {name} {PASSWORD}"));
        self.log = log;
    }

    /// Types what follows `>` and compares the transcript with what is seen. `-- 6 s` waits, `--
    /// bob is cut off` drops a connection.
    #[track_caller]
    pub(super) fn plays(&mut self, script: &str) {
        let script: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        self.log.clear();
        for line in &script {
            if let Some(event) = line.strip_prefix("-- ") {
                self.log.push_str(&format!("{line}\n"));
                match event.split_once(' ') {
                    Some((seconds, "s")) => self.wait(Duration::from_secs(seconds.parse().unwrap())),
                    Some((label, "is cut off")) => self.cut_off(label),
                    _ => panic!("{event}"),
                }
            } else if let Some((label, typed)) = line.split_once('>')
                && self.conns.iter().any(|conn| conn.label == label)
            {
                self.type_line(label, typed.strip_prefix(' ').unwrap_or(typed));
            }
        }
        // What is stored is what is held in memory.
        assert_eq!(State::new(self.model.snapshot.clone()), self.hub.state);
        let script = script.join("\n");
        assert_eq!(self.log.trim_end(), script, "\n--- seen ---\n{}\n--- expected ---\n{script}\n", self.log);
    }

    pub(super) fn type_line(&mut self, label: &str, line: &str) {
        self.log.push_str(format!("{label}> {line}").trim_end());
        self.log.push('\n');
        let requests: Vec<Request> = self.asks(label, line).into_iter().collect();
        self.batch(requests);
    }

    /// Types lines that the dispatcher takes in one turn.
    pub(super) fn type_at_once(&mut self, lines: &[(&str, &str)]) {
        let mut requests = Vec::new();
        for (label, line) in lines {
            self.log.push_str(&format!("{label}> {line}\n"));
            requests.extend(self.asks(label, line));
        }
        self.batch(requests);
    }

    /// The request that a line makes to the dispatcher, if any.
    fn asks(&mut self, label: &str, line: &str) -> Option<Request> {
        let at = self.at(label);
        let action = self.conns[at].session.line(line.as_bytes()).action;
        let ask = match action {
            SessionAction::Nothing => return None,
            SessionAction::Answer(rows, last) => {
                self.show_answer(at, &rows, &last);
                return None;
            }
            SessionAction::Prompt(text) => {
                self.show(at, format!("? {text}"));
                return None;
            }
            SessionAction::Set(setting) => {
                self.show(at, format!("+ {}", set_text(setting, "E")));
                return None;
            }
            SessionAction::Request(ask) | SessionAction::RequestAndWait(ask) => ask,
            SessionAction::NewToken { label, here } => {
                let token = Secret::new(&format!("ttoken{}", self.fresh()));
                RequestKind::NewToken { label, here, token }
            }
            SessionAction::NewInvite(terms) => {
                let code = Secret::new(&format!("HDFG{}", self.fresh()));
                RequestKind::NewInvite { terms, code }
            }
            SessionAction::NewHook { room, label } => {
                let token = Secret::new(&format!("thook{}", self.fresh()));
                RequestKind::NewHook { room, label, token }
            }
            SessionAction::ResetPassword(name) => {
                let code = Secret::new(&format!("HRST{}", self.fresh()));
                RequestKind::ResetPassword { name, code }
            }
            SessionAction::Quit => RequestKind::Quit { answer: true },
        };
        Some(self.request(at, ask))
    }

    pub(super) fn request(&self, at: usize, kind: RequestKind) -> Request {
        let conn = &self.conns[at];
        Request { conn: conn.id, viewer: conn.session.options().viewer(), kind, bytes: 0 }
    }

    /// A connection's index in the list.
    pub(super) fn at(&self, label: &str) -> usize {
        self.conns.iter().position(|conn| conn.label == label).unwrap_or_else(|| panic!("no connection {label}"))
    }

    /// The connection drops without a word.
    pub(super) fn cut_off(&mut self, label: &str) {
        let at = self.at(label);
        self.conns[at].gone = true;
        let detach = self.request(at, RequestKind::Detach);
        self.batch(vec![detach]);
    }

    /// The answer to a connection's oldest request.
    fn answer(&mut self, conn: ConnId, rows: &Rows, last: &Final) {
        let Some(at) = self.conns.iter().position(|other| other.id == conn && !other.gone) else { return };
        let conn = &mut self.conns[at];
        conn.waiting = conn.waiting.checked_sub(1).unwrap_or_else(|| panic!("{} asked nothing", conn.label));
        let held = conn.held.take();
        self.show_answer(at, rows, last);
        held.into_iter().flatten().for_each(|line| self.show(at, line));
    }

    fn show_answer(&mut self, at: usize, rows: &Rows, last: &Final) {
        let mut bytes = Vec::new();
        rows.encode(None, &mut bytes);
        last.encode(self.conns[at].session.options().tags, None, &mut bytes);
        self.conns[at].refused = matches!(last, Final::Refused(_));
        for line in std::str::from_utf8(&bytes).unwrap().lines() {
            self.show(at, line.to_owned());
        }
    }

    fn show(&mut self, at: usize, line: String) {
        let conn = &mut self.conns[at];
        match &mut conn.held {
            Some(held) => held.push(line),
            None => self.log.push_str(&format!("{}< {line}\n", conn.label)),
        }
    }
}
