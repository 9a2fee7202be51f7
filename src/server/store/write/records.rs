//! How each [`Write`] reaches the database, within the writer's transaction. The dispatcher's thread
//! runs it.

use super::administration;
use super::load::address_bytes;
use super::personal;
use super::statement::{any, one};
use crate::protocol::names::{AccountId, AddressGroup, ConversationId};
use crate::protocol::roles::Role;
use crate::protocol::secrets::Digest;
use crate::server::store::db::{schema, to_sql};
use crate::server::traffic::{
    AccountRecord, AuditRecord, ConversationKind, ConversationRecord, HookRecord, InviteRecord, KNOWN_MAX,
    MemberRecord, SanctionKind, SanctionRecord, Write,
};
use rusqlite::{Connection, Result, params};
use std::time::Duration;

/// Writes one change.
///
/// # Errors
/// SQLite's; a change to a missing row is [`rusqlite::Error::StatementChangedRows`].
pub(super) fn write(db: &Connection, write: &Write) -> Result<()> {
    match write {
        Write::Account(account) => add_account(db, account),
        Write::Password { account, generation, hash } => one(
            db,
            "UPDATE account SET generation = ?2, hash = ?3 WHERE id = ?1",
            params![account.value(), generation, hash.as_ref()],
        ),
        Write::Personal(write) => personal::write(db, write),
        Write::Administration(write) => administration::write(db, write),
        Write::Token(token) => one(
            db,
            "INSERT INTO token(digest, account, label, at) VALUES(?, ?, ?, ?)",
            params![token.digest.as_bytes(), token.account.value(), token.label, to_sql(token.at)],
        ),
        Write::TokenGone(digest) => any(db, "DELETE FROM token WHERE digest = ?", [digest.as_bytes()]),
        Write::Invite(invite) => add_invite(db, invite),
        Write::InviteUsed(digest) => {
            one(db, "UPDATE invite SET uses = uses - 1 WHERE digest = ?", [digest.as_bytes()])?;
            any(db, "DELETE FROM invite WHERE digest = ? AND uses <= 0", [digest.as_bytes()])
        }
        Write::InviteGone(digest) => any(db, "DELETE FROM invite WHERE digest = ?", [digest.as_bytes()]),
        Write::InviteMade(made) => one(
            db,
            "INSERT INTO invite_made(number, by, at) VALUES(?, ?, ?)",
            [to_sql(made.number), made.by.value(), to_sql(made.at)],
        ),
        Write::InvitesMadeGone { through } => any(db, "DELETE FROM invite_made WHERE at <= ?", [to_sql(*through)]),
        Write::Conversation(conversation) => add_conversation(db, conversation),
        Write::Topic(conversation, topic) => {
            one(db, "UPDATE conversation SET topic = ?2 WHERE id = ?1", params![conversation.value(), topic])
        }
        Write::Member(member) => add_member(db, member),
        Write::Sanction(sanction) => impose(db, sanction),
        Write::SanctionGone(conversation, account, kind) => any(
            db,
            "DELETE FROM sanction WHERE conversation = ? AND account = ? AND kind = ?",
            [conversation.value(), account.value(), kind_number(*kind)],
        ),
        Write::Slow(conversation, slow) => {
            let id = conversation.value();
            one(db, "UPDATE conversation SET slow = ?2 WHERE id = ?1", [id, milliseconds(*slow)])?;
            any(db, "DELETE FROM said WHERE conversation = ?", [id])
        }
        Write::Said(conversation, account, at) => one(
            db,
            "INSERT INTO said(conversation, account, at) VALUES(?1, ?2, ?3)
             ON CONFLICT(conversation, account) DO UPDATE SET at = excluded.at",
            [conversation.value(), account.value(), to_sql(*at)],
        ),
        Write::Private(conversation, private) => {
            one(db, "UPDATE conversation SET private = ?2 WHERE id = ?1", params![conversation.value(), private])
        }
        Write::Retain(conversation, keep) => retain(db, *conversation, *keep),
        Write::Renamed(conversation, name) => rename(db, conversation.value(), name.as_str()),
        Write::Closed(conversation) => close(db, conversation.value()),
        Write::Made(conversation, account) => {
            one(db, "INSERT INTO maker(conversation, account) VALUES(?, ?)", [conversation.value(), account.value()])
        }
        Write::Forgotten(conversation) => forget(db, conversation.value()),
        Write::Hook(hook) => add_hook(db, hook),
        Write::HookRevoked(account) => one(db, "UPDATE hook SET digest = NULL WHERE account = ?", [account.value()]),
        Write::Audit(entry) => note(db, entry),
        Write::Role(conversation, account, role) => one(
            db,
            "UPDATE member SET role = ?3 WHERE conversation = ?1 AND account = ?2",
            [conversation.value(), account.value(), role_number(*role)],
        ),
        Write::MemberGone(conversation, account) => any(
            db,
            "DELETE FROM member WHERE conversation = ? AND account = ?",
            [conversation.value(), account.value()],
        ),
        Write::Read(conversation, account, id) => one(
            db,
            "UPDATE member SET read = max(read, ?3) WHERE conversation = ?1 AND account = ?2",
            [conversation.value(), account.value(), to_sql(id.value())],
        ),
        Write::Invited(invited) => one(
            db,
            "INSERT INTO invited(conversation, account, by, until) VALUES(?1, ?2, ?3, ?4)
             ON CONFLICT(conversation, account) DO UPDATE SET by = excluded.by, until = excluded.until",
            [invited.conversation.value(), invited.account.value(), invited.by.value(), to_sql(invited.until)],
        ),
        Write::InvitedGone(conversation, account) => any(
            db,
            "DELETE FROM invited WHERE conversation = ? AND account = ?",
            [conversation.value(), account.value()],
        ),
        // The store applies it: it needs the messages.
        Write::Change(_) | Write::Dropped(..) | Write::Unregistered { .. } => Ok(()),
        Write::Erased(account) => one(db, "UPDATE unregistered SET erase = NULL WHERE account = ?", [account.value()]),
        Write::Known(account, address) => remember(db, *account, address),
    }
}

/// Remembers an address that an account was used from, and forgets the oldest ones.
fn remember(db: &Connection, account: AccountId, address: &AddressGroup) -> Result<()> {
    one(
        db,
        "INSERT INTO known_address(account, address, used) VALUES(?1, ?2,
             (SELECT coalesce(max(used), 0) + 1 FROM known_address WHERE account = ?1))
         ON CONFLICT(account, address) DO UPDATE SET used = excluded.used",
        params![account.value(), address_bytes(address)],
    )?;
    any(
        db,
        "DELETE FROM known_address WHERE account = ?1 AND address NOT IN (
             SELECT address FROM known_address WHERE account = ?1 ORDER BY used DESC LIMIT ?2)",
        [account.value(), KNOWN_MAX.into()],
    )
}

fn add_invite(db: &Connection, invite: &InviteRecord) -> Result<()> {
    one(
        db,
        "INSERT INTO invite(number, digest, uses, admin, until, by, note) VALUES(?, ?, ?, ?, ?, ?, ?)",
        params![
            to_sql(invite.number),
            invite.digest.as_bytes(),
            invite.uses,
            invite.admin,
            to_sql(invite.until),
            invite.by.value(),
            invite.note
        ],
    )
}

fn add_account(db: &Connection, account: &AccountRecord) -> Result<()> {
    one(
        db,
        "INSERT INTO account(id, name, folded, hash, generation, admin, at) VALUES(?, ?, ?, ?, ?, ?, ?)",
        params![
            account.id.value(),
            account.name.as_str(),
            account.name.case_folded(),
            account.hash.as_deref(),
            account.generation,
            account.admin,
            to_sql(account.at)
        ],
    )
}

fn add_conversation(db: &Connection, conversation: &ConversationRecord) -> Result<()> {
    let (id, last) = (conversation.id.value(), to_sql(conversation.last.value()));
    match &conversation.kind {
        ConversationKind::Room { name, private, topic, slow, closed } => one(
            db,
            "INSERT INTO conversation(id, room, private, topic, slow, closed, last) VALUES(?, ?, ?, ?, ?, ?, ?)",
            params![id, name.as_str(), private, topic, milliseconds(*slow), closed, last],
        ),
        ConversationKind::Pair(low, high) => one(
            db,
            "INSERT INTO conversation(id, low, high, private, topic, last) VALUES(?, ?, ?, 1, '', ?)",
            [id, low.value(), high.value(), last],
        ),
    }
}

fn add_member(db: &Connection, member: &MemberRecord) -> Result<()> {
    one(
        db,
        "INSERT INTO member(conversation, account, role, read) VALUES(?, ?, ?, ?)",
        params![
            member.conversation.value(),
            member.account.value(),
            role_number(member.role),
            to_sql(member.read.value())
        ],
    )
}

fn add_hook(db: &Connection, hook: &HookRecord) -> Result<()> {
    one(
        db,
        "INSERT INTO hook(account, conversation, digest, by, at) VALUES(?, ?, ?, ?, ?)
         ON CONFLICT(account) DO UPDATE SET digest = excluded.digest, by = excluded.by, at = excluded.at",
        params![
            hook.account.value(),
            hook.conversation.value(),
            hook.digest.as_ref().map(Digest::as_bytes),
            hook.by.value(),
            to_sql(hook.at)
        ],
    )
}

fn impose(db: &Connection, sanction: &SanctionRecord) -> Result<()> {
    one(
        db,
        "INSERT INTO sanction(conversation, account, kind, by, until, reason) VALUES(?, ?, ?, ?, ?, ?)
         ON CONFLICT(conversation, account, kind) DO UPDATE
         SET by = excluded.by, until = excluded.until, reason = excluded.reason",
        params![
            sanction.conversation.value(),
            sanction.account.value(),
            kind_number(sanction.kind),
            sanction.by.value(),
            sanction.until.map(to_sql),
            sanction.reason
        ],
    )
}

fn retain(db: &Connection, room: ConversationId, keep: Option<Duration>) -> Result<()> {
    one(
        db,
        "INSERT INTO retention(conversation, keep, dropped) VALUES(?, ?, 0)
         ON CONFLICT(conversation) DO UPDATE SET keep = excluded.keep",
        [room.value(), milliseconds(keep)],
    )
}

fn note(db: &Connection, entry: &AuditRecord) -> Result<()> {
    one(
        db,
        "INSERT INTO audit(conversation, at, by, verb, whom, reason) VALUES(?, ?, ?, ?, ?, ?)",
        params![
            entry.conversation.map(ConversationId::value),
            to_sql(entry.at),
            entry.by.value(),
            entry.verb,
            entry.whom,
            entry.reason
        ],
    )
}

/// The old name stays the room's, and so may the new one have been.
fn rename(db: &Connection, room: i64, name: &str) -> Result<()> {
    any(db, "DELETE FROM former_name WHERE room = ? AND conversation = ?", params![name, room])?;
    one(db, "INSERT INTO former_name(room, conversation) SELECT room, id FROM conversation WHERE id = ?", [room])?;
    one(db, "UPDATE conversation SET room = ?2 WHERE id = ?1", params![room, name])
}

fn close(db: &Connection, room: i64) -> Result<()> {
    one(db, "UPDATE conversation SET closed = 1, slow = 0, topic = '' WHERE id = ?", [room])?;
    any(db, "DELETE FROM member WHERE conversation = ?", [room])?;
    any(db, "DELETE FROM invited WHERE conversation = ?", [room])?;
    any(db, "DELETE FROM sanction WHERE conversation = ?", [room])?;
    any(db, "UPDATE hook SET digest = NULL WHERE conversation = ?", [room])?;
    any(db, "DELETE FROM said WHERE conversation = ?", [room])
}

/// Its id is not given again: what was asked about it may still be under way.
fn forget(db: &Connection, room: i64) -> Result<()> {
    schema::note_conversations_ever(db)?;
    for table in ["member", "invited", "sanction", "said", "retention", "former_name", "maker", "retention", "audit"] {
        any(db, &format!("DELETE FROM {table} WHERE conversation = ?"), [room])?;
    }
    one(db, "DELETE FROM conversation WHERE id = ?", [room])
}

/// A kind of sanction as it is stored.
fn kind_number(kind: SanctionKind) -> i64 {
    match kind {
        SanctionKind::Ban => 0,
        SanctionKind::Mute => 1,
    }
}

/// A span as it is stored; 0 is none.
fn milliseconds(span: Option<Duration>) -> i64 {
    span.map_or(0, |span| i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// A role as it is stored.
fn role_number(role: Role) -> i64 {
    match role {
        Role::Member => 0,
        Role::Owner => 1,
        Role::Moderator => 2,
    }
}
