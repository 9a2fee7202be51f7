//! Which servers are trusted, and why: the file `known_hosts`.
//!
//! Owns the file's syntax: `HOST:PORT sha256:HEX` for a server whose key the user trusted on first
//! use (the SHA-256 of its public key, so that a renewed certificate with the same key is fine),
//! `HOST:PORT ca` for one that a public authority trusts. `#` begins a comment. Knows no TLS.

use super::args::{Address, unhex};
use super::state::{self, StateDir, StateError};
use data_encoding::HEXLOWER;
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The SHA-256 of a certificate's SubjectPublicKeyInfo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin(pub [u8; 32]);

/// Why a server was trusted last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// The user trusted this key.
    Pin(Pin),
    /// A public authority trusted it.
    Authority,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority => f.write_str("ca"),
            Self::Pin(Pin(hash)) => write!(f, "sha256:{}", HEXLOWER.encode_display(hash)),
        }
    }
}

/// A record and its place in the file, which a refusal names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownHost {
    /// The record.
    pub record: Record,
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
}

/// The file can't be used. Going on without it would mean trusting the server blindly.
#[derive(Debug, thiserror::Error)]
pub enum KnownHostsError {
    /// The file can't be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The server's line is damaged.
    #[error("{}, line {line}: expected HOST:PORT sha256:HEX or HOST:PORT ca. Fix or remove the line.", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
}

/// Looks up a server.
///
/// # Errors
/// [`KnownHostsError`] if the file can't be read or the server's line is damaged.
pub(super) fn look_up(state: &StateDir, server: &Address) -> Result<Option<KnownHost>, KnownHostsError> {
    let file = state.known_hosts();
    let text = state::read(&file)?;
    let Some((index, rest)) = find(&text, &server.to_string()) else { return Ok(None) };
    match parse_record(rest) {
        Some(record) => Ok(Some(KnownHost { record, file, line: index + 1 })),
        None => Err(KnownHostsError::Damaged { file, line: index + 1 }),
    }
}

/// Remembers why a server is trusted, in place of its old record.
///
/// # Errors
/// [`KnownHostsError::State`] if the file can't be written.
pub(super) fn remember(state: &StateDir, server: &Address, record: Record) -> Result<(), KnownHostsError> {
    let server = server.to_string();
    Ok(state.update(&state.known_hosts(), |text| with_record(text, &server, record))?)
}

/// All servers that are trusted, as the file has them.
///
/// # Errors
/// [`KnownHostsError::State`] if the file can't be read.
pub(super) fn all(state: &StateDir) -> Result<Vec<String>, KnownHostsError> {
    Ok(state::read(&state.known_hosts())?.lines().filter_map(host).map(str::to_owned).collect())
}

/// Forgets why a server is trusted.
///
/// # Errors
/// [`KnownHostsError::State`] if the file can't be written.
pub(super) fn forget(state: &StateDir, server: &Address) -> Result<(), KnownHostsError> {
    let server = server.to_string();
    Ok(state.update(&state.known_hosts(), |text| {
        let mut new = Zeroizing::new(String::new());
        let others = |line: &&str| !host(line).is_some_and(|host| host.eq_ignore_ascii_case(&server));
        text.lines().filter(others).for_each(|line| new.push_str(&format!("{line}\n")));
        new
    })?)
}

/// The file's text with this record of the server, in place of the first that is there.
pub(super) fn with_record(text: &str, server: &str, record: Record) -> Zeroizing<String> {
    let mut new = Zeroizing::new(String::new());
    let old = find(text, server).map(|(index, _)| index);
    for (index, line) in text.lines().enumerate() {
        if Some(index) == old {
            new.push_str(&format!("{server} {record}\n"));
        } else {
            new.push_str(line);
            new.push('\n');
        }
    }
    if old.is_none() {
        new.push_str(&format!("{server} {record}\n"));
    }
    new
}

/// The first line about a server, counted from 0, and its text after the server's name.
pub(super) fn find<'a>(text: &'a str, server: &str) -> Option<(usize, &'a str)> {
    text.lines().enumerate().find_map(|(index, line)| {
        let (host, rest) = split(line);
        host.eq_ignore_ascii_case(server).then_some((index, rest))
    })
}

/// The server that a line is about, if it is about one.
fn host(line: &str) -> Option<&str> {
    Some(split(line).0).filter(|host| !host.is_empty())
}

/// A line without its comment: the server, and the text after it.
fn split(line: &str) -> (&str, &str) {
    let line = line.split_once('#').map_or(line, |(line, _)| line).trim();
    let (host, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (host, rest.trim())
}

pub(super) fn parse_record(word: &str) -> Option<Record> {
    match word {
        "ca" => Some(Record::Authority),
        _ => word.strip_prefix("sha256:").and_then(unhex).map(|hash| Record::Pin(Pin(hash))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::args::Transport;
    use std::fs;

    fn server(host: &str) -> Address {
        Address { host: host.to_owned(), port: 2428, transport: Transport::Tls }
    }

    #[test]
    fn a_server_is_found_with_its_line_number() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().to_owned()).unwrap();
        assert_eq!(look_up(&state, &server("a")).unwrap(), None);
        let hex = "ab".repeat(32);
        fs::write(state.known_hosts(), format!("# mine\n\na:2428 sha256:{hex}  # at home\nb:2428\tca\nc:2428 what\n"))
            .unwrap();
        let known = |host: &str| look_up(&state, &server(host)).unwrap().map(|known| (known.record, known.line));
        assert_eq!(known("a"), Some((Record::Pin(Pin([0xab; 32])), 3)));
        assert_eq!(known("b"), Some((Record::Authority, 4)));
        assert_eq!(known("aa"), None);
        let damaged = look_up(&state, &server("c")).unwrap_err();
        assert!(matches!(damaged, KnownHostsError::Damaged { line: 5, .. }), "{damaged}");
    }

    #[test]
    fn a_new_record_replaces_the_old_one_and_nothing_else_changes() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().to_owned()).unwrap();
        fs::write(state.known_hosts(), "# mine\na:2428 ca\nb:2428 ca\n").unwrap();
        remember(&state, &server("a"), Record::Pin(Pin([1; 32]))).unwrap();
        remember(&state, &server("::1"), Record::Authority).unwrap();
        let text = fs::read_to_string(state.known_hosts()).unwrap();
        assert_eq!(text, format!("# mine\na:2428 sha256:{}\nb:2428 ca\n[::1]:2428 ca\n", "01".repeat(32)));
    }
}
