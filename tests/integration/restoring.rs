//! Restoring a backup: all of it or nothing, into an empty directory, and never from a file that is not as it was
//! written.

use crate::backup::{chitchatd, done, fails, found, names, server_with, text};
use crate::support::{DEADLINE, Server};
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// A server with 20 lines, and a backup of it.
fn backed_up() -> (Server, TempDir, PathBuf) {
    let server = server_with(20);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.tar");
    done(&["backup", "-o", text(&file), "--data", text(&server.data())]);
    (server, place, file)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_backup_is_restored_whole_under_another_epoch_and_stays_private() {
    let (server, _place, file) = backed_up();
    let (texts, epoch) = found(&server);
    // Into a directory that is there and one that is not, however open the first was.
    for missing in [false, true] {
        let mut again = Server::not_started(&[]);
        let data = again.data();
        fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
        if missing {
            fs::remove_dir(&data).unwrap();
        }
        let output = chitchatd(&["restore", text(&file), "--data", text(&data)]);
        let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
        assert!(out.starts_with("restored 1 account, 1 room and 20 messages, as of 20"), "{out}");
        assert_eq!(names(&data), ["certificate.pem", "chitchat.db", "key.pem", "lock"]);
        for (name, expected) in [("", 0o700), ("chitchat.db", 0o600), ("key.pem", 0o600), ("certificate.pem", 0o644)] {
            assert_eq!(mode(&data.join(name)), expected, "{name}");
        }
        again.restart();
        let (texts_again, epoch_again) = found(&again);
        assert_eq!((&texts_again, again.fingerprint()), (&texts, server.fingerprint()));
        assert_ne!(epoch_again, epoch);
    }
}

#[test]
fn a_directory_with_data_is_refused_and_what_is_in_it_named() {
    let (mut server, place, file) = backed_up();
    let data = server.data();
    let before = names(&data);
    fails(
        &["restore", text(&file), "--data", text(&data)],
        &[text(&data), "is not empty", "certificate.pem, chitchat.db"],
    );
    server.terminate();
    server.wait();
    fails(&["restore", text(&file), "--data", text(&data)], &["is not empty", "chitchat.db"]);
    assert!(before.iter().any(|name| name == "chitchat.db") && data.join("chitchat.db").exists());
    let other = place.path().join("other");
    fs::create_dir(&other).unwrap();
    (1..9).for_each(|n| fs::write(other.join(format!("note{n}")), "").unwrap());
    let expected = "it holds note1, note2, note3, note4, note5 and 3 more";
    fails(&["restore", text(&file), "--data", text(&other)], &[expected]);
    assert_eq!(names(&other).len(), 8);
}

#[test]
fn verifying_says_what_is_in_it_and_writes_nothing() {
    let (_server, place, file) = backed_up();
    let before = names(place.path());
    for words in
        [&["restore", text(&file), "--verify"][..], &["restore", text(&file), "--verify", "--data", "/nowhere"]]
    {
        let output = chitchatd(words);
        let out = String::from_utf8(output.stdout).unwrap();
        let version = concat!("by chitchatd ", env!("CARGO_PKG_VERSION"), " (schema ");
        assert!(out.starts_with("good: 1 account, 1 room and 20 messages, as of 20") && out.contains(version), "{out}");
    }
    assert_eq!(names(place.path()), before);
}

/// Tries to verify and to restore a file; both must say this, and nothing may be left.
#[track_caller]
fn is_refused(place: &Path, bytes: &[u8], expected: &[&str]) {
    let file = place.join("changed.tar");
    fs::write(&file, bytes).unwrap();
    fails(&["restore", text(&file), "--verify"], expected);
    let data = place.join("data");
    fails(&["restore", text(&file), "--data", text(&data)], expected);
    assert!(!data.exists(), "{:?}", names(&data));
    fs::create_dir(&data).unwrap();
    fails(&["restore", text(&file), "--data", text(&data)], expected);
    assert_eq!(names(&data), [""; 0]);
    fs::remove_dir(&data).unwrap();
}

#[test]
fn a_cut_damaged_or_foreign_file_is_named_as_such() {
    let (server, place, file) = backed_up();
    let good = fs::read(&file).unwrap();
    let named = text(place.path());
    let refused = |bytes: &[u8], expected: &[&str]| is_refused(place.path(), bytes, &[&[named], expected].concat());
    // Cut anywhere: in a header, in a file, at a file's end, and before the checksums.
    let last = good.len() - 2 * 1024;
    for end in [600, 1024, 1536, 2000, 10_000, good.len() / 2, last - 512] {
        refused(&good[..end], &["is only the beginning of a backup", "copy it here again"]);
    }
    // A byte anywhere but in what pads the archive. The manifest begins at 512, the database at 1536.
    let position = |what: &[u8]| good.windows(what.len()).position(|part| part == what).unwrap();
    for at in [520, 512 + 40, 1536 + 100, 9_000, position(b"BEGIN CERTIFICATE") + 40, position(b"line 7"), last - 500] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        refused(&bytes, &["is damaged", "copy it here again"]);
    }
    // A header, whose checksum is tar's own.
    let mut bytes = good.clone();
    bytes[1024 + 3] ^= 1;
    refused(&bytes, &["is damaged"]);
    refused(b"", &["it is empty"]);
    refused(&[0x1f, 0x8b, 8, 0, 0, 0], &["it is compressed", "gzip -dc FILE | chitchatd restore -"]);
    refused(&fs::read(server.data().join("chitchat.db")).unwrap(), &["it is a database"]);
    refused(&b"a letter to my aunt ".repeat(100), &["it is not a tar archive"]);
    let mut other = tar::Builder::new(Vec::new());
    other.append_path_with_name(server.data().join("key.pem"), "../key.pem").unwrap_err();
    other.append_path_with_name(server.data().join("key.pem"), "key.pem").unwrap();
    refused(&other.into_inner().unwrap(), &["does not begin with a MANIFEST"]);
    fails(&["restore", "/nowhere.tar", "--verify"], &["can't read /nowhere.tar"]);
}

/// The archive with another database and another manifest, and checksums that are right.
fn rebuilt(good: &[u8], change: &dyn Fn(&str, Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    let mut out = tar::Builder::new(Vec::new());
    let mut sums = String::new();
    let mut archive = tar::Archive::new(good);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        bytes = if name == "SHA256SUMS" { sums.clone().into_bytes() } else { change(&name, bytes) };
        let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        sums.push_str(&format!("{sum}  {name}\n"));
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        out.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    out.into_inner().unwrap()
}

#[test]
fn a_backup_of_a_newer_version_names_the_version_and_a_database_that_was_damaged_before_is_found() {
    let (_server, place, file) = backed_up();
    let good = fs::read(&file).unwrap();
    let schema = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        let schema = text.lines().find(|line| line.starts_with("schema = ")).unwrap();
        text.replace(schema, "schema = 99").replace(env!("CARGO_PKG_VERSION"), "7.1.0").into_bytes()
    };
    let newer = rebuilt(&good, &|name, bytes| if name == "MANIFEST" { schema(bytes) } else { bytes });
    is_refused(place.path(), &newer, &["install chitchatd 7.1.0 or newer"]);
    let broken = rebuilt(&good, &|name, mut bytes| {
        if name == "chitchat.db" {
            bytes[4096..].fill(0x5a);
        }
        bytes
    });
    let file = place.path().join("broken.tar");
    fs::write(&file, broken).unwrap();
    let data = place.path().join("data");
    fails(&["restore", text(&file), "--data", text(&data)], &["broken.tar is damaged", "chitchat.db"]);
    assert!(!data.exists());
}

#[test]
fn a_backup_is_restored_from_standard_input() {
    let (server, place, file) = backed_up();
    let data = place.path().join("data");
    let output = Command::new(env!("CARGO_BIN_EXE_chitchatd"))
        .args(["restore", "-", "--data", text(&data)])
        .stdin(File::open(&file).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(data.join("key.pem")).unwrap(), fs::read(server.data().join("key.pem")).unwrap());
}

/// A restore is fed piece by piece and killed; whenever that is, no server starts on what is there, until the
/// restore is repeated.
#[test]
fn a_restore_that_was_killed_can_be_repeated_and_nothing_starts_on_what_it_left() {
    let (server, _place, file) = backed_up();
    let (texts, _) = found(&server);
    let good = fs::read(&file).unwrap();
    for end in [1, 1024, 30_000, good.len() - 2048] {
        let mut again = Server::not_started(&[]);
        let data = again.data();
        let mut restore = Command::new(env!("CARGO_BIN_EXE_chitchatd"))
            .args(["restore", "-", "--data", text(&data)])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut pipe = restore.stdin.take().unwrap();
        pipe.write_all(&good[..end]).unwrap();
        let deadline = Instant::now() + DEADLINE;
        while !data.join("restoring").exists() {
            assert!(Instant::now() < deadline, "it never began");
            std::thread::yield_now();
        }
        // While it is at it, the directory is taken.
        let failure = again.try_restart().expect_err("the directory is locked");
        assert!(failure.said.contains("another chitchatd is running"), "{}", failure.said);
        restore.kill().unwrap();
        restore.wait().unwrap();
        let failure = again.try_restart().expect_err("the directory is not whole");
        assert!(failure.said.contains("run chitchatd restore again"), "{}", failure.said);
        // What is nobody's is not touched.
        fs::write(data.join("notes"), "mine").unwrap();
        fails(&["restore", text(&file), "--data", text(&data)], &["it holds notes"]);
        fs::remove_file(data.join("notes")).unwrap();
        done(&["restore", text(&file), "--data", text(&data)]);
        again.restart();
        assert_eq!(found(&again).0, texts);
    }
}
