//! People who never read: what waits for them is counted as the memory that it takes.

use super::heavy;
use super::others::Others;
use super::server::open_files;
use crate::support::{Client, Server};
use std::ops::Range;
use std::time::Duration;

const READERS: usize = 1000;
/// What all of them together may cost: `limits.unread_total`, which is 64 MiB, and a quarter more for the pieces,
/// the lines under way and the allocator.
const MOST: usize = 80 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Plain,
    Tls,
    Compressed,
}

/// A text of this length that deflate can't make much smaller.
fn noise(length: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[(state >> 32) as usize % 64])
    };
    (0..length).map(|_| next()).collect()
}

fn mute(server: &Server, wire: Wire, number: usize) -> Client {
    let mut reader = if wire == Wire::Tls { server.connect_tls() } else { server.connect() };
    reader.read_slowly();
    reader.register(&format!("reader{number}"));
    if wire == Wire::Compressed {
        reader.send("/set deflate 1");
        reader.read_until("+ deflate 1");
    }
    reader
}

fn say(talker: &mut Client, lines: Range<u64>) {
    for line in lines {
        talker.send(&noise(3900, line));
        if line % 10 == 9 {
            talker.ask("/ping");
        }
    }
}

/// A thousand people sit in a room and never read, while somebody says 6 MB there.
fn mute_readers(wire: Wire) {
    let _alone = heavy();
    open_files();
    let server = Server::start();
    let mut talker = server.connect();
    talker.register("talker");
    // What storing and indexing takes is there before.
    say(&mut talker, 0..300);
    let _readers: Vec<Client> = (0..READERS).map(|number| mute(&server, wire, number)).collect();
    let others = Others::of(&server);
    say(&mut talker, 300..2000);
    let noticed = others.noticed();
    assert!(noticed.grown < MOST, "{noticed}");
    assert!(noticed.grown > 40 << 20, "they read after all: {noticed}");
    assert!(noticed.talk.median() < Duration::from_millis(250), "{noticed}");
    let figures = server.console().ask("/stats");
    assert!(figures.contains(&format!("| too-slow {READERS}")), "each is closed: {figures:?}");
}

#[test]
#[ignore = "takes half a minute"]
fn a_thousand_who_never_read_cost_80_mib() {
    mute_readers(Wire::Plain);
}

#[test]
#[ignore = "takes a minute"]
fn a_thousand_who_never_read_tls_cost_80_mib() {
    mute_readers(Wire::Tls);
}

#[test]
#[ignore = "takes half a minute"]
fn a_thousand_who_never_read_frames_cost_80_mib() {
    mute_readers(Wire::Compressed);
}
