//! How fast people come and go: connect, log in, join a room, quit, again and again.

use crate::accounts::Account;
use crate::dialogue::{Greeting, Opening};
use crate::fault::Fault;
use crate::histogram::Histogram;
use crate::options::Options;
use crate::process::{self, Usage};
use crate::report::Report;
use crate::swarm::{Driver, Outbox, Swarm, unasked_end};
use crate::wire::Protocol;
use std::io;
use std::time::Duration;

/// The run fails if nothing happens for this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opening, except that requested disconnects are expected.
struct Turnstile {
    opening: Opening,
    leaving: Vec<bool>,
    gone: Vec<usize>,
}

impl Driver for Turnstile {
    fn line(&mut self, conn: usize, line: &[u8], now: u64, out: &mut Outbox) -> Result<(), Fault> {
        if self.leaving[conn] { Ok(()) } else { self.opening.line(conn, line, now, out) }
    }

    fn ended(&mut self, conn: usize, error: Option<io::Error>) -> Result<(), Fault> {
        if !self.leaving[conn] {
            return Err(unasked_end(conn, error));
        }
        self.gone.push(conn);
        Ok(())
    }
}

/// Logs `count` people in and out, `parallel` at a time, and measures.
pub fn run(options: &Options, accounts: &[Account], count: u32, report: &mut Report) -> Result<(), Fault> {
    let usage = || options.pid.map_or(Ok(Usage::default()), Usage::of).map_err(Fault::Local);
    let room = |n: usize| crate::fanout::room_name(n / options.members as usize);
    let greetings = accounts.iter().enumerate().map(|(n, account)| Greeting::member(options, account, Some(&room(n))));
    let opening = Opening::new(options, greetings.collect());
    let mut turnstile = Turnstile { opening, leaving: vec![false; accounts.len()], gone: Vec::new() };
    let mut swarm = Swarm::new(options).map_err(Fault::Local)?;
    let quit: &[u8] = match options.protocol {
        Protocol::Chitchat => b"/quit\n",
        Protocol::Irc => b"QUIT\r\n",
    };
    let mut histogram = Histogram::default();
    let mut began_at = vec![0; accounts.len()];
    let mut free: Vec<usize> = (0..accounts.len()).rev().collect();
    let (before, own_before, began) = (usage()?, process::own_cpu(), swarm.now());
    let (mut begun, mut done, mut last_news) = (0, 0, began);
    while done < count {
        while begun < count && begun - done < options.parallel {
            let Some(conn) = free.pop() else { break };
            began_at[conn] = swarm.now();
            turnstile.leaving[conn] = false;
            turnstile.opening.begin(&mut swarm, conn)?;
            begun += 1;
        }
        swarm.turn(&mut turnstile, Duration::from_millis(100))?;
        let now = swarm.now();
        for conn in turnstile.opening.newly_ready(&mut swarm) {
            histogram.record(now - began_at[conn]);
            turnstile.leaving[conn] = true;
            swarm.out.of(conn).extend_from_slice(quit);
        }
        for conn in turnstile.gone.drain(..) {
            free.insert(0, conn);
            done += 1;
            last_news = now;
        }
        if now - last_news > PATIENCE.as_nanos() as u64 {
            let missing = u64::from(count - done);
            return Err(Fault::Silent { what: "logins", seconds: PATIENCE.as_secs(), missing });
        }
    }
    let seconds = (swarm.now() - began) as f64 / 1e9;
    let after = usage()?;
    let people = f64::from(count);
    report.number("logins", people);
    report.number("parallel", f64::from(options.parallel));
    report.number("connects_per_s", people / seconds);
    if options.pid.is_some() {
        report.number("server_ms_per_connect", (after.cpu - before.cpu) * 1e3 / people);
    }
    report.number("own_ms_per_connect", (process::own_cpu() - own_before) * 1e3 / people);
    report.number("p50_ms", histogram.quantile_ms(0.5));
    report.number("p99_ms", histogram.quantile_ms(0.99));
    Ok(())
}
