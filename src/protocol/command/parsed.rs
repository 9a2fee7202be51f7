//! Commands as they were typed, their arguments checked.

use super::{AdminCommand, HookCommand, InviteTerms, PersonalCommand};
use crate::protocol::args::Setting;
use crate::protocol::code::Refusal;
use crate::protocol::names::{MessageId, RoomName, Target, Text, UserName};
use crate::protocol::reaction::ReactionWord;
use crate::protocol::roles::Role;
use crate::protocol::secrets::Secret;
use crate::protocol::time_bound::TimeBounds;
use std::time::Duration;

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
    /// `/unregister` and `/unregister all`
    Unregister {
        /// Whether what the account said goes, too.
        all: bool,
    },
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
    /// What concerns oneself or somebody else, and no room.
    Personal(PersonalCommand),
    /// `/invitecode [uses=N] [for=7d] [admin] [note=NOTE]`
    InviteCode(InviteTerms),
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
    /// The addresses at which programs post in a room.
    Hook(HookCommand),
    /// `/private ROOM on` or `/private ROOM off`
    Private {
        /// The room.
        room: RoomName,
        /// Whether only members and invited people can see it.
        private: bool,
    },
    /// `/retain ROOM TIME` or `/retain ROOM off`
    Retain {
        /// The room.
        room: RoomName,
        /// How long it keeps what is said there; `None` is for ever.
        keep: Option<Duration>,
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
    /// `/who [ROOM] [after=NAME] [limit=N]`
    Who {
        /// The current room if missing.
        room: Option<RoomName>,
        /// Which of its members; all if missing, those who are here before the others.
        page: Option<NamePage>,
    },
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
    Search(Box<Search>),
    /// `/mentions [limit=N] [more=CURSOR]`
    Mentions {
        /// The most rows.
        limit: u32,
        /// The cursor that the previous answer ended with.
        more: Option<u64>,
    },
    /// `/export [limit=N] [more=CURSOR]`
    Export {
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

/// A part of a list that is sorted by name.
#[derive(Debug, Clone)]
pub struct NamePage {
    /// Only names that sort after this one.
    pub after: Option<UserName>,
    /// The most rows.
    pub limit: u32,
}

/// What `/search` asks for.
#[derive(Debug, Clone)]
pub struct Search {
    /// The words, all of which a message must contain.
    pub words: Option<Text>,
    /// Only in this conversation.
    pub within: Option<Target>,
    /// Only by this account.
    pub from: Option<UserName>,
    /// Only of these times.
    pub times: TimeBounds,
    /// The most rows.
    pub limit: u32,
    /// The cursor that the previous answer ended with.
    pub more: Option<u64>,
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
