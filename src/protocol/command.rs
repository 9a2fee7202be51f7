//! What a client sends: the ONE table of verbs. The parser, `/help`, the client's completion and
//! the table in `docs/PROTOCOL.md` all come from [`TABLE`].
//!
//! Parsing has two steps, because a refusal for an unknown verb comes before one for the login
//! state, and that before one for the arguments: [`parse_line`] finds the verb, [`Verb::parse`]
//! reads the arguments.

use super::code::{Code, Refusal};
use crate::names::{MessageId, RoomName, Target, Text, UserName};
use crate::secrets::Secret;
use std::time::Duration;

/// Longest client line once logged in, in bytes before its end. A terminal cuts what is typed at
/// 4095 without a word, so a cut line is refused here rather than said.
pub const LINE_MAX: usize = 4000;
/// Longest client line before login.
pub const LINE_MAX_NEW: usize = 512;
/// Longest label of a command or a device token, in bytes.
pub const LABEL_MAX: usize = 32;
/// Longest `/post` key, in bytes.
pub const KEY_MAX: usize = 64;
/// Rows of an answer unless `limit=` says otherwise.
pub const LIMIT_DEFAULT: u32 = 50;
/// The most rows that one answer can be asked for.
pub const LIMIT_MAX: u32 = 1000;
/// The most unread lines that `/set replay` shows at once.
pub const REPLAY_MAX: u32 = 1000;
/// The longest that an invitation may live.
pub const INVITE_FOR_MAX: Duration = Duration::from_secs(365 * 86_400);
/// The most people that one invitation may let in.
pub const INVITE_USES_MAX: u32 = 1000;

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
    /// `/token new LABEL`
    TokenNew(String),
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
        /// How long it lives.
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
        /// Whether only the invited see it.
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

/// An option of one's connection and its new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Ids, times and labels before lines.
    Tags(bool),
    /// One's own lines shown as others see them.
    Echo(bool),
    /// Who comes and goes.
    Presence(bool),
    /// Unread lines shown at login and `/join`; 0 is off.
    Replay(u32),
    /// Deflate frames with that dictionary; `None` is off.
    Deflate(Option<u32>),
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
    verb!("ping" "[TEXT]", All, "answers with TEXT, to see that the server is there", "+ TEXT", [], |a| {
        Ok(Command::Ping(a.tail().map(str::to_owned)))
    }),
    verb!("register" "NAME [invite=CODE] [PASSWORD]", New, "makes an account and logs in; without PASSWORD it is asked for",
        "+ welcome NAME…", ["invite"], |a| {
        let name = a.word("NAME").map(login_name)?;
        let invite = a.option("invite")?.map(Secret::new);
        Ok(Command::Register { name, invite, password: a.secret() })
    }),
    verb!("login" "NAME [PASSWORD]", New, "logs in; without PASSWORD it is asked for", "+ welcome NAME…", [], |a| {
        let name = a.word("NAME").map(login_name)?;
        Ok(Command::Login { name, password: a.secret() })
    }),
    verb!("resume" "TOKEN", New, "logs in with a device token", "+ welcome NAME…", [], |a| {
        Ok(Command::Resume(Secret::new(a.word("TOKEN")?)))
    }),
    verb!("passwd" "", User, "asks for the old and the new password; ends your other connections and tokens", "+ …", [], |_| {
        Ok(Command::Passwd)
    }),
    verb!("token" "new LABEL | list | revoke LABEL", User, "device tokens: a program logs in with one instead of the password; each is shown once",
        "+ TOKEN for new, + LABEL… for revoke, + N tokens for list", [], |a| match a.word("new, list or revoke")? {
        "new" => Ok(Command::TokenNew(a.label()?)),
        "list" => Ok(Command::TokenList),
        "revoke" => Ok(Command::TokenRevoke(a.label()?)),
        other => Err(bad(format!("{} is not one of new, list and revoke.", quoted(other)))),
    }),
    verb!("whoami" "", User, "says who you are", "+ NAME…", [], |_| Ok(Command::Whoami)),
    verb!("sessions" "", User, "lists your connections", "+ N sessions", [], |_| Ok(Command::Sessions)),
    verb!("invitecode" "[uses=N] [for=7d] [admin]", Admin, "makes an invitation to this server", "+ CODE…", ["uses", "for"], |a| {
        // The word first: options may stand on either side of it.
        let admin = match a.optional_word() {
            None => false,
            Some("admin") => true,
            Some(other) => return Err(bad(format!("{} is not understood here. Only admin can stand there.", quoted(other)))),
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
        let after = a.option("after")?.map(room_name).transpose()?;
        Ok(Command::Rooms { after, limit: a.limit()? })
    }),
    verb!("conversations" "", User, "lists where you talk: target, last id, read up to, unread", "+ N conversations", [], |_| {
        Ok(Command::Conversations)
    }),
    verb!("create" "ROOM [private]", User, "makes a room that you own and puts you in it; a private one is seen by the invited alone",
        "+ ROOM…", [], |a| {
        let room = a.room("ROOM")?;
        match a.optional_word() {
            None => Ok(Command::Create { room, private: false }),
            Some("private") => Ok(Command::Create { room, private: true }),
            Some(other) => Err(bad(format!("{} is not understood here. Only private can stand there.", quoted(other)))),
        }
    }),
    verb!("join" "ROOM", User, "enters a room and talks there from now on; makes it if there is none", "+ ROOM…", [], |a| {
        Ok(Command::Join(a.room("ROOM")?))
    }),
    verb!("leave" "ROOM", User, "leaves a room for good", "+ ROOM…", [], |a| Ok(Command::Leave(a.room("ROOM")?))),
    verb!("switch" "ROOM", User, "talks in another room that you are in", "+ ROOM…", [], |a| {
        Ok(Command::Switch(a.room("ROOM")?))
    }),
    verb!("invite" "ROOM NAME", User, "invites someone to a room that you are in", "+ …", [], |a| {
        Ok(Command::Invite { room: a.room("ROOM")?, name: a.name("NAME")? })
    }),
    verb!("who" "[ROOM]", Member, "lists who is in a room, and who of them is here", "+ N members", [], |a| {
        Ok(Command::Who(a.optional_word().map(room_name).transpose()?))
    }),
    verb!("topic" "ROOM [TEXT or -]", Member, "shows, sets or clears (-) what a room is about", "+ …", [], |a| {
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
    verb!("post" "TARGET KEY TEXT", Member, "as /say, but once ever under one KEY: a program repeats it safely", "+ ID", [], |a| {
        let target = a.hearer("TARGET")?;
        let key = a.word("KEY")?;
        if key.len() > KEY_MAX {
            return Err(bad(format!("A key has at most {KEY_MAX} bytes.")));
        }
        Ok(Command::Say { target, key: Some(key.into()), text: a.text()? })
    }),
    verb!("history" "[TARGET] [before=ID] [after=ID] [limit=N]", Member, "shows what was said, oldest first: the last lines, or the first ones after an ID",
        "+ N messages[, more][, oldest=ID]", ["before", "after", "limit"], |a| {
        let target = a.optional_word().map(target_name).transpose()?;
        let before = a.option("before")?.map(message_id).transpose()?;
        let after = a.option("after")?.map(message_id).transpose()?;
        Ok(Command::History { target, before, after, limit: a.limit()? })
    }),
    verb!("search" "[in=TARGET] [from=NAME] [limit=N] [more=CURSOR] WORDS", User, "finds lines with all of WORDS in them, newest first, wherever you may read",
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
        /// What stands behind the verb, with its first space.
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
    let malformed =
        || Refusal::new(Code::UnknownVerb, "a command is /verb or /@label verb. /help lists what there is.");
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
/// since a line that is no UTF-8 or too long is refused with its label too.
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

/// The refusal for a verb that there is not; it suggests the nearest one.
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
        Some((_, name)) => format!("there is no /{shown}. Did you mean /{name}? /help lists what there is."),
        None => format!("there is no /{shown}. /help lists what there is."),
    };
    Refusal::new(Code::UnknownVerb, text)
}

/// Whether a word may be a label: 1 to 32 of letters, digits, `-`, `_` and `.`.
#[must_use]
pub fn is_label(word: &str) -> bool {
    (1..=LABEL_MAX).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

impl Verb {
    /// Reads the arguments that stand behind the verb.
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

/// The arguments of one line, taken from the left.
struct Args<'a> {
    rest: &'a str,
    keys: &'static [&'static str],
    options: Vec<(&'static str, &'a str)>,
    repeated: Option<&'static str>,
}

impl<'a> Args<'a> {
    fn new(rest: &'a str, keys: &'static [&'static str]) -> Self {
        Self { rest, keys, options: Vec::new(), repeated: None }
    }

    /// Takes options as long as the next word is one of the verb's own keys.
    fn take_options(&mut self) {
        while let Some((word, rest)) = next_word(self.rest) {
            let Some((key, value)) = word.split_once('=') else { return };
            let Some(&key) = self.keys.iter().find(|&&known| known == key) else { return };
            if self.options.iter().any(|&(known, _)| known == key) {
                self.repeated = Some(key);
            }
            self.options.push((key, value));
            self.rest = rest;
        }
    }

    /// The next word, unless there is none or it is an option.
    fn optional_word(&mut self) -> Option<&'a str> {
        self.take_options();
        let (word, rest) = next_word(self.rest)?;
        self.rest = rest;
        Some(word)
    }

    fn word(&mut self, what: &str) -> Result<&'a str, Refusal> {
        match next_word(self.rest) {
            // Options come behind the named arguments.
            Some((word, rest)) if !self.is_option(word) => {
                self.rest = rest;
                Ok(word)
            }
            _ => Err(bad(format!("{what} is missing."))),
        }
    }

    fn is_option(&self, word: &str) -> bool {
        word.split_once('=').is_some_and(|(key, _)| self.keys.contains(&key))
    }

    fn option(&mut self, key: &str) -> Result<Option<&'a str>, Refusal> {
        self.take_options();
        if let Some(key) = self.repeated {
            return Err(bad(format!("{key}= stands there twice.")));
        }
        Ok(self.options.iter().find(|(known, _)| *known == key).map(|&(_, value)| value))
    }

    fn limit(&mut self) -> Result<u32, Refusal> {
        match self.option("limit")? {
            None => Ok(LIMIT_DEFAULT),
            Some(n) => number(n, "limit", 1, u64::from(LIMIT_MAX)).map(|n| n as u32),
        }
    }

    /// The rest of the line behind exactly one space, verbatim; `None` if nothing is there.
    fn tail(&mut self) -> Option<&'a str> {
        self.take_options();
        let tail = self.rest.strip_prefix(' ').unwrap_or(self.rest);
        self.rest = "";
        (!tail.is_empty()).then_some(tail)
    }

    fn secret(&mut self) -> Option<Secret> {
        self.tail().map(Secret::new)
    }

    fn text(&mut self) -> Result<Text, Refusal> {
        said(self.tail().unwrap_or(""))
    }

    fn room(&mut self, what: &str) -> Result<RoomName, Refusal> {
        self.word(what).and_then(room_name)
    }

    fn name(&mut self, what: &str) -> Result<UserName, Refusal> {
        self.word(what).and_then(user_name)
    }

    fn target(&mut self, what: &str) -> Result<Target, Refusal> {
        self.word(what).and_then(target_name)
    }

    /// A target that something can be said to.
    fn hearer(&mut self, what: &str) -> Result<Target, Refusal> {
        let word = self.word(what)?;
        target_name(word)?.check_hears().map_err(|error| bad_name("spoken to", word, error))
    }

    fn label(&mut self) -> Result<String, Refusal> {
        let word = self.word("LABEL")?;
        if is_label(word) {
            return Ok(word.to_owned());
        }
        Err(bad(format!("A label is 1 to {LABEL_MAX} of letters, digits, -, _ and dots.")))
    }

    fn finish(mut self) -> Result<(), Refusal> {
        self.take_options();
        if let Some(key) = self.repeated {
            return Err(bad(format!("{key}= stands there twice.")));
        }
        match next_word(self.rest) {
            None => Ok(()),
            Some((word, _)) => Err(bad(format!("{} is not understood there.", quoted(word)))),
        }
    }
}

fn next_word(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.trim_start_matches(' ');
    if rest.is_empty() {
        return None;
    }
    Some(rest.split_at(rest.find(' ').unwrap_or(rest.len())))
}

/// A word of the peer's, short enough to be shown back to it.
fn quoted(word: &str) -> String {
    let mut shown: String = word.chars().take(40).collect();
    if shown.len() < word.len() {
        shown.push('…');
    }
    shown
}

fn bad(text: String) -> Refusal {
    Refusal::new(Code::BadArgument, text)
}

fn bad_name(what: &str, typed: &str, error: crate::names::NameError) -> Refusal {
    Refusal::new(Code::BadName, format!("{} can't be {what}: {error}.", quoted(typed)))
}

fn user_name(typed: &str) -> Result<UserName, Refusal> {
    UserName::parse(typed).map_err(|error| bad_name("a name", typed, error))
}

/// A name at login: its refusal waits until the password was given, so it is a value here.
fn login_name(typed: &str) -> Result<UserName, Refusal> {
    user_name(typed)
}

fn room_name(typed: &str) -> Result<RoomName, Refusal> {
    RoomName::parse(typed).map_err(|error| bad_name("a room", typed, error))
}

fn target_name(typed: &str) -> Result<Target, Refusal> {
    Target::parse(typed).map_err(|error| bad_name("a room or @NAME", typed, error))
}

fn said(text: &str) -> Result<Text, Refusal> {
    match Text::parse(text) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(bad("There is no text.".to_owned())),
        Err(error) => Err(Refusal::new(Code::BadText, format!("{error}."))),
    }
}

fn number(typed: &str, what: &str, least: u64, most: u64) -> Result<u64, Refusal> {
    let digits = !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_digit());
    typed
        .parse::<u64>()
        .ok()
        .filter(|n| digits && (least..=most).contains(n))
        .ok_or_else(|| bad(format!("{what} is a number from {least} to {most}, not {}.", quoted(typed))))
}

fn message_id(typed: &str) -> Result<MessageId, Refusal> {
    let id = number(typed, "an ID", 0, MessageId::MAX.value())?;
    MessageId::new(id).ok_or_else(|| bad("That ID is too large.".to_owned()))
}

/// A span such as `30s`, `10m`, `24h` or `7d`.
fn duration(typed: &str) -> Result<Duration, Refusal> {
    let wrong = || bad(format!("{} is no time. 30s, 10m, 24h or 7d are, up to 365d.", quoted(typed)));
    let unit = match typed.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3600,
        Some(b'd') => 86_400,
        _ => return Err(wrong()),
    };
    let count = number(&typed[..typed.len() - 1], "a time", 1, 100_000_000).map_err(|_| wrong())?;
    let span = Duration::from_secs(count * unit);
    if span > INVITE_FOR_MAX { Err(wrong()) } else { Ok(span) }
}

fn setting(option: &str, value: &str) -> Result<Setting, Refusal> {
    let switch = || match value {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(bad(format!("{option} is on or off, not {}.", quoted(other)))),
    };
    match option {
        "tags" => switch().map(Setting::Tags),
        "echo" => switch().map(Setting::Echo),
        "presence" => switch().map(Setting::Presence),
        "replay" if value == "off" => Ok(Setting::Replay(0)),
        "replay" => number(value, "replay", 0, u64::from(REPLAY_MAX)).map(|n| Setting::Replay(n as u32)),
        "deflate" if value == "off" => Ok(Setting::Deflate(None)),
        "deflate" => number(value, "deflate", 1, u64::from(u32::MAX)).map(|n| Setting::Deflate(Some(n as u32))),
        other => Err(bad(format!(
            "There is no option {}. There are tags, echo, presence, replay and deflate.",
            quoted(other)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str) -> Result<Command, Refusal> {
        match parse_line(line) {
            Input::Command { verb, rest, .. } => verb?.parse(rest),
            other => panic!("{line:?} is no command: {other:?}"),
        }
    }

    fn code(line: &str) -> Code {
        parse(line).unwrap_err().code
    }

    #[test]
    fn a_line_is_nothing_a_text_or_a_command() {
        assert!(matches!(parse_line(""), Input::Nothing));
        assert!(matches!(parse_line(" \t"), Input::Nothing));
        assert!(matches!(parse_line("hi"), Input::Text("hi")));
        assert!(matches!(parse_line("//"), Input::Text("/")));
        assert!(matches!(parse_line("//etc"), Input::Text("/etc")));
        assert!(matches!(parse_line("/@a.b PING x"), Input::Command { label: Some("a.b"), verb: Ok(_), rest: " x" }));
        for malformed in ["/", "/ ping", "/@a", "/@a  ping", "/p1ng"] {
            assert_eq!(code(malformed), Code::UnknownVerb, "{malformed}");
        }
        assert!(matches!(parse_line("/@b@d ping"), Input::Command { label: None, verb: Err(_), .. }));
    }

    #[test]
    fn unknown_verbs_get_a_suggestion() {
        assert!(parse("/jion ops").unwrap_err().text.contains("Did you mean /join?"));
        assert!(!parse("/foo").unwrap_err().text.contains("Did you mean"));
    }

    #[test]
    fn a_trailing_text_is_verbatim_behind_one_space() {
        let Command::Say { text, target, .. } = parse("/say   Lobby  two  spaces ").unwrap() else { panic!() };
        assert_eq!((text.as_str(), target.to_string().as_str()), (" two  spaces ", "lobby"));
        assert_eq!(code("/say lobby   "), Code::BadArgument);
        assert_eq!(code("/say lobby"), Code::BadArgument);
        assert_eq!(code("/say b!d x"), Code::BadName);
        let Command::Ping(text) = parse("/ping  x").unwrap() else { panic!() };
        assert_eq!(text.as_deref(), Some(" x"));
    }

    #[test]
    fn options_stand_behind_named_arguments_and_before_the_text() {
        let Command::Search { limit, words, within, .. } = parse("/search in=ops  limit=3 a b=c limit=4").unwrap()
        else {
            panic!()
        };
        assert_eq!((limit, words.as_str(), within.unwrap().to_string().as_str()), (3, "a b=c limit=4", "ops"));
        assert_eq!(code("/search limit=3 limit=4 a"), Code::BadArgument);
        assert_eq!(code("/history lobby limit=0"), Code::BadArgument);
        assert_eq!(code("/history lobby limit=1001"), Code::BadArgument);
        assert_eq!(code("/history lobby limit=+5"), Code::BadArgument);
        assert_eq!(code("/history lobby after=9223372036854775808"), Code::BadArgument);
        assert!(parse("/history after=9223372036854775807").is_ok());
        assert_eq!(code("/history limit=2 lobby limit=2"), Code::BadArgument);
        let Command::Register { invite, password, .. } = parse("/register bob invite=X pass word").unwrap() else {
            panic!()
        };
        assert_eq!((invite.unwrap().expose(), password.unwrap().expose()), ("X", "pass word"));
        let Command::Register { invite, password, .. } = parse("/register bob x=y z").unwrap() else { panic!() };
        assert_eq!((invite.is_none(), password.unwrap().expose()), (true, "x=y z"));
    }

    #[test]
    fn a_bad_name_at_login_waits_for_the_password() {
        let Command::Login { name, password } = parse("/login b!d").unwrap() else { panic!() };
        assert_eq!((name.unwrap_err().code, password.is_none()), (Code::BadName, true));
        assert_eq!(code("/login"), Code::BadArgument);
    }

    #[test]
    fn settings_and_spans_are_bounded() {
        assert!(matches!(parse("/set replay off").unwrap(), Command::Set(Setting::Replay(0))));
        assert!(matches!(parse("/set deflate 1").unwrap(), Command::Set(Setting::Deflate(Some(1)))));
        assert!(matches!(parse("/set").unwrap(), Command::SetShow));
        for wrong in [
            "/set tags",
            "/set tags maybe",
            "/set color on",
            "/set replay 1001",
            "/invitecode for=1y",
            "/invitecode for=366d",
            "/quit now",
        ] {
            assert_eq!(code(wrong), Code::BadArgument, "{wrong}");
        }
        for either in ["/invitecode uses=3 for=2h admin", "/invitecode admin uses=3 for=2h"] {
            let Command::InviteCode { uses, lasts, admin } = parse(either).unwrap() else { panic!() };
            assert_eq!((uses, lasts.as_secs(), admin), (3, 7200, true), "{either}");
        }
    }

    #[test]
    fn labels_are_found_on_lines_that_are_refused_whole() {
        assert_eq!(label_of(b"/@x1 say \xff"), Some("x1"));
        assert_eq!(label_of(b"/@x1"), None);
        assert_eq!(label_of(b"hello"), None);
    }

    #[test]
    fn no_verb_begins_with_a_letter_that_is_lost_without_its_slash() {
        for verb in TABLE {
            assert!(verb.name.bytes().all(|b| b.is_ascii_lowercase()));
            assert!(!verb.help.ends_with('.'), "{}", verb.name);
        }
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_refused(line in any::<String>(), verb in 0..TABLE.len()) {
            if let Input::Command { verb: Ok(verb), rest, .. } = parse_line(&line) {
                let _ = verb.parse(rest);
            }
            let _ = TABLE[verb].parse(&format!(" {line}"));
        }

        #[test]
        fn what_is_said_is_never_altered(text in "[^\\x00-\\x1f\\x7f-\\u{9f}\\u{2028}-\\u{202e}\\u{2066}-\\u{2069}]{1,60}") {
            prop_assume!(!text.bytes().all(|b| b == b' '));
            let Command::Say { text: parsed, .. } = parse(&format!("/say lobby {text}")).unwrap() else { panic!() };
            prop_assert_eq!(parsed.as_str(), text);
        }
    }
}
