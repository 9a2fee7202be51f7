//! Settings as transcripts: what is given, and what comes of it.

use super::*;
use std::ffi::OsString;

fn machine() -> Environment {
    Environment {
        data_home: Some("/home/ann/.local/share".into()),
        host_name: Some("chat.example.org".into()),
        cores: 2,
        ..Environment::default()
    }
}

fn file(text: &str) -> Result<Config, ConfigError> {
    Config::build(Some((Path::new("/etc/chitchat.toml"), text)), &[], &Flags::default(), &machine())
}

fn set(sets: &[&str]) -> Result<Config, ConfigError> {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    Config::build(None, &sets, &Flags::default(), &machine())
}

fn on(environment: &Environment) -> Result<Config, ConfigError> {
    Config::build(None, &[], &Flags::default(), environment)
}

fn fault(result: Result<Config, ConfigError>) -> String {
    let message = result.unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn nothing_said_is_the_defaults() {
    let config = set(&[]).unwrap();
    assert_eq!(config.data, Path::new("/home/ann/.local/share/chitchat"));
    assert_eq!(config.tls, ["[::]:2428".parse().unwrap(), "0.0.0.0:2428".parse().unwrap()]);
    assert_eq!(config.plain, ["127.0.0.1:2427".parse().unwrap()]);
    assert_eq!(config.registration, Registration::Invite);
    assert_eq!(config.name, "chat.example.org");
    assert_eq!((config.certificate, config.workers, config.bcrypt_cost), (None, 1, 12));
    assert_eq!(config.history, History { sync: Sync::Full, keep: true });
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.warnings, []);
}

#[test]
fn the_example_lists_every_key_with_its_default() {
    let mut bare = String::new();
    for line in Config::example().lines() {
        // "#key" is a setting taken out, "# Text" a comment.
        let setting = line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        assert!(setting.is_some() || line.is_empty() || line.starts_with(['[', '#']), "{line}");
        bare.push_str(setting.unwrap_or(line));
        bare.push('\n');
    }
    let entries = source::entries(Path::new("chitchat.example.toml"), &bare).unwrap();
    let listed: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let known: Vec<&str> = settings::SETTINGS.iter().map(|setting| setting.key).collect();
    assert_eq!(listed, known);
    assert_eq!(file(&bare).unwrap(), set(&[]).unwrap());
    assert_eq!(file(Config::example()).unwrap(), set(&[]).unwrap());
}

#[test]
fn every_key_is_taken() {
    let config = file(
        r#"
        data = "data"
        tls = "off"
        plain = ["127.0.0.1:1", "[::1]:1"]
        registration = "open"
        name = "192.0.2.1"
        certificate = "c.pem"
        key = "/k.pem"
        workers = 7
        accounts.bcrypt_cost = 4
        history = { sync = "normal", keep = false }
        [limits]
        connections = 1
        per_address = 2
        flood = "3/s burst 3"
        logins = "4/s burst 4"
        registrations = "5/s burst 5"
        unread_bytes = "16 KiB"
        unread_total = 65537
        unanswered = 8
        under_way_bytes = "1 MiB"
        "#,
    );
    let rate = |n: u32| Some(Rate { per_second: n.into(), burst: n });
    let want = Config {
        data: "/etc/data".into(),
        tls: vec![],
        plain: vec!["127.0.0.1:1".parse().unwrap(), "[::1]:1".parse().unwrap()],
        registration: Registration::Open,
        name: "192.0.2.1".into(),
        certificate: Some(CertificateFiles { certificate: "/etc/c.pem".into(), key: "/k.pem".into() }),
        workers: 7,
        bcrypt_cost: 4,
        history: History { sync: Sync::Normal, keep: false },
        limits: Limits {
            connections: Some(1),
            per_address: Some(2),
            flood: rate(3),
            logins: rate(4),
            registrations: rate(5),
            unread_bytes: Some(16384),
            unread_total: Some(65537),
            unanswered: Some(8),
            under_way_bytes: Some(1 << 20),
        },
        warnings: vec![Warning::CheapPasswords(4)],
    };
    assert_eq!(config.unwrap(), want);
}

#[test]
fn every_limit_can_be_off() {
    let keys = settings::SETTINGS.iter().map(|s| s.key).filter(|key| key.starts_with("limits."));
    let sets: Vec<String> = keys.map(|key| format!("{key}=off")).collect();
    assert_eq!(sets.len(), 9);
    let limits = Config::build(None, &sets, &Flags::default(), &machine()).unwrap().limits;
    let shown = format!("{limits:?}");
    assert_eq!(shown.matches("None").count(), 9, "{shown}");
}

#[test]
fn flags_win_over_sets_and_sets_over_the_file() {
    let text = "workers = 1\nregistration = 'open'\nplain = '127.0.0.1:1'\ndata = '/a'";
    let sets = ["workers=2", "workers=3", "registration=invite", "plain=127.0.0.1:2", "data=b"].map(str::to_owned);
    let flags = Flags {
        data: Some("/c".into()),
        tls: vec!["127.0.0.1:5".into(), "[::1]:5".into()],
        plain: vec!["off".into()],
        registration: Some("closed".into()),
    };
    let path = Path::new("/etc/chitchat.toml");
    let build = |flags| Config::build(Some((path, text)), &sets, flags, &machine()).unwrap();
    let config = build(&flags);
    assert_eq!((config.workers, config.registration), (3, Registration::Closed));
    assert_eq!((config.tls.len(), config.plain.len(), config.data), (2, 0, "/c".into()));
    let config = build(&Flags::default());
    assert_eq!((config.registration, config.data), (Registration::Invite, "b".into()));
    assert_eq!(config.plain, ["127.0.0.1:2".parse().unwrap()]);
}

#[test]
fn a_wrong_key_is_named_with_its_place_and_the_nearest() {
    assert_eq!(
        fault(file("\n\n[limits]\nflod = 'off'")),
        "/etc/chitchat.toml:4: limits.flod is no setting. Did you mean limits.flood?"
    );
    assert_eq!(fault(set(&["flood=off"])), "--set: flood is no setting. Did you mean limits.flood?");
    assert_eq!(
        fault(file("colour = 1")),
        "/etc/chitchat.toml:1: colour is no setting. chitchatd config shows them all."
    );
    assert_eq!(fault(file("[limit]")), "/etc/chitchat.toml:1: limit is no setting. Did you mean limits?");
    assert_eq!(
        fault(file("limits = 'off'")),
        "/etc/chitchat.toml:1: limits is no setting. chitchatd config shows them all."
    );
}

#[test]
fn a_wrong_value_is_named_with_its_place_and_what_is_wanted() {
    assert_eq!(
        fault(file("workers = 65 # many")),
        "/etc/chitchat.toml:1: workers = 65 can't be. Wanted: a whole number from 1 to 64, or \"auto\"."
    );
    assert_eq!(
        fault(set(&["registration=yes"])),
        "--set: registration = \"yes\" can't be. Wanted: \"open\" or \"invite\" or \"closed\"."
    );
    assert_eq!(
        fault(set(&["limits.flood=10"])),
        "--set: limits.flood = \"10\" can't be. Wanted: a rate such as \"10/s burst 60\" (units s, m, h, d; both above 0), or \"off\"."
    );
    let plain = Flags { plain: vec!["localhost".into()], ..Flags::default() };
    assert_eq!(
        fault(Config::build(None, &[], &plain, &machine())),
        "--plain: plain = \"localhost\" can't be. Wanted: an address with its port such as 127.0.0.1:2427 or [::1]:2427, or \"off\"."
    );
    for wrong in [
        "workers=0",
        "accounts.bcrypt_cost=3",
        "accounts.bcrypt_cost=17",
        "accounts.bcrypt_cost=off",
        "history.keep=maybe",
        "history.sync=on",
        "limits.connections=0",
        "limits.unanswered=-1",
        "limits.unread_bytes=16383",
        "limits.unread_total=3 GiB",
        "name=a b",
        "data=",
    ] {
        let key = wrong.split('=').next().unwrap();
        assert!(fault(set(&[wrong])).starts_with(&format!("--set: {key} = ")), "{wrong}");
    }
    for wrong in ["name = ['a']", "tls = [['x']]", "workers = 1.5", "workers = [1]", "data = 1979-05-27\nworkers = 'x'"]
    {
        assert!(fault(file(wrong)).contains(" can't be. Wanted: "), "{wrong}");
    }
    assert_eq!(fault(set(&["workers"])), "--set workers: KEY=VALUE is wanted, such as --set limits.flood=off");
}

#[test]
fn what_no_single_key_can_check_is_checked() {
    assert!(matches!(set(&["tls=off", "plain=off"]), Err(ConfigError::NoListener)));
    assert!(matches!(set(&["certificate=a"]), Err(ConfigError::HalfCertificate { missing: "key" })));
    assert!(matches!(set(&["key=a"]), Err(ConfigError::HalfCertificate { missing: "certificate" })));
    let empty = Flags { data: Some(PathBuf::new()), ..Flags::default() };
    assert!(matches!(Config::build(None, &[], &empty, &machine()), Err(ConfigError::EmptyData)));
}

#[test]
fn the_machine_decides_what_is_auto() {
    let nowhere = Environment::default();
    assert!(matches!(on(&nowhere), Err(ConfigError::NoHome)));
    let systemd = Environment { state_directory: Some("/var/lib/chitchat:/var/lib/other".into()), ..machine() };
    assert_eq!(on(&systemd).unwrap().data, Path::new("/var/lib/chitchat"));
    let empty =
        Environment { state_directory: Some(OsString::new()), cores: 0, host_name: Some("a_b".into()), ..machine() };
    let config = on(&empty).unwrap();
    assert_eq!(config.data, Path::new("/home/ann/.local/share/chitchat"));
    assert_eq!((config.workers, config.name.as_str()), (1, "localhost"));
    assert_eq!(on(&Environment { cores: 1000, ..machine() }).unwrap().workers, 64);
    assert_eq!(on(&Environment { cores: 1, ..machine() }).unwrap().workers, 1);
    assert_eq!(on(&Environment { cores: 4, ..machine() }).unwrap().workers, 3);
}

#[test]
fn open_files_bound_the_connections() {
    let with = |open_files| Environment { open_files: Some(open_files), ..machine() };
    let config = on(&with(1024)).unwrap();
    assert_eq!(config.limits.connections, Some(896));
    assert_eq!(config.warnings, [Warning::FewOpenFiles { asked: 10_000, open_files: 1024, allowed: 896 }]);
    let config = on(&with(1 << 20)).unwrap();
    assert_eq!((config.limits.connections, config.warnings), (Some(10_000), vec![]));
    let off = ["limits.connections=off".to_owned()];
    let config = Config::build(None, &off, &Flags::default(), &with(1024)).unwrap();
    assert_eq!((config.limits.connections, config.warnings), (Some(896), vec![]));
    assert!(matches!(on(&with(128)), Err(ConfigError::NoOpenFiles(128))));
}

#[test]
fn plain_beyond_this_machine_is_warned_about() {
    let config = set(&["plain=0.0.0.0:1,127.0.0.2:1,[::1]:1"]).unwrap();
    assert_eq!(config.warnings, [Warning::PlainBeyondThisMachine("0.0.0.0:1".parse().unwrap())]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let path = Path::new("/nonexistent/chitchat.toml");
    let message = fault(Config::read(Some(path), &[], &Flags::default(), &machine()));
    assert!(message.starts_with("/nonexistent/chitchat.toml: can't be read: "), "{message}");
    assert!(Config::read(None, &[], &Flags::default(), &machine()).is_ok());
}
