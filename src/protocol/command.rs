//! What a client sends: the ONE table of verbs. The parser, `/help`, the client's completion and
//! the table in `docs/PROTOCOL.md` all come from [`TABLE`].
//!
//! `args` reads the arguments. Parsing has two steps, because the refusal of an unknown verb comes
//! before that of the login state, which comes before that of the arguments: [`parse_line`] finds
//! the verb, [`Verb::parse`] reads the arguments. Must not know sessions, rooms or sockets.

use super::args::{
    Args, bad, duration, existing_room_name, login_name, message_id, number, quoted, room_name, said, setting,
    target_name, unexpected, user_name,
};
use super::code::{Code, Refusal};
use crate::protocol::names::{MessageId, RoomName, Target, Text, UserName};
use crate::protocol::secrets::Secret;
use std::time::Duration;

pub use super::args::{
    INVITE_FOR_MAX, INVITE_USES_MAX, KEY_MAX, LABEL_MAX, LIMIT_DEFAULT, LIMIT_MAX, REPLAY_MAX, Setting, is_label,
};

/// Longest client line once logged in, in bytes before its end. A terminal silently cuts what is
/// typed at 4095, so a line that was cut there is refused rather than said.
pub const LINE_MAX: usize = 4000;
/// Longest client line before login.
pub const LINE_MAX_NEW: usize = 512;
/// Who may send a verb, as far as the login decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anyone, logged in or not.
    All,
    /// Only before the login.
    New,
    /// Any account.
    User,
    /// An account that is in the room (or takes part in the direct conversation).
    Member,
    /// An administrator.
    Admin,
}

impl Who {
    /// As the page's table says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Who::All => "all",
            Who::New => "new",
            Who::User => "user",
            Who::Member => "member",
            Who::Admin => "admin",
        }
    }
}

/// One verb of the table.
#[derive(Debug)]
pub struct Verb {
    /// Lower case, letters alone, without the slash.
    pub name: &'static str,
    /// Its arguments as `/help` shows them.
    pub usage: &'static str,
    /// Who may send it.
    pub who: Who,
    /// What it does, in a sentence without a full stop.
    pub help: &'static str,
    /// Its final line when it was done.
    pub done: &'static str,
    /// The keys of its `key=value` options.
    options: &'static [&'static str],
    parse: fn(&mut Args<'_>) -> Result<Command, Refusal>,
}

/// A command with its arguments, checked.
#[derive(Debug, Clone)]
pub enum Command {
    /// `/help [VERB]`
    Help(Option<String>),
    /// `/quit`
    Quit,
    /// `/ping [TEXT]`
    Ping(Option<String>),
    /// `/register NAME [invite=CODE] [PASSWORD]`
    Register {
        /// The new account's name; refused only after the password was given.
        name: Result<UserName, Refusal>,
        /// The invitation's code, exactly as typed.
        invite: Option<Secret>,
        /// Asked for where it is missing.
        password: Option<Secret>,
    },
    /// `/login NAME [PASSWORD]`
    Login {
        /// The account; refused only after the password was given.
        name: Result<UserName, Refusal>,
        /// Asked for where it is missing.
        password: Option<Secret>,
    },
    /// `/resume TOKEN`
    Resume(Secret),
    /// `/passwd`
    Passwd,
    /// `/token new LABEL [here]`
    TokenNew {
        /// The token's label.
        label: String,
        /// Whether this connection counts as logged in with it from now on.
        here: bool,
    },
    /// `/token list`
    TokenList,
    /// `/token revoke LABEL`
    TokenRevoke(String),
    /// `/whoami`
    Whoami,
    /// `/sessions`
    Sessions,
    /// `/invitecode [uses=N] [for=7d] [admin]`
    InviteCode {
        /// How many people it lets in.
        uses: u32,
        /// How long it is valid.
        lasts: Duration,
        /// Whether they become administrators.
        admin: bool,
    },
    /// `/set`
    SetShow,
    /// `/set OPTION VALUE`
    Set(Setting),
    /// `/rooms [after=NAME] [limit=N]`
    Rooms {
        /// Only rooms whose names come after this one.
        after: Option<RoomName>,
        /// At most so many.
        limit: u32,
    },
    /// `/conversations`
    Conversations,
    /// `/create ROOM [private]`
    Create {
        /// The new room.
        room: RoomName,
        /// Whether only members and invited people see it.
        private: bool,
    },
    /// `/join ROOM`
    Join(RoomName),
    /// `/leave ROOM`
    Leave(RoomName),
    /// `/switch ROOM`
    Switch(RoomName),
    /// `/invite ROOM NAME`
    Invite {
        /// Where to.
        room: RoomName,
        /// Whom.
        name: UserName,
    },
    /// `/who [ROOM]`
    Who(Option<RoomName>),
    /// `/topic ROOM`
    TopicShow(RoomName),
    /// `/topic ROOM TEXT` or `/topic ROOM -`
    TopicSet {
        /// The room.
        room: RoomName,
        /// `None` clears it.
        topic: Option<Text>,
    },
    /// `/say TARGET TEXT`, `/msg NAME TEXT` and `/post TARGET KEY TEXT`
    Say {
        /// Where.
        target: Target,
        /// Said once, ever, under this key.
        key: Option<Box<str>>,
        /// What.
        text: Text,
    },
    /// `/history [TARGET] [before=ID] [after=ID] [limit=N]`
    History {
        /// The current room if missing.
        target: Option<Target>,
        /// Only ids below.
        before: Option<MessageId>,
        /// Only ids above.
        after: Option<MessageId>,
        /// At most so many.
        limit: u32,
    },
    /// `/search [in=TARGET] [from=NAME] [limit=N] [more=CURSOR] WORDS`
    Search {
        /// Only there.
        within: Option<Target>,
        /// Only by this account.
        from: Option<UserName>,
        /// At most so many.
        limit: u32,
        /// Where the answer before stopped.
        more: Option<u64>,
        /// All of these words.
        words: Text,
    },
    /// `/read TARGET ID`
    Read {
        /// Where.
        target: Target,
        /// Read up to and with this one.
        id: MessageId,
    },
}

macro_rules! verb {
    ($name:literal $usage:literal, $who:ident, $help:literal, $done:literal, [$($key:literal),*], $parse:expr) => {
        Verb { name: $name, usage: $usage, who: Who::$who, help: $help, done: $done, options: &[$($key),*], parse: $parse }
    };
}

/// Every verb there is. `/help` lists them in this order.
pub const TABLE: &[Verb] = &[
    verb!("help" "[VERB]", All, "lists the commands, or explains one", "+ …", [], |a| {
        Ok(Command::Help(a.optional_word().map(|w| w.trim_start_matches('/').to_ascii_lowercase())))
    }),
    verb!("quit" "", All, "says goodbye and closes the connection", "+ goodbye…", [], |_| Ok(Command::Quit)),
    verb!("ping" "[TEXT]", All, "answers with TEXT, to show that the server is there", "+ TEXT", [], |a| {
        Ok(Command::Ping(a.tail().map(said).transpose()?.map(|text| text.as_str().to_owned())))
    }),
    verb!("register" "NAME [invite=CODE] [PASSWORD]", New, "makes an account and logs in; without PASSWORD it is asked for",
        "+ welcome NAME…", ["invite"], |a| {
        let name = a.word("NAME").map(login_name)?;
        let invite = a.option("invite");
        let password = a.secret();
        // A repeated option is refused after the password, as a bad name is.
        let name = invite.as_ref().map(|_| ()).map_err(Clone::clone).and(name);
        Ok(Command::Register { name, invite: invite.ok().flatten().map(Secret::new), password })
    }),
    verb!("login" "NAME [PASSWORD]", New, "logs in; without PASSWORD it is asked for", "+ welcome NAME…", [], |a| {
        let name = a.word("NAME").map(login_name)?;
        Ok(Command::Login { name, password: a.secret() })
    }),
    verb!("resume" "TOKEN", New, "logs in with a device token", "+ welcome NAME…", [], |a| {
        Ok(Command::Resume(Secret::new(a.word("TOKEN")?)))
    }),
    verb!("passwd" "", User, "changes your password: asks for the old and the new one; closes your other connections and revokes your tokens", "+ …", [], |_| {
        Ok(Command::Passwd)
    }),
    verb!("token" "new LABEL [here] | list | revoke LABEL", User, "makes, lists or revokes device tokens, which log in without the password; here: for this connection's own use",
        "+ TOKEN for new, + LABEL… for revoke, + N tokens for list", [], |a| match a.word("new, list or revoke")? {
        "new" => {
            let label = a.label()?;
            Ok(Command::TokenNew { label, here: a.keyword("here")? })
        }
        "list" => Ok(Command::TokenList),
        "revoke" => Ok(Command::TokenRevoke(a.label()?)),
        other => Err(bad(format!("Expected new, list or revoke, not {}.", quoted(other)))),
    }),
    verb!("whoami" "", User, "shows who you are", "+ NAME…", [], |_| Ok(Command::Whoami)),
    verb!("sessions" "", User, "lists your connections", "+ N sessions", [], |_| Ok(Command::Sessions)),
    verb!("invitecode" "[uses=N] [for=7d] [admin]", Admin, "makes an invitation code for this server", "+ CODE…", ["uses", "for"], |a| {
        // The word first: options may stand on either side of it.
        let admin = match a.word_among_options() {
            None => false,
            Some("admin") => true,
            Some(other) => return Err(unexpected(other)),
        };
        let uses = match a.option("uses")? {
            None => 1,
            Some(n) => number(n, "uses", 1, u64::from(INVITE_USES_MAX))? as u32,
        };
        let lasts = a.option("for")?.map_or(Ok(Duration::from_secs(7 * 86_400)), duration)?;
        Ok(Command::InviteCode { uses, lasts, admin })
    }),
    verb!("set" "[OPTION VALUE]", All, "shows or changes an option of this connection: tags, echo, presence (on or off), replay (N or off), deflate (N or off)",
        "+ OPTION VALUE…", [], |a| match a.optional_word() {
        None => Ok(Command::SetShow),
        Some(option) => setting(option, a.word("VALUE")?).map(Command::Set),
    }),
    verb!("rooms" "[after=NAME] [limit=N]", User, "lists the rooms: name, members, topic", "+ N rooms", ["after", "limit"], |a| {
        let after = a.option("after")?.map(existing_room_name).transpose()?;
        Ok(Command::Rooms { after, limit: a.limit()? })
    }),
    verb!("conversations" "", User, "lists your rooms and direct conversations: target, last id, read up to, unread", "+ N conversations", [], |_| {
        Ok(Command::Conversations)
    }),
    verb!("create" "ROOM [private]", User, "makes a room that you own, with you in it; only people you invite see a private one",
        "+ ROOM…", [], |a| {
        let room = a.room("ROOM")?;
        Ok(Command::Create { room, private: a.keyword("private")? })
    }),
    verb!("join" "ROOM", User, "enters a room and makes it your current one; creates it if there is none", "+ ROOM…", [], |a| {
        Ok(Command::Join(a.room("ROOM")?))
    }),
    verb!("leave" "ROOM", User, "leaves a room for good", "+ ROOM…", [], |a| Ok(Command::Leave(a.existing_room("ROOM")?))),
    verb!("switch" "ROOM", User, "makes another of your rooms the current one", "+ ROOM…", [], |a| {
        Ok(Command::Switch(a.room("ROOM")?))
    }),
    verb!("invite" "ROOM NAME", User, "invites someone to a room that you are in", "+ …", [], |a| {
        Ok(Command::Invite { room: a.room("ROOM")?, name: a.name("NAME")? })
    }),
    verb!("who" "[ROOM]", Member, "lists the members of a room, and which of them are here", "+ N members", [], |a| {
        Ok(Command::Who(a.optional_word().map(room_name).transpose()?))
    }),
    verb!("topic" "ROOM [TEXT or -]", Member, "shows a room's topic, sets it, or clears it (-)", "+ …", [], |a| {
        let room = a.room("ROOM")?;
        match a.tail() {
            None => Ok(Command::TopicShow(room)),
            Some("-") => Ok(Command::TopicSet { room, topic: None }),
            Some(text) => Ok(Command::TopicSet { room, topic: Some(said(text)?) }),
        }
    }),
    verb!("say" "TARGET TEXT", Member, "says TEXT in a room, or to @NAME", "+ ID", [], |a| {
        Ok(Command::Say { target: a.hearer("TARGET")?, key: None, text: a.text()? })
    }),
    verb!("msg" "NAME TEXT", Member, "says TEXT to one person, also while they are away", "+ ID", [], |a| {
        Ok(Command::Say { target: Target::Direct(a.name("NAME")?), key: None, text: a.text()? })
    }),
    verb!("post" "TARGET KEY TEXT", Member, "like /say, but only once for each KEY: a program can safely repeat it", "+ ID", [], |a| {
        let target = a.hearer("TARGET")?;
        let key = a.word("KEY")?;
        if key.len() > KEY_MAX {
            return Err(bad(format!("A key can have at most {KEY_MAX} bytes.")));
        }
        Ok(Command::Say { target, key: Some(key.into()), text: a.text()? })
    }),
    verb!("history" "[TARGET] [before=ID] [after=ID] [limit=N]", Member, "shows messages, oldest first: the last ones, or the first ones after an ID",
        "+ N messages[, more][, oldest=ID]", ["before", "after", "limit"], |a| {
        let target = a.optional_word().map(target_name).transpose()?;
        let before = a.option("before")?.map(message_id).transpose()?;
        let after = a.option("after")?.map(message_id).transpose()?;
        Ok(Command::History { target, before, after, limit: a.limit()? })
    }),
    verb!("search" "[in=TARGET] [from=NAME] [limit=N] [more=CURSOR] WORDS", User, "finds messages with all of WORDS in them, newest first, wherever you may read",
        "+ N messages[, more=CURSOR]", ["in", "from", "limit", "more"], |a| {
        let within = a.option("in")?.map(target_name).transpose()?;
        let from = a.option("from")?.map(user_name).transpose()?;
        let more = a.option("more")?.map(|n| number(n, "more", 0, MessageId::MAX.value())).transpose()?;
        Ok(Command::Search { within, from, limit: a.limit()?, more, words: a.text()? })
    }),
    verb!("read" "TARGET ID", User, "marks a conversation as read up to ID, on all your devices", "+ ID", [], |a| {
        Ok(Command::Read { target: a.target("TARGET")?, id: message_id(a.word("ID")?)? })
    }),
];

/// What a line is, before its arguments are read.
#[derive(Debug)]
pub enum Input<'a> {
    /// An empty line, or one of spaces and TABs alone: nothing.
    Nothing,
    /// Said in the current room; `//x` has become `/x`.
    Text(&'a str),
    /// A command. An unknown verb, or a line that does not fit the grammar, is a refusal.
    Command {
        /// The label, if it is well formed.
        label: Option<&'a str>,
        /// The verb, or why there is none.
        verb: Result<&'static Verb, Refusal>,
        /// What comes after the verb, with its first space.
        rest: &'a str,
    },
}

/// Reads a line as far as its verb.
#[must_use]
pub fn parse_line(line: &str) -> Input<'_> {
    let Some(after_slash) = line.strip_prefix('/') else {
        if line.bytes().all(|b| b == b' ' || b == b'\t') {
            return Input::Nothing;
        }
        return Input::Text(line);
    };
    if after_slash.starts_with('/') {
        return Input::Text(after_slash);
    }
    let malformed = || Refusal::new(Code::UnknownVerb, "a command is /verb or /@label verb. /help lists them.");
    let (label, after_label) = match after_slash.strip_prefix('@') {
        None => (None, after_slash),
        Some(rest) => {
            let (label, after) = rest.split_once(' ').unwrap_or((rest, ""));
            if !is_label(label) {
                return Input::Command { label: None, verb: Err(malformed()), rest: "" };
            }
            (Some(label), after)
        }
    };
    let end = after_label.find(' ').unwrap_or(after_label.len());
    let (word, rest) = after_label.split_at(end);
    if word.is_empty() || !word.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Input::Command { label, verb: Err(malformed()), rest };
    }
    Input::Command { label, verb: find(word).ok_or_else(|| unknown(word)), rest }
}

/// The label that a line began with, if it began with a well-formed `/@LABEL `. It works on bytes,
/// since a line that is not UTF-8, or too long, is refused with its label too.
#[must_use]
pub fn label_of(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(b"/@")?;
    let end = rest.iter().take(LABEL_MAX + 1).position(|&b| b == b' ')?;
    let label = std::str::from_utf8(&rest[..end]).ok()?;
    is_label(label).then_some(label)
}

/// The verb of that name; case does not matter.
#[must_use]
pub fn find(name: &str) -> Option<&'static Verb> {
    TABLE.iter().find(|verb| verb.name.eq_ignore_ascii_case(name))
}

/// The refusal of an unknown verb; it suggests the nearest one.
#[must_use]
pub fn unknown(word: &str) -> Refusal {
    let lower = word.to_ascii_lowercase();
    let near = TABLE
        .iter()
        .map(|verb| (strsim::damerau_levenshtein(&lower, verb.name), verb.name))
        .min()
        .filter(|&(distance, name)| distance <= 2 && distance * 2 < name.len().min(lower.len()));
    // A word of a line of 4000 bytes would make an answer of 4000 bytes.
    let shown: String = lower.chars().take(24).collect();
    let text = match near {
        Some((_, name)) => format!("there is no /{shown}. Did you mean /{name}? /help lists all commands."),
        None => format!("there is no /{shown}. /help lists all commands."),
    };
    Refusal::new(Code::UnknownVerb, text)
}

impl Verb {
    /// Reads the arguments.
    ///
    /// # Errors
    /// `bad-argument` or `bad-name`, with how the verb is used.
    pub fn parse(&self, rest: &str) -> Result<Command, Refusal> {
        let mut args = Args::new(rest, self.options);
        let command = (self.parse)(&mut args).and_then(|command| args.finish().map(|()| command));
        command.map_err(|mut refusal| {
            if refusal.code == Code::BadArgument {
                refusal.text.push_str(&format!(" Use: {}", self.form()));
            }
            refusal
        })
    }

    /// `/verb ARGUMENTS`, as `/help` shows it.
    #[must_use]
    pub fn form(&self) -> String {
        if self.usage.is_empty() { format!("/{}", self.name) } else { format!("/{} {}", self.name, self.usage) }
    }
}

#[cfg(test)]
mod tests;
