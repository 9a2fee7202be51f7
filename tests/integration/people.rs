//! What people say about themselves, and whom they ignore: on the wire, and over a restart.

use crate::support::{Script, Server};

/// The sockets, the workers and the disk: what `/ignore` leaves out is in none of them.
#[test]
fn whoever_is_ignored_is_heard_by_programs_in_rooms_and_by_nobody_else() {
    let mut server = Server::start();
    Script::new(&server).play(
        "
        alice is in
        bob is in
        carol is in
        bot connects
        bot > /login alice correct horse battery
        bot <~ + welcome alice…
        bot > /set tags on
        bot <~ + tags on…
        alice > /profile text I look after the pumps.
        alice <~ + alice…
        alice > /away on a train
        alice <~ + you are away: on a train…
        alice > /ignore bob
        alice <~ + bob is ignored…
        bot <~ @ev=ignore;who=bob * you ignore bob now.
        bob > /say lobby buy this
        bob <~ + 1
        bob > /msg alice buy this
        bob < + 1
        bob < * away: alice is away: on a train
        bob > /create den private
        bob <~ + den…
        bob > /invite den alice
        bob < + alice is invited to den and has been told.
        carol <~ [lobby] bob: buy this
        carol > hello
        bot <~ @id=1;at={at1} [lobby] bob: buy this
        bot < @id=2;at={at2} [lobby] carol: hello
        alice < [lobby] carol: hello
        alice > /invitations
        alice < + 0 invitations
        ",
    );
    server.kill();
    server.restart();
    Script::new(&server).play(
        "
        bob connects
        bob > /login bob correct horse battery
        bob <~ + welcome bob…
        alice connects
        alice > /login alice correct horse battery
        alice <~ + welcome alice…
        alice < * away: you are away: on a train. /away alone ends it.
        alice > /ignored
        alice < | bob since {since}
        alice < + 1 account
        alice > /search buy
        alice < | lobby 1 {at3} bob: buy this
        alice < + 1 message
        alice > /search buy from=bob
        alice < | @bob 1 {at4} bob: buy this
        alice < | lobby 1 {at5} bob: buy this
        alice < + 2 messages
        bob > /profile alice
        bob < | since {since2}
        bob < | state here
        bob < | absent {since3} on a train
        bob < | text I look after the pumps.
        bob < + alice
        bob > /msg alice once more
        bob < + 2
        bob < * away: alice is away: on a train
        alice > /unignore bob
        alice < + bob is not ignored any more…
        alice > /conversations
        alice < | lobby 2 2 0 0 0
        alice < | @bob 2 0 2 0 0
        alice < + 2 conversations
        alice > /invitations
        alice < | den by bob until {until}
        alice < + 1 invitation…
        ",
    );
}
