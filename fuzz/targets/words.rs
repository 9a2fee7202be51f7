//! What a word is, for searching: a text is found by its own words, before and after it is indexed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| chitchat::server::fuzzing::words(text));
