//! Deflate frames: whatever a frame holds, it inflates to exactly the bytes that it announces, or is
//! refused; and what the server packs unpacks to the same lines.
#![no_main]

use chitchat::protocol::deflate::{Header, PACKED_MAX_SERVER, PLAIN_MAX, Packer, Unpacker};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local! {
    // As on a worker: one for all frames, whatever the last one left behind.
    static PACKER: RefCell<(Packer, Unpacker)> = RefCell::new((Packer::new(), Unpacker::new()));
}

fuzz_target!(|data: &[u8]| {
    PACKER.with_borrow_mut(|(packer, unpacker)| {
        from_a_peer(unpacker, data);
        let lines = [data, b"\n"].concat();
        let Some(frame) = packer.pack(&lines) else { return };
        assert!(frame.len() < lines.len(), "a frame is made only where it is shorter");
        assert_eq!(unpack(unpacker, &frame).as_deref(), Some(lines.as_slice()));
    });
});

/// The bytes as a frame, and its octets under a header that fits them.
fn from_a_peer(unpacker: &mut Unpacker, data: &[u8]) {
    unpack(unpacker, data);
    let [low, high, octets @ ..] = data else { return };
    let plain = u16::from_le_bytes([*low, *high]).max(1);
    if octets.is_empty() {
        return;
    }
    unpack(unpacker, &[format!("={} {plain} 00000000\n", octets.len()).as_bytes(), octets].concat());
}

fn unpack(unpacker: &mut Unpacker, frame: &[u8]) -> Option<Vec<u8>> {
    let end = frame.iter().position(|&byte| byte == b'\n')?;
    let header = Header::parse(&frame[..end], PACKED_MAX_SERVER).ok()?;
    let octets = frame.get(end + 1..end + 1 + header.packed())?;
    let plain = unpacker.unpack(header, octets).ok()?;
    assert!(plain.len() == header.plain() && plain.len() <= PLAIN_MAX && plain.ends_with(b"\n"));
    Some(plain)
}
