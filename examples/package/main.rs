//! Writes what a package holds beside the programs: man pages and completions, from the definitions of the programs'
//! arguments; the systemd units of `contrib/`, for programs in `/usr/bin`; and the licences of what they are built from.
//!
//! `cargo run --example package-files` writes them into `target/package-files`, where `cargo deb` expects them.
#![allow(clippy::print_stderr, reason = "a program reports its errors")]

mod manual;
mod notices;

use chitchat::client::args::CommandLine;
use chitchat::server::config::Config;
use chitchat::server::operator::cli;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The settings, which become a file in /etc.
const SETTINGS: &str = "chitchat.toml";

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

fn main() -> ExitCode {
    let directory = tree().join("target/package-files");
    let written = write_all(&directory).and_then(|()| {
        let notices = notices::collect(tree())?;
        fs::write(directory.join("third-party-notices"), notices)
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("package-files: {}: {error}", directory.display());
            ExitCode::FAILURE
        }
    }
}

fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each program with its section of the manual, and the page that its own points to.
fn programs() -> [(Command, &'static str, &'static str); 2] {
    [(cli::command(), "8", "chitchat(1)"), (CommandLine::command(), "1", "chitchatd(8)")]
}

/// The settings as they are installed. They say where the data is, so that every command finds it, not the service
/// alone.
fn settings() -> String {
    Config::example().replacen("\n#data = \"auto\"\n", "\ndata = \"/var/lib/chitchat\"\n", 1)
}

fn write_all(directory: &Path) -> io::Result<()> {
    let [man, completions, units] = ["man", "completions", "units"].map(|name| directory.join(name));
    for directory in [&man, &completions, &units] {
        // What an earlier version wrote, and this one does not, is in no package.
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(directory)?,
        }
    }
    let date = manual::date(&fs::read_to_string(tree().join("contrib/debian/changelog"))?)?;
    for (mut program, section, see_also) in programs() {
        for page in manual::pages(program.clone(), section, see_also, &date)? {
            fs::write(man.join(page.file), page.text)?;
        }
        let name = program.get_name().to_owned();
        for shell in SHELLS {
            clap_complete::generate_to(shell, &mut program, &name, &completions)?;
        }
    }
    fs::write(directory.join(SETTINGS), settings())?;
    for entry in fs::read_dir(tree().join("contrib"))? {
        let path = entry?.path();
        // A socket beside its service would be turned on with it.
        if let (Some(name), Some("service" | "timer")) =
            (path.file_name(), path.extension().and_then(|kind| kind.to_str()))
        {
            let unit = fs::read_to_string(&path)?.replace("/usr/local/bin/", "/usr/bin/");
            fs::write(units.join(name), unit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
