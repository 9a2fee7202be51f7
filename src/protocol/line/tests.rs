use super::*;
use crate::protocol::code::Refusal;
use crate::protocol::names::UserName;
use proptest::option;
use proptest::prelude::*;

fn encoded(line: &Line<'_>) -> String {
    let mut out = Vec::new();
    line.encode(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn lines_read_as_the_page_says() {
    let said = Body::RoomMessage { room: "lobby", author: "bob", mark: None, text: "a: b" };
    assert_eq!(encoded(&Line::plain(said)), "[lobby] bob: a: b\n");
    let tags = Tags { id: Some(7), at: Some(9), ..Tags::default() };
    assert_eq!(encoded(&Line { tags, body: said }), "@id=7;at=9 [lobby] bob: a: b\n");
    assert_eq!(
        Line::parse("* invited: ops by bob. /join ops").unwrap().body,
        Body::Notice(Some(Code::Invited), "ops by bob. /join ops")
    );
    assert_eq!(Line::parse("* hello: there").unwrap().body, Body::Notice(None, "hello: there"));
    assert_eq!(Line::parse("[x] * bob: left").unwrap().body, Body::Event { room: "x", text: "bob: left" });
    assert_eq!(Line::parse("@new=1;id=3 + ok").unwrap().tags.id, Some(3));
    assert_eq!(Line::parse("!what"), Err(UnknownLine));
    assert_eq!(Line::parse("+").unwrap().body, Body::Done(""));
}

#[test]
fn rows_take_the_label_of_their_command() {
    let mut rows = Rows::default();
    rows.push("one");
    rows.push("two");
    let mut out = Vec::new();
    rows.encode(Some("x"), &mut out);
    assert_eq!(out, b"@re=x | one\n@re=x | two\n");
}

fn body() -> impl Strategy<Value = (usize, [String; 3], Option<String>, String, usize)> {
    (0..9usize, [name(), name(), name()], option::of("me|re 12|edited"), "[^\\x00-\\x1f]{0,40}", 0..Code::ALL.len())
}

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9_-]{1,12}"
}

#[test]
fn a_tag_says_whom_a_message_mentions() {
    let name = |name| UserName::parse(name).unwrap();
    let mentions = |line: &str, who| Line::parse(line).unwrap().tags.mentions(&name(who));
    assert!(mentions("@id=1;mention=Ann,bob [lobby] carol: @ann @bob", "ann"));
    assert!(mentions("@id=1;mention=Ann,bob [lobby] carol: @ann @bob", "bob"));
    assert!(!mentions("@id=1;mention=Ann,bob [lobby] carol: @ann @bob", "an"));
    assert!(mentions("@id=1;mention=room [lobby] carol: @room", "an"));
    assert!(!mentions("@id=1 [lobby] carol: @room @an", "an"));
}

proptest! {
    #[test]
    fn parse_of_encode_is_the_value(
        (kind, [a, b, label], mark, text, code) in body(),
        id in option::of(any::<u64>()), at in option::of(any::<u64>()),
        re in any::<bool>(), retry in option::of(0..1000u64),
    ) {
        let code = Code::ALL[code];
        let mark = mark.as_deref();
        let body = match kind {
            0 => Body::Done(&text),
            1 => Body::Refused(code.as_str(), &text),
            2 => Body::Row(&text),
            3 => Body::Notice(Some(code), &text),
            4 => {
                // A plain notice may not begin with a listed code and a colon.
                prop_assume!(text.split_once(": ").is_none_or(|(w, _)| Code::parse(w).is_none()));
                Body::Notice(None, &text)
            }
            5 => Body::Prompt(&text),
            6 => Body::RoomMessage { room: &a, author: &b, mark, text: &text },
            7 => Body::Event { room: &a, text: &text },
            _ => Body::DirectMessage { from: &a, to: &b, mark, text: &text },
        };
        let re = re.then_some(label.as_str());
        let (to, ev, who, by, set) = (Some(b.as_str()), Some(a.as_str()), Some(a.as_str()), Some(b.as_str()), Some(a.as_str()));
        let mention = Some(b.as_str());
        let tags = Tags { re, id, at, to, mention, ev, who, by, set, until: at, reply: id, about: at, change: id, retry };
        let line = Line { tags, body };
        let mut out = Vec::new();
        let skip = line.encode(&mut out);
        let wire = std::str::from_utf8(&out).unwrap().strip_suffix('\n').unwrap();
        prop_assert_eq!(Line::parse(wire), Ok(line));
        prop_assert_eq!(Line::parse(&wire[skip..]), Ok(Line::plain(body)));
    }

    #[test]
    fn any_text_parses_or_is_refused(text in any::<String>()) {
        let _ = Line::parse(&text);
    }
}

#[test]
fn an_answer_names_what_it_answers() {
    assert_eq!(reply_mark(MessageId::new(7).unwrap(), "bob"), "re 7 bob");
}

#[test]
fn rows_are_pushed_within_a_bound_but_for_the_first() {
    let mut rows = Rows::default();
    assert!(rows.is_empty());
    assert!(rows.push_within("first", 1), "the first is never left out");
    assert!(!rows.is_empty());
    let most = rows.len() + "| two\n".len();
    assert!(!rows.push_within("two", most - 1));
    assert!(rows.push_within("two", most));
    assert_eq!((rows.len(), rows.count()), (most, 2));
}

#[test]
fn a_final_line_takes_the_label_of_its_command_if_tags_are_on() {
    let shown = |last: Final, tagged| {
        let mut out = Vec::new();
        last.encode(tagged, Some("x"), &mut out);
        String::from_utf8(out).unwrap()
    };
    let refusal = || Final::from(Refusal::new(Code::NoSuchRoom, "no."));
    for (last, plain) in
        [(Final::MessageId(7), "+ 7\n"), (Final::Done("done".into()), "+ done\n"), (refusal(), "- no-such-room: no.\n")]
    {
        assert_eq!(shown(last.clone(), false), plain);
        assert_eq!(shown(last, true), format!("@re=x {plain}"));
    }
    assert_eq!(shown(Final::Silent, true), "");
}
