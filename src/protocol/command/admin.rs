//! What administrators ask for, as it was typed.

use super::Command;
use crate::protocol::args::{Args, INVITE_USES_MAX, NOTE_MAX, bad, duration, number, quoted, user_name};
use crate::protocol::code::Refusal;
use crate::protocol::names::{Text, UserName};
use crate::protocol::network::Network;
use std::time::Duration;

/// What an invitation code is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteTerms {
    /// How many people it lets in.
    pub uses: u32,
    /// How long it is valid.
    pub lasts: Duration,
    /// Whether they become administrators.
    pub admin: bool,
    /// For those who list the codes, at most [`super::NOTE_MAX`] bytes.
    pub note: Option<Text>,
}

impl InviteTerms {
    /// How long a code is valid if nothing else is said.
    const LASTS: Duration = Duration::from_hours(168);

    /// Whether it is the kind of code that members make: for one person, for a week.
    #[must_use]
    pub fn are_plain(&self) -> bool {
        self.uses == 1 && self.lasts == Self::LASTS && !self.admin
    }
}

/// A verb of the administrators. The operator may let members make invitation codes, too.
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
    /// `/invites [after=N] [limit=N]`
    Invites {
        /// Only codes with a higher number.
        after: u64,
        /// The most rows.
        limit: u32,
    },
    /// `/invites revoke N`
    RevokeInvite(u64),
    /// `/stats`
    Stats,
    /// `/reload`
    Reload,
    /// `/resetpw NAME`
    ResetPassword(UserName),
    /// `/announce TEXT`
    Announce(Text),
    /// `/block ADDRESS[/BITS] [for=TIME] [REASON]`
    Block {
        /// The addresses that can't connect any more.
        network: Network,
        /// For how long; `None` until somebody lifts it.
        lasts: Option<Duration>,
        /// For other administrators.
        reason: Option<Text>,
    },
    /// `/unblock ADDRESS[/BITS]`
    Unblock(Network),
    /// `/blocks [after=ADDRESS] [limit=N]`
    Blocks {
        /// Only blocks that sort after this one.
        after: Option<Network>,
        /// The most rows.
        limit: u32,
    },
    /// `/grant NAME admin|none`
    Grant {
        /// The account.
        name: UserName,
        /// Whether it is an administrator from now on.
        admin: bool,
    },
}

pub(super) fn invite_code(a: &mut Args<'_>) -> Result<Command, Refusal> {
    let note = a.option_to_the_end("note")?;
    if note.as_ref().is_some_and(|note| note.as_str().len() > NOTE_MAX) {
        return Err(bad(format!("A note can have at most {NOTE_MAX} bytes.")));
    }
    let admin = a.keyword("admin")?;
    let uses = match a.option("uses")? {
        None => 1,
        Some(n) => number(n, "uses", 1, u64::from(INVITE_USES_MAX))? as u32,
    };
    let lasts = a.option("for")?.map_or(Ok(InviteTerms::LASTS), duration)?;
    Ok(Command::InviteCode(InviteTerms { uses, lasts, admin, note }))
}

pub(super) fn invites(a: &mut Args<'_>) -> Result<Command, Refusal> {
    let number = |typed: &str| number(typed, "N", 1, u64::from(u32::MAX));
    if a.keyword("revoke")? {
        return Ok(Command::Admin(AdminCommand::RevokeInvite(number(a.word("N")?)?)));
    }
    let after = a.option("after")?.map_or(Ok(0), number)?;
    Ok(Command::Admin(AdminCommand::Invites { after, limit: a.limit()? }))
}

pub(super) fn stats(_: &mut Args<'_>) -> Result<Command, Refusal> {
    Ok(Command::Admin(AdminCommand::Stats))
}

pub(super) fn reload(_: &mut Args<'_>) -> Result<Command, Refusal> {
    Ok(Command::Admin(AdminCommand::Reload))
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

pub(super) fn announce(a: &mut Args<'_>) -> Result<Command, Refusal> {
    Ok(Command::Admin(AdminCommand::Announce(a.text()?)))
}

pub(super) fn block(a: &mut Args<'_>) -> Result<Command, Refusal> {
    let word = a.word("ADDRESS")?;
    let network = network(word).map_err(|mut refusal| {
        // What other chats call to block somebody.
        if UserName::parse(word).is_ok() {
            refusal.text.push_str(" To hear no more of somebody: /ignore NAME.");
        }
        refusal
    })?;
    let lasts = a.option("for")?.map(duration).transpose()?;
    Ok(Command::Admin(AdminCommand::Block { network, lasts, reason: a.reason()? }))
}

pub(super) fn unblock(a: &mut Args<'_>) -> Result<Command, Refusal> {
    Ok(Command::Admin(AdminCommand::Unblock(network(a.word("ADDRESS")?)?)))
}

pub(super) fn blocks(a: &mut Args<'_>) -> Result<Command, Refusal> {
    let after = a.option("after")?.map(network).transpose()?;
    Ok(Command::Admin(AdminCommand::Blocks { after, limit: a.limit()? }))
}

fn network(typed: &str) -> Result<Network, Refusal> {
    Network::parse(typed).map_err(|error| bad(format!("{} won't do: {error}.", quoted(typed))))
}
