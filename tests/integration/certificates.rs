//! Certificates as operators bring, renew and break them: who is connected stays, and who comes meets the new
//! one.

use crate::support::{Client, DEADLINE, Server};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

pub(crate) const NAME: &str = "chat.example.org";

/// A certificate and its key, and the certificate of the authority.
pub(crate) struct Pair {
    pub certificate: String,
    pub key: String,
    pub authority: String,
}

impl Pair {
    /// Valid for so many days from today, or until so many days ago.
    fn new(days: i32) -> Self {
        Self::valid(-90, days)
    }

    /// Valid from one day to another, counted from today.
    pub(crate) fn valid(from: i32, until: i32) -> Self {
        let authority = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "An authority");
        let (authority, issuer) =
            (params.self_signed(&authority).unwrap().pem(), rcgen::Issuer::new(params, authority));
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new([NAME.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let date = |date: jiff::civil::Date| {
            rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
        };
        // A day begins at midnight: one more, so that so many are left all day long.
        params.not_before = date(today.saturating_add(jiff::Span::new().days(from)));
        params.not_after = date(today.saturating_add(jiff::Span::new().days(until + 1)));
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        Self { certificate, key: key.serialize_pem(), authority }
    }

    /// Writes it as certbot calls it.
    fn write(&self, directory: &Path) {
        fs::write(directory.join("fullchain.pem"), &self.certificate).unwrap();
        write_key(&directory.join("privkey.pem"), &self.key);
    }
}

pub(crate) fn write_key(path: &Path, key: &str) {
    fs::write(path, key).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A server whose settings name a pair in a directory.
fn server_with(pair: &Pair) -> (Server, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    pair.write(directory.path());
    let path = |name: &str| directory.path().join(name).display().to_string();
    let settings = [format!("certificate={}", path("fullchain.pem")), format!("key={}", path("privkey.pem"))];
    (Server::with(&[&settings[0], &settings[1]]), directory)
}

/// A server whose certificate has expired.
pub(crate) fn expired() -> (Server, TempDir) {
    server_with(&Pair::new(-10))
}

/// The fingerprint that a client meets who connects now.
fn served(server: &Server) -> String {
    let mut client = server.connect_tls();
    let fingerprint = client.fingerprint();
    client.send("/quit");
    fingerprint
}

/// Waits until those who connect meet another certificate than this.
#[track_caller]
fn wait_for_another(server: &Server, than: &str) -> String {
    let deadline = Instant::now() + DEADLINE * 6;
    loop {
        let fingerprint = served(server);
        if fingerprint != than {
            return fingerprint;
        }
        assert!(Instant::now() < deadline, "the certificate is still {than}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// Runs `chitchatd` with these words; returns its exit code and what it printed.
fn chitchatd(words: &[&str]) -> (Option<i32>, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_chitchatd")).args(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

#[test]
fn sighup_and_reload_take_a_renewed_certificate_and_drop_nobody() {
    let (mut server, directory) = server_with(&Pair::new(60));
    let first = server.fingerprint();
    let mut alice = server.connect_tls();
    alice.register("alice");
    assert_eq!(alice.fingerprint(), first);
    Pair::new(90).write(directory.path());
    server.hang_up();
    let log = server.wait_for_log("the certificate is SHA256:");
    assert!(log.contains("valid until 20") && log.contains(", in 90 days"), "{log}");
    let second = served(&server);
    assert!(second != first && log.contains(&second), "{log}");
    // Nothing has changed: nothing is replaced.
    assert_eq!(server.console().ask("/reload"), ["+ nothing has changed."]);
    Pair::new(91).write(directory.path());
    let answer = server.console().ask("/reload");
    assert!(answer.iter().any(|line| line.starts_with("| certificate - SHA256:")), "{answer:?}");
    assert_eq!(answer.last().unwrap(), "+ the certificate is another one.");
    assert_ne!(served(&server), second);
    alice.send("/say lobby still here");
    alice.expect("+ 1");
}

#[test]
fn a_renewal_is_noticed_by_itself_however_it_is_written() {
    let (mut server, directory) = server_with(&Pair::new(60));
    let path = |name: &str| directory.path().join(name);
    let mut alice = server.connect_tls();
    alice.register("alice");
    let first = served(&server);
    // acme.sh writes into the files, lego and others rename; and the key comes last.
    let pair = Pair::new(70);
    fs::write(path("new"), &pair.certificate).unwrap();
    fs::rename(path("new"), path("fullchain.pem")).unwrap();
    // The server may look in between: then nothing matches yet.
    std::thread::sleep(std::time::Duration::from_secs(1));
    write_key(&path("new"), &pair.key);
    fs::rename(path("new"), path("privkey.pem")).unwrap();
    let second = wait_for_another(&server, &first);
    server.wait_for_log(&format!("the certificate was renewed: {second} for {NAME}, 127.0.0.1, valid until "));

    // certbot's names are links, which it puts elsewhere one by one.
    let archive = path("archive");
    fs::create_dir(&archive).unwrap();
    for (version, days) in [("1", 70), ("2", 80)] {
        let pair = if days == 70 { &pair } else { &Pair::new(days) };
        fs::write(archive.join(format!("fullchain{version}.pem")), &pair.certificate).unwrap();
        write_key(&archive.join(format!("privkey{version}.pem")), &pair.key);
    }
    let link = |version: &str| {
        for name in ["privkey", "fullchain"] {
            symlink(format!("archive/{name}{version}.pem"), path("link")).unwrap();
            fs::rename(path("link"), path(&format!("{name}.pem"))).unwrap();
        }
    };
    link("1");
    link("2");
    wait_for_another(&server, &second);
    alice.send("/say lobby still here");
    alice.expect("+ 1");
    server.terminate();
    let (status, log) = server.wait();
    assert!(status.success() && !log.contains("could not be renewed"), "{log}");
}

#[test]
fn a_pair_that_can_not_be_used_keeps_the_old_one_and_administrators_are_told() {
    let (mut server, directory) = server_with(&Pair::new(60));
    let first = served(&server);
    let mut root = server.console();
    let mut alice = server.connect_tls();
    alice.register("alice");
    root.send("/grant alice admin");
    root.expect("+ alice…");
    let mut bob = server.connect_tls();
    bob.register("bob");
    let key = directory.path().join("privkey.pem");
    write_key(&key, &Pair::new(60).key);
    // All who are asked at once find that the key belongs to another certificate.
    let why = format!("the key in {} does not belong to the certificate in ", key.display());
    root.send("/reload");
    root.expect(&format!("- bad-settings: {why}…"));
    for admin in [&mut root, &mut alice] {
        admin.expect(&format!("* warning: the certificate could not be renewed: {why}…"));
    }
    let log = server.wait_for_log("could not be renewed");
    assert!(log.contains("The old one is still served, valid until 20") && log.contains(&why), "{log}");
    bob.expect_nothing();
    assert_eq!(served(&server), first);
    // Who comes later is told, too.
    server.console().expect("* warning: the certificate could not be renewed: …");
    let later = Pair::new(70);
    later.write(directory.path());
    assert_eq!(root.ask("/reload").last().unwrap(), "+ the certificate is another one.");
    assert_ne!(served(&server), first);
    server.console().expect_nothing();
}

#[test]
fn administrators_are_reminded_of_a_certificate_that_ends_soon() {
    let (mut server, directory) = server_with(&Pair::new(13));
    let mut root = server.console();
    let text = format!("the certificate in {}/fullchain.pem expires on ", directory.path().display());
    let line = root.next_line().unwrap();
    assert!(line.starts_with(&format!("* warning: {text}20")) && line.contains(", in 13 days. Renew it"), "{line}");
    Pair::new(14).write(directory.path());
    assert_eq!(root.ask("/reload").len(), 2);
    server.console().expect_nothing();
    server.terminate();
    let (_, log) = server.wait();
    // Once by the start.
    assert_eq!(log.matches(&text).count(), 1, "{log}");
    // Nobody is reminded of a self-signed one, which is valid for ten years.
    Server::start().console().expect_nothing();
}

#[test]
fn a_certificate_is_shown_as_a_start_would_read_it() {
    let server = Server::start();
    let data = server.data();
    let data = data.to_str().unwrap();
    let (code, out, err) = chitchatd(&["tls", "show", "--data", data]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    for line in [
        &format!("certificate  {data}/certificate.pem"),
        &format!("fingerprint  {}", server.fingerprint()),
        "self-signed  yes",
        "key fits     yes",
    ] {
        assert!(out.lines().any(|shown| shown == line), "{line} in {out}");
    }
    let (directory, pair) = (tempfile::tempdir().unwrap(), Pair::new(30));
    pair.write(directory.path());
    let path = |name: &str| directory.path().join(name).display().to_string();
    let settings = [format!("certificate={}", path("fullchain.pem")), format!("key={}", path("privkey.pem"))];
    let show = ["tls", "show", "--json", "--data", data, "--set", &settings[0], "--set", &settings[1]];
    let (code, out, _) = chitchatd(&show);
    let parts = [
        r#""names":["chat.example.org","127.0.0.1"],"#,
        r#""issuer":"CN=An authority","self_signed":false,"chain":1,"#,
        r#""days_left":30,"fingerprint":"SHA256:"#,
        r#""key_fits":true,"problem":null,"warnings":[]}"#,
    ];
    assert_eq!(code, Some(0));
    assert!(parts.iter().all(|part| out.contains(part)), "{out}");
    write_key(&directory.path().join("privkey.pem"), &Pair::new(30).key);
    let (code, out, _) = chitchatd(&show);
    assert!(code == Some(1) && out.contains(r#""key_fits":false,"problem":"the key in "#), "{out}");
    let nowhere = tempfile::tempdir().unwrap();
    let (code, _, err) = chitchatd(&["tls", "show", "--data", nowhere.path().to_str().unwrap()]);
    assert!(code == Some(1) && err.contains("the first start makes a self-signed one"), "{err}");
}

/// Directories as the programs leave them that get certificates: what is in them, by name.
fn layouts(pair: &Pair, other: &Pair) -> [(&'static str, Vec<(String, String)>); 4] {
    let own = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let (chain, key) = (pair.certificate.as_str(), pair.key.as_str());
    [
        ("certbot", vec![own("fullchain.pem", chain), own("privkey.pem", key), own("README", "")]),
        ("acme.sh", vec![own("fullchain.cer", chain), own(&format!("{NAME}.key"), key)]),
        ("lego", vec![own(&format!("{NAME}.crt"), chain), own(&format!("{NAME}.key"), key)]),
        (
            "lego for several",
            vec![
                own("a.example.org.crt", &other.certificate),
                own("a.example.org.key", &other.key),
                own("_.example.org.crt", chain),
                own("_.example.org.key", key),
            ],
        ),
    ]
}

#[test]
fn certificates_of_the_usual_programs_are_imported_and_the_server_takes_them() {
    let server = Server::start();
    let data = server.data();
    let imported = data.join("imported.pem");
    let mut alice = server.connect_tls();
    alice.register("alice");
    let mut before = served(&server);
    let set = format!("name={NAME}");
    for (days, nth) in (40..44).zip(0..) {
        let pair = Pair::new(days);
        let (program, files) = layouts(&pair, &Pair::new(1))[nth].clone();
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write_key(&directory.path().join(name), &text);
        }
        let words = ["tls", "import", directory.path().to_str().unwrap(), "--data", data.to_str().unwrap()];
        let (code, out, err) = chitchatd(&[&words[..], &["--set", &set]].concat());
        assert_eq!((code, err.as_str()), (Some(0), ""), "{program}: {out}");
        let now = served(&server);
        assert!(now != before && out.starts_with(&format!("Imported {now}\n  for {NAME}, 127.0.0.1, ")), "{out}");
        assert!(out.contains("The server uses it") && out.contains(&format!("in {days} days.")), "{out}");
        assert_eq!(fs::metadata(&imported).unwrap().permissions().mode() & 0o777, 0o600);
        before = now;
        if program == "lego for several" {
            let (code, _, err) = chitchatd(&words);
            assert!(code == Some(1) && err.contains("several certificates (_.example.org, a.example.org)"), "{err}");
        }
    }
    assert_eq!(fs::metadata(&imported).unwrap().uid(), fs::metadata(&data).unwrap().uid());
    alice.send("/say lobby still here");
    alice.expect("+ 1");
    // The self-signed one is kept, and is served again when the imported one goes.
    fs::remove_file(imported).unwrap();
    assert_eq!(server.console().ask("/reload").last().unwrap(), "+ the certificate is another one.");
    assert_eq!(served(&server), server.fingerprint());
}

#[test]
fn what_can_not_be_used_is_not_imported() {
    let mut server = Server::start();
    let data = server.data();
    let import = |directory: &Path, more: &[&str]| {
        let words = ["tls", "import", directory.to_str().unwrap(), "--data", data.to_str().unwrap()];
        chitchatd(&[&words[..], more].concat())
    };
    let directory = tempfile::tempdir().unwrap();
    let (code, _, err) = import(directory.path(), &[]);
    assert!(code == Some(1) && err.contains("no fullchain.pem with privkey.pem"), "{err}");
    assert_eq!(import(&directory.path().join("nowhere"), &[]).0, Some(1));
    Pair::new(30).write(directory.path());
    write_key(&directory.path().join("privkey.pem"), &Pair::new(30).key);
    let (code, _, err) = import(directory.path(), &[]);
    assert!(code == Some(1) && err.contains("does not belong to the certificate in "), "{err}");
    for (pair, why) in [(Pair::valid(-90, -2), "expired at 20"), (Pair::valid(2, 90), "is not valid before 20")] {
        pair.write(directory.path());
        let (code, out, err) = import(directory.path(), &[]);
        assert!(code == Some(1) && err.contains(why) && err.contains("so it was not imported."), "{code:?} {out}{err}");
    }
    let own = ["--set", "certificate=/a.pem", "--set", "key=/b.pem"];
    let (code, _, err) = import(directory.path(), &own);
    assert!(code == Some(2) && err.contains("the settings name another certificate, /a.pem"), "{err}");
    let files: Vec<PathBuf> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.iter().any(|path| path.ends_with("imported.pem")), "{files:?}");
    assert_eq!(served(&server), server.fingerprint());

    Pair::new(5).write(directory.path());
    let (code, _, err) = import(directory.path(), &[]);
    assert!(code == Some(0) && err.contains("imported.pem expires on "), "{err}");
    assert!(err.contains("in 5 days. Renew it, and import the new one: chitchatd tls import DIR.\n"), "{err}");

    // Without a server it waits for the next start.
    server.terminate();
    server.wait();
    Pair::new(30).write(directory.path());
    let (code, out, _) = import(directory.path(), &["--json"]);
    assert!(code == Some(0) && out.contains(r#""days_left":30,"reloaded":false}"#), "{out}");
    server.restart();
    assert!(out.contains(&served(&server)), "{out}");
}

#[test]
fn a_client_may_offer_no_protocol_or_ours_but_not_others_alone() {
    let server = Server::start();
    for taken in [&[][..], &["chitchat/1"], &["http/1.1", "chitchat/1"]] {
        let mut client = Client::offering(server.tls(), taken).expect("it is taken");
        client.expect("* ChitChat at …");
    }
    for refused in [&["h2"][..], &["chitchat/2"]] {
        let error = Client::offering(server.tls(), refused).err().expect("it is refused").to_string();
        assert!(error.contains("NoApplicationProtocol"), "{error}");
    }
}
