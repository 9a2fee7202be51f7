//! Whether the running server uses the settings as they are now: a file may have been changed since it read it.

use super::presence::Presence;
use super::{Area, Report};
use crate::server::config::{Setting, Sources};
use crate::server::running::Running;

/// Of where it listens the addresses' own check speaks, and where the data is it shows by running there.
const ELSEWHERE: [&str; 5] = ["data", "tls", "plain", "web", "metrics"];

pub(super) fn check(sources: &Sources, presence: &Presence, report: &mut Report) {
    let Some(running) = presence.running() else { return };
    // They could be read before.
    let Ok((_, settings)) = sources.explain() else { return };
    let differences = differences(&settings, running);
    if !differences.is_empty() {
        report.warning(
            Area::Settings,
            format!(
                "the running server does not use {}. Run chitchatd reload, which takes what it can and names what waits for a restart; or give this command the server's own arguments",
                differences.join(", ")
            ),
        );
    }
}

/// Each setting that is another one in the running server. What this machine decides may well be decided otherwise for a
/// service.
fn differences(settings: &[Setting], running: &Running) -> Vec<String> {
    let told = settings.iter().filter(|setting| !ELSEWHERE.contains(&setting.key) && setting.decided_by.is_none());
    let differs = |setting: &Setting| {
        // A server of another version may know other settings.
        let used = running.settings.get(setting.key).filter(|used| **used != setting.value)?;
        Some(format!("{} = {} ({}), but {used}", setting.key, setting.value, setting.from()))
    };
    told.filter_map(differs).collect()
}
