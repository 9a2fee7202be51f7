//! What the dispatcher stores by itself, in transactions of their own, once everyone is answered. Runs on the thread
//! that has the turn.

use super::{Dispatcher, DispatcherFault, QUIET, journal};
use crate::server::hub::Now;
use crate::server::store::CommitError;
use std::time::Duration;

/// While nothing can be stored, it is tried this often whether that is over. Whoever watches the server would
/// otherwise be told that it fails until somebody says something again.
pub(super) const TRIAL_EVERY: Duration = Duration::from_secs(5);

impl Dispatcher {
    /// Finds out whether something can be stored again, if nothing could.
    pub(super) fn try_out(&mut self, now: Now) -> Result<(), DispatcherFault> {
        if self.trial.is_none_or(|trial| now.instant < trial) {
            return Ok(());
        }
        match self.transaction.store.try_out() {
            Ok(committed) => {
                self.stored();
                self.nudge(committed);
                Ok(())
            }
            // Nobody is refused anything, and no state has to be read again.
            Err(CommitError::Refused(_)) => {
                self.trial = Some(now.instant + TRIAL_EVERY);
                Ok(())
            }
            Err(error @ CommitError::Ambiguous(_)) => Err(DispatcherFault::Ambiguous(error)),
        }
    }

    /// What is no longer kept goes.
    pub(super) fn sweep(&mut self, now: Now) -> Result<(), DispatcherFault> {
        if !self.hub.is_sweep_due(now.instant) {
            return Ok(());
        }
        self.asked.clear();
        self.hub.sweep(now, &mut self.transaction);
        journal::swept(&self.hub);
        if self.transaction.is_used() {
            self.quiet = Some(now.instant + QUIET);
        }
        match self.commit(0) {
            Ok(committed) => {
                journal::committed();
                if let Some(committed) = committed {
                    self.stored();
                    self.nudge(committed);
                }
                Ok(())
            }
            Err(CommitError::Refused(why)) => {
                journal::refused();
                self.roll_back(now, &why)
            }
            Err(error @ CommitError::Ambiguous(_)) => Err(DispatcherFault::Ambiguous(error)),
        }
    }
}
