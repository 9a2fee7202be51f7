//! What accounts say about themselves and whom they ignore, as it passes between the core and the store.

use crate::protocol::names::AccountId;

/// A change to what an account says about itself, or to whom it ignores.
#[derive(Debug, Clone)]
pub(crate) enum PersonalWrite {
    /// The account is away from now on, in place of why it was before.
    Away(AwayRecord),
    /// It is back.
    Back(AccountId),
    /// What it says about itself; empty if nothing any more.
    Profile(AccountId, String),
    /// It ignores another account from now on.
    Ignored(IgnoredRecord),
    /// The first account does not ignore the second any more.
    Unignored(AccountId, AccountId),
}

/// An account that is away, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwayRecord {
    pub account: AccountId,
    /// In milliseconds of Unix time.
    pub since: u64,
    /// What it says about that.
    pub text: String,
}

/// That an account ignores another one, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IgnoredRecord {
    pub account: AccountId,
    /// The one that it ignores.
    pub other: AccountId,
    /// In milliseconds of Unix time.
    pub since: u64,
}
