use super::*;
use crate::server::config::Registration;
use std::path::Path;

fn run(line: &str) -> Result<Invocation, CliError> {
    let environment = Environment { data_home: Some("/home/ann".into()), cores: 2, ..Environment::default() };
    let words = std::iter::once("chitchatd").chain(line.split_whitespace());
    parse(words.map(OsString::from), &environment)
}

fn served(line: &str) -> Config {
    match run(line).unwrap() {
        Invocation::Serve { config, .. } => *config,
        other => panic!("{other:?}"),
    }
}

fn fault(line: &str) -> String {
    run(line).unwrap_err().to_string()
}

#[test]
fn the_definition_of_the_flags_is_valid() {
    <Arguments as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn without_arguments_the_server_starts() {
    let config = served("");
    assert_eq!(config.data, Path::new("/home/ann/chitchat"));
    assert_eq!(config.tls.len(), 2);
}

#[test]
fn flags_reach_the_settings() {
    let config = served(
        "--data /d --tls 127.0.0.1:1 --tls [::1]:1 --plain off --registration open --set workers=1 --set history.keep=off",
    );
    assert_eq!((config.data.as_path(), config.tls.len(), config.plain.len()), (Path::new("/d"), 2, 0));
    assert_eq!((config.registration, config.workers, config.history.keep), (Registration::Open, 1, false));
}

#[test]
fn a_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("chitchat.toml");
    std::fs::write(&file, "workers = 3\nwrokers = 3\n").unwrap();
    let line = format!("--config {}", file.display());
    let expected = format!("{}:2: wrokers = 3: there is no setting wrokers. Did you mean workers?", file.display());
    assert_eq!(fault(&line), expected);
    std::fs::write(&file, "workers = 3\n").unwrap();
    assert_eq!(served(&line).workers, 3);
}

#[test]
fn an_invitation_is_checked_before_the_server_is_asked() {
    for line in ["invite --data /d --admin --uses 3 --for 2h", "--data /d invite --for 2h --uses 3 --admin"] {
        let Invocation::Invite { config, request, json: false } = run(line).unwrap() else { panic!("{line}") };
        assert_eq!(config.data, Path::new("/d"));
        assert_eq!(request.line(), "/invitecode uses=3 for=2h admin");
    }
    let Invocation::Invite { request, .. } = run("invite --note friends --uses 2").unwrap() else { panic!() };
    assert_eq!(request.line(), "/invitecode uses=2 note=friends");
    for wrong in ["invite --uses 0", "invite --uses many", "invite --for 1y", "invite --for 366d", "invite now"] {
        assert!(matches!(run(wrong), Err(CliError::Usage(_))), "{wrong}");
    }
    let message = fault("invite --for 1y");
    assert!(message.contains("1y is not a duration"), "{message}");
}

#[test]
fn the_running_server_is_asked_in_its_own_words() {
    for (typed, line) in [
        ("stats --json", "/stats"),
        ("reload --data /d", "/reload"),
        ("invite list", "/invites"),
        ("invite revoke 7 --data /d", "/invites revoke 7"),
        ("user list", "/accounts"),
        ("user disable bob too loud", "/disable bob too loud"),
        ("user enable bob --data /d", "/enable bob"),
        ("user reset bob", "/resetpw bob"),
        ("user grant bob admin", "/grant bob admin"),
        ("room list --json", "/rooms"),
        ("room close ops", "/close #ops"),
        ("announce back at noon", "/announce back at noon"),
        ("block 192.0.2.0/24 --for 7d scans", "/block 192.0.2.0/24 for=7d scans"),
        ("unblock 192.0.2.0/24", "/unblock 192.0.2.0/24"),
        ("blocks", "/blocks"),
        ("audit", "/audit"),
        ("audit ops --limit 5", "/audit ops limit=5"),
        ("admin /role ops bob moderator --data /d", "/role ops bob moderator"),
        ("admin /topic ops -", "/topic ops -"),
    ] {
        let Invocation::Ask { request, json, .. } = run(typed).unwrap() else { panic!("{typed}") };
        assert_eq!(request.line().trim_end(), line);
        assert_eq!(json, typed.contains("--json"));
    }
    for wrong in ["user", "user disable b!b", "admin hello", "block here", "announce", "--json", "config --json"] {
        assert!(matches!(run(wrong), Err(CliError::Usage(_))), "{wrong}");
    }
    assert!(fault("block 127.0.0.1").contains("this machine itself"));
}

#[test]
fn settings_are_checked_and_shown_as_a_start_would_read_them() {
    let Invocation::CheckConfig { config, file: None, json: true } =
        run("config check --set workers=2 --json").unwrap()
    else {
        panic!()
    };
    assert_eq!(config.workers, 2);
    assert_eq!(fault("config check --set wrokers=2"), fault("--set wrokers=2"));
    let Invocation::ShowConfig { settings, json: false } = run("--tls off config show --data /d").unwrap() else {
        panic!()
    };
    let shown = crate::server::operator::settings::show(&settings);
    assert!(shown.contains("\ntls = \"off\"                                  # --tls\n"), "{shown}");
    assert!(shown.starts_with("data = \"/d\""), "{shown}");
}

/// They may be copied from the unit, before the command or behind it.
#[test]
fn what_looks_at_a_servers_settings_takes_all_of_its_arguments() {
    let arguments = "--data /d --tls 127.0.0.1:1 --tls [::1]:1 --plain off --registration open --set workers=1";
    let started = served(arguments);
    for verb in ["config check", "config show", "check", "tls show"] {
        for line in [format!("{arguments} {verb}"), format!("{verb} {arguments}")] {
            match run(&line).unwrap_or_else(|error| panic!("{line}: {error}")) {
                Invocation::CheckConfig { config, .. } | Invocation::ShowTls { config, .. } => {
                    assert_eq!(*config, started, "{line}");
                }
                Invocation::Check { sources, .. } => assert_eq!(sources.read().unwrap(), started, "{line}"),
                Invocation::ShowConfig { settings, .. } => {
                    let shown = crate::server::operator::settings::show(&settings);
                    assert!(shown.contains("\ntls = [\"127.0.0.1:1\", \"[::1]:1\"]"), "{line}: {shown}");
                }
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_running_server_is_looked_at() {
    let Invocation::Status { config, json: true } = run("status --json --data /d").unwrap() else { panic!() };
    assert_eq!(config.data, Path::new("/d"));
    assert!(matches!(run("health").unwrap(), Invocation::Health { json: false, .. }));
    assert!(matches!(run("health now"), Err(CliError::Usage(_))));
}

#[test]
fn a_certificate_is_shown_and_imported() {
    assert!(matches!(run("tls show --json --data /d").unwrap(), Invocation::ShowTls { json: true, .. }));
    let Invocation::ImportTls { config, directory, json: false } = run("tls import /certs --data /d").unwrap() else {
        panic!()
    };
    assert_eq!((config.data.as_path(), directory.as_path()), (Path::new("/d"), Path::new("/certs")));
    for wrong in ["tls", "tls import", "tls show now"] {
        assert!(matches!(run(wrong), Err(CliError::Usage(_))), "{wrong}");
    }
}

#[test]
fn unknown_arguments_are_reported() {
    assert!(fault("--pain off").contains("--plain"));
    assert_eq!(
        fault("--registration all"),
        "--registration all: unknown value `all`, expected one of `open`, `invite`, `closed`"
    );
    for default in ["config", "config default"] {
        assert!(matches!(run(default).unwrap(), Invocation::PrintConfig));
    }
    for ignored in
        ["config --config bad.toml", "config --set workers=1", "--tls off config", "config default --data /d"]
    {
        assert!(fault(ignored).contains("takes no settings"), "{ignored}");
    }
    for shown in ["--help", "--version", "help"] {
        assert!(matches!(run(shown), Err(CliError::Help(_))), "{shown}");
    }
}
