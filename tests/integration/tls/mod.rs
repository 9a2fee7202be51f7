//! TLS as hostile, broken and outdated peers speak it, while somebody else is served: each such connection is
//! refused or served at a bounded cost, and no byte of it makes the server panic.

mod handshake;
mod meter;
mod raw;
mod records;
mod resumption;

use meter::{Cost, Meter};
use std::time::Duration;

/// What an attack may cost the server's memory, in bytes. Connections under attack are few here.
const MEMORY: usize = 16 << 20;
/// How long somebody else may wait meanwhile: far longer than any attack makes them, since the machine may be busy.
const WAIT: Duration = Duration::from_secs(2);

impl Cost {
    /// Fails if it is beyond the bounds, with this much for processor time.
    #[track_caller]
    fn is_bounded(&self, cpu: Duration) {
        assert!(self.cpu < cpu && self.memory < MEMORY && self.waited < WAIT, "{self:?}");
    }
}

/// Ends a server, which must not have panicked.
#[track_caller]
fn ends_well(mut server: crate::support::Server) {
    server.terminate();
    assert!(server.wait().0.success());
}
