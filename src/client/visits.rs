//! Where the user was: the file `servers`.
//!
//! Owns the file's syntax: `HOST:PORT tls|plain NAME TIME PLACE`, a line for each account on each server, the
//! one that was there last at the end. PLACE is the conversation that the user was in last, `-` if none. Holds
//! no secret. The main thread writes when a visit begins, the network thread when the user goes elsewhere.

use super::args::{Address, Transport};
use super::state::{self, StateDir, StateError};
use crate::protocol::names::{Target, UserName};
use jiff::Timestamp;
use std::fmt;
use zeroize::Zeroizing;

/// An account on a server where the user was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    pub server: Address,
    pub name: UserName,
    /// When the last visit began, to the second.
    pub at: Timestamp,
    /// The conversation that the user was in last.
    pub place: Option<Target>,
}

impl Visit {
    fn is_of(&self, server: &Address, name: &UserName) -> bool {
        self.server == *server && self.name == *name
    }

    /// Reads a line. Others are left alone.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut server: Address = words.next()?.parse().ok()?;
        server.transport = match words.next()? {
            "tls" => Transport::Tls,
            "plain" => Transport::Plain,
            _ => return None,
        };
        let name = UserName::parse(words.next()?).ok()?;
        let at = words.next()?.parse().ok()?;
        let place = match words.next()? {
            "-" => None,
            place => Some(Target::parse(place).ok()?),
        };
        words.next().is_none().then_some(Self { server, name, at, place })
    }
}

impl fmt::Display for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, name, at, place } = self;
        let transport = match server.transport {
            Transport::Tls => "tls",
            Transport::Plain => "plain",
        };
        let at = at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let place = place.as_ref().map_or_else(|| "-".to_owned(), Target::to_string);
        write!(f, "{server} {transport} {name} {at} {place}")
    }
}

/// All visits, the last one last.
///
/// # Errors
/// [`StateError::Io`] if the file exists but can't be read.
pub(super) fn all(state: &StateDir) -> Result<Vec<Visit>, StateError> {
    Ok(state::read(&state.servers())?.lines().filter_map(Visit::parse).collect())
}

/// The last visit.
///
/// # Errors
/// [`StateError::Io`] if the file exists but can't be read.
pub(super) fn last(state: &StateDir) -> Result<Option<Visit>, StateError> {
    Ok(all(state)?.pop())
}

/// Notes that a visit begins, and returns where the user was on the one before.
///
/// # Errors
/// [`StateError::Io`] if the file can't be read or written.
pub(super) fn begin(
    state: &StateDir,
    server: &Address,
    name: &UserName,
    at: Timestamp,
) -> Result<Option<Target>, StateError> {
    let mut place = None;
    state.update(&state.servers(), |text| {
        place = text.lines().filter_map(Visit::parse).rfind(|visit| visit.is_of(server, name)).and_then(|v| v.place);
        let visit = Visit { server: server.clone(), name: *name, at, place: place.clone() };
        let mut new = without(text, |visit| visit.is_of(server, name));
        new.push_str(&format!("{visit}\n"));
        new
    })?;
    Ok(place)
}

/// Notes where the user is on a visit that has begun.
///
/// # Errors
/// [`StateError::Io`] if the file can't be read or written.
pub(super) fn stay(
    state: &StateDir,
    server: &Address,
    name: &UserName,
    place: Option<&Target>,
) -> Result<(), StateError> {
    state.update(&state.servers(), |text| {
        let mut new = Zeroizing::new(String::with_capacity(text.len()));
        for line in text.lines() {
            match Visit::parse(line).filter(|visit| visit.is_of(server, name)) {
                Some(visit) => new.push_str(&Visit { place: place.cloned(), ..visit }.to_string()),
                None => new.push_str(line),
            }
            new.push('\n');
        }
        new
    })
}

/// Forgets the visits to these servers.
///
/// # Errors
/// [`StateError::Io`] if the file can't be read or written.
pub(super) fn forget(state: &StateDir, which: impl Fn(&Address) -> bool) -> Result<(), StateError> {
    state.update(&state.servers(), |text| without(text, |visit| which(&visit.server)))
}

fn without(text: &str, which: impl Fn(&Visit) -> bool) -> Zeroizing<String> {
    let mut new = Zeroizing::new(String::with_capacity(text.len() + 128));
    for line in text.lines().filter(|line| !Visit::parse(line).is_some_and(|visit| which(&visit))) {
        new.push_str(line);
        new.push('\n');
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn name(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    #[test]
    fn the_last_visit_is_the_last_line_and_keeps_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().to_owned()).unwrap();
        let (a, b): (Address, Address) = ("a".parse().unwrap(), "[::1]:7".parse().unwrap());
        let plain = Address { transport: Transport::Plain, ..b.clone() };
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(all(&state).unwrap(), []);
        fs::write(state.servers(), "# mine\na:2428 tls alice yesterday -\n").unwrap();
        let lobby = Target::parse("lobby").unwrap();
        assert_eq!(begin(&state, &a, &name("alice"), at(60)).unwrap(), None);
        stay(&state, &a, &name("Alice"), Some(&lobby)).unwrap();
        assert_eq!(begin(&state, &plain, &name("bob"), at(61)).unwrap(), None);
        // Nobody has been there.
        stay(&state, &b, &name("bob"), Some(&lobby)).unwrap();
        stay(&state, &plain, &name("bob"), Some(&Target::parse("@alice").unwrap())).unwrap();
        assert_eq!(begin(&state, &a, &name("alice"), at(62)).unwrap(), Some(lobby));
        let text = fs::read_to_string(state.servers()).unwrap();
        let visits = "[::1]:7 plain bob 1970-01-01T00:01:01Z @alice\na:2428 tls alice 1970-01-01T00:01:02Z lobby\n";
        assert_eq!(text, format!("# mine\na:2428 tls alice yesterday -\n{visits}"));
        assert_eq!(all(&state).unwrap().last().map(|visit| visit.server.clone()), Some(a.clone()));
        forget(&state, |server| *server == a).unwrap();
        assert_eq!(all(&state).unwrap().iter().map(|visit| visit.name).collect::<Vec<_>>(), [name("bob")]);
    }
}
