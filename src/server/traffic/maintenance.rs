//! What the thread `reload` is asked, and what it and the thread `watchdog` tell the dispatcher.

use super::{HubSettings, Limits};
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::ConnId;
use crossbeam_channel::Sender;

/// Why the settings and the certificate are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReloadJob {
    /// SIGHUP.
    Signal,
    /// `/reload` on this connection, which waits for the answer.
    Asked(ConnId),
}

/// What has changed since the dispatcher was told last. It takes effect whatever becomes of the batch that
/// it arrives with.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    /// The hub's settings from now on.
    pub settings: Option<HubSettings>,
    /// The workers' limits from now on.
    pub limits: Option<Limits>,
    /// Told to the administrators who are connected.
    pub notices: Vec<String>,
    /// Told to an administrator who logs in, from now on; in place of what was told until now.
    pub at_login: Option<Vec<String>>,
    /// The answer to `/reload`.
    pub answer: Option<(Rows, Final)>,
    /// Told that the turn is over: the dispatcher turns. With one slot.
    pub alive: Option<Sender<()>>,
}
