//! The rooms and direct conversations in memory, how they are found, and who is in them.

use super::{State, index, put};
use crate::protocol::names::{AccountId, ConversationId, MessageId, RoomName};
use crate::protocol::roles::Role;
use crate::server::core::entities::{Conversation, Member, Pair, Room, Sanction};
use crate::server::traffic::{
    ConversationKind, ConversationRecord, InvitedRecord, MemberRecord, RetentionRecord, SanctionRecord,
};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

impl State {
    /// The id of the next room or direct conversation.
    #[must_use]
    pub(crate) fn next_conversation(&self) -> ConversationId {
        ConversationId::new(self.conversations.len().max(1) as i64)
    }

    #[must_use]
    pub(crate) fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.conversations.get(index(id.value()))?.as_ref()
    }

    pub(in crate::server::core) fn conversation_mut(&mut self, id: ConversationId) -> Option<&mut Conversation> {
        self.conversations.get_mut(index(id.value()))?.as_mut()
    }

    /// A room; `None` for a direct conversation.
    #[must_use]
    pub(crate) fn room(&self, id: ConversationId) -> Option<&Room> {
        match self.conversations.get(index(id.value()))?.as_ref()? {
            Conversation::Room(room) => Some(room),
            Conversation::Pair(_) => None,
        }
    }

    pub(in crate::server::core) fn room_mut(&mut self, id: ConversationId) -> Option<&mut Room> {
        match self.conversations.get_mut(index(id.value()))?.as_mut()? {
            Conversation::Room(room) => Some(room),
            Conversation::Pair(_) => None,
        }
    }

    /// The room of that name, visible or not.
    #[must_use]
    pub(crate) fn find_room(&self, name: &RoomName) -> Option<ConversationId> {
        self.rooms.get(name).copied()
    }

    /// The room that had this name before.
    #[must_use]
    pub(crate) fn find_former_room(&self, name: &RoomName) -> Option<ConversationId> {
        self.former_names.get(name).copied()
    }

    /// How many names the room had before.
    pub(in crate::server::core) fn count_former_names(&self, room: ConversationId) -> usize {
        self.former_names.values().filter(|&&other| other == room).count()
    }

    /// All rooms whose names come after `after`, in the order of their names.
    pub(crate) fn rooms_after(&self, after: Option<&RoomName>) -> impl Iterator<Item = (ConversationId, &Room)> {
        let after = after.map(|&name| (name, ConversationId::new(i64::MAX)));
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.listed.range((from, Bound::Unbounded)).filter_map(|&(_, id)| self.room(id).map(|room| (id, room)))
    }

    /// How many messages were ever said.
    #[must_use]
    pub(crate) fn count_messages(&self) -> u64 {
        self.conversations.iter().flatten().map(|conversation| conversation.last().value()).sum()
    }

    /// The direct conversation of two accounts, if they have ever talked.
    #[must_use]
    pub(crate) fn pair(&self, one: AccountId, other: AccountId) -> Option<ConversationId> {
        self.account(one)?.pairs.get(&other).copied()
    }

    pub(in crate::server::core) fn add_conversation(&mut self, record: ConversationRecord) {
        let conversation = match record.kind {
            ConversationKind::Room { name, private, topic, slow, closed } => {
                self.rooms.insert(name, record.id);
                if !closed {
                    self.listed.insert((name, record.id));
                }
                Conversation::Room(Room {
                    name,
                    maker: None,
                    private,
                    topic,
                    last: record.last,
                    changes: record.changes,
                    members: FxHashMap::default(),
                    invited: BTreeMap::new(),
                    bans: BTreeMap::new(),
                    mutes: BTreeMap::new(),
                    slow,
                    said: FxHashMap::default(),
                    closed,
                })
            }
            ConversationKind::Pair(low, high) => {
                for (one, other) in [(low, high), (high, low)] {
                    if let Some(account) = self.account_mut(one) {
                        account.pairs.insert(other, record.id);
                    }
                }
                Conversation::Pair(Pair {
                    sides: [low, high],
                    read: [MessageId::ZERO; 2],
                    last: record.last,
                    changes: record.changes,
                })
            }
        };
        put(&mut self.conversations, index(record.id.value()), conversation);
    }

    /// How long a room keeps what is said there; `None` if for ever.
    #[must_use]
    pub(crate) fn keeps_for(&self, room: ConversationId) -> Option<Duration> {
        self.retentions.get(&room)?.keep
    }

    /// The messages of a conversation up to this id were dropped; 0 if none were.
    #[must_use]
    pub(crate) fn dropped(&self, conversation: ConversationId) -> MessageId {
        self.retentions.get(&conversation).map_or(MessageId::ZERO, |retention| retention.dropped)
    }

    /// The rooms that drop what is older than some time, closed ones included.
    pub(crate) fn rooms_with_retention(&self) -> impl Iterator<Item = ConversationId> {
        self.retentions.values().filter(|retention| retention.keep.is_some()).map(|retention| retention.conversation)
    }

    pub(in crate::server::core) fn retention_mut(&mut self, conversation: ConversationId) -> &mut RetentionRecord {
        let none = RetentionRecord { conversation, keep: None, dropped: MessageId::ZERO };
        self.retentions.entry(conversation).or_insert(none)
    }

    /// Gives a room another name, and keeps the old one for it.
    pub(in crate::server::core) fn rename_room(&mut self, id: ConversationId, name: RoomName) {
        let Some(room) = self.room_mut(id) else { return };
        let before = std::mem::replace(&mut room.name, name);
        self.rooms.remove(&before);
        self.listed.remove(&(before, id));
        self.former_names.remove(&name);
        self.former_names.insert(before, id);
        self.rooms.insert(name, id);
        self.listed.insert((name, id));
    }

    /// Ends a room. Returns who was in it, in the order of their ids.
    pub(in crate::server::core) fn close_room(&mut self, id: ConversationId) -> Vec<AccountId> {
        let Some(room) = self.room_mut(id) else { return Vec::new() };
        let name = room.name;
        (room.closed, room.slow, room.topic) = (true, None, String::new());
        room.said.clear();
        room.bans.clear();
        room.mutes.clear();
        let mut members: Vec<AccountId> = std::mem::take(&mut room.members).into_keys().collect();
        let invited = std::mem::take(&mut room.invited);
        members.sort_unstable();
        for &account in &members {
            if let Some(account) = self.account_mut(account) {
                account.rooms.remove(&id);
            }
        }
        for account in invited.into_keys() {
            if let Some(account) = self.account_mut(account) {
                account.invitations.remove(&id);
            }
        }
        self.listed.remove(&(name, id));
        let hooks: Vec<AccountId> = self.hooks_of(id).map(|hook| hook.account).collect();
        hooks.into_iter().for_each(|hook| self.revoke_hook(hook));
        members
    }

    /// Notes who made a room.
    pub(in crate::server::core) fn set_maker(&mut self, id: ConversationId, maker: AccountId) {
        if let Some(room) = self.room_mut(id) {
            room.maker = Some(maker);
        }
        if let Some(account) = self.account_mut(maker) {
            account.made += 1;
        }
    }

    /// Forgets a room, and every name that it had.
    pub(in crate::server::core) fn forget_room(&mut self, id: ConversationId) {
        self.close_room(id);
        let Some(slot @ Some(Conversation::Room(_))) = self.conversations.get_mut(index(id.value())) else { return };
        let Some(Conversation::Room(room)) = slot.take() else { return };
        self.rooms.remove(&room.name);
        self.retentions.remove(&id);
        self.former_names.retain(|_, &mut other| other != id);
        if let Some(maker) = room.maker.and_then(|maker| self.account_mut(maker)) {
            maker.made = maker.made.saturating_sub(1);
        }
    }

    pub(in crate::server::core) fn add_member(&mut self, record: MemberRecord) {
        match self.conversation_mut(record.conversation) {
            Some(Conversation::Room(room)) => {
                room.members.insert(record.account, Member { role: record.role, read: record.read });
                if let Some(account) = self.account_mut(record.account) {
                    account.rooms.insert(record.conversation);
                }
            }
            Some(Conversation::Pair(pair)) => pair.mark(record.account, record.read),
            None => {}
        }
    }

    pub(in crate::server::core) fn set_role(&mut self, conversation: ConversationId, account: AccountId, role: Role) {
        if let Some(member) = self.room_mut(conversation).and_then(|room| room.members.get_mut(&account)) {
            member.role = role;
        }
    }

    pub(in crate::server::core) fn remove_member(&mut self, conversation: ConversationId, account: AccountId) {
        if let Some(room) = self.room_mut(conversation) {
            room.members.remove(&account);
        }
        if let Some(account) = self.account_mut(account) {
            account.rooms.remove(&conversation);
        }
    }

    /// Bans or mutes an account, in place of an earlier ban or mute.
    pub(in crate::server::core) fn impose(&mut self, record: SanctionRecord) {
        let SanctionRecord { conversation, account, kind, by, until, reason } = record;
        if let Some(room) = self.room_mut(conversation) {
            room.sanctions_mut(kind).insert(account, Sanction { by, until, reason });
        }
    }

    /// Invites an account to a room.
    pub(in crate::server::core) fn invite_to_room(&mut self, invitation: InvitedRecord) {
        let InvitedRecord { conversation, account, .. } = invitation;
        let Some(room) = self.room_mut(conversation) else { return };
        room.invited.insert(account, invitation);
        if let Some(account) = self.account_mut(account) {
            account.invitations.insert(conversation);
        }
    }

    /// Uses up a room invitation; false if there was none.
    pub(in crate::server::core) fn use_room_invitation(
        &mut self,
        conversation: ConversationId,
        account: AccountId,
    ) -> bool {
        if let Some(account) = self.account_mut(account) {
            account.invitations.remove(&conversation);
        }
        self.room_mut(conversation).is_some_and(|room| room.invited.remove(&account).is_some())
    }
}
