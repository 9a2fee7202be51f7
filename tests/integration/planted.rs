//! Commands that root runs on a data directory whose owner has put something else in place of its files: none hangs,
//! none writes anywhere else, and none prints what the owner wants it to say.

use crate::check::{Scene, template};
use crate::support::DEADLINE;
use rustix::fs::{CWD, Mode, mkfifoat};
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Data in which nothing happened yet, but for its certificate.
fn data() -> Scene {
    Scene::good(&template().data())
}

/// What a command prints, once it has ended by itself.
#[track_caller]
fn said(data: &Path, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chitchatd"));
    command.arg("--data").arg(data).args(["--set", "tls=127.0.0.1:0", "--set", "plain=127.0.0.1:0"]).args(words);
    command.env_remove("STATE_DIRECTORY").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = ended(command.spawn().unwrap(), words);
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[track_caller]
fn ended(mut child: Child, words: &[&str]) -> Child {
    let until = Instant::now() + DEADLINE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() >= until {
            child.kill().unwrap();
            panic!("{words:?} hangs: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn pipe_at(path: &Path) {
    let _ = fs::remove_file(path);
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

#[test]
fn nothing_waits_for_a_pipe_in_place_of_a_file() {
    let planted: &[(&str, &[&[&str]])] = &[
        ("certificate.pem", &[&["check"], &["tls", "show"]]),
        ("key.pem", &[&["check"], &["tls", "show"]]),
        ("imported.pem", &[&["check"], &["tls", "show"]]),
        ("chitchat.db", &[&["check"], &["export", "lobby"]]),
        ("chitchat.db-wal", &[&["check"], &["export", "lobby"]]),
        ("chitchat.db-journal", &[&["check"], &["export", "lobby"]]),
        ("index.db", &[&["check"]]),
    ];
    let template = template();
    for (name, commands) in planted {
        let scene = Scene::good(&template.data());
        pipe_at(&scene.data.join(name));
        for words in *commands {
            let said = said(&scene.data, words);
            assert!(said.contains(&format!("{name}: it is a pipe, not a file")), "{name}, {words:?}: {said}");
        }
    }
    for name in ["certificate.pem", "key.pem"] {
        let scene = Scene::good(&template.data());
        fs::remove_file(scene.data.join(name)).unwrap();
        symlink("/dev/zero", scene.data.join(name)).unwrap();
        let said = said(&scene.data, &["tls", "show"]);
        assert!(said.contains(&format!("{name}: it is a device, not a file")), "{said}");
    }
}

/// The export of a room, as one of this name that this person wrote in.
fn room(data: &Path, name: &str, author: &str) -> String {
    let (made, file) = (data.with_file_name("lobby.jsonl"), data.with_file_name("room.jsonl"));
    said(data, &["export", "lobby", "--json", "-o", &made.display().to_string()]);
    let text = fs::read_to_string(made).unwrap();
    fs::write(&file, text.replace("\"lobby\"", &format!("\"{name}\"")).replace("alice", author)).unwrap();
    file.display().to_string()
}

#[test]
fn the_lock_is_no_way_to_another_file_and_belongs_to_the_directorys_owner() {
    let scene = data();
    let (lock, elsewhere) = (scene.data.join("lock"), scene.directory.path().join("elsewhere"));
    let file = room(&scene.data, "other", "alice");
    let _ = fs::remove_file(&lock);
    symlink(&elsewhere, &lock).unwrap();
    let refused = said(&scene.data, &["import", &file]);
    assert!(refused.contains("lock: it is a symbolic link, not a file"), "{refused}");
    assert!(!elsewhere.exists());
    fs::remove_file(&lock).unwrap();
    pipe_at(&lock);
    let refused = said(&scene.data, &["import", &file]);
    assert!(refused.contains("lock: it is a pipe, not a file"), "{refused}");
    if !rustix::process::geteuid().is_root() {
        println!("whose a new lock is was not seen: that takes root");
        return;
    }
    fs::remove_file(&lock).unwrap();
    chown(&scene.data, Some(65_534), Some(65_534)).unwrap();
    let imported = said(&scene.data, &["import", &file]);
    assert!(imported.starts_with("imported 200 messages into other"), "{imported}");
    let found = fs::symlink_metadata(&lock).unwrap();
    assert_eq!((found.uid(), found.gid(), found.permissions().mode() & 0o777), (65_534, 65_534, 0o600));
}

#[test]
fn names_of_files_and_rooms_forge_no_line() {
    let scene = data();
    let name = "chitchat.db-\x1b[2J\ngood     disk         all is well";
    fs::write(scene.data.join(name), "").unwrap();
    fs::set_permissions(scene.data.join(name), Permissions::from_mode(0o644)).unwrap();
    let found = said(&scene.data, &["check"]);
    assert!(found.contains(r"chitchat.db-\u{1b}[2J\ngood     disk  "), "{found}");
    assert!(!found.contains('\x1b') && !found.contains("\ngood     disk         all"), "{found}");
    let file = room(&scene.data, "other", r"\u001b[2J\nimported");
    let refused = said(&scene.data, &["import", &file]);
    assert!(refused.contains(r"\u{1b}[2J\nimported") && !refused.contains('\x1b'), "{refused}");
}

/// Whoever owns the data directory may listen in the server's place.
fn listen(data: &Path, connections: usize, says: String) -> JoinHandle<()> {
    let listener = UnixListener::bind(data.join("admin.sock")).unwrap();
    std::thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = BufReader::new(stream.try_clone().unwrap()).read_line(&mut String::new());
            let _ = stream.write_all(says.as_bytes());
        }
    })
}

#[test]
fn whoever_listens_in_the_servers_place_controls_no_terminal() {
    let scene = data();
    pipe_at(&scene.data.join("running.toml"));
    let commands: [&[&str]; 5] = [&["status"], &["stats"], &["reload"], &["invite"], &["admin", "/whoami"]];
    let says = "| version 1\x1b[2J\u{9b}2J\n| warning a\x1b]0;b\x07\u{202e}\n+ CODE\x1b[2J about\rit\n";
    let listening = listen(&scene.data, commands.len(), says.to_owned());
    for words in commands {
        let said = said(&scene.data, words);
        let forbidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(said.contains(r"\u{1b}[2J") && !said.contains(forbidden), "{words:?}: {said:?}");
    }
    listening.join().unwrap();
}
