//! The databases: whether they are sound, and whether this version can use them.

use super::presence::Presence;
use super::{Area, Report};
use crate::server::OpenWarning;
use crate::server::running::file_number;
use crate::server::store::{self, DATABASE_FILE, INDEX_FILE, Look, Looked};
use std::path::Path;
use std::time::Duration;

/// How long a database is looked at while a server runs, which can't shorten its log meanwhile. The server's own reads
/// take 5 s at most.
const BESIDE_A_SERVER: Duration = Duration::from_secs(4);
/// The same if none runs.
const ALONE: Duration = Duration::from_mins(1);

/// When messages were said, in milliseconds of Unix time; `None` where nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Times {
    /// The newest one, which arrived last.
    pub(super) newest: Option<u64>,
    /// The one with the latest time.
    pub(super) latest: Option<u64>,
}

/// The running server writes to a file that is not there any more under its name.
fn another(file: &Path, pid: Option<u32>) -> String {
    let what = if file.exists() { "replaced" } else { "removed" };
    let pid = pid.map_or("PID".to_owned(), |pid| pid.to_string());
    format!(
        "{} was {what} under the running server, which goes on with the old file: all that is in it is lost when the server stops. Don't restart it before you have copied that file out of /proc/{pid}/fd: docs/OPERATING.md says how, under Backups",
        file.display()
    )
}

pub(super) fn check(data: &Path, presence: &Presence, report: &mut Report) -> Times {
    let file = data.join(DATABASE_FILE);
    if let Some(running) = presence.running()
        && let Some(opened) = &running.database
        && Some(opened) != file_number(&file).as_ref()
    {
        report.error(Area::Database, another(&file, running.pid));
        return Times::default();
    }
    if !file.exists() {
        report.good(Area::Database, format!("there is none in {} yet; the first start makes it", data.display()));
        return Times::default();
    }
    let within = if presence.is_there() { BESIDE_A_SERVER } else { ALONE };
    let shown = file.display();
    let newest = match store::look(&file, within) {
        Ok(Look { schema, bytes, newest, looked }) => {
            let of = format!("{shown}: schema {schema}, {} MiB", bytes >> 20);
            match looked {
                Looked::All => report.good(Area::Database, format!("{of}, sound")),
                Looked::InPart => report.good(
                    Area::Database,
                    format!(
                        "{of}, no damage in what was looked at within {} s. A backup looks at all of it",
                        within.as_secs()
                    ),
                ),
            }
            newest
        }
        Err(error) => {
            report.error(Area::Database, error);
            None
        }
    };
    for path in store::upgrade_copies(data) {
        report.warning(Area::Database, OpenWarning::UpgradeCopy { path });
    }
    let index = data.join(INDEX_FILE);
    if !index.exists() {
        return Times { newest, latest: None };
    }
    let looked = store::look_at_index(&index, within);
    if let Err(error) = &looked {
        let shown = index.display();
        report.error(
            Area::Database,
            format!("{shown}: {error}. Stop the server, remove {shown}, and start it: it makes another one"),
        );
    }
    // An index of another version says nothing: the next start makes another one.
    let latest = looked.and_then(|_| store::latest(&file, &index)).unwrap_or_default();
    Times { newest, latest }
}
