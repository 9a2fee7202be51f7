//! How often a value was at most so large: enough to say what 99 of 100 commits took, in a few hundred bytes.
//!
//! A histogram has one owner, whose turn it is; others are given a copy.

/// How many values were counted up to each bound, and how many beyond the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// Ascending; a value that equals one counts there.
    bounds: &'static [u64],
    /// For each bound the values up to it and above the one before; at the end those above all of them.
    counts: Box<[u64]>,
    sum: u64,
}

impl Histogram {
    #[must_use]
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1].into(), sum: 0 }
    }

    /// Counts a value.
    pub(crate) fn add(&mut self, value: u64) {
        let at = self.bounds.partition_point(|&bound| bound < value);
        self.counts[at] += 1;
        self.sum = self.sum.saturating_add(value);
    }

    /// How many values were counted.
    #[must_use]
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }

    /// Each bound, and how many values were at most that.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let up_to = self.counts.iter().scan(0, |up_to, count| {
            *up_to += count;
            Some(*up_to)
        });
        self.bounds.iter().copied().zip(up_to)
    }

    /// What was counted since it was like `before`.
    #[must_use]
    pub(crate) fn since(&self, before: &Self) -> Self {
        let counts = self.counts.iter().zip(&before.counts).map(|(now, before)| now.saturating_sub(*before));
        Self { bounds: self.bounds, counts: counts.collect(), sum: self.sum.saturating_sub(before.sum) }
    }

    /// What so much of the values, 0 to 1, was at most: exact to the bounds around it, and between them as if
    /// the values lay evenly. `None` if there are none.
    #[must_use]
    pub(crate) fn quantile(&self, part: f64) -> Option<u64> {
        let wanted = part * self.count() as f64;
        let mut below = (0, 0);
        if self.count() == 0 {
            return None;
        }
        for (bound, up_to) in self.cumulative() {
            if up_to as f64 >= wanted && up_to > below.1 {
                let within = (wanted - below.1 as f64) / (up_to - below.1) as f64;
                return Some(below.0 + (within.max(0.0) * (bound - below.0) as f64) as u64);
            }
            below = (bound, up_to);
        }
        // Beyond the last bound there is no other to say.
        Some(below.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: &[u64] = &[1, 10, 100, 1000];

    #[test]
    fn values_are_counted_where_they_belong() {
        let mut histogram = Histogram::new(BOUNDS);
        assert_eq!(histogram.quantile(0.99), None);
        [0, 1, 2, 10, 11, 5000].into_iter().for_each(|value| histogram.add(value));
        assert_eq!(histogram.cumulative().collect::<Vec<_>>(), [(1, 2), (10, 4), (100, 5), (1000, 5)]);
        assert_eq!((histogram.count(), histogram.sum()), (6, 5024));
        let before = histogram.clone();
        histogram.add(50);
        assert_eq!(histogram.since(&before).cumulative().collect::<Vec<_>>(), [(1, 0), (10, 0), (100, 1), (1000, 1)]);
        assert_eq!(histogram.since(&histogram).quantile(0.5), None);
    }

    #[test]
    fn a_quantile_is_between_the_bounds_around_it() {
        let mut histogram = Histogram::new(BOUNDS);
        (0..98).for_each(|_| histogram.add(5));
        [500, 500].into_iter().for_each(|value| histogram.add(value));
        assert_eq!(histogram.quantile(0.5), Some(5));
        assert_eq!(histogram.quantile(0.99), Some(550));
        assert_eq!(histogram.quantile(1.0), Some(1000));
        histogram.add(1_000_000);
        assert_eq!(histogram.quantile(1.0), Some(1000), "there is no bound above the last");
    }

    proptest! {
        #[test]
        fn a_quantile_is_off_by_less_than_its_bucket(mut values in prop::collection::vec(0u64..1000, 1..200), part in 0.0..=1.0f64) {
            let mut histogram = Histogram::new(BOUNDS);
            values.iter().for_each(|&value| histogram.add(value));
            values.sort_unstable();
            let exact = values[((part * values.len() as f64).ceil() as usize).max(1) - 1];
            let bucket = |value: u64| BOUNDS.partition_point(|&bound| bound < value);
            let said = histogram.quantile(part).unwrap();
            prop_assert!(said <= BOUNDS[bucket(exact)], "{said} for {exact}");
            prop_assert!(bucket(exact) == 0 || said >= BOUNDS[bucket(exact) - 1], "{said} for {exact}");
        }
    }
}
