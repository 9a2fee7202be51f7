//! What a start says: where the data is, the certificate's fingerprint, the addresses, and the exact
//! commands to connect with. Pure; the server's main thread prints it.

use crate::server::Started;
use crate::server::config::{Config, TLS_PORT};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The lines, ready to be printed.
#[must_use]
pub fn render(config: &Config, started: &Started) -> String {
    let mut out = String::new();
    // Writing to a String can't fail.
    let mut line = |text: &str| {
        let _ = writeln!(out, "{text}");
    };
    line(&format!("ChitChat {}", env!("CARGO_PKG_VERSION")));
    line(&format!("  data         {}", config.data.display()));
    line(&format!("  certificate  {}", started.fingerprint));
    for address in &started.tls {
        line(&format!("  listening    TLS {address}"));
    }
    for address in &started.plain {
        line(&format!("  listening    plain {address}"));
    }
    line("Connect with");
    if let Some(address) = started.tls.first() {
        let (host, port) = (host_for(*address), address.port());
        let at = if port == TLS_PORT { host.clone() } else { format!("{host}:{port}") };
        line(&format!("  {} {at}", client_command()));
        line(&format!("  openssl s_client -quiet -connect {host}:{port}"));
    }
    if let Some(address) = started.plain.first() {
        line(&format!("  nc {} {}", reachable(*address), address.port()));
    }
    match (&started.invitation, started.administrators, started.tls.first()) {
        (Some(code), _, address) => {
            let code = code.expose();
            line("There is no administrator yet. This invitation makes one, once, within 24 hours:");
            line(&format!("  /register NAME invite={code}"));
            if let Some(address) = address {
                let (host, port) = (host_for(*address), address.port());
                let at = if port == TLS_PORT { host } else { format!("{host}:{port}") };
                line(&format!("  {} {at} --invite {code}", client_command()));
            }
        }
        (None, 0, _) => {
            line("There is no administrator yet. This makes an invitation for one:");
            line(&format!("  chitchatd --data {} invite --admin", config.data.display()));
        }
        (None, _, _) => {}
    }
    out
}

/// The name to connect by from here; a certificate made by us holds it.
fn host_for(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    }
}

fn reachable(address: SocketAddr) -> IpAddr {
    if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() }
}

/// How the client is started from where the server was: `cargo run` builds the server alone.
fn client_command() -> String {
    if std::env::var_os("CARGO").is_some() {
        "cargo run --release --bin chitchat --".to_owned()
    } else {
        "chitchat".to_owned()
    }
}
