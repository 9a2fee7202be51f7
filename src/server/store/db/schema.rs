//! The tables of `chitchat.db`, how an older file is migrated, and what a new one contains. Runs
//! once, on the thread that opens the store.

use super::error::StoreError;
use super::{Sync, to_sql};
use crate::protocol::names::{RoomName, UserName};
use crate::protocol::secrets;
use crate::server::clock;
use crate::server::faults::{self, Point};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use std::path::Path;

/// The steps from each schema to the next; `user_version` counts those that were applied. A released
/// step is never changed. `folded` is a case-folded name, `counted` its `lasts_saved`,
/// and `at` is a time in milliseconds.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE account(
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, hash TEXT,
        generation INTEGER NOT NULL, admin INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE TABLE token(
        digest BLOB PRIMARY KEY, account INTEGER NOT NULL REFERENCES account, label TEXT NOT NULL,
        at INTEGER NOT NULL, UNIQUE(account, label)) STRICT, WITHOUT ROWID;
    CREATE TABLE invite(
        digest BLOB PRIMARY KEY, uses INTEGER NOT NULL, admin INTEGER NOT NULL,
        until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    -- A room has a name, a pair two accounts, the lower first. No id up to `last` is assigned again,
    -- whether or not its message is kept; if messages are kept, those whose `seq` is beyond the
    -- `counted` of `meta` may have higher ones.
    CREATE TABLE conversation(
        id INTEGER PRIMARY KEY, room TEXT UNIQUE,
        low INTEGER REFERENCES account, high INTEGER REFERENCES account,
        private INTEGER NOT NULL, topic TEXT NOT NULL, last INTEGER NOT NULL,
        UNIQUE(low, high),
        CHECK((room IS NULL) = (low IS NOT NULL AND high IS NOT NULL AND low <= high))) STRICT;
    CREATE TABLE member(
        conversation INTEGER NOT NULL REFERENCES conversation,
        account INTEGER NOT NULL REFERENCES account,
        owner INTEGER NOT NULL, read INTEGER NOT NULL,
        PRIMARY KEY(conversation, account)) STRICT, WITHOUT ROWID;
    CREATE TABLE invited(
        conversation INTEGER NOT NULL REFERENCES conversation,
        account INTEGER NOT NULL REFERENCES account, by INTEGER NOT NULL REFERENCES account,
        PRIMARY KEY(conversation, account)) STRICT, WITHOUT ROWID;
    CREATE TABLE known_address(
        account INTEGER NOT NULL REFERENCES account, address BLOB NOT NULL, used INTEGER NOT NULL,
        PRIMARY KEY(account, address)) STRICT, WITHOUT ROWID;
    -- In the order of commits, whatever the conversation, and only ever appended to: an index by
    -- conversation would dirty a page of its own for nearly every message, so `index.db` has it and
    -- follows by `seq`. No foreign keys here: they would cost each message two look-ups.
    CREATE TABLE message(
        seq INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, id INTEGER NOT NULL,
        author INTEGER NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
    CREATE TABLE post_key(
        account INTEGER NOT NULL, conversation INTEGER NOT NULL, key BLOB NOT NULL,
        id INTEGER NOT NULL, digest BLOB NOT NULL,
        PRIMARY KEY(account, conversation, key)) STRICT, WITHOUT ROWID;
",
    "
    -- The tables stay as they are. From here on a message's `text` may begin with notes on how it
    -- was said (see `stored_text`), which an earlier version would show as a part of it.
",
    "
    -- 0 is a member, 1 an owner, 2 a moderator.
    ALTER TABLE member RENAME COLUMN owner TO role;
",
    "
    -- What happened to messages after they were said, numbered in each conversation: `kind` is a word
    -- of `ChangeKind`, `data` what it needs besides.
    CREATE TABLE change(
        conversation INTEGER NOT NULL, change INTEGER NOT NULL, at INTEGER NOT NULL,
        by INTEGER NOT NULL, id INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,
        PRIMARY KEY(conversation, change)) STRICT, WITHOUT ROWID;
    -- Where the present text of a message is, if it was edited or removed: see `stored_text`.
    CREATE TABLE altered(seq INTEGER PRIMARY KEY, text_seq INTEGER NOT NULL) STRICT;
    -- What the index is to forget, until it is past `seq`, where the new text is: the `document` of
    -- the text that was under `text_seq`.
    CREATE TABLE forget(seq INTEGER PRIMARY KEY, text_seq INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
",
    "
    -- `slow` is in milliseconds, 0 is off. A closed room keeps its name and its messages, and
    -- nobody is in it.
    ALTER TABLE conversation ADD COLUMN slow INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversation ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
    -- The names that rooms had before. No other room gets them.
    CREATE TABLE former_name(
        room TEXT PRIMARY KEY, conversation INTEGER NOT NULL REFERENCES conversation) STRICT, WITHOUT ROWID;
    -- `kind` is 0 for a ban, 1 for a mute. `until` is NULL if it has no end.
    CREATE TABLE sanction(
        conversation INTEGER NOT NULL REFERENCES conversation,
        account INTEGER NOT NULL REFERENCES account, kind INTEGER NOT NULL,
        by INTEGER NOT NULL REFERENCES account, until INTEGER, reason TEXT NOT NULL,
        PRIMARY KEY(conversation, account, kind)) STRICT, WITHOUT ROWID;
    -- In slow rooms only: when an account last said something there.
    CREATE TABLE said(
        conversation INTEGER NOT NULL REFERENCES conversation,
        account INTEGER NOT NULL REFERENCES account, at INTEGER NOT NULL,
        PRIMARY KEY(conversation, account)) STRICT, WITHOUT ROWID;
    -- `conversation` is NULL for what concerns the whole server.
    CREATE TABLE audit(
        id INTEGER PRIMARY KEY, conversation INTEGER REFERENCES conversation, at INTEGER NOT NULL,
        by INTEGER NOT NULL REFERENCES account, verb TEXT NOT NULL, whom TEXT NOT NULL,
        reason TEXT NOT NULL) STRICT;
    CREATE INDEX audit_of ON audit(conversation, id);
",
    "
    CREATE TABLE reaction(
        conversation INTEGER NOT NULL, id INTEGER NOT NULL, word TEXT NOT NULL, account INTEGER NOT NULL,
        PRIMARY KEY(conversation, id, word, account)) STRICT, WITHOUT ROWID;
    CREATE TABLE pin(
        conversation INTEGER NOT NULL, id INTEGER NOT NULL,
        PRIMARY KEY(conversation, id)) STRICT, WITHOUT ROWID;
",
    "
    -- Those that were made before are good for 30 days from now on.
    ALTER TABLE invited ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
    UPDATE invited SET until = (unixepoch() + 2592000) * 1000;
",
    "
    -- Accounts that can't log in, and why; the reason may be empty.
    CREATE TABLE disabled(
        account INTEGER PRIMARY KEY REFERENCES account, reason TEXT NOT NULL) STRICT;
    -- Accounts whose password was reset: it is worth nothing, and the code with this digest sets
    -- another one until that time.
    CREATE TABLE recovery(
        account INTEGER PRIMARY KEY REFERENCES account, digest BLOB NOT NULL,
        until INTEGER NOT NULL) STRICT;
",
    "
    -- Networks from which nobody may connect. `address` is as in `known_address`; `until` is NULL if
    -- it has no end.
    CREATE TABLE block(
        address BLOB NOT NULL, bits INTEGER NOT NULL, until INTEGER,
        by INTEGER NOT NULL REFERENCES account, reason TEXT NOT NULL,
        PRIMARY KEY(address, bits)) STRICT, WITHOUT ROWID;
",
    "
    -- What accounts say about themselves, and that they are away.
    CREATE TABLE profile(account INTEGER PRIMARY KEY REFERENCES account, text TEXT NOT NULL) STRICT;
    CREATE TABLE away(
        account INTEGER PRIMARY KEY REFERENCES account, since INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
",
    "
    -- Who made a room. A room that is forgotten has no row anywhere; `meta` then has the highest id of a
    -- conversation as `conversations_ever`.
    CREATE TABLE maker(
        conversation INTEGER PRIMARY KEY REFERENCES conversation,
        account INTEGER NOT NULL REFERENCES account) STRICT;
",
    "
    -- The tables stay as they are. From here on the notes in a message's `text` may say whom it mentions:
    -- an earlier version would not index that.
",
    "
    -- Rooms that do not keep what is said for ever: how long they do, in milliseconds (0 is for ever,
    -- again), and up to which id their messages are gone.
    CREATE TABLE retention(
        conversation INTEGER PRIMARY KEY REFERENCES conversation,
        keep INTEGER NOT NULL, dropped INTEGER NOT NULL) STRICT;
    -- Messages that are gone and that the index is to forget, once it is past `after`: each with the
    -- `document` of its last text, which was under `text_seq`. No `n` is used twice.
    CREATE TABLE dropped(
        n INTEGER PRIMARY KEY AUTOINCREMENT, after INTEGER NOT NULL, seq INTEGER NOT NULL,
        text_seq INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
    -- What belongs to messages that are dropped, or to one that is removed.
    CREATE INDEX post_key_of ON post_key(conversation, id);
    CREATE INDEX change_of ON change(conversation, id);
",
    "
    -- Who ignores whom.
    CREATE TABLE ignored(
        account INTEGER NOT NULL REFERENCES account, other INTEGER NOT NULL REFERENCES account,
        since INTEGER NOT NULL, PRIMARY KEY(account, other)) STRICT, WITHOUT ROWID;
",
    "
    -- Accounts that have ended. With `erase`, their messages up to this sequence number are being removed.
    CREATE TABLE unregistered(account INTEGER PRIMARY KEY REFERENCES account, erase INTEGER) STRICT;
",
    "
    -- Each code has a number, by which it is listed and revoked, and which is not given again. Of those
    -- that were made before nobody knows by whom, so they are the console's.
    ALTER TABLE invite RENAME TO unnumbered;
    CREATE TABLE invite(
        number INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, uses INTEGER NOT NULL,
        admin INTEGER NOT NULL, until INTEGER NOT NULL, by INTEGER NOT NULL REFERENCES account,
        note TEXT NOT NULL) STRICT;
    INSERT INTO invite(digest, uses, admin, until, by, note)
        SELECT digest, uses, admin, until, 1, '' FROM unnumbered ORDER BY until;
    DROP TABLE unnumbered;
",
    "
    -- When members made invitation codes, good or not any more, in the week before the last of them.
    CREATE TABLE invite_made(
        number INTEGER PRIMARY KEY, by INTEGER NOT NULL REFERENCES account, at INTEGER NOT NULL) STRICT;
",
    "
    -- Accounts as which programs post in a room. `digest` is that of the token in the address; it is NULL
    -- if there is none now.
    CREATE TABLE hook(
        account INTEGER PRIMARY KEY REFERENCES account,
        conversation INTEGER NOT NULL REFERENCES conversation, digest BLOB UNIQUE,
        by INTEGER NOT NULL REFERENCES account, at INTEGER NOT NULL) STRICT;
",
];

/// The newest schema that this version knows.
pub(crate) const KNOWN_SCHEMA: i64 = MIGRATIONS.len() as i64;

/// The version of this program, kept with the schema so that an older one can say which it needs.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Brings the database to the newest schema, and gives a new one the server's own account and the
/// lobby; either all of it or, after a crash, none of it.
pub(crate) fn prepare(db: &mut Connection, file: &Path) -> Result<(), StoreError> {
    let of = |error| StoreError::of(file, error);
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(of)?;
    let found: i64 = change.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(of)?;
    check_known(&change, file, found)?;
    let taken = usize::try_from(found).unwrap_or(MIGRATIONS.len());
    let steps = MIGRATIONS.get(taken..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    if found == 0 {
        let tables: i64 = change.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(of)?;
        if tables > 0 {
            let detail = "it has tables of another program".to_owned();
            return Err(StoreError::Broken { file: file.to_owned(), detail });
        }
    }
    for step in steps {
        change.execute_batch(step).map_err(of)?;
    }
    if found == 0 {
        fill(&change).map_err(of)?;
        set_meta(&change, "epoch", &secrets::new_epoch()?).map_err(of)?;
    }
    set_meta(&change, "needs", VERSION).map_err(of)?;
    change.pragma_update(None, "user_version", to_sql(MIGRATIONS.len() as u64)).map_err(of)?;
    faults::point(Point::BeforeMigrationCommit);
    change.commit().map_err(of)?;
    faults::point(Point::AfterMigrationCommit);
    Ok(())
}

/// Refuses a database of a later version, and names the version that it needs.
pub(crate) fn check_known(db: &Connection, file: &Path, found: i64) -> Result<(), StoreError> {
    if (0..=KNOWN_SCHEMA).contains(&found) {
        return Ok(());
    }
    let needs = meta(db, "needs").ok().flatten().unwrap_or_else(|| "of a later version".to_owned());
    Err(StoreError::Newer { file: file.to_owned(), found, known: KNOWN_SCHEMA, needs })
}

fn fill(db: &Connection) -> rusqlite::Result<()> {
    let server = UserName::server();
    db.execute(
        "INSERT INTO account(id, name, folded, hash, generation, admin, at) VALUES(1, ?, ?, NULL, 0, 1, ?)",
        params![server.as_str(), server.case_folded(), to_sql(clock::unix_ms())],
    )?;
    db.execute(
        "INSERT INTO conversation(id, room, private, topic, last) VALUES(1, ?, 0, '', 0)",
        [RoomName::lobby().as_str()],
    )?;
    Ok(())
}

/// Notes that a run begins, and changes the epoch if the last run may have lost what it had
/// acknowledged. The connection must be one that syncs each commit.
pub(crate) fn begin_run(db: &mut Connection, file: &Path, sync: Sync) -> Result<(), StoreError> {
    let of = |error| StoreError::of(file, error);
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(of)?;
    let unclean = meta(&change, "unclean").map_err(of)?.is_some();
    if unclean {
        set_meta(&change, "epoch", &secrets::new_epoch()?).map_err(of)?;
    }
    match sync {
        Sync::Normal => mark_unclean(&change).map_err(of)?,
        Sync::Full if unclean => end_run(&change).map_err(of)?,
        Sync::Full => {}
    }
    change.commit().map_err(of)
}

/// Notes that what comes next may be another history: the next run begins with an epoch of its own.
pub(crate) fn mark_unclean(db: &Connection) -> rusqlite::Result<()> {
    set_meta(db, "unclean", "1")
}

/// Notes a clean end, after all that was committed.
pub(crate) fn end_run(db: &Connection) -> rusqlite::Result<()> {
    db.execute("DELETE FROM meta WHERE key = 'unclean'", []).map(drop)
}

/// A value that concerns the database as a whole.
pub(crate) fn meta(db: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    db.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| row.get(0)).optional()
}

/// The sequence number up to which each conversation's `last` is saved.
pub(crate) fn lasts_saved(db: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'counted'), 0)";
    db.query_row(sql, [], |row| row.get(0))
}

/// Notes it, in the transaction that saves them.
pub(crate) fn set_lasts_saved(db: &Connection, seq: i64) -> rusqlite::Result<()> {
    set_meta(db, "counted", &seq.to_string())
}

/// The highest number that an invitation code ever had; 0 if there was none.
pub(crate) fn invites_ever(db: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'invite'), 0)";
    db.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

/// The highest id that a conversation had when one was forgotten; 0 if none was.
pub(crate) fn conversations_ever(db: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'conversations_ever'), 0)";
    db.query_row(sql, [], |row| row.get(0))
}

/// Notes it, before one is forgotten.
pub(crate) fn note_conversations_ever(db: &Connection) -> rusqlite::Result<()> {
    let highest: i64 = db.query_row("SELECT max(id) FROM conversation", [], |row| row.get(0))?;
    set_meta(db, "conversations_ever", &highest.max(conversations_ever(db)?).to_string())
}

fn set_meta(db: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
        [key, value],
    )
    .map(drop)
}

/// How many schemas there were; the newest has this number.
#[cfg(feature = "faults")]
pub(crate) const SCHEMAS: usize = MIGRATIONS.len();

/// Makes a database as the version left it that had this schema: what the first one wrote is in it, and
/// was migrated since.
#[cfg(any(test, feature = "faults"))]
pub(crate) fn create_released(db: &Connection, schema: usize) -> rusqlite::Result<()> {
    db.execute_batch(MIGRATIONS[0])?;
    fill(db)?;
    set_meta(db, "epoch", "first")?;
    db.execute_batch(include_str!("first_schema.sql"))?;
    let key = "INSERT INTO post_key VALUES(3, 3, CAST('k' AS BLOB), 1, ?)";
    db.execute(key, [crate::protocol::secrets::Digest::of("psst").as_bytes()])?;
    MIGRATIONS[1..schema].iter().try_for_each(|step| db.execute_batch(step))?;
    db.pragma_update(None, "user_version", to_sql(schema as u64))
}

#[cfg(test)]
mod tests {
    use super::super::super::test_support::{Dir, open};
    use super::super::super::{Store, StoreSettings};
    use super::super::DATABASE_FILE;
    use super::*;

    #[test]
    fn a_newer_schema_is_refused_with_the_version_it_needs() {
        let dir = Dir::new();
        let (store, _) = open(&dir.settings());
        store.close().unwrap();
        let db = Connection::open(dir.file(DATABASE_FILE)).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        set_meta(&db, "needs", "7.1.0").unwrap();
        drop(db);
        let error = Store::open(&dir.settings()).unwrap_err().to_string();
        assert!(error.contains("chitchat.db") && error.contains("install chitchatd 7.1.0 or newer"), "{error}");
    }

    #[test]
    fn codes_that_had_no_number_get_one() {
        let dir = Dir::new();
        let db = Connection::open(dir.file(DATABASE_FILE)).unwrap();
        let steps = MIGRATIONS.iter().position(|step| step.contains("unnumbered")).unwrap();
        MIGRATIONS[..steps].iter().for_each(|step| db.execute_batch(step).unwrap());
        fill(&db).unwrap();
        set_meta(&db, "epoch", "first").unwrap();
        db.execute_batch("INSERT INTO invite VALUES(zeroblob(32), 3, 0, 99), (randomblob(32), 1, 1, 98)").unwrap();
        db.pragma_update(None, "user_version", to_sql(steps as u64)).unwrap();
        drop(db);
        let (_store, world) = open(&dir.settings());
        let seen: Vec<_> = world.invites.iter().map(|i| (i.number, i.uses, i.admin, i.by.value(), i.until)).collect();
        assert_eq!((seen, world.invites_ever), (vec![(1, 1, true, 1, 98), (2, 3, false, 1, 99)], 2));
    }

    #[test]
    fn another_programs_file_is_left_alone() {
        let dir = Dir::new();
        let other = Connection::open(dir.file(DATABASE_FILE)).unwrap();
        other.execute_batch("CREATE TABLE recipe(title)").unwrap();
        drop(other);
        assert!(matches!(Store::open(&dir.settings()), Err(StoreError::Broken { .. })));
        std::fs::write(dir.file(DATABASE_FILE), [b'?'; 5000]).unwrap();
        let error = Store::open(&dir.settings()).unwrap_err();
        assert!(matches!(error, StoreError::Broken { .. }), "{error}");
    }

    #[test]
    fn the_epoch_changes_only_after_an_unclean_end_without_full_sync() {
        let dir = Dir::new();
        let normal = StoreSettings { sync: Sync::Normal, ..dir.settings() };
        let epoch_of = |settings: &StoreSettings, clean: bool| {
            let (store, world) = open(settings);
            if clean {
                store.close().unwrap();
            }
            world.epoch
        };
        let first = epoch_of(&dir.settings(), false);
        assert_eq!(first.len(), 16);
        assert_eq!(epoch_of(&normal, true), first);
        assert_eq!(epoch_of(&normal, false), first);
        let second = epoch_of(&dir.settings(), false);
        assert_ne!(second, first);
        assert_eq!(epoch_of(&normal, false), second);
        assert_ne!(epoch_of(&normal, true), second);
    }
}
