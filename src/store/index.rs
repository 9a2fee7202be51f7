//! The index: a file of its own that follows the messages, some moments behind. The thread `index`
//! runs it; the writer's commits never wait for it. It has two parts:
//!
//! * the **places**: where each message of a conversation is in the order of saying, and whose it
//!   is. They are noted many at once, sorted, since each conversation has a page of its own;
//! * the **words**: which are in which message. Texts are fed in as [`words`] makes them, so that
//!   FTS5's tokeniser has nothing left to decide. Each message also has a token for its
//!   conversation and one for its author; they hold a `_`, which no word of a text can, so nobody
//!   can write a message that is found where it was not said.
//!
//! Neither holds a text. Readers see what is not in the index yet by reading the messages behind
//! its marks, so nobody can tell how far behind it is but by the time it takes.

mod file;

use self::file::Marks;
use super::words;
use super::{DATABASE_FILE, INDEX_FILE, Settings, StoreError, connect_reader, is_damage, load, stored};
use crossbeam_channel::{Receiver, TryRecvError};
use rusqlite::{Connection, ErrorCode, params};
use std::path::PathBuf;
use std::time::Duration;

/// How long messages are gathered before they are indexed together: many in one transaction cost
/// far less than one each.
const GATHER: Duration = Duration::from_secs(1);

/// How often it is looked while gathering whether there are enough, or whether the end has come.
const GATHER_LOOK: Duration = Duration::from_millis(100);

/// Messages in one transaction of the index while it follows. So many waiting ones are enough.
const STEP: usize = 16_384;

/// Messages in one transaction while an index is made anew.
const STEP_ANEW: usize = 50_000;

/// Further behind than this at start, the index catches up before the server listens: what is not
/// indexed is read line by line.
const FAR_BEHIND: u64 = 100_000;

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
        let wanted = file::read_wanted(&messages).map_err(|error| StoreError::of(&database, error))?;
        let (index, marks) = match file::open(&file, &wanted) {
            Ok(Some(opened)) => opened,
            Ok(None) | Err(StoreError::Broken { .. } | StoreError::Database { .. }) => {
                file::remove(&file).map_err(|source| StoreError::Directory { path: file.clone(), source })?;
                file::make(&file, &wanted.epoch)?
            }
            Err(error) => return Err(error),
        };
        let mut indexer = Self { messages, index, file, marks };
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
        let last = load::last_seq(&self.messages).map_err(|error| self.fault(error))?;
        Ok(last.saturating_sub(self.marks.places.min(self.marks.words)).unsigned_abs())
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
        let mut well = self.follow(true)?;
        while nudges.recv().is_ok() {
            self.gather(nudges);
            well = self.follow(well)?;
        }
        self.follow(well).map(drop)
    }

    /// Lets messages come together. A nudge that is taken here is for one that is indexed next.
    fn gather(&self, nudges: &Receiver<()>) {
        let mut waited = Duration::ZERO;
        while waited < GATHER {
            std::thread::sleep(GATHER_LOOK);
            waited += GATHER_LOOK;
            let enough = self.behind().is_ok_and(|behind| behind >= STEP as u64);
            if enough || nudges.try_recv() == Err(TryRecvError::Disconnected) {
                break;
            }
        }
    }

    /// Indexes all that waits; says whether that went well, and logs if it does no longer.
    fn follow(&mut self, well: bool) -> Result<bool, IndexError> {
        match self.try_follow() {
            Ok(()) => Ok(true),
            Err(error @ IndexError::Database { .. }) => {
                if well {
                    log::warn!("messages can't be indexed just now, reading and searching are slower: {error}");
                }
                Ok(false)
            }
            Err(error @ IndexError::Damaged { .. }) => Err(error),
        }
    }

    /// Places first, since more is read by them and they cost less.
    fn try_follow(&mut self) -> Result<(), IndexError> {
        loop {
            while self.step_places(STEP)? == STEP {}
            if self.step_words(STEP)? < STEP {
                return Ok(());
            }
        }
    }

    fn catch_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), IndexError> {
        let behind = self.behind()?;
        if behind <= FAR_BEHIND {
            return Ok(());
        }
        progress(0, behind);
        loop {
            let (places, words) = (self.step_places(STEP_ANEW)?, self.step_words(STEP_ANEW)?);
            if places.max(words) == 0 {
                return Ok(());
            }
            progress(behind.saturating_sub(self.behind()?), behind);
        }
    }

    /// Both parts, up to `most` messages each; says how many there were in the one that had more.
    #[cfg(test)]
    pub(super) fn step(&mut self, most: usize) -> Result<usize, IndexError> {
        Ok(self.step_places(most)?.max(self.step_words(most)?))
    }

    /// Notes the places of up to `most` messages in one transaction, and says how many there were.
    ///
    /// # Errors
    /// See [`IndexError`]; nothing of the step is kept then.
    pub(super) fn step_places(&mut self, most: usize) -> Result<usize, IndexError> {
        let (count, high) = self.try_places(most).map_err(|error| self.fault(error))?;
        self.marks.places = high;
        Ok(count)
    }

    /// Indexes the words of up to `most` messages in one transaction, and says how many there were.
    ///
    /// # Errors
    /// See [`IndexError`]; nothing of the step is kept then.
    pub(super) fn step_words(&mut self, most: usize) -> Result<usize, IndexError> {
        let (count, high) = self.try_words(most).map_err(|error| self.fault(error))?;
        self.marks.words = high;
        Ok(count)
    }

    fn try_places(&mut self, most: usize) -> rusqlite::Result<(usize, i64)> {
        let sql = "SELECT conversation, id, author, seq FROM message WHERE seq > ? ORDER BY seq LIMIT ?";
        let mut waiting = self.messages.prepare_cached(sql)?;
        let mut found = waiting.query([self.marks.places, stored(most as u64)])?;
        let (mut places, mut high) = (Vec::new(), self.marks.places);
        while let Some(row) = found.next()? {
            high = row.get(3)?;
            places.push([row.get(0)?, row.get(1)?, row.get(2)?, high]);
        }
        // Ends the look at the messages before the work.
        drop(found);
        if places.is_empty() {
            return Ok((0, high));
        }
        // So that each page is visited once.
        places.sort_unstable();
        let change = self.index.transaction()?;
        {
            let mut add = change.prepare_cached("INSERT INTO place VALUES(?, ?, ?, ?)")?;
            places.iter().try_for_each(|&place| add.execute(place).map(drop))?;
        }
        file::set_marks(&change, Marks { places: high, ..self.marks })?;
        change.commit()?;
        Ok((places.len(), high))
    }

    fn try_words(&mut self, most: usize) -> rusqlite::Result<(usize, i64)> {
        let sql = "SELECT seq, conversation, author, text FROM message WHERE seq > ? ORDER BY seq LIMIT ?";
        let mut waiting = self.messages.prepare_cached(sql)?;
        let mut found = waiting.query([self.marks.words, stored(most as u64)])?;
        let change = self.index.transaction()?;
        let (mut count, mut high) = (0, self.marks.words);
        {
            let mut add = change.prepare_cached("INSERT INTO line(rowid, words) VALUES(?, ?)")?;
            let (mut text, mut fed) = (String::new(), String::new());
            while let Some(row) = found.next()? {
                high = row.get(0)?;
                let (place, author) = (place_token(row.get(1)?), author_token(row.get(2)?));
                words::normalise(row.get_ref(3)?.as_str()?, &mut text);
                fed.clear();
                fed.extend([place.as_str(), " ", author.as_str(), text.as_str()]);
                add.execute(params![high, fed])?;
                count += 1;
            }
        }
        if count == 0 {
            return Ok((0, high));
        }
        file::set_marks(&change, Marks { words: high, ..self.marks })?;
        change.commit()?;
        Ok((count, high))
    }

    fn fault(&self, source: rusqlite::Error) -> IndexError {
        let file = self.file.clone();
        // A place that is there already is not what this program left.
        if is_damage(&source) || source.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
            // So that the next start makes it anew; if even that fails, that start finds out.
            let _ = self.index.pragma_update(None, "user_version", 0);
            IndexError::Damaged { file }
        } else {
            IndexError::Database { file, source }
        }
    }
}

/// The token of a conversation.
pub(super) fn place_token(conversation: i64) -> String {
    format!("c_{conversation}")
}

/// The token of an author.
pub(super) fn author_token(author: i64) -> String {
    format!("a_{author}")
}

#[cfg(test)]
mod tests;
