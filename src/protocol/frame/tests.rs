//! The framer's tests: transcripts, and any split of what a peer may send.

use super::*;
use crate::protocol::deflate::{Packer, Unpacker};
use proptest::prelude::*;

const LINES: Rules = Rules { line_max: 100, frames: Frames::Off };
const FRAMES: Rules = Rules { line_max: 100, frames: Frames::FromClient };

/// A cut as text: `a line`, `too long: HEAD`, `frame: OCTETS`, `bad: WHY`. A frame that
/// unpacks is unrolled.
fn show(framer: &mut Framer, input: &mut &[u8], rules: Rules) -> Option<String> {
    let (shown, lines) = match framer.cut(input, rules)? {
        Cut::Line(line) => (String::from_utf8_lossy(line).into_owned(), None),
        Cut::TooLong { head } => (format!("too long: {}", String::from_utf8_lossy(head)), None),
        Cut::Frame(header, packed) => (format!("frame: {}", packed.len()), Unpacker::new().unpack(header, packed).ok()),
        Cut::BadFrame(error) => (format!("bad: {error}"), None),
    };
    if let Some(lines) = lines {
        framer.unroll(lines);
    }
    Some(shown)
}

/// All cuts of bytes that arrive in these pieces, and how many are left uncut.
fn cuts<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, rules: Rules) -> (Vec<String>, usize) {
    let (mut framer, mut cuts) = (Framer::new(), Vec::new());
    for mut piece in pieces {
        while let Some(cut) = show(&mut framer, &mut piece, rules) {
            cuts.push(cut);
        }
        assert!(piece.is_empty());
        assert!(framer.buffered() <= rules.line_max.max(PACKED_MAX_CLIENT) + 1);
    }
    let left = framer.buffered();
    assert!(left > 0 || framer.kept.capacity() == 0, "an empty framer holds memory");
    (cuts, left)
}

fn whole(bytes: &[u8], rules: Rules) -> Vec<String> {
    cuts([bytes], rules).0
}

#[test]
fn lines_end_in_lf_and_one_cr_before_it_is_dropped() {
    assert_eq!(
        cuts([&b"a\nb\r\n\nc\r\r\nd\re\nrest"[..]], LINES),
        (vec!["a".into(), "b".into(), String::new(), "c\r".into(), "d\re".into()], 4)
    );
    assert_eq!(whole(b"=1 2 3\n", LINES), ["=1 2 3"]);
}

#[test]
fn a_long_line_is_refused_once_and_before_its_end_arrives() {
    let (most, head) = ("x".repeat(100), format!("too long: {}", "x".repeat(HEAD_MAX)));
    assert_eq!(whole(format!("{most}\n{most}\r\n").as_bytes(), LINES), [&most[..], &most]);
    assert_eq!(whole(format!("{most}x\r\na\n").as_bytes(), LINES), [&head[..], "a"]);
    assert_eq!(whole(format!("{most}\r").as_bytes(), LINES), [""; 0]);
    assert_eq!(cuts([format!("{most}x").as_bytes()], LINES), (vec![head.clone()], 0));
    let pieces = [most.as_bytes(), b"x", most.as_bytes(), b"tail\nb\n"];
    assert_eq!(cuts(pieces, LINES), (vec![head, "b".into()], 0));
}

#[test]
fn the_limit_for_a_line_is_the_one_given_when_it_is_cut() {
    let long = format!("first\n{}\n", "x".repeat(150));
    let (mut framer, mut input) = (Framer::new(), long.as_bytes());
    assert_eq!(show(&mut framer, &mut input, LINES).unwrap(), "first");
    framer.keep(input);
    assert_eq!(framer.buffered(), 151);
    let more = Rules { line_max: 200, ..LINES };
    assert_eq!(show(&mut framer, &mut &b""[..], more).unwrap(), "x".repeat(150));
    assert_eq!(show(&mut framer, &mut &b""[..], more), None);
    assert_eq!((framer.buffered(), framer.kept.capacity()), (0, 0));
}

/// Each read ends inside a line, so that there is always something to keep.
#[test]
fn what_is_cut_takes_no_memory() {
    let mut framer = Framer::new();
    for _ in 0..100 {
        let mut input = &b"ine\nanother line\nand half a l"[..];
        while show(&mut framer, &mut input, LINES).is_some() {}
        assert!(framer.kept.capacity() < 100, "{}", framer.kept.capacity());
    }
    // A burst is kept as a whole, and leaves half a line behind.
    let burst = b"ine\nanother line\nand half a l".repeat(200);
    framer.keep(&burst);
    while show(&mut framer, &mut &b""[..], LINES).is_some() {}
    assert_eq!(framer.buffered(), "and half a l".len());
    assert!(framer.kept.capacity() <= SLACK_MAX, "{}", framer.kept.capacity());
}

#[test]
fn a_bom_that_opens_a_connection_is_dropped_once() {
    let bytes = "\u{feff}a\n\u{feff}b\n".as_bytes();
    assert_eq!(whole(bytes, LINES), ["a", "\u{feff}b"]);
    assert_eq!(cuts(bytes.chunks(1), LINES).0, ["a", "\u{feff}b"]);
    assert_eq!(whole(b"\xef\xbb\n", LINES), ["\u{fffd}"]);
    assert_eq!(cuts([&b"\xef\xbb"[..]], LINES), (vec![], 2));
    assert_eq!(cuts(["\u{feff}".as_bytes()], LINES), (vec![], 0));
}

#[test]
fn frames_are_cut_between_lines_and_their_lines_are_never_headers() {
    let lines = format!("one\n=1 2 3\n{}\n{}\n", "x".repeat(101), "y".repeat(100));
    let frame = Packer::new().pack(lines.as_bytes()).unwrap();
    let bytes = [b"before\n", &frame[..], b"after\n=7"].concat();
    let octets = frame.len() - frame.iter().position(|&b| b == b'\n').unwrap() - 1;
    let expected = [
        "before".to_owned(),
        format!("frame: {octets}"),
        "one".to_owned(),
        "=1 2 3".to_owned(),
        format!("too long: {}", "x".repeat(HEAD_MAX)),
        "y".repeat(100),
        "after".to_owned(),
    ];
    assert_eq!(whole(&bytes, FRAMES), expected);
    assert_eq!(cuts(bytes.chunks(1), FRAMES).0, expected);
}

#[test]
fn nothing_is_cut_after_a_bad_header() {
    for header in
        ["=\n", "=1 2 0000000\n", "=01 2 00000000\n", "=1 2 0000000A\n", "=1 2  00000000\n", "=0 1 00000000\n"]
    {
        assert_eq!(
            whole(format!("{header}a\n").as_bytes(), FRAMES),
            ["bad: a frame must begin with =PACKED PLAIN CRC"]
        );
    }
    assert_eq!(
        cuts([&b"=345678901234567890123456789"[..], b"\na\n"], FRAMES),
        (vec!["bad: a frame must begin with =PACKED PLAIN CRC".into()], 0)
    );
    assert_eq!(whole(b"=16385 65536 00000000\n", FRAMES), ["bad: a frame can have at most 16384 packed octets"]);
    assert_eq!(whole(b"=1 65537 00000000\n", FRAMES), ["bad: a frame can inflate to at most 65536 octets"]);
    let from_server = Rules { frames: Frames::FromServer, ..FRAMES };
    assert_eq!(cuts([&b"=65536 65536 00000000\na"[..]], from_server), (vec![], 1));
}

#[test]
fn a_line_is_text_or_refused() {
    assert_eq!(text("h\u{e9}\tllo".as_bytes()).unwrap(), "h\u{e9}\tllo");
    assert_eq!(text(b"\xff").unwrap_err().code, Code::BadUtf8);
    assert_eq!(text(b"a\rb").unwrap_err().code, Code::BadText);
    assert_eq!(too_long(512).code, Code::LineTooLong);
}

/// What a peer may send: lines, long lines, frames good and bad, noise.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[a-z=\u{feff}\r]{0,30}(\r)?\n".prop_map(String::into_bytes),
        1 => "[a-z]{95,260}\r?\n".prop_map(String::into_bytes),
        1 => "((hello there|hi|=){1,9}\r?\n){8,20}".prop_map(|l| Packer::new().pack(l.as_bytes()).map_or(vec![], Vec::from)),
        1 => "=[0-9]{1,3} [0-9]{1,3} [0-9a-f]{7,9}\n".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_cuts(bytes in pieces(), split in prop::collection::vec(1usize..60, 1..20), frames in any::<bool>()) {
        let rules = if frames { FRAMES } else { LINES };
        let (mut rest, mut split_up) = (&bytes[..], Vec::new());
        for &len in split.iter().cycle() {
            let (piece, after) = rest.split_at(len.min(rest.len()));
            split_up.push(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(cuts(split_up, rules), cuts([&bytes[..]], rules));
    }

    #[test]
    fn stopping_at_any_line_loses_nothing(bytes in pieces(), stops in prop::collection::vec(any::<bool>(), 1..20)) {
        let (mut framer, mut input, mut got) = (Framer::new(), &bytes[..], Vec::new());
        for stop in stops.into_iter().cycle() {
            match show(&mut framer, &mut input, FRAMES) {
                Some(cut) => got.push(cut),
                None => break,
            }
            if stop {
                framer.keep(input);
                input = &[];
            }
        }
        prop_assert_eq!((got, framer.buffered()), cuts([&bytes[..]], FRAMES));
    }

    #[test]
    fn every_whole_line_is_cut_unchanged(bytes in "([a-z]{0,90}\n){0,20}[a-z]{0,20}") {
        let (lines, left) = cuts(bytes.as_bytes().chunks(7), LINES);
        let end = bytes.rfind('\n').map_or(0, |at| at + 1);
        prop_assert_eq!(lines.iter().fold(String::new(), |text, line| text + line + "\n"), &bytes[..end]);
        prop_assert_eq!(left, bytes.len() - end);
    }
}

#[test]
fn the_bounds_are_those_of_the_longest_that_may_come() {
    use crate::protocol::args::LABEL_MAX;
    use crate::protocol::deflate::PLAIN_MAX;
    assert_eq!(HEAD_MAX, format!("/@{} ", "x".repeat(LABEL_MAX)).len());
    assert_eq!(HEADER_MAX, format!("={PACKED_MAX_SERVER} {PLAIN_MAX} ffffffff").len());
}

#[test]
fn lines_of_a_frame_count_as_buffered_until_they_are_cut() {
    let mut framer = Framer::new();
    let (mut input, mut buffered) = (&b""[..], Vec::new());
    framer.unroll(b"one\ntwo\n".to_vec());
    buffered.push(framer.buffered());
    while show(&mut framer, &mut input, FRAMES).is_some() {
        buffered.push(framer.buffered());
    }
    assert_eq!(buffered, [8, 4, 0]);
}

#[test]
fn a_header_that_is_too_long_is_bad_however_it_arrives() {
    for header in ["=00000000000000001 1 d0d0d0d0\nx", "=51241 1 d0d0d0d0d0d0d0d0d0\n"] {
        let whole = whole(header.as_bytes(), FRAMES);
        assert_eq!(whole, [format!("bad: {}", BadFrame::Header)]);
        assert_eq!(cuts(header.as_bytes().chunks(8), FRAMES).0, whole);
    }
}
