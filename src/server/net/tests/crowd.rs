//! Who makes room when the server is full.

use super::server::{Client, Server, limits};

#[test]
fn a_proxys_connection_without_a_header_makes_room_before_a_guest() {
    let server = Server::start(limits());
    let mut older: Vec<_> = (0..20).map(|_| server.client()).collect();
    let mut silent = server.crowd(true);
    let mut next = server.crowd(true);
    assert!(silent.rest().starts_with("* busy: "));
    next.send("PROXY TCP4 192.0.2.7 192.0.2.99 40000 443\r\n");
    assert!(next.line().starts_with("* ChitChat"));
    older.iter_mut().chain([&mut next]).for_each(Client::ping);
    // From now on it is one like any other.
    let mut newest = server.crowd(false);
    assert!(newest.line().starts_with("* ChitChat"));
    assert!(older[0].rest().starts_with("* busy: "));
    next.ping();
}

#[test]
fn a_connection_that_only_has_to_close_makes_room_before_a_guest() {
    let server = Server::start(limits());
    let (mut older, mut leaving) = (server.client(), server.client());
    leaving.send("/quit\n");
    assert!(leaving.rest().starts_with("+ goodbye"));
    let mut newest = server.crowd(false);
    assert!(newest.line().starts_with("* ChitChat"));
    older.ping();
}
