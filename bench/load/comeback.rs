//! Everyone is disconnected and reconnects at the same time, as when a network recovers.

use crate::accounts::Account;
use crate::dialogue::{self, After, Greeting, Opening};
use crate::fault::Fault;
use crate::options::Options;
use crate::process::Usage;
use crate::report::Report;
use crate::swarm::Swarm;
use crate::wire::Protocol;
use std::time::{Duration, Instant};

/// How long the server gets to announce the arrivals, before the cut and after the return.
const SETTLE: Duration = Duration::from_secs(2);

/// Puts everyone in one room, disconnects them all, lets all reconnect, and measures from the cut on.
///
/// The server's processor time covers the disconnects, the returns and everything that the room was told.
pub fn run(options: &Options, accounts: &[Account], count: u32, report: &mut Report) -> Result<(), Fault> {
    if options.protocol == Protocol::Irc {
        return Err(Fault::Options("--return needs device tokens, which IRC does not have"));
    }
    let usage = || options.pid.map_or(Ok(Usage::default()), Usage::of).map_err(Fault::Local);
    let room = crate::fanout::room_name(0);
    let opening = |room: Option<&str>| {
        let greetings = accounts.iter().map(|account| Greeting::member(options, account, room));
        Opening::new(options, greetings.collect())
    };
    let mut swarm = Swarm::new(options).map_err(Fault::Local)?;
    let mut first = opening(Some(&room));
    dialogue::open_all(&mut swarm, &mut first, options.parallel as usize, After::Stay)?;
    settle(&mut swarm, &mut first)?;

    let (before, cut) = (usage()?, Instant::now());
    (0..count as usize).for_each(|conn| swarm.close(conn));
    // Their memberships outlive their connections: they need only a token to be back.
    let mut second = opening(None);
    dialogue::open_all(&mut swarm, &mut second, count as usize, After::Stay)?;
    let back = cut.elapsed();
    settle(&mut swarm, &mut second)?;
    let after = usage()?;

    report.number("returned", f64::from(count));
    report.number("ms_until_the_last_is_back", back.as_secs_f64() * 1e3);
    if options.pid.is_some() {
        let milliseconds = (after.cpu - before.cpu) * 1e3;
        report.number("server_ms", milliseconds);
        report.number("server_ms_per_return", milliseconds / f64::from(count));
    }
    Ok(())
}

fn settle(swarm: &mut Swarm, opening: &mut Opening) -> Result<(), Fault> {
    let settled = Instant::now() + SETTLE;
    while let Some(left) = settled.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        swarm.turn(opening, left)?;
    }
    Ok(())
}
