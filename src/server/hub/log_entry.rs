//! What the server's log says of people: who logged in, who tried to, and what was done with a role.
//!
//! One line each, without a secret. The sentences are a contract: `contrib/fail2ban` reads those about
//! failures. They are logged once the turn that they are about is committed.

use crate::protocol::names::{AddressGroup, ConnId, UserName};
use std::fmt;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogEntry {
    /// Somebody did something with an account of their own.
    Account { did: Did, name: UserName, conn: ConnId, from: AddressGroup },
    /// Somebody could not prove to be who they say.
    Failed {
        tried: Tried,
        /// `None` if there is no such account: what was typed in place of a name may be a password.
        name: Option<UserName>,
        conn: ConnId,
        from: AddressGroup,
    },
    /// Somebody used a role, or an administrator's rights: an entry of the audit log.
    Audit {
        by: String,
        conn: ConnId,
        verb: &'static str,
        /// `None` if it concerns the whole server.
        room: Option<String>,
        /// Empty if it was done to nobody.
        whom: String,
        /// The options and the reason; may be empty.
        reason: String,
    },
}

/// What somebody did with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Did {
    LoggedIn,
    Registered,
    ChangedPassword,
    /// Has a new password, by a code of `/resetpw`.
    Recovered,
}

/// What somebody tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tried {
    Password,
    Token,
    /// A code of `/resetpw`.
    Code,
    /// One's own password once more, to change it or to unregister.
    OwnPassword,
    /// The address of a hook.
    Hook,
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { did, name, conn, from } => write!(f, "{name} {did} from {from}, connection {conn}"),
            Self::Failed { tried, name, conn, from } => {
                let name = name.as_ref().map_or("an unknown name", UserName::as_str);
                match tried {
                    Tried::Password => write!(f, "login failed for {name}")?,
                    Tried::Token => f.write_str("login failed")?,
                    Tried::Code => write!(f, "recovery failed for {name}")?,
                    Tried::OwnPassword => write!(f, "change failed for {name}")?,
                    Tried::Hook => f.write_str("post failed")?,
                }
                let why = match tried {
                    Tried::Password | Tried::OwnPassword => "wrong password",
                    Tried::Token => "unknown token",
                    Tried::Code => "wrong code",
                    Tried::Hook => "unknown hook",
                };
                write!(f, " from {from}, connection {conn}: {why}")
            }
            Self::Audit { by, conn, verb, room, whom, reason } => {
                write!(f, "{by} did /{verb}")?;
                for word in [whom, reason].into_iter().filter(|word| !word.is_empty()) {
                    write!(f, " {word}")?;
                }
                if let Some(room) = room {
                    write!(f, ", in room {room}")?;
                }
                write!(f, ", connection {conn}")
            }
        }
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoggedIn => "logged in",
            Self::Registered => "registered",
            Self::ChangedPassword => "changed the password",
            Self::Recovered => "set a new password by code",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_sentence() {
        let (name, conn) = (UserName::parse("Eve").ok(), ConnId::new(1, 2));
        let from = AddressGroup::of("203.0.113.7".parse().unwrap());
        let failed = |tried, name| LogEntry::Failed { tried, name, conn, from }.to_string();
        let rest = "from 203.0.113.7, connection #1.2.0";
        assert_eq!(failed(Tried::Password, name), format!("login failed for Eve {rest}: wrong password"));
        assert_eq!(failed(Tried::Password, None), format!("login failed for an unknown name {rest}: wrong password"));
        assert_eq!(failed(Tried::Token, None), format!("login failed {rest}: unknown token"));
        assert_eq!(failed(Tried::Code, name), format!("recovery failed for Eve {rest}: wrong code"));
        assert_eq!(failed(Tried::OwnPassword, name), format!("change failed for Eve {rest}: wrong password"));
        assert_eq!(failed(Tried::Hook, None), format!("post failed {rest}: unknown hook"));
        let (name, did) = (UserName::parse("Eve").unwrap(), Did::Registered);
        assert_eq!(LogEntry::Account { did, name, conn, from }.to_string(), format!("Eve registered {rest}"));
        let audit = |room: Option<&str>, whom: &str, reason: &str| {
            let (by, room) = ("ann".to_owned(), room.map(str::to_owned));
            LogEntry::Audit { by, conn, verb: "ban", room, whom: whom.to_owned(), reason: reason.to_owned() }
                .to_string()
        };
        assert_eq!(
            audit(Some("ops"), "eve", "for=1d too loud"),
            "ann did /ban eve for=1d too loud, in room ops, connection #1.2.0"
        );
        assert_eq!(audit(None, "", ""), "ann did /ban, connection #1.2.0");
    }
}
