//! What administrators ask for, as it was typed.

use super::Command;
use crate::protocol::args::{Args, bad, quoted, user_name};
use crate::protocol::code::Refusal;
use crate::protocol::names::{Text, UserName};

/// A verb of the administrators.
#[derive(Debug, Clone)]
pub enum AdminCommand {
    /// `/accounts [after=NAME] [limit=N]`
    Accounts {
        /// Only accounts whose names sort after this one.
        after: Option<UserName>,
        /// The most rows.
        limit: u32,
    },
    /// `/disable NAME [REASON]`
    Disable {
        /// The account that can't log in any more.
        name: UserName,
        /// Told to its owner.
        reason: Option<Text>,
    },
    /// `/enable NAME`
    Enable(UserName),
    /// `/resetpw NAME`
    ResetPassword(UserName),
    /// `/grant NAME admin|none`
    Grant {
        /// The account.
        name: UserName,
        /// Whether it is an administrator from now on.
        admin: bool,
    },
}

pub(super) fn accounts(a: &mut Args<'_>) -> Result<Command, Refusal> {
    let after = a.option("after")?.map(user_name).transpose()?;
    Ok(Command::Admin(AdminCommand::Accounts { after, limit: a.limit()? }))
}

pub(super) fn disable(a: &mut Args<'_>) -> Result<Command, Refusal> {
    Ok(Command::Admin(AdminCommand::Disable { name: a.name("NAME")?, reason: a.reason()? }))
}

pub(super) fn enable(a: &mut Args<'_>) -> Result<Command, Refusal> {
    Ok(Command::Admin(AdminCommand::Enable(a.name("NAME")?)))
}

pub(super) fn reset_password(a: &mut Args<'_>) -> Result<Command, Refusal> {
    Ok(Command::Admin(AdminCommand::ResetPassword(a.name("NAME")?)))
}

pub(super) fn grant(a: &mut Args<'_>) -> Result<Command, Refusal> {
    let name = a.name("NAME")?;
    let admin = match a.word("admin or none")? {
        "admin" => true,
        "none" => false,
        other => return Err(bad(format!("Expected admin or none, not {}.", quoted(other)))),
    };
    Ok(Command::Admin(AdminCommand::Grant { name, admin }))
}
