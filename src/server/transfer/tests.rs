//! What is exported and imported is the same room, but for its ids.

use super::parse::Parser;
use super::*;
use crate::protocol::names::{RoomName, UserName};
use crate::server::core::State;
use crate::server::store::{Store, StoreSettings, Sync, UpgradeCopy};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;
use tempfile::TempDir;

const HEAD: &str = r#"{"type":"export","version":1,"of":"room","at":"2026-11-01T12:30:00.000Z"}
{"type":"room","name":"ops","private":true,"topic":"the \"pumps\""}
"#;

fn settings(dir: &TempDir) -> StoreSettings {
    StoreSettings { data: dir.path().to_owned(), sync: Sync::Full, keep: true, upgrade_copy: UpgradeCopy::Keep }
}

/// A new server's data.
fn new_data() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    Store::open(&settings(&dir)).unwrap().0.close().unwrap();
    dir
}

fn file(dir: &TempDir, text: &str) -> std::path::PathBuf {
    let path = dir.path().join("import.jsonl");
    std::fs::write(&path, text).unwrap();
    path
}

/// The lines of a room's export, the first of which says when it was made.
fn exported(data: &Path, room: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("export.jsonl");
    export(data, &What::Room(RoomName::parse(room).unwrap()), Form::Json, Some(&to)).unwrap();
    std::fs::read_to_string(to).unwrap().lines().skip(1).map(str::to_owned).collect()
}

/// A message, numbered from 1, in one of its forms, behind one by that author.
fn message(n: usize, before: usize, (author, form, text): (usize, usize, String)) -> String {
    let [author, before] = [author, before].map(|author| ["alice", "Bob", "carol", "server"][author]);
    let rest = match form {
        0 => r#","me":true"#.to_owned(),
        1 if n > 1 => format!(r#","re":{{"id":{},"author":"{before}"}}"#, (n - 1) * 10),
        2 => r#","edited":true"#.to_owned(),
        3 => r#","removed":true"#.to_owned(),
        4 => r#","mentions":["carol","@room"]"#.to_owned(),
        5 => r#","reactions":[{"word":"+1","by":["alice","Bob"]},{"word":"no","by":["carol"]}]"#.to_owned(),
        6 if n < 20 => r#","pinned":true"#.to_owned(),
        _ => String::new(),
    };
    let (id, text) = (n * 10, serde_json::to_string(&text).unwrap());
    format!(
        r#"{{"type":"message","id":{id},"at":"2026-11-01T12:30:00.0{:02}Z","author":"{author}"{rest},"text":{text}}}"#,
        n % 100
    )
}

/// Its ids as a new room gives them.
fn renumbered(line: &str) -> String {
    let mut line = line.to_owned();
    for key in ["\"id\":", "\"re\":{\"id\":"] {
        let Some(at) = line.find(key) else { continue };
        let start = at + key.len();
        let end = line[start..].find(',').map_or(line.len(), |end| start + end);
        if let Ok(id) = line[start..end].parse::<usize>() {
            line.replace_range(start..end, &(id / 10).to_string());
        }
    }
    line
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_imported_is_exported_again_but_for_the_ids(
        said in prop::collection::vec((0..4usize, 0..9usize, "[a-zA-Z\"\\\\ü ]{1,20}x"), 0..40),
    ) {
        let (mut text, mut before) = (HEAD.to_owned(), 0);
        for (n, one) in said.into_iter().enumerate() {
            let author = one.0;
            writeln!(text, "{}", message(n + 1, before, one)).unwrap();
            before = author;
        }
        let first = new_data();
        let imported = import(first.path(), Some(&file(&first, &text)), None).unwrap();
        let once = exported(first.path(), "ops");
        let expected: Vec<String> = text.lines().skip(1).map(renumbered).collect();
        prop_assert_eq!(imported.messages as usize, expected.len() - 1);
        prop_assert_eq!(&once, &expected);
        // Again, beside it.
        let again = format!("{}\n{}\n", HEAD.lines().next().unwrap(), once.join("\n"));
        import(first.path(), Some(&file(&first, &again)), Some(RoomName::parse("twin").unwrap())).unwrap();
        let twin = exported(first.path(), "twin");
        prop_assert_eq!(&twin[1..], &once[1..]);
        // All of it is a state that a server starts with.
        let (store, snapshot) = Store::open(&settings(&first)).unwrap();
        let state = State::new(snapshot);
        let ops = state.find_room(&RoomName::parse("ops").unwrap()).unwrap();
        prop_assert_eq!(state.conversation(ops).unwrap().last().value(), imported.messages);
        if imported.messages > 0 {
            let bob = ["alice", "bob", "carol"].map(|name| state.anyone(&UserName::parse(name).unwrap()));
            prop_assert!(bob.iter().flatten().all(|&id| state.is_unregistered(id)));
        }
        store.close().unwrap();
    }

    #[test]
    fn any_line_is_read_or_refused(lines in prop::collection::vec(any::<String>(), 0..4), head in 0..3usize) {
        let mut parser = Parser::new(0);
        let known = HEAD.lines().take(head).map(str::to_owned);
        for line in known.chain(lines) {
            if let Err(why) = parser.line(&line) {
                prop_assert!(!why.is_empty());
                break;
            }
        }
    }
}

#[test]
fn a_file_with_a_mistake_or_a_room_that_is_there_changes_nothing() {
    let dir = new_data();
    let before = Store::open(&settings(&dir)).unwrap();
    let snapshot = before.1;
    before.0.close().unwrap();
    let good = message(1, 0, (0, 9, "hello".to_owned()));
    let bad = good.replace("hello", "a\\u001bb");
    let answer = |author| good.replace(":10,", &format!(":20,\"re\":{{\"id\":10,\"author\":\"{author}\"}},"));
    let future = good.replace("2026-11-01T12:30:00.001Z", "9999-01-01T00:00:00.000Z");
    // A good line behind so many blanks that its beginning alone is one, too, as is what follows.
    let next = good.replace(":10,", ":20,");
    let long = format!("{next}{}{}", " ".repeat((1 << 20) - next.len()), next.replace(":20,", ":30,"));
    let whole = |lines: &[&str]| format!("{HEAD}{}\n", lines.join("\n"));
    for (text, reason) in [
        (whole(&[&good, &bad.replace(":10,", ":20,")]), "import.jsonl:4: its text can't be used"),
        (whole(&[&good, &good]), "import.jsonl:4: the id 10 is not above"),
        (whole(&[&good[..20]]), "import.jsonl:3: it is no line of an export"),
        (whole(&[&good, &answer("carol")]), "import.jsonl:4: it answers the message 10, which is not by carol"),
        (whole(&[&future]), "import.jsonl:3: \"9999-01-01T00:00:00.000Z\" is later than now"),
        (whole(&[&good, &long]), "import.jsonl:4: it is longer than 1048576 bytes"),
        (whole(&[&long, &good]), "import.jsonl:3: it is longer than 1048576 bytes"),
        (HEAD.lines().next().unwrap().to_owned(), "import.jsonl:2: the file ends here"),
        (String::new(), "import.jsonl:1: the file ends here"),
        (HEAD.replace("ops", "lobby"), "there is a room lobby already"),
        (whole(&["\u{0}"]), "import.jsonl:3: "),
    ] {
        let error = import(dir.path(), Some(&file(&dir, &text)), None).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason}: {error}");
        let (store, after) = Store::open(&settings(&dir)).unwrap();
        assert_eq!(after, snapshot, "{reason}");
        store.close().unwrap();
    }
    // A server that runs holds the directory.
    let (store, _) = Store::open(&settings(&dir)).unwrap();
    let error = import(dir.path(), Some(&file(&dir, HEAD)), None).unwrap_err().to_string();
    assert!(error.contains("another chitchatd is running"), "{error}");
    store.close().unwrap();
    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(import(nowhere.path(), None, None), Err(TransferError::NothingToImportInto { .. })));
    assert!(!nowhere.path().join("chitchat.db").exists());
}
