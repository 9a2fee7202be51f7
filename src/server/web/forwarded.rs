//! Whose request it is that a proxy passes on: the fields `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Each proxy adds to the end of the list who has asked it. So the list is read from its end: as long as an address is
//! that of a proxy that is believed, what that one has added counts, and the first other address is whose request it
//! is. What stands before that anybody may have sent, and nobody looks at it.
//!
//! Pure: texts in, an address out, on the worker that owns the connection. Libraries take such fields apart, but none
//! knows where to stop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The fields of a request that say whose it is, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// `Forwarded`.
    pub(crate) standard: Vec<String>,
    /// `X-Forwarded-For`.
    pub(crate) usual: Vec<String>,
}

/// Why they don't say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ForwardedError {
    /// Where a proxy should have added an address is something else.
    #[error("its {0} is not valid")]
    Malformed(&'static str),
    /// Only one of the two is the proxy's, and nothing says which.
    #[error("its Forwarded and its X-Forwarded-For don't name the same address")]
    Contradiction,
}

/// What a proxy has added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Address(IpAddr),
    /// It does not want to say who asked.
    Hidden,
}

impl Forwarded {
    /// Whether there are none of these fields.
    pub(crate) fn is_empty(&self) -> bool {
        self.standard.is_empty() && self.usual.is_empty()
    }

    /// Whose request it is, if a proxy sent it that is believed; `None` if it is that proxy's own, or it does not say.
    /// Of both fields neither comes first: a proxy that writes one may pass on the other as it was sent to it.
    ///
    /// # Errors
    /// If that can't be told.
    pub(crate) fn source(&self, is_proxy: impl Fn(IpAddr) -> bool) -> Result<Option<IpAddr>, ForwardedError> {
        let standard = || {
            let nodes = self.standard.iter().rev().flat_map(|value| match elements(value) {
                Some(nodes) => nodes.into_iter().rev().map(Some).collect(),
                None => vec![None],
            });
            last(nodes, &is_proxy, "Forwarded")
        };
        let usual = || {
            let nodes = self.usual.iter().rev().flat_map(|value| value.rsplit(',')).map(|text| node(text.trim()));
            last(nodes, &is_proxy, "X-Forwarded-For")
        };
        match (self.standard.is_empty(), self.usual.is_empty()) {
            (true, true) => Ok(None),
            (false, true) => standard(),
            (true, false) => usual(),
            (false, false) => {
                let (standard, usual) = (standard()?, usual()?);
                if standard == usual { Ok(usual) } else { Err(ForwardedError::Contradiction) }
            }
        }
    }
}

/// Follows the nodes of a field, the last of the list first, to one that is no proxy. A node is `None` if it is not valid.
fn last(
    nodes: impl Iterator<Item = Option<Node>>,
    is_proxy: impl Fn(IpAddr) -> bool,
    field: &'static str,
) -> Result<Option<IpAddr>, ForwardedError> {
    let mut source = None;
    for node in nodes {
        match node.ok_or(ForwardedError::Malformed(field))? {
            Node::Hidden => break,
            Node::Address(address) => {
                source = Some(address);
                if !is_proxy(address) {
                    break;
                }
            }
        }
    }
    Ok(source)
}

/// The nodes of one `Forwarded`: `for=192.0.2.60;proto=http, for="[2001:db8::1]:4711"`. `None` if it is not valid.
fn elements(value: &str) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    let mut rest = value;
    loop {
        let mut names: Vec<&str> = Vec::new();
        let mut node = Node::Hidden;
        let next = loop {
            let (name, after) = token(rest.trim_start())?;
            // Each once.
            if names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                return None;
            }
            names.push(name);
            let (text, after) = word(after.strip_prefix('=')?)?;
            if name.eq_ignore_ascii_case("for") {
                node = self::node(&text)?;
            }
            let mut after = after.trim_start().chars();
            match after.next() {
                Some(';') => rest = after.as_str(),
                Some(',') => break Some(after.as_str()),
                Some(_) => return None,
                None => break None,
            }
        };
        nodes.push(node);
        match next {
            Some(next) => rest = next,
            None => return Some(nodes),
        }
    }
}

/// Takes a token from the front, with what follows.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_of_it = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_of_it(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Takes a token or a quoted string from the front, with what follows.
fn word(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(token, rest)| (token.to_owned(), rest));
    };
    let mut word = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next()? {
            '"' => return Some((word, rest.as_str())),
            '\\' => word.push(rest.next()?),
            c => word.push(c),
        }
    }
}

/// `192.0.2.43`, `2001:db8::1` and `[2001:db8::1]`, each perhaps with a port; or what hides it.
fn node(text: &str) -> Option<Node> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(Node::Address(address.into()));
    }
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let is_valid = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return Some(Node::Address(address.parse::<Ipv6Addr>().ok().filter(|_| is_valid)?.into()));
    }
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    if !port.is_none_or(is_port) {
        return None;
    }
    if name.eq_ignore_ascii_case("unknown") || is_obfuscated(name) {
        return Some(Node::Hidden);
    }
    name.parse::<Ipv4Addr>().ok().map(|address| Node::Address(address.into()))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok() || is_obfuscated(text)
}

/// A name that only its proxy understands.
fn is_obfuscated(text: &str) -> bool {
    let is_of_it = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    text.strip_prefix('_').is_some_and(|name| !name.is_empty() && name.bytes().all(is_of_it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_proxy(address: IpAddr) -> bool {
        ["127.0.0.1", "10.0.0.7", "fd00::7"].iter().any(|proxy| proxy.parse() == Ok(address))
    }

    fn fields(standard: &[&str], usual: &[&str]) -> Forwarded {
        let owned = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        Forwarded { standard: owned(standard), usual: owned(usual) }
    }

    #[track_caller]
    fn reads(fields: &Forwarded, wanted: Result<Option<&str>, ForwardedError>) {
        let wanted = wanted.map(|address| address.map(|address| address.parse().unwrap()));
        assert_eq!(fields.source(is_proxy), wanted, "{fields:?}");
    }

    #[test]
    fn the_last_address_that_is_no_proxys_counts() {
        for (values, wanted) in [
            (&["192.0.2.7"][..], Some("192.0.2.7")),
            (&["198.51.100.1, 192.0.2.7"], Some("192.0.2.7")),
            // As haproxy does it: a field of its own for each.
            (&["198.51.100.1", "192.0.2.7"], Some("192.0.2.7")),
            (&["198.51.100.1, 192.0.2.7, 10.0.0.7,127.0.0.1"], Some("192.0.2.7")),
            (&["192.0.2.7", "10.0.0.7", "fd00::7"], Some("192.0.2.7")),
            // What a client sends can be anything.
            (&["<script>, 127.0.0.1,,", "192.0.2.7, [fd00::7]:80"], Some("192.0.2.7")),
            (&["192.0.2.7:4711"], Some("192.0.2.7")),
            (&["2001:db8::7"], Some("2001:db8::7")),
            (&["[2001:db8::7]:4711"], Some("2001:db8::7")),
            // A proxy asks for itself, or does not say who asked.
            (&["10.0.0.7"], Some("10.0.0.7")),
            (&["unknown"], None),
            (&["192.0.2.7, unknown, 10.0.0.7"], Some("10.0.0.7")),
        ] {
            reads(&fields(&[], values), Ok(wanted));
        }
        reads(&Forwarded::default(), Ok(None));
    }

    #[test]
    fn the_standard_field_is_read_as_rfc_7239_has_it() {
        for (values, wanted) in [
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"][..], Some("192.0.2.60")),
            (&["For=\"[2001:db8:cafe::17]:4711\""], Some("2001:db8:cafe::17")),
            (&["for=192.0.2.43, for=198.51.100.17"], Some("198.51.100.17")),
            (&["for=192.0.2.43", "for=127.0.0.1;host=\"a,b;c=\\\"d\""], Some("192.0.2.43")),
            (&["proto=https; for=192.0.2.43 , for=10.0.0.7"], Some("192.0.2.43")),
            (&["for=\"_gazonk\""], None),
            (&["for=192.0.2.43, for=unknown"], None),
            (&["for=192.0.2.43, proto=https"], None),
            // Not reached.
            (&["for=\"", "for=192.0.2.43"], Some("192.0.2.43")),
        ] {
            reads(&fields(values, &[]), Ok(wanted));
        }
    }

    #[test]
    fn what_a_proxy_should_have_written_and_has_not_is_an_error() {
        for value in [
            "",
            "localhost",
            "192.0.2.7,",
            "192.0.2.7, ",
            "192.0.2.256",
            "192.0.2.07",
            "192.0.2.7:",
            "192.0.2.7:65536",
            "192.0.2.7:+1",
            "2001:db8::7:4711:1:2:3:4:5",
            "[192.0.2.7]",
            "[::1",
            "[::1]4711",
            "fe80::1%eth0",
            "_",
            "192.0.2.7 192.0.2.8",
            "\u{fffd}",
        ] {
            reads(&fields(&[], &[value]), Err(ForwardedError::Malformed("X-Forwarded-For")));
        }
        for value in [
            "",
            "192.0.2.7",
            "for=192.0.2.7,",
            "for=192.0.2.7;",
            "for=192.0.2.7;for=192.0.2.7",
            "for=192.0.2.7;by=a;BY=b",
            "for = 192.0.2.7",
            "for=2001:db8::7",
            "for=[2001:db8::7]",
            "for=\"192.0.2.7",
            "for=\"192.0.2.7\\",
            "for=\"192.0.2.7\" x",
            "for=192.0.2.7 for=192.0.2.8",
            "for",
        ] {
            reads(&fields(&[value], &[]), Err(ForwardedError::Malformed("Forwarded")));
        }
    }

    #[test]
    fn both_fields_say_the_same_or_nothing() {
        reads(&fields(&["for=192.0.2.7;proto=https"], &["192.0.2.7"]), Ok(Some("192.0.2.7")));
        for (standard, usual) in
            [("for=192.0.2.8", "192.0.2.7"), ("for=unknown", "192.0.2.7"), ("proto=https", "192.0.2.7")]
        {
            reads(&fields(&[standard], &[usual]), Err(ForwardedError::Contradiction));
        }
        reads(&fields(&["for="], &["192.0.2.7"]), Err(ForwardedError::Malformed("Forwarded")));
    }

    proptest! {
        /// Whatever a client sends, to a proxy that adds who it is: as a field of its own, or to the end of the last one.
        #[test]
        fn nobody_is_somebody_else(sent in prop::collection::vec("[ -~é]{0,40}|(for=|\"|;|,|[0-9.:]|_|unknown| ){0,20}", 0..3), standard: bool) {
            let named: IpAddr = "192.0.2.7".parse().unwrap();
            let own = if standard { "for=192.0.2.7;proto=https" } else { "192.0.2.7" };
            let of = |values: Vec<String>, others: Vec<String>| {
                let (standard, usual) = if standard { (values, others) } else { (others, values) };
                Forwarded { standard, usual }
            };
            let mut values = sent.clone();
            values.push(own.to_owned());
            prop_assert_eq!(of(values, Vec::new()).source(is_proxy), Ok(Some(named)));
            let mut values = sent.clone();
            if let Some(last) = values.last_mut() {
                last.push_str(", ");
                last.push_str(own);
                match of(values, Vec::new()).source(is_proxy) {
                    Ok(source) => prop_assert_eq!(source, Some(named)),
                    Err(_) => prop_assert!(standard, "an X-Forwarded-For is read from its end"),
                }
            }
            // The other one than the proxy writes can only be in its own way.
            let both = of(vec![own.to_owned()], sent);
            prop_assert!(matches!(both.source(is_proxy), Ok(Some(address)) if address == named) || both.source(is_proxy).is_err());
        }
    }
}
