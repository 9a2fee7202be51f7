//! Accounts, and files of them.
//!
//! A file of accounts has a line for each: a name, a space, and a device token or a password.

use crate::fault::Fault;
use std::fs;
use std::io::Write as _;
use std::path::Path;

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

/// The accounts of a file.
pub fn read(path: &Path) -> Result<Vec<Account>, Fault> {
    let text = fs::read_to_string(path).map_err(|error| Fault::File { path: path.to_owned(), error })?;
    let account = |(index, line): (usize, &str)| {
        let (name, secret) = line.split_once(' ').ok_or(Fault::Accounts { path: path.to_owned(), line: index + 1 })?;
        Ok(Account { name: name.to_owned(), secret: secret.to_owned() })
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(account).collect()
}

/// Writes them to a file.
pub fn write(path: &Path, accounts: &[Account]) -> Result<(), Fault> {
    let mut text = Vec::new();
    for Account { name, secret } in accounts {
        // Writing to a Vec can't fail.
        let _ = writeln!(text, "{name} {secret}");
    }
    fs::write(path, text).map_err(|error| Fault::File { path: path.to_owned(), error })
}
