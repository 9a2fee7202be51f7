//! Text that tries to look like a line of the server's, or to reach into terminals: every byte in every field.

use crate::support::client::untagged;
use crate::support::{Client, Server};

/// Every field of every kind that others are shown or that is shown to oneself, as the line up to it and behind it.
const FIELDS: [(&str, &str); 22] = [
    ("say lobby ", ""),
    ("msg bob ", ""),
    ("post lobby key- ", ""),
    ("post lobby ", " a text"),
    ("update lobby ", " a text"),
    ("act lobby ", ""),
    ("me ", ""),
    ("reply lobby 1 ", ""),
    ("edit lobby 1 ", ""),
    ("react lobby 1 ", ""),
    ("redact lobby 9999 ", ""),
    ("topic lobby ", ""),
    ("away ", ""),
    ("profile text ", ""),
    ("mute ops bob ", ""),
    ("create ", ""),
    ("rename ops ", ""),
    ("token new ", ""),
    ("search ", ""),
    ("ping ", ""),
    ("invite ops ", ""),
    ("whoami ", ""),
];

/// Characters that hide, turn text around or name nothing, besides every single byte.
const CHARACTERS: [char; 18] = [
    '\u{85}',
    '\u{9b}',
    '\u{ad}',
    '\u{200b}',
    '\u{200e}',
    '\u{2028}',
    '\u{2029}',
    '\u{202a}',
    '\u{202e}',
    '\u{2066}',
    '\u{2069}',
    '\u{206a}',
    '\u{fdd0}',
    '\u{feff}',
    '\u{fffe}',
    '\u{ffff}',
    '\u{e0001}',
    '\u{e0041}',
];

fn hidden() -> Vec<Vec<u8>> {
    let bytes = (0..=255u8).filter(|&byte| byte != b'\n').map(|byte| vec![byte]);
    bytes.chain(CHARACTERS.map(|character| character.to_string().into_bytes())).collect()
}

/// What may reach a terminal: no controls but TAB, no line ends of any kind, nothing that turns text around.
fn is_harmless(line: &str) -> bool {
    line.chars().all(|c| match c {
        '\t' => true,
        c if c.is_control() => false,
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => false,
        '\u{fdd0}'..='\u{fdef}' | '\u{e0000}'..='\u{e007f}' => false,
        c => c as u32 & 0xfffe != 0xfffe,
    })
}

/// Whether the line can only be about something that alice did: nobody else does anything.
fn is_hers(line: &str) -> bool {
    let lobby = ["[lobby] alice: ", "[lobby] alice (", "[lobby] * alice "];
    let others = ["(alice > bob) ", "(alice > bob, ", "[ops] * ", "* invited: ", "* away: alice "];
    lobby.iter().chain(&others).any(|head| line.starts_with(head))
}

#[test]
fn no_byte_in_any_field_makes_a_second_line_or_reaches_a_terminal() {
    let server = Server::with(&[
        "limits.repeats=off",
        "limits.new_rooms=off",
        "limits.joins=off",
        "limits.invitations=off",
        "limits.rooms_made=off",
    ]);
    let (mut alice, mut bob) = (server.connect(), server.connect());
    alice.register("alice");
    bob.register("bob");
    alice.ask("/create ops");
    bob.ask("/join ops");
    alice.ask("/say lobby first");
    bob.read_until("[lobby] alice: first");
    alice.ask("/set tags on");
    let (mut said, mut number) = (0, 0);
    for (before, after) in FIELDS {
        let speaks = ["say", "msg", "post", "update", "act", "me", "reply"];
        for hidden in hidden() {
            number += 1;
            let line = [format!("/@n{number} {before}a").as_bytes(), &hidden, b"b", after.as_bytes(), b"\n"].concat();
            alice.send_bytes(&line);
            let answer = answer_of(&mut alice, number);
            assert!(is_harmless(&answer), "{before:?} with {hidden:02x?}: {answer:?}");
            let accepted = untagged(&answer).starts_with("+ ");
            assert!(!accepted || std::str::from_utf8(&hidden).is_ok(), "{before:?} took {hidden:02x?}");
            let verb = before.split(' ').next().expect("there is one");
            let changed = untagged(&answer).starts_with("+ change=");
            said += u32::from(accepted && speaks.contains(&verb) && !changed);
            if accepted && verb == "mute" {
                alice.ask("/unmute ops bob");
            }
        }
    }
    alice.ask("/say lobby the end");
    let mut heard = 0;
    loop {
        let line = bob.next_line().expect("it goes on");
        assert!(is_harmless(&line) && is_hers(&line), "bob was shown {line:?}");
        if line == "[lobby] alice: the end" {
            break;
        }
        heard += u32::from(!line.contains("] * ") && !line.starts_with("* "));
    }
    // What was edited is shown again.
    assert!(heard >= said && said > 500, "{said} were said, {heard} were heard");
    let rows = all_rows(&mut bob);
    assert!(rows.iter().all(|row| is_harmless(row) && row.starts_with("| lobby ")), "{rows:?}");
    let mut console = server.console();
    for listing in ["/audit ops", "/rooms", "/profile alice", "/who lobby", "/accounts"] {
        let rows = console.ask(listing);
        assert!(rows.iter().all(|row| is_harmless(row)), "{listing}: {rows:?}");
    }
}

/// The one final line of a command, which has to come before anything of the next.
fn answer_of(client: &mut Client, number: u32) -> String {
    let re = format!("re=n{number}");
    loop {
        let line = client.next_line().expect("it goes on");
        let (tags, body) = line.strip_prefix('@').and_then(|line| line.split_once(' ')).unwrap_or(("", &line));
        if body.starts_with("+ ") || body.starts_with("- ") {
            assert!(tags.split(';').any(|tag| tag == re), "{line:?} is not the answer to {number}");
            return line;
        }
        assert!(is_harmless(&line), "{line:?}");
    }
}

fn all_rows(client: &mut Client) -> Vec<String> {
    let (mut rows, mut after) = (Vec::new(), 0);
    loop {
        let mut page = client.ask(&format!("/history lobby after={after} limit=1000"));
        let last = page.pop().expect("a final line");
        after = page.last().and_then(|row| row.split(' ').nth(2)?.parse().ok()).unwrap_or(after);
        rows.append(&mut page);
        if !last.contains(", more") {
            return rows;
        }
    }
}

/// A name that is accepted has only letters, digits, `-` and `_` of ASCII, so none can hide a character or borrow
/// one from another script.
#[test]
fn no_name_has_a_character_of_another_script() {
    let server = Server::with(&["limits.new_rooms=off", "limits.rooms_made=off", "accounts.bcrypt_cost=4"]);
    let (mut alice, mut guest) = (server.connect(), server.connect());
    alice.register("alice");
    for character in
        ['а', 'ο', 'ı', 'ℓ', 'ａ', 'é', '\u{301}', '\u{200d}', '\u{ad}', '𝐚', 'ß', '\u{212a}', '١', '.', '·', '’']
    {
        for name in [format!("b{character}b"), format!("{character}lice"), format!("alice{character}")] {
            guest.send(&format!("/register {name} correct horse battery"));
            guest.expect("- bad-name: …");
            for verb in ["create", "join"] {
                let refused = alice.ask(&format!("/{verb} {name}")).pop().expect("a final line");
                assert!(refused.starts_with("- bad-name: "), "/{verb} {name}: {refused}");
            }
        }
    }
    // Case alone makes no other name.
    for name in ["ALICE", "Alice", "aLiCe"] {
        guest.send(&format!("/register {name} correct horse battery"));
        guest.expect("- name-taken: …");
    }
    for name in ["server", "SERVER", "room", "Server"] {
        guest.send(&format!("/register {name} correct horse battery"));
        guest.expect("- bad-name: …");
    }
    assert!(alice.ask("/create Server").pop().is_some_and(|last| last.starts_with("- bad-name: ")));
}
