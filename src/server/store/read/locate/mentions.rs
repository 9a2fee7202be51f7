//! How many messages mention an account. The index proposes those that it has, and each is compared with
//! what it says; the others are read one by one. A reader's thread runs it.

use super::{IdRange, Locator, POSITION_FROM, ReadError};
use crate::server::store::db::stored_text::{StoredText, present};
use crate::server::store::index::document::expression;
use crate::server::store::index::words::Query;
use crate::server::traffic::Hearer;
use rusqlite::{OptionalExtension as _, Row, params};
use rustc_hash::{FxHashMap, FxHashSet};

/// Mentions of one account that are counted: those by whom it ignores are not.
struct Count<'a> {
    locator: &'a Locator<'a>,
    hearer: &'a Hearer,
    /// Where they are counted, by conversation.
    ranges: FxHashMap<i64, (usize, IdRange)>,
    /// How many there are in each range.
    counts: Vec<u64>,
}

impl Locator<'_> {
    /// How many messages of each range mention the account, its own not counted. No two ranges may be of
    /// the same conversation.
    pub(in super::super) fn count_mentions(&self, hearer: &Hearer, ranges: &[IdRange]) -> Result<Vec<u64>, ReadError> {
        let mut count = Count { locator: self, hearer, ranges: FxHashMap::default(), counts: vec![0; ranges.len()] };
        let filled = ranges.iter().enumerate().filter(|(_, range)| !range.is_empty());
        count.ranges.extend(filled.map(|(n, range)| (range.conversation, (n, *range))));
        if !count.ranges.is_empty() {
            let altered = count.behind()?;
            count.indexed(&altered)?;
        }
        Ok(count.counts)
    }
}

impl Count<'_> {
    /// Those that are not indexed yet. Returns the indexed messages whose text is not, which are counted
    /// as well: what the index has of them is not what they say.
    fn behind(&mut self) -> Result<FxHashSet<i64>, ReadError> {
        let sql = "SELECT seq, conversation, id, author, text FROM message WHERE seq > ?";
        let mut statement = self.locator.messages.prepare_cached(sql)?;
        let mut found = statement.query([self.locator.mark])?;
        let mut altered = FxHashSet::default();
        while let Some(row) = found.next()? {
            let (conversation, of): (i64, i64) = (row.get(1)?, row.get(2)?);
            if conversation != 0 {
                self.add(row)?;
            } else if of <= self.locator.mark {
                altered.insert(of);
            }
        }
        let mut message = self.locator.messages.prepare_cached(MESSAGE)?;
        for &seq in &altered {
            message.query_row([seq], |row| self.add(row)).optional()?;
        }
        Ok(altered)
    }

    /// Those that are indexed, but for the altered ones.
    fn indexed(&mut self, altered: &FxHashSet<i64>) -> Result<(), ReadError> {
        let Some(index) = self.locator.index else { return Ok(()) };
        let mut position = index.prepare_cached(POSITION_FROM)?;
        let mut matching = index.prepare_cached(MATCHING)?;
        let mut message = self.locator.messages.prepare_cached(MESSAGE)?;
        let ranges: Vec<IdRange> = self.ranges.values().map(|(_, range)| *range).collect();
        for range in ranges {
            let first = position.query_row([range.conversation, range.above + 1], |row| row.get::<_, i64>(1));
            let Some(first) = first.optional()? else { continue };
            let conversation = Some(std::iter::once(range.conversation));
            let mentioned = expression(&Query::default(), None, Some(self.hearer.account.value()), conversation);
            let mut found = matching.query(params![mentioned, first])?;
            while let Some(row) = found.next()? {
                let seq = row.get(0)?;
                if !altered.contains(&seq) {
                    message.query_row([seq], |row| self.add(row)).optional()?;
                }
            }
        }
        Ok(())
    }

    /// Counts a message, if it is in a range and mentions the account.
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let (seq, id, author): (i64, i64, i64) = (row.get(0)?, row.get(2)?, row.get(3)?);
        let Some((n, range)) = self.ranges.get(&row.get(1)?) else { return Ok(()) };
        let account = self.hearer.account;
        if range.contains(id) && author != account.value() && !self.hearer.ignores(author) {
            let stored = present(self.locator.messages, seq, row.get_ref(4)?.as_str()?)?;
            self.counts[*n] += u64::from(StoredText::parse(&stored).mentions(account));
        }
        Ok(())
    }
}

const MESSAGE: &str = "SELECT seq, conversation, id, author, text FROM message WHERE seq = ?";

const MATCHING: &str = "SELECT rowid FROM word WHERE word MATCH ?1 AND rowid >= ?2 ORDER BY rowid";
