//! The index: a separate file that follows the messages, slightly behind them. The thread `index`
//! runs it; commits never wait for it. It has three tables:
//!
//! * `position`: where each message of a conversation is in the order of commits, and its author;
//! * `word`: which words are in which message, an FTS5 table without the texts, filled with the
//!   documents of [`document`];
//! * `held`: of which text the words are, for the few messages that were edited or removed;
//! * `era`: the first message, and each whose time is before that of the one stored before it, because
//!   the server's clock was set back between two runs. Within an era a time can be searched for.
//!
//! All are filled in the same transactions. Messages are gathered for those, and `position` is
//! filled in its own order: indexing each message on its own costs many times as much.
//!
//! Readers also read the messages that are not indexed yet, so how far behind the index is
//! shows only in the time that a read takes. It knows nothing of who may read what.

mod altered;
pub(super) mod document;
mod dropped;
mod file;
mod piece;
pub(super) mod words;

use self::altered::Altered;
use self::document::Document;
use self::file::Mark;
use self::piece::Piece;
use super::db::error::{StoreError, is_damage};
use super::db::stored_text::{StoredText, is_blank, is_gone};
use super::db::{DATABASE_FILE, INDEX_FILE, StoreSettings, connect_reader, last_seq};
use crate::server::faults::{self, Point};
use crate::server::priority;
use crossbeam_channel::{Receiver, TryRecvError};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _};
use std::path::PathBuf;
use std::time::Duration;

/// The most messages of a transaction. More would make fewer segments to merge, and cost memory
/// while they are gathered: about 150 bytes a message.
const BATCH: i64 = 16_384;

/// How long messages are gathered before they are indexed together: many in one transaction cost
/// far less than one each.
const GATHER: Duration = Duration::from_secs(1);

/// How long they are gathered while many arrive.
const GATHER_BUSY: Duration = Duration::from_secs(4);

/// While gathering, how often to check whether there are enough, or whether the server stops.
const GATHER_POLL: Duration = Duration::from_millis(100);

/// More waiting messages than this, with still more arriving, count as many.
const MANY: u64 = 1_000;

/// Messages that are read at a time: while one reads, the messages' log can't be restarted, and this
/// thread may get little of the processor.
const PIECE: i64 = 256;

/// If it is further behind than this at start, the index catches up before the server listens:
/// messages that are not indexed are read one by one.
const FAR_BEHIND: u64 = 100_000;

/// Messages between two reports of progress.
const REPORT_EVERY: u64 = 50_000;

/// Memory for pages of the messages, in KiB: they are read once, in order.
const CACHE_KIB: i64 = 128;

/// Why indexing can't go on. Reads still work, but more slowly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    /// A full disk, or anything else that SQLite reports.
    #[error("{file}: {source}")]
    Database {
        /// The index.
        file: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The index is damaged.
    #[error("{file} is damaged; the next start rebuilds it")]
    Damaged {
        /// The index.
        file: PathBuf,
    },
}

/// The only writer of the index.
#[derive(Debug)]
pub(crate) struct Indexer {
    messages: Connection,
    index: Connection,
    file: PathBuf,
    mark: Mark,
    piece: Piece,
    /// When the last message that is indexed was said; `None` if there is none.
    last_at: Option<i64>,
    document: Document,
    positions: Vec<Position>,
}

/// A row of `position`, in the order of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    conversation: i64,
    id: i64,
    seq: i64,
    author: i64,
}

impl Indexer {
    /// To be called after [`super::Store::open`], which creates the database. An index that is
    /// damaged, of another version or of another history is rebuilt. If it is far behind it catches
    /// up here, and reports to `progress` how many messages are done, and of how many.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) fn open(settings: &StoreSettings, progress: &mut dyn FnMut(u64, u64)) -> Result<Self, StoreError> {
        let database = settings.data.join(DATABASE_FILE);
        let file = settings.data.join(INDEX_FILE);
        let messages = connect_reader(&database)?;
        let of = |error| StoreError::of(&database, error);
        messages.pragma_update(None, "cache_size", -CACHE_KIB).map_err(of)?;
        let expected = file::expected(&messages).map_err(of)?;
        let (index, mark) = match file::open(&file, &expected) {
            Ok(Some(opened)) => opened,
            Ok(None) | Err(StoreError::Broken { .. } | StoreError::Database { .. }) => {
                file::remove(&file).map_err(|source| StoreError::Directory { path: file.clone(), source })?;
                file::create(&file, &expected)?
            }
            Err(error) => return Err(error),
        };
        let last_at = messages.query_row(LAST_AT, [mark.indexed], |row| row.get(0)).optional().map_err(of)?;
        let (piece, document, positions) = (Piece::default(), Document::default(), Vec::new());
        let mut indexer = Self { messages, index, file, mark, piece, last_at, document, positions };
        indexer.catch_up(progress).map_err(|error| match error {
            IndexError::Database { file, source } => StoreError::of(&file, source),
            IndexError::Damaged { file } => StoreError::Broken { file, detail: "delete it and start again".to_owned() },
        })?;
        Ok(indexer)
    }

    /// Messages that are not in the index yet.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub(crate) fn behind(&self) -> Result<u64, IndexError> {
        let last = last_seq(&self.messages).map_err(|error| self.fault(error))?;
        Ok(last.saturating_sub(self.mark.indexed).unsigned_abs())
    }

    /// The same, and those that are to be forgotten.
    fn waiting(&self) -> Result<u64, IndexError> {
        let dropped = dropped::count(&self.messages, self.mark.dropped).map_err(|error| self.fault(error))?;
        Ok(self.behind()?.saturating_add(dropped))
    }

    /// Follows the store until all senders are gone and everything is indexed. A nudge after a
    /// commit wakes it; a channel with room for one is enough, and a nudge that finds it full may be
    /// dropped.
    ///
    /// A failure that may be temporary, such as a full disk, is logged once and tried again at the
    /// next nudge.
    ///
    /// # Errors
    /// [`IndexError::Damaged`].
    pub(crate) fn run(mut self, nudges: &Receiver<()>) -> Result<(), IndexError> {
        priority::give_way();
        let mut well = true;
        loop {
            while self.gather(nudges) {
                well = self.follow(well)?;
                if !well {
                    break;
                }
            }
            while nudges.is_empty() && self.merge() {}
            if nudges.recv().is_err() {
                break;
            }
        }
        while self.behind().is_ok_and(|behind| behind > 0) && self.follow(well)? {}
        Ok(())
    }

    /// Waits for messages to gather; false if there are none. A nudge that is taken here is for a
    /// message that is indexed next.
    fn gather(&self, nudges: &Receiver<()>) -> bool {
        let (mut waited, mut before) = (Duration::ZERO, 0);
        loop {
            let waiting = self.waiting().unwrap_or(0);
            if waiting == 0 {
                return false;
            }
            let busy = waiting > MANY && waiting > before && waited < GATHER_BUSY;
            if waiting >= BATCH.unsigned_abs() || (waited >= GATHER && !busy) {
                return true;
            }
            before = waiting;
            std::thread::sleep(GATHER_POLL);
            waited += GATHER_POLL;
            if nudges.try_recv() == Err(TryRecvError::Disconnected) {
                return true;
            }
        }
    }

    /// Indexes what waits, up to a batch. Returns whether that worked, and logs the first failure.
    fn follow(&mut self, well: bool) -> Result<bool, IndexError> {
        match self.step(BATCH) {
            Ok(_) => Ok(true),
            Err(error @ IndexError::Database { .. }) => {
                if well {
                    log::warn!("messages can't be indexed for now, so history and search are slower: {error}");
                }
                Ok(false)
            }
            Err(error @ IndexError::Damaged { .. }) => Err(error),
        }
    }

    fn catch_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), IndexError> {
        let all = self.behind()?;
        if all <= FAR_BEHIND {
            return Ok(());
        }
        progress(0, all);
        let mut reported = 0;
        loop {
            self.step(BATCH)?;
            let behind = self.behind()?;
            let done = all.saturating_sub(behind);
            if done >= reported + REPORT_EVERY || behind == 0 {
                reported = done;
                progress(done, all);
            }
            if behind == 0 {
                return Ok(());
            }
        }
    }

    /// Indexes up to `most` messages in one transaction, and forgets some of those that were dropped.
    /// Returns how many there were.
    ///
    /// # Errors
    /// See [`IndexError`]; the whole step is then rolled back.
    pub(super) fn step(&mut self, most: i64) -> Result<i64, IndexError> {
        self.try_step(most).map_err(|error| self.fault(error))
    }

    fn try_step(&mut self, most: i64) -> rusqlite::Result<i64> {
        // A sequence number without a message counts as if it had one.
        let last = last_seq(&self.messages)?.min(self.mark.indexed.saturating_add(most)).max(self.mark.indexed);
        let count = last - self.mark.indexed;
        if count == 0 && dropped::count(&self.messages, self.mark.dropped)? == 0 {
            return Ok(0);
        }
        let change = self.index.transaction()?;
        self.positions.clear();
        let mut last_at = self.last_at;
        let mut altered = Vec::new();
        {
            let mut add = change.prepare_cached("INSERT INTO word(rowid, document) VALUES(?, ?)")?;
            let mut read = self.mark.indexed;
            while read < last {
                let to = last.min(read + PIECE);
                self.piece.read(&self.messages, read, to)?;
                for (position, at, stored) in self.piece.messages() {
                    let Position { conversation, id, seq, author } = position;
                    if conversation == 0 {
                        altered.push(Altered { of: id, text_seq: seq, author, stored: stored.to_owned() });
                        continue;
                    }
                    if last_at.is_none_or(|last| at < last) {
                        change.execute("INSERT INTO era VALUES(?)", [seq])?;
                    }
                    last_at = Some(at);
                    if is_gone(stored) {
                        continue;
                    }
                    self.positions.push(position);
                    if is_blank(stored) {
                        altered::hold(&change, seq, 0)?;
                        continue;
                    }
                    let stored = StoredText::parse(stored);
                    add.execute((seq, self.document.of(conversation, author, &stored)))?;
                }
                read = to;
            }
        }
        // So that each page of a conversation is visited once.
        self.positions.sort_unstable();
        {
            let mut add = change.prepare_cached("INSERT INTO position VALUES(?, ?, ?, ?)")?;
            for Position { conversation, id, seq, author } in &self.positions {
                add.execute([conversation, id, seq, author])?;
            }
        }
        altered::apply(&self.messages, &change, &mut self.document, &mut altered)?;
        let (dropped, forgotten) = dropped::apply(&self.messages, &change, self.mark.dropped, last)?;
        let mark = Mark { indexed: last, dropped };
        file::set_mark(&change, mark)?;
        faults::point(Point::BeforeIndexCommit);
        change.commit()?;
        faults::point(Point::AfterIndexCommit);
        (self.mark, self.last_at) = (mark, last_at);
        Ok(count + forgotten)
    }

    /// Indexes and forgets all that waits.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) fn catch_up_wholly(&mut self) -> Result<(), StoreError> {
        loop {
            match self.step(BATCH) {
                Ok(0) if !self.merge() => return Ok(()),
                Ok(_) => {}
                Err(IndexError::Database { file, source }) => return Err(StoreError::of(&file, source)),
                Err(IndexError::Damaged { file }) => {
                    return Err(StoreError::Broken { file, detail: "it was just made".to_owned() });
                }
            }
        }
    }

    /// The same for a simulation, with what follows it. Returns whether there was something to do.
    ///
    /// # Errors
    /// See [`IndexError`].
    #[cfg(feature = "faults")]
    pub(crate) fn follow_once(&mut self, most: i64) -> Result<bool, IndexError> {
        Ok(self.step(most)? > 0 || self.merge())
    }

    /// Merges some of what FTS5 has only marked as removed. Returns whether there is more to do.
    pub(super) fn merge(&self) -> bool {
        dropped::merge(&self.index).unwrap_or_else(|error| {
            log::warn!("the index can't be merged for now: {error}");
            false
        })
    }

    fn fault(&self, source: rusqlite::Error) -> IndexError {
        let file = self.file.clone();
        // This program never writes a position twice.
        if is_damage(&source) || source.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
            // If that fails, the next start finds the damage.
            let _ = file::condemn(&self.index);
            IndexError::Damaged { file }
        } else {
            IndexError::Database { file, source }
        }
    }
}

/// When the last message up to a sequence number was said.
const LAST_AT: &str = "SELECT at FROM message WHERE seq <= ? AND conversation <> 0 ORDER BY seq DESC LIMIT 1";

/// Logs that a reader found the index damaged, and makes the next start rebuild it: this run may
/// never touch the damaged part, and would not notice.
pub(super) fn report_damage(index: &Connection, error: &rusqlite::Error) {
    log::error!("the index is damaged, so reads do without it until the next start rebuilds it: {error}");
    let condemned = index.path().map(|file| Connection::open(file).and_then(|index| file::condemn(&index)));
    if let Some(Err(error)) = condemned {
        log::warn!("can't mark the index as damaged, so delete {INDEX_FILE} before the next start: {error}");
    }
}

#[cfg(test)]
mod tests;
