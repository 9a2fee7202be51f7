//! Several accounts whose logins are saved in one state directory: which of them a command speaks for.

use super::{Ended, World, finish};
use std::fs;

impl World {
    /// Runs a command with what is saved in this world's home, and nothing in the environment that logs in.
    fn run_saved(&self, args: &[&str]) -> Ended {
        let mut command = self.bare(&["--fingerprint", &self.fingerprint]);
        command.args(args).env("XDG_STATE_HOME", self.home.path()).env("HOME", self.home.path());
        finish(command.spawn().unwrap(), "")
    }

    /// Logs in with a password, which saves the login.
    fn save_login(&self, name: &str) {
        let file = self.home.path().join("password");
        fs::write(&file, "correct horse battery\n").unwrap();
        let ended = self.run_saved(&["rooms", "--name", name, "--password-file", file.to_str().unwrap()]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }
}

#[test]
fn without_a_name_the_login_that_was_used_last_speaks() {
    let world = World::new();
    world.save_login("alice");
    world.save_login("bot");
    let author = || {
        let who = world.run_saved(&["say", "lobby", "hi"]);
        assert_eq!((who.code, who.err.as_str()), (Some(0), ""));
        let tail = world.run_saved(&["tail", "lobby", "-n", "1"]);
        tail.out.split('\t').nth(3).unwrap().to_owned()
    };
    assert_eq!(author(), "bot", "whose login was saved last");
    let address = world.relay.address;
    let visit = format!("{address} tls alice 2026-11-30T10:15:00Z -\n");
    fs::write(world.home.path().join("chitchat/servers"), visit).unwrap();
    assert_eq!(author(), "alice", "who was there last");
    let zoe = world.run_saved(&["say", "lobby", "--name", "zoe", "hi"]);
    assert_eq!(zoe.code, Some(4), "{}", zoe.err);
    assert!(zoe.err.contains(&format!("no login of zoe on {address}; there is alice, bot.")), "{}", zoe.err);
}

#[test]
fn when_a_login_has_ended_nobody_speaks_in_its_place() {
    let world = World::new();
    world.save_login("alice");
    world.save_login("bot");
    let tokens = world.home.path().join("chitchat/tokens");
    let text = fs::read_to_string(&tokens).unwrap();
    let ended: String = text
        .lines()
        .map(|line| line.rsplit_once(' ').filter(|(login, _)| login.ends_with(" bot")).map_or(line, |(login, _)| login))
        .map(|line| if line.ends_with(" bot") { format!("{line} trevoked\n") } else { format!("{line}\n") })
        .collect();
    fs::write(&tokens, ended).unwrap();
    let address = world.relay.address;
    let told = format!(
        "chitchat: the saved login of bot has expired or was revoked. Run chitchat {address} --name bot in a terminal to \
         log in again, or take another account with --name: alice.\n"
    );
    // The second time the server is not even asked.
    for _ in 0..2 {
        let said = world.run_saved(&["say", "lobby", "who am I?"]);
        assert_eq!((said.code, said.err.as_str()), (Some(4), told.as_str()));
    }
    assert_eq!(world.run_saved(&["say", "lobby", "--name", "alice", "me"]).code, Some(0));
    world.save_login("bot");
    let tail = world.run_saved(&["tail", "lobby"]);
    assert!(tail.out.ends_with("\talice\tme\n") && !tail.out.contains("who am I?"), "{}", tail.out);
}

#[test]
fn msg_says_it_to_somebody_and_never_for_them() {
    let world = World::new();
    world.save_login("bot");
    world.save_login("alice");
    let said = world.run_saved(&["msg", "bot", "from the last login"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let said = world.run_saved(&["msg", "alice", "--name", "bot", "from the named one"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let tail = world.run_saved(&["tail", "@bot", "--name", "alice"]);
    let told: Vec<String> =
        tail.out.lines().map(|line| line.split('\t').skip(3).collect::<Vec<_>>().join(": ")).collect();
    assert_eq!(told, ["alice: from the last login", "bot: from the named one"]);
}
