//! Bytes to lines: however the bytes arrive, the same lines and frames are cut from them, none is
//! longer than it may be, and no more is kept than the bounds say.
#![no_main]

use chitchat::protocol::deflate::{HEADER_MAX, PACKED_MAX_CLIENT, PACKED_MAX_SERVER};
use chitchat::protocol::frame::{Cut, Frames, Framer, HEAD_MAX, Rules, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [settings, step, bytes @ ..] = data else { return };
    let frames = [Frames::Off, Frames::FromClient, Frames::FromServer][usize::from(settings % 3)];
    let rules = Rules { line_max: HEAD_MAX + usize::from(settings / 3) * 8, frames };
    let whole = cuts(std::iter::once(bytes), rules);
    let pieces = cuts(bytes.chunks(usize::from(*step).max(1)), rules);
    assert_eq!(whole, pieces, "cut at every {step} bytes");
});

/// What is cut from pieces that arrive one after another, and how many bytes are left at the end.
fn cuts<'a>(pieces: impl Iterator<Item = &'a [u8]>, rules: Rules) -> (Vec<String>, usize) {
    let octets_max = match rules.frames {
        Frames::Off => 0,
        Frames::FromClient => PACKED_MAX_CLIENT,
        Frames::FromServer => PACKED_MAX_SERVER,
    };
    let mut framer = Framer::new();
    let mut all = Vec::new();
    for mut piece in pieces {
        while let Some(cut) = framer.cut(&mut piece, rules) {
            match cut {
                Cut::Line(line) => {
                    assert!(line.len() <= rules.line_max && !line.contains(&b'\n'));
                    let _ = text(line);
                }
                Cut::TooLong { head } => assert_eq!(head.len(), HEAD_MAX),
                Cut::Frame(header, octets) => assert_eq!(octets.len(), header.packed()),
                Cut::BadFrame(_) => {}
            }
            all.push(format!("{cut:?}"));
        }
        assert!(piece.is_empty(), "what can't be cut yet is kept");
        assert!(framer.buffered() <= octets_max.max(rules.line_max + 1).max(HEADER_MAX + 1));
    }
    (all, framer.buffered())
}
