//! What a browser keeps for whoever is logged in, and lets go of with the login.

use super::{SHOWN, alice_and_bob, alice_and_bob_at};
use crate::support::chromium::Chromium;
use crate::support::relay::Relay;
use crate::support::{Client, PASSWORD, Server};
use serde_json::json;

const TYPED: &str = "document.querySelector('#typed').value";

#[test]
#[ignore = "needs chromium"]
fn drafts_survive_a_reload_and_end_with_the_login() {
    let (server, mut browser, mut bob, tab) = alice_and_bob();
    browser.say(&tab, "said");
    bob.read_until("[lobby] alice: said");
    browser.fill(&tab, "#typed", "half a thought");
    browser.go(&tab, server.tls(), "/");
    browser.wait(&tab, &format!("{TYPED} === 'half a thought'"));
    // Each conversation has its own, and the list says where one is.
    bob.send("/msg alice psst");
    browser.click(&tab, "[data-target='@bob']");
    browser.wait(&tab, &format!("{TYPED} === '' && document.querySelector('[data-target=lobby] .pen')"));
    browser.fill(&tab, "#typed", "what is");
    browser.click(&tab, "[data-target='lobby']");
    browser.wait(&tab, &format!("{TYPED} === 'half a thought'"));
    // Neither an edit nor what is given up of it takes its place.
    browser.choose(&tab, "#lines .message .more", "Edit");
    browser.wait(&tab, &format!("{TYPED} === 'said'"));
    browser.click(&tab, "#about-end");
    browser.wait(&tab, &format!("{TYPED} === 'half a thought'"));
    browser.press(&tab, "Enter");
    bob.read_until("[lobby] alice: half a thought");
    browser.go(&tab, server.tls(), "/");
    browser.wait_text(&tab, "#lines", "half a thought");
    browser.wait(&tab, &format!("{TYPED} === ''"));
    browser.click(&tab, "[data-target='@bob']");
    browser.wait(&tab, &format!("{TYPED} === 'what is'"));
    browser.choose(&tab, "#menu-button", "Log out");
    browser.wait(&tab, "!document.querySelector('#entrance').hidden");
    assert_eq!(browser.eval(&tab, "[localStorage.length, sessionStorage.length]"), json!([0, 0]));
}

#[test]
#[ignore = "needs chromium"]
fn without_the_server_the_page_says_so_and_what_waits_is_sent_later() {
    let mut server = Server::start();
    let relay = Relay::to(server.tls());
    let (mut browser, mut bob, tab) = alice_and_bob_at(&server, relay.address);
    bob.send("lunch?");
    browser.wait_text(&tab, "#lines", "lunch?");
    browser.wait(&tab, "navigator.serviceWorker.controller !== null");
    server.kill();
    browser.wait_text(&tab, "#status", "Not connected");
    browser.say(&tab, "typed while away");
    browser.choose(&tab, "#lines .message .more", "Reply");
    browser.say(&tab, "at one");
    browser.wait(&tab, "document.querySelectorAll('.waiting').length === 2");
    browser.go(&tab, relay.address, "/");
    browser.wait_text(&tab, "body", "can't be reached");
    server.restart();
    relay.point_at(server.tls());
    let mut bob = server.connect();
    bob.send(&format!("/login bob {PASSWORD}"));
    bob.read_until("+ welcome …");
    browser.go(&tab, relay.address, "/");
    bob.read_until("[lobby] alice: typed while away");
    bob.read_until("[lobby] alice (re 1 bob): at one");
    browser.wait(&tab, "document.querySelectorAll('.message').length === 3");
    browser.go(&tab, relay.address, "/");
    browser.wait_text(&tab, "#lines", "at one");
    browser.wait(&tab, "document.querySelectorAll('.message').length === 3");
}

#[test]
#[ignore = "needs chromium"]
fn whoever_logs_in_next_sees_nothing_of_the_one_before() {
    let (server, mut browser, mut bob, tab) = alice_and_bob();
    bob.send("/msg alice between us");
    browser.click(&tab, "[data-target='@bob']");
    browser.wait_text(&tab, "#lines", "between us");
    browser.fill(&tab, "#typed", "a draft of alice's");
    browser.wait(&tab, "localStorage.getItem('chitchat-drafts').includes('draft of alice')");
    // The token is revoked from elsewhere.
    let label = browser.eval(&tab, "JSON.parse(localStorage.getItem('chitchat')).label");
    let mut alice: Client = server.connect();
    alice.send(&format!("/login alice {PASSWORD}"));
    alice.read_until("+ welcome …");
    alice.send(&format!("/token revoke {}", label.as_str().unwrap()));
    browser.wait_text(&tab, "#login-error", "You were logged out here");
    assert_eq!(browser.eval(&tab, "[localStorage.length, sessionStorage.length]"), json!([0, 0]));
    browser.click(&tab, "[data-way=register]");
    browser.log_in(&tab, "carol", PASSWORD);
    bob.send("/msg carol hello carol");
    browser.click(&tab, "[data-target='@bob']");
    browser.wait(&tab, &format!("{SHOWN}.join() === 'bob: hello carol' && {TYPED} === ''"));
}

#[test]
#[ignore = "needs chromium"]
fn two_tabs_come_and_go_together() {
    let server = Server::start();
    let (mut browser, mut bob) = (Chromium::start(), server.connect());
    bob.register("bob");
    let first = browser.open(server.tls(), "/");
    let second = browser.open(server.tls(), "/");
    browser.click(&first, "[data-way=register]");
    browser.log_in(&first, "alice", PASSWORD);
    browser.wait(&second, "document.querySelector('#me').innerText === 'alice'");
    bob.send("/msg alice psst");
    for tab in [&first, &second] {
        browser.wait(tab, "document.title.startsWith('(1)')");
    }
    browser.call(Some(&first), "Page.bringToFront", json!({}));
    browser.click(&first, "[data-target='@bob']");
    browser.wait(&second, "!document.title.startsWith('(')");
    browser.choose(&first, "#menu-button", "Log out");
    browser.wait(&second, "!document.querySelector('#entrance').hidden");
    assert_eq!(browser.eval(&second, "localStorage.length"), json!(0));
}
