//! What the crash battery needs besides a server that it can kill: databases as earlier versions left them.
//! Not part of the library's interface.

use super::store;
use std::path::Path;

/// How many schemas there were; the newest has this number.
pub const SCHEMAS: usize = store::SCHEMAS;

/// Makes a database that has this schema, from 1, and something of everything that the first one had.
///
/// # Errors
/// What SQLite says.
pub fn create_database(file: &Path, schema: usize) -> rusqlite::Result<()> {
    store::create_released(&rusqlite::Connection::open(file)?, schema)
}
