//! What the server prints at start: where the data is, the certificate's fingerprint, the addresses, and the exact
//! commands to connect with. Pure; the program's main thread prints it.

use crate::protocol::secrets::Secret;
use crate::server::Server;
use crate::server::config::TLS_PORT;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The lines, ready to be printed. An invitation is shown to a person at a terminal, and never
/// written to a journal.
#[must_use]
pub fn message(server: &Server, invitation: Option<&Secret>) -> String {
    let mut out = String::new();
    // Writing to a String can't fail.
    let mut line = |text: &str| {
        let _ = writeln!(out, "{text}");
    };
    let data = server.config().data.display();
    line(&format!("ChitChat {}", env!("CARGO_PKG_VERSION")));
    line(&format!("  data         {data}"));
    line(&format!("  certificate  {}", server.fingerprint()));
    line(&format!("  valid until  {}", server.certificate().until(jiff::Timestamp::now())));
    for address in server.tls_addresses() {
        line(&format!("  listening    TLS {address}"));
    }
    for address in server.plain_addresses() {
        line(&format!("  listening    plain {address}"));
    }
    for address in server.web_addresses() {
        line(&format!("  listening    web {address}"));
    }
    for setting in server.replaced_settings() {
        line(&format!("  sockets      systemd's, in place of the setting {setting}"));
    }
    for address in server.metrics_addresses() {
        line(&format!("  metrics      http://{address}/metrics"));
    }
    line("Connect with");
    if let Some(&address) = server.tls_addresses().first() {
        line(&format!("  {} {}", client_command(), client_address(address)));
        line(&format!("  https://{}:{}/ in a browser", host(address), address.port()));
        line(&format!("  openssl s_client -quiet -connect {}:{}", host(address), address.port()));
    }
    if let Some(address) = server.plain_addresses().first() {
        line(&format!("  nc {} {}", reachable(*address), address.port()));
    }
    if let Some(address) = server.web_addresses().first() {
        line(&format!(
            "  http://{}/ in a browser, or as your reverse proxy",
            SocketAddr::new(reachable(*address), address.port())
        ));
    }
    if let Some(code) = invitation {
        let code = code.expose();
        line("There is no administrator yet. This invitation makes one; it works once, within 24 hours:");
        line(&format!("  /register NAME invite={code}"));
        if let Some(&address) = server.tls_addresses().first() {
            line(&format!("  {} {} --invite {code}", client_command(), client_address(address)));
            line(&format!("  https://{}:{}/#invite={code}", host(address), address.port()));
        }
    } else if !server.has_administrator() {
        line("There is no administrator yet. This makes an invitation for one:");
        line(&format!("  chitchatd --data {data} invite --admin"));
    }
    out
}

/// The address as an argument of the client, which knows the usual port.
fn client_address(address: SocketAddr) -> String {
    if address.port() == TLS_PORT { host(address) } else { format!("{}:{}", host(address), address.port()) }
}

/// The name to connect to from this machine; a self-signed certificate holds it.
fn host(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    }
}

fn reachable(address: SocketAddr) -> IpAddr {
    if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() }
}

/// How to start the client the way the server was started: `cargo run` builds only the server.
fn client_command() -> String {
    if std::env::var_os("CARGO").is_some() {
        "cargo run --release --bin chitchat --".to_owned()
    } else {
        "chitchat".to_owned()
    }
}
