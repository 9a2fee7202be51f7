//! Starting the server: a start that fails says what is wrong in one clear line, and exits with a code
//! other than 0.

use crate::support::{Client, DEADLINE, PASSWORD, Server};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts the server, which must fail; the one line that it prints must contain all of these words.
#[track_caller]
fn refuses(data: &Path, arguments: &[&str], words: &[&str]) {
    let failure = Server::fail(data, arguments);
    assert!(failure.status.code().is_some_and(|code| code != 0), "{:?}: {}", failure.status, failure.said);
    let errors: Vec<&str> = failure.said.lines().filter(|line| !line.contains("warning: ")).collect();
    let [error] = errors.as_slice() else { panic!("expected one line:\n{}", failure.said) };
    for word in words {
        assert!(error.contains(word), "{word} is not in: {error}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--plain", "--tls"] {
        refuses(data.path(), &[flag, &address], &[&address]);
    }
}

#[test]
fn an_impossible_data_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    // Even root can't make a directory inside a file.
    let file = directory.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    refuses(&file, &[], &[file.to_str().unwrap()]);
    let below = file.join("data");
    refuses(&below, &[], &[file.to_str().unwrap()]);
}

#[test]
fn a_bad_certificate_is_named() {
    let data = tempfile::tempdir().unwrap();
    let (chain, key) = (data.path().join("chain.pem"), data.path().join("key.pem"));
    let settings = [format!("certificate={}", chain.display()), format!("key={}", key.display())];
    let arguments = ["--set", &settings[0], "--set", &settings[1]];
    refuses(&data.path().join("a"), &arguments, &["chain.pem"]);
    fs::write(&chain, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n").unwrap();
    let good = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(&key, good.signing_key.serialize_pem()).unwrap();
    refuses(&data.path().join("a"), &arguments, &["chain.pem"]);
    fs::write(&chain, good.cert.pem()).unwrap();
    fs::write(&key, "").unwrap();
    refuses(&data.path().join("a"), &arguments, &["key.pem"]);
    // Another certificate's key.
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(&key, other.signing_key.serialize_pem()).unwrap();
    refuses(&data.path().join("a"), &arguments, &["key"]);
    refuses(&data.path().join("a"), &arguments[..2], &["key"]);
}

/// Whoever knows the address of TLS would find nobody there, and the server would look well.
#[test]
fn a_setting_of_which_no_address_can_be_had_is_an_error_and_one_of_several_a_warning() {
    let data = tempfile::tempdir().unwrap();
    let mut alone = Command::new("timeout");
    alone.args(["30", env!("CARGO_BIN_EXE_chitchatd"), "--plain", "127.0.0.1:0", "--data"]).arg(data.path());
    let failed = alone.args(["--tls", "192.0.2.1:2428", "--tls", "198.51.100.7:2428"]).output().unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    assert!(failed.status.code() == Some(1) && said.contains("192.0.2.1:2428: "), "{:?} {said}", failed.status);
    assert!(said.contains("set another address (tls)"), "{said}");
    let mut server = Server::not_started(&[]);
    let line = r#"exec "$@" --tls 192.0.2.1:2428"#;
    server.run_under(Some(["sh", "-c", line, "sh"].map(str::to_owned).into()));
    server.restart();
    server.connect_tls().send("/quit");
    server.terminate();
    assert!(server.wait().1.contains("warning: can't listen on 192.0.2.1:2428: "));
}

#[test]
fn a_certificate_of_yesterday_and_a_key_for_everyone_are_warnings() {
    let files = tempfile::tempdir().unwrap();
    let (chain, key) = (files.path().join("chain.pem"), files.path().join("key.pem"));
    let settings = [format!("certificate={}", chain.display()), format!("key={}", key.display())];
    let mut server = Server::not_started(&[&settings[0], &settings[1]]);
    let far = rcgen::date_time_ymd;
    for (from, until, words) in [
        (far(2020, 1, 1), far(2021, 1, 1), "expired at 2021-01-01T00:00:00Z"),
        (far(2999, 1, 1), far(3000, 1, 1), "is not valid before 2999-01-01T00:00:00Z"),
    ] {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (from, until);
        let pair = rcgen::KeyPair::generate().unwrap();
        fs::write(&chain, params.self_signed(&pair).unwrap().pem()).unwrap();
        fs::write(&key, pair.serialize_pem()).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
        server.restart();
        // Who does not ask an authority is served.
        server.connect_tls().send("/quit");
        server.terminate();
        let (status, said) = server.wait();
        assert!(status.success(), "{said}");
        let warned = |words: &[&str]| said.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(warned(&["warning: ", chain.to_str().unwrap(), words]), "{said}");
        assert!(warned(&["warning: ", &format!("chmod o= {}", key.display())]), "{said}");
    }
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    refuses(&server.data(), &[], &[server.data().to_str().unwrap()]);
    alice.send("/whoami");
    alice.expect("+ alice…");
}

#[test]
fn an_unknown_setting_is_named_with_the_nearest_one() {
    let data = tempfile::tempdir().unwrap();
    refuses(data.path(), &["--set", "limits.flod=off"], &["limits.flod", "limits.flood"]);
    refuses(data.path(), &["--set", "limits.flood=very fast"], &["limits.flood"]);
    refuses(data.path(), &["--set", "workers=0"], &["workers"]);
    let file = data.path().join("chitchat.toml");
    fs::write(&file, "[history]\nkeep = \"on\"\nkepp = \"on\"\n").unwrap();
    refuses(data.path(), &["--config", file.to_str().unwrap()], &["chitchat.toml:3", "kepp"]);
    refuses(data.path(), &["--config", "/nowhere/chitchat.toml"], &["/nowhere/chitchat.toml"]);
}

#[test]
fn the_settings_are_checked_and_shown_without_a_start() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("chitchat.toml");
    let path = file.to_str().unwrap();
    fs::write(&file, "[limits]\nflood = \"5/s burst 7\"\nflod = 1\n").unwrap();
    for verb in ["check", "show"] {
        let (code, out, said) = chitchatd(data.path(), &["config", verb, "--config", path]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{said}");
        assert_eq!(
            said,
            format!("chitchatd: {path}:3: flod = 1: there is no setting flod. Did you mean limits.flood?\n")
        );
    }
    fs::write(&file, "[limits]\nflood = \"5/s burst 7\"\n").unwrap();
    let (code, out, said) = chitchatd(data.path(), &["config", "check", "--config", path]);
    assert_eq!((code, out, said.as_str()), (Some(0), format!("{path}: the settings are good.\n"), ""));
    let cheap = ["config", "check", "--json", "--set", "accounts.bcrypt_cost=4"];
    let (code, out, said) = chitchatd(data.path(), &cheap);
    assert!(code == Some(0) && out.contains("\"good\":true,\"warnings\":[\"accounts.bcrypt_cost = 4"), "{out}{said}");

    let (code, out, said) = chitchatd(data.path(), &["config", "show", "--config", path]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(out.contains(&format!("# {path}:2\n")) && out.contains("# --data\n"), "{out}");
    // What is shown is a settings file.
    let shown = data.path().join("shown.toml");
    fs::write(&shown, &out).unwrap();
    let again = chitchatd(data.path(), &["config", "show", "--config", shown.to_str().unwrap()]).1;
    let values = |shown: &str| {
        shown.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&out));
    let (code, out, _) = chitchatd(data.path(), &["config", "show", "--json", "--config", path]);
    let from = format!("{{\"key\":\"limits.flood\",\"value\":\"5/s burst 7\",\"from\":\"{path}:2\"}}");
    assert!(code == Some(0) && out.contains(&from), "{out}");
    // Nothing of this made a data directory's files.
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 2);
}

#[test]
fn a_file_that_is_not_a_database_is_left_alone() {
    let data = tempfile::tempdir().unwrap();
    let database = {
        let server = Server::start();
        let found = fs::read_dir(server.data()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = found.filter(|name| Path::new(name).extension().is_some_and(|e| e == "db")).collect();
        names.sort();
        names.into_iter().next().expect("there is a database")
    };
    let file = data.path().join(database);
    fs::write(&file, "this is a letter to my aunt, and no database at all".repeat(100)).unwrap();
    refuses(data.path(), &[], &[data.path().to_str().unwrap()]);
    assert!(fs::read_to_string(&file).unwrap().starts_with("this is a letter"));
}

#[test]
fn a_data_directory_that_others_can_write_to_gets_a_warning() {
    let mut server = Server::not_started(&[]);
    for (mode, warned) in [(0o777, true), (0o770, true), (0o755, false), (0o700, false)] {
        fs::set_permissions(server.data(), Permissions::from_mode(mode)).unwrap();
        server.restart();
        server.terminate();
        let (status, said) = server.wait();
        assert!(status.success(), "{status}: {said}");
        let advice = format!("chmod 700 {}", server.data().display());
        assert_eq!(said.contains(&advice), warned, "{mode:o}: {said}");
    }
}

/// Its lock would not keep a second server from what the link leads to.
#[test]
fn the_database_is_no_link_but_the_directory_may_be_one() {
    let mut server = Server::start();
    server.terminate();
    assert!(server.wait().0.success());
    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(server.data(), elsewhere.path().join("data")).unwrap();
    symlink(elsewhere.path().join("data"), server.data()).unwrap();
    server.restart();
    server.terminate();
    assert!(server.wait().0.success());

    let (file, moved) = (server.data().join("chitchat.db"), elsewhere.path().join("moved.db"));
    fs::copy(&file, &moved).unwrap();
    fs::remove_file(&file).unwrap();
    symlink(&moved, &file).unwrap();
    let why = format!("{} is a symbolic link to {}, and the lock", file.display(), moved.display());
    refuses(&server.data(), &[], &[&why, "Move that database here"]);
    assert!(!elsewhere.path().join("moved.db-wal").exists());
}

#[test]
fn an_invitation_names_the_port_of_the_running_server() {
    let server = Server::start();
    let invite = Command::new(env!("CARGO_BIN_EXE_chitchatd")).arg("invite").arg("--data").arg(server.data()).output();
    let said = String::from_utf8(invite.unwrap().stderr).unwrap();
    assert!(said.contains(&format!(":{}\n", server.tls().port())), "{said}");
}

/// Runs `chitchatd` with these words; returns its exit code and what it printed.
pub(crate) fn chitchatd(data: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_chitchatd")).args(words).arg("--data").arg(data).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

#[test]
fn the_command_line_speaks_to_the_running_server() {
    let server = Server::start();
    let mut bob = server.connect();
    bob.register("bob");
    let ask = |words: &[&str]| chitchatd(&server.data(), words);
    let (code, list, _) = ask(&["user", "list"]);
    assert!(code == Some(0) && list.starts_with("bob member here 20") && list.ends_with("Z -\n"), "{list}");
    let (_, list, _) = ask(&["user", "list", "--json"]);
    assert!(list.starts_with("[{\"name\":\"bob\",\"kind\":\"member\",\"state\":\"here\","), "{list}");
    assert_eq!(ask(&["room", "list"]).1, "lobby 1 -\n");
    assert_eq!(ask(&["announce", "back", "at", "noon"]).0, Some(0));
    bob.expect("* announcement: back at noon");
    let (code, out, err) = ask(&["user", "reset", "bob"]);
    assert!(code == Some(0) && out.len() == 20 && err.contains("/recover bob "), "{out}{err}");
    bob.expect("* not-logged-in: …");
    let (code, figures, _) = ask(&["stats"]);
    assert_eq!(code, Some(0));
    let figure = |word: &str| figures.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' ')?.parse().ok());
    assert_eq!([figure("accounts"), figure("rooms"), figure("too-slow")], [Some(1u64), Some(1), Some(0)], "{figures}");
    assert!(figure("disk").is_some_and(|disk| disk > 4096) && figure("log").is_some(), "{figures}");
    assert!(ask(&["stats", "--json"]).1.contains(r#"{"word":"accounts","value":"1"}"#));
    assert_eq!(ask(&["invite", "--uses", "3", "--note", "for the team"]).0, Some(0));
    let listed = ask(&["invite", "list", "--json"]);
    assert!(
        listed.1.contains(r#""kind":"member","uses":"3""#) && listed.1.contains(r#""note":"for the team""#),
        "{listed:?}"
    );
    let (_, number) = listed.1.rsplit_once(r#""number":""#).expect("a number");
    let number = number.split('"').next().unwrap_or_default();
    assert_eq!(ask(&["invite", "revoke", number]).0, Some(0));
    assert_eq!(ask(&["invite", "revoke", number]).0, Some(3));
    assert_eq!(ask(&["block", "192.0.2.0/24", "--for", "1h", "scans"]).0, Some(0));
    assert!(ask(&["blocks", "--json"]).1.contains("\"reason\":\"scans\""));
    let audit = ask(&["audit"]).1;
    assert!(audit.contains(" server block 192.0.2.0/24 for=1h scans\n"), "{audit}");
    assert!(ask(&["admin", "/whoami"]).1.starts_with("server - an administrator"));
    // Its own prompt is not waited for.
    assert_eq!(ask(&["admin", "/passwd"]).0, Some(3));

    let (code, out, err) = ask(&["user", "disable", "nobody", "--json"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(out.starts_with("{\"refused\":\"no-such-user\",") && err.starts_with("chitchatd: the server refused: "));
    assert_eq!(ask(&["user", "disable", "no!body"]).0, Some(2));
    let nowhere = tempfile::tempdir().unwrap();
    assert_eq!(chitchatd(nowhere.path(), &["user", "list"]).0, Some(4));
    assert_eq!(chitchatd(nowhere.path(), &["invite"]).0, Some(4));
}

#[test]
fn a_server_that_can_not_write_its_output_still_serves_and_stops() {
    let data = tempfile::tempdir().unwrap();
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let mut server = Command::new(env!("CARGO_BIN_EXE_chitchatd"))
        .args(["--tls", "off", "--plain", "127.0.0.1:0", "--set", "accounts.bcrypt_cost=4", "--data"])
        .arg(data.path())
        .stdin(Stdio::null())
        .stdout(full())
        .stderr(full())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + DEADLINE;
    // It has something to warn about and an address to print before it listens.
    while UnixStream::connect(data.path().join("admin.sock")).is_err() {
        assert!(Instant::now() < deadline && server.try_wait().unwrap().is_none(), "it ended: {:?}", server.try_wait());
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    let status = server.wait().unwrap();
    assert!(status.success(), "{status}");
    // An error can't be printed either, but the exit code shows it.
    let wrong = Command::new(env!("CARGO_BIN_EXE_chitchatd"))
        .args(["--set", "workers=0"])
        .stdout(full())
        .stderr(full())
        .status()
        .unwrap();
    assert_eq!(wrong.code(), Some(2));
}

#[test]
fn a_server_in_this_process_holds_its_data_until_it_is_closed() {
    use chitchat::server::config::{Config, Environment, Flags};
    use chitchat::server::{Server, ServerError};
    let data = tempfile::tempdir().unwrap();
    let flags = Flags { data: Some(data.path().to_owned()), ..Flags::default() };
    let settings = ["tls=127.0.0.1:0", "plain=127.0.0.1:0", "accounts.bcrypt_cost=4"].map(str::to_owned);
    let config = Config::build(None, &settings, &flags, &Environment::of_process()).unwrap();

    let mut server = Server::open(&config).unwrap();
    assert!(matches!(Server::open(&config), Err(ServerError::Store(_))));
    assert!(!server.has_administrator());
    let code = server.first_invitation().unwrap();
    let (address, stopper) = (server.plain_addresses()[0], server.stopper());
    let serving = std::thread::spawn(|| server.serve());
    let mut alice = Client::plain(address);
    alice.expect("* …");
    alice.send(&format!("/register alice invite={} {PASSWORD}", code.expose()));
    alice.read_until("+ welcome alice…");
    stopper.stop();
    alice.read_until("* shutting-down: …");
    alice.expect_end();
    serving.join().unwrap().unwrap();

    let server = Server::open(&config).unwrap();
    assert!(server.has_administrator());
    server.close().unwrap();
}
