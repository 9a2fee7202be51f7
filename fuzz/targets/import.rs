//! A room's export, as `chitchatd import` reads it: each line is taken or refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| chitchat::server::fuzzing::import(text));
