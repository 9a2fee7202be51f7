//! The names that cross every boundary, each parsed once at the edge. The ids that go with them are in
//! `ids` and the texts in `text`, and come from here too.
//!
//! Owns what a valid name is. Knows nothing of sockets, threads, storage or the wire.
//! Every type keeps its field private, so a value that exists is a value that was checked.

pub use super::ids::{AccountId, AddressGroup, ConnId, ConversationId, MessageId};
pub use super::text::{MARKS_MAX, Text, TextError, check_text, is_text, to_text};

use arrayvec::ArrayString;
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

/// The name that mentions everyone in a room.
pub const EVERYONE: &str = "room";

/// Longest account or room name, in bytes (names are ASCII).
pub const NAME_MAX: usize = 32;

/// The administrator's console signs its lines with this name, which nobody else can have.
pub const SERVER_NAME: &str = "server";

/// Why a name was refused. The peer's fault; on the wire it is `bad-name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name was empty.
    #[error("a name must have at least one character")]
    Empty,
    /// The name was longer than [`NAME_MAX`].
    #[error("a name can have at most {NAME_MAX} characters")]
    TooLong,
    /// The name held a character other than letters, digits, `-` and `_`.
    #[error("a name can contain only letters (a-z, A-Z), digits, - and _")]
    BadCharacter,
    /// The name is the server's own.
    #[error("that name is reserved for the server")]
    Reserved,
    /// The name mentions everyone in a room.
    #[error("@{EVERYONE} means everyone in a room")]
    Everyone,
}

/// A checked name, held in place: names are short and everywhere, and nothing is allocated for them on a
/// message's way from the wire to its readers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name(ArrayString<NAME_MAX>);

impl Name {
    /// A name that [`check_name`] accepted, so it fits.
    fn new(checked: &str) -> Self {
        Self(ArrayString::from(checked).unwrap_or_default())
    }

    fn to_lowercase(mut self) -> Self {
        self.0.make_ascii_lowercase();
        self
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a name can hold this byte.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if !name.bytes().all(is_name_byte) {
        return Err(NameError::BadCharacter);
    }
    if name.len() > NAME_MAX {
        return Err(NameError::TooLong);
    }
    Ok(())
}

/// An account's name: 1 to 32 of letters, digits, `-` and `_`. It is shown as it was registered
/// and compared without regard to case: `Alice` and `alice` are one.
#[derive(Clone, Copy)]
pub struct UserName(Name);

impl UserName {
    /// Reads a name that somebody typed; one leading `@` is dropped.
    ///
    /// # Errors
    /// Says what is wrong with the name. `server` is [`NameError::Reserved`].
    pub fn parse(typed: &str) -> Result<Self, NameError> {
        let name = typed.strip_prefix('@').unwrap_or(typed);
        check_name(name)?;
        if name.eq_ignore_ascii_case(SERVER_NAME) {
            return Err(NameError::Reserved);
        }
        Ok(Self(Name::new(name)))
    }

    /// The same for a new account. One that has the name `room` from before keeps it.
    ///
    /// # Errors
    /// Those of [`UserName::parse`]; `room` is [`NameError::Everyone`].
    pub fn parse_new(typed: &str) -> Result<Self, NameError> {
        let name = Self::parse(typed)?;
        if name.as_str().eq_ignore_ascii_case(EVERYONE) {
            return Err(NameError::Everyone);
        }
        Ok(name)
    }

    /// The name that the administrator's console signs with.
    #[must_use]
    pub fn server() -> Self {
        Self(Name::new(SERVER_NAME))
    }

    /// As it was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The form by which names are compared: lower case.
    #[must_use]
    pub fn case_folded(&self) -> Cow<'_, str> {
        let name = self.as_str();
        if name.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        }
    }
}

impl PartialEq for UserName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str().eq_ignore_ascii_case(other.as_str())
    }
}

impl Eq for UserName {}

impl Hash for UserName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_lowercase().as_str().hash(state);
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.as_str())
    }
}

/// A room's name: 1 to 32 of `a-z 0-9 - _`, lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoomName(Name);

impl RoomName {
    /// Reads a name that somebody typed; one leading `#` is dropped, it is lower-cased.
    ///
    /// # Errors
    /// Says what is wrong with the name. `server` is [`NameError::Reserved`].
    pub fn parse(typed: &str) -> Result<Self, NameError> {
        let room = Self::parse_existing(typed)?;
        if room.as_str() == SERVER_NAME {
            return Err(NameError::Reserved);
        }
        Ok(room)
    }

    /// The same for a room that may be there already: once it could be named `server`, and what was
    /// said there can still be read.
    ///
    /// # Errors
    /// Says what is wrong with the name.
    pub fn parse_existing(typed: &str) -> Result<Self, NameError> {
        let name = typed.strip_prefix('#').unwrap_or(typed);
        check_name(name)?;
        Ok(Self(Name::new(name).to_lowercase()))
    }

    /// The room that every new server has and every new account is in.
    #[must_use]
    pub fn lobby() -> Self {
        Self(Name::new("lobby"))
    }

    /// The name in lower case, without `#`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Hash for RoomName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.as_str())
    }
}

/// Where something is said: a room, or `@NAME`, the direct conversation with an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A room.
    Room(RoomName),
    /// The direct conversation with this account.
    Direct(UserName),
}

impl Target {
    /// Reads `ROOM`, `#ROOM` or `@NAME`. Here `@server` is valid too: what the console said to
    /// somebody can be read there, although nothing can be said back.
    ///
    /// # Errors
    /// Says what is wrong with the name.
    pub fn parse(typed: &str) -> Result<Self, NameError> {
        match typed.strip_prefix('@') {
            Some(name) if name.eq_ignore_ascii_case(SERVER_NAME) => Ok(Self::Direct(UserName::server())),
            Some(_) => UserName::parse(typed).map(Self::Direct),
            None => RoomName::parse_existing(typed).map(Self::Room),
        }
    }

    /// Checks that messages can be sent there: not to the console, which nobody reads.
    ///
    /// # Errors
    /// [`NameError::Reserved`] for `server` and `@server`.
    pub fn check_accepts_messages(self) -> Result<Self, NameError> {
        match self {
            Self::Direct(name) if name == UserName::server() => Err(NameError::Reserved),
            Self::Room(room) if room.as_str() == SERVER_NAME => Err(NameError::Reserved),
            target => Ok(target),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(room) => write!(f, "{room}"),
            Self::Direct(name) => write!(f, "@{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_checked() {
        assert_eq!(UserName::parse("Alice").unwrap().as_str(), "Alice");
        assert_eq!(UserName::parse("Alice").unwrap(), UserName::parse("@aLICE").unwrap());
        assert_eq!(UserName::parse("SERVER").unwrap_err(), NameError::Reserved);
        assert_eq!(UserName::parse_new("Room").unwrap_err(), NameError::Everyone);
        assert_eq!(UserName::parse("room").unwrap(), UserName::parse("Room").unwrap());
        assert_eq!(UserName::parse("").unwrap_err(), NameError::Empty);
        assert_eq!(UserName::parse("a b").unwrap_err(), NameError::BadCharacter);
        assert_eq!(UserName::parse(&"a".repeat(33)).unwrap_err(), NameError::TooLong);
        assert_eq!(RoomName::parse("#Ops").unwrap().as_str(), "ops");
        assert_eq!(RoomName::parse("##ops").unwrap_err(), NameError::BadCharacter);
        assert_eq!(Target::parse("@bob").unwrap().to_string(), "@bob");
        assert_eq!(Target::parse("@Server").unwrap().check_accepts_messages(), Err(NameError::Reserved));
        assert_eq!(RoomName::parse("#Server").unwrap_err(), NameError::Reserved);
        assert_eq!(Target::parse("#server").unwrap().check_accepts_messages(), Err(NameError::Reserved));
    }

    proptest! {
        #[test]
        fn case_folding_is_idempotent_and_decides_equality(a in "[A-Za-z0-9_-]{1,32}", b in "[A-Za-z0-9_-]{1,32}") {
            prop_assume!(a.to_lowercase() != SERVER_NAME && b.to_lowercase() != SERVER_NAME);
            let (a, b) = (UserName::parse(&a).unwrap(), UserName::parse(&b).unwrap());
            prop_assert_eq!(a == b, a.case_folded() == b.case_folded());
            prop_assert_eq!(UserName::parse(&a.case_folded()).unwrap(), a);
        }
    }
}
