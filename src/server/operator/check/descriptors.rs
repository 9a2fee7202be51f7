//! Open files: whether there are enough for the connections that the settings allow. Of the running server its own
//! limit counts, since systemd gives it another one than a shell has.

use super::presence::Presence;
use super::{Area, Report};
use crate::server::config::{Environment, OPEN_FILES_RESERVED, Sources, Warning};

/// More files than there can be.
const UNLIMITED: u64 = u64::MAX;

pub(super) fn check(sources: &Sources, presence: &Presence, report: &mut Report) {
    let of_server = presence.running().and_then(|running| limit_of(running.pid?));
    let whose = if of_server.is_some() { "the running server" } else { "a server that is started here" };
    let open_files = of_server.or(sources.environment.open_files).filter(|&files| files != UNLIMITED);
    let environment = Environment { open_files, ..sources.environment.clone() };
    // The settings were read before; with other descriptors they may be none, or warn.
    match (Sources { environment, ..sources.clone() }).read() {
        Err(error) => report.error(Area::Descriptors, error),
        Ok(config) => {
            let few = config.warnings.iter().find(|warning| matches!(warning, Warning::FewOpenFiles { .. }));
            match (few, open_files, config.limits.connections) {
                (Some(few), ..) => report.warning(Area::Descriptors, format!("{whose}: {few}")),
                (None, Some(files), Some(connections)) => report.good(
                    Area::Descriptors,
                    format!("{whose} may open {files} files, for {connections} connections and {OPEN_FILES_RESERVED} of its own"),
                ),
                (None, ..) => report.good(Area::Descriptors, format!("{whose} may open any number of files")),
            }
        }
    }
}

/// How many files a process may open at most, or [`UNLIMITED`].
fn limit_of(pid: u32) -> Option<u64> {
    // After a crash the number may be another program's.
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    if name.trim_end() == "chitchatd" { hard_limit(&limits) } else { None }
}

/// Reads `Max open files  SOFT  HARD  files`.
fn hard_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(UNLIMITED),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_a_process_is_read() {
        let limits =
            |line: &str| format!("Limit  Soft Limit  Hard Limit  Units\nMax processes  1  2  processes\n{line}\n");
        assert_eq!(
            hard_limit(&limits("Max open files            1024                 524288               files")),
            Some(524_288)
        );
        assert_eq!(
            hard_limit(&limits("Max open files            1024                 unlimited            files")),
            Some(UNLIMITED)
        );
        assert_eq!(hard_limit(&limits("")), None);
        let own = std::fs::read_to_string("/proc/self/limits").unwrap();
        let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        assert_eq!(hard_limit(&own), Some(most.unwrap_or(UNLIMITED)));
    }
}
