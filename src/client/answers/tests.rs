//! What a person sees, for the rows of every verb.

use super::*;
use crate::client::screen::Paint;
use crate::client::settings::Settings;
use crate::protocol::command::TABLE;
use crate::protocol::names::UserName;
use jiff::tz::TimeZone;
use proptest::prelude::*;

/// What alice sees in New York, where it is 04:10 on Sunday, 22 November 2026.
pub(super) fn shown(command: &str, rows: &[&str], text: &str, columns: usize) -> String {
    let answer = AnswerItem {
        command: command.to_owned(),
        rows: rows.iter().map(|&row| row.to_owned()).collect(),
        end: AnswerEnd::Done(text.to_owned()),
    };
    seen(&answer, columns)
}

fn seen(answer: &AnswerItem, columns: usize) -> String {
    let zone = TimeZone::get("America/New_York").unwrap();
    let timeline = Timeline::new(UserName::parse("alice").unwrap(), zone.clone(), &Settings::default());
    let clock = Clock { zone: &zone, now: "2026-11-22T09:10:00Z".parse().unwrap(), time_of_day: "%H:%M" };
    let drafts = lines(answer, &View { timeline: &timeline, clock, columns: Some(columns) });
    drafts.iter().flat_map(|draft| draft.rows(Some(columns), Paint::Plain)).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_verb_of_the_table_has_a_form() {
    let verbs: Vec<&str> = TABLE.iter().map(|verb| verb.name).collect();
    let forms: Vec<&str> = FORMS.iter().map(|form| form.verb).collect();
    assert_eq!(forms, verbs);
}

#[test]
fn every_form_fits_the_final_line_of_its_verb() {
    for (form, verb) in FORMS.iter().zip(TABLE) {
        let counts = verb.done.contains("+ N ") && !verb.done.starts_with("+ N… ");
        // `/set` alone answers in rows, too; `/reload` and `/help` say what they did.
        assert_eq!(matches!(form.last, Last::Count { .. }), counts, "/{}: {}", verb.name, verb.done);
        let is_number = verb.done.contains("+ ID") || verb.done.contains("+ change=");
        assert_eq!(form.last == Last::Number, is_number, "/{}: {}", verb.name, verb.done);
    }
}

#[test]
fn history_is_a_chat_with_its_days() {
    let rows = [
        "lobby 9 2026-11-21T06:00:00.000Z bob: hello",
        "lobby 10 2026-11-22T09:00:00.000Z alice (edited, 2 👍): see you at five",
        "lobby 11 2026-11-22T09:01:00.000Z bob (re 10 alice): fine",
        "lobby 12 2026-11-22T09:01:30.000Z bob (re 3 carol): also fine",
        "lobby 13 2026-11-22T09:02:00.000Z carol (me): waves",
        "lobby 14 2026-11-22T09:02:00.000Z carol (removed): wrong window",
        "lobby 15 2026-11-22T09:02:00.000Z carol (removed): ",
        "something newer",
    ];
    assert_eq!(
        shown("history", &rows, "7 messages, more", 80),
        "── #lobby, Saturday, 21 November 2026 ──\n\
         \x209  01:00 bob: hello\n\
         ── today ──\n\
         10  04:00 alice (edited, 2 👍): see you at five\n\
         11  04:01 bob (re alice: \"see you at five\"): fine\n\
         12  04:01 bob (re carol #3): also fine\n\
         13  04:02 ~ carol waves\n\
         14  04:02 carol (removed): wrong window\n\
         15  04:02 carol (removed)\n\
         something newer\n\
         7 messages; /more shows earlier ones"
    );
    assert_eq!(shown("history lobby after=4", &[], "0 messages", 80), "no messages");
}

#[test]
fn a_direct_conversation_names_both_sides() {
    let rows = ["@bob 1 2026-11-22T09:00:00.000Z bob: lunch?", "@bob 2 2026-11-22T09:01:00.000Z Alice: yes!"];
    assert_eq!(
        shown("history @bob", &rows, "2 messages", 80),
        "── @bob, today ──\n1  04:00 (bob > you) lunch?\n2  04:01 (you > bob) yes!\n2 messages"
    );
}

#[test]
fn what_is_found_says_where_and_when_it_was_said() {
    let rows = [
        "lobby 294 2026-11-22T09:00:00.000Z bob: the pump",
        "@bob 7 2026-11-20T12:00:00.000Z bob: the pump?",
        "ops 12 2025-11-20T12:00:00.000Z alice: a text that is long enough to be wrapped on a terminal of this width",
    ];
    assert_eq!(
        shown("search pump", &rows, "3 messages, more=12", 60),
        "294  04:00 [lobby] bob: the pump\n\
         \x20 7  2026-11-20 07:00 (bob > you) the pump?\n\
         \x2012  2025-11-20 07:00 [ops] alice: a text that is long\n\
         \x20                   enough to be wrapped on a terminal of\n\
         \x20                   this width\n\
         3 messages; /more shows the next"
    );
    assert_eq!(shown("search pump", &[], "0 messages", 80), "nothing was found");
    assert_eq!(shown("mentions", &[], "0 messages", 80), "nobody has mentioned you");
    assert_eq!(shown("export", &[], "0 messages", 80), "you have said nothing");
    let pins = ["ops 12 2025-11-20T12:00:00.000Z alice: a"];
    assert_eq!(shown("pins", &pins, "1 message", 80), "── #ops ──\n12  2025-11-20 07:00 alice: a\n1 message");
    assert_eq!(shown("pins", &[], "0 messages", 80), "nothing is pinned here");
}

#[test]
fn changes_are_sentences() {
    let rows = [
        "lobby 1 2026-11-22T09:00:00.000Z bob edit 1: see you: at five",
        "lobby 2 2026-11-22T09:01:00.000Z bob react 1: 2 👍",
        "lobby 3 2026-11-22T09:01:00.000Z bob pin 1",
        "lobby 4 2026-11-22T09:01:00.000Z bob dance 1",
    ];
    assert_eq!(
        shown("changes", &rows, "4 changes", 80),
        "── changes in #lobby ──\n\
         04:00 bob edited #1: see you: at five\n\
         04:01 bob reacted to #1: 2 👍\n\
         04:01 bob pinned #1\n\
         lobby 4 2026-11-22T09:01:00.000Z bob dance 1\n\
         4 changes"
    );
}

#[test]
fn rooms_and_conversations_are_tables() {
    assert_eq!(
        shown("rooms", &["lobby 12 -", "ops 2 - the big pumps"], "2 rooms", 80),
        "room   members  topic\nlobby       12\nops          2  the big pumps\n2 rooms"
    );
    assert_eq!(
        shown("conversations", &["lobby 17 12 5 1 0", "ops 3 3 0 0 9", "@bob 1 0 1 0 0"], "3 conversations", 80),
        "key    conversation  unread  mentions you\n\
         Alt-1  lobby              5             1\n\
         Alt-2  ops\n\
         Alt-3  @bob               1\n\
         3 conversations"
    );
    let many: Vec<String> = (0..12).map(|n| format!("r{n} 1 1 0 0 0")).collect();
    let many = shown("conversations", &many.iter().map(String::as_str).collect::<Vec<_>>(), "12 conversations", 80);
    assert!(many.contains("\nAlt-9  r8\n-      r9\n"), "{many}");
    assert_eq!(
        shown(
            "invitations",
            &["ops by bob until 2026-12-22T09:10:00.000Z"],
            "1 invitation - /join ROOM accepts one",
            80
        ),
        "room  invited by  until\nops   bob         2026-12-22\n1 invitation; /join ROOM accepts one"
    );
}

#[test]
fn members_are_listed_by_who_is_here() {
    let rows = ["alice here owner - on a train", "bob here", "carol away moderator muted", "dan elsewhere"];
    assert_eq!(
        shown("who", &rows, "4 members", 80),
        "here (2): alice (owner), bob\n\
         not here (1): carol (moderator, muted)\n\
         alice is away: on a train\n\
         dan elsewhere\n\
         4 members"
    );
    assert_eq!(
        shown("who lobby", &["aaaaaaaaaa here", "bbbbbbbbbb here", "cccccccccc here"], "3 members", 34),
        "here (3): aaaaaaaaaa, bbbbbbbbbb,\n          cccccccccc\n3 members"
    );
}

#[test]
fn what_is_one_s_own_is_listed() {
    let sessions = [
        "since 2026-11-22T07:10:00.000Z from 192.0.2.7 by token chitchat on laptop (this one) number 3",
        "since 2026-11-21T06:10:00.000Z from 192.0.2.0/24 by password number 12",
    ];
    assert_eq!(
        shown("sessions", &sessions, "2 sessions", 80),
        "number  since            from          logged in by\n\
         \x20    3  2 hours ago      192.0.2.7     token chitchat on laptop  this one\n\
         \x20   12  yesterday 01:10  192.0.2.0/24  password\n\
         2 sessions"
    );
    assert_eq!(
        shown("token list", &["bot made 2026-11-22T07:10:00.000Z"], "1 token", 80),
        "token  made\nbot    2 hours ago\n1 token"
    );
    let token = "tabc is shown only this once. /resume TOKEN logs in with it.";
    assert_eq!(shown("token new bot", &[], token, 80), token);
    assert_eq!(
        shown("ignored", &["bob since 2026-11-22T07:10:00.000Z"], "1 account", 80),
        "name  since\nbob   2 hours ago\n1 person"
    );
    assert_eq!(shown("ignored", &[], "0 accounts", 80), "you ignore nobody");
    let options = [
        "tags on - ids, times and labels, for programs",
        "echo off - your own lines as others see them",
        "replay 20 - unread lines shown at login and /join",
        "deflate off - compressed frames, for programs",
    ];
    assert_eq!(
        shown("set", &options, "5 options. /set OPTION VALUE changes one.", 80),
        "option  now  what it is about\n\
         echo    off  your own lines as others see them\n\
         replay  20   unread lines shown at login and /join\n\
         /set OPTION VALUE changes one."
    );
    assert_eq!(shown("set replay 5", &[], "replay 5", 80), "replay 5");
}

#[test]
fn a_profile_is_put_into_words() {
    let rows = [
        "since 2026-11-01T07:10:00.000Z",
        "state away",
        "admin yes",
        "absent 2026-11-22T07:10:00.000Z on a train",
        "text I look after the pumps.",
        "shoe-size 42",
    ];
    assert_eq!(
        shown("profile bob", &rows, "bob", 80),
        "── bob ──\n\
         account made   2026-11-01\n\
         state          not here\n\
         administrator  yes\n\
         away           on a train (2 hours ago)\n\
         about          I look after the pumps.\n\
         shoe-size      42"
    );
    let text = "alice - your profile shows this to everyone here. /profile shows it.";
    assert_eq!(shown("profile text hi", &[], text, 80), text);
}

#[test]
fn moderators_see_who_when_and_why() {
    let bans = ["bob 2026-11-22T12:10:00.000Z alice no advertising here", "carol - alice"];
    assert_eq!(
        shown("bans", &bans, "2 bans", 80),
        "name   until         banned by  reason\n\
         bob    in 3 hours    alice      no advertising here\n\
         carol  it is lifted  alice\n\
         2 bans"
    );
    assert_eq!(shown("bans", &[], "0 bans", 80), "nobody is banned here");
    let hooks = ["backup 2026-11-22T07:10:00.000Z alice on", "ci 2026-11-21T09:10:00.000Z bob off"];
    assert_eq!(
        shown("hook list ops", &hooks, "2 hooks", 80),
        "hook    address  made             by\n\
         backup  on       2 hours ago      alice\n\
         ci      revoked  yesterday 04:10  bob\n\
         2 hooks"
    );
    assert_eq!(shown("hook list ops", &[], "0 hooks", 80), "no hooks");
    let audit = [
        "2026-11-22T09:00:00.000Z bob ban carol for=1h no advertising",
        "2026-11-21T09:00:00.000Z alice topic - the pumps",
        "2026-11-21T09:00:00.000Z alice role bob moderator",
    ];
    assert_eq!(
        shown("audit ops", &audit, "3 actions, more=9", 80),
        "when              who    did    to     how and why\n\
         04:00             bob    ban    carol  for=1h no advertising\n\
         2026-11-21 04:00  alice  topic  -      the pumps\n\
         2026-11-21 04:00  alice  role   bob    moderator\n\
         3 actions; /more shows the next"
    );
}

#[test]
fn administrators_see_lists_and_figures() {
    let accounts =
        ["alice admin here 2026-11-22T07:10:00.000Z -", "bob member disabled 2026-11-22T07:10:00.000Z - spam"];
    assert_eq!(
        shown("accounts", &accounts, "2 accounts", 80),
        "name   is      state     account made  disabled because\n\
         alice  admin   here      2 hours ago\n\
         bob    member  disabled  2 hours ago   spam\n\
         2 accounts"
    );
    let invites = ["3 member 1 2026-11-23T09:10:00.000Z alice for carol", "12 admin 2 2026-11-29T09:10:00.000Z server"];
    assert_eq!(
        shown("invites", &invites, "2 invites", 80),
        "number  for               uses left  until       by      note\n\
         \x20    3  a member                  1  in 1 day    alice   for carol\n\
         \x20   12  an administrator          2  2026-11-29  server\n\
         2 invitation codes"
    );
    assert_eq!(
        shown("blocks", &["192.0.2.0/24 - server flooding"], "1 block", 80),
        "address       until         blocked by  reason\n\
         192.0.2.0/24  it is lifted  server      flooding\n\
         1 address or network"
    );
    let stats = [
        "version 0.1.0",
        "since 2026-11-22T07:10:00.000Z",
        "memory 5242880",
        "commit-p99 1234",
        "messages 1234567",
        "certificate-days 12",
        "keep-for 30d",
        "hats 3",
    ];
    assert_eq!(
        shown("stats", &stats, "8 figures", 80),
        "version                 0.1.0\n\
         running since           02:10 (2 hours ago)\n\
         memory                  5.0 MiB\n\
         99 of 100 took at most  1.2 ms\n\
         messages, ever          1,234,567\n\
         certificate valid for   12 days\n\
         messages kept for       30 days\n\
         hats                    3\n\
         8 figures"
    );
    let reload =
        ["changed limits.logins 20/m", "restart listen.tls :2428", "certificate - SHA256:ab", "warning - x", "new"];
    assert_eq!(
        shown("reload", &reload, "1 setting changed.", 80),
        "changed: limits.logins = 20/m\nafter a restart: listen.tls = :2428\ncertificate: SHA256:ab\nwarning: x\nnew\n1 setting changed."
    );
}

#[test]
fn narrow_terminals_keep_what_matters() {
    let bans = ["bob 2026-11-22T12:10:00.000Z moderator no advertising here, ever"];
    assert_eq!(
        shown("bans", &bans, "1 ban", 40),
        "name  until       reason\n\
         bob   in 3 hours  no advertising here,\n\
         \x20                 ever\n\
         (too narrow to show: banned by)\n\
         1 ban"
    );
}

#[test]
fn what_was_said_or_changed_is_seen_where_it_happens() {
    for (command, text) in [("reply lobby 1 x", "7"), ("edit lobby 1 x", "change=3"), ("read lobby 7", "7")] {
        assert_eq!(shown(command, &[], text, 80), "");
    }
    assert_eq!(shown("role bob", &[], "bob moderator", 80), "bob is a moderator.");
    assert_eq!(shown("topic", &[], "ops - the pumps", 80), "the topic of ops: the pumps");
}

#[test]
fn what_is_not_known_is_shown_as_it_is() {
    assert_eq!(shown("dance", &["a b c", "d"], "2 steps", 80), "a b c\nd\n2 steps");
    assert_eq!(shown("kick bob", &["a row"], "bob is out.", 80), "a row\nbob is out.");
}

#[test]
fn a_refusal_is_its_sentence() {
    let refused = |code: &str, text: &str| {
        let end = AnswerEnd::Refused { code: code.to_owned(), text: text.to_owned() };
        seen(&AnswerItem { command: "join x".to_owned(), rows: Vec::new(), end }, 80)
    };
    assert_eq!(refused("banned", "you are banned from ops."), "! you are banned from ops.");
    assert_eq!(refused("banned", ""), "! banned");
    assert_eq!(refused("bad-argument", "Use: /pin TARGET ID"), "! Use: /pin [TARGET] ID");
}

proptest! {
    /// Whatever a server answers, nothing that controls the terminal gets through, and nothing panics.
    #[test]
    fn anything_can_come(
        verb in 0..TABLE.len(),
        rows in prop::collection::vec(any::<String>(), 0..6),
        words in prop::collection::vec("[a-z0-9@:=,()T.Z-]{0,12}", 0..9),
        text in any::<String>(),
        columns in 0_usize..100,
    ) {
        let mut rows = rows;
        rows.push(words.join(" "));
        rows.push("\u{1b}[2J".to_owned());
        let answer = AnswerItem { command: TABLE[verb].name.to_owned(), rows, end: AnswerEnd::Done(text) };
        let out = seen(&answer, columns);
        prop_assert!(out.chars().all(|c| c == '\n' || crate::protocol::names::is_text(c) || ('\u{2068}'..='\u{2069}').contains(&c)), "{out:?}");
    }
}
