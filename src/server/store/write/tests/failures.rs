//! Transactions that fail: nothing of them is left.

use super::*;

#[test]
fn a_change_to_a_missing_row_fails_its_transaction() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    store.begin().unwrap();
    store.append(&draft(LOBBY, ALICE, "with it")).unwrap();
    store.write(&member(LOBBY, ALICE)).unwrap_err();
    // Nothing more is accepted, since it might be written outside of the transaction.
    assert!(matches!(store.append(&draft(LOBBY, ALICE, "after")), Err(CommitError::Refused(WriteError::Earlier))));
    assert!(matches!(store.commit(), Err(CommitError::Refused(WriteError::Earlier))));
    assert_eq!(say(&mut store, LOBBY, ALICE, &["first"]), 1);
    store.begin().unwrap();
    store.write(&Write::Read(LOBBY, AccountId::new(99), id(1))).unwrap_err();
    store.rollback().unwrap();
    store.begin().unwrap();
    store.write(&account(AccountId::new(99), "ALICE")).unwrap_err();
}

#[test]
fn a_full_disk_refuses_and_leaves_everything_intact() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    say(&mut store, LOBBY, ALICE, &["before"]);
    store.fill_the_disk();
    store.begin().unwrap();
    let long = "x".repeat(4000);
    let error = (0..100).find_map(|_| store.append(&draft(LOBBY, ALICE, &long)).err()).unwrap();
    assert!(
        matches!(&error, CommitError::Refused(WriteError::Database(e))
        if e.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)),
        "{error}"
    );
    assert!(store.append(&draft(LOBBY, ALICE, "after")).is_err());
    assert!(matches!(store.commit(), Err(CommitError::Refused(_))));
    assert_eq!(last(&store.load().unwrap(), LOBBY), 1);
    store.make_room();
    assert_eq!(say(&mut store, LOBBY, ALICE, &[&*long; 100]), 101);
    drop(store);
    let (store, world) = open(&dir.settings());
    assert_eq!((last(&world, LOBBY), last_seq(&store.db).unwrap()), (101, 101));
    let check: String = store.db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn any_other_failed_commit_is_ambiguous() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    store.begin().unwrap();
    // As many as fill a statement: nothing is left to do but the commit itself.
    for _ in 0..8 {
        store.append(&draft(LOBBY, ALICE, "who knows?")).unwrap();
    }
    // Only the commit fails: to roll back would work, and would hide that nobody knows.
    let mut first = true;
    store.db.progress_handler(1, Some(move || std::mem::take(&mut first))).unwrap();
    assert!(matches!(store.commit(), Err(CommitError::Ambiguous(WriteError::Database(_)))));
}

#[test]
fn a_commit_that_violates_a_constraint_is_refused_and_rolled_back() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    store.begin().unwrap();
    store.append(&draft(LOBBY, ALICE, "with it")).unwrap();
    // It is found only at the end.
    store.db.pragma_update(None, "defer_foreign_keys", true).unwrap();
    store.write(&member(ConversationId::new(99), ALICE)).unwrap();
    assert!(matches!(store.commit(), Err(CommitError::Refused(WriteError::Database(_)))));
    assert_eq!(say(&mut store, LOBBY, ALICE, &["first"]), 1);
}

#[test]
fn a_transaction_that_fails_at_its_last_rows_is_rolled_back() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    store.begin().unwrap();
    store.append(&draft(LOBBY, ALICE, "gathered")).unwrap();
    store.db.execute("INSERT INTO message VALUES(1, 1, 1, 1, 1, 'already there')", []).unwrap();
    assert!(matches!(store.commit(), Err(CommitError::Refused(WriteError::Database(_)))));
    assert_eq!(say(&mut store, LOBBY, ALICE, &["first"]), 1);
    assert_eq!(last_seq(&store.db).unwrap(), 1);
}
