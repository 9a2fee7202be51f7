//! A browser's WebSocket frames: what they say does not depend on how they arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| chitchat::server::fuzzing::websocket(data));
