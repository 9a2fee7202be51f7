//! Lines of somebody whom an account in the room ignores.

use super::server::{ALICE, Client, LOBBY, Server, limits};
use crate::protocol::line::{Body, Line, Tags};
use crate::protocol::names::{AccountId, ConnId, MessageId};
use crate::server::traffic::{Ack, Delivery, Lines, RoomMessage, UnheardBy};
use std::sync::Arc;

const BOB: AccountId = AccountId::new(3);

/// Bob, who is in the lobby too.
fn bob(server: &mut Server) -> Client {
    let mut client = server.client();
    client.send("/resume token\n");
    let conn = server.asked("Resume");
    server.worker.send(Delivery::Attached { conn, account: BOB, rooms: vec![LOBBY], tap: None });
    server.answer(conn, "welcome bob");
    assert_eq!(client.line(), "+ welcome bob");
    client
}

/// One batch of lines, each with its author, who said it and who does not hear it.
fn say(server: &Server, said: &[(&str, ConnId, Ack, UnheardBy)]) {
    let mut lines = Lines::default();
    let line = |(id, (author, ..)): (u64, &(&str, ConnId, Ack, UnheardBy))| {
        let body = Body::RoomMessage { room: "lobby", author, mark: None, text: "hi" };
        lines.push(&Line { tags: Tags { id: Some(id), ..Tags::default() }, body })
    };
    let refs: Vec<_> = (1..).zip(said).map(line).collect();
    let messages = said.iter().zip(refs).map(|((_, from, ack, unheard_by), line)| {
        let (from, ack, unheard_by) = (*from, *ack, unheard_by.clone());
        Delivery::RoomMessage(RoomMessage { room: LOBBY, from, ack, unheard_by, line })
    });
    let mut batch: Vec<Delivery> = messages.collect();
    batch.insert(0, Delivery::Lines(Arc::new(lines)));
    server.worker.send_all(&mut batch);
}

/// In a batch with others, one of which is by a person who ignores somebody.
#[test]
fn people_are_not_shown_lines_of_whom_they_ignore_and_all_others_are() {
    let mut server = Server::start(limits());
    let (mut person, conn) = server.member();
    let (mut program, _) = server.member();
    program.send("/set tags on\n");
    assert_eq!(program.line(), "+ tags on epoch=E protocol=1");
    let mut bob = bob(&mut server);
    person.send("/say lobby hi\n");
    server.asked("Command");
    let elsewhere = ConnId::new(1, 1);
    let by_alice: UnheardBy = Some([ALICE].into());
    let id = MessageId::new(3).unwrap();
    say(
        &server,
        &[
            ("carol", elsewhere, Ack::None, None),
            ("mallory", elsewhere, Ack::None, by_alice.clone()),
            ("alice", conn, Ack::Id(id), None),
            ("mallory", elsewhere, Ack::None, by_alice),
            ("carol", elsewhere, Ack::None, None),
        ],
    );
    assert_eq!([person.line(), person.line(), person.line()], ["[lobby] carol: hi", "+ 3", "[lobby] carol: hi"]);
    let authors = ["carol", "mallory", "alice", "mallory", "carol"];
    for (id, author) in (1..).zip(authors) {
        assert_eq!(program.line(), format!("@id={id} [lobby] {author}: hi"));
        assert_eq!(bob.line(), format!("[lobby] {author}: hi"));
    }
    // It is served with all others again.
    say(&server, &[("carol", elsewhere, Ack::None, None)]);
    assert_eq!((person.line(), bob.line()), ("[lobby] carol: hi".to_owned(), "[lobby] carol: hi".to_owned()));
    server.stop();
    server.join();
}

#[test]
fn people_are_not_told_what_somebody_they_ignore_did() {
    let mut server = Server::start(limits());
    let (mut person, _) = server.member();
    let mut bob = bob(&mut server);
    let mut lines = Lines::default();
    let mut tell = |text, unheard_by| {
        let line = lines.push(&Line::plain(Body::Event { room: "lobby", text }));
        Delivery::Event { room: LOBBY, by: AccountId::new(4), presence: false, unheard_by, line }
    };
    let mut events = vec![tell("mallory edited 1: hi", Some([ALICE].into())), tell("mallory pinned 1", None)];
    events.insert(0, Delivery::Lines(Arc::new(lines)));
    server.worker.send_all(&mut events);
    assert_eq!(person.line(), "[lobby] * mallory pinned 1");
    assert_eq!([bob.line(), bob.line()], ["[lobby] * mallory edited 1: hi", "[lobby] * mallory pinned 1"]);
    server.stop();
    server.join();
}
