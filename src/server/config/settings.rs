//! The settings as they are typed: each is one field here, with its bounds and its default, and one
//! paragraph of `chitchat.example.toml`.
//!
//! Owns the keys. `auto` is `None` here and decided in [`super::resolve`]; groups that need no
//! deciding are part of [`super::Config`] as they are.

use super::value::{Address, Auto, FilePath, Host, List, Number, Off, Proxy, RateValue, Size, Span, Switch, value};
use crate::server::flood::Rate;
use crate::server::proxy::ProxyRange;
use serde::Deserialize;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The port for encrypted connections: CHAT on a keypad.
pub const TLS_PORT: u16 = 2428;
/// The port for unencrypted connections, on this machine alone.
pub const PLAIN_PORT: u16 = 2427;
/// The most workers. A connection's id has room for 256.
pub const WORKERS_MAX: u32 = 64;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// Settings that are paths: a relative one in the file starts from the file's directory.
pub(super) const PATHS: [&str; 3] = ["data", "certificate", "key"];

/// All settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings")]
pub(super) struct Settings {
    #[serde(deserialize_with = "value::<Auto<FilePath>, _>")]
    pub(super) data: Option<PathBuf>,
    #[serde(deserialize_with = "value::<List<Address>, _>")]
    pub(super) tls: Vec<SocketAddr>,
    #[serde(deserialize_with = "value::<List<Address>, _>")]
    pub(super) plain: Vec<SocketAddr>,
    #[serde(deserialize_with = "value::<List<Address>, _>")]
    pub(super) web: Vec<SocketAddr>,
    #[serde(deserialize_with = "value::<List<Address>, _>")]
    pub(super) metrics: Vec<SocketAddr>,
    #[serde(deserialize_with = "value::<List<Proxy>, _>")]
    pub(super) proxies: Vec<ProxyRange>,
    #[serde(deserialize_with = "value::<List<Proxy>, _>")]
    pub(super) web_proxies: Vec<ProxyRange>,
    pub(super) registration: Registration,
    #[serde(deserialize_with = "value::<Auto<Host>, _>")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "value::<Auto<FilePath>, _>")]
    pub(super) certificate: Option<PathBuf>,
    #[serde(deserialize_with = "value::<Auto<FilePath>, _>")]
    pub(super) key: Option<PathBuf>,
    #[serde(deserialize_with = "value::<Auto<Number<1, WORKERS_MAX>>, _>")]
    pub(super) workers: Option<u32>,
    pub(super) accounts: Accounts,
    pub(super) history: History,
    pub(super) limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: None,
            tls: vec![(Ipv6Addr::UNSPECIFIED, TLS_PORT).into(), (Ipv4Addr::UNSPECIFIED, TLS_PORT).into()],
            plain: vec![(Ipv4Addr::LOCALHOST, PLAIN_PORT).into()],
            web: Vec::new(),
            metrics: Vec::new(),
            proxies: Vec::new(),
            web_proxies: Vec::new(),
            registration: Registration::Invite,
            name: None,
            certificate: None,
            key: None,
            workers: None,
            accounts: Accounts::default(),
            history: History::default(),
            limits: Limits::default(),
        }
    }
}

/// Who may register an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Anyone.
    Open,
    /// Anyone with an invitation code.
    Invite,
    /// Nobody.
    Closed,
}

/// Accounts and their passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings")]
pub struct Accounts {
    /// bcrypt's cost, 4 to 16.
    #[serde(deserialize_with = "value::<Number<4, 16>, _>")]
    pub bcrypt_cost: u32,
    /// Invitation codes that a member may make in a week; `None` if only administrators make any.
    #[serde(deserialize_with = "value::<Off<Number<1, 100>>, _>")]
    pub members_invite: Option<u32>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { bcrypt_cost: 12, members_invite: None }
    }
}

/// How the history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings")]
pub struct History {
    /// What a commit waits for.
    pub sync: Sync,
    /// Whether messages are stored at all; if not, messages are passed on and forgotten.
    #[serde(deserialize_with = "value::<Switch, _>")]
    pub keep: bool,
    /// How long messages are kept, in every conversation; `None` is for ever.
    #[serde(deserialize_with = "value::<Off<Span<{ 60 * 60 }>>, _>")]
    pub keep_for: Option<Duration>,
    /// How many bytes of the database are in use before the oldest messages go; `None` is any number.
    #[serde(deserialize_with = "value::<Off<Size<{ 16 * MIB }, { 1 << 50 }>>, _>")]
    pub keep_bytes: Option<usize>,
    /// For how long a message can be edited after it was said; `None` is for ever.
    #[serde(deserialize_with = "value::<Off<Span<0>>, _>")]
    pub edit_for: Option<Duration>,
    /// Whether a copy is kept of a database that a new version has to migrate.
    #[serde(deserialize_with = "value::<Switch, _>")]
    pub upgrade_copy: bool,
}

impl Default for History {
    fn default() -> Self {
        Self {
            sync: Sync::Full,
            keep: true,
            keep_for: None,
            keep_bytes: None,
            edit_for: Some(Duration::from_hours(24)),
            upgrade_copy: true,
        }
    }
}

/// What a commit waits for; SQLite's `synchronous`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sync {
    /// For the disk: what was answered with `+` survives a power cut.
    Full,
    /// For the system: it survives the end of the process, but a power cut may take the last moments.
    Normal,
}

/// Limits; `None` is no limit. The example file says what happens at each.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings")]
pub struct Limits {
    /// Connections open at once; never more than open files allow.
    #[serde(deserialize_with = "value::<Off<Number<1, 1_000_000>>, _>")]
    pub connections: Option<u32>,
    /// Connections from one [`crate::protocol::names::AddressGroup`].
    #[serde(deserialize_with = "value::<Off<Number<1, 1_000_000>>, _>")]
    pub per_address: Option<u32>,
    /// Lines of one connection.
    #[serde(deserialize_with = "value::<Off<RateValue>, _>")]
    pub flood: Option<Rate>,
    /// Lines of one account, over all its connections.
    #[serde(deserialize_with = "value::<Off<RateValue>, _>")]
    pub account_flood: Option<Rate>,
    /// Passwords tried from one address.
    #[serde(deserialize_with = "value::<Off<RateValue>, _>")]
    pub logins: Option<Rate>,
    /// Accounts registered from one address.
    #[serde(deserialize_with = "value::<Off<RateValue>, _>")]
    pub registrations: Option<Rate>,
    /// Rooms that one account made.
    #[serde(deserialize_with = "value::<Off<Number<1, 1_000_000>>, _>")]
    pub rooms_made: Option<u32>,
    /// Rooms that one account makes.
    #[serde(deserialize_with = "value::<Off<RateValue>, _>")]
    pub new_rooms: Option<Rate>,
    /// Rooms that one account joins or leaves.
    #[serde(deserialize_with = "value::<Off<RateValue>, _>")]
    pub joins: Option<Rate>,
    /// People that one account writes to for the first time.
    #[serde(deserialize_with = "value::<Off<RateValue>, _>")]
    pub first_messages: Option<Rate>,
    /// Invitations to rooms by one account.
    #[serde(deserialize_with = "value::<Off<RateValue>, _>")]
    pub invitations: Option<Rate>,
    /// Repeats of what one account said elsewhere.
    #[serde(deserialize_with = "value::<Off<RateValue>, _>")]
    pub repeats: Option<Rate>,
    /// For how long an account is new and may do a quarter of the five above and of `account_flood`.
    #[serde(deserialize_with = "value::<Off<Span<0>>, _>")]
    pub new_account: Option<Duration>,
    /// What is posted at the address of one hook.
    #[serde(deserialize_with = "value::<Off<RateValue>, _>")]
    pub hook: Option<Rate>,
    /// Bytes that one connection has not read yet.
    #[serde(deserialize_with = "value::<Off<Size<{ 16 * KIB }, GIB>>, _>")]
    pub unread_bytes: Option<usize>,
    /// The same for all connections together.
    #[serde(deserialize_with = "value::<Off<Size<{ 64 * KIB }, { 2 * GIB }>>, _>")]
    pub unread_total: Option<usize>,
    /// Lines of one connection that are not answered yet.
    #[serde(deserialize_with = "value::<Off<Number<1, 100_000>>, _>")]
    pub unanswered: Option<u32>,
    /// Bytes of all requests and lines under way together.
    #[serde(deserialize_with = "value::<Off<Size<{ 64 * KIB }, { 2 * GIB }>>, _>")]
    pub under_way_bytes: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: Some(10_000),
            per_address: Some(256),
            flood: Some(Rate { per_second: 10.0, burst: 60 }),
            account_flood: Some(Rate { per_second: 40.0, burst: 240 }),
            logins: Some(Rate { per_second: 20.0 / 60.0, burst: 20 }),
            registrations: Some(Rate { per_second: 10.0 / 3600.0, burst: 10 }),
            rooms_made: Some(200),
            new_rooms: Some(Rate { per_second: 20.0 / 3600.0, burst: 20 }),
            joins: Some(Rate { per_second: 30.0 / 60.0, burst: 60 }),
            first_messages: Some(Rate { per_second: 20.0 / 3600.0, burst: 40 }),
            invitations: Some(Rate { per_second: 60.0 / 3600.0, burst: 60 }),
            repeats: Some(Rate { per_second: 2.0 / 60.0, burst: 20 }),
            new_account: Some(Duration::from_hours(1)),
            hook: Some(Rate { per_second: 30.0 / 60.0, burst: 60 }),
            unread_bytes: Some(256 * KIB),
            unread_total: Some(64 * MIB),
            unanswered: Some(128),
            under_way_bytes: Some(16 * MIB),
        }
    }
}
