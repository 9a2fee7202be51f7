//! The servers that the client remembers: which one `chitchat` alone goes to, `chitchat list` and
//! `chitchat forget`.
//!
//! Joins what [`visits`], [`known_hosts`] and the saved logins know of them. Runs on the main thread.

use super::args::{Address, CommandLine, HostPort, Transport};
use super::authenticate::{AuthError, Authenticator, Credentials};
use super::connector::{Connector, ConnectorError};
use super::first_connection::Visitor;
use super::known_hosts::{self, KnownHostsError, Record};
use super::poller::Poller;
use super::screen::OutputKind;
use super::state::{KnownLogin, SavedLogin, StateDir, StateError};
use super::visits::{self, Visit};
use crate::protocol::code::Code;
use crate::protocol::names::UserName;
use crate::protocol::secrets::Secret;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Where to go.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    pub server: Address,
    /// Whether anyone named it, now or by having been there.
    pub is_guess: bool,
    pub visitor: Visitor,
}

/// The server that the command line names, or else the one where the user was last, or else this machine's.
///
/// # Errors
/// [`StateError`] if what is remembered can't be read.
pub(super) fn choose(args: &CommandLine, state: &StateDir) -> Result<Destination, StateError> {
    let invite = args.invitation().map(Secret::new);
    let is_new = args.register || invite.is_some();
    let visitor = Visitor { name: args.name, invite, is_new };
    if let Some(server) = args.named_server() {
        let name = visitor.name.map_or_else(|| last_name(state, &server, is_new), |name| Ok(Some(name)))?;
        return Ok(Destination { server, is_guess: false, visitor: Visitor { name, ..visitor } });
    }
    match visits::last(state)?.filter(|_| !args.is_plain()) {
        Some(Visit { server, name, .. }) => {
            let name = visitor.name.or_else(|| (!is_new).then_some(name));
            Ok(Destination { server, is_guess: false, visitor: Visitor { name, ..visitor } })
        }
        None => Ok(Destination { server: args.local_server(), is_guess: true, visitor }),
    }
}

/// The account that was on a server last with a terminal, also if its login has ended: nobody speaks for another one in
/// its place without knowing. `None` if nobody was; then the login that was saved last is taken.
fn last_name(state: &StateDir, server: &Address, is_new: bool) -> Result<Option<UserName>, StateError> {
    let visits = if is_new { Vec::new() } else { visits::all(state)? };
    Ok(visits.into_iter().rfind(|visit| visit.server == *server).map(|visit| visit.name))
}

/// A server in the list, with an account there or none.
struct Row {
    server: String,
    name: Option<UserName>,
    last: Option<Timestamp>,
    trust: &'static str,
}

/// `chitchat list`: the servers that are remembered, the last one first.
///
/// # Errors
/// [`KnownHostsError`] if a file can't be read.
pub(super) fn list(state: &StateDir, output: OutputKind, zone: &TimeZone) -> Result<String, KnownHostsError> {
    let mut rows: Vec<Row> = Vec::new();
    for Visit { server, name, at, .. } in visits::all(state)?.into_iter().rev() {
        let trust = match server.transport {
            Transport::Plain => "plain text on this machine",
            Transport::Tls => trust(state, &server)?,
        };
        rows.push(Row { server: server.to_string(), name: Some(name), last: Some(at), trust });
    }
    // Those that scripts alone use, and those where nobody logged in.
    let logins = state.logins()?.into_iter().rev().map(|(server, login)| (server, Some(*login.name())));
    let known = known_hosts::all(state)?.into_iter().map(|server| (server, None));
    for (server, name) in logins.chain(known) {
        if !rows.iter().any(|row| row.server == server && (name.is_none() || row.name == name)) {
            let trust = match server.parse() {
                Ok(address) => trust(state, &address)?,
                Err(_) => "-",
            };
            rows.push(Row { server, name, last: None, trust });
        }
    }
    Ok(match output {
        OutputKind::Pipe => rows.iter().map(Row::for_scripts).collect(),
        OutputKind::Terminal if rows.is_empty() => {
            "No server is remembered yet. chitchat HOST goes to one.\n".to_owned()
        }
        OutputKind::Terminal => table(&rows, zone),
    })
}

impl Row {
    fn for_scripts(&self) -> String {
        let Self { server, name, last, trust } = self;
        let name = name.map_or_else(|| "-".to_owned(), |name| name.to_string());
        let last = last.map_or_else(|| "-".to_owned(), |at| at.to_string());
        format!("{server}\t{name}\t{last}\t{trust}\n")
    }
}

fn table(rows: &[Row], zone: &TimeZone) -> String {
    let heads = ["SERVER", "NAME", "LAST THERE", "TRUSTED BY"].map(str::to_owned);
    let cells = |row: &Row| {
        let last = row.last.map(|at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string());
        let name = row.name.map(|name| name.to_string());
        let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
        [row.server.clone(), or_dash(name), or_dash(last), row.trust.to_owned()]
    };
    let lines: Vec<[String; 4]> = std::iter::once(heads).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2)];
    let line = |[server, name, last, trust]: &[String; 4]| {
        format!("{server:0$}  {name:1$}  {last:2$}  {trust}\n", widths[0], widths[1], widths[2])
    };
    lines.iter().map(line).collect()
}

fn trust(state: &StateDir, server: &Address) -> Result<&'static str, KnownHostsError> {
    Ok(match known_hosts::look_up(state, server) {
        Ok(Some(known)) => match known.record {
            Record::Authority => "an authority",
            Record::Pin(_) => "its key, which you accepted",
        },
        Ok(None) => "-",
        Err(KnownHostsError::Damaged { .. }) => "a damaged line of known_hosts",
        Err(error) => return Err(error),
    })
}

/// `chitchat forget HOST[:PORT]`: ends its logins there, and forgets them, why it is trusted and where the user
/// was. Tells what became of each login.
///
/// # Errors
/// [`ConnectorError::State`] and the like if the client's own files can't be read or written.
pub(super) fn forget(
    state: &StateDir,
    host: &HostPort,
    tell: &mut impl FnMut(&str),
) -> Result<Forgotten, ConnectorError> {
    let visits = visits::all(state)?;
    let mut found = visits.iter().any(|visit| host.is_of(&visit.server));
    for (server, login) in state.logins()? {
        let Ok(mut address) = server.parse::<Address>() else { continue };
        if !host.is_of(&address) {
            continue;
        }
        found = true;
        if let Some(visit) = visits.iter().find(|visit| visit.server.to_string() == server) {
            address = visit.server.clone();
        }
        let name = login.name();
        if let KnownLogin::Saved(saved) = &login {
            match end_login(state, &address, saved) {
                Ok(()) => tell(&format!("{name}'s login on {server} has ended there, too.")),
                Err(error) => tell(&format!(
                    "{name}'s login on {server} is forgotten here, but it could not be ended there, where /token list \
                     shows it and /token revoke LABEL ends it: {error}"
                )),
            }
        }
        state.forget_login(&address, name)?;
    }
    for server in known_hosts::all(state)? {
        if let Ok(address) = server.parse::<Address>()
            && host.is_of(&address)
        {
            found = true;
            known_hosts::forget(state, &address)?;
        }
    }
    if visits.iter().any(|visit| host.is_of(&visit.server)) {
        visits::forget(state, |server| host.is_of(server))?;
    }
    Ok(if found { Forgotten::Something } else { Forgotten::Nothing })
}

/// Whether there was something to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forgotten {
    Something,
    Nothing,
}

/// Revokes a saved token at its server, as far as the server is trusted without asking.
fn end_login(state: &StateDir, server: &Address, saved: &SavedLogin) -> Result<(), ConnectorError> {
    let connector = Connector { server: server.clone(), state: state.clone(), fingerprint: None };
    let mut poller = Poller::new().map_err(|error| AuthError::Connection { error: error.into(), notice: None })?;
    let connection = connector.connect(&mut poller)?;
    let mut auth = Authenticator::new(connection, &mut poller);
    auth.greet()?;
    match auth.log_in(Credentials::Token(&saved.token)) {
        Ok(_) => Ok(auth.revoke_own_token()?),
        // It has ended already.
        Err(error) if error.is(Code::BadCredentials) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    /// Where this command line goes: the server, the name and whether it was guessed.
    fn goes(state: &StateDir, args: &[&str]) -> (String, Option<String>, bool) {
        let args = CommandLine::parse_from(std::iter::once("chitchat").chain(args.iter().copied()));
        let Destination { server, is_guess, visitor } = choose(&args, state).unwrap();
        (server.to_string(), visitor.name.map(|name| name.to_string()), is_guess)
    }

    #[test]
    fn the_client_goes_where_it_is_told_or_where_it_was_last() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().to_owned()).unwrap();
        let to = |server: &str, name: Option<&str>, is_guess| (server.to_owned(), name.map(str::to_owned), is_guess);
        assert_eq!(goes(&state, &[]), to("localhost:2428", None, true));
        let (a, b): (Address, Address) = ("a:7".parse().unwrap(), "b".parse().unwrap());
        let name = |name| UserName::parse(name).unwrap();
        for (server, who) in [(&a, "bob"), (&a, "alice"), (&b, "carol")] {
            let token = Secret::new("t");
            state.save_login(server, &SavedLogin { name: name(who), token }).unwrap();
        }
        // Alice logged in later, and bob was there later.
        for (second, who) in [(1, "alice"), (2, "bob")] {
            visits::begin(&state, &a, &name(who), Timestamp::from_second(second).unwrap()).unwrap();
        }
        assert_eq!(goes(&state, &[]), to("a:7", Some("bob"), false));
        assert_eq!(goes(&state, &["--name", "alice"]), to("a:7", Some("alice"), false));
        assert_eq!(goes(&state, &["a:7"]), to("a:7", Some("bob"), false));
        assert_eq!(goes(&state, &["b"]), to("b:2428", None, false));
        assert_eq!(goes(&state, &["--plain"]), to("localhost:2427", None, true));
        assert_eq!(goes(&state, &["--register"]), to("a:7", None, false));
        assert_eq!(goes(&state, &["https://a:7/#invite=9f3d"]), to("a:7", None, false));
        let connector = Connector { server: a.clone(), state: state.clone(), fingerprint: None };
        let told = connector.no_login(Some(&name("zoe"))).to_string();
        assert!(told.starts_with("no login of zoe on a:7; there is bob, alice. "), "{told}");
        // His login ends, and another one is there.
        state.end_login(&a, &name("bob")).unwrap();
        for at_a in [&[][..], &["a:7"]] {
            assert_eq!(goes(&state, at_a), to("a:7", Some("bob"), false), "he is asked for his password");
        }
        let told = connector.reconnect(&name("bob"), &mut Poller::new().unwrap()).err().unwrap().to_string();
        let wanted = "the saved login of bob has expired or was revoked. Run chitchat a:7 --name bob in a terminal to \
                      log in again, or take another account with --name: alice.";
        assert_eq!(told, wanted);
        visits::begin(&state, &a, &name("alice"), Timestamp::from_second(3).unwrap()).unwrap();
        assert_eq!(goes(&state, &["a:7"]), to("a:7", Some("alice"), false));
    }
}
