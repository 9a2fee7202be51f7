//! A database of each release, `tests/fixtures/releases/VERSION.sql`: a server that is started on it finds each thing as
//! it was. What its own version answered is beside it in `VERSION.txt`.
//!
//! `UPDATE_RELEASES=1 cargo test --test integration releases` makes both for the present version: a server is told some of
//! everything, is asked about it, and its database is written down as SQL. Those of earlier versions are never made again.

use crate::support::client::untagged;
use crate::support::{Client, PASSWORD, Server};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// When what ends by itself ends in a fixture, in milliseconds: in 2100.
const FAR: i64 = 4_102_444_800_000;

/// What begins a line of a fixture that has a secret for a test.
const SECRET: &str = "-- secret: ";

/// Who asks, and what: programs, whose rows don't change with the version. A fixture has its own questions in its answers.
const QUESTIONS: [(&str, &[&str]); 4] = [
    (
        "alice",
        &[
            "/rooms",
            "/conversations",
            "/who ops",
            "/history lobby limit=50",
            "/history ops limit=50",
            "/history @bob limit=50",
            "/pins ops",
            "/changes ops",
            "/changes lobby",
            "/bans ops",
            "/audit",
            "/audit ops",
            "/search deploy",
            "/search from=bob in=ops",
            "/mentions",
            "/accounts",
            "/invites",
            "/blocks",
            "/token list",
        ],
    ),
    ("bob", &["/conversations", "/history @alice limit=50", "/profile alice", "/mentions"]),
    ("carol", &["/conversations", "/history lobby limit=50", "/invitations", "/profile bob", "/ignored"]),
    ("dave", &["/conversations", "/invitations", "/search winter"]),
];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/releases")
}

/// A program's connection.
fn program(server: &Server, login: &str) -> Client {
    let mut client = server.connect();
    client.ask("/set tags on");
    let answer = client.ask(login);
    assert!(untagged(answer.last().unwrap()).starts_with("+ welcome "), "{login}: {answer:?}");
    client
}

fn log_in(server: &Server, name: &str) -> Client {
    program(server, &format!("/login {name} {PASSWORD}"))
}

/// Does one thing after another; returns the last answer, without its `+ `.
fn does(client: &mut Client, commands: &[&str]) -> String {
    let mut last = String::new();
    for command in commands {
        let answer = client.ask(command).pop().unwrap();
        let done = untagged(&answer).strip_prefix("+ ").unwrap_or_else(|| panic!("{command}: {answer}"));
        done.clone_into(&mut last);
    }
    last
}

/// Some of everything; returns a device token of alice's, an invitation code, and bob's code for a new password.
fn fill(server: &Server) -> Vec<String> {
    let names = ["alice", "bob", "carol", "dave", "eve", "frank", "grace"];
    let mut people: Vec<Client> =
        names.iter().map(|name| program(server, &format!("/register {name} {PASSWORD}"))).collect();
    let [alice, bob, carol, dave, eve, frank, _grace] = &mut people[..] else { unreachable!() };
    does(&mut server.console(), &["/grant alice admin"]);

    does(alice, &["/create ops private", "/topic ops deploys, and what broke", "/create old", "/create gone"]);
    does(alice, &["/say gone never mind", "/rename old new", "/say new winter is over", "/close gone"]);
    for name in ["bob", "carol", "dave"] {
        does(alice, &[&format!("/invite ops {name}")]);
    }
    does(bob, &["/join ops", "/join new"]);
    does(carol, &["/join ops"]);
    does(alice, &["/role ops bob moderator", "/role ops carol moderator", "/role ops carol member"]);
    does(alice, &["/say ops the deploy is at noon, @bob", "/act ops rubs her eyes", "/say ops a typo hree"]);
    does(bob, &["/reply ops 1 which deploy?", "/post ops key-1 build 17: running", "/update ops key-1 build 17: good"]);
    does(carol, &["/say ops something rash", "/say ops something worse"]);
    does(alice, &["/edit ops 3 a typo here", "/react ops 5 👍", "/pin ops 1", "/redact ops 7 too much"]);
    does(carol, &["/redact ops 6", "/react ops 1 👀"]);
    does(bob, &["/react ops 5 👍", "/react ops 5 👍"]);
    does(alice, &["/ban ops carol enough for now", "/mute ops bob", "/unmute ops bob", "/slow ops 30s"]);
    does(alice, &["/create archive", "/retain archive 365d"]);

    does(dave, &["/say lobby hello, all", "/say lobby zażółć gęślą jaźń 日本語 𝄞"]);
    does(eve, &["/say lobby I won't stay"]);
    eve.send("/unregister");
    eve.read_until("…? …");
    eve.send(PASSWORD);
    eve.read_until("…+ …");
    does(frank, &["/say lobby buy my things"]);
    does(alice, &["/say @bob lunch?", "/say @bob or not", "/disable frank spam", "/block 198.51.100.0/24 scans"]);
    does(bob, &["/msg alice yes", "/edit @alice 3 yes!"]);
    does(bob, &["/profile text builds things", "/away until Monday"]);
    does(carol, &["/ignore dave"]);
    let token = does(alice, &["/token new laptop"]);
    let code = does(alice, &["/invitecode uses=3 note=for the team"]);
    let recovery = does(alice, &["/resetpw grace"]);
    let first = |answer: String| answer.split(' ').next().unwrap_or_default().to_owned();
    vec![first(token), first(code), first(recovery)]
}

/// All answers, each below who asked what.
fn survey<'a>(server: &Server, questions: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let (mut all, mut asking) = (String::new(), None::<(&str, Client)>);
    for (name, question) in questions {
        let (whose, client) = asking.get_or_insert_with(|| (name, log_in(server, name)));
        if *whose != name {
            // Whoever is here shows in the answers.
            does(client, &["/quit"]);
            (*whose, *client) = (name, log_in(server, name));
        }
        writeln!(all, "{name} > {question}").unwrap();
        for row in client.ask(question).iter().filter(|line| untagged(line).starts_with("| ")) {
            writeln!(all, "{row}").unwrap();
        }
    }
    all
}

/// Nothing ends while the fixture lies there.
fn end_nothing(data: &Path) {
    let db = Connection::open(data.join("chitchat.db")).unwrap();
    for table in ["invite", "invited", "sanction", "recovery", "block"] {
        db.execute(&format!("UPDATE {table} SET until = {FAR} WHERE until IS NOT NULL"), []).unwrap();
    }
}

/// A database as SQL.
fn dump(data: &Path, secrets: &[String]) -> String {
    let db = Connection::open(data.join("chitchat.db")).unwrap();
    let list = |sql: &str| -> Vec<(String, String)> {
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut out =
        format!("-- A database of chitchatd {}: see tests/integration/releases.rs.\n", env!("CARGO_PKG_VERSION"));
    secrets.iter().for_each(|secret| writeln!(out, "{SECRET}{secret}").unwrap());
    out.push_str("PRAGMA page_size = 1024;\n");
    let tables = list("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'");
    for (_, sql) in &tables {
        writeln!(out, "{sql};").unwrap();
    }
    out.push_str("DELETE FROM sqlite_sequence;\n");
    for table in tables.iter().map(|(name, _)| name.as_str()).chain(["sqlite_sequence"]) {
        let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> = (0..columns).map(|column| literal(row.get_ref(column).unwrap())).collect();
            // What the sequences were is set after what counted them up.
            let verb = if table == "sqlite_sequence" { "REPLACE" } else { "INSERT" };
            writeln!(out, "{verb} INTO {table} VALUES({});", values.join(", ")).unwrap();
        }
        if table == "dropped" || table == "invite" {
            writeln!(out, "DELETE FROM sqlite_sequence WHERE name = '{table}';").unwrap();
        }
    }
    for (_, sql) in list("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL") {
        writeln!(out, "{sql};").unwrap();
    }
    let schema: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    writeln!(out, "PRAGMA user_version = {schema};").unwrap();
    out
}

fn literal(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Blob(bytes) => format!("x'{}'", data_encoding::HEXLOWER.encode(bytes)),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).unwrap().replace('\'', "''");
            // What a text can't hold is written so that it can be seen.
            format!("'{}'", text.replace('\u{1}', "'||char(1)||'")).replace("||''||", "||")
        }
        ValueRef::Real(_) => panic!("no column holds these"),
    }
}

/// Makes the fixture of the present version.
fn make(sql: &Path, answers: &Path) {
    let mut server = Server::with(&["limits.new_account=off"]);
    let secrets = fill(&server);
    server.terminate();
    server.wait();
    end_nothing(&server.data());
    server.restart();
    let questions = QUESTIONS.iter().flat_map(|(name, asked)| asked.iter().map(move |&question| (*name, question)));
    fs::write(answers, survey(&server, questions)).unwrap();
    server.terminate();
    server.wait();
    fs::write(sql, dump(&server.data(), &secrets)).unwrap();
}

#[test]
fn the_database_of_each_release_is_found_as_it_was() {
    let present = directory().join(concat!(env!("CARGO_PKG_VERSION"), ".sql"));
    if std::env::var_os("UPDATE_RELEASES").is_some() {
        make(&present, &present.with_extension("txt"));
    }
    assert!(present.exists(), "this version has no database: see this file's first lines");
    let entries = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    for file in entries.filter(|path| path.extension().is_some_and(|extension| extension == "sql")) {
        let sql = fs::read_to_string(&file).unwrap();
        let mut server = Server::not_started(&["registration=invite"]);
        Connection::open(server.data().join("chitchat.db")).unwrap().execute_batch(&sql).unwrap();
        server.restart();
        let wanted = fs::read_to_string(file.with_extension("txt")).unwrap();
        let found = survey(
            &server,
            wanted.lines().filter(|line| !line.starts_with("| ")).filter_map(|line| line.split_once(" > ")),
        );
        for (found, wanted) in found.lines().zip(wanted.lines()) {
            assert_eq!(found, wanted, "{}", file.display());
        }
        assert_eq!(found.lines().count(), wanted.lines().count(), "{}", file.display());

        // What is no answer to a question.
        let secrets: Vec<&str> = sql.lines().filter_map(|line| line.strip_prefix(SECRET)).collect();
        let [token, code, recovery] = secrets[..] else { panic!("{secrets:?}") };
        let mut alice = program(&server, &format!("/resume {token}"));
        program(&server, &format!("/register heidi invite={code} {PASSWORD}"));
        program(&server, &format!("/recover grace {recovery} a new password"));
        let refused = |login: &str| {
            let mut client = server.connect();
            client.ask(login).pop().unwrap()
        };
        assert!(refused(&format!("/login frank {PASSWORD}")).contains("spam"));
        assert!(refused(&format!("/login eve {PASSWORD}")).starts_with("- "));
        assert!(refused(&format!("/register ivan invite={code} {PASSWORD}")).starts_with("+ welcome ivan"));
        // A key is used once, ever; what was slow, banned or renamed still is.
        let mut bob = log_in(&server, "bob");
        assert!(does(&mut bob, &["/post ops key-1 build 17: running"]).starts_with('5'));
        let mut carol = log_in(&server, "carol");
        assert!(untagged(&carol.ask("/join ops").pop().unwrap()).starts_with("- "), "she is banned");
        assert!(untagged(&carol.ask("/create gone").pop().unwrap()).starts_with("- "), "the name is taken for good");
        let mut dave = log_in(&server, "dave");
        does(&mut dave, &["/join ops", "/say ops one"]);
        let slow = dave.ask("/say ops two").pop().unwrap();
        assert!(untagged(&slow).starts_with("- slow"), "the room is slow: {slow}");
        assert_eq!(does(&mut alice, &["/say lobby we go on"]), "5");
        assert!(untagged(&alice.ask("/say old hello").pop().unwrap()).contains("new"));
        does(&mut alice, &["/edit ops 1 the deploy is at one, @bob"]);
    }
}
