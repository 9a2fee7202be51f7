//! A person who uses `telnet`.

use crate::support::Server;
use crate::support::program::Program;

#[test]
#[ignore = "needs telnet"]
fn a_person_talks_through_telnet() {
    let server = Server::start();
    let mut bob = server.connect();
    bob.register("bob");
    let address = server.plain();
    let mut telnet = Program::start("telnet", &["-8", &address.ip().to_string(), &address.port().to_string()]);
    telnet.read_until("* ChitChat …");
    telnet.send("/register alice");
    telnet.read_until("? …");
    telnet.send("correct horse battery");
    telnet.read_until("+ welcome alice…");
    telnet.send("hello ünïcode");
    bob.expect("[lobby] alice: hello ünïcode");
    bob.send("hello ☕ alice");
    telnet.read_until("[lobby] bob: hello ☕ alice");
    telnet.send("/quit");
    telnet.read_until("+ …");
    telnet.read_to_end();
    assert!(!telnet.seen().contains(&0xff), "{}", telnet.seen().escape_ascii());
}
