//! Who comes and goes, on the wire: who is told what, and who is here.

use crate::support::{DEADLINE, Script, Server, play};
use std::time::Instant;

#[test]
fn arrivals_and_departures_are_announced_in_small_rooms() {
    play(
        "
        alice is in with tags
        alice > /leave lobby
        alice < + lobby…
        alice > /join ops
        alice < + ops…
        bob is in
        bob > /join ops
        bob < + ops…
        alice < @ev=join;who=bob [ops] * …
        bob > /leave ops
        bob < + ops…
        alice < @ev=leave;who=bob [ops] * …
        bob > /join ops
        bob < + ops…
        alice < @ev=join;who=bob [ops] * …
        # some moments after somebody came or went, so that a flapping connection says nothing
        alice < @ev=online;who=bob [ops] * …
        bob drops
        alice < @ev=offline;who=bob [ops] * …
        again connects
        again > /login bob correct horse battery
        again < + welcome bob…
        alice < @ev=online;who=bob [ops] * …
        ",
    );
}

#[test]
fn presence_off_hides_arrivals_and_departures() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play(
        "
        alice is in
        alice > /set presence off
        alice < + presence off…
        alice > /create ops
        alice < + ops…
        bob is in
        bob > /join ops
        bob < + ops…
        bob drops
        bob connects
        bob > /login bob correct horse battery
        bob < + welcome bob…
        bob > /say ops back
        bob < + {id}…
        ",
    );
    let lines = script.client("alice").read_until("[ops] bob: back");
    assert!(!lines.iter().any(|line| line.contains("[ops] * bob is")), "{lines:?}");
}

#[test]
fn joining_and_leaving_reach_the_accounts_other_devices() {
    play(
        "
        alice is in
        phone connects
        phone > /set tags on
        phone < + tags on…
        phone > /login alice correct horse battery
        phone < + welcome alice…
        alice > /join ops
        alice < + ops…
        phone < @ev=join;who=alice [ops] * …
        bob is in
        bob > /join ops
        bob < + ops…
        bob > hello
        phone < @id=1;at={at} [ops] bob: hello
        alice > /role ops bob owner
        alice <~ + bob owner
        phone < @ev=role;who=bob;by=alice;set=owner [ops] * …
        alice > /leave ops
        alice <~ + ops…
        phone < @ev=leave;who=alice [ops] * …
        phone > /say ops still here
        phone < - not-a-member: …
        ",
    );
}

#[test]
fn who_lists_members_who_are_online_first() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play(
        "
        alice is in
        bob is in
        carol is in
        bob > /quit
        bob < + …
        bob is cut off
        ",
    );
    for command in ["/who", "/who lobby", "/who #LOBBY"] {
        // Bob has seen the end of his connection; the room is told a moment later.
        let asked = Instant::now();
        loop {
            let members = script.client("alice").ask_sorted(command);
            if members == ["| alice here", "| bob away", "| carol here", "+ 3 members"] {
                break;
            }
            assert!(asked.elapsed() < DEADLINE, "{members:?}");
        }
    }
}
