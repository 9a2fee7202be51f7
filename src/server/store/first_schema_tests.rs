//! A database of the first schema, with pages of 4 KiB and something of everything in it: all of it is
//! found after its migration, and can be changed.

use super::db::schema::create_released;
use super::db::{DATABASE_FILE, connect_writer};
use super::test_support::{
    ALICE, BOB, Dir, LOBBY, OPS, PAIR, ask, draft, hearer, history, id, open, readers, say, search, unread,
};
use crate::protocol::names::{AddressGroup, MessageId, Text};
use crate::protocol::roles::Role;
use crate::server::traffic::{Appended, ChangeKind, ChangeRecord, ConversationKind, Draft, Read, Write};

/// A database as the version of the first schema left it.
fn write(dir: &Dir) {
    create_released(&connect_writer(&dir.file(DATABASE_FILE), 4_096).unwrap(), 1).unwrap();
}

#[test]
fn all_of_it_is_found() {
    let dir = Dir::new();
    write(&dir);
    let (mut store, world) = open(&dir.settings());
    assert_eq!(world.epoch, "first");
    let people: Vec<_> = world.accounts[1..].iter().map(|one| (one.name.as_str(), one.generation, one.admin)).collect();
    assert_eq!(people, [("Alice", 3, true), ("bob", 0, false)]);
    assert_eq!(world.accounts[2].hash.as_deref(), Some("hash b"));
    assert_eq!((world.tokens[0].account, world.tokens[0].label.as_str(), world.tokens[0].at), (ALICE, "laptop", 70));
    assert_eq!((world.invites[0].uses, world.invites[0].until), (5, 80));
    let lasts: Vec<u64> = world.conversations.iter().map(|one| one.last.value()).collect();
    assert_eq!(lasts, [2, 2, 1]);
    assert!(
        matches!(&world.conversations[1].kind, ConversationKind::Room { private: true, topic, slow: None, closed: false, .. } if topic == "deploys")
    );
    assert_eq!(world.conversations[2].kind, ConversationKind::Pair(ALICE, BOB));
    let roles: Vec<_> =
        world.members.iter().map(|one| (one.conversation, one.account, one.role, one.read.value())).collect();
    let member = Role::Member;
    let wanted = [
        (LOBBY, ALICE, member, 1),
        (LOBBY, BOB, member, 0),
        (OPS, ALICE, Role::Owner, 2),
        (PAIR, ALICE, member, 0),
        (PAIR, BOB, member, 1),
    ];
    assert_eq!(roles, wanted);
    let [invited] = world.invited[..] else { panic!("{:?}", world.invited) };
    assert_eq!((invited.conversation, invited.account, invited.by), (OPS, BOB, ALICE));
    assert_eq!(world.known, [(ALICE, AddressGroup::V4([192, 0, 2, 1])), (ALICE, AddressGroup::Console)]);

    let (mut indexer, mut reader) = readers(&dir.settings());
    for _ in 0..2 {
        assert_eq!(
            ask(&mut reader, history(LOBBY, None, None, 9)),
            ["| lobby 1 Alice: hello", "| lobby 2 bob: hello back", "+ 2 messages"]
        );
        assert_eq!(ask(&mut reader, history(PAIR, None, None, 9)), ["| @bob 1 bob: psst", "+ 1 message"]);
        assert_eq!(ask(&mut reader, search(&[LOBBY, OPS, PAIR], "hello")).len(), 3);
        let conversations = vec![unread(LOBBY, 2, 1), unread(OPS, 2, 2), unread(PAIR, 1, 0)];
        let rows = ask(&mut reader, Read::Conversations { hearer: hearer(ALICE, &[]), conversations });
        assert_eq!(rows[..3], ["| lobby 2 1 1 0 0", "| ops 2 2 0 0 0", "| @bob 1 0 1 0 0"]);
        while indexer.step(9).unwrap() > 0 {}
    }
    store.begin().unwrap();
    let mut post = |text| store.append(&Draft { key: Some("k".into()), ..draft(PAIR, BOB, text) }).unwrap();
    assert_eq!((post("psst"), post("pst")), (Appended::Again(id(1)), Appended::Conflict));
    store.rollback().unwrap();
}

#[test]
fn it_is_changed_like_any_other() {
    let dir = Dir::new();
    write(&dir);
    let (mut store, _) = open(&dir.settings());
    let (mut indexer, mut reader) = readers(&dir.settings());
    assert_eq!(say(&mut store, LOBBY, BOB, &["three"]), 3);
    let edit = ChangeKind::Edit { text: Text::parse("mended").unwrap().unwrap(), mentions: Box::default() };
    let change = |number, at_id, kind| {
        let (at, by) = (1_700_000_000_000, ALICE);
        Write::Change(ChangeRecord { conversation: LOBBY, number, at, by, id: id(at_id), kind })
    };
    store.begin().unwrap();
    store.write(&change(1, 1, edit)).unwrap();
    store.write(&change(2, 2, ChangeKind::Redact(None))).unwrap();
    store.write(&Write::Dropped(OPS, id(1))).unwrap();
    store.commit().unwrap();
    while indexer.step(9).unwrap() > 0 {}
    drop((store, reader));
    let (store, world) = open(&dir.settings());
    assert_eq!((world.conversations[0].last, world.conversations[0].changes), (id(3), 2));
    reader = readers(&dir.settings()).1;
    let rows =
        ["| lobby 1 Alice (edited): mended", "| lobby 2 bob (removed): ", "| lobby 3 bob: three", "+ 3 messages"];
    assert_eq!(ask(&mut reader, history(LOBBY, None, None, 9)), rows);
    assert_eq!(ask(&mut reader, history(OPS, None, None, 9)), ["| ops 2 Alice: down", "+ 1 message"]);
    assert_eq!(ask(&mut reader, search(&[LOBBY], "hello")), ["+ 0 messages"]);
    assert_eq!(world.retentions[0].dropped, MessageId::new(1).unwrap());
    drop(store);
}
