use super::*;
use crate::client::incoming::parse_line;
use crate::client::item::{ChangeKind, ShownChange};
use crate::protocol::line::Line;
use crate::protocol::names::UserName;
use proptest::prelude::*;

/// Somebody who has not pressed a key for an hour.
struct Away {
    notifier: Notifier,
    attention: Attention,
    now: Instant,
}

impl Away {
    fn with(notify: Notify, what: NotifyFor, multiplexer: Multiplexer) -> Self {
        let now = Instant::now();
        let attention = Attention::new(now);
        let settings = Settings { notify, notify_for: what, ..Settings::default() };
        let notifier = Notifier::new(&settings, multiplexer, attention.clone());
        Self { notifier, attention, now: now + Duration::from_hours(1) }
    }

    fn hears(&mut self, line: &str) -> String {
        self.notifier.notice(&item(line), self.now)
    }

    fn after(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

fn item(line: &str) -> Item {
    let me = UserName::parse("alice").unwrap();
    Item::Message(parse_line(&Line::parse(line).unwrap(), Some(&me)).unwrap())
}

const DIRECT: &str = "@id=1;to=@bob (bob > alice) lunch; now?";
const MENTION: &str = "@id=1;mention=alice [ops] dan: @alice, the pump";
const OTHER: &str = "@id=1 [ops] dan: the pump";
const OWN: &str = "@id=1;to=@bob (alice > bob) yes";

#[test]
fn what_is_said_to_one_alone_and_mentions_are_told() {
    let told = |what: NotifyFor| {
        [DIRECT, MENTION, OTHER, OWN].map(|line| Away::with(Notify::Bell, what, Multiplexer::None).hears(line))
    };
    assert_eq!(told(NotifyFor::Direct), ["\x07", "", "", ""]);
    assert_eq!(told(NotifyFor::Mentions), ["\x07", "\x07", "", ""]);
    assert_eq!(told(NotifyFor::All), ["\x07", "\x07", "\x07", ""]);
    assert_eq!(Away::with(Notify::Off, NotifyFor::All, Multiplexer::None).hears(DIRECT), "");
}

#[test]
fn an_edit_may_mention_somebody() {
    let mut away = Away::with(Notify::Osc9, NotifyFor::Mentions, Multiplexer::None);
    let (kind, about, text) = (ChangeKind::Edited, 7, "@alice?".to_owned());
    let change = ShownChange { kind, about, text, mentions_me: true, original: None };
    let event = Item::Event(ShownEvent {
        target: Target::parse("ops").ok(),
        kind: EventKind::Change(change),
        who: Some("bob".to_owned()),
        own: false,
        text: "bob edited 7: @alice?".to_owned(),
        at: None,
    });
    assert_eq!(away.notifier.notice(&event, away.now), "\x1b]9;@bob in #ops: @alice?\x07");
}

#[test]
fn whoever_looks_is_not_told() {
    let mut away = Away::with(Notify::Bell, NotifyFor::Mentions, Multiplexer::None);
    away.attention.key(away.now);
    assert_eq!(away.hears(DIRECT), "");
    away.after(9);
    assert_eq!(away.hears(DIRECT), "");
    away.after(1);
    assert_eq!(away.hears(DIRECT), "\x07");
}

#[test]
fn what_comes_in_a_heap_is_told_once() {
    let mut away = Away::with(Notify::Osc9, NotifyFor::Mentions, Multiplexer::None);
    assert_eq!(away.hears(MENTION), "\x1b]9;@dan in #ops: @alice, the pump\x07");
    for _ in 0..100 {
        assert_eq!(away.hears(DIRECT), "");
    }
    away.after(5);
    assert_eq!(away.hears(DIRECT), "\x1b]9;@bob: lunch; now? (and 100 more before)\x07");
    away.after(5);
    assert_eq!(away.hears(DIRECT), "\x1b]9;@bob: lunch; now?\x07");
}

#[test]
fn sequences_pass_through_tmux() {
    let mut away = Away::with(Notify::Osc777, NotifyFor::Mentions, Multiplexer::Tmux);
    assert_eq!(away.hears(DIRECT), "\x1bPtmux;\x1b\x1b]777;notify;@bob;lunch; now?\x07\x1b\\");
    let find = |name: &str, value: &str| Multiplexer::find(|asked| (asked == name).then(|| value.to_owned()));
    assert_eq!(find("TMUX", "/tmp/tmux-0/default,1,0"), Multiplexer::Tmux);
    assert_eq!(find("TERM", "tmux-256color"), Multiplexer::Tmux);
    assert_eq!(find("TERM", "xterm-256color"), Multiplexer::None);
}

proptest! {
    #[test]
    fn a_text_can_not_end_the_sequence(text in any::<String>(), from in any::<String>()) {
        let Item::Message(said) = item(DIRECT) else { unreachable!() };
        let item = Item::Message(ShownMessage { text, author: from, ..said });
        for notify in [Notify::Osc9, Notify::Osc777] {
            let mut away = Away::with(notify, NotifyFor::Mentions, Multiplexer::None);
            let sent = away.notifier.notice(&item, away.now);
            let inside = sent.strip_prefix("\x1b]").and_then(|rest| rest.strip_suffix('\x07')).unwrap();
            prop_assert!(!inside.chars().any(char::is_control) || inside.contains('\t'), "{inside:?}");
            prop_assert!(inside.chars().filter(|c| c.is_control()).all(|c| c == '\t'), "{inside:?}");
        }
    }
}
