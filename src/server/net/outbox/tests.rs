use super::backlog::PIECE;
use super::*;
use crate::protocol::deflate::{Packer, Unpacker};
use crate::protocol::frame::{Cut, Framer, Frames, Rules};
use crate::protocol::line::SERVER_LINE_MAX;
use proptest::prelude::*;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::LazyLock;

fn pair() -> (Socket, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    (Socket::Unix(ours), theirs)
}

/// What has arrived, at most this many bytes of it.
fn take(from: &mut UnixStream, most: usize) -> Vec<u8> {
    let mut received = vec![0; most];
    let read = from.read(&mut received).unwrap_or(0);
    received.truncate(read);
    received
}

fn flush(outbox: &mut Outbox, socket: &mut Socket, pool: &mut BufferPool) -> Flushed {
    outbox.flush(&mut Out { socket, tls: None, record: &mut Vec::new(), pool }).unwrap()
}

fn push(outbox: &mut Outbox, bytes: &[u8], socket: &mut Socket, pool: &mut BufferPool) -> Flushed {
    outbox.push(bytes, &mut Out { socket, tls: None, record: &mut Vec::new(), pool }).unwrap()
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    let (mut socket, mut peer) = pair();
    let (mut outbox, mut pool) = (Outbox::default(), BufferPool::default());
    outbox.append(b"+ hello\n", &mut pool);
    assert_eq!(outbox.unsent(), 8);
    assert_eq!(flush(&mut outbox, &mut socket, &mut pool), Flushed::All);
    assert_eq!((outbox.unsent(), outbox.plain.capacity(), outbox.cipher.capacity()), (0, 0, 0));
    assert_eq!(take(&mut peer, 100), b"+ hello\n");
    assert!(pool.take().capacity() > 0, "the buffer was returned");
}

#[test]
fn a_buffer_that_is_too_large_is_not_pooled() {
    let mut pool = BufferPool::default();
    pool.put(Vec::with_capacity(POOLED_BYTES_MAX + 1));
    pool.put(Vec::new());
    assert_eq!(pool.take().capacity(), 0);
}

#[test]
fn writing_to_a_peer_that_is_gone_is_an_error() {
    let (mut socket, peer) = pair();
    drop(peer);
    let mut outbox = Outbox::default();
    outbox.append(b"+ hello\n", &mut BufferPool::default());
    let mut out = Out { socket: &mut socket, tls: None, record: &mut Vec::new(), pool: &mut BufferPool::default() };
    assert!(outbox.flush(&mut out).is_err());
}

#[test]
fn long_text_is_written_from_where_it_is_and_short_text_waits() {
    let (mut socket, mut peer) = pair();
    let (mut outbox, mut pool) = (Outbox::default(), BufferPool::default());
    let much = [b'x'; DIRECT_MIN];
    assert_eq!(push(&mut outbox, &much, &mut socket, &mut pool), Flushed::All);
    assert_eq!((outbox.unsent(), outbox.plain.capacity()), (0, 0));
    assert_eq!(push(&mut outbox, &much[1..], &mut socket, &mut pool), Flushed::Blocked);
    // What is already waiting goes first.
    assert_eq!(push(&mut outbox, &much, &mut socket, &mut pool), Flushed::Blocked);
    assert_eq!(outbox.unsent(), 2 * DIRECT_MIN - 1);
    assert_eq!(take(&mut peer, 1 << 20).len(), DIRECT_MIN);
}

#[test]
fn what_a_socket_does_not_take_is_held_in_pieces_and_counted() {
    let (mut socket, mut peer) = pair();
    let (mut outbox, mut pool) = (Outbox::default(), BufferPool::default());
    pool.count_held(0, 64 * 1024, 32 * 1024);
    let line = [b"[lobby] bob: ".as_slice(), &[b'x'; 3000], b"\n"].concat();
    while push(&mut outbox, &line, &mut socket, &mut pool) == Flushed::All {}
    for _ in 0..10 {
        push(&mut outbox, &line, &mut socket, &mut pool);
    }
    assert!(outbox.is_behind() && outbox.held() >= outbox.unsent() && outbox.held() < outbox.unsent() + 2 * PIECE);
    assert!(!pool.is_overfull(outbox.held()));
    while outbox.held() <= 64 * 1024 {
        push(&mut outbox, &line, &mut socket, &mut pool);
    }
    assert!(pool.is_overfull(outbox.held()) && !pool.is_overfull(32 * 1024));
    while flush(&mut outbox, &mut socket, &mut pool) == Flushed::Blocked {
        take(&mut peer, 1 << 20);
    }
    assert_eq!((outbox.is_behind(), outbox.held(), pool.held), (false, 0, 0));
}

#[test]
fn a_slow_reader_gets_whole_websocket_frames_and_then_the_reason() {
    // Frames whose lengths take one, three and nine bytes.
    let frames = [10, 125, 126, 5_000, 70_000].into_iter().cycle().take(60).map(|length| {
        let mut frame = Vec::new();
        websocket::text_header(length, &mut frame);
        frame.resize(frame.len() + length, b'x');
        frame
    });
    let frames: Vec<Vec<u8>> = frames.collect();
    for reads in [&[][..], &[1], &[3, 130, 6_000], &[200_000, 4_096, 1], &[450_000]] {
        let (mut socket, mut peer) = pair();
        let (mut outbox, mut pool) = (Outbox::default(), BufferPool::default());
        outbox.set_units(Units::WebSocket);
        for frame in &frames {
            outbox.append(frame, &mut pool);
            flush(&mut outbox, &mut socket, &mut pool);
        }
        let mut seen = Vec::new();
        for read in reads {
            seen.extend(take(&mut peer, *read));
            assert_eq!(flush(&mut outbox, &mut socket, &mut pool), Flushed::Blocked);
        }
        outbox.clear_plain();
        outbox.append(b"\x81\x03bye", &mut pool);
        while flush(&mut outbox, &mut socket, &mut pool) == Flushed::Blocked {
            seen.extend(take(&mut peer, 1 << 20));
        }
        seen.extend(take(&mut peer, 1 << 20));
        let (mut rest, mut whole) = (seen.as_slice(), 0);
        while rest != b"\x81\x03bye" {
            assert!(rest.starts_with(&frames[whole]), "after {whole} whole frames, {reads:?}");
            rest = &rest[frames[whole].len()..];
            whole += 1;
        }
        assert!(whole < frames.len(), "{reads:?}");
    }
}

/// Lines, or frames in between: more than a socket takes at once.
fn parts(frames: bool) -> &'static [Vec<u8>] {
    static PARTS: [LazyLock<Vec<Vec<u8>>>; 2] = [LazyLock::new(|| make(false)), LazyLock::new(|| make(true))];
    &PARTS[usize::from(frames)]
}

fn make(frames: bool) -> Vec<Vec<u8>> {
    let mut packer = Packer::new();
    let part = |n: u64| {
        let words: String =
            (0..40 + n % 300).fold(String::new(), |text, word| text + &format!("{:x} ", word * n * 7919 % 10007));
        let line = format!("[lobby] bob: {n} {words}\n").into_bytes();
        match packer.pack(&line) {
            Some(frame) if frames && !n.is_multiple_of(3) => frame.into_vec(),
            _ => line,
        }
    };
    (0..700).map(part).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_slow_reader_gets_whole_lines_and_frames_and_then_the_reason(
        frames in any::<bool>(), together in 1usize..20, reads in prop::collection::vec(1usize..100_000, 0..8),
    ) {
        let (mut socket, mut peer) = pair();
        let (mut outbox, mut pool) = (Outbox::default(), BufferPool::default());
        for parts in parts(frames).chunks(together) {
            push(&mut outbox, &parts.concat(), &mut socket, &mut pool);
        }
        let mut seen = Vec::new();
        let mut flushed = flush(&mut outbox, &mut socket, &mut pool);
        for read in reads {
            seen.extend(take(&mut peer, read));
            flushed = flush(&mut outbox, &mut socket, &mut pool);
        }
        if flushed == Flushed::Blocked {
            // What is partly sent stays, and half of the last piece is empty.
            prop_assert!(outbox.held() <= outbox.unsent() + 8192 + 2 * PIECE, "{} bytes are held", outbox.held());
            outbox.clear_plain();
            prop_assert!(outbox.unsent() < 8192, "{} bytes are left", outbox.unsent());
        }
        outbox.append(b"* too-slow: bye\n", &mut pool);
        while flush(&mut outbox, &mut socket, &mut pool) == Flushed::Blocked {
            seen.extend(take(&mut peer, 1 << 20));
        }
        loop {
            let received = take(&mut peer, 1 << 20);
            if received.is_empty() {
                break;
            }
            seen.extend(received);
        }

        let (mut framer, mut unpacker, mut input) = (Framer::new(), Unpacker::new(), seen.as_slice());
        let rules = Rules { line_max: SERVER_LINE_MAX, frames: Frames::FromServer };
        let mut lines: Vec<Vec<u8>> = Vec::new();
        while let Some(cut) = framer.cut(&mut input, rules) {
            match cut {
                Cut::Line(line) => lines.push(line.to_vec()),
                Cut::Frame(header, packed) => {
                    let inflated = unpacker.unpack(header, packed).unwrap();
                    framer.unroll(inflated);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert_eq!(framer.buffered(), 0);
        prop_assert_eq!(lines.pop().unwrap(), b"* too-slow: bye".to_vec());
        for (n, line) in lines.iter().enumerate() {
            let begins = format!("[lobby] bob: {n} ");
            prop_assert!(line.starts_with(begins.as_bytes()));
        }
    }
}
