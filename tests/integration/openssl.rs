//! A person who uses `openssl s_client -quiet`.

use crate::support::Server;
use crate::support::program::Program;

fn s_client(server: &Server, more: &[&str]) -> Program {
    let address = server.tls().to_string();
    Program::start("openssl", &[&["s_client", "-quiet", "-connect", &address], more].concat())
}

#[test]
#[ignore = "needs openssl"]
fn a_person_talks_through_openssl_with_either_version_of_tls() {
    let server = Server::start();
    let mut bob = server.connect_tls();
    bob.register("bob");
    for (name, version) in [("alice", "-tls1_3"), ("carol", "-tls1_2")] {
        let mut client = s_client(&server, &[version]);
        client.read_until("* ChitChat …");
        client.send(&format!("/register {name}"));
        client.expect("? …");
        client.send("correct horse battery");
        client.expect(&format!("+ welcome {name}…"));
        // A session without -quiet would take these letters for commands.
        for text in ["Quite so", "Really", "k"] {
            client.send(text);
            bob.expect(&format!("[lobby] {name}: {text}"));
        }
        bob.send("hello");
        client.expect("[lobby] bob: hello");
        client.send("/quit");
        client.expect("+ …");
        client.expect_end();
    }
}

#[test]
#[ignore = "needs openssl"]
fn old_versions_of_tls_are_refused() {
    let server = Server::start();
    let mut client = s_client(&server, &["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"]);
    let shown = client.read_to_end();
    assert!(!shown.contains("ChitChat at"), "{shown}");
}

/// Without `-quiet`, R asks for a renegotiation.
#[test]
#[ignore = "needs openssl"]
fn a_renegotiation_is_refused_and_disturbs_nobody() {
    let server = Server::start();
    let mut bob = server.connect_tls();
    bob.register("bob");
    for _ in 0..20 {
        let address = server.tls().to_string();
        let mut client = Program::start("openssl", &["s_client", "-tls1_2", "-connect", &address]);
        client.read_until("* ChitChat …");
        client.send("R");
        let shown = client.read_to_end();
        assert_eq!(shown.matches("BEGIN CERTIFICATE").count(), 1, "one handshake: {shown}");
        bob.expect_nothing();
    }
}

#[test]
#[ignore = "needs openssl"]
fn a_client_that_offers_only_other_protocols_is_refused() {
    let server = Server::start();
    for version in ["-tls1_3", "-tls1_2"] {
        let shown = s_client(&server, &[version, "-alpn", "h2"]).read_to_end();
        assert!(!shown.contains("ChitChat at"), "{shown}");
        let mut client = s_client(&server, &[version, "-alpn", "http/1.1,chitchat/1"]);
        client.read_until("* ChitChat …");
    }
}

#[test]
#[ignore = "needs openssl"]
fn a_silent_client_is_told_about_quiet() {
    let server = Server::start();
    let mut client = s_client(&server, &[]);
    client.read_until("* ChitChat …");
    client.read_until("* …-quiet…");
}
