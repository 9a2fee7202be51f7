//! People come and go, and say what they want.

use super::{Episode, NAMES, UNANSWERED, note, send};
use crate::link::{Deflate, Ending, Link, require};
use crate::model::random::Random;
use crate::oracle::PASSWORD;
use chitchat::server::simulation::Machine;

impl Episode {
    /// Somebody connects and logs in.
    pub(super) fn connect(&mut self, seat: usize, random: &mut Random) -> bool {
        if self.seats[seat].conn.is_some() {
            return false;
        }
        let who = seat % NAMES.len() + 1;
        let worker = random.below(self.machine.as_ref().map_or(1, Machine::workers));
        let room = self.swarm.room_of(seat);
        let conn = self.open(who, Some(who as u8), worker, room);
        self.swarm.set_room(conn, room);
        self.seats[seat].conn = Some(conn);
        let name = NAMES[who - 1];
        let tokens = self.oracle.tokens.get(&who).map_or(&[][..], Vec::as_slice);
        let login = if self.oracle.model.has_account(who) {
            match random.below(10) {
                0 => format!("/login {name} wrong horse battery"),
                1..6 if !tokens.is_empty() => format!("/resume {}", random.one(tokens)),
                _ => format!("/login {name} {PASSWORD}"),
            }
        } else {
            format!("/register {name} {PASSWORD}")
        };
        self.say(conn, vec!["/set tags on".to_owned(), login], false);
        true
    }

    pub(super) fn open(&mut self, who: usize, from: Option<u8>, worker: usize, room: usize) -> usize {
        let conn = self.next_conn;
        self.next_conn += 1;
        if let Some(machine) = &mut self.machine {
            let wire = machine.connect(worker, from, room);
            self.oracle.links.insert(conn, Link::new(conn, who, wire));
            note!(self, "{conn} {} connects to worker {worker}", if who == 0 { "console" } else { NAMES[who - 1] });
        }
        conn
    }

    /// Somebody leaves, in one way or another.
    pub(super) fn part(&mut self, seat: usize, random: &mut Random) -> bool {
        let Some(conn) = self.seats[seat].conn else { return false };
        let Some(link) = self.oracle.links.get_mut(&conn) else { return false };
        match random.below(4) {
            0 if link.may_talk() => {
                self.say(conn, vec!["/quit".to_owned()], false);
                if let Some(link) = self.link(seat) {
                    link.welcomed = false;
                }
            }
            1 if link.may_talk() && link.to_send.is_empty() => {
                note!(self, "{conn} closes its half");
                link.wire.shut_down_write();
                link.is_half_closed = true;
                link.ending = Ending::Leaving;
            }
            2 => {
                note!(self, "{conn} breaks");
                self.break_off(conn);
            }
            _ => return false,
        }
        true
    }

    pub(super) fn break_off(&mut self, conn: usize) {
        if let Some(link) = self.oracle.links.get_mut(&conn) {
            link.wire.reset();
        }
        self.leave(conn);
    }

    pub(super) fn set_option(&mut self, seat: usize, random: &mut Random) -> bool {
        let Some(conn) = self.seats[seat].conn else { return false };
        let repeated = std::mem::take(&mut self.seats[seat].to_repeat);
        // An option holds from its own final line on, so the echo of a line just before it may come or not.
        let is_idle = |link: &&Link| link.may_talk() && link.asked.is_empty();
        let Some(link) = self.oracle.links.get(&conn).filter(is_idle) else {
            self.seats[seat].to_repeat = repeated;
            return false;
        };
        if !repeated.is_empty() {
            self.say(conn, repeated, false);
            return true;
        }
        let line = match link.deflate {
            Deflate::Off if random.chance(50) => "/set deflate 1",
            _ => *random.one(&["/set echo on", "/set echo off"]),
        };
        self.say(conn, vec![line.to_owned()], false);
        true
    }

    // What is on the wire.

    pub(super) fn send_some(&mut self, seat: usize, random: &mut Random) -> bool {
        let Some(link) = self.link(seat) else { return false };
        if link.to_send.is_empty() || link.is_half_closed {
            return false;
        }
        let all = link.to_send.len();
        let most = if random.chance(60) { all } else { random.below(all) + 1 };
        let sent = send(link, most);
        let conn = link.conn;
        note!(self, "{conn} sends {sent} of {all} bytes");
        sent > 0
    }

    pub(super) fn take_some(&mut self, seat: usize, random: &mut Random) -> Result<bool, String> {
        if self.swarm.is_mute(seat) && !random.chance(5) {
            return Ok(false);
        }
        let most = if random.chance(70) { usize::MAX } else { random.below(300) + 1 };
        let Some(conn) = self.seats[seat].conn else { return Ok(false) };
        self.take(conn, most)
    }

    /// A client reads up to so many bytes, and looks at the lines that they end.
    pub(super) fn take(&mut self, conn: usize, most: usize) -> Result<bool, String> {
        let Some(link) = self.oracle.links.get_mut(&conn) else { return Ok(false) };
        if link.is_gone {
            return Ok(false);
        }
        let waiting = link.wire.waiting();
        link.was_slow |= waiting >= self.swarm.room(conn);
        let is_at_end = link.wire.is_at_end();
        if waiting == 0 && !is_at_end {
            return Ok(false);
        }
        let lines = link.receive(most, &mut self.unpacker).map_err(|what| format!("connection {conn}: {what}"))?;
        if let Some(machine) = &self.machine {
            self.oracle.pass_over_local(conn, machine.steady(), machine.epoch());
        }
        for line in lines {
            if !line.contains("ev=online") && !line.contains("ev=offline") {
                note!(self, "{conn} < {line}");
            }
            self.oracle.hear(conn, &line).map_err(|what| format!("connection {conn}: {what}"))?;
        }
        if is_at_end {
            self.at_end(conn)?;
        }
        Ok(true)
    }

    pub(super) fn at_end(&mut self, conn: usize) -> Result<(), String> {
        let Some(link) = self.oracle.links.get_mut(&conn) else { return Ok(()) };
        note!(self, "{conn} is at its end");
        // Who does not read what is left in 30 s is not told why.
        let is_told = link.ending != Ending::None || link.was_slow;
        require(is_told, || format!("connection {conn} was closed without a word"))?;
        if link.ending == Ending::Leaving
            && !link.was_slow
            && let Some(asked) = link.asked.front()
        {
            return Err(format!("connection {conn} was closed, and not answered: {}", asked.line));
        }
        self.leave(conn);
        Ok(())
    }

    /// The client is done with a connection.
    pub(super) fn leave(&mut self, conn: usize) {
        let Some(link) = self.oracle.links.get_mut(&conn) else { return };
        link.is_gone = true;
        let posts = link.asked.iter().filter(|asked| asked.line.starts_with("/post ")).map(|asked| asked.line.clone());
        let posts: Vec<String> = posts.collect();
        if let Some(seat) = self.seats.iter_mut().find(|seat| seat.conn == Some(conn)) {
            seat.conn = None;
            // Under their own keys: they are said once, whether they were or not.
            seat.to_repeat.extend(posts);
            seat.to_repeat.truncate(UNANSWERED);
        }
    }
}
