//! A room and a tap in memory, for `benches/hot.rs`: measures what deciding and delivering a message costs,
//! without sockets and disk. Not part of the library's interface.

use crate::protocol::command::Command;
use crate::protocol::names::{
    AccountId, AddressGroup, ConnId, ConversationId, MessageId, RoomName, Target, Text, UserName,
};
use crate::protocol::roles::Role;
use crate::protocol::secrets::Digest;
use crate::server::config::{Limits, Rate};
use crate::server::core::{NotStored, Storage};
use crate::server::hub::{Effects, Hub, Now};
use crate::server::traffic::{
    AccountRecord, Appended, ConversationKind, ConversationRecord, Draft, HubSettings, KeepLimits, MemberRecord,
    MessageRecord, PaceLimits, Pins, Reaction, Reactions, Registration, Request, RequestKind, Share, Snapshot, Tap,
    TokenRecord, Viewer, Write,
};
use std::time::Instant;

/// A room in which every member has one connection, spread over two workers. The last member talks.
#[derive(Debug)]
pub struct BusyRoom {
    hub: Hub,
    storage: Counter,
    effects: Effects,
    now: Now,
    speaker: ConnId,
}

/// The bucket for the lines of one account.
#[derive(Debug)]
pub struct AccountTap(Tap);

impl Default for AccountTap {
    fn default() -> Self {
        let rate = Rate { per_second: 1e9, burst: 1_000_000 };
        Self(Tap::new(rate, None, Instant::now()))
    }
}

impl AccountTap {
    /// Pays for a line, and says whether another one may be cut.
    pub fn draw(&self) -> bool {
        let now = Instant::now();
        self.0.pay(1.0, now);
        self.0.owed(now).is_none()
    }
}

/// A store that takes no time.
#[derive(Debug)]
struct Counter(MessageId);

impl Storage for Counter {
    fn write(&mut self, _: Write) {}

    fn append(&mut self, _: &Draft) -> Result<Appended, NotStored> {
        self.0 = self.0.next().unwrap_or(MessageId::ZERO);
        Ok(Appended::New(self.0))
    }

    fn find_post(&mut self, _: &Draft) -> Result<Option<Appended>, NotStored> {
        Ok(None)
    }

    fn find(&mut self, _: ConversationId, _: MessageId) -> Result<Option<MessageRecord>, NotStored> {
        Ok(None)
    }

    fn posted(&mut self, _: AccountId, _: ConversationId, _: &str) -> Result<Option<MessageId>, NotStored> {
        Ok(None)
    }

    fn reactions(&mut self, _: &Reaction) -> Result<Reactions, NotStored> {
        Ok(Reactions::default())
    }

    fn pins(&mut self, _: ConversationId, _: MessageId) -> Result<Pins, NotStored> {
        Ok(Pins::default())
    }
}

impl BusyRoom {
    /// A room with this many members.
    #[must_use]
    pub fn new(members: u32) -> Self {
        let mut snapshot = Snapshot::default();
        let room = ConversationId::new(1);
        let kind = ConversationKind::room(RoomName::lobby(), false);
        snapshot.conversations.push(ConversationRecord { id: room, kind, last: MessageId::ZERO, changes: 0 });
        for n in 1..=i64::from(members) {
            let id = AccountId::new(n);
            let name = UserName::parse(&format!("u{n}")).unwrap_or_else(|_| UserName::server());
            snapshot.accounts.push(AccountRecord {
                id,
                name,
                hash: Some("x".into()),
                generation: 0,
                admin: false,
                at: 0,
            });
            let member = MemberRecord { conversation: room, account: id, role: Role::Member, read: MessageId::ZERO };
            snapshot.members.push(member);
            snapshot.tokens.push(TokenRecord { digest: token(n), account: id, label: "bench".to_owned(), at: 0 });
        }
        let settings = HubSettings {
            registration: Registration::Open,
            logins: None,
            registrations: None,
            account_flood: None,
            pace: PaceLimits { repeats: Limits::default().repeats, ..PaceLimits::default() },
            rooms_made: None,
            members_invite: None,
            keep: KeepLimits::default(),
            edit_for: Some(std::time::Duration::from_hours(24)),
            answer_bytes: 65_536,
            workers: 2,
        };
        let now = Now { instant: Instant::now(), wall: 1_795_370_281_123 };
        let (storage, speaker) = (Counter(MessageId::ZERO), ConnId::new(0, 0));
        let mut this = Self { hub: Hub::new(settings, snapshot), storage, effects: Effects::default(), now, speaker };
        for n in 1..=members {
            this.speaker = ConnId::new(u8::from(n % 2 == 1), u64::from(n));
            this.request(RequestKind::Resume { token: token(i64::from(n)), from: AddressGroup::Console });
            this.effects = Effects::default();
        }
        this.hub.commit(&mut this.effects);
        this
    }

    /// The last member says this. Returns how many deliveries the workers are given.
    pub fn say(&mut self, text: &str) -> usize {
        let Ok(Some(text)) = Text::parse(text) else { return 0 };
        let command = Command::Say { target: Target::Room(RoomName::lobby()), key: None, text };
        self.request(RequestKind::Command(command));
        drop(self.effects.take_lines(Share::default()));
        self.effects.deliveries.drain(..).count()
    }

    fn request(&mut self, kind: RequestKind) {
        let request = Request { conn: self.speaker, viewer: Viewer::Program, kind, bytes: 0 };
        self.hub.handle(self.now, request, &mut self.storage, &mut self.effects);
    }
}

fn token(account: i64) -> Digest {
    Digest::of(&format!("token {account}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_costs_one_delivery_per_worker() {
        assert_eq!(BusyRoom::new(2).say("hello"), 2);
        assert_eq!(BusyRoom::new(100).say("hello"), 2);
    }
}
