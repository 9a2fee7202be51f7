//! Those who are connected when the server dies. Each goes on after the restart where it was cut off,
//! and takes down what it is told.

mod editor;
mod reader;
mod resumer;
mod writer;

pub(crate) use editor::Editor;
pub(crate) use reader::Reader;
pub(crate) use resumer::Resumer;
pub(crate) use writer::{Posted, Writer};

use crate::told::Notes;
use crate::wire::{Line, Link, Step, Stop};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

/// What everyone needs during one run of the server.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub address: SocketAddr,
    pub notes: &'a Notes,
    /// Nobody begins anything new.
    pub pause: &'a AtomicBool,
}

impl Run<'_> {
    /// Logs in and does this until the server is gone.
    ///
    /// # Errors
    /// The promise that it broke.
    fn connected(self, account: &Account, go: impl FnOnce(&mut Link, String) -> Step<()>) -> Result<(), String> {
        match Link::log_in(self.address, account) {
            Ok((mut link, epoch)) => {
                let done = go(&mut link, epoch);
                until_gone(link, done)
            }
            Err(Stop::Gone) => Ok(()),
            Err(Stop::Broken(why)) => Err(why),
        }
    }

    fn is_paused(&self) -> bool {
        self.pause.load(Ordering::Relaxed)
    }
}

/// The account of somebody.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub name: String,
    pub token: String,
}

/// Until the server is gone, and it is well so; or until it breaks a promise, and then reads on until it is
/// gone, so that nobody waits for this client.
fn until_gone(mut link: Link, done: Step<()>) -> Result<(), String> {
    while link.next() != Err(Stop::Gone) {}
    match done {
        Ok(()) | Err(Stop::Gone) => Ok(()),
        Err(Stop::Broken(why)) => Err(why),
    }
}

/// The number that a final line begins with.
fn number(text: &str, name: &str) -> Step<u64> {
    let digits = text.split(' ').next().and_then(|word| word.strip_prefix(name));
    let number = digits.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| format!("no number is in the answer + {text}").into())
}

fn unexpected(name: &str, line: &Line) -> Stop {
    format!("{name} did not expect {line:?}").into()
}
