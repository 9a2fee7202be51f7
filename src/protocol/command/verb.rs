//! What the table knows of a verb, and how its arguments are read.

use super::{AfterRoom, Command, TABLE};
use crate::protocol::args::Args;
use crate::protocol::code::{Code, Refusal};

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
    pub options: &'static [&'static str],
    pub(super) parse: fn(&mut Args<'_>) -> Result<Command, Refusal>,
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
    pub(super) fn is_option(&self, word: &str) -> bool {
        word.split_once('=').is_some_and(|(key, _)| self.options.contains(&key))
    }

    /// `/verb ARGUMENTS`, as `/help` shows it.
    #[must_use]
    pub fn form(&self) -> String {
        if self.usage.is_empty() { format!("/{}", self.name) } else { format!("/{} {}", self.name, self.usage) }
    }
}
