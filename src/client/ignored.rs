//! Whom the account ignores. To the server this client is a program, which is sent what they say in rooms
//! all the same, so that its ids have no gap: the session leaves it out here.
//!
//! Owns the names. Pure; runs on the network thread.

use crate::protocol::line::Tags;
use crate::protocol::names::UserName;
use std::collections::HashSet;

/// Names that are remembered. No account of an honest server ignores more.
const NAMES_MAX: usize = 5000;

#[derive(Debug, Default)]
pub(super) struct Ignored {
    names: HashSet<UserName>,
    /// Those of the list that is being read.
    listed: HashSet<UserName>,
}

impl Ignored {
    /// The names are listed from the beginning.
    pub(super) fn list(&mut self) {
        self.listed.clear();
    }

    /// A row of `/ignored`.
    pub(super) fn row(&mut self, row: &str) {
        if self.listed.len() < NAMES_MAX {
            self.listed.extend(row.split(' ').next().and_then(|name| UserName::parse(name).ok()));
        }
    }

    /// The list is complete.
    pub(super) fn listed(&mut self) {
        self.names = std::mem::take(&mut self.listed);
    }

    /// From now on somebody is ignored, or not any more.
    pub(super) fn set(&mut self, name: UserName, ignored: bool) {
        if !ignored {
            self.names.remove(&name);
        } else if self.names.len() < NAMES_MAX {
            self.names.insert(name);
        }
    }

    /// Another connection of the account may have changed it.
    pub(super) fn notice(&mut self, tags: &Tags<'_>) {
        let ignored = match tags.ev {
            Some("ignore") => true,
            Some("unignore") => false,
            _ => return,
        };
        if let Some(name) = tags.who.and_then(|who| UserName::parse(who).ok()) {
            self.set(name, ignored);
        }
    }

    /// Whether what this account says is left out.
    #[must_use]
    pub(super) fn hides(&self, author: &str) -> bool {
        !self.names.is_empty() && UserName::parse(author).is_ok_and(|author| self.names.contains(&author))
    }

    /// Whether it is left out what happened: an edit or a reaction of somebody ignored.
    #[must_use]
    pub(super) fn hides_event(&self, tags: &Tags<'_>) -> bool {
        matches!(tags.ev, Some("edit" | "react" | "unreact")) && tags.who.is_some_and(|who| self.hides(who))
    }
}
