//! Permits: how many connections there may be, in total and from each address.
//!
//! WorkerContext by the `accept` thread, which takes a permit for each connection, and the workers, which
//! give it back by dropping the connection. The lock is held for a few instructions.

use crate::protocol::names::AddressGroup;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// In total; `None` is unlimited.
    pub connections: Option<u32>,
    /// From one address; `None` is unlimited.
    pub per_address: Option<u32>,
}

/// Hands out permits.
#[derive(Debug)]
pub(super) struct Permits {
    limits: ConnectionLimits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: u32,
    addresses: HashMap<AddressGroup, u32>,
}

/// One connection's permit; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    permits: Arc<Permits>,
    from: AddressGroup,
}

impl Permits {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    /// Takes a permit, or returns the sentence that says why there is none.
    pub(super) fn take(self: &Arc<Self>, from: AddressGroup) -> Result<Permit, &'static str> {
        let mut taken = self.taken.lock();
        // The administrator always gets in.
        if from != AddressGroup::Console {
            if self.limits.connections.is_some_and(|most| taken.all >= most) {
                return Err("this server is full right now. Try again later.");
            }
            let here = taken.addresses.get(&from).copied().unwrap_or(0);
            if self.limits.per_address.is_some_and(|most| here >= most) {
                return Err("there are too many connections from your address. Close one first.");
            }
        }
        taken.all += 1;
        *taken.addresses.entry(from).or_insert(0) += 1;
        Ok(Permit { permits: Arc::clone(self), from })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.permits.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        if let Some(here) = taken.addresses.get_mut(&self.from) {
            *here -= 1;
            if *here == 0 {
                taken.addresses.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_limited_and_returned() {
        let permits = Permits::new(ConnectionLimits { connections: Some(3), per_address: Some(2) });
        let (one, other) = (AddressGroup::V4([192, 0, 2, 1]), AddressGroup::V4([192, 0, 2, 2]));
        let first = permits.take(one).unwrap();
        let _second = permits.take(one).unwrap();
        assert!(permits.take(one).unwrap_err().contains("your address"));
        let _third = permits.take(other).unwrap();
        assert!(permits.take(other).unwrap_err().contains("full"));
        let _admin = permits.take(AddressGroup::Console).unwrap();
        drop(first);
        assert!(permits.take(one).is_err(), "the console counts among all");
    }
}
