//! Tests of [`super`]: transcripts, without a connection.

use super::*;
use crate::client::item::EventKind;
use crate::client::place::Switch;
use crate::client::screen::{Paint, wire};

mod changes;
mod person;
mod refusals;

const PERSON: Reader = Reader::Person(Elsewhere::Count);

struct Talk {
    session: Session,
    now: Instant,
    shown: Vec<String>,
    reports: Vec<Effect>,
    ids: u64,
}

impl Talk {
    fn new(reader: Reader) -> Self {
        let session = Session::new("k".to_owned(), KnownNames::default(), reader);
        Self { session, now: Instant::now(), shown: Vec::new(), reports: Vec::new(), ids: 0 }
    }

    /// Logged in, in the lobby, nothing missed.
    fn started(reader: Reader) -> Self {
        let mut talk = Self::new(reader);
        talk.lists(&["lobby 10 10 0", "ops 5 5 0"]);
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

    fn press(&mut self, to: Switch) {
        let effects = self.session.switch(to);
        self.take(effects);
    }

    /// Where the user is, and where there is news, as it was last reported.
    fn news(&self) -> String {
        let place = self.reports.iter().rev().find_map(|effect| match effect {
            Effect::Place(place) => Some(place.clone()),
            _ => None,
        });
        let place = place.unwrap_or_default();
        let news = place.elsewhere.iter().map(|news| format!(" {} {}+{}", news.target, news.unread, news.mentions));
        let current = place.current.map_or("nowhere".to_owned(), |current| current.to_string());
        format!("{current}:{}", news.collect::<String>())
    }

    fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.next_line()).collect()
    }

    fn shown(&mut self) -> Vec<String> {
        std::mem::take(&mut self.shown)
    }

    fn current(&self) -> String {
        self.session.current.as_ref().map_or("nowhere".to_owned(), Target::to_string)
    }

    /// The label of the one line that is sent now, which must be this command.
    fn label(&mut self, command: &str) -> String {
        let sent = self.sent();
        let [line] = &sent[..] else { panic!("{sent:?} in place of {command}") };
        let (label, found) = line.strip_prefix("/@").and_then(|rest| rest.split_once(' ')).unwrap();
        assert_eq!(found, command);
        label.to_owned()
    }

    /// Types a command and hears its answer.
    fn asks(&mut self, command: &str, answer: &[&str]) {
        self.type_line(&format!("/{command}"));
        self.answers(command, answer);
    }

    /// Answers the command that is sent now.
    fn answers(&mut self, command: &str, answer: &[&str]) {
        let label = self.label(command);
        answer.iter().for_each(|line| self.hear(&[&format!("@re={label} {line}")]));
    }

    /// Connects, and lists these conversations.
    fn lists(&mut self, rows: &[&str]) {
        self.connect("e1");
        for line in self.sent() {
            let (label, command) = line.strip_prefix("/@").and_then(|rest| rest.split_once(' ')).unwrap();
            if command == "conversations" {
                rows.iter().for_each(|row| self.hear(&[&format!("@re={label} | {row}")]));
            }
            let text = match command.split_once(' ') {
                Some(("switch", room)) => format!("{room} - 3 members, 2 here. Topic: the rules"),
                _ => "done".to_owned(),
            };
            self.hear(&[&format!("@re={label} + {text}")]);
        }
    }
}

#[test]
fn a_script_is_shown_no_history_and_marks_nothing() {
    let mut talk = Talk::new(Reader::Program);
    talk.connect("e1");
    talk.sent();
    talk.hear(&["@re=c2 | lobby 10 8 2", "@re=c2 + 1 conversations", "@id=11;at=1 [lobby] bob: x"]);
    assert_eq!(talk.shown(), ["[lobby] bob: x"]);
    assert_eq!((talk.sent().len(), talk.session.next_tick()), (0, None));
}

#[test]
fn after_a_drop_messages_are_sent_again_and_missed_ones_are_shown_once() {
    let mut talk = Talk::started(Reader::Program);
    talk.type_line("/join ops");
    assert_eq!(talk.sent(), ["/@c3 join ops"]);
    talk.hear(&["@re=c3 + ops - 2 here."]);
    assert_eq!(talk.current(), "ops");
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
    let mut talk = Talk::started(Reader::Program);
    assert_eq!(talk.current(), "lobby");
    talk.type_line("/switch nowhere");
    talk.sent();
    talk.hear(&["@re=c3 - no-such-room: there is no nowhere."]);
    assert_eq!(talk.current(), "nowhere");
    talk.type_line("hello?");
    assert_eq!(talk.shown()[1], "- no-room: you're not in a room. /rooms lists them, /join ROOM enters one.");
    talk.type_line("/join ops");
    talk.sent();
    talk.hear(&["@re=c4 + ops", "@ev=kick;who=Alice [ops] * alice was kicked by bob"]);
    assert_eq!(talk.current(), "nowhere");
    talk.type_line("/join ops");
    talk.sent();
    talk.hear(&["@re=c5 + ops", "@ev=rename;who=bob;set=dev [ops] * bob renamed this room: it is dev now"]);
    assert_eq!(talk.current(), "dev");
    talk.hear(&["@ev=close;who=bob [dev] * bob closed this room for good"]);
    assert_eq!(talk.current(), "nowhere");
    talk.type_line("/join ops");
    talk.type_line("/leave ops");
    talk.sent();
    talk.hear(&["@re=c6 + ops"]);
    talk.sent();
    talk.hear(&["@re=c7 + ops"]);
    assert_eq!(talk.current(), "nowhere");
}

#[test]
fn nothing_is_sent_after_a_question() {
    let mut talk = Talk::started(Reader::Program);
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
    // The user may leave meanwhile.
    let parting = |talk: &mut Talk, line: &str| {
        let effects = talk.session.parting_line(line, talk.now);
        talk.take(effects);
    };
    parting(&mut talk, "@id=11;at=1 [lobby] bob: bye");
    parting(&mut talk, "@re=c4 + tsecret");
    assert!(matches!(talk.reports.last(), Some(Effect::Token(token)) if token.expose() == "tsecret"));
    assert!(talk.shown().is_empty(), "a token is not shown");
}

#[test]
fn odd_lines_are_harmless() {
    let mut talk = Talk::started(Reader::Program);
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
fn an_answer_is_shown_as_a_whole() {
    let mut talk = Talk::started(Reader::Program);
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
    let mut talk = Talk::started(Reader::Program);
    talk.drop_connection();
    talk.connect("e2");
    assert!(talk.shown()[0].contains("restored from a backup"));
    talk.sent();
    talk.hear(&["@re=c4 | lobby 4 4 0", "@re=c4 + 1 conversations", "@id=5;at=1 [lobby] bob: five"]);
    assert_eq!(talk.shown(), ["[lobby] bob: five"]);
}

#[test]
fn a_busy_server_is_tried_again_later() {
    let mut talk = Talk::new(Reader::Program);
    talk.connect("e1");
    talk.sent();
    talk.hear(&["@re=c1 - busy: too much to do."]);
    assert!(matches!(talk.reports.last(), Some(Effect::Reconnect)));
}

#[test]
fn options_are_set_again_on_the_next_connection() {
    let mut talk = Talk::started(Reader::Program);
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
