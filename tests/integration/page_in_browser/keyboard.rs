//! The keyboard alone: each button is reached by Tab, each menu and dialog opened, used and left again.

use super::{alice_and_bob, screenshot};
use crate::support::chromium::{Chromium, Tab};
use serde_json::json;

/// Goes on by Tab until what this selects has the focus.
#[track_caller]
fn tab_to(browser: &mut Chromium, tab: &Tab, selector: &str) {
    let is_there = format!("document.activeElement.matches({})", json!(selector));
    browser.wait(tab, &format!("document.querySelector({})", json!(selector)));
    let mut passed = Vec::new();
    while browser.eval(tab, &is_there) != json!(true) {
        assert!(passed.len() < 60, "Tab leads to {passed:?}, and not to {selector}");
        browser.press(tab, "Tab");
        let here = "(here => here.id || here.dataset.target || here.textContent.slice(0, 20))(document.activeElement)";
        passed.push(browser.eval(tab, here));
    }
}

/// Goes there, and presses Enter.
#[track_caller]
fn use_by_tab(browser: &mut Chromium, tab: &Tab, selector: &str) {
    tab_to(browser, tab, selector);
    browser.press(tab, "Enter");
}

/// Opens the menu of the last line.
#[track_caller]
fn open_last_line(browser: &mut Chromium, tab: &Tab) {
    tab_to(browser, tab, "#typed");
    browser.press(tab, "ArrowUp");
    browser.press(tab, "Enter");
}

/// Takes from the open menu what begins so, by the arrows.
#[track_caller]
fn take(browser: &mut Chromium, tab: &Tab, label: &str) {
    browser.wait(tab, "document.activeElement.role === 'menuitem'");
    let is_there = format!("document.activeElement.textContent.startsWith({})", json!(label));
    for _ in 0..20 {
        if browser.eval(tab, &is_there) == json!(true) {
            return browser.press(tab, "Enter");
        }
        browser.press(tab, "ArrowDown");
    }
    panic!("the menu does not have {label}");
}

/// Presses Escape; what had the focus has it again.
#[track_caller]
fn leave(browser: &mut Chromium, tab: &Tab, back: &str) {
    browser.press(tab, "Escape");
    browser.wait(tab, "document.querySelector('#menu').hidden && !document.querySelector('#dialog').open");
    browser.wait(tab, &format!("document.activeElement.matches({})", json!(back)));
}

#[test]
#[ignore = "needs chromium"]
fn every_menu_is_reached_and_used_by_keyboard() {
    let (server, mut browser, mut bob, tab) = alice_and_bob();
    let mut console = server.console();
    console.send("/role lobby alice owner");
    console.read_until("+ alice owner…");
    bob.send("hello");
    browser.wait_text(&tab, "#lines", "hello");
    browser.eval(&tab, "document.activeElement.blur()");
    // The menu of the account.
    use_by_tab(&mut browser, &tab, "#menu-button");
    browser.wait(&tab, "document.activeElement.role === 'menuitem'");
    leave(&mut browser, &tab, "#menu-button");
    browser.press(&tab, "Enter");
    take(&mut browser, &tab, "Notifications");
    browser.wait_text(&tab, "#dialog", "Ring a bell");
    leave(&mut browser, &tab, "#menu-button");
    browser.press(&tab, "Enter");
    take(&mut browser, &tab, "Say something about yourself");
    browser.wait(&tab, "document.activeElement.id === 'asked'");
    browser.type_text(&tab, "I grow beans");
    browser.press(&tab, "Enter");
    browser.wait(&tab, "!document.querySelector('#dialog').open");
    // A line: an answer by Enter in a dialog takes what was typed, and nothing else that is offered.
    open_last_line(&mut browser, &tab);
    take(&mut browser, &tab, "React");
    tab_to(&mut browser, &tab, "#asked");
    browser.type_text(&tab, "yes");
    browser.press(&tab, "Enter");
    browser.wait_text(&tab, ".reactions", "yes 1");
    open_last_line(&mut browser, &tab);
    take(&mut browser, &tab, "React");
    use_by_tab(&mut browser, &tab, "#dialog button[value='🎉']");
    browser.wait(&tab, "document.querySelector('#lines .reactions').textContent === 'yes 1🎉 1'");
    // Whoever wrote it, from there.
    open_last_line(&mut browser, &tab);
    take(&mut browser, &tab, "bob…");
    take(&mut browser, &tab, "Mention");
    browser.wait(&tab, "document.querySelector('#typed').value === '@bob '");
    // People, and what one may do with somebody.
    browser.press(&tab, "Shift-Tab");
    use_by_tab(&mut browser, &tab, "#people-button");
    use_by_tab(&mut browser, &tab, "#panel [data-name=bob]");
    take(&mut browser, &tab, "Mute for an hour");
    browser.wait(&tab, "document.activeElement.id === 'asked'");
    browser.press(&tab, "Enter");
    bob.read_until("[lobby] * bob was muted by alice…");
    use_by_tab(&mut browser, &tab, "#panel-close");
    browser.wait(&tab, "document.querySelector('#panel').hidden");
    // The search, and to what was found.
    use_by_tab(&mut browser, &tab, "#search-button");
    browser.wait(&tab, "document.activeElement.id === 'search'");
    browser.type_text(&tab, "hello");
    browser.press(&tab, "Enter");
    use_by_tab(&mut browser, &tab, "#panel-body li button");
    browser.wait(&tab, "document.activeElement.matches('.message.found')");
    // And out.
    use_by_tab(&mut browser, &tab, "#menu-button");
    take(&mut browser, &tab, "Log out");
    browser.wait(&tab, "!document.querySelector('#entrance').hidden");
}

#[test]
#[ignore = "needs chromium"]
fn what_belongs_to_rooms_is_reached_and_used_by_keyboard() {
    let (server, mut browser, _bob, tab) = alice_and_bob();
    let mut carol = server.connect();
    carol.register("carol");
    carol.send("/join garden");
    let mut console = server.console();
    console.send("/role lobby alice moderator");
    console.read_until("+ alice moderator…");
    // The topic.
    use_by_tab(&mut browser, &tab, "#topic");
    browser.wait(&tab, "document.querySelector('#dialog').open");
    leave(&mut browser, &tab, "#topic");
    // The hooks of a room: one is made, its address is shown once, and it is ended.
    use_by_tab(&mut browser, &tab, "#menu-button");
    take(&mut browser, &tab, "Hooks of # lobby");
    browser.wait(&tab, "document.activeElement.id === 'asked'");
    browser.type_text(&tab, "backup");
    browser.press(&tab, "Enter");
    browser.wait(&tab, "document.querySelector('#asked').value.startsWith(`${location.origin}/hook/`)");
    browser.press(&tab, "Escape");
    use_by_tab(&mut browser, &tab, "#menu-button");
    take(&mut browser, &tab, "Hooks of # lobby");
    browser.wait_text(&tab, "#dialog li", "backup since");
    screenshot(&mut browser, &tab, "12-hooks");
    use_by_tab(&mut browser, &tab, "#dialog li button");
    browser.wait_text(&tab, "#dialog", "End the address of backup?");
    browser.press(&tab, "Enter");
    browser.wait_text(&tab, "#dialog li", "backup has no address");
    browser.press(&tab, "Escape");
    // Somebody to write to: Enter enters no room that is offered above.
    use_by_tab(&mut browser, &tab, "#find-room");
    browser.wait_text(&tab, "#dialog li", "# garden");
    tab_to(&mut browser, &tab, "#person");
    browser.type_text(&tab, "carol");
    browser.press(&tab, "Enter");
    browser.wait(&tab, "document.querySelector('#title').innerText === '@carol'");
    use_by_tab(&mut browser, &tab, "#find-room");
    use_by_tab(&mut browser, &tab, "#dialog li button");
    browser.wait(&tab, "document.querySelector('#title').innerText === '# garden'");
    use_by_tab(&mut browser, &tab, "#conversations [data-target=lobby]");
    browser.wait(&tab, "document.querySelector('#title').innerText === '# lobby'");
}
