//! Reading: where one left off, what was found, who comes and goes.

use super::{alice_and_bob, screenshot};
use crate::support::chromium::Chromium;
use crate::support::{PASSWORD, Server};
use serde_json::json;

#[test]
#[ignore = "needs chromium"]
fn one_reads_on_from_where_one_left_off() {
    let (_server, mut browser, mut bob, tab) = alice_and_bob();
    browser.say(&tab, "the last that alice saw");
    bob.read_until("[lobby] alice: the last that alice saw");
    bob.send("/msg alice psst");
    browser.click(&tab, "[data-target='@bob']");
    browser.wait_text(&tab, "#lines", "psst");
    for n in 0..80 {
        bob.send(&format!("news {n}"));
    }
    browser.wait_text(&tab, "[data-target='lobby'] .count", "80");
    browser.click(&tab, "[data-target='lobby']");
    let top = "document.querySelector('#log').getBoundingClientRect().top";
    browser.wait(
        &tab,
        &format!("(y => y >= 0 && y < 200)(document.querySelector('.left-off').getBoundingClientRect().top - {top})"),
    );
    browser.wait_text(&tab, "#to-end", "80 new");
    screenshot(&mut browser, &tab, "10-left-off");
    browser.click(&tab, "#to-end");
    browser.wait(
        &tab,
        "!document.querySelector(\"[data-target='lobby'] .count\") && document.querySelector('#to-end').hidden",
    );
    // Lines of one author in a row have one name.
    assert_eq!(browser.eval(&tab, "document.querySelectorAll('#lines .message:not(.follows)').length"), json!(2));
}

#[test]
#[ignore = "needs chromium"]
fn what_is_found_is_shown_where_it_was_said() {
    let server = Server::start();
    let (mut browser, mut bob) = (Chromium::start(), server.connect());
    bob.register("bob");
    bob.send("the needle");
    for n in 0..1500 {
        bob.send(&format!("hay {n}"));
        if n % 100 == 0 {
            bob.ask("/ping");
        }
    }
    bob.send("/reply lobby 2 about the first of the hay");
    let tab = browser.open(server.tls(), "/");
    browser.click(&tab, "[data-way=register]");
    browser.log_in(&tab, "alice", PASSWORD);
    browser.wait_text(&tab, "#lines", "about the first");
    assert_eq!(browser.eval(&tab, "document.querySelectorAll('#lines .message').length < 500"), json!(true));
    browser.click(&tab, "#search-button");
    browser.fill(&tab, "#search", "needle");
    browser.press(&tab, "Enter");
    browser.click(&tab, "#panel-body li button");
    let seen = |text: &str| {
        format!(
            "(r => r.top >= 0 && r.bottom <= innerHeight)(document.querySelector('.found').getBoundingClientRect())
        && document.querySelector('.found').innerText.includes('{text}')"
        )
    };
    browser.wait(&tab, &seen("the needle"));
    // What it begins with is said, and the way to what was answered is the same.
    browser.wait_text(&tab, "#lines .start", "This is where # lobby begins");
    browser.click(&tab, "#panel-close");
    browser.click(&tab, "#to-end");
    browser.click(&tab, ".quote");
    browser.wait(&tab, &seen("hay 0"));
}

#[test]
#[ignore = "needs chromium"]
fn what_one_reads_stays_where_it_is_while_more_is_fetched() {
    let server = Server::start();
    let (mut browser, mut bob) = (Chromium::start(), server.connect());
    bob.register("bob");
    for n in 0..900 {
        bob.send(&format!("line {n} {}", "word ".repeat(if n % 7 == 0 { 60 } else { n % 5 })));
        if n % 100 == 0 {
            bob.ask("/ping");
        }
    }
    let tab = browser.open(server.tls(), "/");
    browser.click(&tab, "[data-way=register]");
    browser.log_in(&tab, "alice", PASSWORD);
    browser.wait_text(&tab, "#lines", "line 899");
    // How far a line is, after a step up, from where the step should have brought it, in pixels.
    let jumps = browser.eval(
        &tab,
        "new Promise(async done => {
            const log = document.querySelector('#log');
            const top = log.getBoundingClientRect().top;
            const jumps = [];
            for (let step = 0; step < 200; step += 1) {
                const line = [...document.querySelectorAll('#lines .message')].find(one => one.getBoundingClientRect().top > top + 100);
                const [place, before] = [line.getBoundingClientRect().top, log.scrollTop];
                log.scrollTop -= 120;
                const moved = before - log.scrollTop;
                for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
                const jump = line.getBoundingClientRect().top - place - moved;
                if (Math.abs(jump) > 2) jumps.push(jump);
            }
            done(jumps);
        })",
    );
    assert_eq!(jumps, json!([]));
    assert_eq!(browser.eval(&tab, "document.querySelectorAll('#lines .message').length > 300"), json!(true));
}

#[test]
#[ignore = "needs chromium"]
fn people_come_and_go_quietly() {
    let (server, mut browser, mut bob, tab) = alice_and_bob();
    browser.wait_text(&tab, "#lines", "Nothing was said in # lobby yet");
    for name in ["carol", "dave", "eve", "frank"] {
        server.connect().register(name);
    }
    browser.wait_text(&tab, "#lines .event", "carol, dave and 2 others joined");
    bob.send("/away at lunch");
    browser.click(&tab, "#people-button");
    browser.wait_text(&tab, "#panel-body", "bob here, at lunch");
    // Whoever left without a word is not here, after some seconds; nobody is told in the conversation.
    browser.wait_text(&tab, "#panel-body", "carol not here");
    assert_eq!(browser.eval(&tab, "document.querySelectorAll('#lines .event').length"), json!(1));
    // Somebody to whom nothing was written yet stays in the list while one writes.
    browser.choose(&tab, "[data-name=dave]", "Write directly");
    browser.wait_text(&tab, "#topic", "not here");
    browser.fill(&tab, "#typed", "hello da");
    bob.send("/msg alice psst");
    browser.wait_text(&tab, "#conversations", "@bob");
    browser.wait(&tab, "document.querySelector(\"[data-target='@bob'] .count\")");
    browser.type_text(&tab, "ve");
    browser.press(&tab, "Enter");
    browser.wait_text(&tab, "#lines", "hello dave");
    let mut dave = server.connect();
    dave.send(&format!("/login dave {PASSWORD}"));
    dave.read_until("| @alice: 1 new line…");
}
