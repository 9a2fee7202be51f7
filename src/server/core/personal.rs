//! What an account says about itself, its profile and that it is away; and whom it ignores.

use super::{Actor, IGNORED_MAX, Outcome, Refused, State, Storage};
use crate::protocol::names::{AccountId, Text, UserName};
use crate::server::traffic::{AwayRecord, IgnoredRecord, PersonalWrite, Write};

/// Something that an account does about itself, or about what it hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Personal {
    /// It is away from now on, and why; `None` if it is back.
    Away(Option<Text>),
    /// What it says about itself; `None` if nothing any more.
    Describe(Option<Text>),
    /// It hears no more of what that account says.
    Ignore(UserName),
    /// It hears that account again.
    Unignore(UserName),
}

pub(super) fn act(
    state: &mut State,
    actor: Actor,
    action: Personal,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    match action {
        Personal::Away(why) => away(state, actor, why, storage),
        Personal::Describe(text) => describe(state, actor.by, text.as_ref(), storage),
        Personal::Ignore(name) => ignore(state, actor, &name, storage),
        Personal::Unignore(name) => unignore(state, actor.by, &name, storage),
    }
}

fn away(state: &mut State, actor: Actor, why: Option<Text>, storage: &mut dyn Storage) -> Result<Outcome, Refused> {
    let account = actor.by;
    let text = why.as_ref().map(Text::as_str);
    let before = &state.account(account).ok_or(Refused::NoAccount)?.away;
    let changed = before.as_ref().map(|away| &*away.text) != text;
    if changed {
        storage.write(Write::Personal(match text {
            Some(text) => {
                let record = AwayRecord { account, since: actor.at, text: text.to_owned() };
                state.set_away(record.clone());
                PersonalWrite::Away(record)
            }
            None => {
                state.set_back(account);
                PersonalWrite::Back(account)
            }
        }));
    }
    Ok(Outcome::Personal { changed })
}

fn describe(
    state: &mut State,
    by: AccountId,
    text: Option<&Text>,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let text = text.map_or("", Text::as_str);
    let changed = &*state.account(by).ok_or(Refused::NoAccount)?.about != text;
    if changed {
        state.set_about(by, text);
        storage.write(Write::Personal(PersonalWrite::Profile(by, text.to_owned())));
    }
    Ok(Outcome::Personal { changed })
}

fn ignore(state: &mut State, actor: Actor, name: &UserName, storage: &mut dyn Storage) -> Result<Outcome, Refused> {
    let (account, other) = (actor.by, state.user(name)?);
    if account == other {
        return Err(Refused::IgnoresItself);
    }
    let ignores = &state.account(account).ok_or(Refused::NoAccount)?.ignores;
    let changed = !ignores.contains_key(&other);
    if changed {
        if ignores.len() >= IGNORED_MAX {
            return Err(Refused::TooManyIgnored);
        }
        let record = IgnoredRecord { account, other, since: actor.at };
        state.ignore(record);
        storage.write(Write::Personal(PersonalWrite::Ignored(record)));
    }
    Ok(Outcome::Personal { changed })
}

fn unignore(
    state: &mut State,
    account: AccountId,
    name: &UserName,
    storage: &mut dyn Storage,
) -> Result<Outcome, Refused> {
    let other = state.user(name)?;
    let changed = state.ignores(account, other);
    if changed {
        state.unignore(account, other);
        storage.write(Write::Personal(PersonalWrite::Unignored(account, other)));
    }
    Ok(Outcome::Personal { changed })
}
