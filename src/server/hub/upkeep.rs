//! `/reload`, and what comes of it: other settings while the server runs.
//!
//! What is not a setting of the hub is passed on to the workers in the order of everything else that they
//! are told. Nothing here is stored, so it does not depend on a batch.

use super::{Answered, Context, Effects, Hub, Now};
use crate::protocol::names::ConnId;
use crate::server::core::{AccountAction, Administration};
use crate::server::traffic::{Delivery, HubSettings, Upkeep};

/// Asks for the settings to be read again. The answer comes with the [`Upkeep`] that follows.
pub(super) fn reload(cx: &mut Context<'_>) -> Answered {
    cx.apply(AccountAction::Administer(Administration::Reload))?;
    cx.effects.reloads.push(cx.conn);
    Ok(())
}

impl Hub {
    /// The most bytes in the rows of one answer.
    #[must_use]
    pub(in crate::server) fn answer_bytes(&self) -> usize {
        self.settings.answer_bytes
    }

    /// Takes what the thread `reload` has; the connection is the one that asked, if one did.
    pub(in crate::server) fn keep_up(&mut self, now: Now, conn: ConnId, upkeep: Upkeep, effects: &mut Effects) {
        let Upkeep { settings, limits, answer } = upkeep;
        if let Some(settings) = settings {
            self.reconfigure(now, settings, effects);
        }
        if let Some(limits) = limits {
            for worker in 0..self.settings.workers {
                effects.deliver(worker, Delivery::Limits(limits));
            }
        }
        if let Some((rows, last)) = answer {
            effects.answer(conn, rows, last);
        }
    }

    fn reconfigure(&mut self, now: Now, settings: HubSettings, effects: &mut Effects) {
        self.throttle.set_rates(settings.logins, settings.registrations);
        self.pace.set_limits(settings.pace);
        if self.taps.set_rate(settings.account_flood, settings.pace.new_account) {
            for (conn, id) in self.connections.all() {
                let tap = self.state.account(id).and_then(|account| self.taps.of(id, account, now));
                effects.deliver(conn.worker(), Delivery::Tap { conn, tap });
            }
        }
        // The workers are as many as they were.
        self.settings = HubSettings { workers: self.settings.workers, ..settings };
    }
}
