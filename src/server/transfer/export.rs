//! Writes an export: a header, what is known of the room or the account, and each message.
//!
//! The server, if one runs, is not asked: this is another reader of its database. Runs on the main thread of
//! `chitchatd export`.

use super::error::TransferError;
use crate::files;
use crate::protocol::line::{MARK_EDITED, MARK_ME, MARK_REMOVED};
use crate::protocol::names::{RoomName, UserName};
use crate::protocol::stamp::rfc3339;
use crate::server::store::{DATABASE_FILE, Whole, WholeOf};
use crate::server::traffic::{EXPORT_VERSION, ExportLine, ExportMessage, ExportOf};
use crate::server::{clock, priority};
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What to export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A room, closed or not.
    Room(RoomName),
    /// The direct conversation of two accounts, or of one with itself.
    Direct(UserName, UserName),
    /// All that is stored about an account, and all that it said.
    Account(UserName),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(name) => write!(f, "room {name}"),
            Self::Direct(one, other) => write!(f, "conversation of {one} and {other}"),
            Self::Account(name) => write!(f, "account {name}"),
        }
    }
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As `/history` shows it.
    Text,
    /// A JSON object a line.
    Json,
}

/// Exports it from a data directory, whether a server runs on it or not, into a new file or to standard
/// output. Returns how many messages there were. A reader of standard output that has seen enough is no
/// failure.
///
/// # Errors
/// Any [`TransferError`]; no file is left then.
pub fn export(data: &Path, what: &What, form: Form, to: Option<&Path>) -> Result<u64, TransferError> {
    let database = data.join(DATABASE_FILE);
    if !database.exists() {
        return Err(TransferError::NoDatabase { file: database });
    }
    let whole = Whole::open(&database)?;
    let of = find(&whole, what)?.ok_or_else(|| TransferError::NotThere { what: what.to_string(), file: database })?;
    priority::give_way();
    let Some(path) = to else {
        let out = BufWriter::new(io::stdout().lock());
        return match write(&whole, what, of, form, out) {
            Err(Failed::Writing(error, written)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(written),
            done => done.map_err(|failed| failed.about(Path::new("standard output"))),
        };
    };
    if path.exists() {
        return Err(TransferError::Exists { path: path.to_owned() });
    }
    let unwritable = |source| TransferError::Unwritable { path: path.to_owned(), source };
    let file = tempfile::NamedTempFile::new_in(files::directory(path)).map_err(unwritable)?;
    let written = write(&whole, what, of, form, BufWriter::new(file.as_file())).map_err(|failed| failed.about(path))?;
    file.as_file().sync_all().map_err(unwritable)?;
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => TransferError::Exists { path: path.to_owned() },
        _ => unwritable(error.error),
    })?;
    Ok(written)
}

fn find(whole: &Whole, what: &What) -> Result<Option<WholeOf>, TransferError> {
    Ok(match what {
        What::Room(name) => whole.room(name)?.map(WholeOf::Conversation),
        What::Direct(one, other) => match (whole.account(one)?, whole.account(other)?) {
            (Some(one), Some(other)) => whole.pair(one, other)?.map(WholeOf::Conversation),
            _ => None,
        },
        What::Account(name) => whole.account(name)?.map(WholeOf::Account),
    })
}

/// Why it was not written to its end.
enum Failed {
    Reading(TransferError),
    /// After so many messages.
    Writing(io::Error, u64),
}

impl Failed {
    fn about(self, path: &Path) -> TransferError {
        match self {
            Self::Reading(error) => error,
            Self::Writing(source, _) => TransferError::Unwritable { path: PathBuf::from(path), source },
        }
    }
}

fn write(whole: &Whole, what: &What, of: WholeOf, form: Form, mut out: impl Write) -> Result<u64, Failed> {
    let mut messages = 0;
    let mut put = |line: &ExportLine| {
        let text = match form {
            Form::Text => readable(line),
            // Nothing in a line can fail to become JSON.
            Form::Json => serde_json::to_string(line).map_err(|error| Failed::Writing(error.into(), messages))?,
        };
        messages += u64::from(matches!(line, ExportLine::Message(_)));
        writeln!(out, "{text}").map_err(|error| Failed::Writing(error, messages))
    };
    let kind = match what {
        What::Room(_) => ExportOf::Room,
        What::Direct(..) => ExportOf::Direct,
        What::Account(_) => ExportOf::Account,
    };
    let reading = |error| Failed::Reading(TransferError::Store(error));
    put(&ExportLine::Export { version: EXPORT_VERSION, of: kind, at: rfc3339(clock::unix_ms()) })?;
    let about = match of {
        WholeOf::Conversation(id) => whole.about_conversation(id),
        WholeOf::Account(id) => whole.about_account(id),
    };
    about.map_err(reading)?.iter().try_for_each(&mut put)?;
    let mut after = Some(0);
    while let Some(seq) = after {
        let (lines, next) = whole.messages(of, seq).map_err(reading)?;
        lines.iter().try_for_each(&mut put)?;
        after = next;
    }
    out.flush().map_err(|error| Failed::Writing(error, messages))?;
    Ok(messages)
}

/// A line for people: what was said as `/history` shows it, and everything else behind a `#`.
fn readable(line: &ExportLine) -> String {
    let role = |role: &_| format!("{role:?}").to_ascii_lowercase();
    match line {
        ExportLine::Export { at, .. } => format!("# exported {at}"),
        ExportLine::Room { name, private, topic } => {
            let kind = if *private { "private room" } else { "room" };
            let topic = if topic.is_empty() { String::new() } else { format!(": {topic}") };
            format!("# {kind} {name}{topic}")
        }
        ExportLine::Member { name, role: is } => format!("# {} {name}", role(is)),
        ExportLine::Direct { names: [one, other] } => format!("# {one} and {other}"),
        ExportLine::Account { name, made, admin, profile, away } => {
            let kind = if *admin { "administrator" } else { "account" };
            let profile = if profile.is_empty() { String::new() } else { format!("\n# profile: {profile}") };
            let away = away.as_ref().map_or(String::new(), |text| format!("\n# away: {text}"));
            format!("# {kind} {name}, made {made}{profile}{away}")
        }
        ExportLine::Device { label, made } => format!("# device {label}, made {made}"),
        ExportLine::Address { address } if address.is_empty() => "# address: the console".to_owned(),
        ExportLine::Address { address } => format!("# address {address}"),
        ExportLine::Membership { room, role: is, read } => format!("# {} of {room}, read up to {read}", role(is)),
        ExportLine::Ignored { name, since } => format!("# ignores {name} since {since}"),
        ExportLine::Reaction { r#in, id, word } => format!("# reaction to {in} {id}: {word}"),
        ExportLine::Message(message) => said(message),
    }
}

fn said(message: &ExportMessage) -> String {
    let ExportMessage { r#in, id, at, author, me, re, edited, removed, mentions: _, reactions, pinned, text } = message;
    let mut marks = Vec::new();
    if *me {
        marks.push(MARK_ME.to_owned());
    }
    if let Some(re) = re {
        marks.push(format!("re {} {}", re.id, re.author));
    }
    for (is, mark) in [(edited, MARK_EDITED), (removed, MARK_REMOVED), (pinned, "pinned")] {
        if *is {
            marks.push(mark.to_owned());
        }
    }
    marks.extend(reactions.iter().map(|reaction| format!("{} {}", reaction.by.len(), reaction.word)));
    let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
    let place = r#in.as_ref().map_or(String::new(), |place| format!("{place} "));
    format!("{place}{id} {at} {author}{marks}: {text}")
}
