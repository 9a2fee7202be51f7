//! Roles and moderation on the wire: on all connections at once, and over a restart.

use crate::support::{Script, Server, play};

#[test]
fn a_kick_ends_the_room_on_all_connections_and_nothing_of_it_comes_after() {
    play(
        "
        alice is in
        bob is in
        phone connects with TLS
        phone > /login bob correct horse battery
        phone <~ + welcome bob…
        phone > /set tags on
        phone < + tags on…
        alice > /create den private
        alice <~ + den…
        alice > /invite den bob
        alice <~ + bob…
        bob <~ * invited: den by alice…
        bob > /join den
        bob <~ + den…
        phone <~ @ev=join;who=bob [den] * …
        phone > /switch den
        phone < + den…
        alice > /say den one
        alice <~ + 1
        bob < [den] alice: one
        phone < @id=1;at={at} [den] alice: one
        alice > /kick #den @bob enough
        alice < + bob…
        bob < [den] * bob was kicked by alice: enough
        phone < @ev=kick;who=bob;by=alice [den] * bob was kicked by alice: enough
        alice > /say den two
        alice < + 2
        bob > three?
        bob < - no-room: …
        phone > three?
        phone < - no-room: …
        bob > /say den three?
        bob < - no-such-room: …
        bob > /history den
        bob < - no-such-room: …
        bob > /search in=den two
        bob < - no-such-room: …
        bob > /search two
        bob < + 0 messages
        bob > /conversations
        bob < | lobby 0 0 0 0 0
        bob < + 1 conversation
        bob > /join den
        bob < - not-allowed: …
        bob hears nothing
        phone hears nothing
        ",
    );
}

#[test]
fn roles_bans_mutes_and_slow_rooms_outlive_a_restart() {
    let mut server = Server::start();
    Script::new(&server).play(
        "
        alice is in
        bob is in
        carol is in
        dan is in
        alice > /create ops
        alice <~ + ops…
        bob > /join ops
        bob <~ + ops…
        carol > /join ops
        carol <~ + ops…
        alice > /role ops bob moderator
        alice <~ + bob moderator
        bob > /ban ops dan
        bob <~ + dan…
        bob > /mute ops carol for=365d
        bob <~ + carol…
        alice > /slow ops 365d
        alice <~ + ops…
        alice > /rename ops dev
        alice <~ + dev…
        alice > /create gone
        alice <~ + gone…
        alice > /say gone farewell
        alice <~ + 1
        alice > /close gone
        alice <~ + gone…
        ",
    );
    server.kill();
    server.restart();
    let mut script = Script::new(&server);
    for name in ["alice", "bob", "carol", "dan"] {
        script.play(&format!(
            "{name} connects\n{name} > /login {name} correct horse battery\n{name} <~ + welcome {name}…"
        ));
        script.play(&format!("{name} > /set tags on\n{name} <~ + tags on…"));
    }
    script.play(
        "
        dan > /join dev
        dan <~ - banned: …
        dan > /join ops
        dan <~ @set=dev - name-taken: …
        dan > /join gone
        dan <~ - name-taken: …
        carol > /say dev hello
        carol <~ @retry={retry} - muted: …
        bob > /role dev alice
        bob <~ + alice owner
        alice > /role dev bob member
        alice <~ + bob member
        bob > /say dev once
        bob <~ + 1
        bob > /say dev twice
        bob <~ @retry={retry} - slow-down: …
        alice > /audit dev limit=2
        alice <~ | {t1} alice role bob member
        alice < | {t2} alice rename - dev
        alice < + 2 actions, more={cursor}
        alice > /audit dev more={cursor}
        alice <~ | {t3} alice slow - 365d
        alice < | {t4} bob mute carol for=365d
        alice < | {t5} bob ban dan
        alice < | {t6} alice role bob moderator
        alice < + 4 actions
        ",
    );
}
