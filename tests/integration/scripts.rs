//! The client's subcommands against the real server: what they print, their exit codes, and restarts under them.

use crate::support::{DEADLINE, Relay, Script, Server};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

mod input;
mod logins;

/// A server, and what a script needs to know of it: an address that stays the same over restarts, and a token.
struct World {
    server: Server,
    relay: Relay,
    fingerprint: String,
    token: String,
    home: tempfile::TempDir,
}

/// What a command came to.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl World {
    /// alice is in the room ops, which she made; the scripts are bot's.
    fn new() -> Self {
        let server = Server::start();
        let mut script = Script::new(&server);
        script.play(
            "alice is in\nalice > /create ops\nalice < + ops…\nalice > /create secret private\nalice < + secret…",
        );
        script.play("bot is in\nbot > /token new t\nbot < + {token} is shown only this once…");
        let token = script.word("token").to_owned();
        let relay = Relay::to(server.tls());
        let fingerprint = server.fingerprint();
        Self { server, relay, fingerprint, token, home: tempfile::tempdir().unwrap() }
    }

    /// The client without anything from this process's environment but what a script sets.
    fn bare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chitchat"));
        command.args(args).env_clear().env("CHITCHAT_SERVER", self.relay.address.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare(args);
        command.env("CHITCHAT_TOKEN", &self.token).env("CHITCHAT_FINGERPRINT", &self.fingerprint);
        command
    }

    fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, "")
    }

    fn run_with(&self, args: &[&str], input: &str) -> Ended {
        finish(self.command(args).spawn().unwrap(), input)
    }

    /// The server crashes and is started again.
    fn crash(&mut self) {
        self.server.kill();
        self.server.restart();
        self.relay.point_at(self.server.tls());
    }

    /// alice, on another connection, says these lines in ops.
    fn alice_says(&self, lines: &[&str]) {
        let mut script = Script::new(&self.server);
        script.play("alice connects\nalice > /login alice correct horse battery\nalice <~ + welcome…");
        for line in lines {
            script.play(&format!("alice > /say ops {line}\nalice <~ + …"));
        }
    }
}

/// Writes the input and waits for the end.
fn finish(mut child: Child, input: impl AsRef<[u8]>) -> Ended {
    let mut stdin = child.stdin.take().unwrap();
    // A command may end without having read it.
    let _ = stdin.write_all(input.as_ref());
    drop(stdin);
    let read = |mut pipe: Box<dyn std::io::Read + Send>| {
        thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).map(|_| text)
        })
    };
    let out = read(Box::new(child.stdout.take().unwrap()));
    let err = read(Box::new(child.stderr.take().unwrap()));
    let code = wait(&mut child);
    Ended { code, out: out.join().unwrap().unwrap(), err: err.join().unwrap().unwrap() }
}

fn wait(child: &mut Child) -> Option<i32> {
    let until = Instant::now() + DEADLINE * 3;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// A command that goes on, and the lines that it prints.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line).ok());
        });
        Self { child, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(DEADLINE * 3).expect("a line in time")
    }

    /// The last field of the next line.
    fn text(&self) -> String {
        self.next().rsplit('\t').next().unwrap().to_owned()
    }

    fn send(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn say_ends_when_it_is_on_disk_and_a_key_says_it_once() {
    let world = World::new();
    let said = world.run(&["say", "ops", "--id", "the", "backup is done"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "1\n", ""));
    for _ in 0..2 {
        assert_eq!(world.run(&["say", "#ops", "--key", "k", "--id", "/once"]).out, "2\n");
    }
    assert_eq!(world.run(&["say", "ops", "--key", "k", "--update", "--id", "twice"]).out, "change=1\n");
    let conflict = world.run(&["say", "ops", "--key", "k", "other"]);
    assert_eq!((conflict.code, conflict.err.contains("(conflict)")), (Some(1), true), "{}", conflict.err);
    let lines = world.run_with(&["say", "ops", "--id", "-"], "a\n\nb\tc\r\nthe last without an end");
    assert_eq!((lines.code, lines.out.as_str()), (Some(0), "3\n4\n5\n"));
    assert_eq!(world.run(&["msg", "Alice", "--id", "hi"]).out, "1\n");
    let tail = world.run(&["tail", "ops", "-n", "4"]);
    let texts: Vec<&str> = tail.out.lines().map(|line| line.splitn(5, '\t').nth(4).unwrap()).collect();
    assert_eq!(texts, ["twice", "a", "b\tc", "the last without an end"]);
}

#[test]
fn exit_codes_say_what_failed() {
    let world = World::new();
    let code = |args: &[&str]| world.run(args).code;
    assert_eq!(code(&["say"]), Some(2));
    assert_eq!(code(&["say", "ops", " "]), Some(2));
    assert_eq!(code(&["say", "not a room", "hi"]), Some(2));
    assert_eq!(code(&["say", "ops", "--update", "hi"]), Some(2), "there is no key");
    for args in [
        &["say", "nowhere", "hi"][..],
        &["say", "secret", "hi"],
        &["msg", "nobody", "hi"],
        &["tail", "nowhere"],
        &["who", "ops"],
    ] {
        assert_eq!(code(args), Some(6), "{args:?}");
    }
    assert_eq!(code(&["say", "ops", &"x".repeat(5000)]), Some(1));
    assert_eq!(code(&["rooms", "--server", "127.0.0.1:1", "--timeout", "0"]), Some(3));
    assert_eq!(code(&["rooms", "--fingerprint", &"0".repeat(64)]), Some(5));
    let run = |command: &mut Command| finish(command.spawn().unwrap(), "");
    let revoked = run(world.command(&["rooms"]).env("CHITCHAT_TOKEN", "tnope"));
    assert_eq!(revoked.code, Some(4), "{}", revoked.err);
    let stranger = run(world.bare(&["rooms"]).env("XDG_STATE_HOME", world.home.path()).env("HOME", world.home.path()));
    assert_eq!(stranger.code, Some(4), "{}", stranger.err);
    let nothing_listens = run(world.command(&["say", "ops", "hi"]).env("CHITCHAT_SERVER", "a b"));
    assert_eq!(nothing_listens.code, Some(2));
}

#[test]
fn a_password_comes_from_a_file_or_a_command_and_is_needed_once() {
    let world = World::new();
    let file = world.home.path().join("password");
    fs::write(&file, "correct horse battery\n").unwrap();
    let run = |args: &[&str], state: &str| {
        let state = world.home.path().join(state);
        let mut command = world.bare(&["rooms", "--fingerprint", &world.fingerprint]);
        let path = std::env::var_os("PATH").unwrap();
        finish(
            command
                .args(args)
                .env("XDG_STATE_HOME", state)
                .env("HOME", world.home.path())
                .env("PATH", path)
                .spawn()
                .unwrap(),
            "",
        )
    };
    let named = run(&["--password-file", file.to_str().unwrap()], "one");
    assert_eq!((named.code, named.err.contains("--name")), (Some(2), true), "{}", named.err);
    let first = run(&["--name", "bot", "--password-file", file.to_str().unwrap()], "one");
    assert_eq!((first.code, first.err.as_str()), (Some(0), ""));
    assert_eq!(run(&[], "one").code, Some(0), "the login was saved");
    let command = format!("cat {}", file.display());
    assert_eq!(run(&["--name", "bot", "--password-command", &command], "two").code, Some(0));
    assert_eq!(run(&["--name", "bot", "--password-command", "echo no"], "three").code, Some(4));
    assert_eq!(run(&["--name", "bot", "--password-command", "false"], "three").code, Some(1));
    // So it does for the chat without a command.
    let chat = |args: &[&str], state: &str| {
        let mut command = world.bare(&["--fingerprint", &world.fingerprint]);
        command.args(args).env("XDG_STATE_HOME", world.home.path().join(state)).env("HOME", world.home.path());
        finish(command.spawn().unwrap(), "/whoami\n")
    };
    let said = chat(&["--name", "bot", "--password-file", file.to_str().unwrap()], "four");
    assert!(said.code == Some(0) && said.out.contains("+ bot - "), "{}{}", said.out, said.err);
    assert_eq!(chat(&["--no-input"], "four").code, Some(0), "the login was saved");
    assert_eq!(chat(&["--no-input"], "five").code, Some(4));
}

#[test]
fn lists_and_searches_are_fields_or_objects() {
    let world = World::new();
    world.alice_says(&["the pump is on", "the pump is off", "lunch"]);
    assert_eq!(world.run(&["rooms"]).out, "lobby\t2\t\nops\t1\t\n");
    assert_eq!(world.run(&["rooms", "--json"]).out.lines().last(), Some(r#"{"room":"ops","members":1,"topic":""}"#));
    // Only members can search a room.
    assert_eq!(world.run(&["search", "pump"]).out, "");
    world.run(&["tail", "ops"]);
    assert_eq!(world.run(&["who", "ops"]).out, "alice\taway\towner\t-\t\nbot\there\tmember\t-\t\n");
    let found = world.run(&["search", "pump", "--in", "ops", "--from", "alice", "--since", "1h", "-n", "1"]);
    let fields: Vec<&str> = found.out.trim_end().split('\t').collect();
    assert_eq!(fields[1..], ["ops", "2", "alice", "the pump is off"]);
    assert!(fields[0].ends_with('Z') && fields[0].len() == "2026-11-30T10:15:00.000Z".len(), "{}", fields[0]);
    let object = world.run(&["search", "lunch", "--json"]).out;
    assert!(object.starts_with(r#"{"event":"message","target":"ops","id":3,"time":""#), "{object}");
    assert!(object.ends_with("\",\"author\":\"alice\",\"text\":\"lunch\"}\n"), "{object}");
}

#[test]
fn tail_follows_over_crashes_without_a_gap_or_a_repetition() {
    let mut world = World::new();
    world.alice_says(&["one", "two", "three"]);
    let tail = Running::start(&mut world.command(&["tail", "ops", "-n", "2", "-f"]));
    assert_eq!([tail.text(), tail.text()], ["two", "three"]);
    for round in 0..2 {
        world.crash();
        let said: Vec<String> = (0..5).map(|n| format!("{round}.{n}")).collect();
        world.alice_says(&said.iter().map(String::as_str).collect::<Vec<_>>());
        let told: Vec<String> = said.iter().map(|_| tail.text()).collect();
        assert_eq!(told, said);
    }
    world.relay.cut();
    world.alice_says(&["after a cut"]);
    assert_eq!(tail.text(), "after a cut");
    assert_eq!(world.run(&["tail", "ops", "--after", "12"]).out.lines().count(), 2);
}

#[test]
fn tail_goes_on_where_it_was_under_another_epoch() {
    let mut world = World::new();
    world.server = {
        let mut server = Server::with(&["history.sync=normal"]);
        server.kill();
        server
    };
    world.server.restart();
    world.relay.point_at(world.server.tls());
    world.fingerprint = world.server.fingerprint();
    let mut script = Script::new(&world.server);
    script.play("alice is in\nalice > /create ops\nalice < + ops…\nbot is in\nbot > /token new t\nbot < + {token} is…");
    world.token = script.word("token").to_owned();
    drop(script);
    world.alice_says(&["one", "two"]);
    let tail = Running::start(&mut world.command(&["tail", "ops", "-f"]));
    assert_eq!([tail.text(), tail.text()], ["one", "two"]);
    world.crash();
    world.alice_says(&["three"]);
    assert_eq!(tail.text(), "three");
}

#[test]
fn what_is_said_from_a_pipe_is_said_once_over_a_crash() {
    let mut world = World::new();
    let mut say = Running::start(&mut world.command(&["say", "ops", "--id", "-"]));
    for n in 1..=3 {
        say.send(&format!("line {n}"));
        assert_eq!(say.next(), n.to_string());
    }
    world.crash();
    for n in 4..=6 {
        say.send(&format!("line {n}"));
    }
    assert_eq!([say.next(), say.next(), say.next()], ["4", "5", "6"]);
    drop(say.child.stdin.take());
    assert_eq!(wait(&mut say.child), Some(0));
    let tail = world.run(&["tail", "ops", "-n", "100"]);
    let texts: Vec<&str> = tail.out.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
    assert_eq!(texts, ["line 1", "line 2", "line 3", "line 4", "line 5", "line 6"]);
}

#[test]
fn say_waits_for_a_server_that_is_being_restarted() {
    let mut world = World::new();
    world.server.kill();
    let say = world.command(&["say", "ops", "--id", "hello"]).spawn().unwrap();
    thread::sleep(std::time::Duration::from_millis(300));
    world.server.restart();
    world.relay.point_at(world.server.tls());
    let said = finish(say, "");
    assert_eq!((said.code, said.out.as_str()), (Some(0), "1\n"), "{}", said.err);
    assert!(said.err.contains("trying again"), "{}", said.err);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let world = World::new();
    let many: Vec<String> = (0..40).map(|n| format!("line {n} {}", "x".repeat(3000))).collect();
    world.alice_says(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let mut child = world.command(&["tail", "ops", "-n", "1000"]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("\tline 0 "), "{line}");
    drop(stdout);
    assert_eq!(wait(&mut child), Some(0));
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(err, "");
}

#[test]
fn who_is_put_out_of_a_room_follows_it_no_more() {
    let world = World::new();
    let mut tail = Running::start(&mut world.command(&["tail", "ops", "-n", "0", "-f"]));
    let mut script = Script::new(&world.server);
    script.play("alice connects\nalice > /login alice correct horse battery\nalice <~ + welcome…");
    script.play("alice > /say ops ready\nalice <~ + …");
    // It may still be joining; a line that it prints says that it follows.
    while tail.lines.try_recv().is_err() {
        script.play("alice > /say ops ready\nalice <~ + …");
        thread::sleep(std::time::Duration::from_millis(100));
    }
    script.play("alice > /kick ops bot\nalice <~ + bot…");
    assert_eq!(wait(&mut tail.child), Some(6));
}

#[test]
fn pipe_carries_out_orders_and_tells_events_over_a_crash() {
    let mut world = World::new();
    let mut pipe = Running::start(&mut world.command(&["pipe", "ops"]));
    assert!(pipe.next().starts_with(r#"{"event":"ready","name":"bot","epoch":""#));
    pipe.send(r#"{"id": 1, "say": "hello \"all\"", "to": "ops"}"#);
    assert_eq!(answer(&pipe), r#"{"answer":1,"ok":true,"message":1}"#);
    pipe.send(r#"{"id": "b", "say": "50 %", "to": "ops", "key": "build", "update": true}"#);
    assert_eq!(answer(&pipe), r#"{"answer":"b","ok":true,"message":2}"#);
    pipe.send(r#"{"id": "b", "say": "done", "to": "ops", "key": "build", "update": true}"#);
    assert_eq!(answer(&pipe), r#"{"answer":"b","ok":true,"change":1}"#);
    pipe.send(r#"{"id": [2], "command": "/role ops bot"}"#);
    assert_eq!(answer(&pipe), r#"{"answer":[2],"ok":true,"text":"bot member","rows":[]}"#);
    pipe.send(r#"{"id": null, "say": "hi", "to": "nowhere"}"#);
    assert!(answer(&pipe).starts_with(r#"{"answer":null,"ok":false,"code":"no-such-room","text":""#));
    pipe.send("what?");
    assert!(answer(&pipe).starts_with(r#"{"answer":null,"ok":false,"code":"bad-json","text":""#));
    world.crash();
    world.alice_says(&["are you there?"]);
    let event = loop {
        let line = pipe.next();
        if line.starts_with(r#"{"event":"message""#) {
            break line;
        }
    };
    assert!(event.contains(r#""author":"alice","text":"are you there?"}"#), "{event}");
    pipe.send(r#"{"id": 9, "say": "yes", "to": "ops"}"#);
    assert_eq!(answer(&pipe), r#"{"answer":9,"ok":true,"message":4}"#);
    drop(pipe.child.stdin.take());
    assert_eq!(wait(&mut pipe.child), Some(0));
}

/// The next answer; events may come before it.
fn answer(pipe: &Running) -> String {
    loop {
        let line = pipe.next();
        if line.starts_with(r#"{"answer""#) {
            return line;
        }
    }
}
