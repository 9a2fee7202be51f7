//! Telnet's commands: however the bytes arrive, the same data comes of them, nothing is added, and
//! what is answered is bounded whatever the peer sends.
#![no_main]

use chitchat::protocol::telnet::{REFUSALS_MAX, Telnet};
use libfuzzer_sys::fuzz_target;

/// An answer to an option is three octets; beside the refusals the server asks for BINARY, answers
/// each command TIMING-MARK, and hides and shows the input of a password.
const OFFER: usize = 3;

fuzz_target!(|data: &[u8]| {
    let [step, bytes @ ..] = data else { return };
    let whole = filter(std::iter::once(bytes));
    let pieces = filter(bytes.chunks(usize::from(*step).max(1)));
    assert_eq!(whole, pieces, "read {step} bytes at a time");
    let (plain, reply, commands) = whole;
    assert!(plain.len() <= bytes.len());
    assert!(commands * 2 <= bytes.len());
    assert!(reply.len() <= OFFER * (usize::from(REFUSALS_MAX) + commands + 4));
    if !bytes.contains(&0xff) {
        assert_eq!((plain.as_slice(), reply.is_empty(), commands), (bytes, true, 0));
    }
});

fn filter<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<u8>, usize) {
    let mut telnet = Telnet::default();
    let (mut plain, mut reply, mut commands) = (Vec::new(), Vec::new(), 0);
    for piece in pieces {
        if telnet.is_needed(piece) {
            commands += telnet.filter(piece, &mut plain, &mut reply);
        } else {
            plain.extend_from_slice(piece);
        }
    }
    (plain, reply, commands)
}
