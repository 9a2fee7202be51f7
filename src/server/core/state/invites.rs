//! The invitation codes in memory, and when members made theirs.

use super::State;
use crate::protocol::names::AccountId;
use crate::protocol::secrets::Digest;
use crate::server::traffic::{InviteMadeRecord, InviteRecord};

impl State {
    /// The invitation whose code has this digest.
    pub(in crate::server::core) fn invite(&self, digest: &Digest) -> Option<&InviteRecord> {
        self.invites.get(digest)
    }

    pub(in crate::server::core) fn expired_invites(&self, at: u64) -> Vec<Digest> {
        // In the order of their digests, since a hash table's order is not the same everywhere.
        let mut expired: Vec<Digest> =
            self.invites.values().filter(|invite| invite.until <= at).map(|invite| invite.digest).collect();
        expired.sort_unstable_by_key(|digest| *digest.as_bytes());
        expired
    }

    /// All invitation codes, in no order. Some may have expired.
    pub(crate) fn invites(&self) -> impl Iterator<Item = &InviteRecord> {
        self.invites.values()
    }

    /// The number of the next invitation code.
    pub(in crate::server::core) fn next_invite(&self) -> u64 {
        self.invites_ever + 1
    }

    pub(in crate::server::core) fn add_invite(&mut self, record: InviteRecord) {
        self.invites_ever = self.invites_ever.max(record.number);
        self.invites.insert(record.digest, record);
    }

    /// Counts one use of an invitation; the last use removes it.
    pub(in crate::server::core) fn use_invite(&mut self, digest: &Digest) {
        let Some(invite) = self.invites.get_mut(digest) else { return };
        invite.uses = invite.uses.saturating_sub(1);
        if invite.uses == 0 {
            self.invites.remove(digest);
        }
    }

    pub(in crate::server::core) fn remove_invite(&mut self, digest: &Digest) {
        self.invites.remove(digest);
    }

    /// When the account made codes as a member, the oldest first.
    pub(in crate::server::core) fn invites_made(&self, by: AccountId) -> impl Iterator<Item = u64> {
        self.invites_made.get(&by).into_iter().flatten().copied()
    }

    /// A member made a code.
    pub(in crate::server::core) fn add_invite_made(&mut self, made: InviteMadeRecord) {
        self.invites_made.entry(made.by).or_default().push(made.at);
    }

    /// Codes that members made up to then are not counted any more.
    pub(in crate::server::core) fn forget_invites_made(&mut self, through: u64) {
        self.invites_made.retain(|_, made| {
            made.retain(|at| *at > through);
            !made.is_empty()
        });
    }
}
