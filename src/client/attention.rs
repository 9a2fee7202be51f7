//! Whether somebody looks at the terminal: they do if they pressed a key not long ago.
//!
//! The line editor notes each key, on the main thread, and the network thread asks. One atomic number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// For how long somebody is taken to look after they pressed a key.
const LOOKS: Duration = Duration::from_secs(10);

/// When the last key was pressed. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Attention {
    start: Instant,
    /// In milliseconds after `start`.
    last_key: Arc<AtomicU64>,
}

impl Attention {
    /// Whoever starts the client looks at it.
    #[must_use]
    pub(super) fn new(now: Instant) -> Self {
        Self { start: now, last_key: Arc::default() }
    }

    /// A key was pressed.
    pub(super) fn key(&self, now: Instant) {
        let after = now.saturating_duration_since(self.start).as_millis();
        // Nothing else depends on it, so no order is needed.
        self.last_key.store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether somebody looks.
    #[must_use]
    pub(super) fn is_here(&self, now: Instant) -> bool {
        let last_key = self.start + Duration::from_millis(self.last_key.load(Ordering::Relaxed));
        now.saturating_duration_since(last_key) < LOOKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_pressed_a_key_looks_for_a_while() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let attention = Attention::new(start);
        assert!(attention.is_here(at(9)) && !attention.is_here(at(10)));
        attention.clone().key(at(60));
        assert!(attention.is_here(at(69)) && !attention.is_here(at(70)));
    }
}
