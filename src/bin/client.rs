//! `chitchat`, the terminal client: see [`chitchat::client`].
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "a program reports its errors")]

use chitchat::client::args::CommandLine;
use chitchat::client::clean_lines;
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The platform verifier logs each self-signed certificate as an error; the client asks the user instead.
    let quiet = env_logger::Env::default().default_filter_or("error,rustls_platform_verifier=off");
    env_logger::Builder::from_env(quiet).init();
    let args = CommandLine::parse();
    match chitchat::client::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // An error may quote the server or its certificate, which may be hostile.
            eprintln!("chitchat: {}", clean_lines(&error.to_string()));
            ExitCode::from(error.exit_code())
        }
    }
}
