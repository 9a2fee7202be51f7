//! What clients were told, as they note it down themselves: the truth that the server's data is held
//! against. Nothing here asks the server.

use crate::wire::Line;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// Something that a client was told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// What the stamp showed when it was told.
    pub at: u64,
    pub what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A message: its author was answered with the id, or somebody was shown it.
    Said(Said),
    /// A change to a message, likewise.
    Changed(Changed),
    /// A text is gone for good: its removal, or its edit, was answered.
    Gone { token: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// The conversation; of a direct one both names, the lower first: `r0+w0`.
    pub target: String,
    pub id: u64,
    pub author: String,
    pub text: String,
    pub removed: bool,
}

/// A row of `/changes`, or the event that told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changed {
    pub target: String,
    pub change: u64,
    pub by: String,
    /// That of `ev`.
    pub word: String,
    pub about: u64,
    pub text: Option<String>,
}

/// Says how much had happened when something was told.
pub(crate) type Stamp = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The stamp where nobody needs one.
pub(crate) fn no_stamp() -> Stamp {
    Arc::new(|| 0)
}

/// Takes down what one client is told, for all of them.
#[derive(Clone)]
pub(crate) struct Notes {
    tell: Sender<Told>,
    stamp: Stamp,
}

impl Notes {
    pub(crate) fn new(tell: Sender<Told>, stamp: Stamp) -> Self {
        Self { tell, stamp }
    }

    /// Returns the stamp.
    pub(crate) fn said(&self, said: Said) -> u64 {
        self.note(What::Said(said))
    }

    /// What a line says of messages.
    pub(crate) fn line(&self, line: Line) {
        match line {
            Line::Said(said) => {
                self.said(said);
            }
            Line::Changed(changed) => self.changed(changed),
            _ => {}
        }
    }

    pub(crate) fn changed(&self, changed: Changed) {
        self.note(What::Changed(changed));
    }

    pub(crate) fn gone(&self, token: String) {
        self.note(What::Gone { token });
    }

    fn note(&self, what: What) -> u64 {
        let at = (self.stamp)();
        // The test listens until the last of these is dropped.
        let _ = self.tell.send(Told { at, what });
        at
    }
}
