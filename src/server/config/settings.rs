//! The one table of settings: each key and how its value is taken.
//!
//! Owns the keys, their bounds and their defaults. A key that is not here does not exist; the
//! example file is checked against this table.

use super::value::{Value, Wanted};
use super::{History, Limits, Registration, Sync};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// The port for encrypted connections: CHAT on a keypad.
pub const TLS_PORT: u16 = 2428;
/// The port for connections in the clear, on this machine alone.
pub const PLAIN_PORT: u16 = 2427;
/// The most workers there can be. A connection's id has room for 256.
pub const WORKERS_MAX: u32 = 64;

/// The settings while they are being gathered: defaults, overwritten by what was given. What the
/// machine decides is `None`.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) data: Option<PathBuf>,
    pub(super) tls: Vec<SocketAddr>,
    pub(super) plain: Vec<SocketAddr>,
    pub(super) registration: Registration,
    pub(super) name: Option<String>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) workers: Option<u32>,
    pub(super) bcrypt_cost: u32,
    pub(super) history: History,
    pub(super) limits: Limits,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            data: None,
            tls: vec![(Ipv6Addr::UNSPECIFIED, TLS_PORT).into(), (Ipv4Addr::UNSPECIFIED, TLS_PORT).into()],
            plain: vec![(Ipv4Addr::LOCALHOST, PLAIN_PORT).into()],
            registration: Registration::Invite,
            name: None,
            certificate: None,
            key: None,
            workers: None,
            bcrypt_cost: 12,
            history: History::default(),
            limits: Limits::default(),
        }
    }
}

/// One setting.
pub(super) struct Setting {
    /// Its key, dotted.
    pub(super) key: &'static str,
    /// Takes a value into the draft, or says what would have been taken.
    pub(super) take: fn(&mut Draft, &Value) -> Result<(), Wanted>,
}

macro_rules! settings {
    ($($key:literal => $($field:ident).+ = $read:expr;)+) => {
        /// Every setting there is, in the order of the example file.
        pub(super) const SETTINGS: &[Setting] = &[$(Setting {
            key: $key,
            take: |draft, value| {
                let read: fn(&Value) -> Result<_, Wanted> = $read;
                draft.$($field).+ = read(value)?;
                Ok(())
            },
        }),+];
    };
}

settings! {
    "data" => data = |v| v.auto(Value::path);
    "tls" => tls = Value::addresses;
    "plain" => plain = Value::addresses;
    "registration" => registration = |v| v.word(&[
        ("open", Registration::Open), ("invite", Registration::Invite), ("closed", Registration::Closed),
    ]);
    "name" => name = |v| v.auto(Value::host);
    "certificate" => certificate = |v| v.auto(Value::path);
    "key" => key = |v| v.auto(Value::path);
    "workers" => workers = |v| v.auto(|v| v.number(1..=WORKERS_MAX));
    "accounts.bcrypt_cost" => bcrypt_cost = |v| v.number(4..=16);
    "history.sync" => history.sync = |v| v.word(&[("full", Sync::Full), ("normal", Sync::Normal)]);
    "history.keep" => history.keep = Value::switch;
    "limits.connections" => limits.connections = |v| v.off(|v| v.number(1..=1_000_000));
    "limits.per_address" => limits.per_address = |v| v.off(|v| v.number(1..=1_000_000));
    "limits.flood" => limits.flood = |v| v.off(Value::rate);
    "limits.logins" => limits.logins = |v| v.off(Value::rate);
    "limits.registrations" => limits.registrations = |v| v.off(Value::rate);
    "limits.unread_bytes" => limits.unread_bytes = |v| v.off(|v| v.size(16 << 10..=1 << 30));
    "limits.unread_total" => limits.unread_total = |v| v.off(|v| v.size(64 << 10..=2 << 30));
    "limits.unanswered" => limits.unanswered = |v| v.off(|v| v.number(1..=100_000));
    "limits.under_way_bytes" => limits.under_way_bytes = |v| v.off(|v| v.size(64 << 10..=2 << 30));
}

const GROUPS: [&str; 3] = ["accounts", "history", "limits"];

/// The setting of that key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// Whether settings stand below that key.
pub(super) fn is_group(key: &str) -> bool {
    GROUPS.contains(&key)
}

/// The key or group that was probably meant, if one is near.
pub(super) fn nearest(typed: &str) -> Option<&'static str> {
    const NEAR: f64 = 0.65;
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let like = |known: &str| {
        let whole = strsim::normalized_damerau_levenshtein(typed, known);
        // `flood` for `limits.flood`: the group was forgotten, or another one taken.
        let end = strsim::normalized_damerau_levenshtein(&last(typed), &last(known));
        whole.max(end * 0.95)
    };
    SETTINGS
        .iter()
        .map(|setting| setting.key)
        .chain(GROUPS)
        .filter(|&known| known != typed)
        .map(|known| (like(known), known))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_are_those_of_the_keys() {
        let mut groups: Vec<&str> =
            SETTINGS.iter().filter_map(|s| s.key.split_once('.')).map(|(group, _)| group).collect();
        groups.dedup();
        assert_eq!(groups, GROUPS);
    }

    #[test]
    fn the_nearest_key_is_found() {
        assert_eq!(nearest("limits.flod"), Some("limits.flood"));
        assert_eq!(nearest("flood"), Some("limits.flood"));
        assert_eq!(nearest("history.bcrypt_cost"), Some("accounts.bcrypt_cost"));
        assert_eq!(nearest("limit"), Some("limits"));
        assert_eq!(nearest("regsitration"), Some("registration"));
        assert_eq!(nearest("worker"), Some("workers"));
        assert_eq!(nearest("colour"), None);
        assert_eq!(nearest(""), None);
    }
}
