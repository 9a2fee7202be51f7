//! Settings as transcripts: what is given, and what it leads to.

use super::*;
use crate::server::flood::Rate;
use std::ffi::OsString;
use std::time::Duration;

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
fn without_settings_the_defaults_apply() {
    let config = set(&[]).unwrap();
    assert_eq!(config.data, Path::new("/home/ann/.local/share/chitchat"));
    assert_eq!(config.tls, ["[::]:2428".parse().unwrap(), "0.0.0.0:2428".parse().unwrap()]);
    assert_eq!(config.plain, ["127.0.0.1:2427".parse().unwrap()]);
    assert_eq!(config.proxies, []);
    assert_eq!(config.registration, Registration::Invite);
    assert_eq!(config.name, "chat.example.org");
    assert_eq!(
        (config.certificate, config.workers, config.accounts),
        (None, 1, Accounts { bcrypt_cost: 12, members_invite: None })
    );
    assert_eq!(
        config.history,
        History {
            sync: Sync::Full,
            keep: true,
            keep_for: None,
            keep_bytes: None,
            edit_for: Some(Duration::from_hours(24)),
            upgrade_copy: true
        }
    );
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.warnings, []);
}

/// The fields that serde knows, as it lists them to someone who typed another.
fn fields<'de, T: serde::Deserialize<'de>>() -> Vec<String> {
    use serde::de::value::{Error, MapDeserializer};
    let typed = MapDeserializer::<_, Error>::new([("?", "")].into_iter());
    let Err(error) = T::deserialize(typed) else { panic!("there is no field named ?") };
    // Every other piece is between backquotes; the first of them is what was typed.
    error.to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect()
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
    let group = |name: &str, fields: Vec<String>| fields.into_iter().map(|field| format!("{name}.{field}")).collect();
    let mut known = fields::<Settings>();
    let groups: [(&str, Vec<String>); 3] =
        [("accounts", fields::<Accounts>()), ("history", fields::<History>()), ("limits", fields::<Limits>())];
    for (name, fields) in groups {
        let at = known.iter().position(|key| key == name).expect("the group is a field");
        known.remove(at);
        known.extend::<Vec<String>>(group(name, fields));
    }
    assert_eq!(Config::keys(), known);
    assert_eq!(file(&bare).unwrap(), set(&[]).unwrap());
    assert_eq!(file(Config::example()).unwrap(), set(&[]).unwrap());
}

#[test]
fn every_key_is_read() {
    let config = file(
        r#"
        data = "data"
        tls = "off"
        plain = ["127.0.0.1:1", "[::1]:1"]
        web = "127.0.0.1:3"
        metrics = "127.0.0.1:2"
        proxies = ["127.0.0.2", "10.0.0.0/8"]
        web_proxies = "127.0.0.1"
        registration = "open"
        name = "192.0.2.1"
        certificate = "c.pem"
        key = "/k.pem"
        workers = 7
        accounts.bcrypt_cost = 4
        accounts.members_invite = 3
        history = { sync = "normal", keep = false, keep_for = "365d", keep_bytes = "2 TiB", edit_for = "off", upgrade_copy = "off" }
        [limits]
        connections = 1
        per_address = 2
        flood = "3/s burst 3"
        account_flood = "12/s burst 12"
        logins = "4/s burst 4"
        registrations = "5/s burst 5"
        rooms_made = 6
        new_rooms = "7/s burst 7"
        joins = "8/s burst 8"
        first_messages = "9/s burst 9"
        invitations = "10/s burst 10"
        repeats = "11/s burst 11"
        new_account = "2h"
        hook = "13/s burst 13"
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
        web: vec!["127.0.0.1:3".parse().unwrap()],
        metrics: vec!["127.0.0.1:2".parse().unwrap()],
        proxies: vec![ProxyRange::parse("127.0.0.2").unwrap(), ProxyRange::parse("10.0.0.0/8").unwrap()],
        web_proxies: vec![ProxyRange::parse("127.0.0.1").unwrap()],
        registration: Registration::Open,
        name: "192.0.2.1".into(),
        certificate: Some(CertificateFiles { certificate: "/etc/c.pem".into(), key: "/k.pem".into() }),
        workers: 7,
        accounts: Accounts { bcrypt_cost: 4, members_invite: Some(3) },
        history: History {
            sync: Sync::Normal,
            keep: false,
            keep_for: Some(Duration::from_hours(24 * 365)),
            keep_bytes: Some(2 << 40),
            edit_for: None,
            upgrade_copy: false,
        },
        limits: Limits {
            connections: Some(1),
            per_address: Some(2),
            flood: rate(3),
            account_flood: rate(12),
            logins: rate(4),
            registrations: rate(5),
            rooms_made: Some(6),
            new_rooms: rate(7),
            joins: rate(8),
            first_messages: rate(9),
            invitations: rate(10),
            repeats: rate(11),
            new_account: Some(Duration::from_hours(2)),
            hook: rate(13),
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
    let keys = Config::keys().into_iter().filter(|key| key.starts_with("limits."));
    let sets: Vec<String> = keys.map(|key| format!("{key}=off")).collect();
    assert_eq!(sets.len(), 18);
    let limits = Config::build(None, &sets, &Flags::default(), &machine()).unwrap().limits;
    let shown = format!("{limits:?}");
    assert_eq!(shown.matches("None").count(), 18, "{shown}");
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
fn an_unknown_key_is_named_with_its_place_and_the_nearest_one() {
    assert_eq!(
        fault(file("\n\n[limits]\nflod = 'off'")),
        "/etc/chitchat.toml:4: flod = 'off': there is no setting flod. Did you mean limits.flood?"
    );
    assert_eq!(fault(set(&["flood=off"])), "--set flood=off: there is no setting flood. Did you mean limits.flood?");
    assert_eq!(
        fault(file("colour = 1")),
        "/etc/chitchat.toml:1: colour = 1: there is no setting colour. chitchatd config prints them all."
    );
    assert_eq!(
        fault(file("[limit]")),
        "/etc/chitchat.toml:1: [limit]: there is no setting limit. Did you mean limits?"
    );
    assert_eq!(
        fault(file("limits = 'off'")),
        "/etc/chitchat.toml:1: limits = 'off': invalid type: string \"off\", expected settings"
    );
}

#[test]
fn an_invalid_value_is_named_with_its_place_and_what_is_expected() {
    assert_eq!(
        fault(file("workers = 65 # many")),
        "/etc/chitchat.toml:1: workers = 65 # many: expected a whole number from 1 to 64, or \"auto\""
    );
    assert_eq!(
        fault(set(&["registration=yes"])),
        "--set registration=yes: unknown value `yes`, expected one of `open`, `invite`, `closed`"
    );
    assert_eq!(
        fault(set(&["limits.flood=10"])),
        "--set limits.flood=10: expected a rate such as \"10/s burst 60\" (the units are s, m, h and d; both numbers above 0), or \"off\""
    );
    let plain = Flags { plain: vec!["localhost".into()], ..Flags::default() };
    assert_eq!(
        fault(Config::build(None, &[], &plain, &machine())),
        "--plain localhost: expected an address with its port such as 127.0.0.1:2427 or [::1]:2427, or \"off\""
    );
    for wrong in [
        "workers=0",
        "accounts.bcrypt_cost=3",
        "accounts.bcrypt_cost=17",
        "accounts.bcrypt_cost=off",
        "accounts.members_invite=0",
        "accounts.members_invite=101",
        "history.keep=maybe",
        "history.keep_for=59m",
        "history.keep_bytes=1 MiB",
        "history.edit_for=1w",
        "history.sync=on",
        "limits.connections=0",
        "limits.unanswered=-1",
        "limits.unread_bytes=16383",
        "limits.unread_total=3 GiB",
        "name=a b",
        "data=",
    ] {
        let message = fault(set(&[wrong]));
        assert!(message.starts_with(&format!("--set {wrong}: ")) && message.contains("expected "), "{message}");
    }
    for wrong in ["name = ['a']", "tls = [['x']]", "workers = 1.5", "workers = [1]", "data = 1979-05-27\nworkers = 'x'"]
    {
        let message = fault(file(wrong));
        assert!(message.starts_with("/etc/chitchat.toml:") && message.contains("expected "), "{message}");
    }
    assert_eq!(fault(set(&["workers"])), "--set workers: expected KEY=VALUE, such as limits.flood=off.");
}

#[test]
fn keys_are_checked_together() {
    assert!(matches!(set(&["tls=off", "plain=off"]), Err(ConfigError::NoListener)));
    assert!(matches!(set(&["certificate=a"]), Err(ConfigError::HalfCertificate { missing: "key" })));
    assert!(matches!(set(&["key=a"]), Err(ConfigError::HalfCertificate { missing: "certificate" })));
    let empty = Flags { data: Some(PathBuf::new()), ..Flags::default() };
    assert!(matches!(Config::build(None, &[], &empty, &machine()), Err(ConfigError::EmptyData)));
}

#[test]
fn auto_is_resolved_by_the_machine() {
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
fn metrics_beyond_this_machine_get_a_warning() {
    assert_eq!(set(&[]).unwrap().metrics, []);
    let config = set(&["metrics=127.0.0.1:9428,192.0.2.1:9428"]).unwrap();
    assert_eq!(config.metrics.len(), 2);
    assert_eq!(config.warnings, [Warning::MetricsBeyondThisMachine("192.0.2.1:9428".parse().unwrap())]);
}

#[test]
fn plain_beyond_this_machine_gets_a_warning() {
    let config = set(&["plain=0.0.0.0:1,127.0.0.2:1,[::1]:1"]).unwrap();
    assert_eq!(config.warnings, [Warning::PlainBeyondThisMachine("0.0.0.0:1".parse().unwrap())]);
}

/// The settings as a file.
fn as_file(config: &Config) -> String {
    config.values().iter().fold(String::new(), |text, (key, value)| text + key + " = " + value + "\n")
}

#[test]
fn the_settings_in_effect_are_a_file_that_leads_to_them() {
    let keys: Vec<&str> = set(&[]).unwrap().values().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, Config::keys());
    let offs: Vec<String> =
        keys.iter().filter(|key| key.starts_with("limits.")).map(|key| format!("{key}=off")).collect();
    let others = [
        "plain=off",
        "tls=[::1]:1,127.0.0.1:2",
        "registration=closed",
        "certificate=/a \"b\"\\c.pem",
        "key=/k.pem",
        "workers=3",
        "accounts.members_invite=3",
        "history.keep=off",
        "history.sync=normal",
        "history.keep_for=90m",
        "history.keep_bytes=16777217",
        "history.edit_for=0s",
        "limits.flood=0.3/s burst 7",
        "limits.logins=1/d burst 1",
        "limits.unread_bytes=65537",
        "limits.new_account=90m",
    ];
    for sets in [vec![], offs, others.map(str::to_owned).to_vec()] {
        let config = Config::build(None, &sets, &Flags::default(), &machine()).unwrap();
        let text = as_file(&config);
        assert_eq!(file(&text).unwrap(), config, "{text}");
    }
}

#[test]
fn each_setting_in_effect_says_where_it_came_from() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chitchat.toml");
    let text =
        "\u{feff}# mine\r\nname = 'here'\nregistration = 'open'\nlimits.flood = 'off'\n\n[history]\n\nkeep = 'off'\n";
    std::fs::write(&path, text).unwrap();
    let sources = Sources {
        file: Some(path.clone()),
        sets: vec!["limits.joins = off".to_owned(), "registration=closed".to_owned()],
        flags: Flags { plain: vec!["off".to_owned()], ..Flags::default() },
        environment: Environment { open_files: Some(1024), state_directory: Some("/s".into()), ..machine() },
    };
    let (config, settings) = sources.explain().unwrap();
    assert_eq!(config, sources.read().unwrap());
    let shown = |key: &str| {
        let setting = settings.iter().find(|setting| setting.key == key).expect("every key is there");
        format!("{} # {}", setting.value, setting.from())
    };
    let at = |line| format!("{}:{line}", path.display());
    assert_eq!(shown("name"), format!("\"here\" # {}", at(2)));
    assert_eq!(shown("limits.flood"), format!("\"off\" # {}", at(4)));
    assert_eq!(shown("history.keep"), format!("\"off\" # {}", at(8)));
    assert_eq!(shown("registration"), "\"closed\" # --set");
    assert_eq!(shown("limits.joins"), "\"off\" # --set");
    assert_eq!(shown("plain"), "\"off\" # --plain");
    assert_eq!(shown("tls"), "[\"[::]:2428\", \"0.0.0.0:2428\"] # default");
    assert_eq!(shown("data"), "\"/s\" # default, by systemd's $STATE_DIRECTORY");
    assert_eq!(shown("workers"), "1 # default, by the number of cores");
    assert_eq!(shown("limits.connections"), "896 # default, by the open files that the system allows");
    assert_eq!(shown("key"), "\"auto\" # default, by the data directory");
}

#[test]
fn a_missing_file_is_named() {
    let path = Path::new("/nonexistent/chitchat.toml");
    let message = fault(Config::read(Some(path), &[], &Flags::default(), &machine()));
    assert!(message.starts_with("can't read /nonexistent/chitchat.toml: "), "{message}");
    assert!(Config::read(None, &[], &Flags::default(), &machine()).is_ok());
}
