//! The PROXY protocol, versions 1 and 2: how a proxy in front of the server says whose connection it passes on, and which
//! proxies are believed. <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>
//!
//! Pure: bytes in, an address out, on the worker that owns the connection. Of libraries, `ppp` brings another `thiserror`,
//! and `proxy-header` ten times as much code, for one address; and neither takes a version 2 header for a connection of
//! the proxy's own, whatever address family that names, as the specification wants.

use crate::protocol::network::{BITS_MIN_V4, BITS_MIN_V6};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of the longest header that is taken. One of version 1 has 107 at most. One of version 2 has 52 with its
/// addresses; what some proxies add (names, certificates) is some hundred.
pub(super) const HEADER_MAX: usize = 2_048;
/// The longest header of version 1, with its line end.
const TEXT_MAX: usize = 107;
const TEXT_START: &[u8] = b"PROXY ";
/// How a header of version 1 begins that does not say who connected.
const TEXT_UNKNOWN: &[u8] = b"PROXY UNKNOWN";
const BINARY_START: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The start, a byte for version and command, one for the family, and two for the length of the rest.
const BINARY_FIXED: usize = BINARY_START.len() + 4;

/// Addresses that begin with the same bits, all of whose connections are those of proxies. Unlike a
/// [`crate::protocol::network::Network`] it knows each single address of IPv6, and this machine's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyRange {
    /// The bits after the first `bits` are zero.
    base: IpAddr,
    bits: u8,
}

impl ProxyRange {
    /// Reads `ADDRESS` or `ADDRESS/BITS`; `None` if it is neither, or has so few bits that nearly anybody could say who they
    /// are.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let (address, bits) = typed.split_once('/').map_or((typed, None), |(address, bits)| (address, Some(bits)));
        let base: IpAddr = address.parse().ok()?;
        let (least, most) = if base.is_ipv4() { (BITS_MIN_V4, 32) } else { (BITS_MIN_V6, 128) };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|_| bits.bytes().all(|b| b.is_ascii_digit()))?,
            None => most,
        };
        (least..=most).contains(&bits).then(|| Self { base: cut(base, bits), bits })
    }

    /// Whether an address is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.base.is_ipv4() && cut(address, self.bits) == self.base
    }
}

impl fmt::Display for ProxyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = if self.base.is_ipv4() { 32 } else { 128 };
        if self.bits == most { write!(f, "{}", self.base) } else { write!(f, "{}/{}", self.base, self.bits) }
    }
}

/// The address with only its first bits.
fn cut(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// What the bytes that have arrived so far are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The beginning of a header.
    Incomplete,
    /// A header, and perhaps more behind it.
    Header {
        /// How long it is.
        bytes: usize,
        /// Who connected to the proxy. `None` if it is the proxy itself (a health check), or it does not say.
        source: Option<IpAddr>,
    },
    /// They are no header, whatever follows.
    NoHeader,
}

/// Reads a header from the beginning of a connection.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let begins = |start: &[u8]| bytes.starts_with(start) || start.starts_with(bytes);
    if begins(TEXT_START) {
        parse_text(bytes)
    } else if begins(BINARY_START) {
        parse_binary(bytes).unwrap_or(Parsed::Incomplete)
    } else {
        Parsed::NoHeader
    }
}

fn parse_text(bytes: &[u8]) -> Parsed {
    let line = &bytes[..bytes.len().min(TEXT_MAX)];
    let Some(end) = line.windows(2).position(|two| two == b"\r\n") else {
        return if bytes.len() < TEXT_MAX { Parsed::Incomplete } else { Parsed::NoHeader };
    };
    let (line, bytes) = (&line[..end], end + 2);
    // Whatever else it says, which need not be text.
    if line.strip_prefix(TEXT_UNKNOWN).is_some_and(|rest| matches!(rest, [] | [b' ', ..])) {
        return Parsed::Header { bytes, source: None };
    }
    let Ok(text) = std::str::from_utf8(line) else { return Parsed::NoHeader };
    let words: Vec<&str> = text.split(' ').collect();
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    match words[..] {
        ["PROXY", family @ ("TCP4" | "TCP6"), source, destination, from, to] if is_port(from) && is_port(to) => {
            let address = |text: &str| match family {
                "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
                _ => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            };
            match (address(source), address(destination)) {
                (Some(source), Some(_)) => Parsed::Header { bytes, source: Some(source) },
                _ => Parsed::NoHeader,
            }
        }
        _ => Parsed::NoHeader,
    }
}

/// `None` if there is not all of it yet.
fn parse_binary(bytes: &[u8]) -> Option<Parsed> {
    let &[command, family, high, low] = bytes.get(BINARY_START.len()..BINARY_FIXED)? else { return None };
    let length = BINARY_FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > HEADER_MAX {
        return Some(Parsed::NoHeader);
    }
    let rest = bytes.get(BINARY_FIXED..length)?;
    let source = match (command, family, rest) {
        // The proxy's own connection, in any family.
        (0x20, ..) => None,
        // Both addresses, and both ports.
        (0x21, 0x11, &[a, b, c, d, ref more @ ..]) if more.len() >= 8 => Some(Ipv4Addr::new(a, b, c, d).into()),
        (0x21, 0x21, rest) if rest.len() >= 36 => rest.first_chunk::<16>().map(|source| Ipv6Addr::from(*source).into()),
        // Unspecified, datagrams, and sockets of this machine: no address that is of use here.
        (0x21, 0x00 | 0x12 | 0x22 | 0x31 | 0x32, _) => None,
        _ => return Some(Parsed::NoHeader),
    };
    Some(Parsed::Header { bytes: length, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: usize, source: Option<&str>) -> Parsed {
        Parsed::Header { bytes, source: source.map(|source| source.parse().unwrap()) }
    }

    /// Of version 2.
    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [BINARY_START, &[command, family], &length, rest].concat()
    }

    /// However they are cut, the bytes come to the same, and before the last one it is not known yet.
    #[track_caller]
    fn reads(bytes: &[u8], wanted: Parsed) {
        assert_eq!(parse(bytes), wanted);
        assert_eq!(parse(&[bytes, b"\x16\x03\x01 more"].concat()), wanted);
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Parsed::Incomplete, "{end}");
        }
    }

    /// The examples of the specification, and its longest lines.
    #[test]
    fn headers_of_version_1_are_read() {
        for (line, source) in [
            ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", Some("192.168.0.1")),
            ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", Some("255.255.255.255")),
            (
                "PROXY TCP6 ffff:f:f:f:f:f:f:f ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
                Some("ffff:f:f:f:f:f:f:f"),
            ),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN \r\n", None),
            (
                "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
                None,
            ),
        ] {
            reads(line.as_bytes(), header(line.len(), source));
        }
        // What follows UNKNOWN is ignored, whatever bytes it is.
        reads(b"PROXY UNKNOWN \xff\xfe\r \n\0\r\n", header(22, None));
    }

    #[test]
    fn headers_of_version_2_are_read() {
        // As HAProxy 2.6 sent them: for a connection from 127.0.7.7 to 127.0.0.1:24443, and to see whether somebody is there.
        let v4 = [127, 0, 7, 7, 127, 0, 0, 1, 0xd6, 0xb7, 0x5f, 0x7b];
        reads(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", header(16, None));
        reads(&binary(0x21, 0x11, &v4), header(28, Some("127.0.7.7")));
        let v6 = [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7].as_slice(), &[1; 20]].concat();
        reads(&binary(0x21, 0x21, &v6), header(52, Some("2001:db8::7")));
        // With what else a proxy may say.
        let more = [v4.as_slice(), &[0x02, 0, 4], b"chat", &[0x04, 0, 0]].concat();
        reads(&binary(0x21, 0x11, &more), header(38, Some("127.0.7.7")));
        // The proxy's own connection, whatever it says besides; and none that could be named.
        for (command, family, rest) in [
            (0x20, 0x00, &[][..]),
            (0x20, 0x11, &v4[..]),
            (0x20, 0xff, &[1, 2, 3][..]),
            (0x21, 0x00, &[]),
            (0x21, 0x31, &[0; 216]),
        ] {
            reads(&binary(command, family, rest), header(16 + rest.len(), None));
        }
    }

    #[test]
    fn what_is_no_header_is_known_as_soon_as_it_can_be() {
        for line in [
            "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
            "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
            "PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n",
            "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY \r\n",
            "PROXY UNKNOWN2 192.0.2.1\r\n",
            "PROXYX",
            "/login alice",
            "\x16\x03\x01",
            "\r\n/help",
        ] {
            assert_eq!(parse(line.as_bytes()), Parsed::NoHeader, "{line:?}");
        }
        assert_eq!(parse(format!("PROXY UNKNOWN {}", "x".repeat(93)).as_bytes()), Parsed::NoHeader);
        assert_eq!(parse(format!("PROXY UNKNOWN {}", "x".repeat(92)).as_bytes()), Parsed::Incomplete);
        let bad = [
            (0x11, 0x11, 12),
            (0x22, 0x11, 12),
            (0x21, 0x11, 11),
            (0x21, 0x21, 35),
            (0x21, 0x13, 12),
            (0x21, 0x41, 36),
        ];
        for (command, family, length) in bad {
            let bytes = binary(command, family, &vec![0; length]);
            assert_eq!(parse(&bytes), Parsed::NoHeader, "{command:x} {family:x} {length}");
        }
        let long = |length: u16| [BINARY_START, &[0x21, 0], &length.to_be_bytes()].concat();
        assert_eq!(parse(&long((HEADER_MAX - BINARY_FIXED) as u16)), Parsed::Incomplete);
        assert_eq!(parse(&long((HEADER_MAX - BINARY_FIXED) as u16 + 1)), Parsed::NoHeader);
    }

    #[test]
    fn proxies_are_single_addresses_or_networks() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (typed, shown, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.1.2.3/8", "10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("::1", "::1", "::1", "::2"),
            ("2001:db8::1/127", "2001:db8::/127", "2001:db8::1", "2001:db8::2"),
            ("fd00::/16", "fd00::/16", "fd00:1::1", "10.0.0.1"),
        ] {
            let range = ProxyRange::parse(typed).unwrap();
            assert_eq!((range.to_string().as_str(), ProxyRange::parse(shown)), (shown, Some(range)));
            assert!(range.contains(address(inside)) && !range.contains(address(outside)), "{typed}");
        }
        for bad in ["", "localhost", "10.0.0.0/7", "10.0.0.0/33", "10.0.0.0/+9", "::/15", "::1/129", "0.0.0.0/0"] {
            assert_eq!(ProxyRange::parse(bad), None, "{bad}");
        }
    }
}
