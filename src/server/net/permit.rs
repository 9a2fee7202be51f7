//! Permits: how many connections there may be, in total and from each address.
//!
//! Shared by the `accept` thread, which takes a permit for each connection, and the workers, which
//! give it back by dropping the connection. The lock is held for a few instructions.

use crate::protocol::names::AddressGroup;
use crate::server::traffic::{Admission, ListenerKind, OpenConnections};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// How many connections more than allowed there may be until the workers have ended others for them.
const CROWD: u32 = 64;

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
pub(crate) struct Permits {
    taken: Mutex<Taken>,
}

#[derive(Debug)]
struct Taken {
    limits: ConnectionLimits,
    all: u32,
    /// Those on which nobody is logged in. They make room when the server is full, or silent connections could
    /// keep everyone out.
    guests: u32,
    addresses: HashMap<AddressGroup, Here>,
    /// By kind, for the figures.
    kinds: [OpenConnections; ListenerKind::ALL.len()],
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPermit {
    /// Everyone who is connected is logged in.
    Full,
    /// Others have to make room first: soon.
    Crowd,
    /// Its address has as many as it may.
    Address,
}

impl NoPermit {
    /// What the peer is told.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Full | Self::Crowd => FULL,
            Self::Address => "there are too many connections from your address. Close one first.",
        }
    }
}

/// What a peer is told if there is no connection left.
pub(super) const FULL: &str = "this server is full right now. Try again later.";

/// The connections of one address.
#[derive(Debug, Default, Clone, Copy)]
struct Here {
    all: u32,
    guests: u32,
}

/// One connection's permit; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    permits: Arc<Permits>,
    /// `None` while a proxy has not said whose connection it is: it counts among all, and for no address.
    from: Option<AddressGroup>,
    kind: ListenerKind,
    guest: bool,
    /// There are more than there may be.
    crowded: bool,
}

impl Permits {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        let taken = Taken { limits, all: 0, guests: 0, addresses: HashMap::new(), kinds: Default::default() };
        Arc::new(Self { taken: Mutex::new(taken) })
    }

    /// From now on these are the limits. Nobody who is here has to go.
    pub(crate) fn set_limits(&self, limits: ConnectionLimits) {
        self.taken.lock().limits = limits;
    }

    /// Takes a permit, or says why there is none.
    pub(super) fn take(self: &Arc<Self>, from: Option<AddressGroup>, kind: ListenerKind) -> Result<Permit, NoPermit> {
        let (mut taken, mut crowded) = (self.taken.lock(), false);
        let guest = from != Some(AddressGroup::Console);
        // The administrator always gets in.
        if guest {
            if let Some(most) = taken.limits.connections
                && taken.all >= most
            {
                if taken.guests == 0 {
                    return Err(NoPermit::Full);
                }
                if taken.all >= most.saturating_add(CROWD) {
                    return Err(NoPermit::Crowd);
                }
                crowded = true;
            }
            if from.is_some_and(|from| !taken.has_room_for(from)) {
                return Err(NoPermit::Address);
            }
        }
        taken.all += 1;
        taken.guests += u32::from(guest);
        let of_kind = &mut taken.kinds[kind as usize];
        of_kind.all += 1;
        of_kind.guests += u32::from(guest);
        of_kind.ever += 1;
        if let Some(from) = from {
            taken.add(from, guest);
        }
        Ok(Permit { permits: Arc::clone(self), from, kind, guest, crowded })
    }

    /// How many there are of each kind.
    pub(crate) fn open(&self) -> [(ListenerKind, OpenConnections); ListenerKind::ALL.len()] {
        let kinds = self.taken.lock().kinds;
        ListenerKind::ALL.map(|kind| (kind, kinds[kind as usize]))
    }
}

impl Taken {
    fn has_room_for(&self, from: AddressGroup) -> bool {
        let here = self.addresses.get(&from).map_or(0, |here| here.all);
        self.limits.per_address.is_none_or(|most| here < most)
    }

    fn add(&mut self, from: AddressGroup, guest: bool) {
        let here = self.addresses.entry(from).or_default();
        here.all += 1;
        here.guests += u32::from(guest);
    }
}

impl Permit {
    /// Whether somebody has to make room for this one.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded
    }
}

impl Admission for Permit {
    fn logged_in(&mut self) {
        if std::mem::take(&mut self.guest) {
            let mut taken = self.permits.taken.lock();
            taken.guests = taken.guests.saturating_sub(1);
            let of_kind = &mut taken.kinds[self.kind as usize];
            of_kind.guests = of_kind.guests.saturating_sub(1);
            if let Some(here) = self.from.and_then(|from| taken.addresses.get_mut(&from)) {
                here.guests = here.guests.saturating_sub(1);
            }
        }
    }

    fn come_from(&mut self, from: AddressGroup) -> bool {
        let mut taken = self.permits.taken.lock();
        let may = self.from.is_none() && taken.has_room_for(from);
        if may {
            taken.add(from, self.guest);
            self.from = Some(from);
        }
        may
    }

    fn guests_beside(&self) -> u32 {
        let Some(from) = self.from else { return 0 };
        self.permits.taken.lock().addresses.get(&from).map_or(0, |here| here.guests)
    }

    fn are_too_many(&self) -> bool {
        let taken = self.permits.taken.lock();
        taken.limits.connections.is_some_and(|most| taken.all > most)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.permits.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        taken.guests = taken.guests.saturating_sub(u32::from(self.guest));
        let of_kind = &mut taken.kinds[self.kind as usize];
        of_kind.all = of_kind.all.saturating_sub(1);
        of_kind.guests = of_kind.guests.saturating_sub(u32::from(self.guest));
        if let Some(from) = self.from
            && let Some(here) = taken.addresses.get_mut(&from)
        {
            here.all = here.all.saturating_sub(1);
            here.guests = here.guests.saturating_sub(u32::from(self.guest));
            if here.all == 0 {
                taken.addresses.remove(&from);
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
        let mut first = permits.take(Some(one), ListenerKind::Tls).unwrap();
        let mut second = permits.take(Some(one), ListenerKind::Tls).unwrap();
        assert_eq!(permits.take(Some(one), ListenerKind::Tls).unwrap_err(), NoPermit::Address);
        let mut third = permits.take(Some(other), ListenerKind::Tls).unwrap();
        [&mut first, &mut second, &mut third].into_iter().for_each(Permit::logged_in);
        assert_eq!(permits.take(Some(other), ListenerKind::Tls).unwrap_err(), NoPermit::Full);
        let _admin = permits.take(Some(AddressGroup::Console), ListenerKind::Console).unwrap();
        drop(first);
        assert!(permits.take(Some(one), ListenerKind::Tls).is_err(), "the console counts among all");
    }

    #[test]
    fn other_limits_are_for_those_who_come() {
        let limits = |most| ConnectionLimits { connections: None, per_address: Some(most) };
        let (permits, one) = (Permits::new(limits(1)), AddressGroup::V4([192, 0, 2, 1]));
        let _first = permits.take(Some(one), ListenerKind::Tls).unwrap();
        assert_eq!(permits.take(Some(one), ListenerKind::Tls).unwrap_err(), NoPermit::Address);
        permits.set_limits(limits(2));
        let _second = permits.take(Some(one), ListenerKind::Tls).unwrap();
        permits.set_limits(limits(1));
        assert_eq!(permits.take(Some(one), ListenerKind::Tls).unwrap_err(), NoPermit::Address);
    }

    #[test]
    fn a_proxys_connection_counts_for_the_address_that_it_names() {
        let permits = Permits::new(ConnectionLimits { connections: Some(9), per_address: Some(1) });
        let (one, other) = (AddressGroup::V4([192, 0, 2, 1]), AddressGroup::V4([192, 0, 2, 2]));
        let (mut first, mut second) =
            (permits.take(None, ListenerKind::Tls).unwrap(), permits.take(None, ListenerKind::Tls).unwrap());
        assert!(first.come_from(one) && !second.come_from(one) && second.come_from(other));
        assert!(!second.come_from(other), "once is enough");
        assert_eq!(
            (first.guests_beside(), permits.take(Some(one), ListenerKind::Tls).unwrap_err()),
            (1, NoPermit::Address)
        );
        drop(first);
        first = permits.take(Some(one), ListenerKind::Tls).unwrap();
        drop((first, second));
        assert!(permits.taken.lock().addresses.is_empty());
        let crowd: Vec<Permit> = (0..9).map(|_| permits.take(None, ListenerKind::Tls).unwrap()).collect();
        assert!(
            permits.take(None, ListenerKind::Tls).unwrap().is_crowded() && !crowd[8].is_crowded(),
            "they count among all"
        );
    }

    #[test]
    fn whoever_is_not_logged_in_makes_room() {
        let permits = Permits::new(ConnectionLimits { connections: Some(2), per_address: None });
        let one = AddressGroup::V4([192, 0, 2, 1]);
        let (mut first, second) =
            (permits.take(Some(one), ListenerKind::Tls).unwrap(), permits.take(Some(one), ListenerKind::Tls).unwrap());
        assert!(!first.is_crowded() && !second.is_crowded());
        first.logged_in();
        first.logged_in();
        let mut crowd: Vec<Permit> = (0..CROWD).map(|_| permits.take(Some(one), ListenerKind::Tls).unwrap()).collect();
        assert!(crowd.iter().all(Permit::is_crowded) && first.are_too_many());
        assert_eq!(permits.take(Some(one), ListenerKind::Tls).unwrap_err(), NoPermit::Crowd);
        crowd.truncate(1);
        drop(second);
        assert!(crowd[0].is_crowded() && !crowd[0].are_too_many(), "room was made for it");
        crowd[0].logged_in();
        assert_eq!(permits.take(Some(one), ListenerKind::Tls).unwrap_err(), NoPermit::Full, "everyone is logged in");
    }

    #[test]
    fn an_ipv6_64_has_one_address_worth_of_permits() {
        let permits = Permits::new(ConnectionLimits { connections: None, per_address: Some(256) });
        let from = |net: u16, host: u16| {
            AddressGroup::of(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, net, host, 7, host, 1).into())
        };
        let _taken: Vec<Permit> =
            (0..256).map(|host| permits.take(Some(from(1, host)), ListenerKind::Tls).unwrap()).collect();
        assert_eq!(permits.take(Some(from(1, 999)), ListenerKind::Tls).unwrap_err(), NoPermit::Address);
        assert!(permits.take(Some(from(2, 999)), ListenerKind::Tls).is_ok());
    }
}
