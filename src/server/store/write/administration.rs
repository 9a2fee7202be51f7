//! How what administrators did reaches the database. The dispatcher's thread runs it.

use super::load::address_bytes;
use super::statement::{any, one};
use crate::server::store::db::to_sql;
use crate::server::traffic::AdministrationWrite;
use rusqlite::{Connection, Result, params};

pub(super) fn write(db: &Connection, write: &AdministrationWrite) -> Result<()> {
    match write {
        AdministrationWrite::Disabled(account, reason) => {
            one(db, "INSERT INTO disabled(account, reason) VALUES(?, ?)", params![account.value(), reason])
        }
        AdministrationWrite::Enabled(account) => any(db, "DELETE FROM disabled WHERE account = ?", [account.value()]),
        AdministrationWrite::Recovery(recovery) => one(
            db,
            "INSERT INTO recovery(account, digest, until) VALUES(?, ?, ?)
             ON CONFLICT(account) DO UPDATE SET digest = excluded.digest, until = excluded.until",
            params![recovery.account.value(), recovery.digest.as_bytes(), to_sql(recovery.until)],
        ),
        AdministrationWrite::RecoveryGone(account) => {
            any(db, "DELETE FROM recovery WHERE account = ?", [account.value()])
        }
        AdministrationWrite::Admin(account, admin) => {
            one(db, "UPDATE account SET admin = ?2 WHERE id = ?1", params![account.value(), admin])
        }
        AdministrationWrite::Blocked(block) => {
            let (address, bits) = block.network.parts();
            one(
                db,
                "INSERT INTO block(address, bits, until, by, reason) VALUES(?, ?, ?, ?, ?)
                 ON CONFLICT(address, bits)
                 DO UPDATE SET until = excluded.until, by = excluded.by, reason = excluded.reason",
                params![address_bytes(&address), bits, block.until.map(to_sql), block.by.value(), block.reason],
            )
        }
        AdministrationWrite::Unblocked(network) => {
            let (address, bits) = network.parts();
            any(db, "DELETE FROM block WHERE address = ? AND bits = ?", params![address_bytes(&address), bits])
        }
    }
}
