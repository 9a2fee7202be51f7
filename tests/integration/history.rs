//! History and search on the wire: bounds, where an answer stops, who may read what.

use crate::support::{Client, Script, Server, play};

/// Alice, with tags off, who has said `1` to `count` in the lobby.
fn speaker(server: &Server, count: usize) -> Client {
    let mut alice = server.connect();
    alice.register("alice");
    for n in 1..=count {
        alice.send(&format!("/say lobby line {n}"));
    }
    for n in 1..=count {
        alice.expect(&format!("+ {n}"));
    }
    alice
}

/// The ids of rows, checked to be rows of the lobby.
fn ids(rows: &[String]) -> Vec<u64> {
    let id = |row: &String| {
        let words: Vec<&str> = row.splitn(5, ' ').collect();
        assert_eq!(words[..2], ["|", "lobby"], "{row}");
        assert!(is_time(words[3]), "{row}");
        words[2].parse().unwrap_or_else(|_| panic!("{row}"))
    };
    rows[..rows.len() - 1].iter().map(id).collect()
}

/// RFC 3339 in UTC with milliseconds.
fn is_time(word: &str) -> bool {
    let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}

#[test]
fn bounds_are_exclusive_and_the_oldest_line_comes_first() {
    let server = Server::start();
    let mut alice = speaker(&server, 60);
    for (options, expected, last) in [
        ("", 11..61, "+ 50 messages, more"),
        ("limit=3", 58..61, "+ 3 messages, more"),
        ("limit=60", 1..61, "+ 60 messages"),
        ("limit=1000", 1..61, "+ 60 messages"),
        ("before=4", 1..4, "+ 3 messages"),
        ("before=61 limit=2", 59..61, "+ 2 messages, more"),
        ("before=11 limit=10", 1..11, "+ 10 messages"),
        ("after=57", 58..61, "+ 3 messages"),
        ("after=0 limit=2", 1..3, "+ 2 messages, more"),
        ("after=58 limit=2", 59..61, "+ 2 messages"),
        ("after=10 before=13", 11..13, "+ 2 messages"),
        ("after=10 before=20 limit=3", 11..14, "+ 3 messages, more"),
        ("after=60", 0..0, "+ 0 messages"),
        ("after=9223372036854775807", 0..0, "+ 0 messages"),
        ("before=1", 0..0, "+ 0 messages"),
        ("before=0", 0..0, "+ 0 messages"),
    ] {
        let rows = alice.ask(&format!("/history lobby {options}"));
        assert_eq!(rows.last().map(String::as_str), Some(last), "{options}");
        assert_eq!(ids(&rows), expected.collect::<Vec<_>>(), "{options}");
    }
    // Without a target it is the current room's.
    assert_eq!(alice.ask("/history limit=2"), alice.ask("/history lobby limit=2"));
}

#[test]
fn values_out_of_range_are_refused_never_clamped() {
    let server = Server::start();
    let mut alice = speaker(&server, 1);
    for wrong in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=+5",
        "limit=",
        "after=-1",
        "after=9223372036854775808",
        "before=1e3",
        "limit=1 limit=1",
        "limit=1 nonsense",
    ] {
        alice.send(&format!("/history lobby {wrong}"));
        alice.expect("- bad-argument: …");
    }
    alice.send("/history b!d");
    alice.expect("- bad-name: …");
}

#[test]
fn history_and_search_are_bounded_by_time() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play(
        "
        alice is in
        bob is in
        bob > one
        bob > /say lobby two words
        bob < + 2
        alice < [lobby] bob: one
        alice < [lobby] bob: two words
        alice > /history since=1h lobby limit=1
        alice < | lobby 1 {at} bob: one
        alice < + 1 message, more
        alice > /search two from=bob words since=1d until=2999-01-01
        alice < | lobby 2 {later} bob: two words
        alice < + 1 message
        alice > /history lobby until=1d
        alice < + 0 messages
        alice > /search from=bob until=2026-01-01
        alice < + 0 messages
        alice > /history around=2 limit=2
        alice < | lobby 1 {at} bob: one
        alice < | lobby 2 {later} bob: two words
        alice < + 2 messages
        alice > /history since=tomorrow
        alice < - bad-argument: tomorrow is not a time. …
        alice > /search
        alice < - bad-argument: WORDS are missing, or one of in=, from=, since= and until=. …
        ",
    );
    // A row's own time finds it, as both bounds are inclusive.
    let at = script.word("at").to_owned();
    script.play(&format!(
        "alice > /search one since={at} until={at}\nalice < | lobby 1 {at} bob: one\nalice < + 1 message"
    ));
}

#[test]
fn history_by_time_marks_nothing_as_read() {
    play(
        "
        alice is in
        bob is in
        bob > /say lobby one
        bob < + 1
        alice < [lobby] bob: one
        alice > /history since=1h
        alice < | lobby 1 {at} bob: one
        alice < + 1 message
        alice > /conversations
        alice < | lobby 1 0 1 0 0
        alice < + 1 conversation
        alice > /history
        alice < | lobby 1 {at} bob: one
        alice < + 1 message
        alice > /conversations
        alice < | lobby 1 1 0 0 0
        alice < + 1 conversation
        ",
    );
}

#[test]
fn an_empty_room_and_an_unused_pair_have_no_messages() {
    play(
        "
        alice is in
        bob is in
        alice > /history
        alice < + 0 messages
        alice > /history @bob
        alice < + 0 messages
        alice > /history @nobody
        alice < - no-such-user: …
        alice > /leave lobby
        alice < + lobby…
        alice > /history
        alice < - no-room: …
        alice > /history lobby
        alice < - not-a-member: …
        ",
    );
}

#[test]
fn rows_carry_the_label_and_nothing_else() {
    play(
        "
        alice is in with tags
        alice > /say lobby a  b
        alice < + 1
        alice > /@h history lobby
        alice < @re=h | lobby 1 {time} alice: a  b
        alice < @re=h + 1 message
        alice > /@s search a
        alice < @re=s | lobby 1 {time} alice: a  b
        alice < @re=s + 1 message
        ",
    );
}

#[test]
fn history_survives_a_kill() {
    let mut server = Server::start();
    drop(speaker(&server, 3));
    let mut bob = server.connect();
    bob.register("bob");
    bob.send("/msg alice psst");
    bob.expect("+ 1");
    server.kill();
    server.restart();
    Script::new(&server).play(
        "
        bob connects
        bob > /set replay off
        bob < + replay …
        bob > /login bob correct horse battery
        bob < + welcome bob…
        bob > /history lobby
        bob < | lobby 1 {t1} alice: line 1
        bob < | lobby 2 {t2} alice: line 2
        bob < | lobby 3 {t3} alice: line 3
        bob < + 3 messages
        bob > /history @alice
        bob < | @alice 1 {t4} bob: psst
        bob < + 1 message
        bob > /search psst
        bob < | @alice 1 {t4} bob: psst
        bob < + 1 message
        ",
    );
}

#[test]
fn search_finds_all_words_newest_first() {
    play(
        "
        alice is in
        bob is in
        alice > /say lobby The quick brown fox
        alice < + 1
        bob < …
        bob > /say lobby a quick answer
        bob < + 2
        alice < …
        alice > /join ops
        alice <~ + ops…
        alice > /say ops quick quick
        alice < + 1
        alice > /search quick
        alice < | ops 1 {t3} alice: quick quick
        alice < | lobby 2 {t2} bob: a quick answer
        alice < | lobby 1 {t1} alice: The quick brown fox
        alice < + 3 messages
        alice > /search in=lobby quick
        alice < | lobby 2 {t2} bob: a quick answer
        alice < | lobby 1 {t1} alice: The quick brown fox
        alice < + 2 messages
        alice > /search from=alice QUICK fox
        alice < | lobby 1 {t1} alice: The quick brown fox
        alice < + 1 message
        alice > /search slow
        alice < + 0 messages
        # bob is not in ops
        bob > /search quick
        bob < | lobby 2 {t2} bob: a quick answer
        bob < | lobby 1 {t1} alice: The quick brown fox
        bob < + 2 messages
        bob > /search in=ops quick
        bob < - not-a-member: …
        bob > /search in=nowhere quick
        bob < - no-such-room: …
        bob > /search from=nobody quick
        bob < - no-such-user: …
        bob > /search
        bob < - bad-argument: …
        ",
    );
}

#[test]
fn search_has_no_operators() {
    let server = Server::start();
    let mut alice = speaker(&server, 1);
    alice.send("/say lobby say \"C++\" or don't: 100% (of) NEAR* -x");
    alice.expect("+ 2");
    for words in ["\"", "' OR 1=1", "NEAR(", "a AND", "*", "-x", "col:x", "^", "(", "%", "\u{301}", "''"] {
        let rows = alice.ask(&format!("/search {words}"));
        // If no word is left, there is nothing to search for.
        let taken = rows.last().is_some_and(|line| line.starts_with("+ ") || line.starts_with("- bad-argument: "));
        assert!(taken, "{words}: {rows:?}");
    }
    let rows = alice.ask("/search don't 100");
    assert_eq!(rows.len(), 2, "{rows:?}");
}

#[test]
fn the_cursor_of_a_search_leads_to_the_next_page() {
    let server = Server::start();
    let mut alice = speaker(&server, 25);
    let (mut found, mut more) = (Vec::new(), String::new());
    loop {
        let rows = alice.ask(&format!("/search limit=10 {more}line"));
        found.extend(ids(&rows));
        match rows.last().and_then(|last| last.split_once("more=")) {
            Some((_, cursor)) => more = format!("more={cursor} "),
            None => break,
        }
        assert!(found.len() <= 25, "{found:?}");
    }
    assert_eq!(found, (1..=25).rev().collect::<Vec<_>>());
}

#[test]
fn a_member_who_left_reads_nothing_until_coming_back() {
    play(
        "
        alice is in
        bob is in
        alice > /say lobby before
        alice < + 1
        bob < …
        bob > /leave lobby
        bob < + lobby…
        alice > /say lobby meanwhile
        alice < + 2
        bob > /search meanwhile
        bob < + 0 messages…
        bob > /history lobby
        bob < - not-a-member: …
        bob > /join lobby
        bob < + lobby…
        bob > /history lobby
        bob < | lobby 1 {t1} alice: before
        bob < | lobby 2 {t2} alice: meanwhile
        bob < + 2 messages
        ",
    );
}

#[test]
fn a_large_answer_stops_at_the_limit_of_unread_bytes_and_says_so() {
    let server = Server::with(&["limits.flood=off", "limits.unread_bytes=64 KiB"]);
    let mut alice = server.connect();
    alice.register("alice");
    let long = "x".repeat(3900);
    for n in 1..=60 {
        alice.send(&format!("/say lobby {long}"));
        alice.expect(&format!("+ {n}"));
    }
    let (mut after, mut seen) = (0, Vec::new());
    while seen.len() < 60 {
        let rows = alice.ask(&format!("/history lobby after={after} limit=1000"));
        let page = ids(&rows);
        assert!(!page.is_empty(), "{rows:?}");
        seen.extend(page);
        after = *seen.last().unwrap();
        let last = rows.last().unwrap();
        assert_eq!(last.ends_with(", more"), seen.len() < 60, "{last}");
    }
    assert_eq!(seen, (1..=60).collect::<Vec<_>>());
}

#[test]
fn nothing_is_stored_when_history_is_off() {
    let server = Server::with(&["history.keep=off"]);
    Script::new(&server).play(
        "
        alice is in
        bob is in
        alice > /say lobby gone with the wind
        alice < + 1
        bob < [lobby] alice: gone with the wind
        bob > /history
        bob < + 0 messages…
        bob > /search wind
        bob < + 0 messages…
        ",
    );
}

#[test]
fn options_stand_before_the_target_too() {
    play(
        "
        alice is in
        alice > /say lobby one
        alice < + 1
        alice > /history after=0 lobby
        alice < | lobby 1 {at} alice: one
        alice < + 1 message
        alice > /history after=1
        alice < + 0 messages
        alice > /history after=0 lobby after=1
        alice < - bad-argument: …
        ",
    );
}
