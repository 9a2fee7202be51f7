//! Kills while a database of an earlier version is migrated: afterwards it is the old one or the new one, and
//! never anything between.

use crate::random::Random;
use crate::support::Server;
use chitchat::server::battery::{SCHEMAS, create_database};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Kills of each schema's migration at random instants.
const RANDOM: usize = 3;

/// Everything in a database: the rows of each table.
type Dump = BTreeMap<String, Vec<String>>;

/// Of a copy: what SQLite does to it when it opens it is left to the server.
fn dump(data: &Path) -> Dump {
    dump_of(data, "chitchat.db")
}

/// The database as it was before its migration, if there is one in the directory.
fn before_migration(data: &Path) -> Option<Dump> {
    let name = format!("chitchat.db.before-{SCHEMAS}");
    let mut copy = data.join(&name).exists().then(|| dump_of(data, &name))?;
    // Whoever goes back to it begins another history.
    let mark =
        copy.get_mut("meta").map(|rows| rows.iter().position(|row| row.contains("unclean")).map(|n| rows.remove(n)));
    assert!(mark.flatten().is_some(), "it is not marked: {:?}", copy["meta"]);
    Some(copy)
}

fn dump_of(data: &Path, database: &str) -> Dump {
    let aside = tempfile::tempdir().unwrap();
    for end in ["", "-wal", "-journal"] {
        let from = data.join(format!("{database}{end}"));
        if from.exists() {
            fs::copy(from, aside.path().join(format!("chitchat.db{end}"))).unwrap();
        }
    }
    let db = Connection::open(aside.path().join("chitchat.db")).unwrap();
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let list = |sql: &str| {
        let mut statement = db.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let values: rusqlite::Result<Vec<rusqlite::types::Value>> =
                (0..columns).map(|column| row.get(column)).collect();
            Ok(format!("{:?}", values?))
        });
        let mut rows: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
        rows.sort();
        rows
    };
    let mut dump = Dump::new();
    let mut names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    for name in names.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap) {
        // Invitations from before are good for 30 days from the migration on.
        let columns = if name == "invited" { "conversation, account, by" } else { "*" };
        dump.insert(name.clone(), list(&format!("SELECT {columns} FROM {name}")));
    }
    dump.insert("schema".to_owned(), list("SELECT sql FROM sqlite_schema"));
    dump.insert("version".to_owned(), list("PRAGMA user_version"));
    dump
}

fn same(one: &Dump, other: &Dump, schema: usize) {
    for (table, rows) in other {
        assert_eq!(one.get(table), Some(rows), "{table}, migrated from schema {schema}");
    }
    assert_eq!(one.len(), other.len());
}

/// A server that is not started, on a copy of this database; none is none at all.
fn on(database: Option<&Path>) -> Server {
    let server = Server::not_started(&[]);
    if let Some(file) = database {
        fs::copy(file, server.data().join("chitchat.db")).unwrap();
    }
    server
}

/// Starts it so that it is killed at this point.
fn killed_at(server: &mut Server, point: &str) {
    server.set_variable("CHITCHAT_KILL_AT", point);
    let failure = server.try_restart().expect_err("it comes to the point before it listens");
    assert_eq!(failure.status.signal(), Some(9), "{point}: {}", failure.said);
    server.clear_variable("CHITCHAT_KILL_AT");
}

/// What the migration makes of it if nothing happens, and how long that start takes.
fn migrated(database: &Path) -> (Dump, Duration) {
    let mut server = on(Some(database));
    let began = Instant::now();
    server.restart();
    let took = began.elapsed();
    server.kill();
    (dump(&server.data()), took)
}

/// The server goes on with it.
fn is_of_use(server: &mut Server) {
    server.restart();
    let mut console = server.console();
    console.ask("/join lobby");
    console.ask("/say lobby again");
    let rows = console.ask("/history lobby");
    let texts: Vec<&str> = rows.iter().filter_map(|row| Some(row.split_once(": ")?.1)).collect();
    assert_eq!(texts, ["hello", "hello back", "again"]);
    server.kill();
}

#[test]
fn a_killed_migration_leaves_the_old_database_or_the_new_one() {
    let (mut random, mut olds, mut news) = (Random::new(crate::seed()), 0, 0);
    let aside = tempfile::tempdir().unwrap();
    for schema in 1..SCHEMAS {
        let database = aside.path().join(format!("{schema}.db"));
        create_database(&database, schema).unwrap();
        let mut server = on(Some(&database));
        let (before, (after, start)) = (dump(&server.data()), migrated(&database));
        killed_at(&mut server, "before-migration-commit");
        same(&dump(&server.data()), &before, schema);
        killed_at(&mut server, "after-migration-commit");
        same(&dump(&server.data()), &after, schema);
        same(&before_migration(&server.data()).expect("a copy is kept"), &before, schema);
        is_of_use(&mut server);
        for _ in 0..RANDOM {
            let mut server = on(Some(&database));
            server.start_and_kill(start.mul_f64(random.below(1200) as f64 / 1000.0));
            let now = dump(&server.data());
            let is_old = now["version"] == before["version"];
            same(&now, if is_old { &before } else { &after }, schema);
            *(if is_old { &mut olds } else { &mut news }) += 1;
            // Whole, or not there.
            before_migration(&server.data()).into_iter().for_each(|copy| same(&copy, &before, schema));
            is_of_use(&mut server);
            same(&before_migration(&server.data()).expect("a copy is kept"), &before, schema);
            assert!(!server.data().join("chitchat.db.before-new").exists());
        }
    }
    println!("migrations of {} schemas, killed at random: {olds} left the old one, {news} the new one", SCHEMAS - 1);
}

#[test]
fn a_killed_first_start_leaves_nothing_or_a_whole_database() {
    let mut server = on(None);
    killed_at(&mut server, "before-migration-commit");
    assert_eq!(dump(&server.data())["schema"], [""; 0]);
    killed_at(&mut server, "after-migration-commit");
    let made = dump(&server.data());
    server.restart();
    server.connect().register("alice");
    server.kill();
    let used = dump(&server.data());
    assert_eq!((&used["schema"], &used["version"]), (&made["schema"], &made["version"]));
    assert_eq!(used["account"].len(), made["account"].len() + 1);
}
