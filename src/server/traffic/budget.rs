//! The bound on what is under way.

use crate::server::faults::{self, Fault};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes all requests and lines under way hold together, and the most they may. At the
/// bound, workers stop cutting lines; nothing ever blocks on it.
///
/// A worker holds bytes for each request that it sends; the dispatcher adds up those of a turn, and
/// from then on they are one [`Share`], which goes with the turn's lines.
#[derive(Debug)]
pub(crate) struct Budget {
    held: AtomicUsize,
    most: AtomicUsize,
}

impl Budget {
    /// A budget of `most` bytes; `usize::MAX` is unlimited.
    #[must_use]
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), most: AtomicUsize::new(most) })
    }

    /// Whether more may be held. The bound is soft: several workers may ask at the same moment.
    #[must_use]
    pub(crate) fn has_room(&self) -> bool {
        self.held.load(Ordering::Relaxed) < self.most.load(Ordering::Relaxed)
    }

    /// From now on it is this many bytes.
    pub(crate) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Holds this many more bytes, until they are part of a share that is dropped.
    pub(crate) fn hold(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Turns bytes that are already held into a share, which gives them back when dropped.
    #[must_use]
    pub(crate) fn share(self: &Arc<Self>, bytes: usize) -> Share {
        Share(Some((Arc::clone(self), bytes)))
    }

    /// Bytes that are under way now.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

/// A part of a [`Budget`], given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Share(Option<(Arc<Budget>, usize)>);

impl Drop for Share {
    fn drop(&mut self) {
        if let Some((budget, bytes)) = self.0.take() {
            if faults::is_planted(Fault::ShareKept) {
                return;
            }
            budget.held.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}
