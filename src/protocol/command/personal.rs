//! What people ask for about themselves and about one another, as it was typed.

use super::Command;
use crate::protocol::args::{AWAY_MAX, Args, PROFILE_MAX, at_most, bad, number, quoted, said, user_name};
use crate::protocol::code::Refusal;
use crate::protocol::names::{Text, UserName};

/// A verb about oneself or somebody else.
#[derive(Debug, Clone)]
pub enum PersonalCommand {
    /// `/away [TEXT]`
    Away(
        /// Why; without it, the account is back.
        Option<Text>,
    ),
    /// `/profile [NAME]`
    Profile(
        /// Whose; without it, one's own.
        Option<UserName>,
    ),
    /// `/profile text TEXT` or `/profile text -`
    SetProfile(
        /// What the account says about itself; `None` if nothing any more.
        Option<Text>,
    ),
    /// `/ignore NAME`
    Ignore(UserName),
    /// `/unignore NAME`
    Unignore(UserName),
    /// `/ignored`
    Ignored,
    /// `/sessions`
    Sessions,
    /// `/sessions end N` or `/sessions end others`
    EndSessions(SessionsToEnd),
}

/// Which of an account's connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionsToEnd {
    /// The one with this number.
    One(u32),
    /// All but the one that asks.
    Others,
}

pub(super) fn away(a: &mut Args<'_>) -> Result<Command, Refusal> {
    Ok(Command::Personal(PersonalCommand::Away(a.optional_text("The text", AWAY_MAX)?)))
}

/// `text` is no NAME here; `@text` is.
pub(super) fn profile(a: &mut Args<'_>) -> Result<Command, Refusal> {
    let command = match a.optional_word() {
        None => PersonalCommand::Profile(None),
        Some("text") => match a.tail() {
            Some("-") => PersonalCommand::SetProfile(None),
            text => PersonalCommand::SetProfile(Some(at_most(said(text.unwrap_or(""))?, "The text", PROFILE_MAX)?)),
        },
        Some(name) => PersonalCommand::Profile(Some(user_name(name)?)),
    };
    Ok(Command::Personal(command))
}

pub(super) fn ignore(a: &mut Args<'_>) -> Result<Command, Refusal> {
    Ok(Command::Personal(PersonalCommand::Ignore(a.name("NAME")?)))
}

pub(super) fn unignore(a: &mut Args<'_>) -> Result<Command, Refusal> {
    Ok(Command::Personal(PersonalCommand::Unignore(a.name("NAME")?)))
}

pub(super) fn sessions(a: &mut Args<'_>) -> Result<Command, Refusal> {
    let command = match a.optional_word() {
        None => PersonalCommand::Sessions,
        Some("end") => PersonalCommand::EndSessions(match a.word("N or others")? {
            "others" => SessionsToEnd::Others,
            typed => SessionsToEnd::One(number(typed, "N", 1, u64::from(u32::MAX))? as u32),
        }),
        Some(other) => return Err(bad(format!("Expected end, not {}.", quoted(other)))),
    };
    Ok(Command::Personal(command))
}
