//! Passwords on the wire: prompts, bounds, a lost one, and guessing.

use crate::support::{PASSWORD, Script, Server, play};

#[test]
fn a_missing_password_is_prompted_for_and_used_verbatim() {
    play(
        "
        alice connects
        alice > /register alice
        alice < ? …
        alice > /quit is my password
        alice < + welcome alice…
        again connects
        again > /LOGIN alice
        again < ? …
        again > /quit is my password
        again < + welcome alice…
        ",
    );
}

#[test]
fn a_prompt_carries_its_label_and_an_empty_answer_cancels() {
    play(
        "
        alice connects
        alice > /set tags on
        alice < + tags on epoch={epoch} protocol=1
        alice > /@r1 register alice
        alice < @re=r1 ? …
        alice >
        alice < @re=r1 - cancelled: …
        alice > /@r2 register alice
        alice < @re=r2 ? …
        alice > correct horse battery
        alice < @re=r2 + welcome alice…
        ",
    );
}

#[test]
fn a_password_and_everything_after_it_can_be_pipelined() {
    let server = Server::start();
    let mut alice = crate::support::Client::plain(server.plain());
    alice.send_bytes(b"/register alice\ncorrect horse battery\n/whoami\n/ping done\n");
    alice.expect("* …");
    alice.expect("? …");
    alice.expect("+ welcome alice…");
    alice.expect("+ alice…");
    alice.expect("+ done");
}

#[test]
fn the_end_of_input_cancels_a_prompt() {
    play(
        "
        alice connects
        alice > /register alice
        alice ends input
        alice < ? …
        alice < - cancelled: …
        alice is cut off
        ",
    );
}

/// Whatever is wrong with a verb that prompts: the line after it is a secret, and is never said.
#[test]
fn a_password_after_a_refused_verb_is_not_said() {
    play(
        "
        alice is in
        bob is in
        alice > /login
        alice < ? password…
        alice > a secret of mine
        alice < - already-logged-in: …
        alice > /register x invite=a invite=b
        alice < ? password…
        alice > another secret
        alice < - already-logged-in: …
        alice > /passwd please
        alice < ? password…
        alice > the old secret
        alice < ? password…
        alice > the new secret
        alice < - bad-argument: …
        alice > hello
        bob < [lobby] alice: hello
        carol connects
        carol > /register carol invite=a invite=b
        carol < ? …
        carol > /quit
        carol < - bad-argument: …
        carol > /login
        carol < - bad-argument: …
        ",
    );
}

#[test]
fn passwords_have_bounds_in_bytes_and_are_never_cut() {
    let server = Server::start();
    let mut client = server.connect();
    // The hash of a longer password would match any with the same first 71 bytes.
    for weak in ["1234567".to_owned(), "x".repeat(72), "é".repeat(36)] {
        client.send(&format!("/register alice {weak}"));
        client.expect("- weak-password: …");
    }
    client.send(&format!("/register alice {}", "x".repeat(71)));
    client.expect("+ welcome alice…");
    let mut again = server.connect();
    again.send(&format!("/login alice {}", "x".repeat(72)));
    again.expect("- bad-credentials: …");
    let mut eight = server.connect();
    eight.send("/register bob éééé");
    eight.expect("+ welcome bob…");
}

#[test]
fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    let mut client = server.connect();
    client.send("/login alice wrong horse battery");
    let wrong = client.expect("- bad-credentials: …");
    client.send("/login nobody wrong horse battery");
    let unknown = client.expect("- bad-credentials: …");
    client.send("/resume t0123");
    client.expect("- bad-credentials: …");
    assert_eq!(wrong, unknown);
    // The connection stays open: the right one is accepted on it.
    client.send(&format!("/login alice {PASSWORD}"));
    client.expect("+ welcome alice…");
}

#[test]
fn a_lost_password_is_recovered_over_the_wire_and_a_restart() {
    let mut server = Server::start();
    let mut script = Script::new(&server);
    script.play(
        "
        bob is in
        root is the console
        root > /resetpw bob
        root < + {code} is good for a day, once: …
        bob < * not-logged-in: …
        bob is cut off
        root > /disable bob
        root < + bob is disabled…
        ",
    );
    let code = script.word("code").to_owned();
    drop(script);
    server.kill();
    server.restart();
    Script::new(&server).remember("code", &code).play(
        "
        again connects
        again > /recover bob {code} battery staple
        again < - disabled: …
        root is the console
        root > /enable bob
        root < + bob may log in again.
        again > /login bob correct horse battery
        again < - bad-credentials: …
        again > /recover bob {code}
        again < ? …
        again > battery staple
        again < + welcome bob…
        other connects
        other > /recover bob {code} battery staple
        other < - bad-credentials: …
        other > /login bob battery staple
        other < + welcome bob…
        ",
    );
}

#[test]
fn a_new_password_ends_other_connections_and_tokens() {
    play(
        "
        alice is in
        alice > /token new laptop
        alice < + {token}…
        other connects
        other > /login alice correct horse battery
        other < + welcome alice…
        alice > /passwd
        alice < ? …
        alice > wrong horse battery
        alice < ? …
        alice > staple staple staple
        alice < - bad-credentials: …
        alice > /passwd
        alice < ? …
        alice > correct horse battery
        alice < ? …
        alice > staple staple staple
        alice < + …
        other < * …
        other is cut off
        alice > /whoami
        alice < + alice…
        late connects
        late > /resume {token}
        late < - bad-credentials: …
        late > /login alice correct horse battery
        late < - bad-credentials: …
        late > /login alice staple staple staple
        late < + welcome alice…
        ",
    );
}

#[test]
fn a_new_password_has_the_same_bounds_and_an_empty_answer_keeps_the_old() {
    play(
        "
        alice is in
        alice > /passwd
        alice < ? …
        alice > correct horse battery
        alice < ? …
        alice > short
        alice < - weak-password: …
        alice > /passwd
        alice < ? …
        alice >
        alice < - cancelled: …
        again connects
        again > /login alice correct horse battery
        again < + welcome alice…
        ",
    );
}

#[test]
fn guessing_passwords_is_throttled_and_the_refusal_says_when_to_retry() {
    let server = Server::with(&["limits.logins=1/m burst 3"]);
    let mut alice = server.connect();
    alice.register("alice");
    let mut token = server.connect();
    alice.send("/token new laptop");
    let shown = alice.expect("+ {token}…");
    let mut guess = server.connect();
    guess.send("/set tags on");
    guess.expect("+ tags on…");
    let mut refused = String::new();
    // The account has used this address before; a guess is counted anyway.
    for _ in 0..8 {
        guess.send("/login nobody wrong horse battery");
        refused = guess.expect("…- …");
        if refused.contains("- throttled: ") {
            break;
        }
    }
    assert!(refused.starts_with("@retry=") && refused.contains(" - throttled: "), "{refused}");
    // Tokens are exempt: they can't be guessed.
    token.send(&format!("/resume {}", shown[2..].split(' ').next().unwrap()));
    token.expect("+ welcome alice…");
}
