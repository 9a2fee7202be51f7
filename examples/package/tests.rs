//! Whatever can be typed is in the manual and in the completions, and the units start what a package installs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, where a failure is the point")]

use super::*;
use std::process::Command as Process;
use tempfile::TempDir;

fn written() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    write_all(directory.path()).unwrap();
    directory
}

/// A command with its page's name, and all below it; `help` is of no interest.
fn commands(command: &Command, name: &str, found: &mut Vec<(String, Command)>) {
    found.push((name.to_owned(), command.clone()));
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        commands(command, &format!("{name}-{}", command.get_name()), found);
    }
}

/// For each command that can be typed: its program, its page's name and section, and itself.
fn all_commands() -> Vec<(String, String, &'static str, Command)> {
    let mut all = Vec::new();
    for (mut program, section, _) in programs() {
        program.build();
        let name = program.get_name().to_owned();
        let mut found = Vec::new();
        commands(&program, &name, &mut found);
        all.extend(found.into_iter().map(|(page, command)| (name.clone(), page, section, command)));
    }
    all
}

#[test]
fn each_command_has_its_page_with_each_flag_argument_and_command() {
    let directory = written();
    let all = all_commands();
    assert!(all.len() > 25, "{}", all.len());
    for (_, page, section, command) in &all {
        let path = directory.path().join(format!("man/{page}.{section}"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}")).replace("\\-", "-");
        for argument in command.get_arguments() {
            let shown = match (argument.get_long(), argument.get_value_names()) {
                (Some(long), _) => format!("\\fB--{long}\\fR"),
                (None, Some(names)) => format!("\\fI{}\\fR", names.join(" ")),
                (None, None) => panic!("{page}: {argument}"),
            };
            // In the synopsis, and among the options.
            assert!(text.matches(&shown).count() >= 2, "{page}: {shown}\n{text}");
        }
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            let shown = format!("{page}-{}({section})", command.get_name());
            assert!(text.contains(&shown), "{page}: {shown}\n{text}");
        }
    }
    let pages = fs::read_dir(directory.path().join("man")).unwrap().count();
    assert_eq!(pages, all.len(), "pages of what can't be typed");
}

#[test]
fn the_examples_and_the_exit_codes_of_the_help_are_sections() {
    let directory = written();
    for (page, sections) in [("chitchatd.8", ["EXAMPLES", "EXIT STATUS"]), ("chitchat.1", ["EXAMPLES", "EXIT CODES"])] {
        let text = fs::read_to_string(directory.path().join("man").join(page)).unwrap();
        for section in sections {
            let heading =
                if section.contains(' ') { format!(".SH \"{section}\"\n") } else { format!(".SH {section}\n") };
            assert!(text.contains(&heading), "{page}: {heading}\n{text}");
        }
    }
}

#[test]
fn each_shell_completes_each_command_and_flag() {
    let directory = written();
    for (program, page, _, command) in all_commands() {
        for (file, flag) in
            [(format!("{program}.bash"), "--"), (format!("_{program}"), "--"), (format!("{program}.fish"), "-l ")]
        {
            let text = fs::read_to_string(directory.path().join("completions").join(&file)).unwrap();
            let longs = command.get_arguments().filter_map(|argument| argument.get_long());
            for word in longs.map(|long| format!("{flag}{long}")).chain([command.get_name().to_owned()]) {
                assert!(text.contains(&word), "{file}: {page}: {word}");
            }
        }
    }
}

#[test]
fn the_units_start_what_is_installed() {
    let directory = written();
    let units = directory.path().join("units");
    let mut commands = 0;
    for entry in fs::read_dir(&units).unwrap() {
        let unit = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!unit.contains("/usr/local"), "{unit}");
        commands += unit.matches("=/usr/bin/chitchatd ").count();
    }
    assert!(commands >= 4, "{commands}");
}

#[test]
fn the_settings_say_where_the_service_has_its_data() {
    let directory = written();
    let read = fs::read_to_string(directory.path().join(SETTINGS)).unwrap();
    assert_eq!(read.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])).count(), 1, "{read}");
    let unit = fs::read_to_string(directory.path().join("units/chitchatd.service")).unwrap();
    assert!(read.contains("\ndata = \"/var/lib/chitchat\"\n") && unit.contains("\nStateDirectory=chitchat\n"));
    assert!(unit.contains(" --config /etc/chitchat.toml"));
}

#[test]
fn the_package_has_the_version_of_the_programs() {
    let changelog = fs::read_to_string(tree().join("contrib/debian/changelog")).unwrap();
    let expected = concat!("chitchat (", env!("CARGO_PKG_VERSION"), "-");
    assert!(changelog.starts_with(expected), "contrib/debian/changelog should begin with {expected}");
}

#[test]
#[ignore = "needs mandoc and bash"]
fn mandoc_and_bash_have_no_complaints() {
    let directory = written();
    let files = |name: &str| -> Vec<_> {
        fs::read_dir(directory.path().join(name)).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let bash = files("completions").into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "bash"));
    for (program, arguments, files) in
        [("mandoc", &["-T", "lint", "-W", "warning"][..], files("man")), ("bash", &["-n"], bash.collect())]
    {
        assert!(files.len() >= 2, "{files:?}");
        for file in files {
            let checked = Process::new(program).args(arguments).arg(&file).output().unwrap();
            let said = String::from_utf8_lossy(&checked.stdout) + String::from_utf8_lossy(&checked.stderr);
            assert!(checked.status.success() && said.is_empty(), "{}: {said}", file.display());
        }
    }
}
