//! All that is stored of a room, of a direct conversation or of an account, for an export. Runs on the main
//! thread of `chitchatd export`, beside a running server.
//!
//! Messages are read in pieces, each in a transaction of its own: while one reads, the writer's log can't be
//! restarted, and nobody knows how slowly an export is taken. So a message is as it was when its piece was
//! read. The index is not needed: all messages are looked at in order of arrival.

use crate::protocol::names::{RoomName, UserName};
use crate::protocol::stamp::rfc3339;
use crate::server::store::db::error::StoreError;
use crate::server::store::db::stored_text::{StoredText, TextState, is_gone, present};
use crate::server::store::db::{copy, schema};
use crate::server::traffic::{
    ExportLine, ExportMessage, ExportReaction, ExportReply, ExportRole, MENTION_ALL, Mark, Mentioned,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::path::{Path, PathBuf};

/// Messages of all conversations that are looked at in one transaction: some milliseconds.
const PIECE: i64 = 4_096;

/// The database of a server that runs or not.
#[derive(Debug)]
pub(crate) struct Whole {
    db: Connection,
    file: PathBuf,
}

/// Whose messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WholeOf {
    /// Of a room or a direct conversation, by its number.
    Conversation(i64),
    /// By an account, by its number.
    Account(i64),
}

impl Whole {
    /// # Errors
    /// See [`StoreError`]; also if the database has to be migrated first.
    pub(crate) fn open(file: &Path) -> Result<Self, StoreError> {
        let (db, file) = (copy::open(file)?, file.to_owned());
        let found: i64 = db
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| StoreError::of(&file, error))?;
        if found < schema::KNOWN_SCHEMA {
            return Err(StoreError::Older { file });
        }
        Ok(Self { db, file })
    }

    fn asked<T>(&self, answer: rusqlite::Result<T>) -> Result<T, StoreError> {
        answer.map_err(|error| StoreError::of(&self.file, error))
    }

    /// The number of the account of that name.
    pub(crate) fn account(&self, name: &UserName) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT id FROM account WHERE folded = ?";
        self.asked(self.db.query_row(sql, [name.case_folded()], |row| row.get(0)).optional())
    }

    /// The number of the room of that name, closed or not.
    pub(crate) fn room(&self, name: &RoomName) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT id FROM conversation WHERE room = ?";
        self.asked(self.db.query_row(sql, [name.as_str()], |row| row.get(0)).optional())
    }

    /// The number of the direct conversation of two accounts.
    pub(crate) fn pair(&self, one: i64, other: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT id FROM conversation WHERE low = ? AND high = ?";
        self.asked(self.db.query_row(sql, [one.min(other), one.max(other)], |row| row.get(0)).optional())
    }

    /// What is known of a room or a direct conversation, but for what was said.
    pub(crate) fn about_conversation(&self, id: i64) -> Result<Vec<ExportLine>, StoreError> {
        let about = || -> rusqlite::Result<Vec<ExportLine>> {
            let read = self.db.unchecked_transaction()?;
            let sql = "SELECT c.room, c.private, c.topic, l.name, h.name FROM conversation c
                       LEFT JOIN account l ON l.id = c.low LEFT JOIN account h ON h.id = c.high WHERE c.id = ?";
            let first = read.query_row(sql, [id], |row| match row.get::<_, Option<String>>(0)? {
                Some(name) => Ok(ExportLine::Room { name, private: row.get(1)?, topic: row.get(2)? }),
                None => Ok(ExportLine::Direct { names: [row.get(3)?, row.get(4)?] }),
            })?;
            if matches!(first, ExportLine::Direct { .. }) {
                return Ok(vec![first]);
            }
            let sql = "SELECT a.name, m.role FROM member m JOIN account a ON a.id = m.account
                       WHERE m.conversation = ? ORDER BY a.folded";
            let mut members = read.prepare(sql)?;
            let member = |row: &Row<'_>| Ok(ExportLine::Member { name: row.get(0)?, role: role(row, 1)? });
            std::iter::once(Ok(first)).chain(members.query_map([id], member)?).collect()
        };
        self.asked(about())
    }

    /// What is known of an account, but for what it said.
    pub(crate) fn about_account(&self, id: i64) -> Result<Vec<ExportLine>, StoreError> {
        let about = || -> rusqlite::Result<Vec<ExportLine>> {
            let read = self.db.unchecked_transaction()?;
            let sql = "SELECT a.name, a.at, a.admin, coalesce(p.text, ''), w.text FROM account a
                       LEFT JOIN profile p ON p.account = a.id LEFT JOIN away w ON w.account = a.id WHERE a.id = ?";
            let mut lines = vec![read.query_row(sql, [id], |row| {
                let (name, made, admin) = (row.get(0)?, time(row, 1)?, row.get(2)?);
                Ok(ExportLine::Account { name, made, admin, profile: row.get(3)?, away: row.get(4)? })
            })?];
            let mut add = |sql: &str, line: &dyn Fn(&Row<'_>) -> rusqlite::Result<ExportLine>| {
                let mut found = read.prepare(sql)?;
                let mut rows = found.query([id])?;
                while let Some(row) = rows.next()? {
                    lines.push(line(row)?);
                }
                Ok::<_, rusqlite::Error>(())
            };
            add("SELECT label, at FROM token WHERE account = ? ORDER BY at, label", &|row| {
                Ok(ExportLine::Device { label: row.get(0)?, made: time(row, 1)? })
            })?;
            add("SELECT address FROM known_address WHERE account = ? ORDER BY used", &|row| {
                Ok(ExportLine::Address { address: address(row.get_ref(0)?.as_blob()?) })
            })?;
            let rooms = "SELECT c.room, m.role, m.read FROM member m JOIN conversation c ON c.id = m.conversation
                         WHERE m.account = ? AND c.room IS NOT NULL ORDER BY c.room";
            add(rooms, &|row| {
                let read: i64 = row.get(2)?;
                Ok(ExportLine::Membership { room: row.get(0)?, role: role(row, 1)?, read: read.unsigned_abs() })
            })?;
            let ignored = "SELECT a.name, i.since FROM ignored i JOIN account a ON a.id = i.other
                           WHERE i.account = ? ORDER BY a.folded";
            add(ignored, &|row| Ok(ExportLine::Ignored { name: row.get(0)?, since: time(row, 1)? }))?;
            let reactions = "SELECT conversation, id, word FROM reaction WHERE account = ? ORDER BY 1, 2, 3";
            add(reactions, &|row| {
                let id_there: i64 = row.get(1)?;
                let place = target(&read, row.get(0)?, id)?;
                Ok(ExportLine::Reaction { r#in: place, id: id_there.unsigned_abs(), word: row.get(2)? })
            })?;
            Ok(lines)
        };
        self.asked(about())
    }

    /// Some of the messages behind a sequence number, oldest first, and where to go on; `None` at the end.
    pub(crate) fn messages(&self, of: WholeOf, after: i64) -> Result<(Vec<ExportLine>, Option<i64>), StoreError> {
        self.asked(self.try_messages(of, after))
    }

    fn try_messages(&self, of: WholeOf, after: i64) -> rusqlite::Result<(Vec<ExportLine>, Option<i64>)> {
        let read = self.db.unchecked_transaction()?;
        let sql = "SELECT max(seq) FROM (SELECT seq FROM message WHERE seq > ? ORDER BY seq LIMIT ?)";
        let last: Option<i64> = read.prepare_cached(sql)?.query_row([after, PIECE], |row| row.get(0))?;
        let Some(last) = last else { return Ok((Vec::new(), None)) };
        let sql = match of {
            WholeOf::Conversation(_) => MESSAGES_OF,
            WholeOf::Account(_) => MESSAGES_BY,
        };
        let (WholeOf::Conversation(id) | WholeOf::Account(id)) = of;
        let mut messages = read.prepare_cached(sql)?;
        let mut rows = messages.query([after, last, id])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let stored = row.get_ref(5)?.as_str()?;
            if is_gone(stored) {
                continue;
            }
            let stored = present(&read, row.get(0)?, stored)?;
            let mut message = message(&read, row, &StoredText::parse(&stored))?;
            if let WholeOf::Account(account) = of {
                message.r#in = Some(target(&read, row.get(1)?, account)?);
            }
            lines.push(ExportLine::Message(Box::new(message)));
        }
        Ok((lines, Some(last)))
    }
}

macro_rules! messages {
    ($whose:literal) => {
        concat!(
            "SELECT m.seq, m.conversation, m.id, m.at, a.name, m.text FROM message m JOIN account a ON a.id = m.author
             WHERE m.seq > ? AND m.seq <= ? AND m.conversation <> 0 AND ",
            $whose,
            " ORDER BY m.seq"
        )
    };
}

const MESSAGES_OF: &str = messages!("m.conversation = ?");
const MESSAGES_BY: &str = messages!("m.author = ?");

/// A message. The columns are sequence number, conversation, id, time and author.
fn message(db: &Connection, row: &Row<'_>, stored: &StoredText<'_>) -> rusqlite::Result<ExportMessage> {
    let (conversation, id): (i64, i64) = (row.get(1)?, row.get(2)?);
    let re = match stored.mark {
        Mark::None | Mark::Me => None,
        Mark::Reply { id, author } => Some(ExportReply { id: id.value(), author: name(db, author.value())? }),
    };
    let mentions = stored.mentions.iter().map(|mentioned| match mentioned {
        Mentioned::Everyone => Ok(MENTION_ALL.to_owned()),
        Mentioned::Account(account) => name(db, account.value()),
    });
    let sql = "SELECT r.word, a.name FROM reaction r JOIN account a ON a.id = r.account
               WHERE r.conversation = ? AND r.id = ? ORDER BY r.word, a.folded";
    let mut reactions: Vec<ExportReaction> = Vec::new();
    let mut found = db.prepare_cached(sql)?;
    let mut rows = found.query([conversation, id])?;
    while let Some(row) = rows.next()? {
        let (word, by): (String, String) = (row.get(0)?, row.get(1)?);
        match reactions.last_mut().filter(|last| last.word == word) {
            Some(last) => last.by.push(by),
            None => reactions.push(ExportReaction { word, by: vec![by] }),
        }
    }
    let pinned = "SELECT 1 FROM pin WHERE conversation = ? AND id = ?";
    Ok(ExportMessage {
        r#in: None,
        id: id.unsigned_abs(),
        at: time(row, 3)?,
        author: row.get(4)?,
        me: stored.mark == Mark::Me,
        re,
        edited: stored.state == TextState::Edited,
        removed: stored.state == TextState::Removed,
        mentions: mentions.collect::<rusqlite::Result<_>>()?,
        reactions,
        pinned: db.prepare_cached(pinned)?.exists(params![conversation, id])?,
        text: stored.text.to_owned(),
    })
}

/// How an account knows a conversation.
fn target(db: &Connection, conversation: i64, account: i64) -> rusqlite::Result<String> {
    let sql = "SELECT coalesce(c.room, '@' || a.name) FROM conversation c
               LEFT JOIN account a ON a.id = CASE WHEN c.low = ?2 THEN c.high ELSE c.low END WHERE c.id = ?1";
    db.prepare_cached(sql)?.query_row([conversation, account], |row| row.get(0))
}

fn name(db: &Connection, account: i64) -> rusqlite::Result<String> {
    db.prepare_cached("SELECT name FROM account WHERE id = ?")?.query_row([account], |row| row.get(0))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(rfc3339(row.get::<_, i64>(column)?.unsigned_abs()))
}

fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<ExportRole> {
    match row.get(column)? {
        0 => Ok(ExportRole::Member),
        1 => Ok(ExportRole::Owner),
        2 => Ok(ExportRole::Moderator),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}

/// An address as people write it, of IPv6 its /64.
fn address(stored: &[u8]) -> String {
    if let Ok(octets) = <[u8; 4]>::try_from(stored) {
        return std::net::Ipv4Addr::from(octets).to_string();
    }
    let Ok(network) = <[u8; 8]>::try_from(stored) else { return String::new() };
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&network);
    format!("{}/64", std::net::Ipv6Addr::from(octets))
}
