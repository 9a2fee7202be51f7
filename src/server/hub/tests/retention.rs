//! How long a room keeps what is said, as its members see it.

use super::super::sweep::{Backlog, GRACE};
use super::super::{Hub, Now};
use super::chat::{Chat, PASSWORD, settings};
use super::model::Model;
use crate::protocol::code::Code;
use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::server::core::{NotStored, Storage};
use crate::server::traffic::{
    Appended, Draft, Expiry, HubSettings, KeepLimits, MessageRecord, Oldest, Pins, Reaction, Reactions, Rest, SaidBy,
    Surplus, Write,
};
use std::time::Duration;

fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

#[test]
fn what_is_older_goes_after_a_grace_and_then_by_the_minute() {
    let mut chat = Chat::of(&["alice", "bob"]);
    chat.plays(
        "
        alice> /create ops
        alice< + ops created; you own it. /switch ops to talk there.
        bob> /join ops
        alice< [ops] * bob joined
        bob< + ops - 2 members, 2 here. Type to talk.
        bob> /post ops key one
        bob< + 1
        alice< [ops] bob: one
        bob> /react ops 1 +1
        alice< [ops] * bob reacted to 1: 1 +1
        bob< + change=1
        bob> two
        alice< [ops] bob: two
        bob> /retain ops 2h
        bob< - not-allowed: only an owner of ops can do that. /who ops shows who is one.
        alice> /retain ops 59m
        alice< - bad-argument: A room keeps what is said for at least 1h. Use: /retain [ROOM] TIME or off
        bob> /set tags on
        bob< + tags on epoch=E protocol=1
        alice> /retain ops 2h
        bob< @ev=retain;who=alice;set=2h [ops] * alice set this room to keep what is said for 2 hours
        alice< + ops keeps what is said for 2 hours. What is older goes for good, 10 minutes from now; until then /retain ops off stops it.
        ",
    );
    chat.wait(Duration::from_mins(119));
    chat.does("alice", "/say ops three");
    chat.plays(
        "
        alice> /history ops
        alice< | ops 1 bob (1 +1): one
        alice< | ops 2 bob: two
        alice< | ops 3 alice: three
        alice< + 3 messages
        ",
    );
    // Looked at once a minute.
    chat.wait(Duration::from_secs(61));
    chat.plays(
        "
        alice> /history ops
        alice< | ops 3 alice: three
        alice< + 1 message, oldest=3
        alice> /reply ops 2 really
        alice< - no-such-message: message 2 is gone.
        alice> /edit ops 1 x
        alice< - no-such-message: message 1 is gone.
        alice> /redact ops 1
        alice< - no-such-message: message 1 is gone.
        alice> /pin ops 1
        alice< - no-such-message: message 1 is gone.
        bob> /react ops 1 +1
        bob< - no-such-message: message 1 is gone.
        bob> /changes ops
        bob< | ops 1 bob react 1
        bob< + 1 change
        bob> /conversations
        bob< | lobby 0 0 0 0 0
        bob< | ops 3 0 1 0 1
        bob< + 2 conversations
        bob> /post ops key anew
        bob< + 4
        alice< [ops] bob: anew
        alice> /audit ops
        alice< | alice retain - 2h
        alice< + 1 action
        ",
    );
    chat.wait(hours(9));
    chat.plays(
        "
        bob> /set tags off
        bob< + tags off
        alice> /history ops
        alice< + 0 messages, oldest=5
        alice> /retain ops off
        bob< [ops] * alice set this room to keep what is said for ever
        alice< + ops keeps what is said for ever. What is gone stays gone.
        alice> /retain ops off
        alice< + ops keeps what is said for ever. What is gone stays gone.
        alice> /say ops five
        bob< [ops] alice: five
        alice< + 5
        ",
    );
    chat.wait(hours(900));
    chat.plays(
        "
        alice> /history ops
        alice< | ops 5 alice: five
        alice< + 1 message, oldest=5
        ",
    );
}

#[test]
fn a_slip_can_be_taken_back_and_a_jump_of_the_clock_drops_nothing() {
    let mut chat = Chat::of(&["alice"]);
    chat.does("alice", "/create ops");
    chat.does("alice", "/say ops old");
    chat.wait(hours(48));
    chat.does("alice", "/retain ops 1h");
    chat.wait(Duration::from_mins(9));
    chat.does("alice", "/retain ops off");
    chat.wait(hours(1));
    assert_eq!(chat.refusal("alice", "/reply ops 1 here"), None);
    chat.does("alice", "/say ops new");
    chat.does("alice", "/retain ops 240h");
    chat.wait(hours(24));
    chat.set_the_clock_forward(hours(10_000));
    chat.wait(hours(24));
    assert_eq!(chat.refusal("alice", "/reply ops 1 here"), None);
    chat.wait(hours(200));
    assert!(chat.refusal("alice", "/reply ops 1 gone").is_some());
}

#[test]
fn what_the_disk_did_not_take_is_dropped_later() {
    let mut chat = Chat::of(&["alice"]);
    chat.does("alice", "/create ops");
    chat.does("alice", "/say ops old");
    chat.refused_by_the_disk(&[("alice", "/retain ops 1h")]);
    chat.wait(hours(3));
    assert_eq!(chat.refusal("alice", "/reply ops 1 here"), None);
    chat.does("alice", "/retain ops 1h");
    chat.refused_by_the_disk(&[("alice", "/retain ops off")]);
    chat.wait(Duration::from_secs(1));
    chat.wait(hours(2));
    assert!(chat.refusal("alice", "/reply ops 1 gone").is_some());
}

/// A store that says what it is told to of what there is to sweep.
struct Told {
    model: Model,
    oldest: Oldest,
    surplus: Surplus,
    said_by: SaidBy,
    writes: usize,
}

impl Told {
    fn new(chat: &Chat) -> Self {
        let (oldest, surplus, said_by) = (Oldest::default(), Surplus::default(), SaidBy::default());
        Self { model: chat.model.clone(), oldest, surplus, said_by, writes: 0 }
    }
}

impl Backlog for Told {
    fn oldest(&mut self, _: ConversationId, _: MessageId, _: Expiry) -> Result<Oldest, NotStored> {
        Ok(self.oldest)
    }

    fn surplus(&mut self, _: Option<Expiry>, _: Option<u64>) -> Result<Surplus, NotStored> {
        Ok(self.surplus.clone())
    }

    fn said_by(&mut self, _: AccountId, _: i64) -> Result<SaidBy, NotStored> {
        Ok(self.said_by.clone())
    }
}

impl Storage for Told {
    fn write(&mut self, write: Write) {
        self.writes += 1;
        self.model.write(write);
    }

    fn append(&mut self, draft: &Draft) -> Result<Appended, NotStored> {
        self.model.append(draft)
    }

    fn find_post(&mut self, draft: &Draft) -> Result<Option<Appended>, NotStored> {
        self.model.find_post(draft)
    }

    fn posted(&mut self, by: AccountId, place: ConversationId, key: &str) -> Result<Option<MessageId>, NotStored> {
        self.model.posted(by, place, key)
    }

    fn find(&mut self, place: ConversationId, id: MessageId) -> Result<Option<MessageRecord>, NotStored> {
        self.model.find(place, id)
    }

    fn reactions(&mut self, reaction: &Reaction) -> Result<Reactions, NotStored> {
        self.model.reactions(reaction)
    }

    fn pins(&mut self, place: ConversationId, id: MessageId) -> Result<Pins, NotStored> {
        self.model.pins(place, id)
    }
}

/// When the sweep looks again, in milliseconds from now.
fn looks_in(hub: &Hub, chat_now: std::time::Instant) -> Option<u128> {
    hub.sweep_due().map(|due| due.saturating_duration_since(chat_now).as_millis())
}

#[test]
fn a_room_is_looked_at_when_something_can_be_old_and_no_sooner() {
    let mut chat = Chat::of(&["alice"]);
    assert!(!chat.hub.is_sweep_due(chat.now.instant));
    for line in ["/create ops", "/say ops one", "/say ops two", "/retain ops 2h"] {
        chat.does("alice", line);
    }
    assert_eq!(looks_in(&chat.hub, chat.now.instant), Some(GRACE.as_millis()));
    chat.does("alice", "/retain ops off");
    assert_eq!(looks_in(&chat.hub, chat.now.instant), None);
    chat.does("alice", "/retain ops 2h");
    let mut now = chat.now;
    let mut store = Told::new(&chat);
    let mut after = |oldest: Oldest| {
        now.instant += Duration::from_millis(looks_in(&chat.hub, now.instant).unwrap() as u64);
        store.oldest = oldest;
        assert!(chat.hub.is_sweep_due(now.instant));
        chat.hub.sweep(now, &mut store);
        assert!(!chat.hub.is_sweep_due(now.instant));
        looks_in(&chat.hub, now.instant).unwrap()
    };
    let (old, none) = (MessageId::new(1), None);
    // Nothing is known, or not yet; there is more to drop; what is old could not be found; and what is next to be old
    // was said eleven minutes ago.
    assert_eq!(after(Oldest { expired: none, next_at: None, behind: false }), 600_000);
    assert_eq!(after(Oldest { expired: none, next_at: None, behind: true }), 5_000);
    assert_eq!(after(Oldest { expired: old, next_at: Some(0), behind: true }), 50);
    assert_eq!(after(Oldest { expired: none, next_at: Some(0), behind: false }), 60_000);
    let said = 1_700_000_000_000 + 616_000;
    let wait = after(Oldest { expired: none, next_at: Some(said), behind: false });
    assert!((6_500_000..6_600_000).contains(&wait), "{wait}");
    // After a failure nothing is tried again at once.
    assert_eq!(after(Oldest { expired: MessageId::new(2), next_at: Some(0), behind: false }), 50);
    assert_eq!(rolled_back(&mut chat.hub, &mut store, now), Some(60_000));
}

/// When it looks again after a batch that was rolled back.
fn rolled_back(hub: &mut Hub, store: &mut Told, now: Now) -> Option<u128> {
    hub.roll_back(store.model.snapshot.clone());
    assert!(hub.is_sweep_due(now.instant));
    hub.sweep(now, store);
    looks_in(hub, now.instant)
}

/// A batch that was rolled back may have dropped something, after which nothing would have been due for long.
#[test]
fn what_could_not_be_dropped_is_looked_at_soon_and_what_can_be_taken_back_is_not() {
    let mut chat = Chat::of(&["alice"]);
    for line in ["/create ops", "/say ops one", "/retain ops 2h"] {
        chat.does("alice", line);
    }
    let mut store = Told::new(&chat);
    let mut now = chat.now;
    assert_eq!(rolled_back(&mut chat.hub, &mut store, now), Some(GRACE.as_millis()));
    now.instant += GRACE;
    store.oldest = Oldest { expired: MessageId::new(1), next_at: None, behind: false };
    chat.hub.sweep(now, &mut store);
    assert_eq!(looks_in(&chat.hub, now.instant), Some(600_000));
    assert_eq!(rolled_back(&mut chat.hub, &mut store, now), Some(60_000));
}

#[test]
fn what_all_conversations_keep_at_most_goes_by_age_and_by_size() {
    let keep = KeepLimits { lasts: Some(hours(2)), bytes: None };
    let mut chat = Chat::with(HubSettings { keep, ..settings() });
    for name in ["alice", "bob"] {
        chat.connect(name);
        chat.type_line(name, &format!("/register {name} {PASSWORD}"));
    }
    chat.does("alice", "/msg bob psst");
    chat.does("alice", "/create ops");
    chat.does("alice", "/say ops one");
    // A room keeps less if it wants to, and never more.
    chat.does("alice", "/retain ops 48h");
    chat.wait(Duration::from_mins(119));
    chat.does("bob", "/say lobby two");
    assert_eq!(chat.refusal("bob", "/reply @alice 1 here"), None);
    chat.wait(Duration::from_secs(121));
    for (who, line) in [("bob", "/reply @alice 1 gone"), ("alice", "/reply ops 1 gone")] {
        assert_eq!(chat.refusal(who, line), Some(Code::NoSuchMessage), "{line}");
    }
    assert_eq!(chat.refusal("bob", "/reply lobby 1 here"), None);
    chat.plays(
        "
        alice> /history @bob
        alice< | @bob 2 bob (re 1 alice): here
        alice< + 1 message, oldest=2
        ",
    );
    // Other limits can be taken back for a while, as a `/retain` can.
    let now = chat.now;
    let limit = |chat: &mut Chat, keep| chat.hub.reconfigure(now, HubSettings { keep, ..settings() });
    limit(&mut chat, KeepLimits { lasts: None, bytes: Some(1) });
    assert_eq!(looks_in(&chat.hub, now.instant), Some(GRACE.as_millis()));
    limit(&mut chat, KeepLimits::default());
    chat.wait(hours(10));
    assert_eq!(chat.refusal("bob", "/reply lobby 1 here"), None);
    // Of five messages two stay.
    let now = chat.now;
    chat.hub.reconfigure(now, HubSettings { keep: KeepLimits { lasts: None, bytes: Some(2) }, ..settings() });
    chat.wait(GRACE + Duration::from_secs(1));
    assert_eq!(chat.refusal("bob", "/reply lobby 1 gone"), Some(Code::NoSuchMessage));
    chat.plays(
        "
        bob> /history lobby
        bob< | lobby 2 bob (re 1 bob): here
        bob< | lobby 3 bob (re 1 bob): here
        bob< + 2 messages, oldest=2
        ",
    );
}

#[test]
fn all_conversations_are_looked_at_when_something_can_be_too_old_or_too_much() {
    let keep = KeepLimits { lasts: Some(hours(2)), bytes: None };
    let mut chat = Chat::with(HubSettings { keep, ..settings() });
    chat.connect("alice");
    chat.type_line("alice", &format!("/register alice {PASSWORD}"));
    chat.does("alice", "/say lobby one");
    let (mut now, mut store) = (chat.now, Told::new(&chat));
    now.instant += hours(1);
    let mut after = |hub: &mut Hub, surplus: Surplus| {
        (store.surplus, store.writes) = (surplus, 0);
        now.instant += Duration::from_millis(looks_in(hub, now.instant).unwrap_or(0) as u64);
        assert!(hub.is_sweep_due(now.instant));
        hub.sweep(now, &mut store);
        (store.writes, looks_in(hub, now.instant).unwrap())
    };
    let none = Surplus::default;
    assert_eq!(after(&mut chat.hub, none()), (0, 600_000));
    assert_eq!(after(&mut chat.hub, Surplus { behind: true, ..none() }), (0, 5_000));
    assert_eq!(after(&mut chat.hub, Surplus { more: true, ..none() }), (0, 50));
    let through = [(ConversationId::new(1), MessageId::new(1).unwrap())].into();
    assert_eq!(after(&mut chat.hub, Surplus { through, behind: true, ..none() }), (1, 5_000));
    let soon = Surplus { next_at: Some(1), ..none() };
    assert_eq!(after(&mut chat.hub, soon.clone()), (0, 60_000));
    let at = chat.now;
    chat.hub.reconfigure(at, HubSettings { keep: KeepLimits { lasts: None, bytes: Some(9) }, ..settings() });
    assert_eq!(after(&mut chat.hub, Surplus { next_at: None, ..none() }), (0, 60_000));
}

#[test]
fn what_somebody_said_goes_in_pieces_until_there_is_nothing_left() {
    let mut chat = Chat::of(&["alice", "bob"]);
    for line in ["/say lobby one", "/say lobby two"] {
        chat.does("bob", line);
    }
    for line in ["/unregister all", PASSWORD] {
        chat.type_line("bob", line);
    }
    assert_eq!(looks_in(&chat.hub, chat.now.instant), Some(50));
    let (mut now, lobby) = (chat.now, ConversationId::new(1));
    let mut store = Told::new(&chat);
    let mut after = |ids: &[i64], rest| {
        now.instant += Duration::from_millis(looks_in(&chat.hub, now.instant).unwrap() as u64);
        let messages = ids.iter().filter_map(|&id| Some((lobby, MessageId::new(id.unsigned_abs())?))).collect();
        (store.said_by, store.writes) = (SaidBy { messages, cursor: 7, rest }, 0);
        chat.hub.sweep(now, &mut store);
        (store.writes > 0, looks_in(&chat.hub, now.instant))
    };
    assert_eq!(after(&[], Rest::Unknown), (false, Some(5_000)), "nothing is written for nothing");
    assert_eq!(after(&[1], Rest::More), (true, Some(50)));
    assert_eq!(after(&[], Rest::More), (false, Some(50)));
    assert_eq!(after(&[2], Rest::Unknown), (true, Some(5_000)));
    assert_eq!(after(&[], Rest::Nothing), (true, None), "that it is done is written");
}
