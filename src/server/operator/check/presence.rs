//! Whether a server runs on the data directory, and which. It is asked on its admin socket, as any command would.

use super::{Area, Report};
use crate::server::operator::console::{self, ConsoleError};
use crate::server::running::Running;
use std::path::{Path, PathBuf};

/// A question that any server answers.
const QUESTION: &str = "/whoami";

/// A server, or none.
pub(super) struct Presence {
    data: PathBuf,
    answer: Result<(), ConsoleError>,
    /// What it says about itself, if it runs.
    running: Option<Running>,
}

impl Presence {
    pub(super) fn of(data: &Path) -> Self {
        let answer = console::ask(data, QUESTION).map(drop);
        // After a crash the file of the last run is still there.
        let running = if is_there(&answer) { Running::read(data) } else { None };
        Self { data: data.to_owned(), answer, running }
    }

    /// Whether one has the data directory, even if it does not answer.
    pub(super) fn is_there(&self) -> bool {
        is_there(&self.answer)
    }

    /// What it says about itself.
    pub(super) fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    pub(super) fn report(&self, report: &mut Report) {
        let data = self.data.display();
        match &self.answer {
            Ok(()) | Err(ConsoleError::Refused(_)) => {
                let pid = self.running.as_ref().and_then(|running| running.pid);
                let pid = pid.map_or(String::new(), |pid| format!(", process {pid}"));
                report.good(Area::Server, format!("runs on {data}{pid}, and answers"));
            }
            Err(ConsoleError::NotRunning { .. }) => report.good(Area::Server, format!("none runs on {data} now")),
            Err(error @ ConsoleError::Unreachable { .. }) => {
                report.warning(Area::Server, format!("{error}. Run this as the server's own user"));
            }
            Err(error) => report.error(
                Area::Server,
                format!("the server on {data} does not answer: {error}. See its log, and restart it"),
            ),
        }
    }
}

fn is_there(answer: &Result<(), ConsoleError>) -> bool {
    !matches!(answer, Err(ConsoleError::NotRunning { .. } | ConsoleError::Unreachable { .. }))
}
