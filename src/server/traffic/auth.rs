//! What the bcrypt pool is asked, and what it found.

use crate::protocol::code::Refusal;
use crate::protocol::names::{AccountId, AddressGroup, ConnId, UserName};
use crate::protocol::secrets::{Digest, Secret};
use crate::server::traffic::Viewer;
use std::sync::Arc;

/// A job for the bcrypt pool.
#[derive(Debug)]
pub(crate) struct AuthJob {
    /// For whom.
    pub conn: ConnId,
    /// Who will see the answer.
    pub viewer: Viewer,
    /// What to do.
    pub work: AuthWork,
}

/// See [`AuthJob`].
#[derive(Debug)]
pub(crate) enum AuthWork {
    /// Is this the account's password?
    Verify {
        /// The account, and which generation of its password; `None` if there is no such account,
        /// which must take the same time.
        account: Option<(AccountId, u32)>,
        /// The name that was tried, case-folded: failures are counted for it.
        name: UserName,
        /// The current hash.
        hash: Option<Arc<str>>,
        /// What was given.
        password: Secret,
        /// The address that it comes from.
        from: AddressGroup,
    },
    /// Hash a new account's password.
    Hash {
        /// Its name.
        name: UserName,
        /// The invitation.
        invite: Option<Digest>,
        /// The password, of a length that bcrypt takes whole.
        password: Secret,
        /// The address that it comes from.
        from: AddressGroup,
    },
    /// Check the old password and hash the new.
    Change {
        /// The account.
        account: AccountId,
        /// The generation of its password.
        generation: u32,
        /// The current hash.
        hash: Arc<str>,
        /// What was given as the old one.
        old: Secret,
        /// The new one.
        new: Secret,
    },
}

/// What `auth` found.
#[derive(Debug)]
pub(crate) enum AuthOutcome {
    /// The password was right.
    Right {
        /// Whose.
        account: AccountId,
        /// The generation that was checked: the password may have changed meanwhile.
        generation: u32,
        /// The address that it comes from.
        from: AddressGroup,
    },
    /// The password was wrong, or there is no such account.
    Wrong {
        /// The name that was tried.
        name: UserName,
    },
    /// A new account's hash.
    Hashed {
        /// Its name.
        name: UserName,
        /// The invitation.
        invite: Option<Digest>,
        /// The hash.
        hash: Arc<str>,
        /// The address that it comes from.
        from: AddressGroup,
    },
    /// The old password was right; the new one's hash.
    Changed {
        /// Whose.
        account: AccountId,
        /// The generation that was checked.
        generation: u32,
        /// The new hash.
        hash: Arc<str>,
    },
    /// `/passwd` gave a wrong old password.
    WrongOld,
    /// The job could not be done.
    Failed(Refusal),
}
