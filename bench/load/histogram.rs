//! Latencies in nanoseconds, kept to within 1 % by `hdrhistogram`.

use std::time::Duration;

/// The longest latency that is distinguished from a longer one; no run waits this long for anything.
const MAX: Duration = Duration::from_secs(600);
/// Two significant digits: the buckets are at most 1 % wide.
const DIGITS: u8 = 2;

/// A histogram of nanoseconds.
#[derive(Debug)]
pub struct Histogram(hdrhistogram::Histogram<u64>);

impl Default for Histogram {
    fn default() -> Self {
        let bounds = hdrhistogram::Histogram::new_with_max(MAX.as_nanos() as u64, DIGITS);
        Self(bounds.expect("the bounds are constants that hdrhistogram accepts"))
    }
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, nanos: u64) {
        self.0.saturating_record(nanos);
    }

    /// The value that this share of all (0 to 1) does not exceed, in milliseconds; 0 if there is none.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share).min(self.0.max()) as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_match_the_values() {
        let mut histogram = Histogram::default();
        assert!(histogram.quantile_ms(0.5) < f64::EPSILON);
        for n in 1..=1000 {
            histogram.record(n * 1_000_000);
        }
        for (share, expected) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let found = histogram.quantile_ms(share);
            assert!((found - expected).abs() <= expected * 0.02, "{share}: {found}");
        }
    }

    #[test]
    fn zero_and_a_value_beyond_the_bounds_are_counted() {
        let mut histogram = Histogram::default();
        histogram.record(0);
        histogram.record(u64::MAX);
        assert!(histogram.quantile_ms(0.5) < f64::EPSILON);
        assert!(histogram.quantile_ms(1.0) >= MAX.as_secs_f64() * 1e3);
    }
}
