//! The subcommands: one thing done on a server, for scripts.

use super::ClientError;
use super::args::{Command, CommandLine};

/// Does what a subcommand says.
///
/// # Errors
/// [`ClientError`].
pub(super) fn run(_args: &CommandLine, command: &Command) -> Result<(), ClientError> {
    log::debug!("{command:?}");
    Err(ClientError::NotYet)
}
