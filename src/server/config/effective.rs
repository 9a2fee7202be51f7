//! The settings in effect, each as a settings file would say it, and where it came from: what
//! `chitchatd config show` prints, and how two readings of the settings are compared.
//!
//! Knows every key, and nothing of how one is read.

use super::settings::{Accounts, History, Limits, Registration, Settings, Sync};
use super::value::{shown_rate, shown_size};
use super::{Config, Environment, Flags, value};
use crate::protocol::spans;
use crate::server::quoted::quoted;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A setting in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Dotted.
    pub key: &'static str,
    /// Its value, valid in TOML and in JSON.
    pub value: String,
    /// Who set it.
    pub origin: Origin,
    /// What decided it, if it was left to this machine or cut to what this machine allows.
    pub decided_by: Option<&'static str>,
}

/// Who set a setting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody.
    #[default]
    Default,
    /// The settings file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A `--set`.
    Set,
    /// A flag of its own, such as `--tls`.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Set => f.write_str("--set"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

impl Setting {
    /// Where the value came from, in words.
    #[must_use]
    pub fn from(&self) -> String {
        match self.decided_by {
            Some(what) => format!("{}, by {what}", self.origin),
            None => self.origin.to_string(),
        }
    }
}

impl Config {
    /// Every key with its value, in the order of the example file. Put one below the other they are a
    /// settings file that leads to the same settings.
    #[must_use]
    pub fn values(&self) -> Vec<(&'static str, String)> {
        let Self {
            data,
            tls,
            plain,
            web,
            metrics,
            proxies,
            web_proxies,
            registration,
            name,
            certificate,
            workers,
            accounts,
            history,
            limits,
            warnings: _,
        } = self;
        let Accounts { bcrypt_cost, members_invite } = accounts;
        let History { sync, keep, keep_for, keep_bytes, edit_for, upgrade_copy } = history;
        let Limits {
            connections,
            per_address,
            flood,
            account_flood,
            logins,
            registrations,
            rooms_made,
            new_rooms,
            joins,
            first_messages,
            invitations,
            repeats,
            new_account,
            hook,
            unread_bytes,
            unread_total,
            unanswered,
            under_way_bytes,
        } = limits;
        let path = |path: Option<&PathBuf>| path.map_or_else(|| quoted("auto"), |path| quoted(&path.to_string_lossy()));
        let rate = |rate: &Option<_>| or_off(rate.map(|rate| quoted(&shown_rate(rate))));
        let number = |number: &Option<u32>| or_off(number.map(|number| number.to_string()));
        let size = |size: &Option<usize>| or_off(size.map(|size| quoted(&shown_size(size))));
        let span = |span: &Option<Duration>| {
            or_off(span.map(|span| quoted(&if span.is_zero() { "0s".to_owned() } else { spans::word(span) })))
        };
        vec![
            ("data", quoted(&data.to_string_lossy())),
            ("tls", addresses(tls)),
            ("plain", addresses(plain)),
            ("web", addresses(web)),
            ("metrics", addresses(metrics)),
            ("proxies", addresses(proxies)),
            ("web_proxies", addresses(web_proxies)),
            (
                "registration",
                quoted(match registration {
                    Registration::Open => "open",
                    Registration::Invite => "invite",
                    Registration::Closed => "closed",
                }),
            ),
            ("name", quoted(name)),
            ("certificate", path(certificate.as_ref().map(|files| &files.certificate))),
            ("key", path(certificate.as_ref().map(|files| &files.key))),
            ("workers", workers.to_string()),
            ("accounts.bcrypt_cost", bcrypt_cost.to_string()),
            ("accounts.members_invite", number(members_invite)),
            (
                "history.sync",
                quoted(match sync {
                    Sync::Full => "full",
                    Sync::Normal => "normal",
                }),
            ),
            ("history.keep", quoted(if *keep { "on" } else { "off" })),
            ("history.keep_for", span(keep_for)),
            ("history.keep_bytes", size(keep_bytes)),
            ("history.edit_for", span(edit_for)),
            ("history.upgrade_copy", quoted(if *upgrade_copy { "on" } else { "off" })),
            ("limits.connections", number(connections)),
            ("limits.per_address", number(per_address)),
            ("limits.flood", rate(flood)),
            ("limits.account_flood", rate(account_flood)),
            ("limits.logins", rate(logins)),
            ("limits.registrations", rate(registrations)),
            ("limits.rooms_made", number(rooms_made)),
            ("limits.new_rooms", rate(new_rooms)),
            ("limits.joins", rate(joins)),
            ("limits.first_messages", rate(first_messages)),
            ("limits.invitations", rate(invitations)),
            ("limits.repeats", rate(repeats)),
            ("limits.new_account", span(new_account)),
            ("limits.hook", rate(hook)),
            ("limits.unread_bytes", size(unread_bytes)),
            ("limits.unread_total", size(unread_total)),
            ("limits.unanswered", number(unanswered)),
            ("limits.under_way_bytes", size(under_way_bytes)),
        ]
    }
}

/// What decides each setting that is left to this machine.
pub(super) fn decided(
    settings: &Settings,
    flags: &Flags,
    environment: &Environment,
) -> BTreeMap<&'static str, &'static str> {
    let mut decided = BTreeMap::new();
    if settings.data.is_none() && flags.data.is_none() {
        let systemd = environment.state_directory.as_ref().is_some_and(|directory| !directory.is_empty());
        decided.insert("data", if systemd { "systemd's $STATE_DIRECTORY" } else { "the home directory" });
    }
    if settings.name.is_none() {
        let named = environment.host_name.as_deref().is_some_and(value::is_host);
        decided.insert("name", if named { "this machine's host name" } else { "this machine, which has no host name" });
    }
    if settings.certificate.is_none() && settings.key.is_none() {
        decided.extend([("certificate", "the data directory"), ("key", "the data directory")]);
    }
    if settings.workers.is_none() {
        decided.insert("workers", "the number of cores");
    }
    let allowed = environment.open_files.map(super::connections_allowed);
    if allowed.is_some_and(|allowed| settings.limits.connections.is_none_or(|asked| asked > allowed)) {
        decided.insert("limits.connections", "the open files that the system allows");
    }
    decided
}

fn or_off(value: Option<String>) -> String {
    value.unwrap_or_else(|| quoted("off"))
}

fn addresses(addresses: &[impl fmt::Display]) -> String {
    if addresses.is_empty() {
        return quoted("off");
    }
    let addresses: Vec<String> = addresses.iter().map(|address| quoted(&address.to_string())).collect();
    format!("[{}]", addresses.join(", "))
}
