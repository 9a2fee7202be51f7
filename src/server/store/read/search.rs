//! `/search`, newest first, in what is indexed and in what is not yet. A reader's thread runs it.
//!
//! What the index says is never trusted for who may read: each message found is looked up, and
//! its conversation must be among the asker's.

use super::page::{Page, ReadError, message_row, messages};
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::Rows;
use crate::protocol::names::AccountId;
use crate::server::store::db::error::is_damage;
use crate::server::store::db::to_sql;
use crate::server::store::index::postings::{find, intersect};
use crate::server::store::index::words::{self, Query};
use crate::server::store::index::{author_token, corrupt, place_token, report_damage};
use crate::server::traffic::ConversationRef;
use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

/// What is searched for, and where.
#[derive(Debug)]
pub(super) struct Search<'a> {
    places: FxHashMap<i64, &'a str>,
    from: Option<AccountId>,
    /// The order of saying of the last message shown before; only older ones are wanted.
    below: i64,
    query: Query,
}

impl<'a> Search<'a> {
    /// # Errors
    /// Refused if there is nothing in the words to search for.
    pub(super) fn new(
        places: &'a [ConversationRef],
        from: Option<AccountId>,
        more: Option<u64>,
        words: &str,
    ) -> Result<Self, ReadError> {
        let query = Query::parse(words).ok_or_else(|| {
            let text = "there is no word in that to search for; words are made of letters and digits";
            ReadError::Refused(Refusal::new(Code::BadArgument, text))
        })?;
        let places = places.iter().map(|place| (place.id.value(), &*place.target)).collect();
        Ok(Self { places, from, below: more.map_or(i64::MAX, to_sql), query })
    }

    /// What a line must have of tokens, wherever it was said. The longest first: it is likely in the
    /// fewest lines, and a block without it is left at once.
    fn tokens(&self) -> Vec<String> {
        let mut tokens = self.query.tokens();
        tokens.sort_by_key(|token| std::cmp::Reverse(token.len()));
        tokens.extend(self.from.map(|author| author_token(author.value())));
        tokens
    }

    /// Whether all the words are in the text. `normalised` is memory to work in.
    fn is_in(&self, text: &str, normalised: &mut String) -> bool {
        words::normalise(text, normalised);
        self.query.is_in(normalised)
    }
}

/// Fills the page. An index that is broken is left aside: the tail is then everything, and takes
/// as long as it takes, up to the deadline.
pub(super) fn search(
    db: &Connection,
    index: &Connection,
    mut page: Page,
    search: &Search<'_>,
) -> Result<(Rows, String), ReadError> {
    let mut last = search.below;
    if !search.places.is_empty() {
        match indexed(db, index, &mut page, search, &mut last) {
            Ok(()) => {}
            Err(ReadError::Database(error)) if is_damage(&error) => {
                report_damage(index, &error);
                tail(db, &mut page, search, 0, &mut last)?;
            }
            Err(error) => return Err(error),
        }
    }
    let cursor = if page.has_more() { format!(", more={last}") } else { String::new() };
    let text = messages(page.len()) + &cursor;
    Ok((page.forwards(), text))
}

/// The tail and then the index, from one state of the index: what it does not hold is the tail.
/// The main database is looked at later, so it holds all that the index does.
fn indexed(
    db: &Connection,
    index: &Connection,
    page: &mut Page,
    search: &Search<'_>,
    last: &mut i64,
) -> Result<(), ReadError> {
    let state = index.unchecked_transaction()?;
    let high: i64 = state.prepare_cached("SELECT words FROM state")?.query_row([], |row| row.get(0))?;
    tail(db, page, search, high, last)?;
    if !page.has_more() {
        blocks(db, &state, page, search, last)?;
    }
    Ok(())
}

/// What was said after the index's high-water mark, by the same rules as the index's.
fn tail(db: &Connection, page: &mut Page, search: &Search<'_>, high: i64, last: &mut i64) -> Result<(), ReadError> {
    let sql = "SELECT seq, conversation, author, text FROM message WHERE seq > ? AND seq < ? ORDER BY seq DESC";
    let mut statement = db.prepare_cached(sql)?;
    let mut message = db.prepare_cached(MESSAGE)?;
    let mut found = statement.query([high, *last])?;
    let mut normalised = String::new();
    while let Some(row) = found.next()? {
        let (conversation, author): (i64, i64) = (row.get(1)?, row.get(2)?);
        let Some(target) = search.places.get(&conversation) else { continue };
        if search.from.is_some_and(|from| from.value() != author) {
            continue;
        }
        if !search.is_in(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?, &mut normalised) {
            continue;
        }
        let seq = row.get(0)?;
        if !page.put(message.query_row([seq], |row| message_row(target, row))?) {
            break;
        }
        *last = seq;
    }
    Ok(())
}

/// A message that was found. Who said it is looked up for no other.
const MESSAGE: &str =
    "SELECT m.id, m.at, a.name, m.text FROM message m CROSS JOIN account a ON a.id = m.author WHERE m.seq = ?";

/// Steps down the index's blocks, the newest first, and stops as soon as the page is full.
fn blocks(
    db: &Connection,
    index: &Connection,
    page: &mut Page,
    search: &Search<'_>,
    last: &mut i64,
) -> Result<(), ReadError> {
    let mut candidate = db.prepare_cached("SELECT conversation, text FROM message WHERE seq = ?")?;
    let mut message = db.prepare_cached(MESSAGE)?;
    let mut blocks = index.prepare_cached("SELECT first, last FROM block WHERE first < ? ORDER BY first DESC")?;
    let mut found = blocks.query([*last])?;
    let (tokens, has_phrase, mut normalised) = (search.tokens(), search.query.has_phrase(), String::new());
    let (mut lines, mut others) = (Vec::new(), Vec::new());
    while let Some(block) = found.next()? {
        let block = Block { first: block.get(0)?, last: block.get(1)? };
        block.with_all(index, &tokens, &mut lines, &mut others)?;
        lines.retain(|&line| block.seq(line) < *last);
        let (mut passed_over, mut narrow) = (0, false);
        while let Some(line) = lines.pop() {
            let seq = block.seq(line);
            let mut rows = candidate.query([seq])?;
            // A message that is gone is found by nobody, though the index may not know it yet.
            let Some(row) = rows.next()? else { continue };
            let Some(target) = search.places.get(&row.get(0)?) else {
                passed_over += 1;
                // By now each place might have been looked up instead. So neither many lines that
                // the asker may not read are dear nor many places.
                if !narrow && passed_over > search.places.len() {
                    narrow = true;
                    block.narrow(index, search.places.keys(), &mut lines, &mut others)?;
                }
                continue;
            };
            if has_phrase && !search.is_in(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?, &mut normalised) {
                continue;
            }
            if !page.put(message.query_row([seq], |row| message_row(target, row))?) {
                return Ok(());
            }
            *last = seq;
        }
    }
    Ok(())
}

/// Some messages in a row that were indexed together.
struct Block {
    first: i64,
    last: i64,
}

impl Block {
    fn seq(&self, line: u32) -> i64 {
        self.first.saturating_add(i64::from(line))
    }

    /// The lines that have all of the tokens. `others` is memory to work in.
    fn with_all(
        &self,
        index: &Connection,
        tokens: &[String],
        lines: &mut Vec<u32>,
        others: &mut Vec<u32>,
    ) -> Result<(), ReadError> {
        lines.clear();
        for (n, token) in tokens.iter().enumerate() {
            if n == 0 {
                self.with(index, token, lines)?;
            } else {
                self.with(index, token, others)?;
                intersect(lines, others);
            }
            if lines.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Keeps the lines that were said in one of the places.
    fn narrow<'a>(
        &self,
        index: &Connection,
        places: impl Iterator<Item = &'a i64>,
        lines: &mut Vec<u32>,
        others: &mut Vec<u32>,
    ) -> Result<(), ReadError> {
        let mut said = Vec::new();
        for &place in places {
            self.with(index, &place_token(place), others)?;
            said.extend_from_slice(others);
        }
        said.sort_unstable();
        intersect(lines, &said);
        Ok(())
    }

    /// The lines that have the token.
    fn with(&self, index: &Connection, token: &str, lines: &mut Vec<u32>) -> Result<(), ReadError> {
        lines.clear();
        let size = u32::try_from(self.last.saturating_sub(self.first).saturating_add(1)).map_err(|_| corrupt())?;
        let mut statement = index.prepare_cached(LEAF)?;
        let mut rows = statement.query(params![self.first, token])?;
        if let Some(row) = rows.next()? {
            let leaf = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            find(leaf, token, size, lines).map_err(|_| corrupt())?;
        }
        Ok(())
    }
}

/// The one leaf that may hold a token.
const LEAF: &str = "SELECT entries FROM leaf WHERE block = ? AND token <= ? ORDER BY token DESC LIMIT 1";

#[cfg(test)]
mod tests;
