//! The system's clock, as it is stored and sent: milliseconds of Unix time. Only what does I/O asks
//! it; `core`, `hub` and `session` are told the time.

use std::time::{SystemTime, UNIX_EPOCH};

/// What the clock shows now; 0 if it stands before 1970.
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
