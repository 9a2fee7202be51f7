//! What a peer at the wrong port is told before its connection is closed.

use super::{Connection, Transport, Turn};
use crate::server::config::TLS_PORT;
use crate::server::net::seldom::Seldom;
use crate::server::proxy::{Parsed, parse};
use crate::server::traffic::ListenerKind;

impl Connection {
    /// What the TLS port tells a peer that does not speak TLS.
    pub(super) fn refuse_plain_text(&mut self, turn: &mut Turn<'_>) {
        self.transport = Transport::Plain;
        let (name, port) = (&turn.shared.name, self.local_port());
        let client = self.client_command(name);
        let text =
            format!("this port speaks TLS. Connect with: openssl s_client -quiet -connect {name}:{port}, or {client}");
        self.hang_up(None, &text, turn);
    }

    /// What the plain port tells a peer that speaks TLS.
    pub(super) fn refuse_tls(&mut self, turn: &mut Turn<'_>) {
        let text = "this port speaks plain text, not TLS. Connect without TLS, or to the TLS port.";
        self.hang_up(None, text, turn);
    }

    /// What a proxy is told that does not say whose connection it passes on, or somebody else at its address.
    pub(super) fn refuse_without_header(&mut self, turn: &mut Turn<'_>) {
        log::log!(
            level(&turn.shared.proxy_log.no_header, turn),
            "connection {} from {} has no PROXY header, though the settings name that address in proxies; it is closed",
            self.id,
            self.from
        );
        self.transport = Transport::Plain;
        let text = "connections from your address are a proxy's and begin with a PROXY header; this one did not. See proxies in the server's settings.";
        self.drop_with(None, text, turn);
    }

    /// A header from an address that is in no setting is not believed. Whoever has forgotten the setting should learn
    /// why everybody seems to come from one address.
    pub(super) fn note_header(&self, bytes: &[u8], turn: &Turn<'_>) {
        if self.listener == ListenerKind::Console || !matches!(parse(bytes), Parsed::Header { .. }) {
            return;
        }
        let (id, from) = (self.id, self.from);
        log::log!(
            level(&turn.shared.proxy_log.not_believed, turn),
            "connection {id} from {from} begins with a PROXY header, which is not believed. If that is your proxy, name it in the settings (proxies = \"{from}\") and restart chitchatd"
        );
    }

    /// What a peer is told that speaks HTTP where lines are spoken.
    pub(super) fn refuse_http(&mut self, turn: &mut Turn<'_>) {
        let client = self.client_command(&turn.shared.name);
        let text = match self.listener {
            ListenerKind::Tls => format!(
                "for HTTP, offer http/1.1 by ALPN, as browsers do; here lines are spoken. Connect with: {client}"
            ),
            _ => format!("this is a chat server, not a web server. Connect with: {client}"),
        };
        self.hang_up(None, &text, turn);
    }

    /// The command that connects to this port.
    fn client_command(&self, name: &str) -> String {
        match (self.listener, self.local_port()) {
            (ListenerKind::Tls, TLS_PORT) => format!("chitchat {name}"),
            (ListenerKind::Tls, port) => format!("chitchat {name}:{port}"),
            (ListenerKind::Plain | ListenerKind::Web | ListenerKind::Console, port) => format!("nc {name} {port}"),
        }
    }

    fn local_port(&self) -> u16 {
        self.socket.local_port().unwrap_or(TLS_PORT)
    }
}

/// Of a line about a proxy: strangers can make it happen as often as they like.
pub(super) fn level(seldom: &Seldom, turn: &Turn<'_>) -> log::Level {
    if seldom.is_due(turn.now) { log::Level::Warn } else { log::Level::Debug }
}
