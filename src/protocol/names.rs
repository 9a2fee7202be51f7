//! The names and texts that cross every boundary, each parsed once at the edge.
//!
//! Owns what a valid name, text or id is. Knows nothing of sockets, threads, storage or the wire.
//! Every type keeps its field private, so a value that exists is a value that was checked.

use arrayvec::ArrayString;
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest account or room name, in bytes (names are ASCII).
pub const NAME_MAX: usize = 32;

/// The administrator's console signs its lines with this name, which nobody can register.
pub const SERVER_NAME: &str = "server";

/// Why a name was not taken. The peer's fault; on the wire it is `bad-name`.
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
    /// The name is kept for the server itself.
    #[error("that name is reserved for the server")]
    Reserved,
}

/// A checked name, held in place: names are short and everywhere, and a message's way from the
/// wire to its readers allocates nothing for them.
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

fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
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
    /// Reads `ROOM`, `#ROOM` or `@NAME`. Here `@server` is a name too: what the console said to
    /// somebody is read there, although nothing can be said back.
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

    /// Whether something can be said there: not to the console, which nobody sits at.
    ///
    /// # Errors
    /// [`NameError::Reserved`] for `server` and `@server`.
    pub fn check_hears(self) -> Result<Self, NameError> {
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

/// A text holds a character that could forge a line or reach into a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("control characters and text-direction overrides can't be sent")]
pub struct TextError;

/// Whether a character may stand in a line: no C0 control but TAB, no DEL, no C1 control
/// (U+0080–U+009F), no line or paragraph separator, no bidirectional override or isolate.
#[must_use]
pub fn is_text(c: char) -> bool {
    !matches!(c,
        '\0'..='\u{8}' | '\u{a}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Checks a whole line or text; cheap for ASCII, which most lines are.
///
/// # Errors
/// [`TextError`] if any character of it fails [`is_text`].
pub fn check_text(text: &str) -> Result<(), TextError> {
    // A fold without an early end, so that the compiler looks at many bytes at once.
    let plain = text.bytes().fold(true, |plain, b| plain & ((b' '..0x7f).contains(&b) | (b == b'\t')));
    if plain || text.chars().all(is_text) { Ok(()) } else { Err(TextError) }
}

/// What somebody says: one line of text with nothing in it that could forge a server's line or
/// reach into a terminal. Never empty, and never of spaces and TABs alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text(Box<str>);

impl Text {
    /// Takes a text; `None` if there is nothing but spaces and TABs in it.
    ///
    /// # Errors
    /// [`TextError`] if a character may not be sent.
    pub fn parse(text: &str) -> Result<Option<Self>, TextError> {
        check_text(text)?;
        if text.bytes().all(|b| b == b' ' || b == b'\t') {
            return Ok(None);
        }
        Ok(Some(Self(text.into())))
    }

    /// The text, verbatim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names one connection for as long as the process lives. Never used again, so that a late answer
/// can't reach the next owner of a slot. The upper 8 bits name the worker that owns it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnId(u64);

impl ConnId {
    const SERIAL_BITS: u32 = 56;
    /// The low bits of a serial name its worker's slot, the others count how often that was used.
    const SLOT_BITS: u32 = 24;

    /// The `serial`th connection of a worker.
    #[must_use]
    pub fn new(worker: u8, serial: u64) -> Self {
        debug_assert!(serial < 1 << Self::SERIAL_BITS);
        Self((u64::from(worker) << Self::SERIAL_BITS) | serial)
    }

    /// The worker that owns the connection.
    #[must_use]
    pub fn worker(self) -> usize {
        usize::from((self.0 >> Self::SERIAL_BITS) as u8)
    }

    /// The connection's number within its worker.
    #[must_use]
    pub fn serial(self) -> u64 {
        self.0 & ((1 << Self::SERIAL_BITS) - 1)
    }
}

impl fmt::Display for ConnId {
    /// The worker, its slot, and how often the slot was used: `#0.12.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (uses, slot) = (self.serial() >> Self::SLOT_BITS, self.serial() & ((1 << Self::SLOT_BITS) - 1));
        write!(f, "#{}.{slot}.{uses}", self.worker())
    }
}

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(i64);

        impl $name {
            /// From the number that the database knows it by.
            #[must_use]
            pub const fn new(id: i64) -> Self {
                Self(id)
            }

            /// The number that the database knows it by.
            #[must_use]
            pub fn value(self) -> i64 {
                self.0
            }
        }
    };
}

row_id! {
    /// An account, for as long as the data lives; never given to another.
    AccountId
}

row_id! {
    /// A room, or the direct conversation of a pair of people; never given to another.
    ConversationId
}

/// Whom a connection's address stands for when counting: an IPv4 address, an IPv6 /64 (which is
/// what one household or one rented server has), or this machine's admin socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum AddressGroup {
    /// The admin socket.
    Console,
    /// One IPv4 address, also when it came mapped into IPv6.
    V4([u8; 4]),
    /// The first 64 bits of an IPv6 address.
    V6([u8; 8]),
}

impl AddressGroup {
    /// The group of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let mut net = [0; 8];
                net.copy_from_slice(&v6.octets()[..8]);
                Self::V6(net)
            }
        }
    }
}

impl fmt::Display for AddressGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console => f.write_str("console"),
            Self::V4(octets) => write!(f, "{}", Ipv4Addr::from(*octets)),
            Self::V6(net) => {
                let mut octets = [0; 16];
                octets[..8].copy_from_slice(net);
                write!(f, "{}/64", Ipv6Addr::from(octets))
            }
        }
    }
}

/// A message's place in its room or pair of people: counted up by one from 1. Zero stands before
/// all messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct MessageId(u64);

impl MessageId {
    /// Before all messages.
    pub const ZERO: Self = Self(0);
    /// The largest id, 2^63-1.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// Takes a number; `None` above [`MessageId::MAX`].
    #[must_use]
    pub fn new(id: u64) -> Option<Self> {
        (id <= Self::MAX.0).then_some(Self(id))
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    /// The id after this one; `None` after the last there can be.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
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
        assert_eq!(UserName::parse("").unwrap_err(), NameError::Empty);
        assert_eq!(UserName::parse("a b").unwrap_err(), NameError::BadCharacter);
        assert_eq!(UserName::parse(&"a".repeat(33)).unwrap_err(), NameError::TooLong);
        assert_eq!(RoomName::parse("#Ops").unwrap().as_str(), "ops");
        assert_eq!(RoomName::parse("##ops").unwrap_err(), NameError::BadCharacter);
        assert_eq!(Target::parse("@bob").unwrap().to_string(), "@bob");
        assert_eq!(Target::parse("@Server").unwrap().check_hears(), Err(NameError::Reserved));
        assert_eq!(RoomName::parse("#Server").unwrap_err(), NameError::Reserved);
        assert_eq!(Target::parse("#server").unwrap().check_hears(), Err(NameError::Reserved));
    }

    #[test]
    fn texts_are_checked() {
        for bad in ["\u{1b}[0m", "\u{7f}", "\u{85}", "\u{2028}", "\u{202e}", "\u{2066}", "a\rb"] {
            assert_eq!(Text::parse(bad), Err(TextError), "{bad:?}");
        }
        assert_eq!(Text::parse(" \t "), Ok(None));
        assert_eq!(Text::parse("a\tb").unwrap().unwrap().as_str(), "a\tb");
        assert!(Text::parse("日本 ☃ é\u{300}").unwrap().is_some());
    }

    #[test]
    fn an_ipv6_64_counts_as_one() {
        let group = |a: &str| AddressGroup::of(a.parse().unwrap());
        assert_eq!(group("2001:db8::1"), group("2001:db8::ffff:1"));
        assert_ne!(group("2001:db8::1"), group("2001:db8:0:1::1"));
        assert_eq!(group("::ffff:192.0.2.1"), group("192.0.2.1"));
        assert_eq!(group("2001:db8::1").to_string(), "2001:db8::/64");
    }

    #[test]
    fn connections_name_their_worker() {
        let conn = ConnId::new(255, 7);
        assert_eq!((conn.worker(), conn.serial()), (255, 7));
        assert_eq!(conn.to_string(), "#255.7.0");
    }

    proptest! {
        #[test]
        fn case_folding_is_idempotent_and_decides_equality(a in "[A-Za-z0-9_-]{1,32}", b in "[A-Za-z0-9_-]{1,32}") {
            prop_assume!(a.to_lowercase() != SERVER_NAME && b.to_lowercase() != SERVER_NAME);
            let (a, b) = (UserName::parse(&a).unwrap(), UserName::parse(&b).unwrap());
            prop_assert_eq!(a == b, a.case_folded() == b.case_folded());
            prop_assert_eq!(UserName::parse(&a.case_folded()).unwrap(), a);
        }

        #[test]
        fn the_fast_check_agrees_with_the_slow_one(text in any::<String>()) {
            prop_assert_eq!(check_text(&text).is_ok(), text.chars().all(is_text));
        }
    }
}
