//! The hooks in memory, and how they are found.

use super::State;
use crate::protocol::names::{AccountId, ConversationId};
use crate::protocol::secrets::Digest;
use crate::server::traffic::HookRecord;

impl State {
    /// The hook that the account is, if it is one.
    #[must_use]
    pub(crate) fn hook(&self, account: AccountId) -> Option<&HookRecord> {
        self.hooks.get(&account)
    }

    /// The hook at whose address somebody posts.
    #[must_use]
    pub(crate) fn find_hook(&self, token: &Digest) -> Option<&HookRecord> {
        self.hook(*self.hook_tokens.get(token)?)
    }

    /// All hooks, in the order of their accounts.
    pub(crate) fn hooks(&self) -> impl Iterator<Item = &HookRecord> {
        self.hooks.values()
    }

    /// The hooks of a room, those without an address included.
    pub(crate) fn hooks_of(&self, room: ConversationId) -> impl Iterator<Item = &HookRecord> {
        self.hooks().filter(move |hook| hook.conversation == room)
    }

    /// A hook is new, or has a new address.
    pub(in crate::server::core) fn add_hook(&mut self, hook: HookRecord) {
        self.revoke_hook(hook.account);
        self.hook_tokens.extend(hook.digest.map(|digest| (digest, hook.account)));
        self.hooks.insert(hook.account, hook);
    }

    /// The hook has no address any more.
    pub(in crate::server::core) fn revoke_hook(&mut self, account: AccountId) {
        if let Some(digest) = self.hooks.get_mut(&account).and_then(|hook| hook.digest.take()) {
            self.hook_tokens.remove(&digest);
        }
    }
}
