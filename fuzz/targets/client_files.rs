//! The client's `known_hosts` and `tokens`: whatever a file holds, a server's record that is written is
//! the one that is found, and no other line changes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [seed, text @ ..] = data else { return };
    if let Ok(text) = std::str::from_utf8(text) {
        chitchat::client::fuzzing::files(*seed, text);
    }
});
