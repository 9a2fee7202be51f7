//! How often the log says that turns can't be stored.

use std::time::{Duration, Instant};

/// The log reports refused turns at most this often.
const FAILURES_LOGGED_EVERY: Duration = Duration::from_secs(5);

/// Batches that could not be stored. While a disk is full there may be thousands of them a second,
/// so the log reports the first, and then from time to time how many there were since.
#[derive(Debug, Default)]
pub(super) struct RefusedBatches {
    unreported: u64,
    since_first: u64,
    last_report: Option<Instant>,
}

impl RefusedBatches {
    /// Counts one more. Returns how many there were since the last report, if it is time for the
    /// next.
    pub(super) fn count(&mut self, now: Instant) -> Option<u64> {
        self.unreported += 1;
        self.since_first += 1;
        if self.last_report.is_some_and(|at| now < at + FAILURES_LOGGED_EVERY) {
            return None;
        }
        self.last_report = Some(now);
        Some(std::mem::take(&mut self.unreported))
    }

    /// Something was stored again. Returns how many were refused before, if any.
    pub(super) fn end(&mut self) -> Option<u64> {
        self.unreported = 0;
        Some(std::mem::take(&mut self.since_first)).filter(|&refused| refused > 0)
    }
}
