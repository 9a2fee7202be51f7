//! All comes to rest: what everybody must have heard by then.

use super::{Episode, PATIENCE, PATIENCE_FLOOD, note, send};
use crate::link::require;
use crate::model::random::Random;
use chitchat::server::simulation::{self, Died};
use std::time::Duration;

/// How soon what is too old is gone, as the page says, where there is not much of it.
const GONE_WITHIN: Duration = Duration::from_mins(2);

impl Episode {
    /// Lets everything come to rest: then everybody must have heard all that they must, and nothing may be
    /// under way any more.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        if std::mem::take(&mut self.is_full) {
            self.machine()?.fill_disk(false);
        }
        if simulation::is_failure_planned() {
            simulation::fail(None);
            self.failure = None;
        }
        let patience = if self.swarm.is_flood_slowed() { PATIENCE_FLOOD } else { PATIENCE };
        let mut waited = Duration::ZERO;
        loop {
            while self.go_on()? {}
            if let Some(what) = self.machine()?.forgotten() {
                return Err(format!("a wake-up was lost: {what}"));
            }
            let Some(outstanding) = self.oracle.outstanding() else { break };
            let due = self.machine()?.due().unwrap_or(patience).max(Duration::from_millis(1));
            waited += due;
            require(waited <= patience, || format!("all is quiet, but {outstanding}"))?;
            if !self.advance(due) {
                return Ok(());
            }
        }
        let under_way = self.machine()?.under_way();
        require(under_way == 0, || format!("all is quiet, but {under_way} bytes are under way"))
    }

    /// The same, and all is indexed: then what is too old goes in time, though nobody says anything any more.
    pub(crate) fn let_the_old_go(&mut self) -> Result<(), String> {
        self.settle()?;
        let now = self.machine()?.steady();
        let mut waited = Duration::ZERO;
        loop {
            while self.machine()?.index().map_err(|Died(why)| why)? {}
            while self.go_on()? {}
            let Some(overdue) = self.oracle.overdue(now) else { return Ok(()) };
            require(waited < GONE_WITHIN, || format!("{} s later {overdue}", waited.as_secs()))?;
            let due = self.machine()?.due().unwrap_or(GONE_WITHIN);
            let due = due.min(GONE_WITHIN.saturating_sub(waited)).max(Duration::from_millis(1));
            waited += due;
            if !self.advance(due) {
                return Ok(());
            }
        }
    }

    /// Everything goes on that can without time; false if nothing could.
    pub(super) fn go_on(&mut self) -> Result<bool, String> {
        let before = self.steps;
        for conn in self.oracle.links.keys().copied().collect::<Vec<_>>() {
            let Some(link) = self.oracle.links.get_mut(&conn) else { continue };
            let sent = send(link, usize::MAX);
            self.steps += u64::from(sent > 0) + u64::from(self.take(conn, usize::MAX)?);
        }
        for worker in 0..self.machine()?.workers() {
            if self.machine()?.is_awake(worker) {
                self.machine()?.run_worker(worker, u64::MAX);
                note!(self, "worker {worker} has a turn");
                self.digest()?;
                self.steps += 1;
            }
        }
        self.steps += u64::from(self.begin_turn()?) + u64::from(self.finish_turn()?);
        while self.machine()?.passwords() > 0 {
            self.machine()?.check_password(0);
            self.steps += 1;
        }
        while self.machine()?.reads() > 0 {
            self.answer_read(0)?;
            self.steps += 1;
        }
        Ok(self.steps > before)
    }

    /// The same; then somebody asks for everything.
    pub(super) fn settle_and_ask(&mut self, seat: usize, random: &mut Random) -> Result<(), String> {
        if random.chance(20) {
            self.let_the_old_go()?;
        } else {
            self.settle()?;
        }
        let Some(conn) = self.seats[seat].conn else { return Ok(()) };
        let Some(link) = self.oracle.links.get(&conn) else { return Ok(()) };
        if !link.may_talk() || !self.oracle.model.is_connected(conn) {
            return Ok(());
        }
        let messages = if random.chance(20) { usize::MAX } else { 30 };
        let questions = self.oracle.model.questions(link.who, messages);
        for lines in questions.chunks(8) {
            self.say(conn, lines.to_vec(), false);
            self.settle()?;
        }
        Ok(())
    }
}
