//! `chitchat`, the terminal client: see [`chitchat::client`].
#![forbid(unsafe_code)]

use chitchat::client::args::Args;
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A server that no authority vouches for is no error here: the user is asked about it.
    let quiet = env_logger::Env::default().default_filter_or("error,rustls_platform_verifier=off");
    env_logger::Builder::from_env(quiet).init();
    match chitchat::client::run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // An error may quote the server or its certificate, whoever that is.
            eprintln!("chitchat: {}", chitchat::client::screen::clean_lines(&error.to_string()));
            ExitCode::from(error.exit_code())
        }
    }
}
