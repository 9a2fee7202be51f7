//! What was written is what the next start loads.

use super::*;
use crate::protocol::secrets::Digest;
use crate::server::traffic::{
    AdministrationWrite, AwayRecord, BlockRecord, IgnoredRecord, InviteMadeRecord, PersonalWrite,
};

#[test]
fn nothing_is_kept_of_a_forgotten_room() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let kept = store.load().unwrap();
    let gone = ConversationId::new(4);
    let name = crate::protocol::names::RoomName::parse("attic").unwrap();
    let (kind, reason) = (SanctionKind::Mute, String::new());
    let writes = [
        room(gone, "loft"),
        Write::Made(gone, BOB),
        member(gone, BOB),
        Write::Renamed(gone, name),
        Write::Invited(InvitedRecord { conversation: gone, account: ALICE, by: BOB, until: 99 }),
        Write::Sanction(SanctionRecord { conversation: gone, account: ALICE, kind, by: BOB, until: None, reason }),
        Write::Said(gone, BOB, 9),
        Write::Retain(gone, Some(Duration::from_mins(1))),
        Write::Audit(AuditRecord {
            conversation: Some(gone),
            at: 1,
            by: BOB,
            verb: "rename",
            whom: String::new(),
            reason: "attic".to_owned(),
        }),
        Write::Forgotten(gone),
    ];
    store.begin().unwrap();
    writes.iter().for_each(|write| store.write(write).unwrap());
    store.rollback().unwrap();
    assert_eq!(store.load().unwrap(), kept);
    store.begin().unwrap();
    writes.iter().for_each(|write| store.write(write).unwrap());
    store.commit().unwrap();
    let audited: i64 = store.db.query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).unwrap();
    assert_eq!(audited, 0);
    drop(store);
    let (_store, world) = open(&dir.settings());
    assert_eq!(world, Snapshot { conversations_ever: gone.value(), ..kept });
}

#[test]
fn what_an_account_said_about_itself_and_whom_it_ignored_is_gone_with_it() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let server = AccountId::new(1);
    let away = |account| PersonalWrite::Away(AwayRecord { account, since: 1, text: "lunch".to_owned() });
    let ignored = |account, other| IgnoredRecord { account, other, since: 7 };
    let made = |number, by| InviteMadeRecord { number, by, at: number };
    let block = BlockRecord {
        network: crate::protocol::network::Network::parse("203.0.113.0/24").unwrap(),
        until: None,
        by: BOB,
        reason: "scans".to_owned(),
    };
    let personal = [
        away(ALICE),
        away(BOB),
        PersonalWrite::Profile(ALICE, "me".to_owned()),
        PersonalWrite::Profile(BOB, "me, too".to_owned()),
        PersonalWrite::Ignored(ignored(ALICE, server)),
        PersonalWrite::Ignored(ignored(ALICE, BOB)),
        PersonalWrite::Ignored(ignored(BOB, ALICE)),
    ];
    let mut writes: Vec<Write> = personal.into_iter().map(Write::Personal).collect();
    writes.extend([
        Write::InviteMade(made(1, ALICE)),
        Write::InviteMade(made(2, ALICE)),
        Write::InviteMade(made(3, BOB)),
        Write::InvitesMadeGone { through: 1 },
        Write::Administration(AdministrationWrite::Blocked(block.clone())),
        Write::Unregistered { account: BOB, all: false },
    ]);
    store.begin().unwrap();
    writes.iter().for_each(|write| store.write(write).unwrap());
    store.commit().unwrap();
    drop(store);
    let (_store, world) = open(&dir.settings());
    assert_eq!(world.away.iter().map(|away| away.account).collect::<Vec<_>>(), [ALICE]);
    assert_eq!(world.profiles, [(ALICE, "me".to_owned())]);
    assert_eq!(world.ignored, [ignored(ALICE, server)]);
    assert_eq!(world.invites_made, [made(2, ALICE)]);
    assert_eq!(world.blocks, [block], "what it did as an administrator stays");
}

#[test]
fn what_was_written_is_loaded() {
    let dir = Dir::new();
    let mut store = peopled(&dir.settings());
    let (carol, token, code) = (AccountId::new(7), Digest::of("t1"), Digest::of("i1"));
    let record = AccountRecord {
        id: carol,
        name: crate::protocol::names::UserName::parse("Carol").unwrap(),
        hash: Some("old".into()),
        generation: 0,
        admin: true,
        at: 77,
    };
    let label = TokenRecord { digest: token, account: carol, label: "phone".to_owned(), at: 78 };
    let note = "for the team".to_owned();
    let invite = InviteRecord { number: 1, digest: code, uses: 2, admin: false, until: 99, by: BOB, note };
    let owner = MemberRecord { conversation: OPS, account: carol, role: Role::Owner, read: id(3) };
    let invited = InvitedRecord { conversation: OPS, account: carol, by: BOB, until: 99 };
    let name = |name| crate::protocol::names::RoomName::parse(name).unwrap();
    let ban = SanctionRecord {
        conversation: OPS,
        account: BOB,
        kind: SanctionKind::Ban,
        by: carol,
        until: None,
        reason: "spam".to_owned(),
    };
    let mute = SanctionRecord { kind: SanctionKind::Mute, until: Some(88), reason: String::new(), ..ban.clone() };
    let Write::Conversation(closed) = room(ConversationId::new(4), "closed") else { panic!() };
    let mut writes = vec![
        Write::Account(record.clone()),
        Write::Password { account: carol, generation: 1, hash: "new".into() },
        Write::Token(label.clone()),
        Write::Token(TokenRecord { digest: Digest::of("t2"), label: "desk".to_owned(), ..label.clone() }),
        Write::TokenGone(Digest::of("t2")),
        Write::Invite(invite.clone()),
        Write::InviteUsed(code),
        Write::Invite(InviteRecord { number: 2, digest: Digest::of("i2"), uses: 1, ..invite.clone() }),
        Write::InviteUsed(Digest::of("i2")),
        Write::Topic(OPS, "deploys".to_owned()),
        Write::Renamed(OPS, name("dev")),
        Write::Renamed(OPS, name("engine")),
        Write::Renamed(OPS, name("ops")),
        Write::Private(OPS, false),
        Write::Private(OPS, true),
        Write::Said(OPS, ALICE, 7),
        Write::Slow(OPS, Some(Duration::from_secs(30))),
        Write::Said(OPS, BOB, 8),
        Write::Said(OPS, BOB, 9),
        Write::Sanction(SanctionRecord { until: Some(99), ..ban.clone() }),
        Write::Sanction(ban.clone()),
        Write::Sanction(mute.clone()),
        Write::Sanction(SanctionRecord { account: ALICE, ..mute.clone() }),
        Write::SanctionGone(OPS, ALICE, SanctionKind::Mute),
        Write::Conversation(closed.clone()),
        Write::Closed(closed.id),
        Write::Member(owner),
        Write::Read(OPS, carol, id(5)),
        Write::Read(OPS, carol, id(4)),
        Write::Role(OPS, carol, Role::Member),
        Write::Role(OPS, carol, Role::Owner),
        Write::Role(OPS, ALICE, Role::Moderator),
        Write::MemberGone(OPS, BOB),
        Write::Invited(InvitedRecord { by: ALICE, ..invited }),
        Write::Invited(invited),
        Write::Invited(InvitedRecord { account: ALICE, ..invited }),
        Write::InvitedGone(OPS, ALICE),
        Write::Known(carol, AddressGroup::Console),
        Write::Known(carol, AddressGroup::V6([1; 8])),
    ];
    writes.extend((0..16).map(|n| Write::Known(carol, AddressGroup::V4([n; 4]))));
    writes.push(Write::Known(carol, AddressGroup::V6([1; 8])));
    store.begin().unwrap();
    writes.iter().for_each(|write| store.write(write).unwrap());
    store.commit().unwrap();
    drop(store);

    let (_store, world) = open(&dir.settings());
    let account = world.accounts.iter().find(|a| a.id == carol).unwrap();
    assert_eq!(account, &AccountRecord { hash: Some("new".into()), generation: 1, ..record });
    assert_eq!(world.tokens, [label]);
    assert_eq!((world.invites, world.invites_ever), (vec![InviteRecord { uses: 1, ..invite }], 2));
    assert!(world.members.contains(&MemberRecord { read: id(5), ..owner }));
    let moderator = MemberRecord { conversation: OPS, account: ALICE, role: Role::Moderator, read: id(0) };
    assert!(world.members.contains(&moderator));
    assert!(!world.members.iter().any(|m| (m.conversation, m.account) == (OPS, BOB)));
    assert_eq!(world.invited, [invited]);
    assert_eq!(world.sanctions, [ban, mute]);
    assert_eq!(world.said, [(OPS, BOB, 9)]);
    assert_eq!(world.former_names, [(name("dev"), OPS), (name("engine"), OPS)]);
    assert!(matches!(&world.conversations[3].kind, ConversationKind::Room { closed: true, .. }));
    let kinds: Vec<_> = world.conversations.iter().map(|c| (c.id, format!("{:?}", c.kind))).collect();
    assert_eq!(
        kinds[1],
        (OPS, r#"Room { name: #ops, private: true, topic: "deploys", slow: Some(30s), closed: false }"#.to_owned())
    );
    assert_eq!(kinds[2], (PAIR, "Pair(AccountId(2), AccountId(3))".to_owned()));
    let known: Vec<_> = world.known.iter().map(|(_, address)| *address).collect();
    let mut wanted: Vec<_> = (1..16).map(|n| AddressGroup::V4([n; 4])).collect();
    wanted.push(AddressGroup::V6([1; 8]));
    assert_eq!(known, wanted);
}
