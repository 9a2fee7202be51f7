//! `chitchatd`, the server: reads its arguments and does what they ask.

use chitchat::server::config::{Config, Environment};
use chitchat::server::operator::cli::{self, Invocation};
use chitchat::server::operator::{banner, console};
use chitchat::server::{self, Audience, Started};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let invocation = match cli::parse(std::env::args_os(), &Environment::of_process()) {
        Ok(invocation) => invocation,
        Err(error) => return error.report(),
    };
    match invocation {
        Invocation::Serve(config) => serve(&config),
        Invocation::Invite { config, request } => match console::invite(&config.data, &request) {
            Ok(invitation) => {
                // The code alone on standard output, for scripts; the rest is for people.
                eprint!("{}", invitation.how_to_use(&config.name, &config.tls));
                print(&format!("{}\n", invitation.code))
            }
            Err(error) => failed(&error),
        },
        Invocation::PrintConfig => print(Config::example()),
    }
}

/// Starts the server, tells how to talk to it, and runs it until it is told to stop.
fn serve(config: &Config) -> ExitCode {
    for warning in &config.warnings {
        eprintln!("chitchatd: warning: {warning}");
    }
    let audience = if io::stdout().is_terminal() { Audience::Person } else { Audience::Journal };
    let announce = |started: &Started| {
        for missing in &started.missing {
            eprintln!("chitchatd: warning: {missing}");
        }
        // A reader that went away is no reason to stop serving the others.
        let _ = print(&banner::render(config, started));
    };
    match server::run(config, audience, announce, &mut |long| eprintln!("chitchatd: {long}")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Writes to standard output; a reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => failed(&error),
        _ => ExitCode::SUCCESS,
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("chitchatd: {error}");
    ExitCode::from(cli::FAILED)
}
