//! Answers the dispatcher's read jobs: history, search, conversations, the audit log, and what a
//! person is shown at login. Each reader has its own thread and read-only connections, and never waits for the writer.
//!
//! Each answer is read from one snapshot of the messages: see [`locate`]. None takes longer than
//! [`READ_DEADLINE`], since a long read would keep the writer's log from being checkpointed.

mod audit;
mod changes;
mod export;
mod history;
mod locate;
mod page;
mod search;
mod times;
mod unread;
mod whole;

use self::locate::with_locator;
pub(super) use self::page::READ_DEADLINE;
use self::page::{Page, ReadError};
use self::search::Search;
pub(in crate::server) use self::whole::{Whole, WholeOf};
use super::db::error::StoreError;
use super::db::{DATABASE_FILE, INDEX_FILE, StoreSettings, connect_reader};
use crate::protocol::line::{Body, Final, Rows};
use crate::protocol::names::Text;
use crate::server::clock;
use crate::server::faults::{self, Point};
use crate::server::traffic::{Answer, Hearer, Read, ReadJob, ReadPosition};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many of SQLite's steps pass between two checks of the clock: well under a millisecond.
const STEPS_PER_CHECK: i32 = 1000;

/// A reader. An answer is bounded by the limit that was asked for and by its bytes.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(super) db: Connection,
    /// `None` if messages are not kept.
    pub(super) index: Option<Connection>,
    /// The most bytes of the answer, unless one row is larger.
    answer_bytes: usize,
    deadline: Arc<Deadline>,
    /// How long a read may take.
    time_limit: Duration,
}

/// When the current read must end. SQLite checks it while it works.
#[derive(Debug)]
struct Deadline {
    start: Instant,
    /// Milliseconds since `start`.
    end: AtomicU64,
}

impl Reader {
    /// To be called after [`super::Store::open`] and [`super::Indexer::open`], which create the files.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let deadline = Arc::new(Deadline { start: clock::now(), end: AtomicU64::new(u64::MAX) });
        let connect = |name| {
            let file = settings.data.join(name);
            let mut db = connect_reader(&file)?;
            let deadline = Arc::clone(&deadline);
            db.progress_handler(STEPS_PER_CHECK, Some(move || deadline.is_over()))
                .map_err(|error| StoreError::of(&file, error))?;
            Ok::<_, StoreError>(db)
        };
        Ok(Self {
            db: connect(DATABASE_FILE)?,
            index: if settings.keep { Some(connect(INDEX_FILE)?) } else { None },
            answer_bytes: 0,
            deadline,
            time_limit: READ_DEADLINE,
        })
    }

    /// The same with a time limit other than [`READ_DEADLINE`].
    #[cfg(test)]
    pub(super) fn with_time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// Answers one job. A failure becomes a refusal, and is logged if it is not the asker's fault.
    pub(crate) fn answer(&mut self, job: ReadJob) -> Answer {
        faults::point(Point::ReadJob);
        self.deadline.set(self.time_limit);
        let ReadJob { conn, answer_bytes, read } = job;
        self.answer_bytes = answer_bytes;
        let answered = match &self.index {
            Some(index) => self.read(index, read),
            None => self.read_nothing(read),
        };
        match answered {
            Ok((rows, last)) => Answer { conn, rows, last },
            Err(error) => Answer { conn, rows: Rows::default(), last: error.refusal().into() },
        }
    }

    fn read(&self, index: &Connection, read: Read) -> Result<(Rows, Final), ReadError> {
        let page = |limit| Page::new(limit, self.answer_bytes);
        let (rows, last) = match read {
            Read::Welcome { hearer, room, replay, others, last } => {
                return Ok((self.welcome(index, &hearer, room.as_ref(), replay, &others), last));
            }
            Read::Conversations { hearer, conversations } => with_locator(&self.db, index, |locator| {
                unread::conversations(Some(locator), self.answer_bytes, &hearer, &conversations)
            })?,
            Read::Audit { conversation, limit, more } => audit::audit(&self.db, page(limit), conversation, more)?,
            Read::History { conversation, before, after, times, limit } => with_locator(&self.db, index, |locator| {
                history::history(locator, page(limit), &conversation, before, after, times)
            })?,
            Read::Changes { conversation, after, last, limit } => with_locator(&self.db, index, |locator| {
                changes::changes(locator, page(limit), &conversation, after, last)
            })?,
            Read::Pins(conversation) => {
                with_locator(&self.db, index, |locator| history::pins(locator, page(u32::MAX), &conversation))?
            }
            Read::Around { conversation, id, before, limit } => with_locator(&self.db, index, |locator| {
                history::around(locator, || page(limit), &conversation, id, before)
            })?,
            Read::Export { author, conversations, after, limit } => {
                export::export(&self.db, page(limit), author, &conversations, after)?
            }
            Read::Search { conversations, from, mentioned, times, limit, more, words } => {
                let words = words.as_ref().map(Text::as_str);
                let search = Search::new(&conversations, from, mentioned.as_ref(), times, more, words)?;
                search::search(&self.db, index, page(limit), &search)?
            }
        };
        Ok((rows, Final::Done(last)))
    }

    /// The answers of a server that keeps no messages.
    fn read_nothing(&self, read: Read) -> Result<(Rows, Final), ReadError> {
        let (rows, last) = match read {
            Read::Welcome { last, .. } => return Ok((Rows::default(), last)),
            Read::Conversations { hearer, conversations } => {
                unread::conversations(None, self.answer_bytes, &hearer, &conversations)?
            }
            Read::Audit { conversation, limit, more } => {
                audit::audit(&self.db, Page::new(limit, self.answer_bytes), conversation, more)?
            }
            Read::Changes { .. } => (Rows::default(), "0 changes".to_owned()),
            Read::History { .. } | Read::Pins(_) | Read::Around { .. } | Read::Search { .. } | Read::Export { .. } => {
                (Rows::default(), "0 messages - this server keeps no history".to_owned())
            }
        };
        Ok((rows, Final::Done(last)))
    }

    /// What a person is shown before the final line of a login. That line is sent even if reading
    /// fails.
    fn welcome(
        &self,
        index: &Connection,
        hearer: &Hearer,
        room: Option<&ReadPosition>,
        replay: u32,
        others: &[ReadPosition],
    ) -> Rows {
        let shown = with_locator(&self.db, index, |locator| {
            unread::welcome(locator, self.answer_bytes, hearer, room, replay, others)
        });
        shown.unwrap_or_else(|error| {
            let text = "your unread lines could not be read just now. /conversations shows where there are any";
            let mut rows = Rows::default();
            rows.push_body(&Body::Notice(Some(error.refusal().code), text));
            rows
        })
    }
}

impl Deadline {
    fn set(&self, time_limit: Duration) {
        let end = self.now().saturating_add(u64::try_from(time_limit.as_millis()).unwrap_or(u64::MAX));
        self.end.store(end, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.now() >= self.end.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        u64::try_from(clock::now().saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod changes_tests;
#[cfg(test)]
mod mentions_tests;
#[cfg(test)]
mod tests;
