//! Tests of [`super`]: transcripts, without a connection.

use super::*;
use crate::client::screen::{Paint, wire};

struct Talk {
    session: Session,
    now: Instant,
    shown: Vec<String>,
    reports: Vec<Effect>,
    ids: u64,
}

impl Talk {
    fn new(marking: Marking) -> Self {
        let session = Session::new("k".to_owned(), KnownNames::default(), marking);
        Self { session, now: Instant::now(), shown: Vec::new(), reports: Vec::new(), ids: 0 }
    }

    /// Logged in, in the lobby, nothing missed.
    fn started(marking: Marking) -> Self {
        let mut talk = Self::new(marking);
        talk.connect("e1");
        assert_eq!(talk.sent(), ["/@c1 ignored", "/@c2 conversations"]);
        talk.hear(&["@re=c2 | lobby 10 10 0", "@re=c2 | ops 5 5 0", "@re=c2 + 2 conversations"]);
        talk.shown.clear();
        talk.reports.clear();
        talk
    }

    fn connect(&mut self, epoch: &str) {
        let effects = self.session.connected(epoch, UserName::parse("alice").unwrap());
        self.take(effects);
    }

    fn drop_connection(&mut self) {
        let effects = self.session.disconnected();
        self.take(effects);
    }

    fn hear(&mut self, lines: &[&str]) {
        for line in lines {
            let effects = self.session.server_line(line, self.now);
            self.take(effects);
        }
    }

    fn type_line(&mut self, line: &str) {
        self.ids += 1;
        let effects = self.session.user_line(RequestId(self.ids), line.to_owned());
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Show(item) => self.shown.push(wire(&item, Paint::Plain)),
                other => self.reports.push(other),
            }
        }
    }

    fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.next_line()).collect()
    }

    fn shown(&mut self) -> Vec<String> {
        std::mem::take(&mut self.shown)
    }

    fn room(&self) -> Option<&str> {
        self.session.room.as_ref().map(RoomName::as_str)
    }
}

#[test]
fn unread_messages_are_shown_at_the_start_and_marked_as_read() {
    let mut talk = Talk::new(Marking::On);
    talk.connect("e1");
    talk.type_line("typed early");
    assert_eq!(talk.sent(), ["/@c1 ignored", "/@c2 conversations"]);
    talk.hear(&["@re=c2 | lobby 10 8 2", "@re=c2 | ops 5 3 2", "@re=c2 + 2 conversations"]);
    assert_eq!(talk.sent(), ["/@c3 history lobby limit=20", "/@c4 post lobby k-1 typed early"]);
    let row = |id: u64, text: &str| format!("@re=c3 | lobby {id} 2026-11-22T09:10:00.000Z bob: {text}");
    talk.hear(&[&row(8, "old"), &row(9, "nine"), "@id=11;at=1 [lobby] carol: live", &row(10, "ten")]);
    talk.hear(&[
        "@re=c3 + 3 messages, more",
        "@re=c4 + 12",
        "@id=13;at=1 [lobby] bob: more",
        "@id=6;at=1 [ops] bob: x",
    ]);
    assert_eq!(
        talk.shown(),
        [
            "(connected as alice)",
            "(2 unread in ops: /history ops after=3)",
            "[lobby] bob: nine",
            "[lobby] bob: ten",
            "[lobby] carol: live",
            "[lobby] bob: more",
            "[ops] bob: x"
        ]
    );
    assert!(talk.session.is_settled());
    assert_eq!(talk.session.next_tick(), Some(talk.now + MARK_EVERY));
    talk.session.tick(talk.now);
    assert!(talk.sent().is_empty(), "not yet");
    talk.session.tick(talk.now + MARK_EVERY);
    assert_eq!(talk.sent(), ["/@c5 read lobby 13"], "ops has lines that were not shown");
    talk.hear(&["@re=c5 + 13"]);
    talk.type_line("/history ops after=3");
    talk.sent();
    talk.hear(&["@re=c6 | ops 4 2026-11-22T09:10:00.000Z bob: four", "@re=c6 + 1 messages", "@id=7;at=1 [ops] bob: y"]);
    talk.session.tick(talk.now + MARK_EVERY * 2);
    assert_eq!(talk.sent(), ["/@c7 read ops 7"]);
}

#[test]
fn a_script_is_shown_no_history_and_marks_nothing() {
    let mut talk = Talk::new(Marking::Off);
    talk.connect("e1");
    talk.sent();
    talk.hear(&["@re=c2 | lobby 10 8 2", "@re=c2 + 1 conversations", "@id=11;at=1 [lobby] bob: x"]);
    assert_eq!(talk.shown(), ["[lobby] bob: x"]);
    assert_eq!((talk.sent().len(), talk.session.next_tick()), (0, None));
}

#[test]
fn after_a_drop_messages_are_sent_again_and_missed_ones_are_shown_once() {
    let mut talk = Talk::started(Marking::Off);
    talk.type_line("/join ops");
    assert_eq!(talk.sent(), ["/@c3 join ops"]);
    talk.hear(&["@re=c3 + ops - 2 here."]);
    assert_eq!(talk.room(), Some("ops"));
    assert_eq!(talk.shown(), ["+ ops - 2 here."]);
    talk.type_line("one");
    talk.type_line("two");
    assert_eq!(talk.sent(), ["/@c4 post ops k-1 one", "/@c5 post ops k-2 two"]);
    talk.hear(&["@re=c4 + 6"]);
    talk.type_line("/who");
    talk.sent();
    talk.drop_connection();
    assert_eq!(talk.shown(), ["(the connection dropped before /who was answered; it may or may not have been done)"]);
    assert!(matches!(talk.reports.last(), Some(Effect::Settled(RequestId(4), Settled::Unknown))));
    talk.type_line("three");
    assert_eq!(talk.shown(), ["(not connected: this will be sent when the connection is back)"]);
    talk.connect("e1");
    assert_eq!(talk.sent(), ["/@c7 switch ops", "/@c8 post ops k-2 two", "/@c9 ignored", "/@c10 conversations"]);
    // 7 was "two", said before the drop; 8 is bob's, missed.
    talk.hear(&["@re=c7 + ops", "@re=c8 + 7", "@id=9;at=1 [ops] bob: live", "@re=c10 | lobby 10 10 0"]);
    talk.hear(&["@re=c10 | ops 9 5 0", "@re=c10 + 2 conversations"]);
    assert_eq!(talk.sent(), ["/@c11 history ops after=6 limit=1000", "/@c12 post ops k-3 three"]);
    let row = |id: u64, text: &str| format!("@re=c11 | ops {id} 2026-11-22T09:10:00.000Z {text}");
    talk.hear(&[&row(7, "alice: two"), &row(8, "bob: missed"), &row(9, "bob: live"), "@re=c11 + 3 messages"]);
    assert_eq!(talk.shown(), ["[ops] bob: missed", "[ops] bob: live"]);
    assert!(!talk.session.is_settled());
    talk.hear(&["@re=c12 + 10"]);
    assert!(talk.session.is_settled());
}

#[test]
fn the_current_room_follows_the_server() {
    let mut talk = Talk::started(Marking::Off);
    assert_eq!(talk.room(), Some("lobby"));
    talk.type_line("/switch nowhere");
    talk.sent();
    talk.hear(&["@re=c3 - no-such-room: there is no nowhere."]);
    assert_eq!(talk.room(), None);
    talk.type_line("hello?");
    assert_eq!(talk.shown()[1], "- no-room: you're not in a room. /rooms lists them, /join ROOM enters one.");
    talk.type_line("/join ops");
    talk.sent();
    talk.hear(&["@re=c4 + ops", "@ev=kick;who=Alice [ops] * alice was kicked by bob"]);
    assert_eq!(talk.room(), None);
    talk.type_line("/join ops");
    talk.sent();
    talk.hear(&["@re=c5 + ops", "@ev=rename;who=bob;set=dev [ops] * bob renamed this room: it is dev now"]);
    assert_eq!(talk.room(), Some("dev"));
    talk.hear(&["@ev=close;who=bob [dev] * bob closed this room for good"]);
    assert_eq!(talk.room(), None);
    talk.type_line("/join ops");
    talk.type_line("/leave ops");
    talk.sent();
    talk.hear(&["@re=c6 + ops"]);
    talk.sent();
    talk.hear(&["@re=c7 + ops"]);
    assert_eq!(talk.room(), None);
}

#[test]
fn nothing_is_sent_after_a_question() {
    let mut talk = Talk::started(Marking::Off);
    talk.type_line("/passwd");
    talk.type_line("hello");
    assert_eq!(talk.sent(), ["/@c3 passwd"]);
    talk.hear(&["@re=c3 ? old password"]);
    assert!(matches!(talk.reports.last(), Some(Effect::Ask(_, text)) if text == "old password"));
    assert!(talk.sent().is_empty());
    talk.hear(&["@re=c3 + changed"]);
    assert!(talk.reports.iter().any(|effect| matches!(effect, Effect::TokenRevoked)));
    talk.session.renew_token("label".to_owned());
    assert_eq!(talk.sent(), ["/@c4 token new label here", "/@c5 post lobby k-1 hello"]);
    talk.shown();
    talk.hear(&["@re=c4 + tsecret"]);
    assert!(matches!(talk.reports.last(), Some(Effect::Token(token)) if token.expose() == "tsecret"));
    assert!(talk.shown().is_empty(), "a token is not shown");
}

#[test]
fn an_answer_is_shown_as_a_whole() {
    let mut talk = Talk::started(Marking::On);
    talk.type_line("/who");
    talk.sent();
    talk.hear(&["@re=c3 | alice here", "@id=11;at=1 [lobby] bob: hello", "@re=c3 | bob here", "@re=c3 + 2 members"]);
    assert_eq!(talk.shown(), ["[lobby] bob: hello", "| alice here\n| bob here\n+ 2 members"]);
    talk.type_line("/who");
    talk.sent();
    talk.hear(&["@re=c4 | alice here"]);
    talk.drop_connection();
    assert_eq!(talk.shown()[0], "| alice here");
    talk.connect("e1");
    talk.type_line("/who");
    talk.sent();
    let row = format!("@re=c7 | {}", "x".repeat(8000));
    talk.shown();
    (0..200).for_each(|_| talk.hear(&[&row]));
    assert!(talk.shown().len() > 1, "a long answer does not pile up");
}

#[test]
fn after_a_restored_backup_ids_start_over() {
    let mut talk = Talk::started(Marking::On);
    talk.drop_connection();
    talk.connect("e2");
    assert!(talk.shown()[0].contains("restored from a backup"));
    talk.sent();
    talk.hear(&["@re=c4 | lobby 4 4 0", "@re=c4 + 1 conversations", "@id=5;at=1 [lobby] bob: five"]);
    assert_eq!(talk.shown(), ["[lobby] bob: five"]);
}

#[test]
fn a_busy_server_is_tried_again_later() {
    let mut talk = Talk::new(Marking::On);
    talk.connect("e1");
    talk.sent();
    talk.hear(&["@re=c1 - busy: too much to do."]);
    assert!(matches!(talk.reports.last(), Some(Effect::Reconnect)));
}

#[test]
fn odd_lines_are_harmless() {
    let mut talk = Talk::started(Marking::Off);
    talk.hear(&[
        "",
        "@",
        "@re=c100 + 5",
        "@re=c100 | x",
        "@id=x [lobby] bob: hi",
        "| row",
        "[",
        "(a > b)",
        "= 1 2",
        "? pw",
    ]);
    assert_eq!(talk.shown(), ["+ 5", "| x", "[lobby] bob: hi", "| row"]);
    talk.hear(&["* read: lobby 10", "* invited: ops by bob. /join ops", "* hello"]);
    assert_eq!(talk.shown(), ["* invited: ops by bob. /join ops", "* hello"]);
}

#[test]
fn options_are_set_again_on_the_next_connection() {
    let mut talk = Talk::started(Marking::On);
    for line in ["/set presence off", "/set echo on", "/set echo off", "/set presence maybe"] {
        talk.type_line(line);
    }
    assert_eq!(talk.sent(), ["/@c3 set presence off"]);
    talk.hear(&["@re=c3 + presence off"]);
    assert_eq!(talk.sent(), ["/@c4 set echo on"]);
    talk.hear(&["@re=c4 + echo on"]);
    assert_eq!(talk.sent(), ["/@c5 set echo off"]);
    talk.hear(&["@re=c5 + echo off"]);
    assert_eq!(talk.sent(), ["/@c6 set presence maybe"]);
    talk.hear(&["@re=c6 - bad-argument: presence is on or off."]);
    talk.drop_connection();
    talk.connect("e1");
    talk.shown();
    assert_eq!(talk.sent(), ["/@c7 set presence off", "/@c8 set echo off", "/@c9 ignored", "/@c10 conversations"]);
    talk.hear(&["@re=c7 + presence off", "@re=c8 + echo off"]);
    assert!(talk.shown().is_empty());
}

/// The server shows a program all of it, so the client leaves it out.
#[test]
fn whom_the_account_ignores_is_not_shown() {
    let mut talk = Talk::new(Marking::On);
    talk.connect("e1");
    assert_eq!(talk.sent(), ["/@c1 ignored", "/@c2 conversations"]);
    talk.hear(&["@re=c1 | Bob since 2026-11-01T09:00:00.000Z", "@re=c1 + 1 account"]);
    talk.hear(&["@id=11 [lobby] bob: buy this", "@id=12 [lobby] carol: hello"]);
    talk.hear(&["@re=c2 | lobby 12 9 3", "@re=c2 + 1 conversation"]);
    let _ = talk.sent();
    talk.hear(&["@re=c3 | lobby 10 2026-11-01T09:10:00.000Z bob: buy that", "@re=c3 + 1 message"]);
    talk.hear(&["@id=13 [lobby] bob: buy this", "@ev=edit;who=bob;about=13;change=1 [lobby] * bob edited 13: buy"]);
    talk.hear(&["@ev=pin;who=bob;about=12;change=2 [lobby] * bob pinned 12"]);
    let shown = talk.shown().join("\n");
    assert!(shown.contains("carol: hello") && shown.contains("bob pinned 12") && !shown.contains("buy"), "{shown}");
    // Another connection ends it, and this one begins it again.
    talk.hear(&["@ev=unignore;who=bob * you don't ignore bob any more.", "@id=14 [lobby] bob: sorry"]);
    assert_eq!(talk.shown().last().map(String::as_str), Some("[lobby] bob: sorry"));
    talk.type_line("/ignore bob");
    let label = talk.sent()[0].split(' ').next().unwrap().trim_start_matches("/@").to_owned();
    talk.hear(&[&format!("@re={label} + bob is ignored from now on."), "@id=15 [lobby] bob: buy this"]);
    assert!(!talk.shown().join("\n").contains("buy"));
}

#[test]
fn lines_can_be_pointed_at() {
    let mut talk = Talk::started(Marking::On);
    talk.hear(&["@id=11;at=1 [lobby] bob: lunch?", "@id=12;at=1 [lobby] carol: hi", "@id=6;at=1 [ops] bob: x"]);
    talk.type_line("/react bob 👍");
    assert_eq!(talk.sent(), ["/@c3 react lobby 11 👍"]);
    talk.hear(&["@re=c3 + change=1"]);
    talk.type_line("/reply -1 hello");
    assert_eq!(talk.sent(), ["/@c4 reply lobby 12 hello"]);
    talk.hear(&["@re=c4 + 13", "@at=1;ev=redact;who=carol;about=12;change=2 [lobby] * carol removed 12"]);
    talk.type_line("/react -1 👍");
    assert_eq!(talk.sent(), ["/@c5 react lobby 11 👍"]);
    talk.hear(&["@re=c5 + change=3"]);
    talk.type_line("my own");
    talk.sent();
    talk.hear(&["@re=c6 + 14"]);
    talk.type_line("/redact -1");
    assert_eq!(talk.sent(), ["/@c7 redact lobby 14"]);
    talk.hear(&["@re=c7 + change=4"]);
    talk.shown();
    talk.type_line("/redact -1");
    assert_eq!(talk.sent(), [""; 0], "it is gone");
    assert!(talk.shown()[0].starts_with("- no-such-message: can't find your line -1 in lobby"));
    // What /history shows counts, too.
    talk.type_line("/history lobby before=3 limit=1");
    talk.sent();
    talk.hear(&["@re=c8 | lobby 2 2026-11-22T09:10:00.000Z alice: old", "@re=c8 + 1 message"]);
    talk.type_line("/edit -1 older");
    assert_eq!(talk.sent(), ["/@c9 edit lobby 2 older"]);
}

#[test]
fn a_list_that_stopped_short_goes_on() {
    let mut talk = Talk::started(Marking::On);
    talk.type_line("/more");
    assert_eq!(talk.shown(), ["(there is no more to show: /more goes on after a list or a page that stopped short)"]);
    talk.type_line("/search pump");
    talk.sent();
    talk.hear(&["@re=c3 | lobby 9 2026-11-22T09:10:00.000Z bob: pump", "@re=c3 + 1 message, more=9"]);
    talk.type_line("/whoami");
    talk.sent();
    talk.hear(&["@re=c4 + alice"]);
    talk.type_line("/more");
    assert_eq!(talk.sent(), ["/@c5 search more=9 pump"]);
    talk.hear(&["@re=c5 + 0 messages"]);
    talk.type_line("/more");
    assert_eq!(talk.sent(), [""; 0]);
}

#[test]
fn a_person_s_words_are_taken_and_a_script_s_are_not() {
    let mut talk = Talk::started(Marking::On);
    talk.type_line("/w bob lunch?");
    assert_eq!(talk.sent(), ["/@c3 post @bob k-1 lunch?"]);
    talk.hear(&["@re=c3 + 1"]);
    talk.shown();
    talk.type_line("/help keys");
    assert_eq!(talk.sent(), [""; 0]);
    assert!(talk.shown()[0].starts_with("| Tab - completes"));
    let mut script = Talk::started(Marking::Off);
    script.type_line("/w bob lunch?");
    script.hear(&["@re=c3 - unknown-verb: there is no /w here."]);
    assert_eq!(script.sent(), ["/@c3 w bob lunch?"]);
}
