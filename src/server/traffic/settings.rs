//! The operator's settings, as the threads that use them have them. They are replaced as a whole when the
//! settings are read again.

use crate::server::flood::Rate;
use std::time::Duration;

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registration {
    /// Anyone.
    Open,
    /// People with an invitation code.
    Invite,
    /// Nobody, except with an administrator's invitation code (otherwise the server could be left
    /// without an administrator).
    Closed,
}

/// What concerns the hub.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HubSettings {
    pub registration: Registration,
    /// Login attempts per address; `None` is unlimited.
    pub logins: Option<Rate>,
    /// New accounts per address; `None` is unlimited.
    pub registrations: Option<Rate>,
    /// Lines of one account; `None` is unlimited.
    pub account_flood: Option<Rate>,
    /// How often an account may do what many notice.
    pub pace: PaceLimits,
    /// Rooms that one account may have made; `None` is unlimited.
    pub rooms_made: Option<u32>,
    /// Invitation codes that a member may make in a week; `None` if only administrators make any.
    pub members_invite: Option<u32>,
    /// What every conversation keeps at most.
    pub keep: KeepLimits,
    /// For how long a message can be edited after it was said; `None` is for ever.
    pub edit_for: Option<Duration>,
    /// The most bytes in the rows of one answer.
    pub answer_bytes: usize,
    /// From 1 to 256.
    pub workers: usize,
}

/// What every conversation keeps at most; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KeepLimits {
    /// How long messages are kept.
    pub lasts: Option<Duration>,
    /// How many bytes of the database may be in use.
    pub bytes: Option<u64>,
}

impl KeepLimits {
    /// Whether messages go at some time.
    #[must_use]
    pub(crate) fn is_some(self) -> bool {
        self != Self::default()
    }
}

/// How often an account may do what many notice; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct PaceLimits {
    pub rooms: Option<Rate>,
    pub joins: Option<Rate>,
    pub first_messages: Option<Rate>,
    pub invitations: Option<Rate>,
    pub repeats: Option<Rate>,
    /// What is posted at the address of one hook.
    pub hook: Option<Rate>,
    /// For how long an account is new.
    pub new_account: Option<Duration>,
}

/// What concerns the workers: limits for each connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// How fast one connection may send lines; `None` is unlimited.
    pub flood: Option<Rate>,
    /// Bytes that one connection may leave unread.
    pub unread_bytes: usize,
    /// Bytes of memory that what all connections leave unread may take; beyond that, the one that leaves the
    /// most is evicted.
    pub unread_total: usize,
    /// Lines of one connection that may wait for their answers.
    pub unanswered: usize,
}

impl Limits {
    /// While a connection leaves more than this many bytes unread, none of its lines are cut.
    pub(crate) fn unread_to_pause(&self) -> usize {
        self.unread_bytes / 4
    }
}
