//! A person who uses `nc`: it shows exactly what the server sends.

use crate::support::Server;
use crate::support::program::Program;

#[test]
#[ignore = "needs nc (netcat-openbsd)"]
fn a_person_talks_through_nc() {
    let server = Server::start();
    let mut bob = server.connect();
    bob.register("bob");
    let address = server.plain();
    let mut nc = Program::start("nc", &[&address.ip().to_string(), &address.port().to_string()]);
    nc.expect("* ChitChat …");
    nc.send("/register alice");
    nc.expect("? …");
    nc.send("correct horse battery");
    nc.expect("+ welcome alice…");
    nc.send("hello from nc, ünïcode too");
    bob.expect("[lobby] alice: hello from nc, ünïcode too");
    bob.send("hello from bob ☕");
    nc.expect("[lobby] bob: hello from bob ☕");
    nc.send("/foo");
    nc.expect("- unknown-verb: …");
    nc.send("/quit");
    nc.expect("+ …");
    // The server has closed; nc waits for its own input.
    nc.end_input();
    nc.expect_end();
    assert!(!nc.seen().contains(&b'\r') && !nc.seen().contains(&0xff), "{}", nc.seen().escape_ascii());
}

#[test]
#[ignore = "needs nc (netcat-openbsd)"]
fn a_script_pipes_its_lines_and_gets_all_its_answers() {
    let server = Server::start();
    let address = server.plain();
    // -N ends the sending side at the end of the input.
    let mut nc = Program::start("nc", &["-N", &address.ip().to_string(), &address.port().to_string()]);
    nc.send("/register script correct horse battery");
    nc.send("/post lobby backup-1 the backup is done");
    nc.send("/post lobby backup-1 the backup is done");
    nc.end_input();
    nc.expect("* ChitChat …");
    nc.expect("+ welcome script…");
    nc.expect("+ 1");
    nc.expect("+ 1");
    nc.expect_end();
}
