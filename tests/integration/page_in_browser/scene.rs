//! Three rooms and four people: what the list counts, whose time it is, and the picture in the README.

use super::screenshot;
use crate::support::chromium::Chromium;
use crate::support::{PASSWORD, Server};
use serde_json::json;

#[test]
#[ignore = "needs chromium"]
fn the_list_counts_what_is_unread_and_who_was_meant() {
    let server = Server::start();
    let mut browser = Chromium::start();
    let (mut bob, mut carol, mut dave) = (server.connect(), server.connect(), server.connect());
    bob.register("bob");
    carol.register("carol");
    dave.register("dave");
    for room in ["/join garden", "/join kitchen"] {
        for person in [&mut bob, &mut carol, &mut dave] {
            person.ask(room);
        }
    }
    let tab = browser.open(server.tls(), "/");
    browser.click(&tab, "[data-way=register]");
    browser.log_in(&tab, "alice", PASSWORD);
    browser.say(&tab, "/join kitchen");
    browser.wait_text(&tab, "#title", "kitchen");
    browser.say(&tab, "/join garden");
    browser.wait_text(&tab, "#title", "garden");
    dave.ask("/say kitchen the oven is free again");
    carol.ask("/say kitchen @alice, is there flour left?");
    for n in ["the bus is late", "see you at eight", "bring a torch"] {
        bob.ask(&format!("/say lobby {n}"));
    }
    carol.ask("/msg alice are you coming tonight?");
    let counts = "Object.fromEntries([...document.querySelectorAll('#conversations button')].map(button =>
        [button.dataset.target, button.querySelector('.count')?.textContent ?? '']))";
    let expected =
        json!({"garden": "", "kitchen": "2 @ unread, 1 mention you", "lobby": "3 unread", "@carol": "1 unread"});
    browser.wait(&tab, &format!("{counts}['@carol'] === '1 unread' && {counts}.lobby === '3 unread'"));
    assert_eq!(browser.eval(&tab, counts), expected);
    browser.wait(&tab, "document.title === '(2) garden · ChitChat'");
    // The server counts the same.
    browser.go(&tab, server.tls(), "/");
    browser.wait(&tab, &format!("{counts}['@carol'] === '1 unread'"));
    assert_eq!(browser.eval(&tab, counts), expected);
    // What is read is counted no more, here and after.
    browser.click(&tab, "[data-target=kitchen]");
    browser.wait(&tab, &format!("{counts}.kitchen === ''"));
    browser.wait(&tab, "document.title === '(1) kitchen · ChitChat'");
    carol.ask("/say kitchen @alice?");
    browser.wait_text(&tab, "#lines", "@alice?");
    browser.wait(&tab, &format!("{counts}.kitchen === ''"));
    browser.click(&tab, "[data-target=garden]");
    browser.wait_text(&tab, "#title", "garden");
    carol.ask("/say kitchen @alice, never mind: there is");
    browser.wait(&tab, &format!("{counts}.kitchen.startsWith('1 @')"));
    // A conversation to be seen.
    carol.ask("/topic garden Saturday at nine: planting, if the weather holds");
    browser.say(&tab, "Good morning! Who is coming on Saturday?");
    bob.read_until("[garden] alice: Good morning! Who is coming on Saturday?");
    carol.ask("/reply garden 1 I am, with two spades and a cake");
    dave.ask("/react garden 2 🎉");
    bob.ask("/react garden 2 🎉");
    dave.ask("/say garden The plan of the beds: https://example.org/garden/plan");
    bob.ask("/say garden @alice the seeds are here: `beans`, `peas` and a bag of onions");
    alice_answers(&mut browser, &tab);
    dave.read_until("[garden] alice (re 4 bob): wonderful, thank you!");
    bob.ask("/react garden 5 👍");
    browser.wait_text(&tab, "#lines", "👍 1");
    browser.click(&tab, "#people-button");
    browser.wait_text(&tab, "#panel-body", "dave here");
    browser.wait_text(&tab, "#topic", "Saturday at nine");
    browser.wait(&tab, &format!("{counts}.garden === ''"));
    screenshot(&mut browser, &tab, "0-scene");
}

fn alice_answers(browser: &mut Chromium, tab: &super::Tab) {
    browser.wait_text(tab, "#lines", "a bag of onions");
    browser.choose(tab, "#lines [data-id='4'] .more", "Reply");
    browser.type_text(tab, "wonderful, thank you!");
    browser.press(tab, "Enter");
}

#[test]
#[ignore = "needs chromium"]
fn times_are_those_of_ones_own_zone() {
    let (server, mut browser, mut bob, tab) = super::alice_and_bob();
    bob.send("what time is it?");
    browser.wait_text(&tab, "#lines", "what time");
    // Hours and minutes ahead of the server, and a day, or on some afternoons two.
    for (zone, minutes) in [("Asia/Kathmandu", 345), ("Pacific/Kiritimati", 840), ("Pacific/Honolulu", -600)] {
        browser.call(Some(&tab), "Emulation.setTimezoneOverride", json!({"timezoneId": zone}));
        browser.go(&tab, server.tls(), "/");
        browser.wait_text(&tab, "#lines", "what time");
        let seen = browser.eval(
            &tab,
            "(time => [time.dateTime, time.innerText.replace(/\\s/u, ' '), document.querySelector('.rule').innerText])
                (document.querySelector('#lines .message time'))",
        );
        let expected = browser.eval(
            &tab,
            &format!(
                "(at => {{
                    const [hour, minute] = [at.getUTCHours(), at.getUTCMinutes()].map(part => String(part).padStart(2, '0'));
                    const twelve = String(hour % 12 || 12).padStart(2, '0');
                    return [`${{twelve}}:${{minute}} ${{hour < 12 ? 'AM' : 'PM'}}`, String(at.getUTCDate())];
                }})(new Date(Date.parse({}) + {minutes} * 60000))",
                seen[0]
            ),
        );
        assert_eq!(seen[1], expected[0], "{zone}");
        let day = expected[1].as_str().unwrap();
        assert!(seen[2].as_str().unwrap().contains(&format!(" {day}, ")), "{zone}: {seen}");
    }
}
