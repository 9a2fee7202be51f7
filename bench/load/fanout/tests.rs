//! What a run must notice: lost, repeated and misplaced lines, and refusals.

use super::*;

/// Two rooms of two, one sender in each, who has sent three lines.
fn fanout() -> Fanout {
    Fanout {
        protocol: Protocol::Chitchat,
        manner: Manner::Bare,
        members: 2,
        senders: 1,
        readers: 4,
        bytes: 64,
        rooms: vec!["a".to_owned(), "b".to_owned()],
        sent: vec![3, 3],
        expected: vec![0; 4],
        refill: false,
        deliveries: 0,
        histogram: Histogram::default(),
        lag: Histogram::default(),
        awake: false,
        slow_ended: 0,
        told: String::new(),
    }
}

#[test]
fn a_lost_repeated_or_misplaced_line_is_noticed() {
    let line = |sender, serial| Stamp { sender, serial, due: 0 };
    let mut out = Outbox::default();
    let mut hear = |fanout: &mut Fanout, conn, room: &[u8], stamp| fanout.said(conn, room, stamp, 1, &mut out).is_ok();
    let mut right = fanout();
    assert!((0..3).all(|serial| hear(&mut right, 1, b"a", line(0, serial))));
    assert_eq!(right.missing(), 3);
    assert!((0..3).all(|serial| hear(&mut right, 3, b"b", line(1, serial))));
    assert_eq!((right.missing(), right.deliveries), (0, 6));
    assert!(!hear(&mut right, 1, b"a", line(0, 2)), "doubled");
    assert!(!hear(&mut fanout(), 1, b"a", line(0, 1)), "lost");
    assert!(!hear(&mut fanout(), 3, b"b", line(0, 0)), "another room's sender");
    assert!(!hear(&mut fanout(), 1, b"b", line(0, 0)), "another room's name");
}

#[test]
fn a_refusal_is_noticed_with_and_without_acknowledgements() {
    for manner in [Manner::Bare, Manner::Acknowledged] {
        let mut talk = Fanout { manner, refill: true, ..fanout() };
        let mut out = Outbox::default();
        assert!(talk.line(0, b"@id=1 + 1", 1, &mut out).is_ok());
        let refused = talk.line(0, b"- no-room: you talk in no room just now.", 1, &mut out);
        assert!(matches!(refused, Err(Fault::Refused { conn: 0, .. })));
        assert_eq!(talk.sent, [3, 3], "only a delivery makes a sender go on");
    }
}
