//! Time passes, writes fail, and the process ends.

use super::{BEGIN, DAY, Episode, TIME_MAX, note};
use crate::link::require;
use crate::model::random::Random;
use chitchat::server::simulation::{self, Died, Failure};
use std::time::Duration;

impl Episode {
    pub(super) fn pass(&mut self, random: &mut Random) -> bool {
        let milliseconds = match random.below(20) {
            0 => random.below(10_000),
            1..4 => random.below(1000),
            _ => random.below(30),
        };
        self.advance(Duration::from_millis(milliseconds as u64 + 1))
    }

    pub(super) fn advance(&mut self, by: Duration) -> bool {
        if self.passed + by > TIME_MAX {
            return false;
        }
        self.passed += by;
        simulation::advance(by);
        self.oracle.passes(by.as_millis() as u64, self.shown());
        note!(self, "{by:?} pass");
        true
    }

    /// Much time passes, or the system's clock is set a day forward or back.
    pub(super) fn jump(&mut self, random: &mut Random) {
        if random.chance(50) {
            self.advance(Duration::from_secs(60 * (random.below(90) as u64 + 1)));
            return;
        }
        let skew = *random.one(&[-DAY, 0, DAY]);
        simulation::set_clock(skew - self.skew);
        self.skew = skew;
        self.oracle.passes(0, self.shown());
        note!(self, "the clock is wrong by {} h", skew / 3_600_000);
    }

    /// What the system's clock shows.
    fn shown(&self) -> u64 {
        (BEGIN + self.passed.as_millis() as u64).saturating_add_signed(self.skew)
    }

    pub(super) fn plan_failure(&mut self, random: &mut Random) -> Result<(), String> {
        if random.chance(20) {
            self.is_full = !self.is_full;
            let is_full = self.is_full;
            self.machine()?.fill_disk(is_full);
            note!(self, "the disk is {}", if is_full { "full" } else { "not full any more" });
            return Ok(());
        }
        if self.failure.is_some() && !simulation::is_failure_planned() {
            // It has happened, and the process is about to end.
            return Ok(());
        }
        let failure = match random.below(10) {
            0 => Failure::Done,
            1 => Failure::Undone,
            2..6 => Failure::Insert,
            _ => Failure::Commit,
        };
        self.failure = Some(failure);
        simulation::fail(self.failure);
        note!(self, "the next transaction will fail: {failure:?}");
        Ok(())
    }

    /// The process ends between two steps, or in a turn that was stored or was not, and starts again.
    pub(super) fn kill(&mut self) -> Result<(), String> {
        note!(self, "the server is killed, and starts again");
        let stored = self.failure == Some(Failure::Done) && !simulation::is_failure_planned();
        simulation::fail(None);
        self.failure = None;
        let conns: Vec<usize> = self.seats.iter().filter_map(|seat| seat.conn).collect();
        conns.into_iter().for_each(|conn| self.leave(conn));
        let mut machine = self.machine.take().ok_or("a server")?;
        let (entries, now, epoch) = (machine.journal(), machine.steady(), machine.epoch().to_owned());
        self.oracle.digest(entries, now, &epoch)?;
        self.oracle.end(stored, &epoch)?;
        let before = self.data();
        self.generation += 1;
        self.kills += 1;
        machine.kill(&self.data()).map_err(|Died(why)| why)?;
        std::fs::remove_dir_all(before).map_err(|error| error.to_string())?;
        // What ended before may hold again if the clock is set back between two runs, which the page leaves open.
        let behind = now.saturating_sub(self.shown()) as i64;
        simulation::set_clock(behind);
        self.skew += behind;
        self.oracle.passes(0, self.shown());
        self.start()?;
        let machine = self.machine.as_ref().ok_or("a server")?;
        require(machine.epoch() == epoch, || "the epoch has changed".to_owned())
    }
}
