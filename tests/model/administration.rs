//! What administrators do to the server.

use super::state::{SERVER, Who};
use super::{By, Model, Outcome, Refusal, done, require};

impl Model {
    pub(super) fn administers(&self, by: By) -> Result<(), Refusal> {
        require(self.accounts[by.me].admin, "not-allowed")
    }

    /// Whether nobody else who can log in is an administrator.
    fn last_admin(&self, who: Who) -> bool {
        let able = |(other, account): (Who, &super::state::Account)| {
            other != SERVER && other != who && account.admin && account.disabled.is_none()
        };
        self.accounts[who].admin && !self.accounts.iter().enumerate().any(able)
    }

    pub(super) fn disable(&mut self, by: By, name: &str, reason: &str) -> Outcome {
        self.administers(by)?;
        let whom = self.account(name)?;
        self.reads_at_all(whom)?;
        if self.accounts[whom].disabled.is_some() {
            return done(format!("{}…", self.name(whom)));
        }
        require(whom != SERVER && !self.last_admin(whom), "not-allowed")?;
        self.accounts[whom].disabled = Some(reason.to_owned());
        self.note_server(by, "disable", Some(whom), reason);
        for conn in self.connections_of(whom) {
            self.end_connection(conn);
        }
        done(format!("{}…", self.name(whom)))
    }

    pub(super) fn enable(&mut self, by: By, name: &str) -> Outcome {
        self.administers(by)?;
        let whom = self.account(name)?;
        self.reads_at_all(whom)?;
        if self.accounts[whom].disabled.take().is_some() {
            self.note_server(by, "enable", Some(whom), "");
        }
        done(format!("{}…", self.name(whom)))
    }

    pub(super) fn grant(&mut self, by: By, name: &str, admin: bool) -> Outcome {
        self.administers(by)?;
        let whom = self.account(name)?;
        self.reads_at_all(whom)?;
        require(whom != SERVER, "not-allowed")?;
        require(admin || !self.last_admin(whom), "not-allowed")?;
        if self.accounts[whom].admin != admin {
            self.accounts[whom].admin = admin;
            self.note_server(by, "grant", Some(whom), if admin { "admin" } else { "none" });
        }
        done(format!("{}…", self.name(whom)))
    }

    pub(super) fn announce(&mut self, by: By, text: &str) -> Outcome {
        self.administers(by)?;
        self.note_server(by, "announce", None, text);
        for conn in self.conns() {
            self.tell(conn, "*", format!("* announcement: {text}"));
        }
        done("…")
    }
}
