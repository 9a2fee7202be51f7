//! How many connections there are, in all and of each address. Shared by the `accept` thread, which
//! takes places, and the workers, which give them back.

use crate::protocol::names::AddressGroup;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// In all; `None` is no bound.
    pub connections: Option<u32>,
    /// Of one address; `None` is no bound.
    pub per_address: Option<u32>,
}

/// Counts connections. Shared, since a place is given back by the worker that drops it.
#[derive(Debug)]
pub(super) struct Count {
    bounds: Places,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: u32,
    addresses: HashMap<AddressGroup, u32>,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    count: Arc<Count>,
    from: AddressGroup,
}

impl Count {
    pub(super) fn new(bounds: Places) -> Arc<Self> {
        Arc::new(Self { bounds, taken: Mutex::default() })
    }

    /// Takes a place, or says why there is none.
    pub(super) fn take(self: &Arc<Self>, from: AddressGroup) -> Result<Place, &'static str> {
        let mut taken = self.taken.lock();
        // The administrator always gets in.
        if from != AddressGroup::Console {
            if self.bounds.connections.is_some_and(|most| taken.all >= most) {
                return Err("this server is full just now. Try again in a while.");
            }
            let here = taken.addresses.get(&from).copied().unwrap_or(0);
            if self.bounds.per_address.is_some_and(|most| here >= most) {
                return Err("your address has as many connections as it may have. Close one first.");
            }
        }
        taken.all += 1;
        *taken.addresses.entry(from).or_insert(0) += 1;
        Ok(Place { count: Arc::clone(self), from })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.count.taken.lock();
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
    fn places_are_bounded_and_given_back() {
        let bounds = Places { connections: Some(3), per_address: Some(2) };
        let count = Count::new(bounds);
        let (one, other) = (AddressGroup::V4([192, 0, 2, 1]), AddressGroup::V4([192, 0, 2, 2]));
        let first = count.take(one).unwrap();
        let _second = count.take(one).unwrap();
        assert!(count.take(one).unwrap_err().contains("your address"));
        let _third = count.take(other).unwrap();
        assert!(count.take(other).unwrap_err().contains("full"));
        let _admin = count.take(AddressGroup::Console).unwrap();
        drop(first);
        assert!(count.take(one).is_err(), "the console counts among all");
    }
}
