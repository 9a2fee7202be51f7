//! Starts: one that fails says in one clear line what is wrong, and exits with a code other than 0;
//! one that works does so in any surroundings.

use crate::support::{DEADLINE, Server};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts the server where it can't; the one line that it says must hold all of these words.
#[track_caller]
fn refuses(data: &Path, arguments: &[&str], words: &[&str]) {
    let failure = Server::fail(data, arguments);
    assert!(failure.status.code().is_some_and(|code| code != 0), "{:?}: {}", failure.status, failure.said);
    let errors: Vec<&str> = failure.said.lines().filter(|line| !line.contains("warning: ")).collect();
    let [error] = errors.as_slice() else { panic!("one line is wanted:\n{}", failure.said) };
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
fn a_data_directory_that_can_not_be_is_named() {
    let directory = tempfile::tempdir().unwrap();
    // Root may write anywhere, but not into a file as if it were a directory.
    let file = directory.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    refuses(&file, &[], &[file.to_str().unwrap()]);
    let below = file.join("data");
    refuses(&below, &[], &[file.to_str().unwrap()]);
}

#[test]
fn a_certificate_that_is_none_is_named() {
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

#[test]
fn a_second_server_on_the_same_data_is_kept_out() {
    let server = Server::start();
    let mut alice = server.connect();
    alice.register("alice");
    refuses(&server.data(), &[], &[server.data().to_str().unwrap()]);
    alice.send("/whoami");
    alice.expect("+ alice…");
}

#[test]
fn a_setting_that_is_not_known_is_named_and_the_nearest_one_too() {
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
fn data_that_is_no_database_is_left_alone() {
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
fn a_data_directory_that_others_may_write_gets_a_warning() {
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

#[test]
fn an_invitation_names_the_port_of_the_server_that_runs() {
    let server = Server::start();
    let invite = Command::new(env!("CARGO_BIN_EXE_chitchatd")).arg("invite").arg("--data").arg(server.data()).output();
    let said = String::from_utf8(invite.unwrap().stderr).unwrap();
    assert!(said.contains(&format!(":{}\n", server.tls().port())), "{said}");
}

#[test]
fn a_server_whose_output_can_not_be_written_serves_and_stops_all_the_same() {
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
    // Something to warn about, an address to tell, and then it listens.
    while UnixStream::connect(data.path().join("admin.sock")).is_err() {
        assert!(Instant::now() < deadline && server.try_wait().unwrap().is_none(), "it ended: {:?}", server.try_wait());
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    let status = server.wait().unwrap();
    assert!(status.success(), "{status}");
    // What it was told wrong can't be said either, but the code tells it.
    let wrong = Command::new(env!("CARGO_BIN_EXE_chitchatd"))
        .args(["--set", "workers=0"])
        .stdout(full())
        .stderr(full())
        .status()
        .unwrap();
    assert_eq!(wrong.code(), Some(2));
}
