//! The server ends, in one way or another, and everything is there when it comes back.

use super::super::worlds::Sent;
use super::{NAMES, Run};
use crate::support::DEADLINE;
use std::time::{Duration, Instant};

impl Run {
    /// Every question of every account; of long conversations the last so many messages.
    pub(super) fn ask_everything(&mut self, messages: usize) {
        for who in 1..=NAMES.len() {
            let Some(&conn) = self.model().connections_of(who).first() else { continue };
            let lines = self.model().questions(who, messages);
            // Few enough at a time that neither side waits for the other to read.
            for lines in lines.chunks(8) {
                self.send(conn, lines);
                for line in lines {
                    let answer = self.answer(conn);
                    self.note(format!("{conn} {} asks {line}", NAMES[who - 1]));
                    self.keep(&Sent { conn, line: line.clone(), answer: Some(answer) });
                }
            }
        }
    }

    /// The server ends, in one way or another, and everything is there when it comes back.
    pub(super) fn restart(&mut self) {
        self.restarts += 1;
        self.settle();
        if self.random.chance(25) {
            self.note("the server is asked to stop".to_owned());
            self.server.terminate();
            self.server.wait();
            self.peers.clear();
        } else {
            self.kill();
        }
        self.heard.clear();
        for world in &mut self.worlds {
            world.model.end();
            world.expected.clear();
        }
        let distinct = std::mem::take(&mut self.worlds);
        for world in distinct {
            if !self.worlds.contains(&world) {
                self.worlds.push(world);
            }
        }
        self.server.restart();
        self.everyone_connects();
        let all = self.restarts.is_multiple_of(20);
        self.ask_everything(if all { usize::MAX } else { 60 });
        self.settle();
    }

    /// Kills the server while it is at work.
    fn kill(&mut self) {
        let lines = self.some_lines();
        self.send_all(&lines);
        let all: usize = lines.values().map(Vec::len).sum();
        let first = *lines.keys().next().expect("somebody says something");
        let patience = Duration::from_micros(self.random.below(3000) as u64);
        let until = Instant::now() + patience;
        if self.random.chance(50) {
            while Instant::now() < until {}
        } else {
            self.hear(first, Instant::now() + DEADLINE);
        }
        self.server.kill();
        let mut sent = Vec::new();
        for conn in self.peers.keys().copied().collect::<Vec<_>>() {
            while self.hear(conn, Instant::now() + DEADLINE) {}
        }
        for (conn, lines) in lines {
            let peer = self.peers.get_mut(&conn).expect("it was there");
            for line in lines {
                let answer = peer.answers.pop_front();
                sent.push(Sent { conn, line, answer });
            }
        }
        let answered = sent.iter().filter(|sent| sent.answer.is_some()).count();
        self.note(format!("the server is killed: {answered} of {all} lines were answered"));
        // The end of a connection is heard, but nobody has to be told why.
        self.heard.values_mut().for_each(|lines| lines.retain(|line| line != "the end"));
        self.keep_orders(&sent);
        self.peers.clear();
    }
}
