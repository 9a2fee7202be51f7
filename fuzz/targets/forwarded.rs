//! What proxies say of whose request they pass on: whatever a client sends, it can't be somebody else.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| chitchat::server::fuzzing::forwarded(data));
