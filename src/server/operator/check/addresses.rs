//! Addresses and ports: whether a server could listen there, or why not.
//!
//! Each is bound as the server binds it, but never listened on: on Linux two sockets with `SO_REUSEADDR` may be bound to
//! one address as long as neither listens, so a server that starts at this moment is not in the way.

use super::presence::Presence;
use super::{Area, Report, Severity};
use crate::server::config::{Config, Warning};
use crate::server::net::bindable;
use rustix::process::geteuid;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The setting for the metrics, without which the server starts as well.
const METRICS: &str = "metrics";

/// What became of binding an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Free,
    /// Somebody listens there.
    InUse,
    /// Its port is kept for those with a privilege.
    NotPermitted,
    /// This machine has no such address.
    NotHere,
}

/// What else there is to know of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Circumstances {
    /// The running server says that it listens there, or there is none.
    held: Held,
    /// The server starts without this one.
    has_others: bool,
    /// This process may bind the port, and the user of the data directory may not.
    root_alone: bool,
}

/// Who holds an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// No server runs on the data directory.
    Nobody,
    /// The running server.
    Ours,
    /// The running server does not.
    NotByOurs,
}

pub(super) fn check(config: &Config, presence: &Presence, report: &mut Report) {
    let is_about_addresses = |warning: &&Warning| {
        use Warning::{MetricsBeyondThisMachine, PlainBeyondThisMachine, WebBeyondThisMachine};
        matches!(warning, PlainBeyondThisMachine(_) | WebBeyondThisMachine(_) | MetricsBeyondThisMachine(_))
    };
    for warning in config.warnings.iter().filter(is_about_addresses) {
        report.warning(Area::Addresses, warning);
    }
    let mut attempts = Vec::new();
    let all = [("tls", &config.tls), ("plain", &config.plain), ("web", &config.web), (METRICS, &config.metrics)];
    for (setting, addresses) in all {
        if presence.running().is_some_and(|running| running.replaced.iter().any(|replaced| replaced == setting)) {
            report.good(Area::Addresses, format!("systemd listens in the place of the setting {setting}"));
            continue;
        }
        for &address in addresses {
            match attempt(address) {
                Ok(attempt) => attempts.push((address, setting, attempt)),
                Err(error) => report.error(
                    Area::Addresses,
                    format!("can't listen on {address}: {error}. Set another address ({setting})"),
                ),
            }
        }
    }
    let is_good = |attempt| matches!(attempt, Attempt::Free | Attempt::InUse);
    for &(address, setting, attempt) in &attempts {
        let held = match presence.running() {
            None => Held::Nobody,
            Some(running) => {
                let listens = match setting {
                    "tls" => &running.tls,
                    "plain" => &running.plain,
                    "web" => &running.web,
                    _ => &running.metrics,
                };
                // Port 0 is another one each time.
                let ours = address.port() == 0 || listens.contains(&address);
                if ours { Held::Ours } else { Held::NotByOurs }
            }
        };
        let root_alone = geteuid().is_root() && is_others(&config.data) && is_privileged(address.port());
        let is_another = |&(_, other, attempt): &(_, &str, _)| other == setting && is_good(attempt);
        let has_others = setting == METRICS || attempts.iter().any(is_another);
        let (severity, text) = judge(address, setting, attempt, Circumstances { held, has_others, root_alone });
        report.add(severity, Area::Addresses, text);
    }
}

fn attempt(address: SocketAddr) -> io::Result<Attempt> {
    match bindable(address) {
        Ok(()) => Ok(Attempt::Free),
        Err(error) => match error.kind() {
            io::ErrorKind::AddrInUse => Ok(Attempt::InUse),
            io::ErrorKind::PermissionDenied => Ok(Attempt::NotPermitted),
            io::ErrorKind::AddrNotAvailable => Ok(Attempt::NotHere),
            // A machine without IPv6.
            _ if error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) => Ok(Attempt::NotHere),
            _ => Err(error),
        },
    }
}

/// Whether the data directory belongs to another user than root.
fn is_others(data: &Path) -> bool {
    std::fs::metadata(data).is_ok_and(|found| found.uid() != 0)
}

/// Whether a port is kept for those with a privilege.
fn is_privileged(port: u16) -> bool {
    const USUAL: u16 = 1024;
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first = first.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(USUAL);
    port != 0 && port < first
}

fn judge(
    address: SocketAddr,
    setting: &str,
    attempt: Attempt,
    Circumstances { held, has_others, root_alone }: Circumstances,
) -> (Severity, String) {
    const PRIVILEGE: &str = "Give the server CAP_NET_BIND_SERVICE (in a systemd unit: AmbientCapabilities= and \
         CapabilityBoundingSet=), or set a port from 1024 on";
    match (attempt, held) {
        (Attempt::Free | Attempt::InUse, Held::Ours) => {
            (Severity::Good, format!("{setting} {address} is where the running server listens"))
        }
        (Attempt::Free, Held::NotByOurs) => (
            Severity::Warning,
            format!(
                "the running server does not listen on {address}, which {setting} names. Restart it with these settings"
            ),
        ),
        (Attempt::Free, Held::Nobody) if root_alone => (
            Severity::Warning,
            format!(
                "root can listen on {address} ({setting}), but not every user can, and the data belongs to another one. {PRIVILEGE}"
            ),
        ),
        (Attempt::Free, Held::Nobody) => (Severity::Good, format!("{setting} {address} is free")),
        (Attempt::InUse, _) => (
            Severity::Error,
            format!(
                "{address} is in use by another program (ss -ltnp says by which). Stop that one, or set another address ({setting}); if it is systemd, for chitchatd.socket, all is well"
            ),
        ),
        (Attempt::NotPermitted, _) => (
            Severity::Error,
            format!("this user may not listen on {address} ({setting}): ports that low need a privilege. {PRIVILEGE}"),
        ),
        // The server starts as long as it can listen anywhere.
        (Attempt::NotHere, _) => (
            if has_others { Severity::Warning } else { Severity::Error },
            format!(
                "this machine does not have the address {address}. Give it that address, or set another one ({setting})"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_address_depends_on_who_has_it() {
        let address: SocketAddr = "192.0.2.1:443".parse().unwrap();
        let said = |attempt, held, has_others, root_alone| {
            let circumstances = Circumstances { held, has_others, root_alone };
            judge(address, "tls", attempt, circumstances)
        };
        let is = |(severity, text): (Severity, String), wanted, words: &str| {
            assert!(
                severity == wanted && text.contains(words) && text.contains("192.0.2.1:443"),
                "{severity:?} {text}"
            );
        };
        is(said(Attempt::Free, Held::Nobody, true, false), Severity::Good, "is free");
        is(said(Attempt::Free, Held::Nobody, true, true), Severity::Warning, "CAP_NET_BIND_SERVICE");
        is(said(Attempt::InUse, Held::Ours, true, true), Severity::Good, "the running server listens");
        is(said(Attempt::Free, Held::NotByOurs, true, false), Severity::Warning, "Restart it");
        for held in [Held::Nobody, Held::NotByOurs] {
            is(said(Attempt::InUse, held, true, false), Severity::Error, "another program");
        }
        is(said(Attempt::NotPermitted, Held::Nobody, true, false), Severity::Error, "CAP_NET_BIND_SERVICE");
        is(said(Attempt::NotHere, Held::Nobody, true, false), Severity::Warning, "does not have the address");
        is(said(Attempt::NotHere, Held::Nobody, false, false), Severity::Error, "does not have the address");
    }

    #[test]
    fn an_address_is_tried_as_the_server_would_bind_it() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(attempt(address).unwrap(), Attempt::InUse);
        drop(taken);
        assert_eq!(attempt(address).unwrap(), Attempt::Free);
        assert_eq!(attempt("192.0.2.1:4000".parse().unwrap()).unwrap(), Attempt::NotHere);
    }
}
