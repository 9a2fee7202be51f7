//! Passwords, device tokens and invitation codes.
//!
//! Owns how a secret is held (wiped when dropped, never shown by `Debug`), made and digested.
//! Must not know bcrypt (that is `auth`'s), the wire or the database.

use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// A password as it was typed, or a token or code. Wiped when dropped; `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes what was typed.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        Self(SecretString::from(typed))
    }

    /// The typed characters: only for hashing, comparing and showing once to their owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Shortest password, in bytes.
pub const PASSWORD_MIN: usize = 8;
/// Longest password, in bytes: bcrypt would silently cut a longer one.
pub const PASSWORD_MAX: usize = 71;

/// Why a password that somebody chose was refused. The peer's fault; on the wire it is
/// `weak-password`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer bytes than [`PASSWORD_MIN`].
    #[error("a password needs at least {PASSWORD_MIN} bytes; that one has {0}. A few words make a good one.")]
    TooShort(usize),
    /// More bytes than [`PASSWORD_MAX`].
    #[error("a password can have at most {PASSWORD_MAX} bytes; that one has {0}. Choose a shorter one.")]
    TooLong(usize),
}

/// Checks a password that somebody chose. Refused with the reason, never cut.
///
/// # Errors
/// [`WeakPassword`] outside of [`PASSWORD_MIN`] and [`PASSWORD_MAX`].
pub fn check_new_password(password: &Secret) -> Result<(), WeakPassword> {
    match password.expose().len() {
        bytes if bytes < PASSWORD_MIN => Err(WeakPassword::TooShort(bytes)),
        bytes if bytes > PASSWORD_MAX => Err(WeakPassword::TooLong(bytes)),
        _ => Ok(()),
    }
}

/// The SHA-256 of a token or an invitation code, which is all that the server stores of it. These are
/// random and long, so a plain digest is enough and costs a microsecond.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Digests a token or code as it was typed. They are compared exactly.
    #[must_use]
    pub fn of(typed: &str) -> Self {
        Self(Sha256::digest(typed.as_bytes()).into())
    }

    /// Digests a code of [`new_invite_code`] as somebody typed it: in any case, with or without its
    /// dashes. It has letters of one case alone, so nothing is ambiguous. What can't be such a code is
    /// digested as it is.
    #[must_use]
    pub fn of_code(typed: &str) -> Self {
        let symbols = typed.bytes().filter(|&b| b != b'-').map(|b| b.to_ascii_uppercase());
        let mut code = Zeroizing::new(String::with_capacity(CODE_SYMBOLS + CODE_SYMBOLS / CODE_GROUP));
        let mut taken = 0;
        for symbol in symbols {
            if taken == CODE_SYMBOLS || !SYMBOLS.contains(&symbol) {
                return Self::of(typed);
            }
            if taken > 0 && taken % CODE_GROUP == 0 {
                code.push('-');
            }
            code.push(char::from(symbol));
            taken += 1;
        }
        Self::of(if taken == CODE_SYMBOLS { &code } else { typed })
    }

    /// From the 32 bytes that were stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(digest)")
    }
}

/// The operating system gave no random bytes, so no secret can be created.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct NoRandomness(getrandom::Error);

/// Random bytes of the operating system's.
fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    #[cfg(feature = "faults")]
    if seeded::fill(bytes) {
        return Ok(());
    }
    getrandom::fill(bytes).map_err(NoRandomness)
}

/// What takes the place of randomness in a simulation's thread, so that a run can be repeated.
#[cfg(feature = "faults")]
pub(crate) mod seeded {
    use std::cell::Cell;

    thread_local! {
        static STATE: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// From now on this thread's bytes follow from that number.
    pub(crate) fn seed(seed: u64) {
        STATE.set(Some(seed));
    }

    /// False if the thread has no seed.
    pub(super) fn fill(bytes: &mut [u8]) -> bool {
        let Some(mut state) = STATE.get() else { return false };
        for byte in bytes {
            // SplitMix64.
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *byte = (mixed >> 56) as u8;
        }
        STATE.set(Some(state));
        true
    }
}

/// Creates a device token: `t` and 256 random bits as 64 hexadecimal digits. It begins with no
/// letter that `openssl s_client` without `-quiet` would swallow.
///
/// # Errors
/// [`NoRandomness`] if the operating system has none.
pub fn new_token() -> Result<Secret, NoRandomness> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    fill(bytes.as_mut())?;
    let mut token = Zeroizing::new(String::with_capacity(65));
    token.push('t');
    HEXLOWER.encode_append(bytes.as_ref(), &mut token);
    Ok(Secret::new(&token))
}

/// The symbols of a code: no vowels (no accidental words), none of 0 O 1 I L, none of Q R K C, which
/// `openssl s_client` takes for its own commands at the start of a line.
const SYMBOLS: &[u8; 24] = b"BDFGHJMNPSTVWXYZ23456789";
/// How many a code has.
const CODE_SYMBOLS: usize = 16;
/// How many of them stand between two dashes.
const CODE_GROUP: usize = 4;

/// Creates an invitation code: four groups of four from 24 letters and digits that can't be
/// mistaken for one another, 73 bits. Never begins with Q, R, K or C.
///
/// # Errors
/// [`NoRandomness`] if the operating system has none.
pub fn new_invite_code() -> Result<Secret, NoRandomness> {
    let mut code = Zeroizing::new(String::with_capacity(CODE_SYMBOLS + CODE_SYMBOLS / CODE_GROUP));
    let mut taken = 0;
    while taken < CODE_SYMBOLS {
        let mut byte = [0u8; 1];
        fill(&mut byte)?;
        // 240 is the largest multiple of 24 in a byte: above it, symbols would not be equally likely.
        if byte[0] >= 240 {
            continue;
        }
        if taken > 0 && taken % CODE_GROUP == 0 {
            code.push('-');
        }
        code.push(char::from(SYMBOLS[usize::from(byte[0]) % SYMBOLS.len()]));
        taken += 1;
    }
    Ok(Secret::new(&code))
}

/// Sixteen random hexadecimal digits: the name of a database's history.
///
/// # Errors
/// [`NoRandomness`] if the operating system has none.
pub fn new_epoch() -> Result<String, NoRandomness> {
    let mut bytes = [0u8; 8];
    fill(&mut bytes)?;
    Ok(HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_a_secret_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2hunter2")), "(secret)");
        assert_eq!(format!("{:?}", Digest::of("x")), "(digest)");
    }

    #[test]
    fn a_password_is_refused_and_never_cut() {
        for (length, fits) in [(0, false), (7, false), (8, true), (71, true), (72, false)] {
            let checked = check_new_password(&Secret::new(&"x".repeat(length)));
            assert_eq!(checked.is_ok(), fits, "{length}");
        }
    }

    #[test]
    fn a_code_is_read_in_any_case_and_without_its_dashes() {
        let code = new_invite_code().unwrap();
        let code = code.expose();
        let typed =
            [code.to_lowercase(), code.replace('-', ""), code.to_lowercase().replace('-', ""), format!("-{code}")];
        for typed in typed.iter().chain([&code.to_owned()]) {
            assert_eq!(Digest::of_code(typed), Digest::of(code), "{typed}");
        }
        for other in [&code[..18], &format!("{code}B"), &code.replace('-', " "), "", "nonsense"] {
            assert_ne!(Digest::of_code(other), Digest::of(code), "{other}");
        }
        for no_code in ["", "nonsense", "hello, my friend", &format!("{code}B")] {
            assert_eq!(Digest::of_code(no_code), Digest::of(no_code), "{no_code}");
        }
    }

    /// Each would be missing from 3,200 of them by chance once in 10^58.
    #[test]
    fn codes_are_made_of_all_symbols() {
        let codes: Vec<Secret> = (0..200).map(|_| new_invite_code().unwrap()).collect();
        for &symbol in SYMBOLS {
            let symbol = char::from(symbol);
            assert!(codes.iter().any(|code| code.expose().contains(symbol)), "{symbol}");
        }
    }

    #[test]
    fn tokens_and_codes_begin_with_no_letter_that_openssl_swallows() {
        for _ in 0..200 {
            let token = new_token().unwrap();
            assert_eq!(token.expose().len(), 65);
            assert!(token.expose().starts_with('t'));
            let code = new_invite_code().unwrap();
            assert_eq!(code.expose().len(), 19);
            assert!(!code.expose().starts_with(['Q', 'R', 'K', 'k', 'C']));
        }
        assert_ne!(new_token().unwrap().expose(), new_token().unwrap().expose());
    }
}
