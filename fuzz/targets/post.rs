//! What is posted to a hook: it arrives whole, whatever the reads, and says one text or nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| chitchat::server::fuzzing::post(data));
