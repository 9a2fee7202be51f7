//! Statements that change rows, prepared once. The dispatcher's thread runs them.

use rusqlite::{Connection, Error, Params, Result};

/// Runs a statement that must change one row.
pub(super) fn one(db: &Connection, sql: &str, params: impl Params) -> Result<()> {
    match db.prepare_cached(sql)?.execute(params)? {
        1 => Ok(()),
        changed => Err(Error::StatementChangedRows(changed)),
    }
}

/// Runs a statement that may change any number of rows.
pub(super) fn any(db: &Connection, sql: &str, params: impl Params) -> Result<()> {
    db.prepare_cached(sql)?.execute(params).map(drop)
}
