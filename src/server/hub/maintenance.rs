//! `/reload`, and what comes of it: other settings while the server runs. And what administrators are warned of.
//!
//! What is not a setting of the hub is passed on to the workers in the order of everything else that they
//! are told. Nothing here is stored, so it does not depend on a batch.

use super::{Answered, Context, Effects, Guest, Hub, Now};
use crate::protocol::code::Code;
use crate::protocol::line::{Body, Line};
use crate::protocol::names::{AccountId, ConnId};
use crate::server::core::{AccountAction, Administration};
use crate::server::traffic::{Delivery, HubSettings, Maintenance, Recipients};

/// Asks for the settings to be read again. The answer comes with the [`Maintenance`] that follows.
pub(super) fn reload(cx: &mut Context<'_>) -> Answered {
    cx.apply(AccountAction::Administer(Administration::Reload))?;
    cx.effects.reloads.push(cx.conn);
    Ok(())
}

impl Guest<'_> {
    /// Tells an administrator who has just logged in what there is to see to.
    pub(super) fn warn(&mut self, account: AccountId) {
        if self.hub.is_administrator(account) {
            for text in &self.hub.warnings {
                self.effects.tell(account, self.conn, &warning(text));
            }
        }
    }
}

fn warning(text: &str) -> Line<'_> {
    Line::plain(Body::Notice(Some(Code::Warning), text))
}

impl Hub {
    /// The most bytes in the rows of one answer.
    #[must_use]
    pub(in crate::server) fn answer_bytes(&self) -> usize {
        self.settings.answer_bytes
    }

    /// From now on these are the settings. Whoever is connected is told with the rest of the [`Maintenance`].
    pub(in crate::server) fn reconfigure(&mut self, now: Now, settings: HubSettings) {
        self.throttle.set_rates(settings.logins, settings.registrations);
        self.pace.set_limits(settings.pace);
        self.retap |= self.taps.set_rate(settings.account_flood, settings.pace.new_account);
        if settings.keep != self.settings.keep {
            self.sweeper.set_limits(now.instant, settings.keep);
        }
        // The workers are as many as they were.
        self.settings = HubSettings { workers: self.settings.workers, ..settings };
    }

    /// Takes what else there is in it, after the commit; the connection is the one that asked, if one did.
    pub(in crate::server) fn maintain(
        &mut self,
        now: Now,
        conn: ConnId,
        maintenance: Maintenance,
        effects: &mut Effects,
    ) {
        let Maintenance { settings: _, limits, notices, at_login, answer, alive: _ } = maintenance;
        if std::mem::take(&mut self.retap) {
            for (conn, id) in self.connections.all() {
                let tap = self.state.account(id).and_then(|account| self.taps.of(id, account, now));
                effects.deliver(conn.worker(), Delivery::Tap { conn, tap });
            }
        }
        if let Some(limits) = limits {
            for worker in 0..self.settings.workers {
                effects.deliver(worker, Delivery::Limits(limits));
            }
        }
        for text in notices {
            let line = warning(&text);
            for account in self.connections.accounts().filter(|&id| self.is_administrator(id)) {
                effects.notify(&self.connections, account, Recipients::All, &line);
            }
        }
        self.warnings = at_login.unwrap_or_else(|| std::mem::take(&mut self.warnings));
        if let Some((rows, last)) = answer {
            effects.answer(conn, rows, last);
        }
    }

    fn is_administrator(&self, id: AccountId) -> bool {
        self.state.account(id).is_some_and(|account| account.admin)
    }
}
