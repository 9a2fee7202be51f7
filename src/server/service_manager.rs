//! What the service manager is told, if one started the process: systemd, or another with its protocol, `sd_notify(3)`.
//!
//! The only place that knows the protocol. The server says when it is ready, while it reloads and that it stops, and
//! its `watchdog` that it is alive. It must not know how a server serves. Any thread may use it: each datagram is
//! sent from a socket of its own.

use crate::server::running::Running;
use sd_notify::NotifyState;
use std::time::Duration;

/// The service manager that started the process, if one did. Without one nobody is told anything; that is also the
/// default, for a program that has a server in it and speaks for itself.
#[derive(Debug, Clone, Default)]
pub struct ServiceManager {
    exists: bool,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that this process's environment names. The variables stay set: taking them out is safe only while
    /// there is a single thread, and no program is started that could inherit them.
    #[must_use]
    pub fn of_process() -> Self {
        let exists = std::env::var_os("NOTIFY_SOCKET").is_some();
        let watchdog = sd_notify::watchdog_enabled().filter(|within| exists && !within.is_zero());
        Self { exists, watchdog }
    }

    /// Within which time it always wants to hear that the server is alive; otherwise it ends the process.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The server serves.
    pub(super) fn ready(&self, running: &Running) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&listening(running))]);
    }

    /// The server reads its settings again. [`ServiceManager::reloaded`] must follow, whatever comes of it.
    pub(super) fn reloading(&self) {
        // systemd 253 and later want to know when that began.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => log::warn!("can't tell the service manager of the reload: {error}"),
        }
    }

    pub(super) fn reloaded(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    pub(super) fn stopping(&self) {
        self.tell(&[
            NotifyState::Stopping,
            NotifyState::Status("stopping: answering what was accepted, then telling everyone"),
        ]);
    }

    pub(super) fn alive(&self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if self.exists
            && let Err(error) = sd_notify::notify(states)
        {
            log::warn!("can't tell the service manager how the server is: {error}");
        }
    }
}

/// The line of `systemctl status`.
fn listening(running: &Running) -> String {
    let tls = running.tls.iter().map(|address| format!("TLS {address}"));
    let plain = running.plain.iter().map(|address| format!("plain {address}"));
    let web = running.web.iter().map(|address| format!("web {address}"));
    format!("listening: {}", tls.chain(plain).chain(web).collect::<Vec<_>>().join(", "))
}
