use super::*;
use crate::protocol::command::TABLE;
use crate::protocol::line::Final;

/// Plays a transcript: `> ` begins what is typed; the result follows, as one word and its text.
#[track_caller]
fn plays(script: &str) {
    let mut session = Session::new(AddressGroup::Console);
    let mut seen = String::new();
    let script: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for line in &script {
        let step = match line.split_once('>') {
            Some(("", typed)) => session.line(typed.strip_prefix(' ').unwrap_or(typed).as_bytes()),
            _ if *line == "-- end of input" => match session.ended() {
                Some(step) => step,
                None => continue,
            },
            _ if *line == "-- let in" => {
                session.logged_in();
                seen.push_str("-- let in\n");
                continue;
            }
            _ if *line == "-- too long" => session.too_long(b"/@tag say lobby x"),
            _ => continue,
        };
        seen.push_str(&format!("{line}\n"));
        let shown = shown(&step);
        if !shown.is_empty() {
            seen.push_str(&format!("{shown}\n"));
        }
    }
    let expected = script.join("\n");
    assert_eq!(seen.trim_end(), expected, "\n--- seen ---\n{seen}");
}

fn shown(step: &Step) -> String {
    let label = step.label.as_deref().map_or(String::new(), |label| format!("{label}: "));
    let action = match &step.action {
        SessionAction::Nothing => return String::new(),
        SessionAction::Answer(_, Final::Done(text)) => format!("+ {text}"),
        SessionAction::Answer(_, Final::Refused(refusal)) => format!("- {}", refusal.code.as_str()),
        SessionAction::Answer(..) => "said".to_owned(),
        SessionAction::Prompt(text) => format!("? {text}"),
        SessionAction::Set(setting) => format!("+ {}", set_text(*setting, "E")),
        SessionAction::Request(RequestKind::LeaveCurrentRoom(refusal)) => {
            format!("ask LeaveCurrentRoom {}", refusal.code.as_str())
        }
        SessionAction::Request(RequestKind::SayHere(text)) => format!("ask SayHere {:?}", text.as_str()),
        SessionAction::Request(ask) => format!("ask {}", word(ask)),
        SessionAction::RequestAndWait(ask) => format!("ask alone {}", word(ask)),
        SessionAction::NewToken { label, .. } => format!("new token {label}"),
        SessionAction::NewInvite(_) => "new invite".to_owned(),
        SessionAction::NewHook { room, label } => format!("new hook {label} in {room}"),
        SessionAction::ResetPassword(name) => format!("reset password {name}"),
        SessionAction::Quit => "quit".to_owned(),
    };
    label + &action
}

/// A request by its names alone.
fn word(ask: &RequestKind) -> String {
    let shown = format!("{ask:?}");
    let words: Vec<&str> = shown.split(|c: char| !c.is_alphanumeric()).take(2).collect();
    if words[0] == "Command" { words.join(" ") } else { words[0].to_owned() }
}

/// Or a later line would be answered before it, and a few bytes would queue megabytes.
#[test]
fn whatever_answers_with_rows_is_done_alone() {
    let mut session = Session::new(AddressGroup::Console);
    session.logged_in();
    for verb in TABLE.iter().filter(|verb| verb.done.starts_with("+ N ")) {
        let line = if verb.name == "search" { "/search word".to_owned() } else { format!("/{}", verb.name) };
        let step = shown(&session.line(line.as_bytes()));
        assert!(step.starts_with("ask alone "), "{line}: {step}");
    }
}

#[test]
fn before_login_only_a_few_verbs_work() {
    plays(
        "
        > hello
        - not-logged-in
        >
        > /nothing
        - unknown-verb
        > /@a say lobby hi
        a: - not-logged-in
        > /say
        - not-logged-in
        > /join
        - not-logged-in
        > /login
        - bad-argument
        > /ping hi there
        + hi there
        > /set tags on
        + tags on epoch=E protocol=1
        > /set deflate 1
        - not-logged-in
        > /resume ttoken
        ask alone Resume
        > /login alice password
        ask alone Login
        > /register alice invite=X password
        ask alone Register
        > /quit
        quit
        ",
    );
}

#[test]
fn a_missing_secret_is_asked_for_and_taken_whole() {
    plays(
        "
        > /@a login alice
        a: ? password for alice (your terminal may show it)
        > /ping this is the password
        a: ask alone Login
        > /@b register
        b: - bad-argument
        > /@b register alice
        b: ? a password for alice, at least 8 characters (your terminal may show it)
        >
        b: - cancelled
        > /login a!b
        ? password (your terminal may show it)
        > secret
        - bad-name
        > /@c login alice
        c: ? password for alice (your terminal may show it)
        -- end of input
        c: - cancelled
        > /@d login alice
        d: ? password for alice (your terminal may show it)
        -- too long
        d: - line-too-long
        > /ping
        + pong
        -- too long
        tag: - line-too-long
        ",
    );
}

#[test]
fn a_bad_line_is_refused_under_the_label_of_its_prompt_or_its_own() {
    let mut session = Session::new(AddressGroup::Console);
    assert_eq!(shown(&session.line(b"/@x ping \xff")), "x: - bad-utf8");
    assert_eq!(shown(&session.line(b"/@x ping \x1b[2J")), "x: - bad-text");
    assert_eq!(shown(&session.line(b"/@\xff ping")), "- bad-utf8");
    let _ = session.line(b"/@y login alice");
    assert_eq!(shown(&session.line(b"/@x secret\x07")), "y: - bad-text");
    assert!(!session.is_asked());
}

#[test]
fn after_login_reads_and_secrets_hold_back_the_next_line() {
    plays(
        "
        -- let in
        > hello
        ask SayHere \"hello\"
        > //me waves
        ask SayHere \"/me waves\"
        > //
        ask SayHere \"/\"
        > /say lobby hi
        ask Command Say
        > /history
        ask alone Command History
        > /conversations
        ask alone Command Conversations
        > /search x
        ask alone Command Search
        > /join ops
        ask alone Command Join
        > /join
        ask LeaveCurrentRoom bad-argument
        > /switch a b
        ask LeaveCurrentRoom bad-argument
        > /leave
        ask alone InCurrentRoom
        > /leave ops
        ask Command Leave
        > /topic the rules
        ask alone InCurrentRoom
        > /set tags on
        + tags on epoch=E protocol=1
        > /topic the rules
        ask Command TopicSet
        > /topic
        ask alone InCurrentRoom
        > /join ops
        ask Command Join
        > /set deflate 2
        - bad-argument
        > /set deflate 1
        + deflate 1
        > /set replay 1001
        - bad-argument
        > /token new x
        new token x
        > /invitecode
        new invite
        > /passwd
        ? your old password (your terminal may show it)
        > one
        ? your new password, at least 8 characters (your terminal may show it)
        > two
        ask alone Passwd
        ",
    );
}

#[test]
fn a_refused_login_still_takes_its_password() {
    plays(
        "
        -- let in
        > /login bob password
        - already-logged-in
        > /resume
        - already-logged-in
        > /login bob
        ? password (your terminal may show it)
        > said to nobody
        - already-logged-in
        > /login
        ? password (your terminal may show it)
        > said to nobody
        - already-logged-in
        > hello
        ask SayHere \"hello\"
        ",
    );
}

/// As many lines as there would be passwords: none of them must be said in a room.
#[test]
fn a_malformed_passwd_still_takes_both_passwords() {
    plays(
        "
        -- let in
        > /passwd now
        ? password (your terminal may show it)
        > the old one
        ? password (your terminal may show it)
        > the new one
        - bad-argument
        > hello
        ask SayHere \"hello\"
        > /unregister now
        ? password (your terminal may show it)
        > the password
        - bad-argument
        > hello
        ask SayHere \"hello\"
        ",
    );
}

#[test]
fn set_alone_shows_the_options() {
    let mut session = Session::new(AddressGroup::Console);
    session.logged_in();
    let mut options = || {
        let SessionAction::Answer(rows, _) = session.line(b"/set").action else { panic!() };
        let mut out = Vec::new();
        rows.encode(None, &mut out);
        let shown = String::from_utf8(out).unwrap();
        let values: Vec<&str> = shown.lines().map(|row| row[2..].split_once(" - ").unwrap().0).collect();
        let values = values.join(", ");
        for setting in ["/set tags on", "/set echo on", "/set presence off", "/set replay 0", "/set deflate 1"] {
            let _ = session.line(setting.as_bytes());
        }
        values
    };
    assert_eq!(options(), "tags off, echo off, presence on, replay 20, deflate off");
    assert_eq!(options(), "tags on, echo on, presence off, replay off, deflate 1");
}

#[test]
fn the_length_limit_is_decided_when_a_lines_turn_comes() {
    let mut session = Session::new(AddressGroup::Console);
    assert_eq!(session.line_max(), LINE_MAX_NEW);
    let _ = session.line(b"/login alice");
    assert_eq!(session.line_max(), LINE_MAX_NEW);
    session.logged_in();
    let _ = session.line(b"/passwd");
    assert!(session.is_asked() && session.is_logged_in());
    assert_eq!(session.line_max(), LINE_MAX);
}

#[test]
fn help_lists_the_verbs_that_work_now() {
    for logged_in in [false, true] {
        let SessionAction::Answer(rows, Final::Done(last)) = help(None, logged_in) else { panic!() };
        assert!(last.starts_with(&format!("{} commands", rows.count())), "{last}");
        let mut out = Vec::new();
        rows.encode(None, &mut out);
        let listed = String::from_utf8(out).unwrap();
        for verb in TABLE {
            let fits = verb.who == Who::All || (verb.who == Who::New) != logged_in;
            let row = format!("| {} - ", verb.form());
            assert_eq!(listed.contains(&row), fits, "{}", verb.name);
            assert!(matches!(help(Some(verb.name), logged_in), SessionAction::Answer(_, Final::Done(_))));
        }
    }
    assert!(matches!(help(Some("nothing"), true), SessionAction::Answer(_, Final::Refused(_))));
}
