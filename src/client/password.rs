//! A password from a file or a command: never from the command line, where every user of the machine could read it.
//!
//! Runs on the thread that logs in.

use super::args::CommandLine;
use crate::protocol::secrets::Secret;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use zeroize::Zeroizing;

/// Where to get the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PasswordSource {
    /// The first line of this file.
    File(PathBuf),
    /// The first line of what this prints, run by the shell.
    Command(String),
}

/// Why there is no password. The user's fault.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The file can't be read.
    #[error("--password-file {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The command can't be run.
    #[error("--password-command: {0}")]
    Command(io::Error),
    /// The command failed.
    #[error("--password-command failed: {0}")]
    Failed(ExitStatus),
    /// Its first line is empty, or not text.
    #[error("there is no password in the first line of {0}")]
    NoPassword(&'static str),
}

impl PasswordSource {
    /// What the command line says.
    #[must_use]
    pub(super) fn of(args: &CommandLine) -> Option<Self> {
        let command = || args.password_command.clone().map(Self::Command);
        args.password_file.clone().map(Self::File).or_else(command)
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub(super) fn read(&self) -> Result<Secret, PasswordError> {
        let (text, whence) = match self {
            Self::File(path) => {
                let read = fs::read(path).map_err(|error| PasswordError::File { path: path.clone(), error });
                (Zeroizing::new(read?), "--password-file")
            }
            Self::Command(command) => {
                // It may ask for a passphrase on the terminal.
                let mut shell = Command::new("sh");
                shell.args(["-c", command]).stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::inherit());
                let output = shell.output().map_err(PasswordError::Command)?;
                let text = Zeroizing::new(output.stdout);
                if !output.status.success() {
                    return Err(PasswordError::Failed(output.status));
                }
                (text, "what --password-command printed")
            }
        };
        let line = text.split(|&byte| byte == b'\n').next().and_then(|line| str::from_utf8(line).ok());
        let password = line.map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty());
        password.map(Secret::new).ok_or(PasswordError::NoPassword(whence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(command: &str) -> Result<String, String> {
        let read = PasswordSource::Command(command.to_owned()).read();
        read.map(|password| password.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_password_is_the_first_line() {
        assert_eq!(printed("printf 'correct horse\\r\\nuser: bob\\n'").as_deref(), Ok("correct horse"));
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "battery staple").unwrap();
        let read = PasswordSource::File(file.path().to_owned()).read().unwrap();
        assert_eq!(read.expose(), "battery staple");
    }

    #[test]
    fn no_password_is_an_error_that_says_where() {
        assert_eq!(printed("exit 3").unwrap_err(), "--password-command failed: exit status: 3");
        assert_eq!(
            printed("echo").unwrap_err(),
            "there is no password in the first line of what --password-command printed"
        );
        let missing = PasswordSource::File("/nonexistent/password".into()).read().unwrap_err().to_string();
        assert!(missing.starts_with("--password-file /nonexistent/password: "), "{missing}");
    }
}
