//! The list of what is gone for good, as a file that is kept beside the backups.
//!
//! ```text
//! # What was removed for good on a ChitChat server, …
//! chitchat-erasures 1
//! message CONVERSATION ID TIME
//! dropped CONVERSATION ID TIME
//! account ACCOUNT TIME [all]
//! sha256 DIGEST
//! ```
//!
//! Numbers and times alone, in milliseconds of Unix time: see [`Erasures`]. The digest is of all lines before it.
//! The file only grows, so that it goes with every backup beside it, and it is replaced whole. Runs on the main thread
//! of `chitchatd backup`, `erasures` and `restore`.

use super::error::BackupError;
use crate::files;
use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::server::traffic::{Ended, Erasures};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What the file is called in a directory of backups.
pub const ERASURES_FILE: &str = "chitchat.erasures";

const ABOUT: &str = "\
# What was removed for good on a ChitChat server, so that chitchatd restore removes it again from a backup.\n\
# Numbers and times alone. Keep it beside the backups.\n";
const FORMAT: &str = "chitchat-erasures 1";
const DIGEST: &str = "sha256 ";

/// The list as text.
pub(super) fn write(erasures: &Erasures) -> String {
    let mut text = format!("{ABOUT}{FORMAT}\n");
    // Writing to a String can't fail.
    for (conversation, id, at) in &erasures.messages {
        let _ = writeln!(text, "message {} {} {at}", conversation.value(), id.value());
    }
    for ((conversation, id), at) in &erasures.dropped {
        let _ = writeln!(text, "dropped {} {} {at}", conversation.value(), id.value());
    }
    for ((account, at), how) in &erasures.accounts {
        let all = if *how == Ended::WithAllItSaid { " all" } else { "" };
        let _ = writeln!(text, "account {} {at}{all}", account.value());
    }
    let digest = HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    let _ = writeln!(text, "{DIGEST}{digest}");
    text
}

/// Reads a list; the error is what is wrong with it.
fn parse(text: &str) -> Result<Erasures, String> {
    let (list, digest) = text.rsplit_once(DIGEST).ok_or("it does not end with its checksum")?;
    if HEXLOWER.encode(&Sha256::digest(list.as_bytes())) != digest.trim_end() {
        return Err("its checksum is wrong".to_owned());
    }
    let mut lines = list.lines().filter(|line| !line.starts_with('#'));
    if lines.next() != Some(FORMAT) {
        return Err(format!("it does not begin with {FORMAT}: a later version wrote it"));
    }
    let mut erasures = Erasures::default();
    for line in lines {
        entry(&mut erasures, line).ok_or_else(|| format!("this is no entry: {line}"))?;
    }
    Ok(erasures)
}

fn entry(erasures: &mut Erasures, line: &str) -> Option<()> {
    let words: Vec<&str> = line.split(' ').collect();
    let id = |word: &str| word.parse().ok().and_then(MessageId::new);
    let conversation = |word: &str| word.parse().ok().map(ConversationId::new);
    match words[..] {
        ["message", place, message, at] => {
            erasures.messages.insert((conversation(place)?, id(message)?, at.parse().ok()?));
        }
        ["dropped", place, message, at] => {
            erasures.dropped.insert((conversation(place)?, id(message)?), at.parse().ok()?);
        }
        ["account", account, at, ref all @ ..] => {
            let how = match all {
                [] => Ended::Itself,
                ["all"] => Ended::WithAllItSaid,
                _ => return None,
            };
            erasures.accounts.insert((AccountId::new(account.parse().ok()?), at.parse().ok()?), how);
        }
        _ => return None,
    }
    Some(())
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Erasures, BackupError> {
    let text = fs::read_to_string(path).map_err(|source| BackupError::Unreadable { path: path.to_owned(), source })?;
    parse(&text).map_err(|what| BackupError::Erasures { path: path.to_owned(), what })
}

/// Adds to the file what it does not have yet, and returns how many entries it has then.
pub(super) fn update(path: &Path, found: Erasures) -> Result<usize, BackupError> {
    let mut all = match read(path) {
        Err(BackupError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => Erasures::default(),
        other => other?,
    };
    let before = (path.exists(), all.clone());
    all.merge(found);
    if before != (true, all.clone()) {
        let written = files::replace(path, 0o600, write(&all).as_bytes());
        written.map_err(|source| BackupError::Unwritable { path: path.to_owned(), source })?;
    }
    Ok(all.len())
}

/// The list that belongs to a backup: in the same directory, if there is one.
pub(super) fn beside(backup: &Path) -> Option<PathBuf> {
    Some(files::directory(backup).join(ERASURES_FILE)).filter(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Erasures {
        let (lobby, id) = (ConversationId::new(1), |n| MessageId::new(n).unwrap());
        let mut some = Erasures::default();
        some.messages.extend([(lobby, id(5), 100), (lobby, id(12), 120)]);
        some.dropped.insert((ConversationId::new(4), id(9)), 130);
        some.accounts.insert((AccountId::new(2), 50), Ended::Itself);
        some.accounts.insert((AccountId::new(3), 60), Ended::WithAllItSaid);
        some
    }

    #[test]
    fn a_list_is_read_as_it_was_written_and_a_damaged_one_not_at_all() {
        let text = write(&some());
        assert!(
            text.contains("\nmessage 1 12 120\ndropped 4 9 130\naccount 2 50\naccount 3 60 all\nsha256 "),
            "{text}"
        );
        assert_eq!(parse(&text), Ok(some()));
        let first = text.find("\nmessage").unwrap();
        for (from, to) in [("12 120", "12 121"), ("account 2 50\n", ""), ("erasures 1", "erasures 2")] {
            assert_eq!(parse(&text.replace(from, to)), Err("its checksum is wrong".to_owned()), "{from}");
        }
        assert!(parse(&text[..first]).is_err() && parse("").is_err() && parse("a letter to my aunt").is_err());
        // What nobody writes is no entry, though its checksum is right.
        let digest = |list: String| {
            let digest = HEXLOWER.encode(&Sha256::digest(list.as_bytes()));
            format!("{list}{DIGEST}{digest}\n")
        };
        for line in ["message 1 12", "message 1 -3 5", "account 2 50 some", "token 1 2 3", ""] {
            assert!(parse(&digest(format!("{FORMAT}\n{line}\n"))).is_err(), "{line}");
        }
        assert!(parse(&digest("chitchat-erasures 2\n".to_owned())).unwrap_err().contains("a later version"));
    }

    #[test]
    fn the_file_only_grows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(ERASURES_FILE);
        assert_eq!(beside(&directory.path().join("monday.tar")), None);
        assert_eq!(update(&path, some()).unwrap(), 5);
        assert_eq!(beside(&directory.path().join("monday.tar")), Some(path.clone()));
        let mut other = Erasures::default();
        other.messages.insert((ConversationId::new(1), MessageId::new(5).unwrap(), 100));
        other.messages.insert((ConversationId::new(1), MessageId::new(5).unwrap(), 900));
        assert_eq!(update(&path, other).unwrap(), 6);
        assert_eq!(update(&path, Erasures::default()).unwrap(), 6);
        fs::write(&path, "mine").unwrap();
        let error = update(&path, some()).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }
}
