//! The arguments of `chitchatd backup`, `erasures`, `restore`, `export` and `import`, and where they lead.

use super::CliError;
use crate::protocol::names::{RoomName, UserName};
use crate::server::backup::{Destination, Source};
use crate::server::transfer::What;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// A file, a directory of backups that are named by their time, or - for standard output [default: here, by time]
    #[arg(short, long, value_name = "FILE|DIR|-")]
    output: Option<PathBuf>,
    /// In a directory: keep this many backups and remove the oldest of the others
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

impl BackupArguments {
    pub(super) fn destination(self) -> Result<Destination, CliError> {
        let Self { output, keep, force } = self;
        let is_directory = |path: &PathBuf| path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let to = match output {
            None => Destination::Directory { path: PathBuf::from("."), keep },
            Some(path) if path.as_os_str() == "-" => Destination::Output,
            Some(path) if is_directory(&path) => Destination::Directory { path, keep },
            Some(path) => Destination::File { path, force },
        };
        match to {
            Destination::Directory { .. } if force => Err(CliError::Usage(
                "--force replaces a file; a backup in a directory has a name of its own.".to_owned(),
            )),
            Destination::File { .. } | Destination::Output if keep.is_some() => Err(CliError::Usage(
                "--keep needs a directory, such as: chitchatd backup -o /var/backups/chitchat/ --keep 14".to_owned(),
            )),
            to => Ok(to),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The backup, or - for standard input
    file: PathBuf,
    /// Only read all of it, check it, and say what it holds
    #[arg(long)]
    pub(super) verify: bool,
    /// Remove what this list has, which chitchatd erasures made [default: chitchat.erasures beside the backup]
    #[arg(long, value_name = "FILE", conflicts_with = "verify")]
    pub(super) erasures: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ErasuresArguments {
    /// The list, to which is added what it does not have yet [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

impl RestoreArguments {
    pub(super) fn source(&self) -> Source {
        if self.file.as_os_str() == "-" { Source::Input } else { Source::File(self.file.clone()) }
    }
}

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// A room; or a direct conversation, by its two sides: @alice @bob
    #[arg(value_name = "ROOM|@NAME", num_args = 1..=2, required_unless_present = "account", conflicts_with = "account")]
    what: Vec<String>,
    /// All that is stored about an account, and all that it said
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// A new file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

impl ExportArguments {
    pub(super) fn what(&self) -> Result<What, CliError> {
        let wrong = |text: String| CliError::Usage(text);
        let name = |name: &str| UserName::parse(name).map_err(|error| wrong(format!("{name}: {error}")));
        if let Some(account) = &self.account {
            return name(account).map(What::Account);
        }
        match self.what.as_slice() {
            [one, other] if one.starts_with('@') && other.starts_with('@') => Ok(What::Direct(name(one)?, name(other)?)),
            [one] if !one.starts_with('@') => {
                RoomName::parse_existing(one).map(What::Room).map_err(|error| wrong(format!("{one}: {error}")))
            }
            _ => Err(wrong(
                "export takes one room, or the two sides of a direct conversation, such as: chitchatd export @alice @bob"
                    .to_owned(),
            )),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The export, or - for standard input
    file: PathBuf,
    /// What the room is to be called [default: as it was]
    #[arg(long = "as", value_name = "ROOM")]
    room: Option<String>,
}

impl ImportArguments {
    /// The file, if it is not standard input, and the room.
    pub(super) fn what(self) -> Result<(Option<PathBuf>, Option<RoomName>), CliError> {
        let name = |name: String| RoomName::parse(&name).map_err(|error| CliError::Usage(format!("{name}: {error}")));
        Ok((Some(self.file).filter(|file| file.as_os_str() != "-"), self.room.map(name).transpose()?))
    }
}
