//! One run: the server, the connections, and what is done at random.

mod peers;
mod restarts;

use super::worlds::{Comparison, Sent, Streams, World, difference, orders};
use crate::model::operations::operation;
use crate::model::random::Random;
use crate::model::unpaced::UNPACED;
use crate::model::{Conn, Model, Who};
use crate::support::{DEADLINE, Server};
use peers::Peer;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

const NAMES: [&str; 12] =
    ["alice", "bob", "carol", "Dora", "erin", "frank", "grace", "Heidi", "ivan", "judy", "kim", "leo"];
/// Operations between two checks of everything that was heard.
const SETTLE_EVERY: usize = 40;
/// Operations between two restarts.
const RESTART_EVERY: usize = 400;
/// Lines of the trace that a failure prints.
const TRACE: usize = 120;

pub(super) struct Run {
    seed: u64,
    began: Instant,
    random: Random,
    serial: u64,
    server: Server,
    peers: BTreeMap<Conn, Peer>,
    next_conn: Conn,
    worlds: Vec<World>,
    heard: Streams,
    /// Who was seen to be in which room since all was heard.
    members: BTreeSet<(String, Who)>,
    done: usize,
    restarts: usize,
    trace: VecDeque<String>,
}

impl Run {
    /// A new server with twelve people; alice is an administrator.
    pub(super) fn new(seed: u64) -> Self {
        let server = Server::with(&UNPACED);
        let mut model = Model::new();
        for name in NAMES {
            server.connect().register(name);
            model.register(name);
        }
        let mut console = server.console();
        console.send("/grant alice admin");
        console.expect("+ alice…");
        model.grant_first(1);
        let world = World { model, expected: Streams::new() };
        Self {
            seed,
            began: Instant::now(),
            random: Random::new(seed),
            serial: 0,
            server,
            peers: BTreeMap::new(),
            next_conn: 1,
            worlds: vec![world],
            heard: Streams::new(),
            members: BTreeSet::new(),
            done: 0,
            restarts: 0,
            trace: VecDeque::new(),
        }
    }

    pub(super) fn go(mut self, operations: usize) {
        self.note_members();
        self.everyone_connects();
        let mut settled = 0;
        let mut restarted = 0;
        while self.done < operations {
            match self.random.below(1000) {
                0..8 => self.connect_somebody(),
                8..12 => self.quit_somebody(),
                12..14 => self.drop_somebody(),
                14..30 => self.crowd(),
                _ => self.operate(),
            }
            if self.done >= settled + SETTLE_EVERY {
                self.settle();
                settled = self.done;
            }
            if self.done >= restarted + RESTART_EVERY {
                self.restart();
                restarted = self.done;
            }
        }
        self.settle();
        self.ask_everything(usize::MAX);
        self.quit_all();
        println!(
            "{} operations, {} restarts, seed {}: {:.1} s",
            self.done,
            self.restarts,
            self.seed,
            self.began.elapsed().as_secs_f64()
        );
    }

    fn model(&self) -> &Model {
        &self.worlds[0].model
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn some_conn(&mut self) -> Conn {
        let conns: Vec<Conn> = self.model().conns();
        *self.random.one(&conns)
    }

    /// One line, and its answer.
    fn operate(&mut self) {
        let conn = self.some_conn();
        let line = self.some_line(conn);
        self.done += 1;
        self.send(conn, std::slice::from_ref(&line));
        let answer = self.answer(conn);
        self.note(format!("{conn} {} > {line}\n    {}", NAMES[self.peers[&conn].who - 1], answer.join("\n    ")));
        self.keep(&Sent { conn, line, answer: Some(answer) });
    }

    fn some_line(&mut self, conn: Conn) -> String {
        let again = self.peers[&conn].cursor.clone();
        if !again.is_empty() && self.random.chance(50) {
            return again;
        }
        operation(&self.worlds[0].model, conn, &mut self.random, &mut self.serial)
    }

    /// Keeps the worlds in which a line is answered so.
    fn keep(&mut self, sent: &Sent) {
        let now = self.now();
        let mut wrong = String::new();
        let answer = sent.answer.as_ref().expect("it was answered");
        self.worlds.retain_mut(|world| {
            let expected = world.apply(sent, now);
            difference(&expected, answer).inspect(|what| wrong.clone_from(what)).is_none()
        });
        if self.worlds.is_empty() {
            self.fail(&format!("{}: {wrong}", sent.line));
        }
        self.note_members();
    }

    /// Several connections at once, each with a few lines, whose order nobody knows.
    fn crowd(&mut self) {
        self.settle();
        let lines = self.some_lines();
        self.send_all(&lines);
        let mut sent = Vec::new();
        for (conn, lines) in lines {
            for line in lines {
                let answer = self.answer(conn);
                sent.push(Sent { conn, line, answer: Some(answer) });
            }
        }
        self.keep_orders(&sent);
        self.settle();
    }

    /// Lines for several connections at once. In all orders of them the model must come to only a few
    /// states, or nobody could tell which is the server's. So what is said is said in one conversation (a
    /// search would show the order of two), and one room is made at most.
    fn some_lines(&mut self) -> BTreeMap<Conn, Vec<String>> {
        let mut lines: BTreeMap<Conn, Vec<String>> = BTreeMap::new();
        let mut place = None;
        let mut made = false;
        for _ in 0..self.random.below(4) + 2 {
            let conn = self.some_conn();
            for _ in 0..=self.random.below(3) {
                let line = operation(&self.worlds[0].model, conn, &mut self.random, &mut self.serial);
                let mut words = line.split(' ');
                let fine = match (words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
                    ("/say" | "/act" | "/reply" | "/post" | "/update", target) => {
                        !target.starts_with('@') && target == *place.get_or_insert_with(|| target.to_owned())
                    }
                    ("/create" | "/join", _) => !std::mem::replace(&mut made, true),
                    // Who is logged out has no answer, and an option may hold for the lines of a moment before.
                    ("/msg" | "/me" | "/disable" | "/set", _) | ("/sessions", "end") => false,
                    // Rows may show what was changed after the question.
                    ("/history" | "/pins" | "/changes" | "/search" | "/mentions" | "/export" | "/conversations", _) => {
                        false
                    }
                    _ => true,
                };
                if fine {
                    lines.entry(conn).or_default().push(line);
                }
            }
        }
        if lines.is_empty() {
            return self.some_lines();
        }
        self.done += lines.values().map(Vec::len).sum::<usize>();
        lines
    }

    fn send_all(&mut self, lines: &BTreeMap<Conn, Vec<String>>) {
        lines.iter().for_each(|(conn, lines)| self.send(*conn, lines));
    }

    fn keep_orders(&mut self, sent: &[Sent]) {
        for Sent { conn, line, answer } in sent {
            let answer = answer.as_ref().map_or("(no answer)".to_owned(), |answer| answer.join("\n    "));
            self.note(format!("at once: {conn} {} > {line}\n    {answer}", NAMES[self.peers[conn].who - 1]));
        }
        let (worlds, wrong) = orders(std::mem::take(&mut self.worlds), sent, &self.heard, self.now());
        if worlds.is_empty() {
            self.fail(&format!("these can't have happened in any order; the last one tried: {wrong}"));
        }
        self.worlds = worlds;
        self.note_members();
    }

    /// Waits until everyone has heard what they must, and nothing else, in one of the worlds.
    fn settle(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        self.ping_all(deadline);
        while let Some((conn, what)) = self.outstanding() {
            let alive = self.peers.contains_key(&conn) && self.hear(conn, deadline);
            if !alive {
                self.fail(&format!("this was not heard: {what}"));
            }
        }
        let heard = std::mem::take(&mut self.heard);
        for mut world in std::mem::take(&mut self.worlds) {
            world.forget(&heard);
            if !self.worlds.contains(&world) {
                self.worlds.push(world);
            }
        }
        self.peers.retain(|_, peer| !peer.ended);
        self.members.clear();
        self.note_members();
    }

    /// Whatever the server had to say before, most of it has come when it answers this.
    fn ping_all(&mut self, deadline: Instant) {
        let conns: Vec<Conn> = self.peers.iter().filter(|(_, peer)| !peer.ended).map(|(conn, _)| *conn).collect();
        conns.iter().for_each(|conn| self.send(*conn, &["/ping here".to_owned()]));
        for conn in conns {
            while !self.peers[&conn].waiting.is_empty() && self.hear(conn, deadline) {}
            self.peers.get_mut(&conn).expect("it is there").answers.clear();
        }
    }

    /// Drops the worlds in which something else would have been heard. If in all others something is still
    /// to be heard: what that is in one of them, and by whom.
    fn outstanding(&mut self) -> Option<(Conn, String)> {
        let (mut outstanding, mut wrong, mut all_heard) = (None, String::new(), false);
        let heard = &self.heard;
        self.worlds.retain(|world| {
            match world.compare(heard) {
                Comparison::Equal => all_heard = true,
                Comparison::Outstanding(conn, what) => outstanding = Some((conn, what)),
                Comparison::Differs(what) => {
                    wrong = what;
                    return false;
                }
            }
            true
        });
        if self.worlds.is_empty() {
            self.fail(&format!("what was heard is not what the model says: {wrong}"));
        }
        outstanding.filter(|_| !all_heard)
    }

    fn note_members(&mut self) {
        for world in &self.worlds {
            self.members.extend(world.model.memberships());
        }
    }

    fn note(&mut self, what: String) {
        self.trace.push_back(what);
        if self.trace.len() > TRACE {
            self.trace.pop_front();
        }
    }

    fn fail(&self, what: &str) -> ! {
        let trace: Vec<&str> = self.trace.iter().map(String::as_str).collect();
        panic!(
            "after {} operations with CHITCHAT_MODEL_SEED={}:\n{}\n\n{what}\n",
            self.done,
            self.seed,
            trace.join("\n")
        )
    }
}
