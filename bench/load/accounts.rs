//! Accounts for a run on ChitChat: read from a file, and registered if they are missing.
//!
//! A file of accounts has a line for each: a name, a space, and a device token or a password.

use crate::dialogue::{self, Greeting, Opening};
use crate::fault::Fault;
use crate::options::{Options, Protocol};
use crate::swarm::Swarm;
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// Registered accounts get this password, which is not used again.
const PASSWORD: &str = "a load generator's account";

/// The account of a connection.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// A device token or a password.
    pub secret: String,
}

impl Account {
    /// The command that logs it in.
    pub fn login(&self) -> String {
        let Self { name, secret } = self;
        // Tokens are a `t` and 64 hexadecimal digits.
        let token = secret
            .strip_prefix('t')
            .is_some_and(|rest| rest.len() == 64 && rest.bytes().all(|b| b.is_ascii_hexdigit()));
        if token { format!("/resume {secret}") } else { format!("/login {name} {secret}") }
    }
}

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

fn read(path: &Path) -> Result<Vec<Account>, Fault> {
    let text = fs::read_to_string(path).map_err(|error| Fault::File { path: path.to_owned(), error })?;
    let account = |(index, line): (usize, &str)| {
        let (name, secret) = line.split_once(' ').ok_or(Fault::Accounts { path: path.to_owned(), line: index + 1 })?;
        Ok(Account { name: name.to_owned(), secret: secret.to_owned() })
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(account).collect()
}

fn write(path: &Path, accounts: &[Account]) -> Result<(), Fault> {
    let mut text = Vec::new();
    for Account { name, secret } in accounts {
        // Writing to a Vec can't fail.
        let _ = writeln!(text, "{name} {secret}");
    }
    fs::write(path, text).map_err(|error| Fault::File { path: path.to_owned(), error })
}
