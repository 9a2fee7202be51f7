//! The faults that are planted for `chitchatd check`, each with the line that has to say so.

use super::scene::{SOMEBODY, Scene, copy, is_root};
use crate::certificates::{NAME, Pair, write_key};
use std::fs::{self, Permissions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Whether a fault could be planted, and if not why.
pub(super) type Planted = Result<(), &'static str>;

/// A fault: what is wrong, how it is planted, and what the line about it says: how bad it is, about what, where and
/// what to do.
pub(super) type Fault = (&'static str, fn(&mut Scene) -> Planted, &'static str, &'static [&'static str]);

pub(super) const FAULTS: &[Fault] = &[
    (
        "an unknown setting",
        unknown_setting,
        "error settings",
        &["chitchat.toml:2", "flod", "Did you mean limits.flood?"],
    ),
    (
        "a value that is not valid",
        bad_value,
        "error settings",
        &["workers=many", "expected a whole number from 1 to 64, or \"auto\". Nothing else was looked at."],
    ),
    ("no settings file", no_file, "error settings", &["/nowhere/chitchat.toml"]),
    ("cheap passwords", cheap, "warning settings", &["accounts.bcrypt_cost = 4", "10 or more"]),
    ("few open files", few_files, "warning descriptors", &["room for 172 connections", "Raise LimitNOFILE="]),
    ("too few open files", no_files, "error descriptors", &["100 files", "Raise LimitNOFILE="]),
    ("no encryption on a public address", plain, "warning addresses", &["0.0.0.0:0", "Let other machines use tls"]),
    ("a port of another program", held_port, "error addresses", &["127.0.0.1:", "another program", "Stop that one"]),
    ("metrics that everybody may read", metrics, "warning addresses", &["0.0.0.0:0", "through a tunnel"]),
    (
        "a port of another program for the metrics",
        held_metrics,
        "error addresses",
        &["127.0.0.1:", "another program", "(metrics)"],
    ),
    ("an address of another machine", not_here, "warning addresses", &["192.0.2.1:2428", "does not have", "(tls)"]),
    ("no address of this machine", nowhere, "error addresses", &["192.0.2.1:2428", "does not have", "(tls)"]),
    ("a port that needs a privilege", privileged, "error addresses", &["127.0.0.1:80 ", "CAP_NET_BIND_SERVICE"]),
    (
        "no certificate",
        no_certificate,
        "error certificate",
        &["/nowhere/chain.pem", "correct certificate and key in the settings"],
    ),
    ("half of the self-signed pair", half, "error certificate", &["key.pem is missing", "Restore it from a backup"]),
    (
        "no certificate in its file",
        garbage,
        "error certificate",
        &["chain.pem does not hold a certificate", "PEM file"],
    ),
    ("an expired certificate", expired, "error certificate", &["chain.pem expired at 20", "Renew it"]),
    (
        "an imported certificate that has expired",
        imported_and_expired,
        "error certificate",
        &["imported.pem expired at 20", "Renew it, and import the new one: chitchatd tls import DIR"],
    ),
    ("a certificate of tomorrow", not_yet, "error certificate", &["chain.pem is not valid before", "clock right?"]),
    ("13 days left", thirteen, "warning certificate", &["chain.pem expires on", "in 13 days", "Renew it"]),
    ("another name", other_name, "warning certificate", &["not for other.example.org", "Set the name"]),
    (
        "the key of another certificate",
        mismatch,
        "error certificate",
        &["own.key does not belong", "chitchatd tls import"],
    ),
    ("a key that others may read", open_key, "warning certificate", &["own.key", "chmod o= "]),
    ("a chain the wrong way round", wrong_way, "error certificate", &["chain.pem are not in order", "the full chain"]),
    ("a data directory that others may write", open_directory, "warning permissions", &["may change", "chmod 700 "]),
    ("a data directory that others may read", seen_directory, "warning permissions", &["may look into", "chmod 700 "]),
    ("a database that others may read", open_database, "warning permissions", &["chitchat.db", "chmod 600 "]),
    ("a database of another user", another_user, "error permissions", &["chitchat.db belongs to nobody", "chown "]),
    (
        "another user's data",
        not_ours,
        "error permissions",
        &["belongs to root", "sudo -u root", "/data. Nothing else was looked at."],
    ),
    ("a key where the server may not read", closed_key, "error permissions", &["own.key", "chitchatd tls import"]),
    ("data in memory", in_memory, "warning disk", &["/dev/shm/", "(tmpfs)", "Set a directory on a disk"]),
    ("a disk that is nearly full", little_room, "error disk", &["MiB are free for", "Remove something"]),
    ("a damaged database", damaged, "error database", &["chitchat.db is damaged", "replace it with a backup"]),
    ("no database", no_database, "error database", &["chitchat.db is damaged or is not a", "replace it with a backup"]),
    (
        "a database that is a link",
        linked,
        "error database",
        &["chitchat.db is a symbolic link to ", "elsewhere.db", "Move that database here", "the whole data directory"],
    ),
    (
        "a database of a later version",
        later,
        "error database",
        &["newer chitchatd", "install chitchatd 7.1.0 or newer"],
    ),
    ("a damaged index", damaged_index, "error database", &["index.db", "remove ", "makes another one"]),
    ("a restore that was interrupted", restoring, "error database", &["interrupted", "Run chitchatd restore again"]),
    ("a copy from before an upgrade", upgraded, "warning database", &["chitchat.db.before-17", "Remove it once"]),
    ("no backup", no_backup, "warning backup", &["no backup of ", "Make one (chitchatd backup)"]),
    ("an old backup", old_backup, "warning backup", &["the last backup of ", "days ago, at 20", "journalctl -u "]),
    ("a message from the future", future, "warning clock", &["newest message is from", "timedatectl"]),
    (
        "earlier messages from the future",
        was_ahead,
        "warning clock",
        &["earlier messages have times up to 20", "nothing needs to be done", "timedatectl"],
    ),
];

fn unknown_setting(scene: &mut Scene) -> Planted {
    scene.file = Some("[limits]\nflod = \"off\"\n");
    Ok(())
}

fn bad_value(scene: &mut Scene) -> Planted {
    scene.set("workers=many");
    Ok(())
}

fn no_file(scene: &mut Scene) -> Planted {
    scene.under = ["sh", "-c", "exec \"$0\" --config /nowhere/chitchat.toml \"$@\""].map(str::to_owned).to_vec();
    Ok(())
}

fn cheap(scene: &mut Scene) -> Planted {
    scene.set("accounts.bcrypt_cost=4");
    Ok(())
}

fn limit_files(scene: &mut Scene, files: u32) {
    scene.under = ["sh".to_owned(), "-c".to_owned(), format!("ulimit -n {files}; exec \"$0\" \"$@\"")].to_vec();
}

fn few_files(scene: &mut Scene) -> Planted {
    scene.set("limits.connections=1000");
    limit_files(scene, 300);
    Ok(())
}

fn no_files(scene: &mut Scene) -> Planted {
    limit_files(scene, 100);
    Ok(())
}

fn plain(scene: &mut Scene) -> Planted {
    scene.set("plain=0.0.0.0:0");
    Ok(())
}

fn metrics(scene: &mut Scene) -> Planted {
    scene.set("metrics=0.0.0.0:0");
    Ok(())
}

fn held_port(scene: &mut Scene) -> Planted {
    hold(scene, "plain")
}

fn held_metrics(scene: &mut Scene) -> Planted {
    hold(scene, "metrics")
}

/// Somebody listens where this setting says.
fn hold(scene: &mut Scene, setting: &str) -> Planted {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    scene.set(format!("{setting}={}", taken.local_addr().unwrap()));
    scene.held.push(taken);
    Ok(())
}

fn not_here(scene: &mut Scene) -> Planted {
    scene.set("tls=127.0.0.1:0, 192.0.2.1:2428");
    Ok(())
}

fn nowhere(scene: &mut Scene) -> Planted {
    scene.set("tls=192.0.2.1:2428");
    scene.set("plain=off");
    Ok(())
}

fn privileged(scene: &mut Scene) -> Planted {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if first.trim().parse().is_ok_and(|first: u16| first <= 80) {
        return Err("on this machine everyone may listen on port 80");
    }
    if is_root() {
        let without = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"];
        scene.under = without.map(str::to_owned).to_vec();
    }
    scene.set("plain=127.0.0.1:80");
    Ok(())
}

fn no_certificate(scene: &mut Scene) -> Planted {
    scene.set("certificate=/nowhere/chain.pem");
    scene.set("key=/nowhere/own.key");
    Ok(())
}

fn half(scene: &mut Scene) -> Planted {
    fs::remove_file(scene.data.join("key.pem")).unwrap();
    Ok(())
}

fn garbage(scene: &mut Scene) -> Planted {
    scene.certificate("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", "");
    Ok(())
}

fn from_to(scene: &mut Scene, from: i32, until: i32) -> PathBuf {
    let Pair { certificate, key, authority } = Pair::valid(from, until);
    scene.certificate(&(certificate + &authority), &key)
}

fn expired(scene: &mut Scene) -> Planted {
    from_to(scene, -90, -10);
    Ok(())
}

fn imported_and_expired(scene: &mut Scene) -> Planted {
    let Pair { certificate, key, authority } = Pair::valid(-90, -10);
    write_key(&scene.data.join("imported.pem"), &(certificate + &authority + &key));
    scene.set(format!("name={NAME}"));
    Ok(())
}

fn not_yet(scene: &mut Scene) -> Planted {
    from_to(scene, 2, 90);
    Ok(())
}

fn thirteen(scene: &mut Scene) -> Planted {
    from_to(scene, -77, 13);
    Ok(())
}

fn other_name(scene: &mut Scene) -> Planted {
    from_to(scene, -1, 89);
    scene.set("name=other.example.org");
    Ok(())
}

fn mismatch(scene: &mut Scene) -> Planted {
    let (one, other) = (Pair::valid(-1, 89), Pair::valid(-1, 89));
    scene.certificate(&one.certificate, &other.key);
    Ok(())
}

fn open_key(scene: &mut Scene) -> Planted {
    let key = from_to(scene, -1, 89);
    fs::set_permissions(key, Permissions::from_mode(0o644)).unwrap();
    Ok(())
}

fn wrong_way(scene: &mut Scene) -> Planted {
    let Pair { certificate, key, authority } = Pair::valid(-1, 89);
    scene.certificate(&(authority + &certificate), &key);
    Ok(())
}

fn open_directory(scene: &mut Scene) -> Planted {
    fs::set_permissions(&scene.data, Permissions::from_mode(0o777)).unwrap();
    Ok(())
}

fn seen_directory(scene: &mut Scene) -> Planted {
    fs::set_permissions(&scene.data, Permissions::from_mode(0o755)).unwrap();
    Ok(())
}

fn open_database(scene: &mut Scene) -> Planted {
    fs::set_permissions(scene.data.join("chitchat.db"), Permissions::from_mode(0o644)).unwrap();
    Ok(())
}

fn another_user(scene: &mut Scene) -> Planted {
    if !is_root() {
        return Err("only root can give a file to another user");
    }
    chown(scene.data.join("chitchat.db"), Some(SOMEBODY), None).unwrap();
    Ok(())
}

fn not_ours(scene: &mut Scene) -> Planted {
    if !is_root() {
        return Err("only root can become another user");
    }
    // A program that another user may run, wherever this tree lies.
    let own = Path::new("/tmp").join(format!("chitchatd-check-{}", std::process::id()));
    fs::create_dir_all(&own).unwrap();
    fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_chitchatd"), own.join("chitchatd")).unwrap();
    let as_somebody = format!(
        "setpriv --reuid={SOMEBODY} --clear-groups -- {0}/chitchatd \"$@\"; code=$?; rm -r {0}; exit $code",
        own.display()
    );
    scene.under = ["sh".to_owned(), "-c".to_owned(), as_somebody].to_vec();
    Ok(())
}

fn closed_key(scene: &mut Scene) -> Planted {
    if !is_root() {
        return Err("only root can look at what another user may not read");
    }
    from_to(scene, -1, 89);
    for entry in fs::read_dir(&scene.data).unwrap() {
        chown(entry.unwrap().path(), Some(SOMEBODY), None).unwrap();
    }
    chown(&scene.data, Some(SOMEBODY), None).unwrap();
    Ok(())
}

fn in_memory(scene: &mut Scene) -> Planted {
    let is_tmpfs = rustix::fs::statfs("/dev/shm").is_ok_and(|found| found.f_type == 0x0102_1994);
    let Some(directory) = is_tmpfs.then(|| tempfile::tempdir_in("/dev/shm").ok()).flatten() else {
        return Err("/dev/shm is no tmpfs that we may write to");
    };
    let data = directory.path().join("data");
    copy(&scene.data, &data);
    (scene.directory, scene.data) = (directory, data);
    Ok(())
}

fn little_room(scene: &mut Scene) -> Planted {
    if !is_root() {
        return Err("only root can mount a small disk");
    }
    // In memory it is, too; that has a line of its own.
    let script = format!("mount -t tmpfs -o size=20m,mode=700 tmpfs {} && exec \"$0\" \"$@\"", scene.data.display());
    scene.under = ["unshare", "--mount", "sh", "-c", &script].map(str::to_owned).to_vec();
    Ok(())
}

fn damaged(scene: &mut Scene) -> Planted {
    let mut file = fs::OpenOptions::new().write(true).open(scene.data.join("chitchat.db")).unwrap();
    let end = file.seek(SeekFrom::End(0)).unwrap();
    // From the third page on to the last but one: the header and the tables' definitions stay.
    file.seek(SeekFrom::Start(20 * 1024)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(end - 21 * 1024).unwrap()]).unwrap();
    Ok(())
}

fn no_database(scene: &mut Scene) -> Planted {
    fs::write(scene.data.join("chitchat.db"), [b'?'; 5000]).unwrap();
    Ok(())
}

fn linked(scene: &mut Scene) -> Planted {
    let (file, elsewhere) = (scene.data.join("chitchat.db"), scene.directory.path().join("elsewhere.db"));
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    Ok(())
}

fn later(scene: &mut Scene) -> Planted {
    let later = "PRAGMA user_version = 99; UPDATE meta SET value = '7.1.0' WHERE key = 'needs'";
    scene.database().execute_batch(later).unwrap();
    Ok(())
}

fn damaged_index(scene: &mut Scene) -> Planted {
    fs::write(scene.data.join("index.db"), [b'?'; 5000]).unwrap();
    Ok(())
}

fn restoring(scene: &mut Scene) -> Planted {
    fs::create_dir(scene.data.join("restoring")).unwrap();
    Ok(())
}

fn upgraded(scene: &mut Scene) -> Planted {
    fs::copy(scene.data.join("chitchat.db"), scene.data.join("chitchat.db.before-17")).unwrap();
    Ok(())
}

/// The data is so many days old.
fn age(scene: &Scene, days: u64) -> SystemTime {
    let then = SystemTime::now() - Duration::from_secs(days * 86_400);
    fs::File::options().append(true).open(scene.data.join("lock")).unwrap().set_modified(then).unwrap();
    then
}

fn no_backup(scene: &mut Scene) -> Planted {
    age(scene, 30);
    Ok(())
}

fn old_backup(scene: &mut Scene) -> Planted {
    let then = jiff::Timestamp::try_from(age(scene, 30)).unwrap();
    let file = scene.data.join("last-backup");
    fs::write(&file, format!("{then}\n")).unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    Ok(())
}

fn future(scene: &mut Scene) -> Planted {
    let later = "UPDATE message SET at = at + 86400000 WHERE seq = (SELECT max(seq) FROM message)";
    assert_eq!(scene.database().execute(later, []).unwrap(), 1);
    Ok(())
}

/// As the index has it when a clock was set right between two runs: a message whose time is before that of the last one.
fn was_ahead(scene: &mut Scene) -> Planted {
    let ahead = "UPDATE message SET at = at + 86400000 WHERE seq = 100";
    assert_eq!(scene.database().execute(ahead, []).unwrap(), 1);
    let index = rusqlite::Connection::open(scene.data.join("index.db")).unwrap();
    assert_eq!(index.execute("INSERT INTO era VALUES(101)", []).unwrap(), 1);
    Ok(())
}
