//! `chitchatd check`: looks at everything that a server stands on, and says of each part whether it is good, and
//! if not what to do.
//!
//! It works with the server running or not, and needs nothing of it. It changes nothing and takes no lock that a start
//! would need: what it writes to measure the disk is a file without a name. One file an area: each gathers what there
//! is and judges it, apart wherever that can't be planted in a test. Runs on the main thread of its own process.

mod addresses;
mod backup;
mod certificate;
mod clock;
mod database;
mod descriptors;
mod disk;
mod in_effect;
mod permissions;
mod presence;
mod report;
mod versions;

pub use report::{Area, Finding, Report, Severity};

use self::presence::Presence;
use crate::server::config::{ConfigError, Sources, Warning};
use crate::server::operator::settings;
use crate::server::sentence::sentence;

/// Looks at everything that these settings lead to. If they can't be read there is little more to look at.
#[must_use]
pub fn check(sources: &Sources, now: jiff::Timestamp) -> Report {
    let mut report = Report::default();
    let config = match sources.read() {
        Ok(config) => config,
        Err(error @ ConfigError::NoOpenFiles(_)) => {
            report.error(Area::Descriptors, error);
            return report;
        }
        Err(error) => {
            report.error(Area::Settings, format!("{} Nothing else was looked at", sentence(&error.to_string())));
            return report;
        }
    };
    report.good(Area::Settings, settings::good(sources.file.as_deref()).trim_end());
    // The other warnings come with what they are about.
    for warning in config.warnings.iter().filter(|warning| matches!(warning, Warning::CheapPasswords(_))) {
        report.warning(Area::Settings, warning);
    }
    if let Some(closed) = permissions::closed(&config.data) {
        report.error(Area::Permissions, format!("{} Nothing else was looked at", sentence(&closed)));
        return report;
    }
    let presence = Presence::of(&config.data);
    presence.report(&mut report);
    in_effect::check(sources, &presence, &mut report);
    versions::check(&presence, &mut report);
    addresses::check(&config, &presence, &mut report);
    certificate::check(&config, now, &mut report);
    permissions::check(&config, sources, &mut report);
    descriptors::check(sources, &presence, &mut report);
    disk::check(&config.data, &mut report);
    let times = database::check(&config.data, &presence, &mut report);
    backup::check(&config.data, now, &mut report);
    clock::check(now, times, &mut report);
    report
}
