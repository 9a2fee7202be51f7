//! The clocks, which only what does I/O asks: the system's, as it is stored and sent (milliseconds of
//! Unix time), and one that never goes back, to wait by. `core`, `hub` and `session` are told the time.
//!
//! With the feature `faults` a thread can have clocks of its own, which stand still until they are moved:
//! the simulation's.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The time to wait by.
pub(super) fn now() -> Instant {
    #[cfg(feature = "faults")]
    if let Some(now) = simulated::now() {
        return now;
    }
    Instant::now()
}

/// What the system's clock shows now; 0 if it stands before 1970.
pub(super) fn unix_ms() -> u64 {
    #[cfg(feature = "faults")]
    if let Some(unix_ms) = simulated::unix_ms() {
        return unix_ms;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A thread's own clocks.
#[cfg(feature = "faults")]
pub(super) mod simulated {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    thread_local! {
        static NOW: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
    }

    pub(super) fn now() -> Option<Instant> {
        NOW.get().map(|(now, _)| now)
    }

    pub(super) fn unix_ms() -> Option<u64> {
        NOW.get().map(|(_, unix_ms)| unix_ms)
    }

    /// Gives this thread clocks that stand still, the system's at that time.
    pub(in crate::server) fn start(unix_ms: u64) {
        NOW.set(Some((Instant::now(), unix_ms)));
    }

    /// Lets time pass on both.
    pub(in crate::server) fn advance(by: Duration) {
        let passed = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        NOW.set(NOW.get().map(|(now, unix_ms)| (now + by, unix_ms.saturating_add(passed))));
    }

    /// Sets the system's clock forward or back, by milliseconds.
    pub(in crate::server) fn set(by: i64) {
        NOW.set(NOW.get().map(|(now, unix_ms)| (now, unix_ms.saturating_add_signed(by))));
    }
}
