//! Networks: the addresses that begin with the same bits, as `/block` names them.
//!
//! What counts as one address is [`AddressGroup`]: an IPv4 address, or an IPv6 /64. So a network of
//! IPv6 has at most 64 bits. Of `std::net` it has the addresses, which are values: no socket is made here.

use super::ids::AddressGroup;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The fewest bits of a network of IPv4: with fewer, a slip would shut out half the world.
pub const BITS_MIN_V4: u8 = 8;
/// The same for IPv6.
pub const BITS_MIN_V6: u8 = 16;

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    /// Never the console. The bits after the first `bits` are zero.
    base: AddressGroup,
    bits: u8,
}

/// Why something is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It is neither an IPv4 nor an IPv6 address.
    #[error("an address is like 192.0.2.7 or 2001:db8::1, and a network like 192.0.2.0/24 or 2001:db8::/48")]
    NoAddress,
    /// There are too few bits, or too many.
    #[error("the bits of that network have to be from {least} to {most}")]
    Bits {
        /// The fewest.
        least: u8,
        /// The most.
        most: u8,
    },
    /// It is this machine itself.
    #[error("this machine itself can't be blocked")]
    Loopback,
}

impl Network {
    /// Reads `ADDRESS` or `ADDRESS/BITS`. An IPv6 address alone stands for its /64.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(typed: &str) -> Result<Self, NetworkError> {
        let (address, bits) = typed.split_once('/').map_or((typed, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError::NoAddress)?;
        let bits = match bits {
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(bits.parse::<u8>().map_err(|_| NetworkError::NoAddress)?)
            }
            Some(_) => return Err(NetworkError::NoAddress),
            None => None,
        };
        let base = AddressGroup::of(address);
        let (least, most) = match base {
            AddressGroup::V6(_) => (BITS_MIN_V6, 64),
            AddressGroup::V4(_) | AddressGroup::Console => (BITS_MIN_V4, 32),
        };
        let bits = bits.unwrap_or(most);
        if !(least..=most).contains(&bits) {
            return Err(NetworkError::Bits { least, most });
        }
        Self::new(base, bits)
            .ok_or(NetworkError::NoAddress)
            .and_then(|network| if base.is_loopback() { Err(NetworkError::Loopback) } else { Ok(network) })
    }

    /// The network of an address with that many bits; `None` for the console, or if an address has
    /// not as many bits.
    #[must_use]
    pub fn new(address: AddressGroup, bits: u8) -> Option<Self> {
        let base = match address {
            AddressGroup::Console => return None,
            AddressGroup::V4(octets) if bits <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                AddressGroup::V4((u32::from_be_bytes(octets) & mask).to_be_bytes())
            }
            AddressGroup::V6(octets) if bits <= 64 => {
                let mask = u64::MAX.checked_shl(64 - u32::from(bits)).unwrap_or(0);
                AddressGroup::V6((u64::from_be_bytes(octets) & mask).to_be_bytes())
            }
            AddressGroup::V4(_) | AddressGroup::V6(_) => return None,
        };
        Some(Self { base, bits })
    }

    /// Its first address, and how many bits all of its addresses share.
    #[must_use]
    pub fn parts(&self) -> (AddressGroup, u8) {
        (self.base, self.bits)
    }

    /// Whether an address is in it. This machine itself and the console are in none.
    #[must_use]
    pub fn contains(&self, address: AddressGroup) -> bool {
        !address.is_loopback() && Self::new(address, self.bits).is_some_and(|network| network == *self)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base {
            AddressGroup::Console => f.write_str("console"),
            AddressGroup::V4(octets) if self.bits == 32 => write!(f, "{}", Ipv4Addr::from(octets)),
            AddressGroup::V4(octets) => write!(f, "{}/{}", Ipv4Addr::from(octets), self.bits),
            AddressGroup::V6(net) => {
                let mut octets = [0; 16];
                octets[..8].copy_from_slice(&net);
                write!(f, "{}/{}", Ipv6Addr::from(octets), self.bits)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(address: &str) -> AddressGroup {
        AddressGroup::of(address.parse().unwrap())
    }

    #[test]
    fn a_network_has_the_addresses_with_its_bits() {
        for (network, shown, inside, outside) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7/24", "192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("::ffff:192.0.2.7/31", "192.0.2.6/31", "::ffff:192.0.2.6", "192.0.2.8"),
            ("2001:db8::1", "2001:db8::/64", "2001:db8::ffff:1", "2001:db8:0:1::1"),
            ("2001:db8:7::/40", "2001:db8::/40", "2001:db8:ff::1", "2001:db8:100::1"),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.to_string(), shown);
            assert_eq!(Network::parse(shown), Ok(network));
            assert!(network.contains(group(inside)), "{network} {inside}");
            assert!(!network.contains(group(outside)), "{network} {outside}");
        }
        assert!(!Network::parse("10.0.0.0/8").unwrap().contains(group("2001:db8::1")));
    }

    #[test]
    fn this_machine_is_in_no_network() {
        for loopback in ["127.0.0.1", "127.1.2.3/8", "::1"] {
            assert_eq!(Network::parse(loopback), Err(NetworkError::Loopback), "{loopback}");
        }
        // A database may hold anything.
        let all = Network::new(AddressGroup::V4([0; 4]), 0).unwrap();
        assert!(all.contains(group("192.0.2.1")));
        assert!(!all.contains(group("127.0.0.1")) && !all.contains(AddressGroup::Console));
        assert!(!Network::new(AddressGroup::V6([0; 8]), 0).unwrap().contains(group("::1")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in ["", "example.org", "192.0.2", "192.0.2.1/", "192.0.2.1/+9", "192.0.2.1/900", "/24"] {
            assert_eq!(Network::parse(wrong), Err(NetworkError::NoAddress), "{wrong}");
        }
        for wrong in ["192.0.2.1/7", "192.0.2.1/33", "2001:db8::/15", "2001:db8::/65"] {
            assert!(matches!(Network::parse(wrong), Err(NetworkError::Bits { .. })), "{wrong}");
        }
    }
}
