use super::*;
use crate::protocol::names::MessageId;
use crate::protocol::names::Text;
use proptest::prelude::*;
use std::time::Duration;

fn parse(line: &str) -> Result<Command, Refusal> {
    match parse_line(line) {
        Input::Command { verb, rest, .. } => verb?.parse(rest),
        other => panic!("{line:?} is not a command: {other:?}"),
    }
}

fn code(line: &str) -> Code {
    parse(line).unwrap_err().code
}

#[test]
fn a_line_is_empty_a_text_or_a_command() {
    assert!(matches!(parse_line(""), Input::Nothing));
    assert!(matches!(parse_line(" \t"), Input::Nothing));
    assert!(matches!(parse_line("hi"), Input::Text("hi")));
    assert!(matches!(parse_line("//"), Input::Text("/")));
    assert!(matches!(parse_line("//etc"), Input::Text("/etc")));
    assert!(matches!(parse_line("/@a.b PING x"), Input::Command { label: Some("a.b"), verb: Ok(_), rest: " x" }));
    for malformed in ["/", "/ ping", "/@a", "/@a  ping", "/p1ng"] {
        let refusal = parse(malformed).unwrap_err();
        assert_eq!(refusal.code, Code::UnknownVerb, "{malformed}");
        assert!(refusal.text.starts_with("a command is /verb or /@label verb."), "{malformed}: {}", refusal.text);
    }
    assert!(matches!(parse_line("/@b@d ping"), Input::Command { label: None, verb: Err(_), .. }));
}

#[test]
fn a_trailing_text_is_verbatim_after_one_space() {
    let Command::Say { text, target, .. } = parse("/say   Lobby  two  spaces ").unwrap() else { panic!() };
    assert_eq!((text.as_str(), target.to_string().as_str()), (" two  spaces ", "lobby"));
    assert_eq!(code("/say lobby   "), Code::BadArgument);
    assert_eq!(code("/say lobby"), Code::BadArgument);
    assert_eq!(code("/say b!d x"), Code::BadName);
    let Command::Ping(text) = parse("/ping  x").unwrap() else { panic!() };
    assert_eq!(text.as_deref(), Some(" x"));
}

#[test]
fn a_reason_is_short_and_may_be_missing() {
    for line in ["/kick ops bob", "/ban ops bob", "/mute ops bob", "/redact ops 1", "/disable bob", "/block 192.0.2.1"]
    {
        assert!(parse(line).is_ok(), "{line}");
        assert!(parse(&format!("{line}  ")).is_ok(), "{line} and spaces");
        assert!(parse(&format!("{line} {}", "x".repeat(REASON_MAX))).is_ok(), "{line} and a reason");
        assert_eq!(code(&format!("{line} {}", "x".repeat(REASON_MAX + 1))), Code::BadArgument, "{line}");
    }
}

#[test]
fn options_stand_anywhere_but_in_a_text() {
    let search = |line: &str| match parse(line).unwrap() {
        Command::Search(search) => {
            let Search { words, within, from, limit, .. } = *search;
            let words = words.map(|words| words.as_str().to_owned()).unwrap_or_default();
            (words, within.map(|target| target.to_string()), from.map(|name| name.to_string()), limit)
        }
        other => panic!("{other:?}"),
    };
    let (in_ops, by_alice) = (Some("ops".to_owned()), Some("alice".to_owned()));
    assert_eq!(search("/search in=ops  limit=3 a b=c"), ("a b=c".to_owned(), in_ops.clone(), None, 3));
    assert_eq!(search("/search a from=alice b in=ops"), ("a b".to_owned(), in_ops.clone(), by_alice.clone(), 50));
    assert_eq!(search("/search from=alice"), (String::new(), None, by_alice.clone(), 50));
    assert_eq!(search(r#"/search "from=bob" from=alice"#), (r#""from=bob""#.to_owned(), None, by_alice.clone(), 50));
    let quoted = r#""a in=x", b"#.to_owned();
    for spaces in [1, 6] {
        let line = format!(r#"/search{}"a in=x", b in=ops"#, " ".repeat(spaces));
        assert_eq!(search(&line), (quoted.clone(), in_ops.clone(), None, 50), "{line}");
    }
    // A quote without a second one is a character like any other.
    assert_eq!(search(r#"/search "a from=alice"#), (r#""a"#.to_owned(), None, by_alice, 50));
    assert_eq!(code("/search"), Code::BadArgument);
    assert_eq!(code("/search limit=3"), Code::BadArgument);
    assert_eq!(code("/search a limit=3 limit=4"), Code::BadArgument);
    for line in ["/history after=3 lobby", "/history lobby after=3"] {
        let Command::History { target, part: HistoryPart::Between { after, .. }, .. } = parse(line).unwrap() else {
            panic!()
        };
        assert_eq!((target.unwrap().to_string().as_str(), after.unwrap().value()), ("lobby", 3));
    }
    let Command::History { part, .. } = parse("/history around=7").unwrap() else { panic!() };
    assert_eq!(part, HistoryPart::Around(MessageId::new(7).unwrap()));
    for both in ["before=9", "after=9", "since=7d", "until=2026-11-01"] {
        assert_eq!(code(&format!("/history around=7 {both}")), Code::BadArgument);
    }
    assert!(parse("/history since=2026-11-01T00:00:00+01:00 until=7d").is_ok());
    assert!(parse("/history since=monday").unwrap_err().text.contains("monday is not a time. Use 2026-11-01, "));
    assert_eq!(code("/search limit=3 limit=4 a"), Code::BadArgument);
    assert_eq!(code("/history lobby limit=0"), Code::BadArgument);
    assert_eq!(code("/history lobby limit=1001"), Code::BadArgument);
    assert_eq!(code("/history lobby limit=+5"), Code::BadArgument);
    assert_eq!(code("/history lobby after=9223372036854775808"), Code::BadArgument);
    assert!(parse("/history after=9223372036854775807").is_ok());
    assert_eq!(code("/history limit=2 lobby limit=2"), Code::BadArgument);
    let Command::Register { invite, password, .. } = parse("/register bob invite=X pass word").unwrap() else {
        panic!()
    };
    assert_eq!((invite.unwrap().expose(), password.unwrap().expose()), ("X", "pass word"));
    let Command::Register { invite, password, .. } = parse("/register bob x=y z").unwrap() else { panic!() };
    assert_eq!((invite.is_none(), password.unwrap().expose()), (true, "x=y z"));
}

#[test]
fn a_bad_name_at_login_waits_for_the_password() {
    let Command::Login { name, password } = parse("/login b!d").unwrap() else { panic!() };
    assert_eq!((name.unwrap_err().code, password.is_none()), (Code::BadName, true));
    assert_eq!(code("/login"), Code::BadArgument);
}

#[test]
fn a_person_is_not_blocked_but_ignored() {
    let refusal = parse("/block bob").unwrap_err();
    assert_eq!(refusal.code, Code::BadArgument);
    assert!(refusal.text.contains("To hear no more of somebody: /ignore NAME"), "{}", refusal.text);
    assert!(!parse("/block 1.2.3.4/99").unwrap_err().text.contains("/ignore"));
}

#[test]
fn settings_and_durations_are_bounded() {
    assert!(matches!(parse("/set replay off").unwrap(), Command::Set(Setting::Replay(0))));
    assert!(matches!(parse("/set deflate 1").unwrap(), Command::Set(Setting::Deflate(Some(1)))));
    assert!(matches!(parse("/set").unwrap(), Command::SetShow));
    for wrong in [
        "/set tags",
        "/set tags maybe",
        "/set color on",
        "/set replay 1001",
        "/invitecode for=1y",
        "/invitecode for=366d",
        "/quit now",
    ] {
        assert_eq!(code(wrong), Code::BadArgument, "{wrong}");
    }
    for either in ["/invitecode uses=3 for=2h admin", "/invitecode admin uses=3 for=2h"] {
        let Command::InviteCode(terms) = parse(either).unwrap() else { panic!() };
        assert_eq!((terms.uses, terms.lasts.as_secs(), terms.admin, terms.note), (3, 7200, true, None), "{either}");
    }
    let Command::InviteCode(terms) = parse("/invitecode admin note=for the uses=3 team").unwrap() else { panic!() };
    assert_eq!((terms.uses, terms.admin, terms.note.unwrap().as_str()), (1, true, "for the uses=3 team"));
    for wrong in ["/invitecode note=", "/invitecode note= ", "/invites revoke", "/invites revoke x", "/invites drop 1"]
    {
        assert_eq!(code(wrong), Code::BadArgument, "{wrong}");
    }
    assert!(parse(&format!("/invitecode note={}", "x".repeat(NOTE_MAX))).is_ok());
    assert_eq!(code(&format!("/invitecode note={}", "x".repeat(NOTE_MAX + 1))), Code::BadArgument);
    assert!(parse(&format!("/post lobby {} x", "k".repeat(KEY_MAX))).is_ok());
    assert_eq!(code(&format!("/post lobby {} x", "k".repeat(KEY_MAX + 1))), Code::BadArgument);
}

#[test]
fn a_word_that_is_quoted_back_is_shortened() {
    let refused = |word: &str| parse(&format!("/quit {word}")).unwrap_err().text;
    assert_eq!(refused("now"), "Unexpected: now. Use: /quit");
    assert_eq!(refused(&"é".repeat(40)), format!("Unexpected: {}. Use: /quit", "é".repeat(40)));
    assert_eq!(refused(&"é".repeat(41)), format!("Unexpected: {}…. Use: /quit", "é".repeat(40)));
}

#[test]
fn labels_are_found_on_lines_that_are_refused_whole() {
    assert_eq!(label_of(b"/@x1 say \xff"), Some("x1"));
    assert_eq!(label_of(b"/@x1"), None);
    let longest = "x".repeat(LABEL_MAX);
    assert_eq!(label_of(format!("/@{longest} \u{7}").as_bytes()), Some(&*longest));
    assert_eq!(label_of(format!("/@{longest}x \u{7}").as_bytes()), None);
    assert_eq!(label_of(b"hello"), None);
}

#[test]
fn the_usage_says_whether_the_room_may_be_left_out() {
    for verb in TABLE {
        let shown = verb.usage.starts_with("[ROOM]");
        // /who is about the current room by itself.
        assert_eq!(verb.after_room.is_some(), shown && verb.name != "who", "{}", verb.name);
    }
}

#[test]
fn no_verb_begins_with_a_letter_that_is_lost_without_its_slash() {
    for verb in TABLE {
        assert!(verb.name.bytes().all(|b| b.is_ascii_lowercase()));
        assert!(!verb.help.ends_with('.'), "{}", verb.name);
    }
}

proptest! {
    #[test]
    fn any_line_is_parsed_or_refused(line in any::<String>(), verb in 0..TABLE.len()) {
        if let Input::Command { verb: Ok(verb), rest, .. } = parse_line(&line) {
            let _ = verb.parse(rest);
        }
        let _ = TABLE[verb].parse(&format!(" {line}"));
    }

    #[test]
    fn a_message_is_never_altered(text in "[^\\x00-\\x1f\\x7f-\\u{9f}\\u{2028}-\\u{202e}\\u{2066}-\\u{206f}]{1,60}") {
        prop_assume!(matches!(Text::parse(&text), Ok(Some(_))));
        let Command::Say { text: parsed, .. } = parse(&format!("/say lobby {text}")).unwrap() else { panic!() };
        prop_assert_eq!(parsed.as_str(), text);
    }
}

#[test]
fn a_plain_code_is_for_one_person_for_a_week() {
    let plain = InviteTerms { uses: 1, lasts: Duration::from_hours(168), admin: false, note: None };
    assert!(plain.are_plain());
    assert!(!InviteTerms { uses: 2, ..plain.clone() }.are_plain());
    assert!(!InviteTerms { lasts: Duration::from_hours(24), ..plain.clone() }.are_plain());
    assert!(!InviteTerms { admin: true, ..plain }.are_plain());
}
