//! A turn of the dispatcher, and what workers, readers and `auth` do with what it sends them.

use super::super::outside::check;
use super::{Chat, Conn, WORKERS};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Body, Final, Line, Rows};
use crate::protocol::names::{AccountId, ConnId};
use crate::server::hub::{Effects, LogEntry};
use crate::server::traffic::{
    AuthJob, Delivery, HubFigures, HubSettings, LineRef, Maintenance, Read, Recipients, Request, RequestKind,
    RoomMessage, Share,
};
use std::sync::Arc;
use std::time::Duration;

/// What the requests of a turn lead to.
#[derive(Default)]
struct Turn {
    deliveries: Vec<(usize, Delivery)>,
    read_jobs: Vec<(ConnId, Read)>,
    figures: Vec<(ConnId, HubFigures)>,
    auth_jobs: Vec<AuthJob>,
    log: Vec<LogEntry>,
    /// What remains: the delayed checks.
    effects: Effects,
}

impl Turn {
    /// Takes over the effects of a request.
    fn collect(&mut self) {
        let effects = &mut self.effects;
        if let Some(lines) = effects.take_lines(Share::default()) {
            self.deliveries.extend((0..WORKERS).map(|worker| (worker, Delivery::Lines(Arc::clone(&lines)))));
        }
        assert!(effects.deliveries.iter().all(|&(worker, _)| worker < WORKERS));
        self.deliveries.append(&mut effects.deliveries);
        self.read_jobs.append(&mut effects.read_jobs);
        self.figures.append(&mut effects.figures);
        self.auth_jobs.append(&mut effects.auth_jobs);
        self.log.append(&mut effects.log);
    }
}

impl Chat {
    pub(in crate::server::hub::tests) fn wait(&mut self, passed: Duration) {
        self.now.instant += passed;
        self.now.wall += u64::try_from(passed.as_millis()).unwrap();
        let mut turn = Turn::default();
        self.hub.tick(self.now, &mut turn.effects);
        turn.collect();
        assert!(turn.read_jobs.is_empty());
        let requests = self.hand_out(turn);
        self.batch(requests);
        self.sweep();
    }

    /// The system's clock jumps.
    pub(in crate::server::hub::tests) fn set_the_clock_forward(&mut self, by: Duration) {
        self.now.wall += u64::try_from(by.as_millis()).unwrap();
    }

    pub(in crate::server::hub::tests) fn set_the_clock_back(&mut self, by: Duration) {
        self.now.wall -= u64::try_from(by.as_millis()).unwrap();
    }

    /// What the thread `reload` tells, for the connection that asked. Returns what only workers see of it.
    pub(in crate::server::hub::tests) fn maintains(
        &mut self,
        asked: &str,
        settings: Option<HubSettings>,
        maintenance: Maintenance,
    ) -> Vec<String> {
        if let Some(settings) = settings {
            self.hub.reconfigure(self.now, settings);
        }
        let at = self.at(asked);
        self.conns[at].waiting += usize::from(maintenance.answer.is_some());
        let mut turn = Turn::default();
        self.hub.maintain(self.now, self.conns[at].id, maintenance, &mut turn.effects);
        turn.collect();
        let mut seen: Vec<String> =
            turn.deliveries.iter().filter_map(|(worker, delivery)| self.workers_see(*worker, delivery)).collect();
        seen.sort_unstable();
        let requests = self.hand_out(turn);
        self.batch(requests);
        seen
    }

    fn workers_see(&self, worker: usize, delivery: &Delivery) -> Option<String> {
        match delivery {
            Delivery::Tap { conn, tap } => {
                let conn = self.conns.iter().find(|other| other.id == *conn)?;
                Some(format!("{} has {}", conn.label, if tap.is_some() { "a tap" } else { "none" }))
            }
            Delivery::Limits(limits) => Some(format!("worker {worker}: {} unanswered", limits.unanswered)),
            _ => None,
        }
    }

    fn sweep(&mut self) {
        if self.hub.is_sweep_due(self.now.instant) {
            self.hub.sweep(self.now, &mut self.model);
        }
    }

    /// One turn of the dispatcher, and the turns that follow from it.
    pub(in crate::server::hub::tests) fn batch(&mut self, mut requests: Vec<Request>) {
        while !requests.is_empty() {
            let mut turn = self.decide(requests);
            self.hub.commit(&mut turn.effects);
            requests = self.hand_out(turn);
        }
        for conn in &self.conns {
            let delayed = self.hub.password_checks.due().is_some();
            assert!(conn.gone || conn.waiting == 0 || delayed, "{} was not answered", conn.label);
            assert!(conn.held.is_none(), "{} was not welcomed", conn.label);
        }
    }

    /// A turn that the disk refuses: these lines, then `storage` for everyone who asked. Passwords
    /// are checked first, so that their results are in that turn.
    pub(in crate::server::hub::tests) fn refused_by_the_disk(&mut self, lines: &[(&str, &str)]) {
        let mut requests = Vec::new();
        for (label, line) in lines {
            self.log.push_str(&format!("{label}> {line}\n"));
            let Some(request) = self.asks(label, line) else { continue };
            let conn = request.conn;
            if !matches!(
                request.kind,
                RequestKind::Login { .. } | RequestKind::Register { .. } | RequestKind::Passwd { .. }
            ) {
                requests.push(request);
                continue;
            }
            let turn = self.decide(vec![request]);
            requests.extend(self.hand_out(turn));
            assert!(requests.last().is_some_and(|last| last.conn == conn), "{line} could not be tried");
        }
        let (before, applied) = (self.model.clone(), self.hub.applied.len());
        let asked: Vec<ConnId> = requests.iter().filter(|r| r.kind.is_answered()).map(|r| r.conn).collect();
        self.decide(requests);
        self.model = before;
        self.hub.applied.truncate(applied);
        self.hub.roll_back(self.model.snapshot.clone());
        for conn in asked {
            let last: Final = Refusal::new(Code::Storage, "the disk is full.").into();
            self.answer(conn, &Rows::default(), &last);
        }
    }

    fn decide(&mut self, requests: Vec<Request>) -> Turn {
        let mut turn = Turn::default();
        for request in requests {
            self.now.wall += 1;
            if request.kind.is_answered()
                && let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == request.conn)
                && !matches!(request.kind, RequestKind::AuthDone(_))
            {
                conn.waiting += 1;
            }
            self.hub.handle(self.now, request, &mut self.model, &mut turn.effects);
            turn.collect();
        }
        turn
    }

    /// What workers, readers and `auth` do with a turn's effects; returns the requests that follow.
    fn hand_out(&mut self, mut turn: Turn) -> Vec<Request> {
        self.logged.append(&mut turn.log);
        let mut requests: Vec<Request> =
            turn.deliveries.into_iter().filter_map(|(worker, delivery)| self.deliver(worker, delivery)).collect();
        requests.append(&mut self.ended);
        for (conn, read) in turn.read_jobs {
            let answer = self.read(conn, read);
            self.answer(answer.conn, &answer.rows, &answer.last);
        }
        for (conn, figures) in turn.figures {
            self.figures = Some(figures);
            self.answer(conn, &Rows::default(), &Final::Done("figures".to_owned()));
        }
        requests.extend(turn.auth_jobs.into_iter().map(check));
        requests
    }

    /// What a worker does with a delivery; returns the request that follows, if any.
    fn deliver(&mut self, worker: usize, delivery: Delivery) -> Option<Request> {
        match delivery {
            Delivery::Answer(answer) => self.answer(answer.conn, &answer.rows, &answer.last),
            Delivery::Attached { conn, account, rooms, .. } => {
                let conn = self.conns.iter_mut().find(|other| other.id == conn)?;
                conn.session.logged_in();
                conn.account = Some(account);
                conn.receives = rooms.into_iter().collect();
                conn.held = Some(Vec::new());
            }
            Delivery::Enter(account, room) => {
                for conn in self.listeners(worker, account) {
                    assert!(conn.receives.insert(room), "{} is already subscribed", conn.label);
                }
            }
            Delivery::Leave(account, room) => {
                for conn in self.listeners(worker, account) {
                    assert!(conn.receives.remove(&room), "{} is not subscribed", conn.label);
                }
            }
            Delivery::Lines(lines) => self.lines = lines,
            Delivery::RoomMessage(RoomMessage { room, from, ack, unheard_by, line }) => {
                if let Some(last) = ack.answer() {
                    assert_eq!(from.worker(), worker);
                    self.answer(from, &Rows::default(), &last);
                }
                self.fan_out(worker, line, |conn| {
                    let hears = conn.receives.contains(&room) && !conn.is_person_of(&unheard_by);
                    hears && (conn.id != from || conn.session.options().echo)
                });
            }
            Delivery::DirectMessage { account, from, ack, line } => {
                if let Some(last) = ack.answer() {
                    self.answer(from, &Rows::default(), &last);
                }
                self.fan_out(worker, line, |conn| {
                    conn.account == Some(account) && (conn.id != from || conn.session.options().echo)
                });
            }
            Delivery::Event { room, by, presence, unheard_by, line } => self.fan_out(worker, line, |conn| {
                let wanted = (conn.session.options().presence || !presence) && !conn.is_person_of(&unheard_by);
                conn.receives.contains(&room) && conn.account != Some(by) && wanted
            }),
            Delivery::Notice { account, recipients, line } => self.fan_out(worker, line, |conn| {
                let heard = match recipients {
                    Recipients::All => true,
                    Recipients::AllBut(other) => conn.id != other,
                    Recipients::Only(other) => conn.id == other,
                    Recipients::WantPresence => conn.session.options().presence,
                };
                conn.account == Some(account) && heard
            }),
            Delivery::Announcement(line) => self.fan_out(worker, line, |conn| conn.account.is_some()),
            Delivery::EndFrom(network) => {
                let ended: Vec<usize> = (0..self.conns.len())
                    .filter(|&at| self.conns[at].id.worker() == worker && !self.conns[at].gone)
                    .filter(|&at| network.contains(self.conns[at].from))
                    .collect();
                for at in ended {
                    self.show(at, "* blocked".to_owned());
                    self.conns[at].gone = true;
                    let detach = self.request(at, RequestKind::Detach);
                    self.ended.push(detach);
                }
            }
            Delivery::End(conn, refusal) => {
                let at = self.conns.iter().position(|other| other.id == conn && !other.gone)?;
                self.show(at, format!("* {}: {}", refusal.code, refusal.text));
                self.conns[at].gone = true;
                return Some(self.request(at, RequestKind::Detach));
            }
            // The worker's alone.
            Delivery::Tap { .. } | Delivery::Limits(_) => {}
            Delivery::Accepted(_) | Delivery::Tls { .. } | Delivery::Stop | Delivery::Bye | Delivery::Abort => {
                panic!("the dispatcher never sends that")
            }
        }
        None
    }

    fn listeners(&mut self, worker: usize, account: AccountId) -> impl Iterator<Item = &mut Conn> {
        self.conns.iter_mut().filter(move |conn| conn.id.worker() == worker && conn.account == Some(account))
    }

    fn fan_out(&mut self, worker: usize, line: LineRef, receives: impl Fn(&Conn) -> bool) {
        let lines = Arc::clone(&self.lines);
        for at in 0..self.conns.len() {
            let conn = &mut self.conns[at];
            if conn.gone || conn.id.worker() != worker || !receives(conn) {
                continue;
            }
            let tagged = Line::parse(std::str::from_utf8(lines.line(line, true)).unwrap().trim_end()).unwrap();
            let conversation = match tagged.body {
                Body::RoomMessage { room, .. } => Some(room.to_owned()),
                Body::DirectMessage { from, to, .. } => Some([from.min(to), from.max(to)].join(">")),
                _ => None,
            };
            if let (Some(conversation), Some(id)) = (conversation, tagged.tags.id) {
                let before = conn.last.insert(conversation, id);
                assert!(before < Some(id), "{} saw {id} after {before:?}", conn.label);
            }
            let shown =
                std::str::from_utf8(lines.line(line, conn.session.options().tags)).unwrap().trim_end().to_owned();
            self.show(at, shown);
        }
    }
}
