//! What was removed for good after a backup does not come back with it.

use crate::backup::{chitchatd, done, fails, names, text};
use crate::support::{Client, PASSWORD, Server};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn log_in(server: &Server, name: &str) -> Client {
    let mut client = server.connect();
    client.send(&format!("/login {name} {PASSWORD}"));
    client.read_until(&format!("+ welcome {name}…"));
    client
}

fn unregister(mut client: Client, command: &str) {
    client.send(command);
    client.read_until("? …");
    client.send(PASSWORD);
    client.read_until("+ …");
}

/// The files of a directory that have this text.
fn files_with(data: &Path, text: &str) -> Vec<String> {
    let has = |name: &String| {
        fs::read(data.join(name)).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    names(data).into_iter().filter(has).collect()
}

/// A directory of backups, and a backup in it.
fn backed_up(server: &Server) -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("monday.tar");
    done(&["backup", "-o", text(&file), "--data", text(&server.data())]);
    (place, file)
}

fn list_beside(server: &Server, place: &TempDir) -> PathBuf {
    let list = place.path().join("chitchat.erasures");
    done(&["erasures", "-o", text(&list), "--data", text(&server.data())]);
    list
}

#[test]
fn what_was_removed_after_a_backup_is_removed_again_when_it_is_restored() {
    let server = Server::start();
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| {
        let mut client = server.connect();
        client.register(name);
        client
    });
    for line in ["/say lobby aliceskept", "/say lobby alicesremoved"] {
        alice.ask(line);
    }
    bob.ask("/say lobby bobsfirst");
    for line in ["/say lobby alicesedited", "/msg bob alicesdirect"] {
        alice.ask(line);
    }
    bob.ask("/msg alice bobsdirect");
    carol.ask("/say lobby carolsstays");
    let (place, file) = backed_up(&server);

    alice.ask("/redact lobby 2 it was a password");
    alice.ask("/redact @bob 1");
    alice.ask("/edit lobby 4 alicesmended");
    alice.ask("/say lobby alicesnew");
    alice.ask("/redact lobby 6");
    unregister(bob, "/unregister all");
    unregister(carol, "/unregister");
    let list = list_beside(&server, &place);
    let listed = fs::read_to_string(&list).unwrap();
    for word in ["alices", "bobs", "carol", "password"] {
        assert!(!listed.contains(word), "{listed}");
    }

    let mut again = Server::not_started(&[]);
    let data = again.data();
    let output = chitchatd(&["restore", text(&file), "--data", text(&data)]);
    let (out, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{said}");
    let expected = format!("removed again, by {}: 4 messages, 2 accounts\n", list.display());
    assert!(out.ends_with(&expected), "{out}");
    let gone = ["alicesremoved", "bobsfirst", "alicesdirect", "bobsdirect"];
    let stays = ["aliceskept", "alicesedited", "carolsstays"];
    // Before a server has touched it, while one runs, and after its end.
    for word in gone {
        assert_eq!(files_with(&data, word), [""; 0], "{word}");
    }
    again.restart();
    let mut alice = log_in(&again, "alice");
    let rows = alice.ask("/history lobby").join("\n");
    for word in stays {
        assert!(rows.contains(word), "{word}: {rows}");
    }
    assert!(rows.contains("alice (removed): \n") && rows.contains("bob (removed): \n"), "{rows}");
    let direct = alice.ask("/history @bob").join("\n");
    assert_eq!(direct.matches("(removed)").count(), 2, "{direct}");
    assert_eq!(alice.ask("/search alicesremoved").len(), 1);
    for name in ["bob", "carol"] {
        let mut client = again.connect();
        client.send(&format!("/login {name} {PASSWORD}"));
        client.expect("- bad-credentials: …");
    }
    for word in gone {
        assert_eq!(files_with(&data, word), [""; 0], "{word}");
    }
    again.kill();
    for word in gone {
        assert_eq!(files_with(&data, word), [""; 0], "{word}");
    }
    // Without the list, it comes back.
    fs::remove_file(&list).unwrap();
    let mut without = Server::not_started(&[]);
    done(&["restore", text(&file), "--data", text(&without.data())]);
    without.restart();
    assert!(log_in(&without, "bob").ask("/history lobby").join("\n").contains("alicesremoved"));
}

#[test]
fn a_message_of_another_history_that_has_the_same_number_stays() {
    let server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    (1..4).for_each(|id| drop(alice.ask(&format!("/say lobby line {id}"))));
    let (place, file) = backed_up(&server);
    alice.ask("/say lobby the old fourth");
    alice.ask("/redact lobby 4");
    let mut bob = server.connect();
    bob.register("bob");
    unregister(bob, "/unregister");
    let list = list_beside(&server, &place);

    let mut again = Server::not_started(&[]);
    done(&["restore", text(&file), "--data", text(&again.data())]);
    again.restart();
    log_in(&again, "alice").ask("/say lobby the new fourth");
    again.connect().register("zoe");
    // The list goes on for both.
    assert!(log_in(&again, "alice").ask("/redact lobby 1")[0].starts_with("+ "));
    let before = fs::read_to_string(&list).unwrap();
    done(&["erasures", "-o", text(&list), "--data", text(&again.data())]);
    let after = fs::read_to_string(&list).unwrap();
    let entries = |list: &str| -> Vec<String> {
        list.lines()
            .filter(|line| line.starts_with("message") || line.starts_with("account"))
            .map(str::to_owned)
            .collect()
    };
    assert!(entries(&before).iter().all(|entry| after.contains(entry)), "{before}{after}");
    assert_eq!((entries(&before).len(), entries(&after).len()), (2, 3));
    let second = place.path().join("tuesday.tar");
    done(&["backup", "-o", text(&second), "--data", text(&again.data())]);
    let mut third = Server::not_started(&[]);
    done(&["restore", text(&second), "--erasures", text(&list), "--data", text(&third.data())]);
    third.restart();
    let rows = log_in(&third, "alice").ask("/history lobby").join("\n");
    assert!(rows.contains("the new fourth") && !rows.contains("line 1"), "{rows}");
    log_in(&third, "zoe");
}

#[test]
fn what_a_room_no_longer_keeps_is_dropped_again() {
    let server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    alice.ask("/join ops");
    (1..8).for_each(|id| drop(alice.ask(&format!("/say ops secret{id}word"))));
    let (place, file) = backed_up(&server);
    // As a server lists it that has dropped the first five, now.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let list = format!("chitchat-erasures 1\ndropped 2 5 {now}\n");
    let digest = HEXLOWER.encode(&Sha256::digest(list.as_bytes()));
    fs::write(place.path().join("chitchat.erasures"), format!("{list}sha256 {digest}\n")).unwrap();
    let mut again = Server::not_started(&[]);
    done(&["restore", text(&file), "--data", text(&again.data())]);
    for id in 1..8 {
        let found = files_with(&again.data(), &format!("secret{id}word"));
        assert_eq!(!found.is_empty(), id > 5, "{id}: {found:?}");
    }
    again.restart();
    let rows = log_in(&again, "alice").ask("/history ops");
    assert!(rows.len() == 3 && rows[0].contains("secret6word") && rows[2].contains("oldest=6"), "{rows:?}");
    // And so the list that the new one makes says it as well.
    let output = chitchatd(&["erasures", "--data", text(&again.data())]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("\ndropped 2 5 "), "{output:?}");
}

#[test]
fn a_list_that_can_not_be_used_is_named_and_nothing_is_restored() {
    let server = Server::start();
    server.connect().register("alice");
    let (place, file) = backed_up(&server);
    let list = place.path().join("chitchat.erasures");
    fs::write(&list, "mine").unwrap();
    let data = place.path().join("data");
    fails(&["restore", text(&file), "--data", text(&data)], &[text(&list), "Move it away"]);
    assert!(!data.exists());
    fails(&["erasures", "-o", text(&list), "--data", text(&server.data())], &[text(&list)]);
    fails(&["restore", text(&file), "--erasures", "/nowhere", "--data", text(&data)], &["can't read /nowhere"]);
    assert_eq!(fs::read(&list).unwrap(), b"mine");
    // A directory of backups has one of its own.
    fs::remove_file(&list).unwrap();
    let said = done(&["backup", "-o", text(place.path()), "--data", text(&server.data())]);
    assert!(said.contains("chitchat.erasures has 0 entries") && list.exists(), "{said}");
}
