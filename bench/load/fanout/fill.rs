//! A history to begin with: lines that are said before anything is measured, so that there is something to read.

use super::Fanout;
use crate::fault::Fault;
use crate::queries::COMMON;
use crate::swarm::{Driver, Outbox, Swarm, unasked_end};
use crate::wire::{Heard, hear};
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

/// How many lines a room is sent at a time: the next ones follow when its last member has been shown all of them.
const BATCH: u32 = 50;
/// How long filling may stall before the run fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// How far each room is. The first member of a room says all of its lines.
struct Fill<'a> {
    fanout: &'a Fanout,
    lines: u32,
    /// By room: how many lines were sent.
    sent: Vec<u32>,
    /// By room: how many of them its last member has been shown.
    shown: Vec<u32>,
    /// Deliveries to anyone that are still to come.
    missing: u64,
}

impl Fill<'_> {
    fn send(&mut self, room: usize, out: &mut Outbox) {
        let bytes = out.of(room * self.fanout.members);
        let until = self.lines.min(self.sent[room] + BATCH);
        for line in self.sent[room]..until {
            // Writing to a Vec can't fail.
            let _ = writeln!(bytes, "line {line} of the {COMMON} that was here before anyone measured");
        }
        self.sent[room] = until;
    }
}

impl Driver for Fill<'_> {
    fn line(&mut self, conn: usize, line: &[u8], _: u64, out: &mut Outbox) -> Result<(), Fault> {
        match hear(self.fanout.protocol, line, self.fanout.bytes) {
            // What is said here is not stamped, as senders' lines are.
            Heard::Garbled => {
                self.missing = self.missing.saturating_sub(1);
                let room = self.fanout.room_of(conn);
                if conn % self.fanout.members == self.fanout.members - 1 {
                    self.shown[room] += 1;
                    if self.shown[room] == self.sent[room] {
                        self.send(room, out);
                    }
                }
                Ok(())
            }
            Heard::Refused => Err(Fault::Refused { conn, line: String::from_utf8_lossy(line).into_owned() }),
            Heard::Said(..) | Heard::Answer(_) | Heard::Other => Ok(()),
        }
    }

    fn ended(&mut self, conn: usize, error: Option<io::Error>) -> Result<(), Fault> {
        Err(unasked_end(conn, error))
    }
}

/// Says so many lines in each room, until everyone has been shown all of them.
pub(super) fn fill(swarm: &mut Swarm, fanout: &Fanout, lines: u32) -> Result<(), Fault> {
    let rooms = fanout.rooms.len();
    let missing = rooms as u64 * (fanout.members as u64 - 1) * u64::from(lines);
    let mut fill = Fill { fanout, lines, sent: vec![0; rooms], shown: vec![0; rooms], missing };
    (0..rooms).for_each(|room| fill.send(room, &mut swarm.out));
    let mut news = (missing, Instant::now());
    while fill.missing > 0 {
        swarm.turn(&mut fill, Duration::from_millis(100))?;
        if fill.missing < news.0 {
            news = (fill.missing, Instant::now());
        } else if news.1.elapsed() > PATIENCE {
            return Err(Fault::Silent { what: "filling", seconds: PATIENCE.as_secs(), missing: fill.missing });
        }
    }
    Ok(())
}
