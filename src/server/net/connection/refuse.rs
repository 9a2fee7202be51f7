//! What a peer at the wrong port is told before its connection is closed.

use super::{Connection, Transport, Turn};
use crate::server::config::TLS_PORT;
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
        log::warn!(
            "connection {} from {} has no PROXY header, though the settings name that address in proxies; it is closed",
            self.id,
            self.from
        );
        self.transport = Transport::Plain;
        let text = "connections from your address are a proxy's and begin with a PROXY header; this one did not. See proxies in the server's settings.";
        self.drop_with(None, text, turn);
    }

    /// What every port tells a browser.
    pub(super) fn refuse_http(&mut self, turn: &mut Turn<'_>) {
        let client = self.client_command(&turn.shared.name);
        let text = format!("this is a chat server, not a web server. Connect with: {client}");
        self.hang_up(None, &text, turn);
    }

    /// The command that connects to this port.
    fn client_command(&self, name: &str) -> String {
        match (self.listener, self.local_port()) {
            (ListenerKind::Tls, TLS_PORT) => format!("chitchat {name}"),
            (ListenerKind::Tls, port) => format!("chitchat {name}:{port}"),
            (ListenerKind::Plain | ListenerKind::Console, port) => format!("nc {name} {port}"),
        }
    }

    fn local_port(&self) -> u16 {
        self.socket.local_port().unwrap_or(TLS_PORT)
    }
}
