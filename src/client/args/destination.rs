//! Where to chat, as people type or paste it: a host, or an invitation's link.
//!
//! Owns the syntax of links. Pure.

use super::address::{ArgumentError, HostPort};
use std::str::FromStr;

/// The port of a link without one, as everywhere for `https`.
const HTTPS_PORT: u16 = 443;

/// A server, and the invitation to it if there was one in the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub(super) server: HostPort,
    pub(super) invite: Option<String>,
}

impl FromStr for Destination {
    type Err = ArgumentError;

    /// `HOST[:PORT]`, `https://HOST[:PORT]/#invite=CODE`, or the same with `chitchat:`, where the port is the usual
    /// one of ChitChat unless given.
    fn from_str(typed: &str) -> Result<Self, ArgumentError> {
        let typed = typed.trim();
        let Some((scheme, rest)) = typed.split_once("://") else {
            return Ok(Self { server: typed.parse()?, invite: None });
        };
        let usual = match scheme.to_ascii_lowercase().as_str() {
            "https" => Some(HTTPS_PORT),
            "chitchat" => None,
            _ => return Err(ArgumentError::Link),
        };
        let (place, fragment) = rest.split_once('#').map_or((rest, None), |(place, fragment)| (place, Some(fragment)));
        let host = place.strip_suffix('/').unwrap_or(place);
        if host.contains('/') {
            return Err(ArgumentError::Link);
        }
        let invite = match fragment {
            None | Some("") => None,
            Some(fragment) => {
                let code = fragment.strip_prefix("invite=").ok_or(ArgumentError::Link)?;
                let is_code = !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                Some(is_code.then(|| code.to_owned()).ok_or(ArgumentError::Link)?)
            }
        };
        Ok(Self { server: host.parse::<HostPort>()?.or_port(usual), invite })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::args::Transport;
    use proptest::prelude::*;

    fn read(typed: &str) -> Result<String, ArgumentError> {
        let Destination { server, invite } = typed.parse()?;
        Ok(format!("{} {}", server.over(Transport::Tls), invite.as_deref().unwrap_or("-")))
    }

    #[test]
    fn a_link_is_a_server_and_an_invitation() {
        let cases = [
            ("chat.example.org", "chat.example.org:2428 -"),
            ("https://chat.example.org:7000/#invite=9F3D-XM2T", "chat.example.org:7000 9F3D-XM2T"),
            (" HTTPS://Chat.Example.org/#invite=9f3d \n", "chat.example.org:443 9f3d"),
            ("https://chat.example.org", "chat.example.org:443 -"),
            ("chitchat://chat.example.org/#invite=9f3d", "chat.example.org:2428 9f3d"),
            ("chitchat://[::1]:7000#invite=9f3d", "[::1]:7000 9f3d"),
            ("https://[::1]/#", "[::1]:443 -"),
        ];
        for (typed, wanted) in cases {
            assert_eq!(read(typed).as_deref(), Ok(wanted), "{typed}");
        }
        for wrong in [
            "http://chat.example.org/#invite=9f3d",
            "https://chat.example.org/chat/#invite=9f3d",
            "https://chat.example.org/#9f3d",
            "https://chat.example.org/#invite=",
            "https://chat.example.org/#invite=9f3d&x=1",
        ] {
            assert_eq!(read(wrong), Err(ArgumentError::Link), "{wrong}");
        }
        assert_eq!(read("https:///#invite=9f3d"), Err(ArgumentError::Host));
    }

    proptest! {
        #[test]
        fn whatever_is_pasted_is_read_or_refused(scheme in "(https|chitchat)", rest in "\\PC{0,30}", code in "\\PC{0,9}") {
            for typed in [rest.clone(), format!("{scheme}://{rest}/#invite={code}")] {
                if let Ok(Destination { server, invite }) = typed.parse() {
                    let server = server.over(Transport::Tls).to_string();
                    prop_assert!(!server.contains(['/', '#', ' ', '@']), "{}", server);
                    prop_assert!(invite.is_none_or(|code| code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')));
                }
            }
        }
    }
}
