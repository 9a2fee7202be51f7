//! A server that hangs is not alive to its service manager, which then starts it again.

use crate::support::{Server, ServiceManager};
use std::time::Duration;

#[test]
fn a_dispatcher_that_hangs_is_not_called_alive() {
    let manager = ServiceManager::new();
    let mut server = Server::not_started(&[]);
    manager.manage(&mut server, Some(Duration::from_secs(1)));
    server.set_variable("CHITCHAT_HANG_AT", "before-insert:1");
    server.restart();
    let mut alice = server.connect();
    alice.register("alice");
    while manager.told() != ["WATCHDOG=1"] {}
    alice.send("/say lobby nobody hears this");
    // What was under way may still be told, and then nothing for longer than it would wait.
    let silent = (0..10).any(|_| manager.told_within(Duration::from_secs(2)).is_none());
    assert!(silent, "the watchdog calls it alive");
    server.wait_for_log("the dispatcher has not ended a turn for 1s");
    server.kill();
}
