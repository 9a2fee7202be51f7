//! Latencies, in buckets whose width grows with the value: 1.6 % wide at most, 30 KiB in all.

/// Sub-buckets of each power of two.
const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;

/// A histogram of nanoseconds.
#[derive(Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    most: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; bucket(u64::MAX) + 1], total: 0, most: 0 }
    }
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, nanos: u64) {
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.most = self.most.max(nanos);
    }

    /// The value that this share of all (0 to 1) does not exceed, in milliseconds; 0 if there is none.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper(index).min(self.most) as f64 / 1e6;
            }
        }
        0.0
    }
}

fn bucket(value: u64) -> usize {
    if value < SUB {
        return value as usize;
    }
    let power = 63 - value.leading_zeros();
    let within = (value >> (power - SUB_BITS)) - SUB;
    (u64::from(power - SUB_BITS + 1) * SUB + within) as usize
}

/// The largest value of a bucket.
fn upper(index: usize) -> u64 {
    let (row, within) = (index as u64 / SUB, index as u64 % SUB);
    if row == 0 {
        return within;
    }
    let shift = row - 1;
    ((SUB + within) << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_in_its_bucket_and_buckets_are_narrow() {
        for value in [0, 1, 63, 64, 65, 127, 128, 1000, 123_456_789, u64::MAX / 3, u64::MAX] {
            let top = upper(bucket(value));
            assert!(top >= value && (top - value) as f64 <= value as f64 / 60.0, "{value} {top}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
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
}
