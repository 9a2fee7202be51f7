//! What the workers have counted since the start, for `/stats`.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that several threads add to; they order nothing.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    too_slow: AtomicU64,
    slowed: AtomicU64,
}

impl Tally {
    /// A connection was closed because it left too much unread.
    pub(crate) fn count_too_slow(&self) {
        self.too_slow.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was told that it sends too fast.
    pub(crate) fn count_slowed(&self) {
        self.slowed.fetch_add(1, Ordering::Relaxed);
    }

    #[must_use]
    pub(crate) fn too_slow(&self) -> u64 {
        self.too_slow.load(Ordering::Relaxed)
    }

    #[must_use]
    pub(crate) fn slowed(&self) -> u64 {
        self.slowed.load(Ordering::Relaxed)
    }
}
