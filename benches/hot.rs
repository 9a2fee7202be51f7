//! The cost of a message's path, step by step: `cargo bench --bench hot`.
//!
//! Each bench says how many lines it handles, so they can be compared by items per second.
//! Whole servers are measured by the load generator (`bench/load`), side by side with others.
#![allow(missing_docs, reason = "benches")]

use chitchat::protocol::command::{Input, LINE_MAX, parse_line};
use chitchat::protocol::deflate::{Packer, Unpacker};
use chitchat::protocol::frame::{Cut, Framer, Frames, Rules};
use chitchat::protocol::line::{Body, Line, Tags};
use chitchat::protocol::names::check_text;
use chitchat::server::bench::{AccountTap, BusyRoom};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

const SAID: &str = "/say lobby the cake is in the fridge, help yourselves before it is gone";
const LINES: usize = 100;

fn main() {
    divan::main();
}

fn live_line(id: u64) -> Vec<u8> {
    let tags = Tags { id: Some(id), at: Some(1_795_370_281_123 + id), ..Tags::default() };
    let body = Body::RoomMessage { room: "lobby", author: "alice", mark: None, text: &SAID[11..] };
    let mut out = Vec::new();
    Line { tags, body }.encode(&mut out);
    out
}

#[divan::bench]
fn cut_100_lines(bencher: Bencher) {
    let input = format!("{SAID}\n").repeat(LINES).into_bytes();
    let rules = Rules { line_max: LINE_MAX, frames: Frames::Off };
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
        let mut framer = Framer::new();
        let mut rest = &input[..];
        let mut lines = 0;
        while let Some(Cut::Line(line)) = framer.cut(&mut rest, rules) {
            lines += line.len();
        }
        black_box(lines)
    });
}

#[divan::bench]
fn parse_a_command(bencher: Bencher) {
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| match parse_line(black_box(SAID)) {
        Input::Command { verb: Ok(verb), rest, .. } => verb.parse(rest).is_ok(),
        _ => false,
    });
}

#[divan::bench]
fn encode_a_line(bencher: Bencher) {
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        out.clear();
        let tags = Tags { id: Some(black_box(123_456)), at: Some(1_795_370_281_123), ..Tags::default() };
        Line { tags, body: Body::RoomMessage { room: "lobby", author: "alice", mark: None, text: SAID } }
            .encode(&mut out)
    });
}

#[divan::bench]
fn parse_a_server_line(bencher: Bencher) {
    let line = String::from_utf8(live_line(7)).unwrap_or_default();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| Line::parse(black_box(line.trim_end())).is_ok());
}

#[divan::bench(args = [1, 5, 20, 100])]
fn pack(bencher: Bencher, lines: u64) {
    let plain: Vec<u8> = (0..lines).flat_map(live_line).collect();
    let mut packer = Packer::new();
    bencher.counter(ItemsCount::new(lines)).bench_local(|| packer.pack(black_box(&plain)).map(|frame| frame.len()));
}

#[divan::bench(args = [1, 5, 20, 100])]
fn unpack(bencher: Bencher, lines: u64) {
    let plain: Vec<u8> = (0..lines).flat_map(live_line).collect();
    // Below the minimum size there is no frame, and nothing to measure.
    let Some(frame) = Packer::new().pack(&plain) else { return };
    let rules = Rules { line_max: 8192, frames: Frames::FromServer };
    let mut unpacker = Unpacker::new();
    bencher.counter(ItemsCount::new(lines)).bench_local(|| {
        let mut framer = Framer::new();
        match framer.cut(&mut &frame[..], rules) {
            Some(Cut::Frame(header, packed)) => unpacker.unpack(header, packed).map_or(0, |lines| lines.len()),
            _ => 0,
        }
    });
}

/// Checking what is said: English, Greek and Japanese.
#[divan::bench(args = [SAID, "Το κέικ είναι στο ψυγείο, σερβιριστείτε πριν τελειώσει", "ケーキは冷蔵庫にあります。なくなる前にどうぞ。"])]
fn check_a_text(bencher: Bencher, text: &str) {
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| check_text(black_box(text)).is_ok());
}

/// Paying for a line and looking whether the next one may come, from the bucket that an account's
/// connections share.
#[divan::bench]
fn draw_from_a_tap(bencher: Bencher) {
    let tap = AccountTap::default();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| black_box(&tap).draw());
}

/// Deciding a line and delivering it, with a store that takes no time.
#[divan::bench(args = [2, 100, 1000])]
fn dispatch(bencher: Bencher, members: u32) {
    let mut room = BusyRoom::new(members);
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| room.say(black_box(&SAID[11..])));
}
