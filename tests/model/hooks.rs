//! Hooks: accounts as which programs post in a room. What they post comes by HTTP, which the model does not speak.

use super::moderation::MODERATE;
use super::operations::LABELS;
use super::state::{Account, Role, RoomId, Who};
use super::{By, Model, Outcome, Refusal, done, listed, refuse, require};

/// Hooks of one room.
const HOOKS_MAX: usize = 32;

/// The first hook's number.
pub(super) const FIRST_HOOK: Who = 1000;

/// An account as which programs post in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hook {
    pub account: Account,
    pub room: RoomId,
    /// Whether it has an address.
    pub on: bool,
    pub by: Who,
}

impl Model {
    /// Anybody's account, a hook's too.
    pub(super) fn anyone(&self, who: Who) -> &Account {
        self.hook(who).map_or_else(|| &self.accounts[who], |hook| &hook.account)
    }

    pub(super) fn hook(&self, who: Who) -> Option<&Hook> {
        self.hooks.get(who.checked_sub(FIRST_HOOK)?)
    }

    pub(super) fn hook_mut(&mut self, who: Who) -> Option<&mut Hook> {
        self.hooks.get_mut(who.checked_sub(FIRST_HOOK)?)
    }

    /// A new hook, which has no address yet.
    pub(super) fn add_hook(&mut self, name: &'static str, room: RoomId, by: Who) -> Who {
        self.hooks.push(Hook { account: Account::new(name), room, on: false, by });
        FIRST_HOOK + self.hooks.len() - 1
    }

    /// Nobody reads what is for a hook.
    pub(super) fn reads_at_all(&self, who: Who) -> Result<(), Refusal> {
        if self.hook(who).is_some() { refuse("not-allowed") } else { Ok(()) }
    }

    /// Whose label that is.
    pub(super) fn hook_called(&self, name: &str) -> Option<Who> {
        let hook = self.hooks.iter().position(|hook| hook.account.name.eq_ignore_ascii_case(name));
        hook.map(|hook| FIRST_HOOK + hook)
    }

    pub(super) fn new_hook(&mut self, by: By, room: &str, label: &str) -> Outcome {
        let id = self.room(by.me, room, MODERATE)?;
        self.may(by.me, id, MODERATE)?;
        let who = match self.account(label) {
            Ok(who) => {
                let free = self.hook(who).is_some_and(|hook| hook.room == id && !hook.on);
                require(free, "name-taken")?;
                require(self.not_banned(who, id).is_ok(), "banned")?;
                who
            }
            Err(_) => {
                require(self.hooks.iter().filter(|hook| hook.room == id).count() < HOOKS_MAX, "limit")?;
                let known = LABELS.iter().find(|known| **known == label).expect("a label of the operations");
                self.add_hook(known, id, by.me)
            }
        };
        let hook = self.hook_mut(who).expect("it is one");
        (hook.on, hook.by) = (true, by.me);
        self.note(by, id, "hook", Some(who), "new");
        if !self.rooms[id].members.contains_key(&who) {
            self.enter_as(by, who, id, Role::Member);
        }
        done("/hook/…")
    }

    pub(super) fn list_hooks(&mut self, by: By, room: &str) -> Outcome {
        let id = self.room(by.me, room, MODERATE)?;
        self.may(by.me, id, MODERATE)?;
        let hooks = self.hooks.iter().filter(|hook| hook.room == id);
        let mut rows: Vec<String> = hooks
            .map(|hook| {
                let address = if hook.on { "on" } else { "off" };
                format!("| {} TIME {} {address}", hook.account.name, self.name(hook.by))
            })
            .collect();
        rows.sort_unstable();
        listed(rows, "hook", "")
    }

    pub(super) fn revoke_hook(&mut self, by: By, room: &str, label: &str) -> Outcome {
        let id = self.room(by.me, room, MODERATE)?;
        self.may(by.me, id, MODERATE)?;
        let who = self.hook_with_address(id, label)?;
        self.hook_mut(who).expect("it is one").on = false;
        self.note(by, id, "hook", Some(who), "revoke");
        done(format!("{}…", self.name(who)))
    }

    fn hook_with_address(&self, id: RoomId, label: &str) -> Result<Who, Refusal> {
        let found = self.account(label).ok();
        let found = found.filter(|who| self.hook(*who).is_some_and(|hook| hook.room == id && hook.on));
        found.map_or_else(|| refuse("bad-argument"), Ok)
    }
}
