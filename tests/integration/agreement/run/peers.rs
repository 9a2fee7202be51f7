//! The connections: they come and go, send lines, and take in what they are sent.

use super::super::normal::{self, Heard, fits};
use super::{NAMES, Run};
use crate::model::{Conn, Who, own_place};
use crate::support::client::Waited;
use crate::support::{Client, DEADLINE, PASSWORD};
use std::collections::VecDeque;
use std::time::Instant;

/// Connections of one account.
const CONNECTIONS_MAX: usize = 3;

/// A connection.
pub(super) struct Peer {
    pub(super) who: Who,
    pub(super) client: Client,
    /// What it has sent and not been answered.
    pub(super) waiting: VecDeque<String>,
    pub(super) rows: Vec<String>,
    pub(super) answers: VecDeque<Vec<String>>,
    /// Where its last search goes on.
    pub(super) cursor: String,
    pub(super) ended: bool,
}

impl Run {
    pub(super) fn everyone_connects(&mut self) {
        for who in (1..=NAMES.len()).chain(1..=NAMES.len()) {
            self.connect(who);
        }
        self.settle();
    }

    pub(super) fn connect_somebody(&mut self) {
        let who = self.random.below(NAMES.len()) + 1;
        if self.model().connections_of(who).len() < CONNECTIONS_MAX {
            self.connect(who);
        }
    }

    fn connect(&mut self, who: Who) {
        let conn = self.next_conn;
        self.next_conn += 1;
        let mut client = Client::plain(self.server.plain());
        client.expect("* …");
        client.send("/set tags on");
        client.expect("+ tags on…");
        client.send(&format!("/login {} {PASSWORD}", NAMES[who - 1]));
        let answer = client.next_line().expect("a login is answered");
        let answer = answer.split_once(':').map_or(answer.as_str(), |(code, _)| code).to_owned();
        self.note(format!("{conn} {} connects: {answer}", NAMES[who - 1]));
        let mut wrong = String::new();
        self.worlds.retain_mut(|world| {
            let expected = world.model.connect(conn, who);
            world.tell(&expected);
            wrong.clone_from(&expected.last);
            fits(&expected.last, &answer)
        });
        if self.worlds.is_empty() {
            self.fail(&format!("expected: {wrong}\n     got: {answer}"));
        }
        if answer.starts_with("+ ") {
            let (waiting, rows, answers) = (VecDeque::new(), Vec::new(), VecDeque::new());
            self.peers.insert(conn, Peer { who, client, waiting, rows, answers, cursor: String::new(), ended: false });
        }
    }

    pub(super) fn quit_somebody(&mut self) {
        if self.model().conns().len() > NAMES.len() {
            let conn = self.some_conn();
            self.quit(conn);
        }
    }

    fn quit(&mut self, conn: Conn) {
        self.note(format!("{conn} quits"));
        self.send(conn, &["/quit".to_owned()]);
        let answer = self.answer(conn);
        if !fits("+ goodbye…", &answer[0]) {
            self.fail(&format!("/quit: {answer:?}"));
        }
        while self.hear(conn, Instant::now() + DEADLINE) {}
        self.gone(conn);
    }

    pub(super) fn quit_all(&mut self) {
        self.model().conns().into_iter().for_each(|conn| self.quit(conn));
        self.settle();
    }

    /// A connection breaks. The server learns of it when it does, so another one of the account waits for that.
    pub(super) fn drop_somebody(&mut self) {
        let conn = self.some_conn();
        let who = self.peers[&conn].who;
        let others = self.model().connections_of(who);
        let Some(&other) = others.iter().find(|other| **other != conn) else { return };
        self.settle();
        self.note(format!("{conn} {} breaks", NAMES[who - 1]));
        self.peers.remove(&conn);
        self.gone(conn);
        let deadline = Instant::now() + DEADLINE;
        loop {
            self.send(other, &["/sessions".to_owned()]);
            if self.answer(other).len() == others.len() {
                return;
            }
            if Instant::now() > deadline {
                self.fail("the server has not noticed that a connection is gone");
            }
        }
    }

    fn gone(&mut self, conn: Conn) {
        if let Some(peer) = self.peers.get_mut(&conn) {
            peer.ended = true;
        }
        for lines in self.heard.iter_mut().filter(|((heard, _), _)| *heard == conn).map(|(_, lines)| lines) {
            lines.retain(|line| line != "the end");
        }
        self.worlds.iter_mut().for_each(|world| world.model.disconnect(conn));
    }

    pub(super) fn send(&mut self, conn: Conn, lines: &[String]) {
        let mut bytes = String::new();
        let peer = self.peers.get_mut(&conn).expect("it is connected");
        for line in lines {
            bytes.push_str(&format!("/@x {}\n", &line[1..]));
            peer.waiting.push_back(line.clone());
        }
        peer.client.send_anyway(bytes.as_bytes());
    }

    /// The next answer of a connection.
    pub(super) fn answer(&mut self, conn: Conn) -> Vec<String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let peer = self.peers.get_mut(&conn).expect("it is connected");
            if let Some(answer) = peer.answers.pop_front() {
                return answer;
            }
            if !self.hear(conn, deadline) {
                let waiting = self.peers[&conn].waiting.front().cloned();
                self.fail(&format!("{conn} was not answered: {waiting:?}"));
            }
        }
    }

    /// Takes in one line of a connection; whether there was one before the deadline and the end.
    pub(super) fn hear(&mut self, conn: Conn, deadline: Instant) -> bool {
        let peer = self.peers.get_mut(&conn).expect("it is connected");
        if peer.ended {
            return false;
        }
        let line = match peer.client.line_before(deadline) {
            Waited::Line(line) => line,
            Waited::Nothing => return false,
            Waited::End => {
                peer.ended = true;
                self.heard.entry((conn, "*".to_owned())).or_default().push("the end".to_owned());
                return false;
            }
        };
        match normal::heard(&line) {
            Heard::Row(row) => peer.rows.push(row),
            Heard::Final(label, last) => {
                let Some(line) = peer.waiting.pop_front() else { self.fail(&format!("{conn}: unasked: {last}")) };
                if let Some(stream) = own_place(&line, &last) {
                    self.heard.entry((conn, stream)).or_default().push(last.clone());
                }
                if line.starts_with("/search") || line.starts_with("/mentions") {
                    peer.cursor = match last.split_once("more=") {
                        Some((_, cursor)) => format!("{} more={cursor}", line.split(" more=").next().unwrap_or(&line)),
                        None => String::new(),
                    };
                }
                assert_eq!(label, "x", "{conn}: {last}");
                let mut answer = std::mem::take(&mut peer.rows);
                answer.push(last);
                peer.answers.push_back(answer);
            }
            Heard::Live(stream, line) => self.heard.entry((conn, stream)).or_default().push(line),
            Heard::Presence(room, name) => {
                let who = peer.who;
                if !self.members.contains(&(room.clone(), who)) {
                    self.fail(&format!("{conn} is not in {room}, and is told of {name} there"));
                }
            }
        }
        true
    }
}
