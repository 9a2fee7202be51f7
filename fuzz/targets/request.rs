//! A browser's request: what was read of it stays so, whatever comes after it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| chitchat::server::fuzzing::request(data));
