//! What can be done besides talking: help, completion, menus, and being told while one looks elsewhere.

use super::{alice_and_bob, screenshot};
use crate::support::chromium::{Chromium, Tab};
use crate::support::{PASSWORD, Server};
use serde_json::json;

const TYPED: &str = "document.querySelector('#typed').value";

/// What the open menu offers.
fn offered(browser: &mut Chromium, tab: &Tab) -> Vec<String> {
    browser.wait(tab, "!document.querySelector('#menu').hidden");
    let labels = browser.eval(tab, "[...document.querySelectorAll('#menu button')].map(item => item.innerText)");
    browser.press(tab, "Escape");
    serde_json::from_value(labels).unwrap()
}

#[test]
#[ignore = "needs chromium"]
fn help_is_in_groups_and_words_are_completed() {
    let server = Server::start();
    let (mut browser, mut bob) = (Chromium::start(), server.connect());
    bob.register("bob");
    bob.send("/topic the garden");
    let tab = browser.open(server.tls(), "/");
    browser.click(&tab, "[data-way=register]");
    browser.log_in(&tab, "alice", PASSWORD);
    browser.say(&tab, "/help");
    let groups = "[...document.querySelectorAll('#dialog h3')].map(head => head.innerText)";
    browser.wait(&tab, &format!("{groups}.length > 0"));
    assert_eq!(
        browser.eval(&tab, groups),
        json!(["Talk", "Rooms", "Find", "People", "Look after a room", "Your account", "Keys"])
    );
    browser.wait(&tab, "[...document.querySelectorAll('#dialog dt')].some(term => term.innerText === '/join ROOM')");
    screenshot(&mut browser, &tab, "9-help");
    browser.press(&tab, "Escape");
    // Verbs with what they do, and the arrows choose.
    browser.fill(&tab, "#typed", "/to");
    browser.wait_text(&tab, "#suggestions", "/topic shows a room's topic");
    browser.press(&tab, "ArrowDown");
    browser.press(&tab, "ArrowDown");
    browser.wait(&tab, "document.querySelector('#typed').getAttribute('aria-activedescendant') === 'suggestion-1'");
    browser.press(&tab, "ArrowUp");
    browser.press(&tab, "Enter");
    browser.wait(&tab, &format!("{TYPED} === '/topic '"));
    browser.fill(&tab, "#typed", "morning @b");
    browser.wait_text(&tab, "#suggestions", "@bob");
    browser.press(&tab, "Tab");
    browser.wait(&tab, &format!("{TYPED} === 'morning @bob '"));
    // What was refused can be mended.
    browser.say(&tab, "/join no such room");
    browser.wait_text(&tab, "#lines .error", "join");
    browser.wait(&tab, &format!("{TYPED} === '/join no such room'"));
    // The topic is read whole, with its links, and set.
    browser.click(&tab, "#topic");
    browser.wait_text(&tab, "#dialog .text", "the garden");
    browser.fill(&tab, "#asked", "the house");
    browser.click(&tab, "#dialog button[value=ok]");
    browser.wait_text(&tab, "#topic", "the house");
    bob.read_until("[lobby] * alice set the topic: the house");
}

#[test]
#[ignore = "needs chromium"]
fn menus_offer_what_one_may_do() {
    let server = Server::start();
    let (mut browser, mut bob) = (Chromium::start(), server.connect());
    bob.register("bob");
    bob.send("hello");
    let mut console = server.console();
    let tab = browser.open(server.tls(), "/");
    browser.click(&tab, "[data-way=register]");
    browser.log_in(&tab, "alice", PASSWORD);
    browser.wait_text(&tab, "#lines", "hello");
    let has = |all: &[String], wanted: &str| all.iter().any(|label| label.starts_with(wanted));
    let open = |browser: &mut Chromium, selector: &str| {
        browser.click(&tab, selector);
        offered(browser, &tab)
    };
    // A member invites nobody here, and moderates nothing.
    assert!(!has(&open(&mut browser, "#menu-button"), "Invite somebody"));
    let about_bob = open(&mut browser, "#lines .author");
    assert!(has(&about_bob, "Mention") && !has(&about_bob, "Mute") && !has(&about_bob, "Ban"), "{about_bob:?}");
    let line = open(&mut browser, "#lines .message .more");
    assert!(has(&line, "Reply") && !has(&line, "Pin") && !has(&line, "Remove"), "{line:?}");
    console.send("/role lobby alice moderator");
    console.send("/grant alice admin");
    console.read_until("+ alice is an administrator now.");
    browser.go(&tab, server.tls(), "/");
    browser.wait_text(&tab, "#lines", "hello");
    assert!(has(&open(&mut browser, "#menu-button"), "Invite somebody"));
    let about_bob = open(&mut browser, "#lines .author");
    assert!(has(&about_bob, "Mute") && has(&about_bob, "Ban") && !has(&about_bob, "Let talk"), "{about_bob:?}");
    browser.choose(&tab, "#lines .message .more", "Pin");
    bob.read_until("[lobby] * alice pinned 1…");
    let line = open(&mut browser, "#lines .message .more");
    assert!(has(&line, "Take the pin out") && has(&line, "Remove") && !line.contains(&"Pin".to_owned()), "{line:?}");
    browser.choose(&tab, "#lines .author", "Mute for an hour…");
    browser.fill(&tab, "#asked", "too loud");
    browser.press(&tab, "Enter");
    bob.read_until("[lobby] * bob was muted by alice…: too loud");
    assert!(has(&open(&mut browser, "#lines .author"), "Let talk again"));
    browser.choose(&tab, "#lines .author", "Remove from the room…");
    browser.press(&tab, "Enter");
    bob.read_until("[lobby] * bob was kicked by alice…");
    let about_bob = open(&mut browser, "#lines .author");
    assert!(has(&about_bob, "Ban") && !has(&about_bob, "Remove"), "{about_bob:?}");
    // A link that lets somebody in.
    browser.choose(&tab, "#menu-button", "Invite somebody to this server…");
    browser.wait(&tab, "document.querySelector('#asked').value.startsWith(`${location.origin}/#invite=`)");
}

#[test]
#[ignore = "needs chromium"]
fn the_address_of_a_hook_is_written_out_once() {
    let (server, mut browser, mut bob, tab) = alice_and_bob();
    let mut console = server.console();
    console.send("/role lobby alice moderator");
    console.read_until("+ alice moderator");
    browser.eval(&tab, "navigator.clipboard.writeText = async text => { window.copied = text; }; 0");
    browser.say(&tab, "/hook new lobby backup");
    let address = "document.querySelector('#asked').value";
    browser.wait(&tab, &format!("{address}.startsWith(`${{location.origin}}/hook/`)"));
    screenshot(&mut browser, &tab, "11-hook");
    let address = browser.eval(&tab, address);
    browser.click(&tab, "#dialog button[value=copy]");
    browser.wait(&tab, &format!("window.copied === {address} && !document.querySelector('#dialog').open"));
    assert_eq!(browser.eval(&tab, "document.body.textContent.includes('/hook/')"), json!(false));
    browser
        .eval(&tab, &format!("fetch({address}, {{method: 'POST', body: 'it is done'}}).then(answer => answer.status)"));
    bob.read_until("[lobby] backup: it is done");
}

#[test]
#[ignore = "needs chromium"]
fn whoever_looks_elsewhere_is_told() {
    let server = Server::start();
    let (mut browser, mut bob) = (Chromium::start(), server.connect());
    bob.register("bob");
    let tab = browser.open(server.tls(), "/");
    let origin = browser.eval(&tab, "location.origin");
    browser.call(None, "Browser.grantPermissions", json!({"permissions": ["notifications"], "origin": origin}));
    browser.click(&tab, "[data-way=register]");
    browser.log_in(&tab, "alice", PASSWORD);
    browser.eval(&tab, "navigator.serviceWorker.ready.then(() => true)");
    // A bell that counts.
    browser.eval(&tab, "window.rung = 0; window.AudioContext = class { constructor() { window.rung += 1; throw new Error('no sound here'); } }; 0");
    // What the browser took to show. Not by getNotifications(): Chromium forgets what it is about to show if it is asked
    // for what is shown at that moment.
    browser.eval(
        &tab,
        "window.told = [];
        const { prototype } = ServiceWorkerRegistration;
        const show = prototype.showNotification;
        prototype.showNotification = function (title, options) {
            return show.call(this, title, options).then(() => window.told.push(`${title}: ${options.body}`));
        }; 0",
    );
    bob.send("/msg alice one");
    browser.wait_text(&tab, "[data-target='@bob'] .count", "1");
    assert_eq!(browser.eval(&tab, "window.rung"), json!(0), "nobody asked for a bell");
    browser.choose(&tab, "#menu-button", "Notifications…");
    browser.click(&tab, "#bell");
    browser.wait(&tab, "window.rung === 1");
    browser.click(&tab, "#dialog button[value=ok]");
    bob.send("@alice, two");
    browser.wait_text(&tab, "#lines", "two");
    assert_eq!(browser.eval(&tab, "window.rung"), json!(1), "what one looks at rings no bell");
    assert_eq!(browser.eval(&tab, "window.told"), json!([]));
    browser.eval(&tab, "Object.defineProperty(document, 'hidden', {value: true, configurable: true}); 0");
    bob.send("just so");
    bob.send("@alice, three");
    browser.wait(&tab, "window.rung === 2");
    browser.wait(&tab, "window.told.length > 0");
    assert_eq!(browser.eval(&tab, "window.told"), json!(["bob in lobby: @alice, three"]));
    // Back again, one sees where one had looked away.
    browser.wait(&tab, "document.querySelector('.left-off + .message').innerText.includes('just so')");
    browser.eval(&tab, "delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); 0");
    browser.wait(&tab, "!document.querySelector(\"[data-target='lobby'] .count\")");
}
