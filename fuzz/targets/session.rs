//! A whole connection's input, from its bytes to what is asked of the dispatcher, through telnet,
//! frames, prompts, logins and options.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| chitchat::server::fuzzing::session(data));
