//! What this machine provides: the part of the settings that nobody typed.
//!
//! Reads the process's environment, so that everything else about settings is a pure function of
//! its arguments. Runs on the main thread, before any other is started.

use etcetera::BaseStrategy as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::ffi::OsString;
use std::path::PathBuf;

/// What `auto` settings are decided from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `$STATE_DIRECTORY`, which systemd sets; of several, joined by colons, the first counts.
    pub state_directory: Option<OsString>,
    /// `$XDG_DATA_HOME`, or `~/.local/share`.
    pub data_home: Option<PathBuf>,
    /// The machine's host name, not checked yet.
    pub host_name: Option<String>,
    /// Cores that this process may use; 0 counts as 1.
    pub cores: usize,
    /// Files that this process may have open after [`raise_open_files`]; `None` is no limit.
    pub open_files: Option<u64>,
}

impl Environment {
    /// The environment of this process. What can't be determined is left empty.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            state_directory: std::env::var_os("STATE_DIRECTORY"),
            data_home: etcetera::base_strategy::Xdg::new().ok().map(|xdg| xdg.data_dir()),
            host_name: rustix::system::uname().nodename().to_str().ok().map(str::to_owned),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            open_files: getrlimit(Resource::Nofile).maximum,
        }
    }
}

/// Raises the number of files that this process may have open to the most that the system allows:
/// the usual 1024 are fewer than the connections that a server can have. If that fails, it stays.
pub fn raise_open_files() {
    let most = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }) {
        log::warn!("can't raise the number of open files: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read() {
        let environment = Environment::of_process();
        assert!(environment.cores >= 1);
        assert!(environment.host_name.is_some_and(|name| !name.is_empty()));
    }

    #[test]
    fn open_files_are_raised_to_the_limit_that_was_found() {
        raise_open_files();
        assert_eq!(getrlimit(Resource::Nofile).current, Environment::of_process().open_files);
    }
}
