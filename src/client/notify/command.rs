//! The user's own command for notifications.
//!
//! Owns the thread `notifier`, which starts it, waits for it, and ends it if it takes too long, with what it
//! started. What was said is never part of the command line: the shell gets it in its environment and on
//! standard input. While one command runs, others are left out.

use super::Notification;
use crossbeam_channel::{Receiver, Sender};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether it has ended: the standard library has no wait with a deadline.
const LOOK: Duration = Duration::from_millis(20);

/// Runs the command for one notification after another.
#[derive(Debug)]
pub(super) struct CommandRunner {
    line: String,
    running: Option<Running>,
    failed: bool,
}

/// The thread's two ends. It is not joined: it ends with the process, and leaves a command that runs then alone.
#[derive(Debug)]
struct Running {
    notifications: Sender<(Notification, u32)>,
    failures: Receiver<CommandError>,
}

/// Why somebody was not told.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("can't run it: {0}")]
    Run(#[from] io::Error),
    #[error("it ended with {0}")]
    Failed(ExitStatus),
    #[error("it was ended, since it took longer than {} s", .0.as_secs())]
    TooSlow(Duration),
}

impl CommandRunner {
    pub(super) fn new(line: String) -> Self {
        Self { line, running: None, failed: false }
    }

    /// Runs it, unless it runs already.
    pub(super) fn run(&mut self, notification: &Notification, untold: u32) {
        if self.running.is_none() {
            match start(self.line.clone(), PATIENCE) {
                Ok(running) => self.running = Some(running),
                Err(error) => return log::warn!("no notification: {error}"),
            }
        }
        if let Some(running) = &self.running
            && running.notifications.try_send((notification.clone(), untold)).is_err()
        {
            log::debug!("the command for notifications still runs; another one is left out");
        }
    }

    /// Says once that it failed.
    pub(super) fn failure(&mut self) -> Option<String> {
        let error = self.running.as_ref()?.failures.try_recv().ok()?;
        if std::mem::replace(&mut self.failed, true) {
            return None;
        }
        Some(format!("the command for notifications failed: {error}. It is the setting notify; this is said only once"))
    }
}

fn start(line: String, patience: Duration) -> io::Result<Running> {
    let (notifications, taken) = crossbeam_channel::bounded::<(Notification, u32)>(1);
    let (failed, failures) = crossbeam_channel::bounded(1);
    thread::Builder::new().name("notifier".to_owned()).spawn(move || {
        while let Ok((notification, untold)) = taken.recv() {
            if let Err(error) = run(&line, &notification, untold, patience) {
                log::debug!("the command for notifications failed: {error}");
                // One is enough.
                let _ = failed.try_send(error);
            }
        }
    })?;
    Ok(Running { notifications, failures })
}

fn run(line: &str, notification: &Notification, untold: u32, patience: Duration) -> Result<(), CommandError> {
    let text = notification.text(untold);
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line).env_remove("CHITCHAT_TOKEN");
    command.env("CHITCHAT_TITLE", notification.title()).env("CHITCHAT_TEXT", &text);
    command.env("CHITCHAT_FROM", &notification.from);
    command.env("CHITCHAT_ROOM", notification.room.as_deref().unwrap_or_default());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn()?;
    if let Some(mut input) = child.stdin.take()
        // It fits into the pipe, and a command need not read it.
        && let Err(error) = writeln!(input, "{text}")
    {
        log::debug!("the command for notifications does not read: {error}");
    }
    match wait(&mut child, patience)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(CommandError::Failed(status)),
        None => Err(CommandError::TooSlow(patience)),
    }
}

/// Waits for the end of a command; after its time, ends it and all that it started.
fn wait(child: &mut Child, patience: Duration) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            if let Err(error) = kill_process_group(Pid::from_child(child), Signal::KILL) {
                log::debug!("can't end the command for notifications: {error}");
            }
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification() -> Notification {
        let text = "$(touch oops); `id` \"'".to_owned();
        Notification { from: "bob".to_owned(), room: Some("ops".to_owned()), text }
    }

    #[test]
    fn a_command_has_the_message_in_its_environment_and_on_its_input() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let line = format!(
            "cd {} && {{ cat; echo \"$CHITCHAT_TITLE|$CHITCHAT_FROM|$CHITCHAT_ROOM|$CHITCHAT_TEXT\"; }} > out",
            dir.path().display()
        );
        run(&line, &notification(), 2, PATIENCE).unwrap();
        let text = "$(touch oops); `id` \"' (and 2 more before)";
        assert_eq!(std::fs::read_to_string(out).unwrap(), format!("{text}\n@bob in #ops|bob|ops|{text}\n"));
        assert!(!dir.path().join("oops").exists());
    }

    #[test]
    fn a_command_that_fails_or_hangs_is_reported_once() {
        let failed = run("exit 3", &notification(), 0, PATIENCE).unwrap_err();
        assert_eq!(failed.to_string(), "it ended with exit status: 3");
        let started = Instant::now();
        let slow = run("sleep 600 & sleep 600", &notification(), 0, Duration::from_millis(50)).unwrap_err();
        assert_eq!(slow.to_string(), "it was ended, since it took longer than 0 s");
        assert!(started.elapsed() < Duration::from_mins(1));

        let mut runner = CommandRunner::new("exit 3".to_owned());
        assert_eq!(runner.failure(), None);
        let told = [(), ()].map(|()| {
            runner.run(&notification(), 0);
            let failures = &runner.running.as_ref().unwrap().failures;
            while failures.is_empty() {
                assert!(started.elapsed() < Duration::from_mins(1), "the command does not end");
                thread::sleep(LOOK);
            }
            runner.failure()
        });
        let sentence = "the command for notifications failed: it ended with exit status: 3. \
                        It is the setting notify; this is said only once";
        assert_eq!(told, [Some(sentence.to_owned()), None]);
    }
}
