//! What people say about themselves, and their connections.

use super::state::{Conn, Model, Place, Who};
use super::{By, Outcome, done, listed, require};

impl Model {
    pub(super) fn away(&mut self, by: By, text: &str) -> Outcome {
        let before = std::mem::replace(&mut self.accounts[by.me].away, (!text.is_empty()).then(|| text.to_owned()));
        if before == self.accounts[by.me].away {
            return done("…");
        }
        for connection in self.connections.values_mut() {
            connection.knows_away.remove(&by.me);
        }
        let word = if text.is_empty() { "back" } else { "away" };
        for conn in self.connections_of(by.me) {
            if conn != by.conn {
                self.tell(conn, "*", format!("ev={word} who={} *", self.name(by.me)));
            }
        }
        done("…")
    }

    /// Whoever writes to somebody who is away is told so, once.
    pub(super) fn tell_absence(&mut self, by: By, place: Place) {
        let Place::Direct(one, other) = place else { return };
        let whom = if by.me == one { other } else { one };
        let Some(text) = self.accounts[whom].away.clone() else { return };
        let connection = self.connections.get_mut(&by.conn).expect("it is logged in");
        if whom != by.me && connection.knows_away.insert(whom) {
            let name = self.name(whom);
            self.tell(by.conn, "*", format!("ev=away who={name} * away: {name} is away: {text}"));
        }
    }

    /// A login reminds of one's own.
    pub(super) fn remind_of_absence(&mut self, conn: Conn, who: Who) {
        if self.accounts[who].away.is_some() {
            self.tell(conn, "*", format!("ev=away who={} *", self.name(who)));
        }
    }

    pub(super) fn describe(&mut self, by: By, text: &str) -> Outcome {
        let text = if text == "-" { "" } else { text };
        text.clone_into(&mut self.accounts[by.me].profile);
        done(format!("{}…", self.name(by.me)))
    }

    pub(super) fn profile(&mut self, by: By, name: &str) -> Outcome {
        let who = self.account(name)?;
        let account = self.anyone(who);
        let state = if self.online(who) { "here" } else { "away" };
        let mut rows = vec!["| since TIME".to_owned(), format!("| state {state}")];
        rows.extend(account.admin.then(|| "| admin yes".to_owned()));
        rows.extend(self.hook(who).map(|hook| {
            let seen =
                self.sees(by.me, hook.room).then(|| format!("{} {}", self.rooms[hook.room].name, self.name(hook.by)));
            format!("| hook {}", seen.as_deref().unwrap_or("-"))
        }));
        rows.extend(account.away.as_ref().map(|text| format!("| absent TIME {text}")));
        if !account.profile.is_empty() {
            rows.push(format!("| text {}", account.profile));
        }
        let answer = done(format!("{}…", account.name))?;
        Ok(super::Answer { rows, ..answer })
    }

    pub(super) fn ignore(&mut self, by: By, name: &str, on: bool) -> Outcome {
        let whom = self.account(name)?;
        require(whom != by.me || !on, "bad-argument")?;
        let ignores = &mut self.accounts[by.me].ignores;
        let (changed, word) = if on { (ignores.insert(whom), "ignore") } else { (ignores.remove(&whom), "unignore") };
        for conn in self.connections_of(by.me) {
            if changed && conn != by.conn {
                self.tell(conn, "*", format!("ev={word} who={} *", self.name(whom)));
            }
        }
        done(format!("{}…", self.name(whom)))
    }

    pub(super) fn ignored(&mut self, by: By) -> Outcome {
        let mut names: Vec<&str> = self.accounts[by.me].ignores.iter().map(|who| self.name(*who)).collect();
        names.sort_unstable_by_key(|name| name.to_lowercase());
        listed(names.into_iter().map(|name| format!("| {name} since TIME")).collect(), "account", "")
    }

    pub(super) fn sessions(&mut self, by: By) -> Outcome {
        let rows = self.connections_of(by.me).iter().map(|_| "| since TIME from …".to_owned()).collect();
        listed(rows, "session", "")
    }

    pub(super) fn end_others(&mut self, by: By) -> Outcome {
        let others: Vec<Conn> = self.connections_of(by.me).into_iter().filter(|conn| *conn != by.conn).collect();
        others.iter().for_each(|conn| self.end_connection(*conn));
        done("…")
    }

    /// The server ends a connection whose login is over.
    pub(super) fn end_connection(&mut self, conn: Conn) {
        self.tell(conn, "*", "* not-logged-in:".to_owned());
        self.tell(conn, "*", "the end".to_owned());
        self.disconnect(conn);
    }
}
