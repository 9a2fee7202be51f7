//! From an invitation link into the conversation, on a phone.

use super::screenshot;
use crate::support::chromium::Chromium;
use crate::support::{PASSWORD, Server};
use serde_json::json;
use std::time::{Duration, Instant};

const FOCUSED: &str = "document.activeElement.id";

fn invitation(server: &Server) -> String {
    let said = server.command_output(&["invite"]);
    said.lines().next().unwrap().trim().to_owned()
}

#[test]
#[ignore = "needs chromium"]
fn a_newcomer_with_a_phone_types_a_name_a_password_and_a_text() {
    let server = Server::with(&["registration=invite"]);
    let mut bob = server.connect();
    bob.send(&format!("/register bob invite={} {PASSWORD}", invitation(&server)));
    bob.read_until("+ welcome …");
    bob.send("the cake is in the fridge");
    let link = format!("/#invite={}", invitation(&server));
    let mut browser = Chromium::start();
    let tab = browser.open(server.tls(), "/health");
    browser.resize(&tab, 390, 844);
    let began = Instant::now();
    browser.go(&tab, server.tls(), &link);
    // Nothing is tapped: the cursor stands where something is missing.
    browser.wait(&tab, &format!("{FOCUSED} === 'name' && !document.querySelector('#code').checkVisibility()"));
    screenshot(&mut browser, &tab, "6-invited");
    // Three steps, and no more: each is a text where the cursor is, and Enter.
    for (field, text) in [("name", "alice"), ("password", PASSWORD), ("typed", "hello!")] {
        browser.wait(&tab, &format!("{FOCUSED} === '{field}'"));
        if field == "typed" {
            browser.wait_text(&tab, "#lines", "the cake is in the fridge");
        }
        browser.type_text(&tab, text);
        browser.press(&tab, "Enter");
    }
    bob.read_until("[lobby] alice: hello!");
    let took = began.elapsed();
    println!("talking after {took:?}, but for the time that typing takes");
    assert!(took < Duration::from_secs(30), "{took:?}");
    screenshot(&mut browser, &tab, "7-talking");
    assert_eq!(browser.eval(&tab, "document.documentElement.scrollWidth <= innerWidth"), json!(true));
    // The phone's own way back leads to the list, and the list knows what is new.
    browser.eval(&tab, "history.back()");
    browser.wait(&tab, "document.querySelector('#places').checkVisibility()");
    bob.send("and juice");
    browser.wait_text(&tab, "[data-target='lobby'] .count", "1");
    browser.eval(&tab, "document.querySelector(\"[data-target='lobby']\").click()");
    browser.wait(&tab, "document.querySelector('.left-off + .message').innerText.includes('and juice')");
    browser.wait(&tab, "!document.querySelector(\"[data-target='lobby'] .count\")");
}

#[test]
#[ignore = "needs chromium"]
fn what_is_wrong_stands_beside_its_field() {
    let server = Server::with(&["registration=invite"]);
    let mut browser = Chromium::start();
    let tab = browser.open(server.tls(), "/#invite=4242-4242-4242");
    browser.resize(&tab, 360, 740);
    let attributes = "['name', 'password'].map(id => document.getElementById(id)).flatMap(field =>
        [field.autocomplete, field.enterKeyHint, field.getAttribute('autocapitalize')])";
    assert_eq!(browser.eval(&tab, attributes), json!(["username", "next", "none", "new-password", "go", null]));
    let refused = |browser: &mut Chromium, field: &str, text: &str| {
        browser.wait_text(&tab, &format!("#{field}-error"), text);
        browser.wait(&tab, &format!("{FOCUSED} === '{field}' && document.activeElement.ariaInvalid === 'true'"));
        let error = format!("document.querySelector('#{field}-error').getBoundingClientRect()");
        browser.wait(
            &tab,
            &format!(
                "document.activeElement.getBoundingClientRect().bottom <= {error}.top && {error}.bottom < innerHeight"
            ),
        );
    };
    browser.fill(&tab, "#name", "anna müller");
    browser.fill(&tab, "#password", PASSWORD);
    browser.press(&tab, "Enter");
    refused(&mut browser, "name", "no spaces");
    browser.fill(&tab, "#name", "anna");
    browser.press(&tab, "Enter");
    browser.fill(&tab, "#password", PASSWORD);
    browser.press(&tab, "Enter");
    refused(&mut browser, "code", "unknown, used up or too old");
    screenshot(&mut browser, &tab, "8-wrong");
    browser.fill(&tab, "#password", "short");
    browser.fill(&tab, "#code", &invitation(&server));
    browser.press(&tab, "Enter");
    refused(&mut browser, "password", "at least");
    browser.log_in(&tab, "anna", PASSWORD);
    // Logged out, and with another password.
    browser.eval(&tab, "localStorage.clear()");
    browser.go(&tab, server.tls(), "/");
    browser.fill(&tab, "#name", "anna");
    browser.fill(&tab, "#password", "not the password");
    browser.press(&tab, "Enter");
    refused(&mut browser, "password", "Wrong name or password.");
    let code = server.command_output(&["admin", "/resetpw anna"]);
    browser.click(&tab, "#lost");
    browser.fill(&tab, "#code", code.split(' ').next().unwrap());
    browser.log_in(&tab, "anna", "another password");
}

#[test]
#[ignore = "needs chromium"]
fn the_page_can_be_installed() {
    let server = Server::start();
    let mut browser = Chromium::start();
    let tab = browser.open(server.tls(), "/");
    browser.eval(&tab, "navigator.serviceWorker.ready.then(() => true)");
    let manifest = browser.call(Some(&tab), "Page.getAppManifest", json!({}));
    assert_eq!(manifest["errors"], json!([]));
    let errors = browser.call(Some(&tab), "Page.getInstallabilityErrors", json!({}));
    assert_eq!(errors["installabilityErrors"], json!([]));
    // Each icon is as large as the manifest says.
    let sizes = "fetch('/manifest.webmanifest').then(answer => answer.json()).then(({icons}) =>
        Promise.all(icons.filter(icon => icon.sizes !== 'any').map(async icon => {
            const image = await createImageBitmap(await (await fetch(icon.src)).blob());
            return icon.sizes === `${image.width}x${image.height}`;
        })))";
    assert_eq!(browser.eval(&tab, sizes), json!([true, true, true]));
}
