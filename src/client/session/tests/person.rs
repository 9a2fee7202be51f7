//! What a person is shown, where they are and where they are not.

use super::*;

#[test]
fn the_start_shows_where_one_left_off_and_counts_the_rest() {
    let mut talk = Talk::new(PERSON);
    talk.connect("e1");
    talk.type_line("typed early");
    assert_eq!(talk.sent(), ["/@c1 set echo on", "/@c2 switch lobby", "/@c3 ignored", "/@c4 conversations"]);
    talk.hear(&["@re=c1 + echo on", "@re=c2 + lobby - 3 members, 2 here. Topic: the rules", "@re=c3 + 0 accounts"]);
    talk.hear(&["@re=c4 | lobby 10 8 2 0 0", "@re=c4 | ops 5 3 2 1 0", "@re=c4 | @bob 4 3 1 0 0", "@re=c4 + 3"]);
    assert_eq!(talk.news(), "lobby: ops 2+1");
    assert_eq!(talk.sent(), ["/@c5 history lobby limit=50", "/@c6 post lobby k-1 typed early"]);
    let row = |id: u64, text: &str| format!("@re=c5 | lobby {id} 2026-11-22T09:10:00.000Z bob: {text}");
    talk.hear(&[&row(8, "old"), &row(9, "nine"), "@id=11;at=1 [lobby] carol: live", &row(10, "ten")]);
    talk.hear(&["@re=c5 + 3 messages, more", "@re=c6 + 12", "@id=12;at=2 [lobby] alice: typed early"]);
    talk.answers("history @bob limit=50", &["| @bob 4 2026-11-22T09:10:00.000Z bob: lunch?", "+ 1 message"]);
    talk.hear(&["@id=13;at=1 [lobby] bob: more", "@id=6;at=1 [ops] bob: not here"]);
    assert_eq!(
        talk.shown(),
        [
            "(connected as alice)",
            "── #lobby: the rules ──",
            "── 2 new lines ──",
            "[lobby] bob: nine",
            "[lobby] bob: ten",
            "[lobby] carol: live",
            "[lobby] alice: typed early",
            "(bob > alice) lunch?",
            "[lobby] bob: more",
        ]
    );
    assert_eq!(talk.news(), "lobby: ops 3+1");
    assert!(talk.session.is_settled());
    talk.session.tick(talk.now);
    assert!(talk.sent().is_empty(), "not yet");
    talk.session.tick(talk.now + MARK_EVERY);
    let mut marks: Vec<_> = talk.sent().iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    marks.sort();
    assert_eq!(marks, ["read @bob 4", "read lobby 13"], "nothing of ops was shown");
}

#[test]
fn one_goes_back_to_the_person_one_talked_with_last() {
    let mut talk = Talk::new(PERSON);
    talk.session.begin_in(Target::parse("@bob").ok());
    talk.connect("e1");
    talk.type_line("typed early");
    assert_eq!(talk.sent(), ["/@c1 set echo on", "/@c2 ignored", "/@c3 conversations"]);
    talk.hear(&["@re=c1 + echo on", "@re=c2 + 0 accounts"]);
    talk.hear(&["@re=c3 | lobby 10 8 2 0 0", "@re=c3 | @bob 4 3 1 0 0", "@re=c3 + 2"]);
    assert_eq!(talk.news(), "@bob: lobby 2+0");
    assert_eq!(talk.sent(), ["/@c4 history @bob limit=50", "/@c5 post @bob k-1 typed early"]);
    talk.hear(&["@re=c4 | @bob 3 2026-11-22T09:10:00.000Z alice: hello"]);
    talk.hear(&["@re=c4 | @bob 4 2026-11-22T09:10:00.000Z bob: lunch?", "@re=c4 + 2 messages"]);
    assert_eq!(talk.shown()[1..], ["── @bob ──", "── 1 new line ──", "(bob > alice) lunch?"]);
}

#[test]
fn a_room_that_is_renamed_gets_a_new_heading() {
    let mut talk = Talk::started(PERSON);
    talk.type_line("/switch ops");
    let label = talk.label("switch ops");
    talk.hear(&[&format!("@re={label} + ops - 2 members, 2 here.")]);
    talk.shown();
    talk.hear(&["@ev=rename;who=bob;set=dev [ops] * bob renamed this room: it is dev now"]);
    assert_eq!(talk.shown(), ["[ops] * bob renamed this room: it is dev now", "── #dev ──"]);
}

#[test]
fn what_is_unread_is_shown_when_one_goes_there() {
    let mut talk = Talk::started(PERSON);
    for id in 6..=8 {
        talk.hear(&[&format!("@id={id};at=1 [ops] bob: {id}")]);
    }
    talk.hear(&[
        "@id=9;at=1;mention=alice [ops] carol: @alice, the pump",
        "@ev=topic;who=bob [ops] * bob set the topic",
    ]);
    assert_eq!(talk.shown(), ["[ops] carol: @alice, the pump"], "a mention is shown at once");
    assert_eq!(talk.news(), "lobby: ops 4+1");
    talk.type_line("/switch ops");
    talk.type_line("hello");
    let label = talk.label("switch ops");
    talk.hear(&[&format!("@re={label} + ops - 2 members, 2 here. Topic: pumps")]);
    assert_eq!(talk.news(), "ops:");
    let sent = talk.sent();
    assert_eq!(sent, ["/@c6 history ops limit=50", "/@c7 post ops k-1 hello"], "never said where it was not meant");
    talk.hear(&["@id=10;at=1 [ops] bob: ten", "@re=c7 + 11", "@id=11;at=1 [ops] alice: hello"]);
    for id in 4..=9 {
        talk.hear(&[&format!("@re=c6 | ops {id} 2026-11-22T09:10:00.000Z bob: {id}")]);
    }
    talk.hear(&["@re=c6 + 6 messages, more", "@id=11;at=1 [lobby] bob: where are you?"]);
    assert_eq!(
        talk.shown(),
        [
            "── #ops: pumps ──",
            "+ ops - 2 members, 2 here. Topic: pumps",
            "── 4 new lines ──",
            "[ops] bob: 6",
            "[ops] bob: 7",
            "[ops] bob: 8",
            "[ops] bob: 9",
            "[ops] bob: ten",
            "[ops] alice: hello"
        ]
    );
    assert_eq!(talk.news(), "ops: lobby 1+0");
    talk.press(Switch::Nth(1));
    talk.answers("switch lobby", &["+ lobby"]);
    talk.answers("history lobby limit=50", &["| lobby 11 2026-11-22T09:10:00.000Z bob: where are you?", "+ 1 message"]);
    assert_eq!(talk.shown(), ["── #lobby ──", "── 1 new line ──", "[lobby] bob: where are you?"]);
    assert_eq!(talk.news(), "lobby:");
    talk.press(Switch::News);
    talk.press(Switch::Nth(9));
    assert_eq!(talk.shown(), ["(there is nothing new elsewhere)", "(there is no conversation 9)"]);
}

#[test]
fn of_many_unread_lines_the_last_are_shown() {
    let mut talk = Talk::started(PERSON);
    for id in 6..=105 {
        talk.hear(&[&format!("@id={id};at=1 [ops] bob: {id}")]);
    }
    talk.press(Switch::News);
    talk.answers("switch ops", &["+ ops"]);
    let label = talk.label("history ops limit=50");
    for id in 56..=105 {
        talk.hear(&[&format!("@re={label} | ops {id} 2026-11-22T09:10:00.000Z bob: {id}")]);
    }
    talk.hear(&[&format!("@re={label} + 50 messages, more")]);
    let shown = talk.shown();
    assert_eq!(shown.len(), 53);
    assert_eq!(
        shown[..3],
        ["── #ops ──", "(more unread before these: /history ops after=5 before=56)", "── 100 new lines ──"]
    );
}

#[test]
fn one_talks_with_a_person_as_in_a_room() {
    let mut talk = Talk::started(PERSON);
    talk.type_line("/switch @Bob");
    talk.type_line("lunch?");
    talk.answers("history @Bob limit=1", &["| @bob 1 2026-11-22T09:10:00.000Z bob: old", "+ 1 message"]);
    assert_eq!(talk.news(), "@Bob:");
    talk.answers("post @Bob k-1 lunch?", &["+ 2"]);
    talk.hear(&["@id=2;at=1;to=@bob (alice > bob) lunch?", "@id=11;at=1 [lobby] carol: hi"]);
    talk.type_line("/me bows");
    talk.answers("act @Bob bows", &["+ 3"]);
    assert_eq!(talk.shown(), ["── @Bob ──", "(alice > bob) lunch?", "+ 3"]);
    assert_eq!(talk.news(), "@Bob: lobby 1+0");
    talk.drop_connection();
    talk.lists(&["lobby 11 10 1", "@bob 4 2 1"]);
    talk.answers("history @bob after=2 limit=1000", &["| @bob 4 2026-11-22T09:10:00.000Z bob: yes", "+ 1 message"]);
    assert_eq!(talk.shown(), ["(bob > alice) yes"]);
    assert_eq!(talk.news(), "@Bob: lobby 1+0");
    talk.type_line("/switch @nobody");
    talk.type_line("secret");
    talk.answers("history @nobody limit=1", &["- no-such-user: there is no nobody."]);
    let shown = talk.shown();
    assert_eq!(shown[..2], ["- no-such-user: there is no nobody.", "(not sent: secret)"]);
    assert_eq!((talk.current().as_str(), talk.sent().len()), ("@Bob", 0));
}

#[test]
fn own_lines_are_shown_when_the_server_has_them() {
    let mut talk = Talk::started(PERSON);
    talk.type_line("hello");
    talk.type_line("/say ops hi");
    assert_eq!(talk.sent(), ["/@c5 post lobby k-1 hello", "/@c6 post ops k-2 hi"]);
    assert!(talk.shown().is_empty(), "not yet");
    talk.hear(&["@re=c5 + 11", "@id=11;at=1 [lobby] alice: hello", "@re=c6 + 6", "@id=6;at=1 [ops] alice: hi"]);
    talk.hear(&["@id=12;at=1 [lobby] alice: from my phone", "@id=7;at=1 [ops] alice: from my phone"]);
    assert_eq!(talk.shown(), ["[lobby] alice: hello", "[ops] alice: hi", "[lobby] alice: from my phone"]);
    assert_eq!(talk.news(), "lobby:");
    talk.type_line("no");
    talk.answers("post lobby k-3 no", &["- muted: you are muted in lobby."]);
    assert_eq!(talk.shown(), ["(not sent: no)", "- muted: you are muted in lobby."]);
    talk.type_line("/set echo off");
    assert!(talk.shown()[0].starts_with("- not-allowed"));
}

#[test]
fn what_was_said_before_a_drop_is_shown_once() {
    let mut talk = Talk::started(PERSON);
    talk.type_line("here");
    talk.type_line("/say ops there");
    talk.sent();
    talk.drop_connection();
    talk.type_line("/login alice horse");
    talk.type_line("meanwhile");
    assert_eq!(
        talk.shown(),
        [
            "(not connected: this will be sent when the connection is back)",
            "(not connected: this will be sent when the connection is back: meanwhile)"
        ]
    );
    talk.connect("e1");
    let sent = talk.sent();
    assert_eq!(sent[2..4], ["/@c9 post lobby k-1 here", "/@c10 post ops k-2 there"]);
    // Both were said before the drop.
    talk.hear(&["@re=c7 + echo on", "@re=c8 + lobby", "@re=c9 + 11", "@re=c10 + 5", "@re=c11 + 0 accounts"]);
    talk.hear(&["@re=c12 | lobby 12 10 1 0 0", "@re=c12 | ops 5 5 0 0 0", "@re=c12 + 2 conversations"]);
    let sent = talk.sent();
    let label = sent[0].split(' ').next().unwrap().trim_start_matches("/@");
    let row = |id: u64, text: &str| format!("@re={label} | lobby {id} 2026-11-22T09:10:00.000Z {text}");
    talk.hear(&[&row(11, "alice: here"), &row(12, "bob: hi"), &format!("@re={label} + 2 messages")]);
    assert_eq!(talk.shown(), ["[ops] alice: there", "[lobby] alice: here", "[lobby] bob: hi"]);
}

#[test]
fn another_device_that_reads_takes_the_counts_down() {
    let mut talk = Talk::started(PERSON);
    talk.hear(&["@id=6;at=1 [ops] bob: x", "@id=7;at=1;mention=alice [ops] bob: y", "@id=8;at=1 [ops] bob: z"]);
    assert_eq!(talk.news(), "lobby: ops 3+1");
    talk.hear(&["* read: ops 7"]);
    let at = talk.session.next_tick().unwrap();
    assert_eq!(at, talk.now + RECOUNT_AFTER);
    talk.session.tick(at);
    talk.answers("conversations", &["| lobby 10 10 0 0 0", "| ops 8 7 1 0 0", "+ 2 conversations"]);
    assert_eq!(talk.news(), "lobby: ops 1+0");
    talk.hear(&["@ev=edit;who=bob;about=8;change=1;mention=alice [ops] * bob edited 8: @alice!"]);
    assert_eq!(talk.shown().len(), 2, "the mention, and the edit that mentions");
    talk.session.tick(talk.session.next_tick().unwrap());
    talk.answers("conversations", &["| lobby 10 10 0 0 0", "| ops 8 7 1 1 1", "+ 2 conversations"]);
    assert_eq!(talk.news(), "lobby: ops 1+1");
    talk.hear(&["* read: ops 8"]);
    assert_eq!((talk.news().as_str(), talk.session.next_tick()), ("lobby:", None));
}

#[test]
fn in_no_room_nothing_is_said() {
    let mut talk = Talk::started(PERSON);
    talk.hear(&["@ev=kick;who=Alice;by=bob [lobby] * alice was kicked by bob"]);
    assert_eq!((talk.news().as_str(), talk.current().as_str()), ("nowhere:", "nowhere"));
    talk.shown();
    talk.type_line("hello");
    assert_eq!(talk.shown()[0], "(not sent: hello)");
    talk.drop_connection();
    talk.lists(&["lobby 10 10 0 0 0", "ops 5 5 0 0 0"]);
    assert_eq!(talk.current(), "nowhere", "not even after a reconnection");
    // The answer to /join was lost: where the user is then shows when the connection is back.
    talk.type_line("/join ops");
    talk.type_line("meant for ops");
    talk.sent();
    talk.drop_connection();
    talk.lists(&["lobby 10 10 0 0 0", "ops 5 5 0 0 0"]);
    talk.label("post ops k-1 meant for ops");
}

/// With `elsewhere = "show"` every line is shown as it comes.
#[test]
fn a_person_may_be_shown_everything() {
    let mut talk = Talk::new(Reader::Person(Elsewhere::Show));
    talk.lists(&["lobby 10 8 2 0 0", "ops 5 3 2 0 0"]);
    talk.answers("history lobby limit=50", &["| lobby 9 2026-11-22T09:10:00.000Z bob: nine", "+ 1 message"]);
    talk.hear(&["@id=6;at=1 [ops] bob: x"]);
    let shown = talk.shown();
    assert_eq!(
        shown[2..],
        ["(2 unread in ops: /history ops after=3)", "── 2 new lines ──", "[lobby] bob: nine", "[ops] bob: x"]
    );
    assert_eq!(talk.news(), "lobby:");
    talk.session.tick(talk.now + MARK_EVERY);
    talk.answers("read lobby 9", &["+ 9"]);
    talk.asks("history ops after=3", &["| ops 4 2026-11-22T09:10:00.000Z bob: four", "+ 1 message"]);
    talk.hear(&["@id=7;at=1 [ops] bob: y"]);
    talk.session.tick(talk.now + MARK_EVERY * 2);
    talk.label("read ops 7");
}

/// The server shows a program all of it, so the client leaves it out.
#[test]
fn whom_the_account_ignores_is_not_shown() {
    let mut talk = Talk::new(PERSON);
    talk.connect("e1");
    talk.sent();
    talk.hear(&["@re=c3 | Bob since 2026-11-01T09:00:00.000Z", "@re=c3 + 1 account"]);
    talk.hear(&["@id=11 [lobby] bob: buy this", "@id=12 [lobby] carol: hello"]);
    talk.hear(&["@re=c4 | lobby 12 9 3", "@re=c4 + 1 conversation"]);
    let _ = talk.sent();
    talk.hear(&["@re=c5 | lobby 10 2026-11-01T09:10:00.000Z bob: buy that", "@re=c5 + 1 message"]);
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
    let mut talk = Talk::started(PERSON);
    talk.hear(&["@id=11;at=1 [lobby] bob: lunch?", "@id=12;at=1 [lobby] carol: hi", "@id=6;at=1 [ops] bob: x"]);
    talk.type_line("/react bob 👍");
    talk.answers("react lobby 11 👍", &["+ change=1"]);
    talk.answers("changes lobby after=0 limit=100", &["+ 0 changes"]);
    talk.type_line("/reply -1 hello");
    talk.answers("reply lobby 12 hello", &["+ 13"]);
    talk.hear(&["@at=1;ev=redact;who=carol;about=12;change=2 [lobby] * carol removed 12"]);
    talk.type_line("/react -1 👍");
    talk.answers("react lobby 11 👍", &["+ change=3"]);
    talk.answers("changes lobby after=2 limit=100", &["+ 0 changes"]);
    talk.type_line("my own");
    talk.answers("post lobby k-1 my own", &["+ 14"]);
    talk.type_line("/redact -1");
    talk.answers("redact lobby 14", &["+ change=4"]);
    talk.answers("changes lobby after=3 limit=100", &["+ 0 changes"]);
    talk.shown();
    talk.type_line("/redact -1");
    assert_eq!(talk.sent(), [""; 0], "it is gone");
    let shown = talk.shown();
    assert_eq!(shown[0], "(not sent: /redact -1)");
    assert!(shown[1].starts_with("- no-such-message: can't find your line -1 in lobby"));
    // What /history shows counts, too.
    talk.asks("history lobby before=3 limit=1", &["| lobby 2 2026-11-22T09:10:00.000Z alice: old", "+ 1 message"]);
    talk.type_line("/edit -1 older");
    talk.label("edit lobby 2 older");
}

#[test]
fn a_list_that_stopped_short_goes_on() {
    let mut talk = Talk::started(PERSON);
    talk.type_line("/more");
    assert_eq!(talk.shown(), ["(there is no more to show: /more goes on after a list or a page that stopped short)"]);
    talk.type_line("/search pump");
    talk.sent();
    talk.hear(&["@re=c5 | lobby 9 2026-11-22T09:10:00.000Z bob: pump", "@re=c5 + 1 message, more=9"]);
    talk.type_line("/whoami");
    talk.sent();
    talk.hear(&["@re=c6 + alice"]);
    talk.type_line("/more");
    assert_eq!(talk.sent(), ["/@c7 search more=9 pump"]);
    talk.hear(&["@re=c7 + 0 messages"]);
    talk.type_line("/more");
    assert_eq!(talk.sent(), [""; 0]);
}

#[test]
fn a_person_s_words_are_taken_and_a_script_s_are_not() {
    let mut talk = Talk::started(PERSON);
    talk.type_line("/w bob lunch?");
    assert_eq!(talk.sent(), ["/@c5 post @bob k-1 lunch?"]);
    talk.hear(&["@re=c5 + 1"]);
    talk.shown();
    talk.type_line("/help keys");
    assert_eq!(talk.sent(), [""; 0]);
    assert!(talk.shown()[0].starts_with("| Tab - completes"));
    let mut script = Talk::started(Reader::Program);
    script.type_line("/w bob lunch?");
    script.hear(&["@re=c3 - unknown-verb: there is no /w here."]);
    assert_eq!(script.sent(), ["/@c3 w bob lunch?"]);
}
