//! Reverse proxies, which pass browsers' requests on to the port `web`, with the settings of docs/OPERATING.md but for
//! their TLS.

use crate::proxies::{documented, free, wait_for};
use crate::support::Server;
use crate::support::browser::{Page, Requests};
use crate::support::client::socket_from;
use crate::support::program::Program;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// A client of the proxy.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 7);

/// Starts a proxy between people and a server. `settings` makes its own of the documented ones, with its own address and
/// the server's.
fn passes_on(settings: impl FnOnce(SocketAddr) -> String, start: impl FnOnce(&Path, &str) -> Program) {
    let mut server = Server::with(&["web=127.0.0.1:0", "web_proxies=127.0.0.1"]);
    let (front, files) = (free(), tempfile::tempdir().unwrap());
    let settings = settings(front).replace("127.0.0.1:2480", &server.web().to_string());
    let proxy = start(files.path(), &settings);
    wait_for(front, &proxy);
    let socket = || socket_from(CLIENT, front).unwrap();
    let fields = "Host: chat.example.org\r\nX-Forwarded-For: 192.0.2.66\r\nForwarded: for=192.0.2.67\r\n";
    let mut browser = Requests::over(socket());
    let front_page = browser.ask(&format!("GET / HTTP/1.1\r\n{fields}\r\n"));
    let is_page = front_page.head.to_ascii_lowercase().contains("content-security-policy: default-src 'none'");
    assert!(front_page.status == 200 && is_page, "{front_page:?}");
    // What a client claims to be counts for nothing.
    let claims = [("X-Forwarded-For", "192.0.2.66"), ("Forwarded", "for=192.0.2.67")];
    let mut page = Page::over(socket(), "https://chat.example.org", &claims);
    page.read_until("* ChitChat at …");
    page.register("alice");
    server.wait_for_log("alice logged in from 127.0.7.7, connection");
    let mut bob = server.connect();
    bob.register("bob");
    page.send("hello through a proxy");
    bob.read_until("[lobby] alice: hello through a proxy");
    bob.ask("/create ops");
    let made = bob.ask("/hook new ops ci").pop().unwrap();
    let path = made.split(' ').nth(1).unwrap();
    let posted = Requests::over(socket()).ask(&format!(
        "POST {path} HTTP/1.1\r\n{fields}Content-Type: text/plain\r\nContent-Length: 11\r\n\r\nbackup done"
    ));
    assert_eq!(posted.status, 200, "{posted:?}");
    bob.read_until("[ops] ci: backup done");
    let refused = Requests::over(socket())
        .ask(&format!("POST /hook/t0 HTTP/1.1\r\n{fields}Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx"));
    assert_eq!(refused.status, 404, "{refused:?}");
    server.wait_for_log("post failed from 127.0.7.7");
}

#[test]
#[ignore = "needs nginx"]
fn nginx_passes_browsers_on_as_documented() {
    let settings = |front: SocketAddr| {
        let block =
            documented("# /etc/nginx/conf.d/chitchat.conf\n").replace("listen 443 ssl;", &format!("listen {front};"));
        block.lines().filter(|line| !line.contains(" ssl_")).map(|line| format!("{line}\n")).collect()
    };
    passes_on(settings, |files, settings| {
        let file = files.join("nginx.conf");
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {}/{what};\n", files.display()))
            .concat();
        // One process, so that none is left when it is killed.
        let usual =
            format!("daemon off;\nmaster_process off;\nerror_log stderr;\npid {}/pid;\nevents {{}}\n", files.display());
        fs::write(&file, format!("{usual}http {{\naccess_log off;\n{temporary}{settings}}}\n")).unwrap();
        Program::start("nginx", &["-p", files.to_str().unwrap(), "-c", file.to_str().unwrap()])
    });
}

#[test]
#[ignore = "needs haproxy"]
fn haproxy_passes_browsers_on_as_documented() {
    let settings = |front: SocketAddr| {
        documented("# /etc/haproxy/haproxy.cfg, for browsers\n")
            .replace("bind :::443 v4v6 ssl crt /etc/haproxy/chat.example.org.pem", &format!("bind {front}"))
    };
    passes_on(settings, |files, settings| {
        let file = files.join("haproxy.cfg");
        let usual = "defaults\n    timeout connect 5s\n    timeout client 50s\n    timeout server 50s\n";
        fs::write(&file, format!("{usual}{settings}")).unwrap();
        Program::start("haproxy", &["-db", "-f", file.to_str().unwrap()])
    });
}

#[test]
#[ignore = "needs caddy"]
fn caddy_passes_browsers_on_as_documented() {
    let settings = |front: SocketAddr| {
        let site = format!("http://chat.example.org:{} {{\n    bind {}", front.port(), front.ip());
        documented("# /etc/caddy/Caddyfile\n").replace("chat.example.org {", &site)
    };
    passes_on(settings, |files, settings| {
        let file = files.join("Caddyfile");
        let usual = format!("{{\n    admin off\n    auto_https off\n    storage file_system {}\n}}\n", files.display());
        fs::write(&file, format!("{usual}{settings}")).unwrap();
        Program::start("caddy", &["run", "--config", file.to_str().unwrap(), "--adapter", "caddyfile"])
    });
}
