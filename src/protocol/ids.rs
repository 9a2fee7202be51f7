//! The numbers of connections, accounts, conversations and messages, and the groups by which
//! addresses are counted. Must not know who assigns them. Of `std::net` it has the addresses, which are
//! values: no socket is made here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names one connection for as long as the process lives. Never reused, so that a late answer
/// can't reach the next owner of a slot. The upper 8 bits name the worker that owns it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnId(u64);

impl ConnId {
    const SERIAL_BITS: u32 = 56;
    /// The low bits of a serial name its worker's slot, the others count how often that was used.
    const SLOT_BITS: u32 = 24;

    /// The `serial`th connection of a worker.
    #[must_use]
    pub fn new(worker: u8, serial: u64) -> Self {
        debug_assert!(serial < 1 << Self::SERIAL_BITS);
        Self((u64::from(worker) << Self::SERIAL_BITS) | serial)
    }

    /// The worker that owns the connection.
    #[must_use]
    pub fn worker(self) -> usize {
        usize::from((self.0 >> Self::SERIAL_BITS) as u8)
    }

    /// The connection's number within its worker.
    #[must_use]
    pub fn serial(self) -> u64 {
        self.0 & ((1 << Self::SERIAL_BITS) - 1)
    }
}

impl fmt::Display for ConnId {
    /// The worker, its slot, and how often the slot was used: `#0.12.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (uses, slot) = (self.serial() >> Self::SLOT_BITS, self.serial() & ((1 << Self::SLOT_BITS) - 1));
        write!(f, "#{}.{slot}.{uses}", self.worker())
    }
}

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(i64);

        impl $name {
            /// From the number that the database knows it by.
            #[must_use]
            pub const fn new(id: i64) -> Self {
                Self(id)
            }

            /// The number that the database knows it by.
            #[must_use]
            pub fn value(self) -> i64 {
                self.0
            }
        }
    };
}

row_id! {
    /// The number of an account, for as long as the data exists; never reused.
    AccountId
}

row_id! {
    /// The number of a room or a direct conversation; never reused.
    ConversationId
}

/// What a connection's address counts as: an IPv4 address, an IPv6 /64 (which is
/// what one household or one rented server has), or this machine's admin socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum AddressGroup {
    /// The admin socket.
    Console,
    /// One IPv4 address, even if it was mapped into IPv6.
    V4([u8; 4]),
    /// The first 64 bits of an IPv6 address.
    V6([u8; 8]),
}

impl AddressGroup {
    /// Whether it is this machine itself: the admin socket, or an address that leads nowhere else.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Console => true,
            Self::V4(octets) => octets[0] == 127,
            Self::V6(net) => *net == [0; 8],
        }
    }

    /// The group of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let mut net = [0; 8];
                net.copy_from_slice(&v6.octets()[..8]);
                Self::V6(net)
            }
        }
    }
}

impl fmt::Display for AddressGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console => f.write_str("console"),
            Self::V4(octets) => write!(f, "{}", Ipv4Addr::from(*octets)),
            Self::V6(net) => {
                let mut octets = [0; 16];
                octets[..8].copy_from_slice(net);
                write!(f, "{}/64", Ipv6Addr::from(octets))
            }
        }
    }
}

/// A message's number within its conversation, counting up from 1 without gaps. Zero comes before
/// all messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct MessageId(u64);

impl MessageId {
    /// Before all messages.
    pub const ZERO: Self = Self(0);
    /// The largest id, 2^63-1.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// Takes a number; `None` above [`MessageId::MAX`].
    #[must_use]
    pub fn new(id: u64) -> Option<Self> {
        (id <= Self::MAX.0).then_some(Self(id))
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    /// The id after this one; `None` after the largest.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_64_counts_as_one() {
        let group = |a: &str| AddressGroup::of(a.parse().unwrap());
        assert_eq!(group("2001:db8::1"), group("2001:db8::ffff:1"));
        assert_ne!(group("2001:db8::1"), group("2001:db8:0:1::1"));
        assert_eq!(group("::ffff:192.0.2.1"), group("192.0.2.1"));
        assert_eq!(group("2001:db8::1").to_string(), "2001:db8::/64");
    }

    #[test]
    fn connections_name_their_worker() {
        let conn = ConnId::new(255, 7);
        assert_eq!((conn.worker(), conn.serial()), (255, 7));
        assert_eq!(conn.to_string(), "#255.7.0");
    }
}
