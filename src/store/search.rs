//! `/search`, newest first, in what is indexed and in what is not yet. A reader's thread runs it.
//!
//! What the index says is never trusted for who may read: each message found is looked up, and
//! its conversation must be among the asker's.

use super::index::{author_token, place_token};
use super::page::{Page, ReadError, message_row, messages};
use super::words::{self, Query};
use super::{is_damage, stored};
use crate::names::AccountId;
use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::Rows;
use crate::traffic::Place;
use rusqlite::{Connection, OptionalExtension as _, params};
use rustc_hash::FxHashMap;

/// With so few conversations to search, the index is asked for them from the start.
const PLACES_FEW: usize = 8;

/// With more than these, the index is never asked for them: looking each up would cost more than
/// passing over what the asker may not read.
const PLACES_MANY: usize = 1000;

/// After so many messages passed over that the asker may not read, the index is asked for the
/// asker's conversations alone.
const PASSED_OVER: usize = 500;

/// What is searched for, and where.
#[derive(Debug)]
pub(super) struct Search<'a> {
    places: FxHashMap<i64, &'a str>,
    from: Option<AccountId>,
    /// The order of saying of the last message shown before; only older ones are wanted.
    below: i64,
    query: Query,
}

/// Where a search goes on, and whether it must.
enum Walk {
    Done,
    /// Too much was passed over; go on below here among the asker's conversations alone.
    Narrow(i64),
}

impl<'a> Search<'a> {
    /// # Errors
    /// Refused if there is nothing in the words to search for.
    pub(super) fn new(
        places: &'a [Place],
        from: Option<AccountId>,
        more: Option<u64>,
        words: &str,
    ) -> Result<Self, ReadError> {
        let query = Query::parse(words).ok_or_else(|| {
            let text = "there is no word in that to search for; words are made of letters and digits";
            ReadError::Refused(Refusal::new(Code::BadArgument, text))
        })?;
        let places = places.iter().map(|place| (place.conversation.value(), &*place.target)).collect();
        Ok(Self { places, from, below: more.map_or(i64::MAX, stored), query })
    }

    /// What the index is asked. Conversations and authors have tokens that no text can hold.
    fn expression(&self, narrow: bool) -> String {
        let mut expression = self.query.expression();
        if let Some(author) = self.from {
            expression += &format!(" AND \"{}\"", author_token(author.value()));
        }
        if narrow {
            let places: Vec<String> = self.places.keys().map(|&place| format!("\"{}\"", place_token(place))).collect();
            expression += &format!(" AND ({})", places.join(" OR "));
        }
        expression
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
                log::error!("the index is damaged, searching without it: {error}");
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
        let narrow = search.places.len() <= PLACES_FEW;
        if let Walk::Narrow(below) = walk(db, &state, page, search, narrow, (*last).min(high.saturating_add(1)), last)?
        {
            walk(db, &state, page, search, true, below, last)?;
        }
    }
    Ok(())
}

/// What was said after the index's high-water mark, by the same rules as the index's.
fn tail(db: &Connection, page: &mut Page, search: &Search<'_>, high: i64, last: &mut i64) -> Result<(), ReadError> {
    let sql = "SELECT m.id, m.at, a.name, m.text, m.seq, m.conversation, m.author
               FROM message m CROSS JOIN account a ON a.id = m.author
               WHERE m.seq > ? AND m.seq < ? ORDER BY m.seq DESC";
    let mut statement = db.prepare_cached(sql)?;
    let mut found = statement.query([high, *last])?;
    let mut normalised = String::new();
    while let Some(row) = found.next()? {
        let (conversation, author): (i64, i64) = (row.get(5)?, row.get(6)?);
        let Some(target) = search.places.get(&conversation) else { continue };
        if search.from.is_some_and(|from| from.value() != author) {
            continue;
        }
        words::normalise(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?, &mut normalised);
        if !search.query.is_in(&normalised) {
            continue;
        }
        if !page.put(message_row(target, row)?) {
            break;
        }
        *last = row.get(4)?;
    }
    Ok(())
}

/// Steps down the index from the newest match on, and stops as soon as the page is full.
fn walk(
    db: &Connection,
    index: &Connection,
    page: &mut Page,
    search: &Search<'_>,
    narrow: bool,
    below: i64,
    last: &mut i64,
) -> Result<Walk, ReadError> {
    let mut place_of = db.prepare_cached("SELECT conversation FROM message WHERE seq = ?")?;
    let mut message = db.prepare_cached(
        "SELECT m.id, m.at, a.name, m.text FROM message m CROSS JOIN account a ON a.id = m.author WHERE m.seq = ?",
    )?;
    let mut matches =
        index.prepare_cached("SELECT rowid FROM line WHERE line MATCH ? AND rowid < ? ORDER BY rowid DESC")?;
    let mut found = matches.query(params![search.expression(narrow), below])?;
    let mut passed_over = 0;
    while let Some(row) = found.next()? {
        let seq: i64 = row.get(0)?;
        // A message that is gone is found by nobody, though the index may not know it yet.
        let Some(conversation) = place_of.query_row([seq], |row| row.get::<_, i64>(0)).optional()? else { continue };
        let Some(target) = search.places.get(&conversation) else {
            passed_over += 1;
            if !narrow && passed_over > PASSED_OVER && search.places.len() <= PLACES_MANY {
                return Ok(Walk::Narrow(seq));
            }
            continue;
        };
        let row = message.query_row([seq], |row| message_row(target, row))?;
        if !page.put(row) {
            break;
        }
        *last = seq;
    }
    Ok(Walk::Done)
}

#[cfg(test)]
mod tests;
