//! Puts the export of a room into a server that is stopped, as a new room: all of it in one transaction, or
//! nothing.
//!
//! Messages get the ids that a new room gives, and keep their times and authors. What happened to them later
//! is done again, so that `/changes` has it. Whoever is named and has no account here gets one that has
//! ended: the name then belongs to nobody, and nobody can take it and pass for its owner. Runs on the main
//! thread of `chitchatd import`.

use super::error::TransferError;
use super::parse::{Parsed, ParsedMessage, Parser, Said};
use crate::protocol::names::{AccountId, ConversationId, MessageId, RoomName, Text, UserName};
use crate::protocol::roles::Role;
use crate::server::clock;
use crate::server::core::{ROOMS_MAX, State};
use crate::server::store::{DATABASE_FILE, Store, StoreSettings, Sync, UpgradeCopy};
use crate::server::traffic::{
    AccountRecord, Appended, AuditRecord, ChangeKind, ChangeRecord, ConversationKind, ConversationRecord, Draft, Mark,
    MemberRecord, Mentioned, Write,
};
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

/// The server's own account.
const SERVER: AccountId = AccountId::new(1);

/// The longest line, in bytes, without its end: the longest message with the most reactions is far shorter.
const LINE_MOST: u64 = 1 << 20;

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The room.
    pub room: RoomName,
    /// How many messages it has.
    pub messages: u64,
    /// How many of those who were members have an account here, and are members.
    pub members: u64,
    /// Accounts that were made for those who are named, and that have ended.
    pub ended: u64,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { room, messages, members, ended } = self;
        let count = |number: u64, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        write!(f, "imported {} into {room}, which has {}", count(*messages, "message"), count(*members, "member"))?;
        if *ended > 0 {
            write!(f, "; {} had no account here", count(*ended, "name"))?;
        }
        Ok(())
    }
}

/// Imports a file, or standard input, as a room of that name, or of the one that it had.
///
/// # Errors
/// Any [`TransferError`]; nothing is changed then.
pub fn import(data: &Path, from: Option<&Path>, room: Option<RoomName>) -> Result<Imported, TransferError> {
    let database = data.join(DATABASE_FILE);
    if !database.exists() {
        return Err(TransferError::NothingToImportInto { file: database });
    }
    let name = from.unwrap_or(Path::new("standard input")).to_owned();
    let unreadable = |source| TransferError::Unreadable { path: name.clone(), source };
    match from {
        Some(path) => import_lines(data, &name, BufReader::new(File::open(path).map_err(unreadable)?), room),
        None => import_lines(data, &name, io::stdin().lock(), room),
    }
}

fn import_lines(
    data: &Path,
    name: &Path,
    mut lines: impl BufRead,
    room: Option<RoomName>,
) -> Result<Imported, TransferError> {
    let settings =
        StoreSettings { data: data.to_owned(), sync: Sync::Full, keep: true, upgrade_copy: UpgradeCopy::Keep };
    let (mut store, snapshot) = Store::open(&settings)?;
    let state = State::new(snapshot);
    store.begin().map_err(TransferError::Writing)?;
    let mut importer = Importer::new(&state, &mut store, room);
    let imported = importer.all(name, &mut lines);
    match imported {
        Ok(imported) => {
            store.commit().map_err(TransferError::Writing)?;
            store.close()?;
            Ok(imported)
        }
        Err(error) => {
            store.rollback().map_err(TransferError::Writing)?;
            store.close()?;
            Err(error)
        }
    }
}

struct Importer<'a> {
    state: &'a State,
    store: &'a mut Store,
    /// What the room is to be called, if not as in the file.
    wanted: Option<RoomName>,
    room: RoomName,
    conversation: ConversationId,
    accounts: HashMap<UserName, AccountId>,
    next_account: i64,
    members: Vec<(AccountId, Role)>,
    messages: u64,
    changes: u64,
    ended: u64,
}

/// Why a line could not be imported.
enum Fault {
    Line(String),
    Store(TransferError),
}

impl<'a> Importer<'a> {
    fn new(state: &'a State, store: &'a mut Store, wanted: Option<RoomName>) -> Self {
        let (room, conversation) = (RoomName::lobby(), state.next_conversation());
        let (accounts, next_account) = (HashMap::new(), state.next_account().value());
        let (members, messages, changes, ended) = (Vec::new(), 0, 0, 0);
        Self { state, store, wanted, room, conversation, accounts, next_account, members, messages, changes, ended }
    }

    fn all(&mut self, name: &Path, lines: &mut impl BufRead) -> Result<Imported, TransferError> {
        let mut parser = Parser::new(clock::unix_ms());
        let (mut line, mut number) = (Vec::new(), 0);
        let path = || name.to_owned();
        loop {
            line.clear();
            number += 1;
            // With its end.
            let read = lines.take(LINE_MOST + 1).read_until(b'\n', &mut line);
            let read = read.map_err(|source| TransferError::Unreadable { path: path(), source })?;
            if read == 0 {
                break;
            }
            let wrong = |what: String| TransferError::Line { path: path(), line: number, what };
            if read as u64 > LINE_MOST && !line.ends_with(b"\n") {
                return Err(wrong(format!("it is longer than {LINE_MOST} bytes")));
            }
            let text = std::str::from_utf8(&line).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
            let parsed = parser.line(text.trim_end_matches(['\n', '\r'])).map_err(wrong)?;
            match self.take(parsed) {
                Ok(()) => {}
                Err(Fault::Line(what)) => return Err(wrong(what)),
                Err(Fault::Store(error)) => return Err(error),
            }
        }
        if !parser.is_whole() {
            return Err(TransferError::Line { path: path(), line: number, what: "the file ends here".to_owned() });
        }
        self.finish().map_err(|fault| match fault {
            Fault::Line(what) => TransferError::Line { path: path(), line: number, what },
            Fault::Store(error) => error,
        })
    }

    fn write(&mut self, write: &Write) -> Result<(), Fault> {
        self.store.write(write).map_err(|error| Fault::Store(TransferError::Writing(error)))
    }

    fn take(&mut self, parsed: Parsed) -> Result<(), Fault> {
        match parsed {
            Parsed::Header => Ok(()),
            Parsed::Room { name, private, topic } => self.make_room(name, private, topic),
            Parsed::Member(name, role) => {
                // Who has no account here does not get one by having been a member.
                if let Ok(id) = self.state.user(&name)
                    && id != SERVER
                {
                    let rooms = self.state.account(id).map_or(0, |account| account.rooms.len());
                    if rooms >= ROOMS_MAX {
                        return Err(Fault::Line(format!("{name} is in {ROOMS_MAX} rooms already")));
                    }
                    self.members.push((id, role));
                }
                Ok(())
            }
            Parsed::Message(message) => self.say(*message),
        }
    }

    fn make_room(&mut self, name: RoomName, private: bool, topic: String) -> Result<(), Fault> {
        self.room = self.wanted.unwrap_or(name);
        if self.state.find_room(&self.room).is_some() || self.state.find_former_room(&self.room).is_some() {
            return Err(Fault::Store(TransferError::RoomTaken { room: self.room }));
        }
        let kind = ConversationKind::Room { name: self.room, private, topic, slow: None, closed: false };
        let (id, last) = (self.conversation, MessageId::ZERO);
        self.write(&Write::Conversation(ConversationRecord { id, kind, last, changes: 0 }))
    }

    fn say(&mut self, message: ParsedMessage) -> Result<(), Fault> {
        let ParsedMessage { at, author, is_me, re, said, mentions, reactions, is_pinned } = message;
        let author = self.account(author, at)?;
        let mark = match re {
            Some((nth, author)) => {
                // A room's ids are counted as the messages of a file are.
                let id = MessageId::new(nth).unwrap_or(MessageId::MAX);
                Mark::Reply { id, author: self.account(author, at)? }
            }
            None if is_me => Mark::Me,
            None => Mark::None,
        };
        let mentioned = mentions.into_iter().map(|name| match name {
            Some(name) => self.account(name, at).map(Mentioned::Account),
            None => Ok(Mentioned::Everyone),
        });
        let mentions: Box<[Mentioned]> = mentioned.collect::<Result<_, _>>()?;
        let (text, change) = match said {
            Said::Plainly(text) => (text, None),
            Said::Edited(text) => (text.clone(), Some(ChangeKind::Edit { text, mentions: mentions.clone() })),
            // It never had this text: nothing of it is stored.
            Said::Removed(reason) => (placeholder()?, Some(ChangeKind::Redact(reason))),
        };
        let conversation = self.conversation;
        let draft = Draft { conversation, author, at, mark, mentions, text, key: None };
        let appended = self.store.append(&draft).map_err(|error| Fault::Store(TransferError::Writing(error)))?;
        let Appended::New(id) = appended else { return Err(Fault::Line("it has a key".to_owned())) };
        self.messages += 1;
        if let Some(kind) = change {
            self.change(at, author, id, kind)?;
        }
        for (word, by) in reactions {
            for (count, name) in (1..).zip(by) {
                let by = self.account(name, at)?;
                self.change(at, by, id, ChangeKind::React { word: word.clone(), count })?;
            }
        }
        if is_pinned {
            self.change(at, SERVER, id, ChangeKind::Pin)?;
        }
        Ok(())
    }

    fn change(&mut self, at: u64, by: AccountId, id: MessageId, kind: ChangeKind) -> Result<(), Fault> {
        self.changes += 1;
        let (conversation, number) = (self.conversation, self.changes);
        self.write(&Write::Change(ChangeRecord { conversation, number, at, by, id, kind }))
    }

    /// The account of that name, ended ones included; one that has ended is made if there is none.
    fn account(&mut self, name: UserName, at: u64) -> Result<AccountId, Fault> {
        if name == UserName::server() {
            return Ok(SERVER);
        }
        if let Some(&id) = self.accounts.get(&name) {
            return Ok(id);
        }
        let id = match self.state.anyone(&name) {
            Ok(id) => id,
            Err(_) => {
                let id = AccountId::new(self.next_account);
                self.next_account += 1;
                self.ended += 1;
                self.write(&Write::Account(AccountRecord { id, name, hash: None, generation: 0, admin: false, at }))?;
                self.write(&Write::Unregistered { account: id, all: false })?;
                id
            }
        };
        self.accounts.insert(name, id);
        Ok(id)
    }

    /// Who is a member has read all of it.
    fn finish(&mut self) -> Result<Imported, Fault> {
        let (conversation, room, messages) = (self.conversation, self.room, self.messages);
        let read = MessageId::new(messages).unwrap_or(MessageId::MAX);
        let members = std::mem::take(&mut self.members);
        for &(account, role) in &members {
            self.write(&Write::Member(MemberRecord { conversation, account, role, read }))?;
        }
        self.write(&Write::Audit(AuditRecord {
            conversation: Some(conversation),
            at: clock::unix_ms(),
            by: SERVER,
            verb: "import",
            whom: String::new(),
            reason: messages.to_string(),
        }))?;
        Ok(Imported { room, messages, members: members.len() as u64, ended: self.ended })
    }
}

/// What a message has said before it is removed.
fn placeholder() -> Result<Text, Fault> {
    Text::parse("-").ok().flatten().ok_or_else(|| Fault::Line("it can't be removed".to_owned()))
}
