//! What a client sends: the one table of verbs. The parser, `/help`, the client's completion and
//! the table in `docs/PROTOCOL.md` all come from [`TABLE`].
//!
//! `args` reads the arguments. Parsing has two steps, because the refusal of an unknown verb comes
//! before that of the login state, which comes before that of the arguments: [`parse_line`] finds
//! the verb, [`Verb::parse`] reads the arguments. Must not know sessions, rooms or sockets.

use super::args::Args;
use super::code::{Code, Refusal};
use crate::protocol::names::{MessageId, RoomName, Target, Text, UserName};
use crate::protocol::reaction::ReactionWord;
use crate::protocol::roles::Role;
use crate::protocol::secrets::Secret;
use crate::protocol::time_bound::TimeBounds;
use std::time::Duration;

mod admin;
mod hints;
mod room;
mod table;

pub use admin::AdminCommand;
pub use hints::unknown;
pub use room::{AfterRoom, RoomWord, is_mistyped};
pub use table::TABLE;

pub use super::args::{
    INVITE_FOR_MAX, INVITE_USES_MAX, KEY_MAX, LABEL_MAX, LIMIT_DEFAULT, LIMIT_MAX, REASON_MAX, REPLAY_MAX, Setting,
    is_label,
};

/// Longest client line once logged in, in bytes before its end. A terminal silently cuts what is
/// typed at 4095, so a line that was cut there is refused rather than said.
pub const LINE_MAX: usize = 4000;
/// Longest client line before login.
pub const LINE_MAX_NEW: usize = 512;
/// Who may send a verb.
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
    /// A moderator of the room, or an owner.
    Moderator,
    /// An owner of the room.
    Owner,
    /// An administrator.
    Admin,
}

impl Who {
    /// The word for it in the page's table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Who::All => "all",
            Who::New => "new",
            Who::User => "user",
            Who::Member => "member",
            Who::Moderator => "moderator",
            Who::Owner => "owner",
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
    /// Its final line when it succeeds.
    pub done: &'static str,
    /// What follows its ROOM, if that may be left out.
    pub after_room: Option<AfterRoom>,
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
        /// Prompted for if it is missing.
        password: Option<Secret>,
    },
    /// `/login NAME [PASSWORD]`
    Login {
        /// The account; refused only after the password was given.
        name: Result<UserName, Refusal>,
        /// Prompted for if it is missing.
        password: Option<Secret>,
    },
    /// `/resume TOKEN`
    Resume(Secret),
    /// `/recover NAME CODE [PASSWORD]`
    Recover {
        /// The account; refused only after the password was given.
        name: Result<UserName, Refusal>,
        /// The code that an administrator gave out.
        code: Secret,
        /// The new one; prompted for if it is missing.
        password: Option<Secret>,
    },
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
    /// What only administrators may ask for.
    Admin(AdminCommand),
    /// `/set`
    SetShow,
    /// `/set OPTION VALUE`
    Set(Setting),
    /// `/rooms [after=NAME] [limit=N]`
    Rooms {
        /// Only rooms whose names sort after this one.
        after: Option<RoomName>,
        /// The most rows.
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
        /// The room.
        room: RoomName,
        /// The account that is invited.
        name: UserName,
    },
    /// `/kick ROOM NAME [REASON]`
    Kick {
        /// The room.
        room: RoomName,
        /// The member to remove.
        name: UserName,
        /// Why.
        reason: Option<Text>,
    },
    /// `/ban ROOM NAME [for=TIME] [REASON]`
    Ban {
        /// The room.
        room: RoomName,
        /// The account to keep out.
        name: UserName,
        /// For how long; until it is lifted if missing.
        lasts: Option<Duration>,
        /// Why.
        reason: Option<Text>,
    },
    /// `/unban ROOM NAME`
    Unban {
        /// The room.
        room: RoomName,
        /// The account to let in again.
        name: UserName,
    },
    /// `/bans ROOM [after=NAME] [limit=N]`
    Bans {
        /// The room.
        room: RoomName,
        /// Only names that sort after this one.
        after: Option<UserName>,
        /// The most rows.
        limit: u32,
    },
    /// `/mute ROOM NAME [for=TIME] [REASON]`
    Mute {
        /// The room.
        room: RoomName,
        /// The account to silence.
        name: UserName,
        /// For how long; until it is lifted if missing.
        lasts: Option<Duration>,
        /// Why.
        reason: Option<Text>,
    },
    /// `/unmute ROOM NAME`
    Unmute {
        /// The room.
        room: RoomName,
        /// The account that may talk again.
        name: UserName,
    },
    /// `/slow ROOM TIME` or `/slow ROOM off`
    Slow {
        /// The room.
        room: RoomName,
        /// How long each member has to wait between two messages.
        every: Option<Duration>,
    },
    /// `/private ROOM on` or `/private ROOM off`
    Private {
        /// The room.
        room: RoomName,
        /// Whether only members and invited people can see it.
        private: bool,
    },
    /// `/rename ROOM NEW`
    Rename {
        /// The room.
        room: RoomName,
        /// Its new name.
        name: RoomName,
    },
    /// `/close ROOM`
    Close(RoomName),
    /// `/audit [limit=N] [more=CURSOR] [ROOM]`
    Audit {
        /// The room; without one, what administrators did to the server.
        room: Option<RoomName>,
        /// The most rows.
        limit: u32,
        /// The cursor that the previous answer ended with.
        more: Option<u64>,
    },
    /// `/role ROOM NAME`
    RoleShow {
        /// The room.
        room: RoomName,
        /// The member whose role is asked for.
        name: UserName,
    },
    /// `/role ROOM NAME ROLE`
    RoleSet {
        /// The room.
        room: RoomName,
        /// The member who gets the role.
        name: UserName,
        /// The new role.
        role: Role,
    },
    /// `/invitations`
    Invitations,
    /// `/decline ROOM` or `/decline @NAME`
    Decline(Target),
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
        /// The conversation.
        target: Target,
        /// The idempotency key: one message under it, ever.
        key: Option<Box<str>>,
        /// The message.
        text: Text,
    },
    /// `/me TEXT` and `/act TARGET TEXT`
    Act {
        /// The current room if missing.
        target: Option<Target>,
        /// What the author does.
        text: Text,
    },
    /// `/reply TARGET ID TEXT`
    Reply {
        /// The conversation.
        target: Target,
        /// The message that is answered.
        id: MessageId,
        /// The answer.
        text: Text,
    },
    /// `/edit TARGET ID TEXT`
    Edit {
        /// The conversation.
        target: Target,
        /// The message.
        id: MessageId,
        /// What it says from now on.
        text: Text,
    },
    /// `/update TARGET KEY TEXT`
    Update {
        /// The conversation.
        target: Target,
        /// The key of a `/post`.
        key: Box<str>,
        /// What is under it from now on.
        text: Text,
    },
    /// `/redact TARGET ID [REASON]`
    Redact {
        /// The conversation.
        target: Target,
        /// The message.
        id: MessageId,
        /// Why.
        reason: Option<Text>,
    },
    /// `/react TARGET ID WORD`
    React {
        /// The conversation.
        target: Target,
        /// The message.
        id: MessageId,
        /// The word; the same again takes it back.
        word: ReactionWord,
    },
    /// `/pin TARGET ID` and `/unpin TARGET ID`
    Pin {
        /// The conversation.
        target: Target,
        /// The message.
        id: MessageId,
        /// Whether it is pinned from now on.
        pinned: bool,
    },
    /// `/pins [TARGET]`
    Pins(Option<Target>),
    /// `/changes [TARGET] [after=CHANGE] [limit=N]`
    Changes {
        /// The current room if missing.
        target: Option<Target>,
        /// Only changes with a higher number.
        after: u64,
        /// The most rows.
        limit: u32,
    },
    /// `/history [TARGET] [before=ID] [after=ID] [since=TIME] [until=TIME] [around=ID] [limit=N]`
    History {
        /// The current room if missing.
        target: Option<Target>,
        /// Which messages of it.
        part: HistoryPart,
        /// The most rows.
        limit: u32,
    },
    /// `/search [WORDS] [in=TARGET] [from=NAME] [since=TIME] [until=TIME] [limit=N] [more=CURSOR]`
    Search {
        /// The words, all of which a message must contain.
        words: Option<Text>,
        /// Only in this conversation.
        within: Option<Target>,
        /// Only by this account.
        from: Option<UserName>,
        /// Only of these times.
        times: TimeBounds,
        /// The most rows.
        limit: u32,
        /// The cursor that the previous answer ended with.
        more: Option<u64>,
    },
    /// `/read TARGET ID`
    Read {
        /// The conversation.
        target: Target,
        /// The last message that was read.
        id: MessageId,
    },
}

/// The part of a conversation that `/history` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryPart {
    /// All that is within these bounds.
    Between {
        /// Only messages below this id.
        before: Option<MessageId>,
        /// Only messages above this id.
        after: Option<MessageId>,
        /// Only messages of these times.
        times: TimeBounds,
    },
    /// The message with this id, and those next to it.
    Around(MessageId),
}

/// What a line is, before its arguments are read.
#[derive(Debug)]
pub enum Input<'a> {
    /// An empty line, or one with only spaces and TABs. It is ignored.
    Nothing,
    /// Said in the current room; `//x` has become `/x`.
    Text(&'a str),
    /// A command. An unknown verb, or a line that does not fit the grammar, is a refusal.
    Command {
        /// The label, if it is well formed.
        label: Option<&'a str>,
        /// The verb, or why there is none.
        verb: Result<&'static Verb, Refusal>,
        /// The rest of the line after the verb, starting with the space.
        rest: &'a str,
    },
}

/// Reads a line up to its verb.
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

    /// Whether a word is one of the verb's options.
    fn is_option(&self, word: &str) -> bool {
        word.split_once('=').is_some_and(|(key, _)| self.options.contains(&key))
    }

    /// `/verb ARGUMENTS`, as `/help` shows it.
    #[must_use]
    pub fn form(&self) -> String {
        if self.usage.is_empty() { format!("/{}", self.name) } else { format!("/{} {}", self.name, self.usage) }
    }
}

#[cfg(test)]
mod tests;
