//! What a client can ask for after a crash, besides the history: keys, searches, read markers; and what the
//! files hold.

use crate::actors::{Account, Posted};
use crate::check::Snapshot;
use crate::people::People;
use crate::random::Random;
use crate::support::Server;
use crate::text::Text;
use crate::wire::{Line, Link, Row};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// Keys that are repeated after each crash, and words that are searched for.
const SAMPLES: usize = 3;

/// A `/post` that was answered up to this stamp is answered with the same id again, and its key takes no other text.
///
/// # Errors
/// Another answer.
pub(crate) fn keys(people: &People, server: &Server, until: u64, random: &mut Random) -> Result<(), String> {
    for writer in &people.writers {
        let posted: Vec<_> = writer.posted.iter().filter(|posted| posted.at <= until).collect();
        let mut link = log_in(server, &writer.account)?;
        for _ in 0..SAMPLES.min(posted.len()) {
            let Posted { command, id, .. } = random.one(&posted);
            let again = link.ask(command)?;
            if !matches!(&again, Line::Done(_, text) if *text == id.to_string()) {
                return Err(format!("/{command} was answered + {id}, and now {again:?}"));
            }
            let other = link.ask(&format!("{command} or not"))?;
            if !matches!(&other, Line::Refused(_, text) if text.starts_with("conflict: ")) {
                return Err(format!("another text under the key of /{command} was answered {other:?}"));
            }
        }
    }
    Ok(())
}

/// A search for a word that only one message has finds that message, and one for a word that is gone nothing.
///
/// # Errors
/// What it finds instead.
pub(crate) fn searches(
    people: &People,
    server: &Server,
    now: &Snapshot,
    gone: &[String],
    random: &mut Random,
) -> Result<(), String> {
    let account = people.reader();
    let mut link = log_in(server, account)?;
    let mine = ["lobby", "ops"].map(|room| &now.places[room].rows);
    let said: Vec<&Row> = mine.into_iter().flatten().filter(|row| !row.said.removed).collect();
    for _ in 0..SAMPLES.min(said.len()) {
        let row = random.one(&said);
        let token = Text::parse(&row.said.text).ok_or("no text of ours")?.token();
        let (rows, _) = link.rows(&format!("search {token}"))?;
        let found: Vec<_> = rows.iter().filter_map(|found| Row::parse(&account.name, found)).collect();
        if found.len() != 1 || found[0].said != row.said {
            return Err(format!("a search for {token} of {:?} found {rows:?}", row.said));
        }
    }
    for _ in 0..SAMPLES.min(gone.len()) {
        let token = random.one(gone);
        let (rows, _) = link.rows(&format!("search {token}"))?;
        if !rows.is_empty() {
            return Err(format!("{token} is gone, but a search found {rows:?}"));
        }
    }
    Ok(())
}

/// SQLite finds both files sound; its check of the index includes that of FTS5.
///
/// # Errors
/// What it finds instead.
pub(crate) fn integrity(data: &Path) -> Result<(), String> {
    for name in ["chitchat.db", "index.db"] {
        let checked = (|| {
            let db = Connection::open_with_flags(data.join(name), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            db.busy_timeout(std::time::Duration::from_secs(5))?;
            db.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
        })();
        match checked {
            Ok(result) if result == "ok" => {}
            other => return Err(format!("{name}: {other:?}")),
        }
    }
    Ok(())
}

fn log_in(server: &Server, account: &Account) -> Result<Link, String> {
    Ok(Link::log_in(server.plain(), account)?.0)
}
