//! What the bcrypt pool is asked, and what it found.

use crate::protocol::code::Refusal;
use crate::protocol::names::{AccountId, AddressGroup, ConnId, UserName};
use crate::protocol::secrets::{Digest, Secret};
use crate::server::traffic::{Standing, Viewer};
use std::sync::Arc;

/// A job for the bcrypt pool.
#[derive(Debug)]
pub(crate) struct AuthJob {
    pub conn: ConnId,
    pub viewer: Viewer,
    /// When it has its turn.
    pub standing: Standing,
    pub work: AuthWork,
}

#[derive(Debug)]
pub(crate) enum AuthWork {
    /// Is this the account's password?
    Verify {
        /// The account, and the generation of its password; `None` if there is no such account,
        /// which must take the same time.
        account: Option<(AccountId, u32)>,
        /// The name that was tried, case-folded: failures are counted for it.
        name: UserName,
        hash: Option<Arc<str>>,
        password: Secret,
        from: AddressGroup,
    },
    /// Hash a new account's password.
    Hash {
        name: UserName,
        invite: Option<Digest>,
        /// The password, of a length that bcrypt takes whole.
        password: Secret,
        from: AddressGroup,
    },
    /// Hash the new password of an account whose old one was reset.
    Recover {
        name: UserName,
        code: Digest,
        /// The password, of a length that bcrypt takes whole.
        password: Secret,
        from: AddressGroup,
    },
    /// Check the old password and hash the new.
    Change { account: AccountId, generation: u32, hash: Arc<str>, old: Secret, new: Secret },
    /// Check the password of an account that is to end.
    Unregister { account: AccountId, generation: u32, hash: Arc<str>, password: Secret, all: bool },
}

/// What `auth` found.
#[derive(Debug)]
pub(crate) enum AuthOutcome {
    /// The password was right.
    Right {
        account: AccountId,
        /// The generation that was checked: the password may have changed meanwhile.
        generation: u32,
        from: AddressGroup,
    },
    /// The password was wrong, or there is no such account.
    Wrong { name: UserName, from: AddressGroup },
    /// A new account's hash.
    Hashed { name: UserName, invite: Option<Digest>, hash: Arc<str>, from: AddressGroup },
    /// The hash of a recovered account's new password.
    Recovered { name: UserName, code: Digest, hash: Arc<str>, from: AddressGroup },
    /// The old password was right; the new one's hash.
    Changed { account: AccountId, generation: u32, hash: Arc<str> },
    /// The password of the account that is to end was right.
    Unregister { account: AccountId, generation: u32, all: bool },
    /// `/unregister` gave a wrong password.
    WrongOwn,
    /// `/passwd` gave a wrong old password.
    WrongOld,
    /// The job could not be done.
    Failed(Refusal),
}
