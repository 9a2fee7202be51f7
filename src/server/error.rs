//! Why a server did not start, or stopped unexpectedly.

use crate::protocol::secrets::NoRandomness;
use crate::server::certificate::CertificateError;
use crate::server::dispatcher;
use crate::server::net::{ListenError, WorkerError};
use crate::server::store::{CommitError, StoreError};
use std::io;

/// Why the server did not start, or stopped without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate can't be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The server can't listen on an address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A worker can't be set up.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// bcrypt rejected the cost.
    #[error("accounts.bcrypt_cost: {0}")]
    Bcrypt(#[from] bcrypt::BcryptError),
    /// A thread can't be started.
    #[error("can't start the thread {name}: {source}")]
    Thread {
        /// The thread's name.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// The first invitation can't be created.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The first invitation can't be saved.
    #[error("can't save the first invitation: {0}")]
    Invitation(#[from] CommitError),
    /// The server failed while it was serving.
    #[error(transparent)]
    Fault(#[from] ServerFault),
}

/// Why a running server stopped. Everything that it had answered is on disk.
#[derive(Debug, thiserror::Error)]
pub enum ServerFault {
    /// The dispatcher can't tell what was saved.
    #[error(transparent)]
    Dispatcher(#[from] dispatcher::DispatcherFault),
    /// A worker can't poll its sockets any more.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// A thread panicked; the panic's message is in the log.
    #[error("the thread {0} panicked; everything that was answered is on disk")]
    Panicked(String),
}
