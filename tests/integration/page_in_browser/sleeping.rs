//! Connections that die without a word, under a laptop that slept or a network that forgot them.

use super::SHOWN;
use crate::support::chromium::Chromium;
use crate::support::relay::Relay;
use crate::support::{Client, Server};
use serde_json::json;
use std::thread;
use std::time::Duration;

/// alice in a browser behind a relay, and bob at a terminal.
fn alice_behind_a_relay() -> (Server, Relay, Chromium, Client, super::Tab) {
    let server = Server::start();
    let relay = Relay::to(server.tls());
    let (browser, bob, tab) = super::alice_and_bob_at(&server, relay.address);
    (server, relay, browser, bob, tab)
}

/// What was said in the lobby, as the server has it.
fn history(bob: &mut Client) -> Vec<String> {
    let rows = bob.ask("/history lobby");
    rows.iter().filter_map(|row| row.split("Z ").nth(1)).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs chromium"]
fn a_laptop_that_slept_has_everything_once() {
    let (_server, relay, mut browser, mut bob, tab) = alice_behind_a_relay();
    bob.send("before");
    browser.wait_text(&tab, "#lines", "before");
    browser.fill(&tab, "#typed", "good night");
    // The page stands still, its connection ends at the other side, and others talk on.
    browser.call(Some(&tab), "Page.setWebLifecycleState", json!({"state": "frozen"}));
    relay.cut();
    for n in 1..=3 {
        bob.send(&format!("at night {n}"));
    }
    bob.ask("/topic sleep well");
    bob.send("/edit lobby 1 before the night");
    bob.read_until("+ change=…");
    thread::sleep(Duration::from_secs(4));
    browser.call(Some(&tab), "Page.setWebLifecycleState", json!({"state": "active"}));
    browser.press(&tab, "Enter");
    bob.read_until("[lobby] alice: good night");
    browser.wait(&tab, "document.querySelectorAll('.waiting').length === 0");
    let expected = [
        "bob: before the night (edited)",
        "bob: at night 1",
        "bob: at night 2",
        "bob: at night 3",
        "alice: good night",
    ];
    browser.wait(&tab, &format!("{SHOWN}.length >= {}", expected.len()));
    assert_eq!(browser.eval(&tab, SHOWN), json!(expected));
    browser.wait(&tab, "document.querySelector('#status').innerText === ''");
    browser.wait_text(&tab, "#topic", "sleep well");
}

#[test]
#[ignore = "needs chromium"]
fn a_dead_connection_that_looks_open_is_noticed_and_loses_nothing() {
    let (_server, relay, mut browser, mut bob, tab) = alice_behind_a_relay();
    browser.wait_text(&tab, "#lines", "Nothing was said");
    // What the page says still arrives, but no answer does: it can't know what of it was heard.
    relay.silence();
    browser.say(&tab, "is anybody awake?");
    bob.read_until("[lobby] alice: is anybody awake?");
    bob.send("I am");
    browser.wait_text(&tab, "#waiting .waiting", "is anybody awake? (not sent yet)");
    // One looks at it again.
    browser.eval(&tab, "document.dispatchEvent(new Event('visibilitychange')); 0");
    browser.say(&tab, "good");
    browser.wait(&tab, "document.querySelectorAll('.waiting').length === 0");
    let expected = ["alice: is anybody awake?", "bob: I am", "alice: good"];
    browser.wait(&tab, &format!("{SHOWN}.length >= {}", expected.len()));
    assert_eq!(browser.eval(&tab, SHOWN), json!(expected));
    assert_eq!(history(&mut bob), expected);
}

#[test]
#[ignore = "needs chromium"]
fn what_was_not_fetched_when_the_connection_was_lost_is_fetched_later() {
    let (_server, relay, mut browser, mut bob, tab) = alice_behind_a_relay();
    bob.ask("/msg alice psst");
    browser.wait_text(&tab, "#conversations", "@bob");
    relay.silence();
    browser.click(&tab, "[data-target='@bob']");
    relay.cut();
    browser.wait_text(&tab, "#status", "Not connected");
    browser.wait(&tab, &format!("{SHOWN}.join() === 'bob: psst'"));
}
