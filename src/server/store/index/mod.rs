//! The index: a file of its own that follows the messages, some moments behind. The thread `index`
//! runs it; the writer's commits never wait for it. It has two parts:
//!
//! * the **places**: where each message of a conversation is in the order of saying, and whose it
//!   is, in [`super::chunk`]s;
//! * the **words**: which are in which message, in blocks of some thousand messages, each with the
//!   [`super::postings`] of its own. The texts' tokens are those of [`super::words`]. Each message
//!   also has a token for its conversation and one for its author; they hold a `_`, which no word of
//!   a text can, so nobody can write a message that is found where it was not said.
//!
//! The words stood in SQLite's FTS5 once, which merges what it has written again and again, and notes
//! where in a text each word is: four times the processor time, and more than a line's whole way
//! through the server. A block that is only ever appended needs no merging, and that a search looks
//! into each of them costs a few microseconds a block. That words stand in a row is seen in the text.
//!
//! Neither part holds a text. Readers see what is not in the index yet by reading the messages
//! behind its mark, so nobody can tell how far behind it is but by the time it takes.

mod block;
pub(super) mod chunk;
mod file;
pub(super) mod postings;
mod varint;
pub(super) mod words;

use self::block::{BLOCK, Message, Places, Words};
use self::file::Marks;
use super::db::error::{StoreError, is_damage};
use super::db::{DATABASE_FILE, INDEX_FILE, Settings, connect_reader, last_seq};
use crossbeam_channel::{Receiver, TryRecvError};
use rusqlite::{Connection, ErrorCode};
use std::path::PathBuf;
use std::time::Duration;

/// How long messages are gathered before they are indexed together: many in one transaction cost
/// far less than one each.
const GATHER: Duration = Duration::from_secs(1);

/// How long they are gathered while many come.
const GATHER_BUSY: Duration = Duration::from_secs(4);

/// How often it is looked while gathering whether there are enough, or whether the end has come.
const GATHER_LOOK: Duration = Duration::from_millis(100);

/// So many full steps, the places of messages are written together. A read goes through those that
/// are not written, which takes some milliseconds.
const PLACES_WAIT: i64 = 4;

/// More waiting messages than this, and still more coming, are many.
const MANY: u64 = 1_000;

/// How much the thread gives way to those that talk: a tenth of a core where both are busy, in which
/// it indexes 100,000 messages a second. More could leave it behind for good, and it may not take
/// back what it gave.
const NICE: i32 = 10;

/// Further behind than this at start, the index catches up before the server listens: what is not
/// indexed is read line by line.
const FAR_BEHIND: u64 = 100_000;

/// Messages after which it is told how far that is.
const TELL: u64 = 50_000;

/// Memory for pages of the messages, in KiB: they are read once, in the order in which they stand.
const CACHE_KIB: i64 = 128;

/// Why indexing can't go on. Reading does, line by line and slower.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A full disk, or what else SQLite says.
    #[error("{file}: {source}")]
    Database {
        /// The index, or the database.
        file: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The index is damaged.
    #[error("{file} is damaged; it is made anew at the next start")]
    Damaged {
        /// The index.
        file: PathBuf,
    },
}

/// The only writer of the index.
#[derive(Debug)]
pub struct Indexer {
    messages: Connection,
    index: Connection,
    file: PathBuf,
    marks: Marks,
    words: Words,
    places: Places,
    /// Up to which message places were taken: ahead of their mark where they are not written yet.
    taken: i64,
}

impl Indexer {
    /// Opens behind [`super::Store::open`], which makes the database. An index that is damaged, of
    /// another version or of another history is made anew. Where it is far behind it catches up
    /// here, and tells `progress` how many messages of how many are done.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(settings: &Settings, progress: &mut dyn FnMut(u64, u64)) -> Result<Self, StoreError> {
        let database = settings.data.join(DATABASE_FILE);
        let file = settings.data.join(INDEX_FILE);
        let messages = connect_reader(&database)?;
        let of = |error| StoreError::of(&database, error);
        messages.pragma_update(None, "cache_size", -CACHE_KIB).map_err(of)?;
        let wanted = file::read_wanted(&messages).map_err(of)?;
        let (index, marks) = match file::open(&file, &wanted) {
            Ok(Some(opened)) => opened,
            Ok(None) | Err(StoreError::Broken { .. } | StoreError::Database { .. }) => {
                file::remove(&file).map_err(|source| StoreError::Directory { path: file.clone(), source })?;
                (file::make(&file, &wanted.epoch)?, Marks::default())
            }
            Err(error) => return Err(error),
        };
        let mut indexer = Self {
            messages,
            index,
            file,
            marks,
            words: Words::default(),
            places: Places::default(),
            taken: marks.places,
        };
        indexer.catch_up(progress).map_err(|error| match error {
            IndexError::Database { file, source } => StoreError::of(&file, source),
            IndexError::Damaged { file } => StoreError::Broken { file, detail: "delete it and start again".to_owned() },
        })?;
        Ok(indexer)
    }

    /// Messages that are not in both parts of the index yet.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn behind(&self) -> Result<u64, IndexError> {
        self.beyond(self.marks.places)
    }

    fn beyond(&self, mark: i64) -> Result<u64, IndexError> {
        let last = last_seq(&self.messages).map_err(|error| self.fault(error))?;
        Ok(last.saturating_sub(mark).unsigned_abs())
    }

    /// Follows the store: woken by a nudge after a commit (a channel of one place is enough, and a
    /// nudge that finds it full may be dropped), until all senders are gone and everything is
    /// indexed.
    ///
    /// What may pass by itself, such as a full disk, is logged once and tried again at the next
    /// nudge.
    ///
    /// # Errors
    /// [`IndexError::Damaged`].
    pub fn run(mut self, nudges: &Receiver<()>) -> Result<(), IndexError> {
        give_way();
        let mut well = true;
        loop {
            while self.gather(nudges) {
                well = self.follow(well)?;
                if !well {
                    break;
                }
            }
            if nudges.recv().is_err() {
                break;
            }
        }
        while self.behind().is_ok_and(|behind| behind > 0) && self.follow(well)? {}
        Ok(())
    }

    /// Lets messages come together; false if there are none. A nudge that is taken here is for one
    /// that is indexed next.
    fn gather(&self, nudges: &Receiver<()>) -> bool {
        let (mut waited, mut before) = (Duration::ZERO, 0);
        while self.behind().is_ok_and(|behind| behind > 0) {
            let waiting = self.beyond(self.marks.words).unwrap_or(0);
            let busy = waiting > MANY && waiting > before && waited < GATHER_BUSY;
            if waiting >= BLOCK.unsigned_abs() || (waited >= GATHER && !busy) {
                return true;
            }
            before = waiting;
            std::thread::sleep(GATHER_LOOK);
            waited += GATHER_LOOK;
            if nudges.try_recv() == Err(TryRecvError::Disconnected) {
                return true;
            }
        }
        false
    }

    /// Indexes what waits, up to a block; says whether that went well, and logs if it does no longer.
    fn follow(&mut self, well: bool) -> Result<bool, IndexError> {
        match self.step(BLOCK) {
            Ok(_) => Ok(true),
            Err(error @ IndexError::Database { .. }) => {
                if well {
                    log::warn!("messages can't be indexed just now, reading and searching are slower: {error}");
                }
                Ok(false)
            }
            Err(error @ IndexError::Damaged { .. }) => Err(error),
        }
    }

    fn catch_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), IndexError> {
        let behind = self.behind()?;
        if behind <= FAR_BEHIND {
            return Ok(());
        }
        progress(0, behind);
        let mut told = 0;
        while self.behind()? > 0 {
            self.step(BLOCK)?;
            let done = behind.saturating_sub(self.beyond(self.marks.words)?);
            if done >= told + TELL || (done == behind && done > told) {
                told = done;
                progress(done, behind);
            }
        }
        Ok(())
    }

    /// Indexes up to `most` messages in one transaction, and says how many. If there were so many,
    /// there are likely more, and their places may wait for those.
    ///
    /// # Errors
    /// See [`IndexError`]; nothing of the step is kept then.
    pub(super) fn step(&mut self, most: i64) -> Result<i64, IndexError> {
        let done = self.try_step(most);
        if done.is_err() {
            (self.places, self.taken) = (Places::default(), self.marks.places);
        }
        done.map_err(|error| self.fault(error))
    }

    fn try_step(&mut self, most: i64) -> rusqlite::Result<i64> {
        // A place in the order of saying that is empty counts as if it were not.
        let high = last_seq(&self.messages)?.min(self.marks.words.saturating_add(most)).max(self.marks.words);
        let count = high - self.marks.words;
        let next = self.marks.words + 1;
        let first = if count > 0 { block::begin(&self.index, next, count)? } else { next };
        self.words.clear();
        {
            let mut waiting = self.messages.prepare_cached(Message::SQL)?;
            // Places that were taken by an earlier run and not written are taken again.
            let mut found = waiting.query([first.min(self.taken + 1), high])?;
            while let Some(row) = found.next()? {
                let message = Message::read(row)?;
                if message.seq >= first {
                    self.words.take(message, first)?;
                }
                if message.seq > self.taken {
                    self.places.take(message);
                }
            }
            self.taken = high;
            // Ends the look at the messages before the work.
        }
        let wait = count == most && high - self.marks.places < PLACES_WAIT * most;
        let marks = Marks { places: if wait { self.marks.places } else { high }, words: high };
        let change = self.index.transaction()?;
        if count > 0 {
            self.words.write(&change, first, high)?;
        }
        if !wait {
            self.places.write(&change)?;
        }
        file::set_marks(&change, marks)?;
        change.commit()?;
        if !wait {
            self.places = Places::default();
        }
        self.marks = marks;
        Ok(count)
    }

    fn fault(&self, source: rusqlite::Error) -> IndexError {
        let file = self.file.clone();
        // A place that is there already is not what this program left.
        if is_damage(&source) || source.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
            // If that fails, the next start finds out by itself.
            let _ = file::spoil(&self.index);
            IndexError::Damaged { file }
        } else {
            IndexError::Database { file, source }
        }
    }
}

/// Lets this thread alone give way to those that talk. Other systems than Linux know that of whole
/// processes only.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        log::debug!("the index can't be given a lower priority: {error}");
    }
}

/// Logs that a reader found the index damaged, and sees to it that the next start makes it anew: this
/// run only appends to it, and would never know.
pub(super) fn report_damage(index: &Connection, error: &rusqlite::Error) {
    log::error!("the index is damaged, reading without it until the next start makes it anew: {error}");
    let spoiled = index.path().map(|file| Connection::open(file).and_then(|index| file::spoil(&index)));
    if let Some(Err(error)) = spoiled {
        log::warn!("that could not be noted, so delete {INDEX_FILE} before the next start: {error}");
    }
}

/// The token of a conversation.
pub(super) fn place_token(conversation: i64) -> String {
    let mut token = String::new();
    write_token('c', conversation, &mut token);
    token
}

/// The token of an author.
pub(super) fn author_token(author: i64) -> String {
    let mut token = String::new();
    write_token('a', author, &mut token);
    token
}

fn write_token(kind: char, number: i64, token: &mut String) {
    token.clear();
    token.push(kind);
    token.push('_');
    token.push_str(itoa::Buffer::new().format(number));
}

/// As if SQLite had said it of what stands inside a row.
pub(super) fn corrupt() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some("a list in the index is damaged".to_owned()))
}

#[cfg(test)]
mod tests;
