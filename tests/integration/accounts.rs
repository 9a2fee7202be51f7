//! Accounts on the wire: registering, logging in, device tokens, invitations.

use crate::support::{PASSWORD, Script, Server, play};

#[test]
fn a_new_person_is_in_the_lobby() {
    play(
        "
        alice connects
        alice > /register Alice correct horse battery
        alice < + welcome Alice…
        alice > /whoami
        alice < + Alice…
        bob is in
        alice > hello
        bob < [lobby] Alice: hello
        ",
    );
}

#[test]
fn verbs_are_refused_on_the_wrong_side_of_the_login() {
    play(
        "
        alice connects
        alice > hello
        alice < - not-logged-in: …
        alice > /whoami
        alice < - not-logged-in: …
        alice > /say lobby hello
        alice < - not-logged-in: …
        alice > /set deflate 1
        alice < - not-logged-in: …
        alice > /ping before  login
        alice < + before  login
        alice > /register alice correct horse battery
        alice < + welcome alice…
        alice > /register bob correct horse battery
        alice < - already-logged-in: …
        alice > /login alice correct horse battery
        alice < - already-logged-in: …
        alice > /resume t0
        alice < - already-logged-in: …
        ",
    );
}

#[test]
fn names_are_case_folded_and_never_reused() {
    play(
        "
        alice connects
        alice > /register Alice correct horse battery
        alice < + welcome Alice…
        other connects
        other > /register aLICE correct horse battery
        other < - name-taken: …
        other > /login @ALICE correct horse battery
        other < + welcome Alice…
        ",
    );
}

#[test]
fn an_impossible_name_is_refused_after_the_password() {
    let server = Server::start();
    let mut client = server.connect();
    let long = "a".repeat(33);
    for name in ["b!d", "bob.", "bób", "server", "SERVER", "a:b", "[x]", long.as_str()] {
        client.send(&format!("/register {name} {PASSWORD}"));
        client.expect("- bad-name: …");
    }
    client.send("/register b!d");
    client.expect("? …");
    client.send(PASSWORD);
    client.expect("- bad-name: …");
    client.send("/register");
    client.expect("- bad-argument: …");
    client.register(&"a".repeat(32));
}

#[test]
fn a_device_token_is_shown_once_and_logs_in_until_it_is_revoked() {
    play(
        "
        alice is in
        alice > /token new laptop
        alice < + {token}…
        alice > /token new laptop
        alice < - name-taken: …
        alice > /token new phone
        alice < + …
        alice > /token list
        alice < | laptop…
        alice < | phone…
        alice < + 2 tokens
        laptop connects
        laptop > /resume {token}
        laptop < + welcome alice…
        alice > /token revoke laptop
        alice < + laptop…
        late connects
        late > /resume {token}
        late < - bad-credentials: …
        alice > /token revoke laptop
        alice < - …
        alice > /token
        alice < - bad-argument: …
        ",
    );
}

#[test]
fn a_token_begins_with_no_letter_that_openssl_swallows() {
    let server = Server::start();
    let mut script = Script::new(&server);
    script.play("alice is in\nalice > /token new x\nalice < + {token}…");
    let first = script.word("token").chars().next().unwrap();
    assert!(!"QRKkC".contains(first), "{first}");
}

#[test]
fn a_closed_server_accepts_no_new_accounts() {
    let server = Server::with(&["registration=closed"]);
    Script::new(&server).play(
        "
        alice connects
        alice > /register alice correct horse battery
        alice < - registration-closed: …
        ",
    );
}

#[test]
fn an_invitation_lets_in_as_many_people_as_it_says() {
    let server = Server::with(&["registration=invite"]);
    let printed = server.command_output(&["invite", "--admin"]);
    let code = printed.split_whitespace().find(|word| word.len() == 19 && word.matches('-').count() == 3);
    let mut script = Script::new(&server);
    script.remember("admin", code.unwrap_or_else(|| panic!("there is no code in {printed:?}")));
    script.play(
        "
        alice connects
        alice > /register alice correct horse battery
        alice < - bad-invite: …
        alice > /register alice invite=BBBB-BBBB-BBBB-BBBB correct horse battery
        alice < - bad-invite: …
        alice > /register alice invite={admin} correct horse battery
        alice < + welcome alice…
        late connects
        late > /register late invite={admin} correct horse battery
        late < - bad-invite: …
        alice > /invitecode uses=2 for=1h
        alice < + {two}…
        bob connects
        bob > /register bob invite={two} correct horse battery
        bob < + welcome bob…
        bob > /invitecode
        bob < - not-allowed: …
        carol connects
        ",
    );
    // As people type it.
    let typed = script.word("two").to_lowercase().replace('-', "");
    script.play(&format!("carol > /register carol invite={typed} correct horse battery"));
    script.play(
        "
        carol < + welcome carol…
        late > /register late invite={two} correct horse battery
        late < - bad-invite: …
        ",
    );
}

#[test]
fn the_password_of_a_new_account_is_looked_at_last() {
    let server = Server::with(&["registration=invite"]);
    let printed = server.command_output(&["invite", "--admin"]);
    let code = printed.split_whitespace().find(|word| word.len() == 19 && word.matches('-').count() == 3);
    let mut script = Script::new(&server);
    script.remember("code", code.unwrap_or_else(|| panic!("there is no code in {printed:?}")));
    script.play(
        "
        dave connects
        dave > /register bad.name invite={code} x
        dave < - bad-name: …
        dave > /register dave x
        dave < - bad-invite: …
        dave > /register dave invite=BBBB-BBBB-BBBB-BBBB x
        dave < - bad-invite: …
        dave > /register dave invite={code} x
        dave < - weak-password: …
        dave > /register dave invite={code} correct horse battery
        dave < + welcome dave…
        dave > /invitecode
        dave < + {second}…
        erin connects
        erin > /register Dave invite={second} x
        erin < - name-taken: …
        ",
    );
}

/// What was made before a restart counts after it, as long as it is not older than a week.
#[test]
fn members_invite_as_often_as_the_operator_lets_them() {
    let mut server = Server::with(&["registration=open", "accounts.members_invite=2", "limits.new_account=off"]);
    Script::new(&server).play(
        "
        bob is in
        bob > /invitecode uses=2
        bob < - not-allowed: …
        bob > /invitecode note=my sister
        bob < + {code}…
        ann connects
        ann > /register ann invite={code} correct horse battery
        ann < + welcome ann…
        bob > /invitecode
        bob < + …
        bob > /invites
        bob < | 2 member 1 {until} bob
        bob < + 1 invite
        ann > /invites
        ann < + 0 invites
        ann > /invites revoke 2
        ann < - bad-argument: …
        ",
    );
    server.kill();
    server.restart();
    Script::new(&server).play(
        "
        bob connects
        bob > /login bob correct horse battery
        bob <~ + welcome bob…
        bob > /invites revoke 2
        bob < + 2…
        bob > /set tags on
        bob < + tags on…
        bob > /invitecode
        bob < @retry={seconds} - limit: you have made 2 invitation codes within 7 days…
        ",
    );
}

#[test]
fn sessions_lists_only_the_accounts_own() {
    play(
        "
        alice is in
        bob is in
        alice > /sessions
        alice < | …
        alice < + 1 session
        again connects
        again > /login alice correct horse battery
        again < + welcome alice…
        alice > /sessions
        alice < | …
        alice < | …
        alice < + 2 sessions
        ",
    );
}

#[test]
fn registering_too_fast_is_throttled() {
    let server = Server::with(&["limits.registrations=1/h burst 2"]);
    Script::new(&server).play(
        "
        a is in
        b is in
        c connects
        c > /register c correct horse battery
        c < - throttled: …
        ",
    );
}
