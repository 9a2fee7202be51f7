//! Between two connections: how long to wait for the next attempt, and when to give up.

use super::{Network, When};
use crate::client::backoff::Backoff;
use crate::client::connector::{ConnectorError, LoggedInConnection};
use crate::client::poller::WaitOutcome;
use crate::client::printer::Screen;
use crate::client::sleep_watch::LOOK_EVERY;
use std::thread;
use std::time::{Duration, Instant};

/// How long to keep trying to reconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Patience {
    /// Until the user leaves.
    Endless,
    /// For this long: nobody is there to notice that nothing is happening.
    Limited(Duration),
}

impl Patience {
    fn holds(self, since: Instant) -> bool {
        match self {
            Self::Endless => true,
            Self::Limited(most) => since.elapsed() < most,
        }
    }
}

impl<S: Screen> Network<S> {
    pub(super) fn reconnect(&mut self) -> Result<Option<LoggedInConnection>, ConnectorError> {
        let since = Instant::now();
        let mut told = String::new();
        loop {
            if self.rest() {
                return Ok(None);
            }
            match self.connector.reconnect(&self.me, &mut self.poller) {
                Ok(logged_in) => return Ok(Some(logged_in)),
                Err(error) if error.is_temporary() && self.patience.holds(since) => {
                    let why = error.to_string();
                    if why != told {
                        self.tell(&format!("still offline: {why}"));
                        told = why;
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sleeps before the next attempt; true if the user leaves meanwhile.
    fn rest(&mut self) -> bool {
        let until = Instant::now() + self.backoff.next_wait();
        loop {
            self.take_actions();
            if self.leaving == Some(When::Now) {
                return true;
            }
            if self.has_slept() {
                // The network may be another one by now.
                self.backoff = Backoff::new();
                return false;
            }
            match self.poller.sleep(until.min(Instant::now() + LOOK_EVERY)) {
                Ok(WaitOutcome::TimedOut) if Instant::now() >= until => return false,
                Ok(_) => {}
                Err(error) => {
                    log::warn!("can't sleep: {error}");
                    thread::sleep(until.saturating_duration_since(Instant::now()));
                    return false;
                }
            }
        }
    }
}
