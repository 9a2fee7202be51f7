//! Lines of standard input that can't be used: they are told, and the others are none the worse.

use super::{World, finish};

#[test]
fn a_line_that_is_not_text_is_told_and_the_others_are_said() {
    let world = World::new();
    let said = finish(world.command(&["say", "ops", "--id", "-"]).spawn().unwrap(), b"one\r\n\ntwo \xe9\nthree\n");
    assert_eq!((said.code, said.out.as_str()), (Some(1), "1\n2\n"));
    assert!(said.err.starts_with("chitchat: line 3: it is not UTF-8\n"), "{}", said.err);
    let tail = world.run(&["tail", "ops"]);
    let texts: Vec<&str> = tail.out.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
    assert_eq!(texts, ["one", "three"]);
}

#[test]
fn an_order_that_is_not_text_or_unknown_is_answered_and_the_next_is_carried_out() {
    let world = World::new();
    let orders = b"{\"say\": \"\xe9\"}\n{\"id\": 2, \"says\": \"hi\"}\n{\"id\": 3, \"say\": \"hi\", \"to\": \"ops\"}\n";
    let piped = finish(world.command(&["pipe", "ops"]).spawn().unwrap(), orders);
    let answers: Vec<&str> = piped.out.lines().filter(|line| line.starts_with(r#"{"answer""#)).collect();
    assert_eq!((piped.code, answers.len()), (Some(0), 3), "{}{}", piped.out, piped.err);
    assert_eq!(answers[0], r#"{"answer":null,"ok":false,"code":"bad-json","text":"the line is not UTF-8"}"#);
    assert!(
        answers[1].starts_with(r#"{"answer":2,"ok":false,"code":"bad-json","text":"unknown field"#),
        "{}",
        answers[1]
    );
    assert_eq!(answers[2], r#"{"answer":3,"ok":true,"message":1}"#);
}
