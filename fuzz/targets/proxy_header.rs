//! The header of the PROXY protocol: never a panic, whatever arrives; and what is decided does not change with what
//! follows.
#![no_main]

use chitchat::server::fuzzing::proxy_header;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| proxy_header(data));
