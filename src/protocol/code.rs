//! The stable code words of refusals and notices, and what a refusal is.

use crate::protocol::names::RoomName;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// A stable code word: lower case, never renamed. It follows `- ` in a refusal and may
        /// follow `* ` in a notice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name),+ }

        impl Code {
            /// Every code, in the order of the page.
            pub const ALL: &[Code] = &[$(Code::$name),+];

            /// The word as it appears on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $word),+ }
            }

            /// The code that a word names, if any does.
            #[must_use]
            pub fn parse(word: &str) -> Option<Code> {
                match word { $($word => Some(Code::$name),)+ _ => None }
            }
        }
    };
}

codes! {
    /// No such verb, or a `/` line that does not fit the grammar.
    UnknownVerb = "unknown-verb",
    /// Arguments that do not fit the verb.
    BadArgument = "bad-argument",
    /// A line that is too long.
    LineTooLong = "line-too-long",
    /// A line that is not UTF-8.
    BadUtf8 = "bad-utf8",
    /// Control characters or text-direction overrides.
    BadText = "bad-text",
    /// A malformed deflate frame.
    BadFrame = "bad-frame",
    /// The verb needs a login.
    NotLoggedIn = "not-logged-in",
    /// The verb is for before the login.
    AlreadyLoggedIn = "already-logged-in",
    /// Unknown account, wrong password or revoked token; it doesn't say which.
    BadCredentials = "bad-credentials",
    /// An administrator has disabled the account.
    Disabled = "disabled",
    /// A prompt was answered with nothing.
    Cancelled = "cancelled",
    /// An account, a room or a token label of that name exists, or did.
    NameTaken = "name-taken",
    /// That is not a valid name.
    BadName = "bad-name",
    /// The password is too short or too long.
    WeakPassword = "weak-password",
    /// This server doesn't accept new accounts.
    RegistrationClosed = "registration-closed",
    /// The invitation is missing, unknown, used up or expired.
    BadInvite = "bad-invite",
    /// Tried too often; a `retry` tag says when to try again.
    Throttled = "throttled",
    /// No such room, or none that you may see.
    NoSuchRoom = "no-such-room",
    /// No such account.
    NoSuchUser = "no-such-user",
    /// There is no message with that id, or it is gone.
    NoSuchMessage = "no-such-message",
    /// There is no current room to say bare text in.
    NoRoom = "no-room",
    /// You are not in that room.
    NotAMember = "not-a-member",
    /// You may not do that.
    NotAllowed = "not-allowed",
    /// You are banned from that room.
    Banned = "banned",
    /// You are muted in that room.
    Muted = "muted",
    /// You send faster than the server accepts lines; nothing is lost.
    SlowDown = "slow-down",
    /// The key was used with another text.
    Conflict = "conflict",
    /// You have as many of something as an account can have.
    Limit = "limit",
    /// You fell too far behind with reading.
    TooSlow = "too-slow",
    /// The server is too busy for this right now.
    Busy = "busy",
    /// It could not be saved: the disk is full or failing.
    Storage = "storage",
    /// The server's settings or its certificate can't be used; those that it has stay in effect.
    BadSettings = "bad-settings",
    /// The server is shutting down.
    ShuttingDown = "shutting-down",
    /// Something went wrong in the server.
    Internal = "internal",
    /// Notice: connections from this address are blocked.
    Blocked = "blocked",
    /// Notice: another of your connections moved a read marker.
    Read = "read",
    /// Notice: you were invited to a room.
    Invited = "invited",
    /// Notice: whoever you write to is away, or you are.
    Away = "away",
    /// Notice: something that an administrator should see to.
    Warning = "warning",
    /// Notice: an administrator tells everyone something.
    Announcement = "announcement",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a command was refused: a code, and a sentence that says what to do next. A refused command
/// changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable word.
    pub code: Code,
    /// The sentence, without a line ending.
    pub text: String,
    /// Seconds after which trying again makes sense.
    pub retry: Option<u64>,
    /// What a room is called now that was named by a name which it had before. In a box, since every
    /// request has room for a refusal.
    pub renamed: Option<Box<RoomName>>,
}

impl Refusal {
    /// A refusal that doesn't say when to try again.
    #[must_use]
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), retry: None, renamed: None }
    }

    /// The same, and when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry = Some(seconds);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_its_code() {
        for &code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b == b'8'));
        }
        assert_eq!(Code::parse("nonsense"), None);
    }
}
