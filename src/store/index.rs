//! The full-text index: a file of its own that follows the messages, some moments behind. The
//! thread `index` runs it; the writer's commits never wait for it.
//!
//! Texts are fed in as [`words`] makes them, so that FTS5's tokeniser has nothing left to decide.
//! The index holds no text, only which words are in which message, by its order of saying. Each
//! message also has a token for its conversation and one for its author; they hold a `_`, which no
//! word of a text can, so nobody can write a message that is found where it was not said.

use super::words;
use super::{
    DATABASE_FILE, INDEX_FILE, Settings, StoreError, connect_reader, connect_writer, is_damage, load, schema, stored,
};
use crossbeam_channel::Receiver;
use rusqlite::{Connection, params};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Changes with what is in the index or with what a word is; an index of another version is made
/// anew.
const VERSION: i64 = 1;

/// How long messages are gathered before they are indexed together.
const GATHER: Duration = Duration::from_millis(50);

/// Messages in one transaction of the index while it follows.
const STEP: usize = 2_000;

/// Messages in one transaction while an index is made anew.
const STEP_ANEW: usize = 50_000;

/// Further behind than this at start, the index catches up before the server listens: what is not
/// indexed is searched line by line.
const FAR_BEHIND: u64 = 100_000;

/// Why indexing can't go on. Searching does, line by line and slower.
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
    /// All messages up to this place in the order of saying are indexed.
    high: i64,
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
        let wanted = read_wanted(&messages).map_err(|error| StoreError::of(&database, error))?;
        let (index, high) = match open_index(&file, &wanted) {
            Ok(Some(opened)) => opened,
            Ok(None) | Err(StoreError::Broken { .. } | StoreError::Database { .. }) => {
                remove(&file).map_err(|source| StoreError::Directory { path: file.clone(), source })?;
                make_index(&file, &wanted.epoch)?
            }
            Err(error) => return Err(error),
        };
        let mut indexer = Self { messages, index, file, high };
        indexer.catch_up(progress).map_err(|error| match error {
            IndexError::Database { file, source } => StoreError::of(&file, source),
            IndexError::Damaged { file } => StoreError::Broken { file, detail: "delete it and start again".to_owned() },
        })?;
        Ok(indexer)
    }

    /// Messages that are not indexed yet.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn behind(&self) -> Result<u64, IndexError> {
        let last = load::last_seq(&self.messages).map_err(|error| self.fault(error))?;
        Ok(last.saturating_sub(self.high).unsigned_abs())
    }

    /// Indexes up to `most` messages in one transaction, and says how many there were.
    ///
    /// # Errors
    /// See [`IndexError`]; nothing of the step is kept then.
    pub fn step(&mut self, most: usize) -> Result<usize, IndexError> {
        let (count, high) = self.try_step(most).map_err(|error| self.fault(error))?;
        self.high = high;
        Ok(count)
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
            // Many lines in one transaction cost far less than one each.
            std::thread::sleep(GATHER);
            well = self.follow(well)?;
        }
        self.follow(well).map(drop)
    }

    /// Indexes all that waits; says whether that went well, and logs if it does no longer.
    fn follow(&mut self, well: bool) -> Result<bool, IndexError> {
        loop {
            match self.step(STEP) {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(error @ IndexError::Database { .. }) => {
                    if well {
                        log::warn!("messages can't be indexed just now, searching is slower: {error}");
                    }
                    return Ok(false);
                }
                Err(error @ IndexError::Damaged { .. }) => return Err(error),
            }
        }
    }

    fn catch_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), IndexError> {
        let behind = self.behind()?;
        if behind <= FAR_BEHIND {
            return Ok(());
        }
        let mut done = 0;
        progress(done, behind);
        loop {
            let step = self.step(STEP_ANEW)?;
            if step == 0 {
                return Ok(());
            }
            done += step as u64;
            progress(done.min(behind), behind);
        }
    }

    fn try_step(&mut self, most: usize) -> rusqlite::Result<(usize, i64)> {
        let sql = "SELECT seq, conversation, author, text FROM message WHERE seq > ? ORDER BY seq LIMIT ?";
        let mut waiting = self.messages.prepare_cached(sql)?;
        let mut found = waiting.query([self.high, stored(most as u64)])?;
        let change = self.index.transaction()?;
        let (mut count, mut high) = (0, self.high);
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
        change.prepare_cached("UPDATE state SET high = ?")?.execute([high])?;
        change.commit()?;
        Ok((count, high))
    }

    fn fault(&self, source: rusqlite::Error) -> IndexError {
        let file = self.file.clone();
        if is_damage(&source) {
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

/// What an index must fit.
struct Wanted {
    epoch: String,
    last: i64,
}

fn read_wanted(messages: &Connection) -> rusqlite::Result<Wanted> {
    let epoch = schema::meta(messages, "epoch")?.unwrap_or_default();
    Ok(Wanted { epoch, last: load::last_seq(messages)? })
}

/// Opens an index with its high-water mark; `None` if there is none that fits.
fn open_index(file: &Path, wanted: &Wanted) -> Result<Option<(Connection, i64)>, StoreError> {
    let index = connect(file)?;
    let of = |error| StoreError::of(file, error);
    let version: i64 = index.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(of)?;
    if version != VERSION {
        return Ok(None);
    }
    let read = index.query_row("SELECT high, epoch FROM state", [], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
    let (high, epoch) = read.map_err(of)?;
    let fits = epoch == wanted.epoch && (0..=wanted.last).contains(&high);
    Ok(fits.then_some((index, high)))
}

fn make_index(file: &Path, epoch: &str) -> Result<(Connection, i64), StoreError> {
    let mut index = connect(file)?;
    let mut make = || -> rusqlite::Result<()> {
        let change = index.transaction()?;
        change.execute_batch(
            "CREATE TABLE state(high INTEGER NOT NULL, epoch TEXT NOT NULL) STRICT;
             CREATE VIRTUAL TABLE line USING fts5(
                 words, content='', contentless_delete=1, tokenize=\"ascii tokenchars '_'\");",
        )?;
        change.execute("INSERT INTO state(high, epoch) VALUES(0, ?)", [epoch])?;
        change.pragma_update(None, "user_version", VERSION)?;
        change.commit()
    };
    make().map_err(|error| StoreError::of(file, error))?;
    Ok((index, 0))
}

fn connect(file: &Path) -> Result<Connection, StoreError> {
    let index = connect_writer(file)?;
    // A power cut may take the last transactions along, and they are made again.
    index.pragma_update(None, "synchronous", "normal").map_err(|error| StoreError::of(file, error))?;
    Ok(index)
}

fn remove(file: &Path) -> io::Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(ending);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ALICE, Dir, LOBBY, PLENTY, ask, open, peopled, readers, say, search};
    use super::super::{Reader, Sync};
    use super::*;

    #[test]
    fn an_index_goes_on_where_it_was() {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        say(&mut store, LOBBY, ALICE, &["one", "two", "three"]);
        let (mut indexer, _) = readers(&dir.settings());
        assert_eq!((indexer.behind().unwrap(), indexer.step(2).unwrap(), indexer.behind().unwrap()), (3, 2, 1));
        drop(indexer);
        let (mut indexer, _) = readers(&dir.settings());
        assert_eq!((indexer.behind().unwrap(), indexer.step(2).unwrap(), indexer.step(2).unwrap()), (1, 1, 0));
    }

    #[test]
    fn an_index_that_is_lost_broken_or_of_another_history_is_made_anew() {
        let dir = Dir::new();
        let normal = Settings { sync: Sync::Normal, ..dir.settings() };
        let mut store = peopled(&normal);
        say(&mut store, LOBBY, ALICE, &["needle"]);
        let (mut indexer, mut reader) = readers(&normal);
        indexer.step(10).unwrap();
        assert_eq!(ask(&mut reader, search(&[LOBBY], "needle")).len(), 2);
        drop((indexer, reader));
        let index = dir.file(INDEX_FILE);
        let spoil: [&dyn Fn(); 4] = [
            &|| std::fs::remove_file(&index).unwrap(),
            &|| std::fs::write(&index, vec![b'?'; 10_000]).unwrap(),
            &|| Connection::open(&index).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap(),
            &|| Connection::open(&index).unwrap().execute_batch("UPDATE state SET high = 99").unwrap(),
        ];
        for spoil in spoil {
            spoil();
            let (mut indexer, mut reader) = readers(&normal);
            assert_eq!((indexer.behind().unwrap(), indexer.step(10).unwrap()), (1, 1));
            assert_eq!(ask(&mut reader, search(&[LOBBY], "needle")).len(), 2);
        }
        // An unclean end without full sync: the epoch changes.
        drop(store);
        let (_store, _) = open(&normal);
        let (indexer, _) = readers(&normal);
        assert_eq!(indexer.behind().unwrap(), 1);
    }

    #[test]
    fn damage_while_running_is_searched_around_and_mended_at_the_next_start() {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        say(&mut store, LOBBY, ALICE, &vec!["needle"; 2000]);
        let (mut indexer, _) = readers(&dir.settings());
        while indexer.step(100).unwrap() > 0 {}
        let other = Connection::open(dir.file(INDEX_FILE)).unwrap();
        other.execute_batch("DELETE FROM line_data").unwrap();
        say(&mut store, LOBBY, ALICE, &["needle"]);
        let mut reader = Reader::open(&dir.settings(), PLENTY).unwrap();
        let found = ask(&mut reader, search(&[LOBBY], "needle"));
        assert!(found.last().unwrap().starts_with("+ 50 messages, more="), "{found:?}");
        assert!(matches!(indexer.step(10), Err(IndexError::Damaged { .. })));
        drop((other, indexer, reader));
        let (mut indexer, mut reader) = readers(&dir.settings());
        assert_eq!((indexer.behind().unwrap(), indexer.step(9000).unwrap()), (2001, 2001));
        assert_eq!(ask(&mut reader, search(&[LOBBY], "needle")), found);
    }

    #[test]
    fn nudges_are_followed_until_their_senders_are_gone() {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        let (indexer, mut reader) = readers(&dir.settings());
        let (nudge, nudges) = crossbeam_channel::bounded(1);
        let thread = std::thread::spawn(move || indexer.run(&nudges));
        for n in 0..100 {
            say(&mut store, LOBBY, ALICE, &[&format!("needle {n}")]);
            let _ = nudge.try_send(());
            assert_eq!(ask(&mut reader, search(&[LOBBY], &format!("needle {n}"))).len(), 2);
        }
        drop(nudge);
        thread.join().unwrap().unwrap();
        let (indexer, _) = readers(&dir.settings());
        assert_eq!(indexer.behind().unwrap(), 0);
    }

    #[test]
    fn a_start_far_behind_catches_up_and_tells_of_it() {
        let dir = Dir::new();
        let mut store = peopled(&dir.settings());
        let many = vec!["x"; 60_000];
        say(&mut store, LOBBY, ALICE, &many);
        say(&mut store, LOBBY, ALICE, &many);
        let mut told = Vec::new();
        let indexer = Indexer::open(&dir.settings(), &mut |done, all| told.push((done, all))).unwrap();
        assert_eq!(told, [(0, 120_000), (50_000, 120_000), (100_000, 120_000), (120_000, 120_000)]);
        assert_eq!(indexer.behind().unwrap(), 0);
    }
}
