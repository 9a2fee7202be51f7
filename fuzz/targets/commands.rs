//! A line that somebody types: it is a text, a command or a refusal, and a refusal is a line that can
//! be sent as it is.
#![no_main]

use chitchat::protocol::command::{Input, RoomWord, Verb, label_of, parse_line};
use chitchat::protocol::frame::text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = label_of(data);
    let Ok(line) = text(data) else { return };
    match parse_line(line) {
        Input::Nothing => assert!(line.chars().all(|c| matches!(c, ' ' | '\t'))),
        Input::Text(said) => assert!(line.ends_with(said)),
        Input::Command { label, verb, rest } => {
            // A label alone, without its space, is one only if the line turns out to end there.
            if line.contains(' ') {
                assert_eq!(label, label_of(data), "the label is the same whatever becomes of the line");
            }
            assert!(line.ends_with(rest));
            match verb {
                Ok(verb) => parse(verb, rest),
                Err(refusal) => assert!(text(refusal.text.as_bytes()).is_ok()),
            }
        }
    }
});

fn parse(verb: &Verb, rest: &str) {
    if let Err(refusal) = verb.parse(rest) {
        assert!(text(refusal.text.as_bytes()).is_ok(), "{}", refusal.text);
        assert!(!refusal.text.is_empty());
    }
    // With the room put in, it is a line about that room, whatever follows.
    let named = Verb::with_room("lobby", rest);
    assert_eq!(verb.room_word(&named), RoomWord::Named, "/{}{named}", verb.name);
    let _ = verb.parse(&named);
}
