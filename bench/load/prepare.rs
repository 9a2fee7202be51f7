//! The accounts of a run on ChitChat: read from a file, and registered if they are missing.

use crate::accounts::{Account, read, write};
use crate::dialogue::{self, Greeting, Opening};
use crate::fault::Fault;
use crate::options::Options;
use crate::swarm::Swarm;
use crate::wire::Protocol;

/// Registered accounts get this password, which is not used again.
const PASSWORD: &str = "a load generator's account";

/// As many accounts as the run needs. IRC has none: there each connection just picks a name.
pub fn prepare(options: &Options) -> Result<Vec<Account>, Fault> {
    let needed = options.people();
    if options.protocol == Protocol::Irc {
        let named = |n| Account { name: format!("{}{n}", options.prefix), secret: String::new() };
        return Ok((0..needed).map(named).collect());
    }
    if let Some(path) = &options.accounts_from {
        let mut accounts = read(path)?;
        if accounts.len() < needed {
            return Err(Fault::TooFew { needed, found: accounts.len() });
        }
        accounts.truncate(needed);
        return Ok(accounts);
    }
    let mut accounts = match &options.state {
        Some(path) if path.exists() => read(path)?,
        _ => Vec::new(),
    };
    if accounts.len() < needed {
        register(options, &mut accounts, needed)?;
        if let Some(path) = &options.state {
            write(path, &accounts)?;
        }
    }
    accounts.truncate(needed);
    Ok(accounts)
}

/// Creates the missing accounts, each over its own connection and in one write: register, leave the
/// lobby, create a token, and send a last command whose answer says that all that is done.
fn register(options: &Options, accounts: &mut Vec<Account>, needed: usize) -> Result<(), Fault> {
    let first = accounts.len();
    let name = |n: usize| format!("{}{}", options.prefix, first + n);
    let greetings = (0..needed - first).map(|n| {
        let name = name(n);
        Greeting::chitchat(&format!("/register {name} {PASSWORD}\n/leave lobby\n/@token token new load\n"), false)
    });
    let mut opening = Opening::new(options, greetings.collect());
    let mut swarm = Swarm::new(options).map_err(Fault::Local)?;
    dialogue::open_all(&mut swarm, &mut opening, options.parallel as usize, dialogue::After::Close)?;
    for (n, secret) in opening.tokens().into_iter().enumerate() {
        accounts.push(Account { name: name(n), secret });
    }
    Ok(())
}
