//! Loads the [`Snapshot`] that the dispatcher's state is built from. The dispatcher's thread runs it.

use crate::protocol::names::{
    AccountId, AddressGroup, ConversationId, MessageId, NameError, RoomName, SERVER_NAME, UserName,
};
use crate::protocol::network::Network;
use crate::protocol::roles::Role;
use crate::protocol::secrets::Digest;
use crate::server::store::db::schema;
use crate::server::traffic::{
    AccountRecord, AwayRecord, BlockRecord, ConversationKind, ConversationRecord, HookRecord, IgnoredRecord,
    InviteMadeRecord, InviteRecord, InvitedRecord, MemberRecord, RecoveryRecord, RetentionRecord, SanctionKind,
    SanctionRecord, Snapshot, TokenRecord,
};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, Result, Row};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::time::Duration;

/// Everything but messages. A conversation's `last` is the one that was saved: see [`unsaved_lasts`].
pub(super) fn snapshot(db: &Connection) -> Result<Snapshot> {
    Ok(Snapshot {
        epoch: schema::meta(db, "epoch")?.ok_or(Error::QueryReturnedNoRows)?,
        accounts: all(db, "SELECT id, name, hash, generation, admin, at FROM account ORDER BY id", |row| {
            Ok(AccountRecord {
                id: AccountId::new(row.get(0)?),
                name: user_name(row, 1)?,
                hash: row.get::<_, Option<Arc<str>>>(2)?,
                generation: row.get(3)?,
                admin: row.get(4)?,
                at: count(row, 5)?,
            })
        })?,
        disabled: all(db, "SELECT account, reason FROM disabled ORDER BY account", |row| {
            Ok((AccountId::new(row.get(0)?), row.get(1)?))
        })?,
        recoveries: all(db, "SELECT account, digest, until FROM recovery ORDER BY account", |row| {
            Ok(RecoveryRecord {
                account: AccountId::new(row.get(0)?),
                digest: Digest::from_bytes(row.get(1)?),
                until: count(row, 2)?,
            })
        })?,
        away: all(db, "SELECT account, since, text FROM away ORDER BY account", |row| {
            Ok(AwayRecord { account: AccountId::new(row.get(0)?), since: count(row, 1)?, text: row.get(2)? })
        })?,
        profiles: all(db, "SELECT account, text FROM profile ORDER BY account", |row| {
            Ok((AccountId::new(row.get(0)?), row.get(1)?))
        })?,
        ignored: all(db, "SELECT account, other, since FROM ignored ORDER BY account, other", |row| {
            let (account, other) = (AccountId::new(row.get(0)?), AccountId::new(row.get(1)?));
            Ok(IgnoredRecord { account, other, since: count(row, 2)? })
        })?,
        blocks: all(db, "SELECT address, bits, until, by, reason FROM block", |row| {
            let network = Network::new(address(row, 0)?, row.get(1)?);
            Ok(BlockRecord {
                network: network.ok_or(Error::IntegralValueOutOfRange(1, row.get(1)?))?,
                until: row.get::<_, Option<i64>>(2)?.map(i64::unsigned_abs),
                by: AccountId::new(row.get(3)?),
                reason: row.get(4)?,
            })
        })?,
        tokens: all(db, "SELECT digest, account, label, at FROM token ORDER BY account, at, label", |row| {
            Ok(TokenRecord {
                digest: Digest::from_bytes(row.get(0)?),
                account: AccountId::new(row.get(1)?),
                label: row.get(2)?,
                at: count(row, 3)?,
            })
        })?,
        invites: invites(db)?,
        invites_ever: schema::invites_ever(db)?,
        invites_made: all(db, "SELECT number, by, at FROM invite_made ORDER BY number", |row| {
            Ok(InviteMadeRecord { number: count(row, 0)?, by: AccountId::new(row.get(1)?), at: count(row, 2)? })
        })?,
        conversations: conversations(db)?,
        conversations_ever: schema::conversations_ever(db)?,
        hooks: hooks(db)?,
        makers: all(db, "SELECT conversation, account FROM maker", |row| {
            Ok((ConversationId::new(row.get(0)?), AccountId::new(row.get(1)?)))
        })?,
        members: all(db, "SELECT conversation, account, role, read FROM member", |row| {
            Ok(MemberRecord {
                conversation: ConversationId::new(row.get(0)?),
                account: AccountId::new(row.get(1)?),
                role: role(row, 2)?,
                read: message_id(row, 3)?,
            })
        })?,
        invited: all(db, "SELECT conversation, account, by, until FROM invited", |row| {
            Ok(InvitedRecord {
                conversation: ConversationId::new(row.get(0)?),
                account: AccountId::new(row.get(1)?),
                by: AccountId::new(row.get(2)?),
                until: count(row, 3)?,
            })
        })?,
        unregistered: unregistered(db)?,
        retentions: retentions(db)?,
        sanctions: all(db, "SELECT conversation, account, kind, by, until, reason FROM sanction", |row| {
            Ok(SanctionRecord {
                conversation: ConversationId::new(row.get(0)?),
                account: AccountId::new(row.get(1)?),
                kind: sanction_kind(row, 2)?,
                by: AccountId::new(row.get(3)?),
                until: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
                reason: row.get(5)?,
            })
        })?,
        said: all(db, "SELECT conversation, account, at FROM said", |row| {
            Ok((ConversationId::new(row.get(0)?), AccountId::new(row.get(1)?), count(row, 2)?))
        })?,
        former_names: all(db, "SELECT room, conversation FROM former_name", |row| {
            Ok((room_name(row, 0)?, ConversationId::new(row.get(1)?)))
        })?,
        known: all(db, "SELECT account, address FROM known_address ORDER BY account, used", |row| {
            Ok((AccountId::new(row.get(0)?), address(row, 1)?))
        })?,
    })
}

fn invites(db: &Connection) -> Result<Vec<InviteRecord>> {
    all(db, "SELECT number, digest, uses, admin, until, by, note FROM invite ORDER BY number", |row| {
        Ok(InviteRecord {
            number: count(row, 0)?,
            digest: Digest::from_bytes(row.get(1)?),
            uses: row.get(2)?,
            admin: row.get(3)?,
            until: count(row, 4)?,
            by: AccountId::new(row.get(5)?),
            note: row.get(6)?,
        })
    })
}

fn conversations(db: &Connection) -> Result<Vec<ConversationRecord>> {
    let sql = "SELECT id, room, low, high, private, topic, last, (
                   SELECT coalesce(max(change), 0) FROM change WHERE change.conversation = conversation.id),
                   slow, closed
               FROM conversation ORDER BY id";
    all(db, sql, |row| {
        let kind = match row.get_ref(1)?.as_str_or_null().map_err(|error| broken(1, error))? {
            Some(_) => ConversationKind::Room {
                name: room_name(row, 1)?,
                private: row.get(4)?,
                topic: row.get(5)?,
                slow: Some(Duration::from_millis(count(row, 8)?)).filter(|slow| !slow.is_zero()),
                closed: row.get(9)?,
            },
            None => ConversationKind::Pair(AccountId::new(row.get(2)?), AccountId::new(row.get(3)?)),
        };
        let (last, changes) = (message_id(row, 6)?, count(row, 7)?);
        Ok(ConversationRecord { id: ConversationId::new(row.get(0)?), kind, last, changes })
    })
}

fn hooks(db: &Connection) -> Result<Vec<HookRecord>> {
    all(db, "SELECT account, conversation, digest, by, at FROM hook ORDER BY account", |row| {
        Ok(HookRecord {
            account: AccountId::new(row.get(0)?),
            conversation: ConversationId::new(row.get(1)?),
            digest: row.get::<_, Option<[u8; 32]>>(2)?.map(Digest::from_bytes),
            by: AccountId::new(row.get(3)?),
            at: count(row, 4)?,
        })
    })
}

fn unregistered(db: &Connection) -> Result<Vec<(AccountId, bool)>> {
    all(db, "SELECT account, erase IS NOT NULL FROM unregistered", |row| Ok((AccountId::new(row.get(0)?), row.get(1)?)))
}

fn retentions(db: &Connection) -> Result<Vec<RetentionRecord>> {
    all(db, "SELECT conversation, keep, dropped FROM retention", |row| {
        Ok(RetentionRecord {
            conversation: ConversationId::new(row.get(0)?),
            keep: Some(Duration::from_millis(count(row, 1)?)).filter(|keep| !keep.is_zero()),
            dropped: message_id(row, 2)?,
        })
    })
}

/// The last ids of the conversations that have messages since theirs was saved.
pub(super) fn unsaved_lasts(db: &Connection) -> Result<FxHashMap<ConversationId, MessageId>> {
    let mut lasts = FxHashMap::default();
    let mut newer =
        db.prepare("SELECT conversation, id FROM message WHERE seq > ? AND conversation > 0 ORDER BY seq")?;
    let mut found = newer.query([schema::lasts_saved(db)?])?;
    while let Some(row) = found.next()? {
        let id = message_id(row, 1)?;
        let last = lasts.entry(ConversationId::new(row.get(0)?)).or_insert(id);
        *last = id.max(*last);
    }
    Ok(lasts)
}

/// An address as it is stored: no bytes for the console, otherwise 4 or 8.
pub(super) fn address_bytes(address: &AddressGroup) -> &[u8] {
    match address {
        AddressGroup::Console => &[],
        AddressGroup::V4(octets) => octets,
        AddressGroup::V6(net) => net,
    }
}

fn address(row: &Row<'_>, column: usize) -> Result<AddressGroup> {
    let bytes = row.get_ref(column)?.as_blob().map_err(|error| broken(column, error))?;
    if bytes.is_empty() {
        return Ok(AddressGroup::Console);
    }
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Ok(AddressGroup::V4(octets));
    }
    <[u8; 8]>::try_from(bytes).map(AddressGroup::V6).map_err(|error| broken(column, error))
}

fn all<T>(db: &Connection, sql: &str, read: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    db.prepare(sql)?.query_map([], read)?.collect()
}

fn room_name(row: &Row<'_>, column: usize) -> Result<RoomName> {
    let name = row.get_ref(column)?.as_str().map_err(|error| broken(column, error))?;
    RoomName::parse_existing(name).map_err(|error| broken(column, error))
}

fn user_name(row: &Row<'_>, column: usize) -> Result<UserName> {
    let name = row.get_ref(column)?.as_str().map_err(|error| broken(column, error))?;
    match UserName::parse(name) {
        Err(NameError::Reserved) if name == SERVER_NAME => Ok(UserName::server()),
        parsed => parsed.map_err(|error| broken(column, error)),
    }
}

fn sanction_kind(row: &Row<'_>, column: usize) -> Result<SanctionKind> {
    match row.get(column)? {
        0 => Ok(SanctionKind::Ban),
        1 => Ok(SanctionKind::Mute),
        other => Err(Error::IntegralValueOutOfRange(column, other)),
    }
}

fn role(row: &Row<'_>, column: usize) -> Result<Role> {
    match row.get(column)? {
        0 => Ok(Role::Member),
        1 => Ok(Role::Owner),
        2 => Ok(Role::Moderator),
        other => Err(Error::IntegralValueOutOfRange(column, other)),
    }
}

fn message_id(row: &Row<'_>, column: usize) -> Result<MessageId> {
    let id = count(row, column)?;
    MessageId::new(id).ok_or(Error::IntegralValueOutOfRange(column, i64::MAX))
}

fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

fn broken(column: usize, error: impl std::error::Error + Send + std::marker::Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Null, Box::new(error))
}
