//! Standard input, read on a thread of its own, so that the connection is served while the input is silent.

use crate::client::poller::WakeHandle;
use crossbeam_channel::{Receiver, TryRecvError};
use std::io::{self, BufRead as _};
use std::thread;

pub(super) struct Input {
    lines: Receiver<io::Result<Vec<u8>>>,
}

/// What the input has for now.
pub(super) enum Next {
    Line(String),
    /// A line that is not UTF-8.
    NotText,
    /// Nothing yet; the bot's thread is woken when there is.
    Wait,
    End,
}

impl Input {
    /// Starts to read. Nothing can interrupt such a read, so the thread `stdin` is not joined.
    pub(super) fn start(wake: WakeHandle) -> io::Result<Self> {
        let (sender, lines) = crossbeam_channel::bounded(1);
        thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            for line in io::stdin().lock().split(b'\n') {
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

    /// The next line, without its end, if there is one.
    ///
    /// # Errors
    /// If the input can't be read.
    pub(super) fn next(&self) -> io::Result<Next> {
        match self.lines.try_recv() {
            Ok(line) => {
                let mut line = line?;
                line.pop_if(|last| *last == b'\r');
                Ok(String::from_utf8(line).map_or(Next::NotText, Next::Line))
            }
            Err(TryRecvError::Empty) => Ok(Next::Wait),
            Err(TryRecvError::Disconnected) => Ok(Next::End),
        }
    }
}
