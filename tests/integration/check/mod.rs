//! `chitchatd check`: it finds each of the faults that are planted here, one at a time, says where it is and what to do,
//! and finds none where there is none.

mod faults;
mod scene;

use self::faults::FAULTS;
pub(crate) use self::scene::{Scene, template};
use crate::support::Server;
use crate::support::service_manager::Passed;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

/// What is found that is not good. A machine on which much is tested at once may be slow to sync.
fn faults(said: &str) -> Vec<&str> {
    let is_fault = |line: &&str| line.starts_with("warning ") || line.starts_with("error ");
    said.lines().filter(is_fault).filter(|line| !line.contains("an fsync in")).collect()
}

#[test]
fn each_planted_fault_is_found_with_its_place_and_its_cure() {
    let template = template();
    let (code, said) = Scene::good(&template.data()).check(&[]);
    assert_eq!(faults(&said), [""; 0], "{said}");
    assert!(code == Some(0) || said.contains("an fsync in"), "{code:?} {said}");
    let mut planted = 0;
    for &(name, plant, kind, words) in FAULTS {
        let mut scene = Scene::good(&template.data());
        if let Err(why) = plant(&mut scene) {
            println!("not planted: {name}, since {why}");
            continue;
        }
        planted += 1;
        let (code, said) = scene.check(&[]);
        let (severity, area) = kind.split_once(' ').unwrap();
        let found = faults(&said);
        let is_it = |line: &&&str| {
            let rest = line.strip_prefix(severity).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with(area)) && words.iter().all(|word| line.contains(word))
        };
        assert_eq!(found.iter().filter(is_it).count(), 1, "{name}, which is {kind} {words:?}:\n{said}");
        let alone = if name == "a disk that is nearly full" { 2 } else { 1 };
        assert_eq!(found.len(), alone, "{name} is one fault:\n{said}");
        let is_error = found.iter().any(|line| line.starts_with("error"));
        assert_eq!(code, Some(if is_error { 1 } else { 5 }), "{name}:\n{said}");
    }
    assert!(planted >= 20, "{planted} of {} could be planted here", FAULTS.len());
    println!("{planted} of {} faults were planted, and each was found", FAULTS.len());
}

#[test]
fn a_running_server_is_known_and_not_disturbed() {
    let mut server = Server::by_file(&[]);
    let mut alice = server.connect();
    alice.register("alice");
    fs::set_permissions(server.data(), Permissions::from_mode(0o700)).unwrap();
    let (tls, plain) = (server.tls(), server.plain());
    let check = |more: &[&str], tls: SocketAddr| {
        let (tls, plain) = (tls.to_string(), plain.to_string());
        let (data, file) = (server.data().display().to_string(), server.settings_file().display().to_string());
        let words = ["--data", &data, "--config", &file, "--tls", &tls, "--plain", &plain, "check"];
        let done = Command::new(env!("CARGO_BIN_EXE_chitchatd")).args(words).args(more).output().unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let said = check(&[], tls);
    // Data of tests may be in memory.
    let is_fault = |line: &&&str| !line.contains("is in memory") && !line.contains("accounts.bcrypt_cost = 4 makes");
    assert_eq!(faults(&said).iter().filter(is_fault).count(), 0, "{said}");
    for words in
        [format!("process {}, and answers", server.pid()), format!("tls {tls} is where the running server listens")]
    {
        assert!(said.contains(&words), "{words}:\n{said}");
    }
    assert!(said.contains("good     descriptors  the running server may open "), "{said}");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = check(&[], free);
    assert!(said.contains(&format!("warning  addresses    the running server does not listen on {free}")), "{said}");
    // As if it were older than the program.
    let file = server.data().join("running.toml");
    let running = fs::read_to_string(&file).unwrap();
    fs::write(&file, running.replace(env!("CARGO_PKG_VERSION"), "0.0.7")).unwrap();
    let said = check(&["--json"], tls);
    assert!(
        said.contains(r#"{"severity":"warning","area":"versions","text":"the server that runs is 0.0.7,"#),
        "{said}"
    );
    alice.ask("/say lobby still here");
    server.terminate();
    assert!(server.wait().0.success());
}

/// What is not good, with the settings of the server's own file.
fn checked(server: &Server) -> Vec<String> {
    fs::set_permissions(server.data(), Permissions::from_mode(0o700)).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_chitchatd"));
    check.arg("--data").arg(server.data()).arg("--config").arg(server.settings_file());
    let listens = [format!("--tls={}", server.tls()), format!("--plain={}", server.plain())];
    let said = String::from_utf8(check.args(listens).arg("check").output().unwrap().stdout).unwrap();
    let ours = |line: &&str| line.contains(" settings ") || line.contains(" database ");
    faults(&said).into_iter().filter(ours).filter(|line| !line.contains("bcrypt_cost = 4")).map(str::to_owned).collect()
}

#[test]
fn settings_that_the_running_server_does_not_use_are_named_until_it_does() {
    let server = Server::by_file(&["workers=2", "limits.repeats=off"]);
    assert_eq!(checked(&server), [""; 0]);
    server.write_settings(&["workers=3", "limits.repeats=5/s burst 5"]);
    let file = server.settings_file().display().to_string();
    let [line] = checked(&server).try_into().unwrap_or_else(|lines| panic!("{lines:?}"));
    for words in [
        format!("warning  settings     the running server does not use workers = 3 ({file}:"),
        "), but 2, limits.repeats = \"5/s burst 5\" (".to_owned(),
        "), but \"off\". Run chitchatd reload,".to_owned(),
    ] {
        assert!(line.contains(&words), "{words}: {line}");
    }
    server.command_output(&["reload"]);
    let [line] = checked(&server).try_into().unwrap_or_else(|lines| panic!("{lines:?}"));
    assert!(line.contains("does not use workers = 3 (") && !line.contains("limits.repeats"), "{line}");
    // What is not there any more is the default again.
    server.write_settings(&["workers=2"]);
    let [line] = checked(&server).try_into().unwrap_or_else(|lines| panic!("{lines:?}"));
    assert!(line.contains("limits.repeats = ") && line.contains("(default), but \"5/s burst 5\""), "{line}");
    server.command_output(&["reload"]);
    assert_eq!(checked(&server), [""; 0]);
}

#[test]
fn a_database_that_was_removed_under_the_server_is_found_and_can_be_put_back() {
    let mut server = Server::by_file(&[]);
    let mut alice = server.connect();
    alice.register("alice");
    alice.ask("/say lobby before");
    let (data, pid) = (server.data(), server.pid());
    let file = data.join("chitchat.db");
    let found = |what: &str| {
        let [line] = checked(&server).try_into().unwrap_or_else(|lines| panic!("{lines:?}"));
        let words = format!("error    database     {} was {what} under the running server", file.display());
        assert!(line.starts_with(&words) && line.contains(&format!("/proc/{pid}/fd")), "{line}");
    };
    let copy = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    found("removed");
    fs::write(&file, copy).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    found("replaced");
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(data.join(format!("chitchat.db{suffix}"))).unwrap();
    }
    alice.ask("/say lobby after");
    // As docs/OPERATING.md has it.
    let process = Pid::from_raw(pid.cast_signed()).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    let open: Vec<_> = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for name in ["chitchat.db", "chitchat.db-wal"] {
        let is_it = |path: &&PathBuf| fs::read_link(path).is_ok_and(|to| to == data.join(format!("{name} (deleted)")));
        fs::copy(open.iter().find(is_it).unwrap(), data.join(name)).unwrap();
    }
    server.kill();
    server.restart();
    let room = server.command_output(&["export", "lobby"]);
    assert!(room.contains("alice: before\n") && room.contains("alice: after\n"), "{room}");
    assert_eq!(checked(&server), [""; 0]);
}

#[test]
fn where_systemd_listens_for_the_server_the_setting_does_not_count() {
    let [held, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let mut server = Server::not_started(&["metrics=127.0.0.1:0"]);
    let _held = Passed::to(&mut server, &[("tls", &held)]);
    server.restart();
    fs::set_permissions(server.data(), Permissions::from_mode(0o700)).unwrap();
    // Somebody else has the port that the setting names.
    let words = [format!("--tls={}", other.local_addr().unwrap()), format!("--plain={}", server.plain())];
    let mut check = Command::new(env!("CARGO_BIN_EXE_chitchatd"));
    check.arg("--data").arg(server.data()).args(words).args(["--set", "metrics=127.0.0.1:0", "check"]);
    let said = String::from_utf8(check.output().unwrap().stdout).unwrap();
    assert!(said.contains("good     addresses    systemd listens in the place of the setting tls."), "{said}");
    let addresses: Vec<&str> = faults(&said).into_iter().filter(|line| line.contains(" addresses ")).collect();
    assert_eq!(addresses, [""; 0], "{said}");
    server.terminate();
    assert!(server.wait().0.success());
}

#[test]
fn nothing_is_left_behind() {
    let template = template();
    let scene = Scene::good(&template.data());
    let list = || {
        let entries = fs::read_dir(&scene.data).unwrap().map(Result::unwrap);
        let mut list: Vec<_> = entries.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap())).collect();
        list.sort();
        list
    };
    let before = list();
    scene.check(&[]);
    assert_eq!(list(), before);
}

#[test]
#[ignore = "needs strace"]
fn a_disk_that_is_slow_to_sync_is_found_with_its_figure() {
    let template = template();
    let mut scene = Scene::good(&template.data());
    let slowed = "-f -qq -o /dev/null -e trace=fdatasync -e inject=fdatasync:delay_enter=60000";
    scene.under = std::iter::once("strace").chain(slowed.split(' ')).map(str::to_owned).collect();
    let said = scene.check(&[]).1;
    let line = said.lines().find(|line| line.starts_with("warning  disk")).unwrap_or_else(|| panic!("{said}"));
    let figure = line.split_once("takes ").and_then(|(_, rest)| rest.split_once(' ')).unwrap().0;
    assert!(figure.parse::<f64>().unwrap() >= 60.0 && line.contains("history.sync"), "{line}");
}

#[test]
#[ignore = "needs faketime"]
fn a_clock_from_before_this_version_is_found() {
    let template = template();
    let mut scene = Scene::good(&template.data());
    scene.under = ["faketime", "2026-01-01 00:00:00"].map(str::to_owned).to_vec();
    let said = scene.check(&[]).1;
    assert!(said.contains("error    clock        the clock shows 2026-01-01T"), "{said}");
    assert!(said.contains("Set it, and let the system keep it right (timedatectl)"), "{said}");
}
