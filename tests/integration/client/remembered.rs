//! What the client remembers of servers between its runs.

use super::home::{Home, finish};
use super::scripted::{Act, Identity, Peer, Server, self_signed};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

/// `chitchat` with these arguments alone.
fn command(home: &Home, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chitchat"));
    command.args(args).env("XDG_STATE_HOME", home.0.path()).env("XDG_CONFIG_HOME", home.0.path().join("config"));
    command.env_remove("RUST_LOG").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(home: &Home, args: &[&str]) -> (Option<i32>, String, String) {
    let ended = finish(command(home, args).spawn().unwrap(), "");
    (ended.code, ended.out, ended.err)
}

/// A home that knows a server and has been there as alice.
fn home_that_knows(server: SocketAddr, identity: &Identity) -> Home {
    let home = Home::new();
    home.save_login(server);
    home.write("servers", &format!("{server} tls alice 2026-11-30T10:00:00Z lobby\n"));
    let act: Act = Box::new(Peer::end);
    let other = Server::start(identity, vec![act]);
    // A connection that is trusted by its fingerprint writes the pin.
    home.run(other.address, &["--fingerprint", &identity.fingerprint], "");
    let known = fs::read_to_string(home.path("known_hosts")).unwrap();
    home.write("known_hosts", &known.replace(&other.address.to_string(), &server.to_string()));
    other.finish();
    home
}

#[test]
fn without_a_host_the_client_goes_where_it_was_last() {
    let identity = self_signed();
    let act: Act = Box::new(|mut peer| {
        peer.log_in(&["lobby 0 0 0"]);
        peer.goodbye();
    });
    let server = Server::start(&identity, vec![act]);
    let home = home_that_knows(server.address, &identity);
    let servers = fs::read_to_string(home.path("servers")).unwrap();
    let (code, _, err) = run(&home, &[]);
    server.finish();
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let unchanged = fs::read_to_string(home.path("servers")).unwrap();
    assert_eq!(unchanged, servers, "a script does not change where a person was last");
}

#[test]
fn forgetting_a_server_ends_the_login_there() {
    let identity = self_signed();
    let act: Act = Box::new(|mut peer| {
        peer.greet();
        let label = peer.expect("resume ttoken");
        peer.send(&[&format!("@re={label} + welcome alice")]);
        let label = peer.expect("sessions");
        peer.send(&[
            &format!("@re={label} | since 2026-11-30T09:00:00Z from 127.0.0.1 by token phone number 1"),
            &format!("@re={label} | since 2026-11-30T10:00:00Z from 127.0.0.1 by token laptop (this one) number 2"),
            &format!("@re={label} + 2 sessions"),
        ]);
        let label = peer.expect("token revoke laptop");
        peer.send(&[&format!("@re={label} + laptop revoked.")]);
        peer.end();
    });
    let server = Server::start(&identity, vec![act]);
    let address = server.address.to_string();
    let home = home_that_knows(server.address, &identity);
    let elsewhere = "chat.example.org:2428 bob tbobs\n";
    home.write("tokens", &format!("{address} alice ttoken\n{elsewhere}"));
    let (code, list, _) = run(&home, &["list"]);
    assert_eq!(code, Some(0));
    let wanted = format!(
        "{address}\talice\t2026-11-30T10:00:00Z\tits key, which you accepted\nchat.example.org:2428\tbob\t-\t-\n"
    );
    assert_eq!(list, wanted);
    let (code, told, err) = run(&home, &["forget", "127.0.0.1"]);
    server.finish();
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(told, format!("alice's login on {address} has ended there, too.\n"));
    let left = ["tokens", "servers", "known_hosts"].map(|name| fs::read_to_string(home.path(name)).unwrap());
    assert_eq!(left, [elsewhere, "", ""]);
    let (code, _, err) = run(&home, &["forget", "127.0.0.1"]);
    let sentence = "chitchat: nothing is remembered of 127.0.0.1. chitchat list shows the servers that are.\n";
    assert_eq!((code, err.as_str()), (Some(1), sentence));
}

#[test]
fn a_server_that_can_not_be_reached_is_forgotten_here() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    home.save_login(free);
    let (code, told, _) = run(&home, &["forget", &free.to_string()]);
    assert_eq!(code, Some(0));
    assert!(told.contains("could not be ended there") && told.contains(&format!(": can't reach {free}: ")), "{told}");
    assert_eq!(fs::read_to_string(home.path("tokens")).unwrap(), "");
}

#[test]
fn a_wrong_setting_is_told_with_its_line_and_ends_with_2() {
    let home = Home::new();
    let file = home.0.path().join("config/chitchat/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "clock = '%H:%M'\ncolour = 'never'\n").unwrap();
    let (code, _, err) = run(&home, &["127.0.0.1:1"]);
    let wanted = format!("chitchat: {}:2: there is no setting colour. Did you mean color?\n", file.display());
    assert_eq!((code, err), (Some(2), wanted));
    let (code, printed, _) = run(&home, &["config"]);
    assert!(code == Some(0) && printed.contains("\n#color = \"auto\"\n"), "{printed}");
}

#[test]
fn a_link_is_a_server_with_an_invitation() {
    let (identity, home) = (self_signed(), Home::new());
    let act: Act = Box::new(|mut peer| {
        peer.greet();
        peer.end();
    });
    let server = Server::start(&identity, vec![act]);
    let address = server.address;
    let link = format!("https://{address}/#invite=9F3D-XM2T-7TPA-B2ZW");
    // Without a terminal nobody can be asked for a name.
    let (code, _, err) = run(&home, &[&link, "--fingerprint", &identity.fingerprint]);
    server.finish();
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains(&format!("not logged in to {address}.")), "{err}");
    let (code, _, err) = run(&home, &["http://127.0.0.1/#invite=9F3D"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("https://HOST:PORT/#invite=CODE"), "{err}");
}
