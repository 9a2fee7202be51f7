//! Conversations on the wire: direct messages, read markers, missed messages.

use crate::support::{Script, Server, play};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[test]
fn direct_messages_reach_people_who_are_away() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play(
        "
        alice is in
        bob is in
        bob > /quit
        bob < + …
        bob is cut off
        alice > /msg @BOB are you there?
        alice < + 1
        alice > /say @bob hello?
        alice < + 2
        bob connects
        bob > /set tags on
        bob < + tags on…
        bob > /login bob correct horse battery
        bob < + welcome bob…
        ",
    );
    let conversations = script.client("bob").ask_sorted("/conversations");
    assert_eq!(conversations, ["| @alice 2 0 2 0 0", "| lobby 0 0 0 0 0", "+ 2 conversations"]);
    script.play(
        "
        bob > /history @alice
        bob < | @alice 1 {t1} alice: are you there?
        bob < | @alice 2 {t2} alice: hello?
        bob < + 2 messages
        bob > /msg alice yes
        bob < + 3
        alice < (bob > alice) yes
        ",
    );
}

#[test]
fn people_can_message_themselves() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play(
        "
        alice is in with tags
        phone connects
        phone > /set tags on
        phone < + tags on…
        phone > /login alice correct horse battery
        phone < + welcome alice…
        alice > /msg alice milk
        alice < + 1
        phone < @id=1;at={a};to=@alice (alice > alice) milk
        alice hears nothing
        phone hears nothing
        ",
    );
    let conversations = script.client("alice").ask_sorted("/conversations");
    let [to_self, _, _] = conversations.as_slice() else { panic!("{conversations:?}") };
    assert!(to_self.starts_with("| @alice 1 ") && to_self.ends_with(" 0"), "{to_self}");
}

#[test]
fn a_read_marker_is_shared_and_never_goes_back() {
    play(
        "
        alice is in
        bob is in with tags
        alice > one
        bob < @id=1;…
        alice > two
        bob < @id=2;…
        phone connects
        phone > /set tags on
        phone < + tags on…
        phone > /login bob correct horse battery
        phone < + welcome bob…
        bob > /conversations
        bob < | lobby 2 0 2 0 0
        bob < + 1 conversation
        bob > /read lobby 1
        bob < + 1
        phone < @ev=read * read: lobby 1
        bob > /read lobby 0
        bob < + 1
        bob > /read lobby 3
        bob < - bad-argument: …
        bob > /read lobby 9223372036854775808
        bob < - bad-argument: …
        bob > /read nowhere 1
        bob < - no-such-room: …
        phone > /read lobby 2
        phone < + 2
        bob < @ev=read * read: lobby 2
        bob > /conversations
        bob < | lobby 2 2 0 0 0
        bob < + 1 conversation
        # one's own lines are not unread
        alice > /conversations
        alice < | lobby 2 {read} 0 0 0
        alice < + 1 conversation
        ",
    );
}

#[test]
fn a_person_is_shown_missed_messages_and_a_program_is_not() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play(
        "
        alice is in
        bob is in
        bob > /join ops
        bob < + ops…
        alice > /join ops
        alice < + ops…
        alice > /leave lobby
        alice < + lobby…
        alice > /join lobby
        alice < + lobby…
        bob > /quit
        bob < + …
        bob is cut off
        alice > one
        alice > two
        alice > /say ops elsewhere
        alice < + 1
        alice > /msg bob psst
        alice < + 1
        program connects
        program > /set tags on
        program < + tags on…
        program > /login bob correct horse battery
        program < + welcome bob…
        person connects
        person > /set replay 1
        person < + replay 1…
        person > /login bob correct horse battery
        person < | 1 earlier line…
        person < | lobby 2 {t} alice: two
        ",
    );
    let others = script.client("person").read_until("+ welcome bob…");
    for news in ["@alice", "ops"] {
        assert!(others.iter().any(|row| row.starts_with("| ") && row.contains(news)), "{others:?}");
    }
    assert_eq!(others.len(), 3, "{others:?}");
}

/// What the console says to somebody who is away is shown and can be read, but not answered.
#[test]
fn messages_from_the_console_can_be_read() {
    let server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    alice.ask("/quit");
    let mut console = UnixStream::connect(server.data().join("admin.sock")).unwrap();
    console.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    console.write_all(b"/msg alice the disk is full\n/quit\n").unwrap();
    let mut seen = String::new();
    console.read_to_string(&mut seen).unwrap();
    assert!(seen.contains("\n+ 1\n"), "{seen}");

    let mut alice = server.connect();
    alice.send("/login alice correct horse battery");
    alice.expect("| @server: 1 new line. /history @server after=0");
    alice.expect("+ welcome alice…");
    alice.send("/history @server after=0");
    alice.expect("| @server 1 … server: the disk is full");
    alice.expect("+ 1 message");
    alice.send("/read @server 1");
    alice.expect("+ 1");
    for refused in ["/msg server thanks", "/say @server thanks", "/post @server key thanks"] {
        alice.send(refused);
        alice.expect("- bad-name: …");
    }
}
