//! Standard input, read on a thread of its own, so that the connection is served while the input is silent.

use crate::client::poller::WakeHandle;
use crossbeam_channel::{Receiver, TryRecvError};
use std::io::{self, BufRead as _};
use std::thread;

pub(super) struct Input {
    lines: Receiver<io::Result<String>>,
}

/// What the input has for now.
pub(super) enum Next {
    Line(String),
    /// Nothing yet; the bot's thread is woken when there is.
    Wait,
    End,
}

impl Input {
    /// Starts to read. Nothing can interrupt such a read, so the thread `stdin` is not joined.
    pub(super) fn start(wake: WakeHandle) -> io::Result<Self> {
        let (sender, lines) = crossbeam_channel::bounded(1);
        thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            for line in io::stdin().lock().lines() {
                if sender.send(line).is_err() {
                    return;
                }
                wake.wake();
            }
            drop(sender);
            wake.wake();
        })?;
        Ok(Self { lines })
    }

    /// The next line, if there is one.
    ///
    /// # Errors
    /// If the input can't be read, or is no text.
    pub(super) fn next(&self) -> io::Result<Next> {
        match self.lines.try_recv() {
            Ok(line) => line.map(Next::Line),
            Err(TryRecvError::Empty) => Ok(Next::Wait),
            Err(TryRecvError::Disconnected) => Ok(Next::End),
        }
    }
}
