//! The load generator: how much work a chat server does for each line that somebody reads.
//!
//! It speaks ChitChat's wire and IRC, so that the same work runs against `chitchatd` and against
//! any IRC server. It is for anyone who runs a server: it shows what *this* machine can carry, with
//! nothing to install beyond the sources.
//!
//! ```text
//! cargo run --release -p bench --bin load -- --addr 127.0.0.1:2427 --rooms 1 --members 100 \
//!     --state /tmp/accounts --pid "$(pidof chitchatd)"
//! ```
//!
//! For ChitChat it needs an account for each connection. It registers `u0`, `u1`, … once, over
//! pipelined connections, keeps their device tokens in the `--state` file and later resumes with
//! those, which costs no bcrypt. Start the server for it with open registration, a cheap
//! `accounts.bcrypt_cost` and its limits off, on data that nobody needs.
//!
//! Lines are bare text in the room that the connection has joined: like IRC's PRIVMSG, they are
//! answered only when they are refused, so both do the same work. With `--acknowledged` they are sent
//! with `/say`. With `--settle` the run lasts until the server is idle and counts all that it did.
//!
//! With `--queries` others read the history meanwhile, which `--fill` has made.
//!
//! One thread, one readiness wait, thousands of sockets (and one more of each for the queries, if there
//! are any). What the generator itself costs is
//! measured separately and printed, and so is `calib_us`, what a 100-byte write and read on loopback
//! cost on this machine at that moment: compare runs made at different times by their ratio to it.
//!
//! While it measures it checks: each member gets every line of its room, once and in the order of
//! its sender. A run in which that fails ends with exit code 1 and no figures.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "a program, not a library")]

mod accounts;
mod comeback;
mod dialogue;
mod fanout;
mod fault;
mod frames;
mod histogram;
mod idle;
mod link;
mod logins;
mod options;
mod prepare;
mod process;
mod queries;
mod report;
mod swarm;
mod wire;

use clap::Parser as _;
use fault::Fault;
use options::Options;
use report::Report;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(report) => {
            if options.json {
                println!("{}", report.json());
            } else {
                print!("{}", report.table());
            }
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("load: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<Report, Fault> {
    process::raise_open_files();
    let mut report = Report::default();
    report.text("server", &options.name);
    report.text("protocol", options.protocol.as_str());
    report.text("transport", if options.tls { "tls" } else { "plain" });
    report.number("calib_us", process::loopback_cost_us().map_err(Fault::Local)?);
    let accounts = prepare::prepare(options)?;
    if let Some(count) = options.idle {
        idle::run(options, &accounts, count, &mut report)?;
    } else if let Some(count) = options.logins {
        logins::run(options, &accounts, count, &mut report)?;
    } else if let Some(count) = options.comeback {
        comeback::run(options, &accounts, count, &mut report)?;
    } else {
        fanout::run(options, &accounts, &mut report)?;
    }
    Ok(report)
}
