//! Failing writes on purpose, for the simulation: the next insert or commit of this thread fails as a disk
//! may. Without the feature `faults` none does.

use super::{CommitError, WriteError};

#[cfg(not(feature = "faults"))]
mod none {
    use super::{CommitError, WriteError};

    #[inline]
    pub(in crate::server::store::write) const fn at_insert() -> Result<(), WriteError> {
        Ok(())
    }

    #[inline]
    pub(in crate::server::store::write) const fn at_commit() -> Result<(), WriteError> {
        Ok(())
    }

    #[inline]
    pub(in crate::server::store::write) const fn after_commit() -> Result<(), CommitError> {
        Ok(())
    }
}

#[cfg(not(feature = "faults"))]
pub(super) use none::{after_commit, at_commit, at_insert};

#[cfg(feature = "faults")]
pub(super) use planned::{after_commit, at_commit, at_insert};
#[cfg(feature = "faults")]
pub(crate) use planned::{is_planned, plan};

#[cfg(feature = "faults")]
mod planned {
    use super::{CommitError, WriteError};
    use crate::server::simulation::Failure;
    use rusqlite::ffi;
    use std::cell::Cell;

    thread_local! {
        static NEXT: Cell<Option<Failure>> = const { Cell::new(None) };
    }

    /// From now on the next transaction fails so, or none does.
    pub(crate) fn plan(failure: Option<Failure>) {
        NEXT.set(failure);
    }

    /// Whether one is to fail.
    pub(crate) fn is_planned() -> bool {
        NEXT.get().is_some()
    }

    fn fails(how: Failure) -> bool {
        let fails = NEXT.get() == Some(how);
        if fails {
            NEXT.set(None);
        }
        fails
    }

    fn error(code: i32) -> WriteError {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("on purpose".to_owned())).into()
    }

    pub(in crate::server::store::write) fn at_insert() -> Result<(), WriteError> {
        if fails(Failure::Insert) { Err(error(ffi::SQLITE_FULL)) } else { Ok(()) }
    }

    pub(in crate::server::store::write) fn at_commit() -> Result<(), WriteError> {
        if fails(Failure::Commit) {
            return Err(error(ffi::SQLITE_FULL));
        }
        if fails(Failure::Undone) { Err(error(ffi::SQLITE_IOERR)) } else { Ok(()) }
    }

    pub(in crate::server::store::write) fn after_commit() -> Result<(), CommitError> {
        if fails(Failure::Done) { Err(CommitError::Ambiguous(error(ffi::SQLITE_IOERR))) } else { Ok(()) }
    }
}
