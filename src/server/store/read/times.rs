//! Where messages of a time are. They are stored in order of arrival, and while the server runs its
//! clock never goes back; but between two runs it may have been set back. The index keeps where that
//! happened, so the messages are a few eras (nearly always one) in each of which times never fall, and
//! a time is found in each by halving: some fifty look-ups among ten million messages. A reader's
//! thread runs it.

use super::page::ReadError;
use crate::server::store::db::to_sql;
use crate::server::traffic::TimeRange;
use rusqlite::{Connection, OptionalExtension as _};
use std::ops::Range;

/// The sequence numbers up to `mark` of the messages within a range of times, oldest first. Each message
/// of them is within it.
pub(super) fn sequences(
    messages: &Connection,
    index: &Connection,
    mark: i64,
    times: TimeRange,
) -> Result<Vec<Range<i64>>, ReadError> {
    let end = mark.saturating_add(1);
    if times.is_all() {
        return Ok(std::iter::once(0..end).collect());
    }
    let mut at = messages.prepare_cached(MESSAGE_FROM)?;
    let mut probe = |seq| at.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?))).optional();
    let mut starts: Vec<i64> =
        index.prepare_cached(ERAS)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    starts.push(end);
    let mut found = Vec::new();
    for era in starts.windows(2) {
        let from = first_with(era[0]..era[1], to_sql(times.since), &mut probe)?;
        let to = match times.until {
            u64::MAX => era[1],
            until => first_with(from..era[1], to_sql(until).saturating_add(1), &mut probe)?,
        };
        if from < to {
            found.push(from..to);
        }
    }
    Ok(found)
}

/// The first message from a sequence number on. The conversation 0 has texts of messages that were edited.
const MESSAGE_FROM: &str = "SELECT seq, at FROM message WHERE seq >= ? AND conversation <> 0 ORDER BY seq LIMIT 1";

const ERAS: &str = "SELECT seq FROM era ORDER BY seq";

/// The first key within the range whose value is at least `wanted`, or the end of the range. Not every
/// key exists: `probe` returns the first one from a key on, with its value. Values never fall.
pub(super) fn first_with(
    keys: Range<i64>,
    wanted: i64,
    probe: &mut impl FnMut(i64) -> rusqlite::Result<Option<(i64, i64)>>,
) -> rusqlite::Result<i64> {
    let Range { start: mut low, end: mut high } = keys;
    while low < high {
        let middle = low + (high - low) / 2;
        match probe(middle)? {
            Some((key, value)) if key < high && value < wanted => low = key + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn halving_finds_what_a_scan_finds(
            mut keys in proptest::collection::btree_set(0..60i64, 0..40),
            steps in proptest::collection::vec(0..3i64, 40),
            (start, end) in (0..60i64, 0..60i64),
            wanted in 0..60i64,
        ) {
            keys.insert(30);
            let rows: Vec<(i64, i64)> = keys.into_iter().zip(steps.into_iter().scan(0, |sum, step| { *sum += step; Some(*sum) })).collect();
            let mut probe = |from: i64| Ok(rows.iter().copied().find(|(key, _)| *key >= from));
            let found = first_with(start..end.max(start), wanted, &mut probe).unwrap();
            // It may be any key between the last that is too low and the first that is not.
            for &(key, value) in rows.iter().filter(|(key, _)| (start..end).contains(key)) {
                prop_assert_eq!(key >= found, value >= wanted, "{} {}", key, value);
            }
            prop_assert!((start..=end.max(start)).contains(&found));
        }
    }
}
