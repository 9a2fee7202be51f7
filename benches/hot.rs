//! What a message costs on its way, piece by piece: `cargo bench --bench hot`.
//!
//! Each bench says how many lines it handles, so the column of items a second compares them.
//! Whole servers are measured by the load generator (`bench/load`), side by side with others.
#![allow(missing_docs, reason = "benches")]

use chitchat::protocol::command::{Command, Input, LINE_MAX, parse_line};
use chitchat::protocol::deflate::{Packer, Unpacker};
use chitchat::protocol::frame::{Cut, Framer, Frames, Rules};
use chitchat::protocol::line::{Body, Line, Tags};
use chitchat::protocol::names::{
    AccountId, AddressGroup, ConnId, ConversationId, MessageId, RoomName, Target, Text, UserName,
};
use chitchat::protocol::secrets::Digest;
use chitchat::server::core::{NotKept, Registration, Storage};
use chitchat::server::hub::{Effects, Hub, Now, Settings};
use chitchat::server::traffic::{
    AccountRecord, Appended, ConversationKind, ConversationRecord, Draft, MemberRecord, Request, RequestKind, Role,
    Share, Snapshot, TokenRecord, Viewer, Write,
};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use std::time::Instant;

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
    // Below the least size there is no frame, and nothing to measure.
    let Some(frame) = Packer::new().pack(&plain) else { return };
    let rules = Rules { line_max: 8192, frames: Frames::FromServer };
    let mut unpacker = Unpacker::new();
    bencher.counter(ItemsCount::new(lines)).bench_local(|| {
        let mut framer = Framer::new();
        match framer.cut(&mut &frame[..], rules) {
            Some(Cut::Frame(header, packed)) => unpacker.unpack(header, packed).map(|lines| lines.len()).unwrap_or(0),
            _ => 0,
        }
    });
}

/// A store that takes no time.
struct Counter(MessageId);

impl Storage for Counter {
    fn write(&mut self, _: Write) {}

    fn append(&mut self, _: &Draft) -> Result<Appended, NotKept> {
        self.0 = self.0.next().unwrap_or(MessageId::ZERO);
        Ok(Appended::New(self.0))
    }
}

fn token(account: i64) -> Digest {
    Digest::of(&format!("token {account}"))
}

/// A room of so many members, each with one connection; the last of them talks.
fn room(members: i64) -> (Hub, ConnId) {
    let mut world = Snapshot::default();
    let room = ConversationId::new(1);
    let kind = ConversationKind::Room { name: RoomName::lobby(), private: false, topic: String::new() };
    world.conversations.push(ConversationRecord { id: room, kind, last: MessageId::ZERO });
    for n in 1..=members {
        let id = AccountId::new(n);
        let name = UserName::parse(&format!("u{n}")).unwrap_or_else(|_| UserName::server());
        world.accounts.push(AccountRecord { id, name, hash: Some("x".into()), generation: 0, admin: false, at: 0 });
        let member = MemberRecord { conversation: room, account: id, role: Role::Member, read: MessageId::ZERO };
        world.members.push(member);
        world.tokens.push(TokenRecord { digest: token(n), account: id, label: "bench".to_owned(), at: 0 });
    }
    let settings = Settings {
        registration: Registration::Open,
        logins: None,
        registrations: None,
        answer_bytes: 65_536,
        workers: 2,
    };
    let mut hub = Hub::new(settings, world);
    let mut storage = Counter(MessageId::ZERO);
    let mut effects = Effects::default();
    let now = Now { instant: Instant::now(), wall: 0 };
    let mut last = ConnId::new(0, 0);
    for n in 1..=members {
        last = ConnId::new((n % 2) as u8, n as u64);
        let kind = RequestKind::Resume { token: token(n), from: AddressGroup::Console };
        hub.handle(now, Request { conn: last, viewer: Viewer::Program, kind, bytes: 0 }, &mut storage, &mut effects);
        effects = Effects::default();
    }
    hub.commit(&mut effects);
    (hub, last)
}

/// Deciding a line and handing it out, with a store that takes no time.
#[divan::bench(args = [2, 100, 1000])]
fn dispatch(bencher: Bencher, members: i64) {
    let (mut hub, conn) = room(members);
    let mut storage = Counter(MessageId::ZERO);
    let mut effects = Effects::default();
    let now = Now { instant: Instant::now(), wall: 1_795_370_281_123 };
    bencher
        .counter(ItemsCount::new(1usize))
        .with_inputs(|| {
            let Ok(Some(text)) = Text::parse(&SAID[11..]) else { return None };
            let command = Command::Say { target: Target::Room(RoomName::lobby()), key: None, text };
            Some(Request { conn, viewer: Viewer::Program, kind: RequestKind::Command(command), bytes: 0 })
        })
        .bench_local_values(|request| {
            if let Some(request) = request {
                hub.handle(now, request, &mut storage, &mut effects);
            }
            drop(effects.take_lines(Share::default()));
            effects.deliveries.drain(..).count()
        });
}
