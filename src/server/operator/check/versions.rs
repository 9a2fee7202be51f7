//! The versions of this program, of the server that runs, and of SQLite.

use super::presence::Presence;
use super::{Area, Report};
use crate::server::running::VERSION;
use crate::server::store;

pub(super) fn check(presence: &Presence, report: &mut Report) {
    let schema = store::KNOWN_SCHEMA;
    match store::sqlite_version() {
        Ok(sqlite) => report.good(Area::Versions, format!("chitchatd {VERSION}, schema {schema}, SQLite {sqlite}")),
        Err(error) => report.error(Area::Versions, error),
    }
    // A server from before that was written down says nothing.
    let Some(running) = presence.running().map(|running| &running.version) else { return };
    if running.as_deref() != Some(VERSION) {
        let running = running.as_deref().unwrap_or("an earlier version");
        report.warning(
            Area::Versions,
            format!(
                "the server that runs is {running}, and this program is {VERSION}. Restart the server to run this one"
            ),
        );
    }
}
