//! How long to wait before reconnecting.
//!
//! Pure, except for the randomness. Runs on the network thread.

use std::time::Duration;

/// The first and the longest wait. Each is shortened by up to half at random, so that a thousand
/// clients don't all reconnect at the same moment.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);
/// After a connection that lasted this long, the waits start from the first again.
const GOOD_AFTER: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    /// The first wait comes next.
    #[must_use]
    pub(super) fn new() -> Self {
        Self { next: FIRST }
    }

    /// A connection has ended that lasted this long.
    pub(super) fn connection_lived(&mut self, lived: Duration) {
        if lived >= GOOD_AFTER {
            self.next = FIRST;
        }
    }

    /// The next wait; the one after it will be twice as long.
    pub(super) fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST);
        let mut byte = [0u8; 1];
        // Without randomness the wait is not shortened.
        let share = if getrandom::fill(&mut byte).is_ok() { f64::from(byte[0]) / 512.0 } else { 0.0 };
        wait.mul_f64(1.0 - share)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_shortened_by_half_at_most() {
        let mut backoff = Backoff::new();
        for power in 0..200 {
            let full = FIRST.saturating_mul(2u32.saturating_pow(power)).min(LONGEST);
            let wait = backoff.next_wait();
            assert!(wait > full / 2 && wait <= full, "{wait:?} of {full:?}");
        }
        backoff.connection_lived(GOOD_AFTER / 2);
        assert!(backoff.next_wait() > FIRST);
        backoff.connection_lived(GOOD_AFTER);
        assert!(backoff.next_wait() <= FIRST);
    }
}
