use super::*;
use crate::client::incoming::{is_me, parse_line};
use crate::client::item::{AnswerEnd, AnswerItem, Quote};
use crate::client::screen::Paint;
use crate::protocol::line::{Body, Line};
use crate::protocol::names::is_text;
use proptest::prelude::*;
use std::time::Duration;

/// 2026-11-30 10:10:00 UTC, a Monday.
const START: i64 = 1_796_033_400;

fn me() -> UserName {
    UserName::parse("alice").unwrap()
}

/// What a line of the server's is shown as; its `at` is in seconds after [`START`].
fn item(line: &str) -> Item {
    let parsed = Line::parse(line).unwrap();
    let tags = crate::protocol::line::Tags { at: parsed.tags.at.map(milliseconds), ..parsed.tags };
    let parsed = Line { tags, ..parsed };
    if let Some(message) = parse_line(&parsed, Some(&me())) {
        return Item::Message(message);
    }
    let (target, text) = match parsed.body {
        Body::Event { room, text } => (Target::parse(room).ok(), text),
        Body::Notice(None, text) if tags.ev.is_some() => (tags.to.and_then(|to| Target::parse(to).ok()), text),
        Body::Notice(_, text) => return Item::Notice(text.to_owned()),
        _ => panic!("{line}"),
    };
    let own = tags.who.is_some_and(|who| is_me(who, Some(&me())));
    let mut kind = EventKind::from_tags(&tags, text);
    if let EventKind::Change(change) = &mut kind {
        change.mentions_me = tags.mentions(&me());
    }
    let who = tags.who.map(str::to_owned);
    Item::Event(ShownEvent { target, kind, who, own, text: text.to_owned(), at: tags.at })
}

fn milliseconds(seconds: u64) -> u64 {
    (START as u64).saturating_add(seconds).saturating_mul(1000)
}

fn here(target: &str, topic: Option<&str>) -> Item {
    Item::Here { target: Target::parse(target).unwrap(), topic: topic.map(str::to_owned), members: None }
}

/// The same with what it is about.
fn about(line: &str, author: &str, text: &str) -> Item {
    let seen = Some(Quote { author: author.to_owned(), text: text.to_owned() });
    let mut item = item(line);
    match &mut item {
        Item::Message(message) => message.quote = seen,
        Item::Event(ShownEvent { kind: EventKind::Change(change), .. }) => change.original = seen,
        _ => panic!("{line}"),
    }
    item
}

/// A terminal, and the clock.
struct Shown {
    timeline: Timeline,
    start: Instant,
    seconds: u64,
    rows: Vec<String>,
}

impl Shown {
    fn with(settings: &Settings) -> Self {
        let timeline = Timeline::new(me(), TimeZone::UTC, settings);
        Self { timeline, start: Instant::now(), seconds: 0, rows: Vec::new() }
    }

    /// In the lobby, its heading shown before.
    fn in_the_lobby() -> Self {
        let mut shown = Self::with(&Settings::default());
        shown.show(&here("lobby", None));
        shown.rows.clear();
        shown
    }

    fn show(&mut self, item: &Item) {
        let lines = self.timeline.show(item, self.now(), None);
        self.rows.extend(lines.iter().flat_map(|line| line.rows(Some(80), Paint::Plain)));
    }

    fn after(&mut self, seconds: u64) {
        self.seconds += seconds;
        let lines = self.timeline.tick(self.now());
        self.rows.extend(lines.iter().flat_map(|line| line.rows(Some(80), Paint::Plain)));
    }

    fn now(&self) -> Now {
        let wall = Timestamp::from_second(START + self.seconds as i64).unwrap();
        Now { wall, steady: self.start + Duration::from_secs(self.seconds) }
    }

    fn take(&mut self) -> String {
        std::mem::take(&mut self.rows).join("\n")
    }
}

/// What one line is shown as in the lobby.
fn line(item: &Item) -> String {
    let mut shown = Shown::in_the_lobby();
    shown.show(item);
    shown.take()
}

#[test]
fn the_time_is_shown_when_it_changes_and_the_day_has_a_rule() {
    let mut shown = Shown::with(&Settings::default());
    shown.show(&here("lobby", Some("the house rules")));
    shown.show(&Item::LeftOff { count: 3, since: Some(milliseconds(0)) });
    for at in [
        "@id=1;at=0 [lobby] bob: hello",
        "@id=2;at=59 [lobby] carol: hi both",
        "@id=3;at=60 [lobby] alice: here I am",
        "@id=4;at=60 [ops] dan: the pump",
        "@id=5;at=86400 [lobby] bob: morning",
    ] {
        shown.show(&item(at));
    }
    shown.show(&here("ops", None));
    shown.show(&item("@id=6;at=86400 [ops] dan: morning"));
    let expected = "\
── Monday, 30 November 2026 ──
── #lobby: the house rules ──
── 3 new lines since 10:10 ──
10:10 bob: hello
      carol: hi both
10:11 alice: here I am
      [ops] dan: the pump
── Tuesday, 1 December 2026 ──
10:10 bob: morning
── #ops ──
10:10 dan: morning";
    assert_eq!(shown.take(), expected);
}

#[test]
fn times_are_local_and_have_the_form_of_the_settings() {
    let at = |zone: &str, clock: &str, at: &str| {
        let settings = Settings { clock: clock.to_owned(), ..Settings::default() };
        let mut timeline = Timeline::new(me(), TimeZone::get(zone).unwrap(), &settings);
        let now = Shown::in_the_lobby().now();
        let lines = timeline.show(&item(&format!("@id=1;at={at} [lobby] bob: x")), now, None);
        lines.last().unwrap().rows(None, Paint::Plain).concat()
    };
    assert_eq!(at("America/New_York", "%H:%M", "0"), "05:10 [lobby] bob: x");
    assert_eq!(at("Europe/Berlin", "%I:%M %p", "0"), "11:10 AM [lobby] bob: x");
    assert_eq!(at("UTC", "%H:%M %Z", "0"), "10:10 UTC [lobby] bob: x");
    assert_eq!(at("UTC", "", "0"), "[lobby] bob: x");
    assert_eq!(at("UTC", "%H:%M", "18446744073709551615"), "10:10 [lobby] bob: x", "no such time: it is now");
}

#[test]
fn without_times_lines_begin_with_the_name() {
    let mut shown = Shown::with(&Settings { clock: String::new(), ..Settings::default() });
    shown.show(&item("@id=1;at=0 [lobby] bob: x"));
    shown.show(&item("@id=2;at=0;mention=alice [lobby] bob: @alice"));
    assert_eq!(shown.take(), "── Monday, 30 November 2026 ──\n[lobby] bob: x\n![lobby] bob: @alice");
}

#[test]
fn lines_say_who_says_what_to_whom() {
    for (wire, expected) in [
        ("@id=1;at=0 [lobby] bob: hello", "10:10 bob: hello"),
        ("@id=1;at=0;mention=alice [lobby] bob: @alice hi", "10:10!bob: @alice hi"),
        ("@id=1;at=0;mention=room [ops] dan: @room out", "10:10![ops] dan: @room out"),
        ("@id=1;at=0;to=@bob (bob > alice) lunch?", "10:10 (bob > you) lunch?"),
        ("@id=2;at=0;to=@bob (alice > Bob) yes!", "10:10 (you > Bob) yes!"),
        ("@id=3;at=0;to=@alice (alice > alice) a note", "10:10 (you > you) a note"),
        ("@id=4;at=0;to=@server (server > alice) a word", "10:10 (server > you) a word"),
        ("@id=1;at=0 [lobby] bob (me): waves", "10:10 ~ bob waves"),
        ("@id=1;at=0 [lobby] bob (me, edited): waves", "10:10 ~ bob (edited) waves"),
        ("@id=1;at=0;to=@bob (bob > alice, me) bows", "10:10 (bob > you) ~ bob bows"),
        ("@id=1;at=0 [lobby] bob (edited, 2 👍): five", "10:10 bob (edited, 2 👍): five"),
        ("@id=1;at=0 [lobby] bob (removed): wrong window", "10:10 bob (removed): wrong window"),
        ("* invited: ops by bob. /join ops", "10:10 * ops by bob. /join ops"),
    ] {
        assert_eq!(line(&item(wire)), expected, "{wire}");
    }
}

#[test]
fn right_to_left_parts_do_not_reorder_the_rest() {
    assert_eq!(
        line(&item("@id=1;at=0 [lobby] bob (2 טוב, 3 👍): שלום 12")),
        "10:10 bob (\u{2068}2 טוב\u{2069}, 3 👍): שלום 12",
        "nothing follows the text"
    );
    let answer = about("@id=9;at=0 [lobby] bob (re 7 carol): 12?", "carol", "שלום");
    assert_eq!(line(&answer), "10:10 bob (re carol: \"\u{2068}שלום\u{2069}\"): 12?");
    let reacted = about("@at=0;ev=react;who=bob;about=7 [lobby] * bob reacted to 7: 2 טוב", "carol", "hello");
    assert_eq!(line(&reacted), "10:10 * bob reacted \u{2068}טוב\u{2069} (2) to carol: \"hello\"");
}

#[test]
fn an_answer_quotes_what_it_answers() {
    let answer = "@id=9;at=0;reply=7 [lobby] bob (re 7 alice): welcome";
    assert_eq!(line(&about(answer, "alice", "here I am")), "10:10 bob (re alice: \"here I am\"): welcome");
    assert_eq!(line(&item(answer)), "10:10 bob (re alice #7): welcome");
    assert_eq!(line(&item("@id=9;at=0 [lobby] bob (re 7): welcome")), "10:10 bob (re #7): welcome");
    let direct = "@id=9;at=0;to=@bob (bob > alice, re 7 alice, edited) sure";
    assert_eq!(line(&about(direct, "alice", "lunch?")), "10:10 (bob > you, re alice: \"lunch?\", edited) sure");
    let long = "the pump in the second cellar is leaking again, and nobody knows why";
    assert_eq!(
        line(&about(answer, "alice", long)),
        "10:10 bob (re alice: \"the pump in the second cellar is leakin…\"): welcome"
    );
    assert_eq!(line(&about(answer, "eve", "")), "10:10 bob (re eve #7): welcome", "it was removed");
    // Whoever is quoted can't end the quotation.
    assert_eq!(line(&about(answer, "eve", "x\"): no")), "10:10 bob (re eve: \"x'): no\"): welcome");
}

#[test]
fn a_change_says_what_was_changed() {
    let tags = |ev: &str| format!("@at=0;ev={ev};who=bob;about=7;change=3");
    for (ev, sentence, expected, unseen) in [
        ("edit", "edited 7: hello, all", r#"bob edited: "hello" → "hello, all""#, r#"bob edited #7: "hello, all""#),
        ("redact", "removed 7", r#"bob removed carol: "hello""#, "bob removed #7"),
        ("redact", "removed 7: off topic", r#"bob removed carol: "hello": off topic"#, "bob removed #7: off topic"),
        ("react", "reacted to 7: 1 👍", r#"bob reacted 👍 to carol: "hello""#, "bob reacted 👍 to #7"),
        ("react", "reacted to 7: 3 👍", r#"bob reacted 👍 (3) to carol: "hello""#, "bob reacted 👍 (3) to #7"),
        (
            "unreact",
            "took a reaction back from 7: 0 👍",
            r#"bob took back 👍 from carol: "hello""#,
            "bob took back 👍 from #7",
        ),
        ("pin", "pinned 7", r#"bob pinned carol: "hello""#, "bob pinned #7"),
        ("unpin", "unpinned 7", r#"bob unpinned carol: "hello""#, "bob unpinned #7"),
    ] {
        let wire = format!("{} [lobby] * bob {sentence}", tags(ev));
        assert_eq!(line(&about(&wire, "carol", "hello")), format!("10:10 * {expected}"));
        assert_eq!(line(&item(&wire)), format!("10:10 * {unseen}"));
    }
    let elsewhere = "@at=0;ev=pin;who=bob;about=7;change=3 [ops] * bob pinned 7";
    assert_eq!(line(&item(elsewhere)), "10:10 [ops] * bob pinned #7");
    let direct = "@at=0;to=@bob;ev=edit;who=alice;about=7;change=3 * alice edited 7 in @bob: yes";
    assert_eq!(line(&about(direct, "alice", "no")), "10:10 [@bob] * you edited: \"no\" → \"yes\"");
    let own = "@at=0;ev=unreact;who=alice;about=7;change=3 [lobby] * alice took a reaction back from 7: 0 👍";
    assert_eq!(line(&about(own, "alice", "hello")), "10:10 * you took back 👍 from your own line: \"hello\"");
    let mentions = "@at=0;mention=alice;ev=edit;who=bob;about=7;change=3 [lobby] * bob edited 7: @alice?";
    assert_eq!(line(&item(mentions)), "10:10!* bob edited #7: \"@alice?\"");
}

#[test]
fn other_events_are_told_in_the_servers_words() {
    let topic = "@ev=topic;who=bob [lobby] * bob set the topic: the pumps";
    assert_eq!(line(&item(topic)), "10:10 * bob set the topic: the pumps");
    assert_eq!(line(&item("@ev=away;who=bob [ops] * bob is away: lunch")), "10:10 * bob is away: lunch");
}

fn join(shown: &mut Shown, name: &str) {
    shown.show(&item(&format!("@ev=join;who={name} [lobby] * {name} joined")));
}

fn leave(shown: &mut Shown, name: &str) {
    shown.show(&item(&format!("@ev=leave;who={name} [lobby] * {name} left")));
}

#[test]
fn joins_wait_for_others_or_for_the_next_line() {
    let mut shown = Shown::in_the_lobby();
    join(&mut shown, "carol");
    join(&mut shown, "dan");
    leave(&mut shown, "erin");
    assert_eq!(shown.take(), "");
    assert_eq!(shown.timeline.next_tick(), Some(shown.start + Duration::from_secs(2)));
    shown.after(1);
    assert_eq!(shown.take(), "");
    shown.after(1);
    assert_eq!(shown.take(), "10:10 * carol and dan joined, erin left");
    assert_eq!(shown.timeline.next_tick(), None);

    join(&mut shown, "erin");
    shown.show(&item("@id=1;at=2 [lobby] bob: hello"));
    assert_eq!(shown.take(), "      * erin joined\n      bob: hello");

    join(&mut shown, "frank");
    leave(&mut shown, "frank");
    shown.after(2);
    assert_eq!(shown.take(), "", "neither");
}

#[test]
fn while_nothing_else_happens_joins_wait_longer() {
    let mut shown = Shown::in_the_lobby();
    let online = |name: &str| item(&format!("@ev=online;who={name} [ops] * {name} is here"));
    shown.show(&online("bob"));
    shown.after(2);
    ["carol", "dan"].iter().for_each(|name| shown.show(&online(name)));
    shown.after(9);
    assert_eq!(shown.take(), "10:10 * bob is here", "who is online is online in all rooms");
    shown.after(1);
    assert_eq!(shown.take(), "      * carol and dan are here");
    shown.show(&item("@id=1;at=12 [lobby] bob: hello"));
    shown.show(&online("erin"));
    shown.after(2);
    assert_eq!(shown.take(), "      bob: hello\n      * erin is here");
}

#[test]
fn who_joins_another_room_joins_it_by_name() {
    let mut shown = Shown::in_the_lobby();
    join(&mut shown, "carol");
    shown.show(&item("@ev=join;who=alice [ops] * alice joined"));
    shown.after(2);
    assert_eq!(shown.take(), "10:10 * carol joined\n      [ops] * you joined");
}

#[test]
fn large_rooms_do_not_show_who_joins() {
    let mut shown = Shown::in_the_lobby();
    let told = |text: &str| {
        let (command, end) = ("join lobby".to_owned(), AnswerEnd::Done(text.to_owned()));
        Item::Answer(AnswerItem { command, rows: Vec::new(), end })
    };
    shown.show(&told("lobby - 20 members, 3 here. Type to talk."));
    shown.take();
    leave(&mut shown, "bob");
    join(&mut shown, "carol");
    shown.after(2);
    assert_eq!(shown.take(), "10:10 * carol joined, bob left", "20 are not many");
    join(&mut shown, "dan");
    shown.after(10);
    assert_eq!(shown.take(), "", "21 are");
    shown.show(&item("@ev=join;who=alice [lobby] * alice joined"));
    shown.after(10);
    assert_eq!(shown.take(), "      * you joined");

    let mut counted = Shown::in_the_lobby();
    for n in 0..21 {
        counted.show(&item(&format!("@id={n};at=0 [lobby] member-{n}: hello")));
    }
    counted.take();
    leave(&mut counted, "member-1");
    counted.show(&item("@ev=away;who=member-2 [lobby] * member-2 is away: lunch"));
    counted.after(10);
    assert_eq!(counted.take(), "", "so many were heard");

    let mut none = Shown::with(&Settings { joins: 0, ..Settings::default() });
    join(&mut none, "bob");
    none.after(10);
    assert_eq!(none.take(), "");
}

#[test]
fn times_of_this_machine_do_not_go_back() {
    let mut shown = Shown::in_the_lobby();
    // The server's clock is two minutes ahead.
    shown.show(&item("@id=1;at=120 [lobby] bob: hello"));
    join(&mut shown, "carol");
    shown.after(2);
    shown.show(&item("@id=2;at=122 [lobby] bob: hello"));
    assert_eq!(shown.take(), "10:12 bob: hello\n      * carol joined\n      bob: hello");
}

#[test]
fn names_and_mentions_are_set_off() {
    let mut timeline = Shown::in_the_lobby();
    let mut painted = |wire: &str| {
        let lines = timeline.timeline.show(&item(wire), timeline.now(), None);
        lines.last().unwrap().rows(None, Paint::Colour).concat().replace('\x1b', "^")
    };
    assert_eq!(painted("@id=1;at=0 [lobby] bob: hello"), "^[38;5;243m10:10 ^[0m^[38;5;130mbob^[0m: hello");
    assert_eq!(painted("@id=1;at=0 [lobby] alice: hello"), "^[38;5;243m      ^[0m^[1malice^[0m: hello");
    assert_eq!(painted("@id=1;at=0;mention=alice [lobby] bob: @alice"), "^[38;5;243m     ^[0m^[1;7m!bob^[0m: @alice");
}

proptest! {
    #[test]
    fn no_control_character_reaches_the_terminal_and_texts_are_whole(
        text in any::<String>(),
        name in any::<String>(),
        at in any::<u64>(),
        columns in 30_usize..100,
    ) {
        let mut said = item("@id=1;at=0 [lobby] bob: x");
        let mut direct = item("@id=1;at=0;to=@bob (bob > alice) x");
        for item in [&mut said, &mut direct] {
            let Item::Message(message) = item else { unreachable!() };
            (message.author, message.text, message.at) = (name.clone(), text.clone(), Some(at));
            (message.mark, message.quote) = (Some(format!("re 1 x, {text}")), Some(Quote { author: name.clone(), text: text.clone() }));
        }
        let mut items = vec![
            said,
            direct,
            Item::Here { target: Target::parse("lobby").unwrap(), topic: Some(text.clone()), members: None },
            Item::LeftOff { count: 2, since: Some(at) },
            Item::Row(text.clone()),
            Item::Done(text.clone()),
            Item::Refused { code: name.clone(), text: text.clone() },
            Item::Notice(text.clone()),
            Item::Local(text.clone()),
        ];
        for ev in ["edit", "redact", "react", "unreact", "pin", "join", "leave", "away", "topic"] {
            let mut event = item(&format!("@ev={ev};who=bob;about=7 [lobby] * x"));
            let Item::Event(event_mut) = &mut event else { unreachable!() };
            (event_mut.text, event_mut.who) = (text.clone(), Some(name.clone()));
            if let EventKind::Change(change) = &mut event_mut.kind {
                change.text = text.clone();
                change.original = Some(Quote { author: name.clone(), text: text.clone() });
            }
            items.push(event);
        }
        let mut shown = Shown::in_the_lobby();
        for item in items {
            let lines = shown.timeline.show(&item, shown.now(), None);
            for row in lines.iter().flat_map(|line| line.rows(Some(columns), Paint::Plain)) {
                // What is isolated ends in its row.
                let mut isolated = false;
                for c in row.chars() {
                    match c {
                        '\u{2068}' | '\u{2069}' => {
                            prop_assert_eq!(isolated, c == '\u{2069}', "{:?}", row);
                            isolated = !isolated;
                        }
                        c => prop_assert!(is_text(c), "{row:?}"),
                    }
                }
                prop_assert!(!isolated, "{row:?}");
                prop_assert!(row.contains("://") || width(&row) <= columns, "{row:?}");
            }
            if matches!(item, Item::Message(_)) {
                let visible = |text: &str| text.split_whitespace().collect::<String>();
                let rows = lines.last().unwrap().rows(Some(columns), Paint::Plain).concat();
                prop_assert!(visible(&rows).ends_with(&visible(&clean(&text))), "{rows:?}");
            }
        }
    }
}
