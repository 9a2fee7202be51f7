//! The settings' file: any text is settings or a refusal that says where.
#![no_main]

use chitchat::server::config::{Config, Environment, Flags};
use libfuzzer_sys::fuzz_target;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(Environment::of_process);

fuzz_target!(|text: &str| {
    let flags = Flags { data: Some(PathBuf::from("/data")), ..Flags::default() };
    match Config::build(Some((Path::new("chitchat.toml"), text)), &[], &flags, &ENVIRONMENT) {
        Ok(config) => assert!(config.workers > 0 && !(config.tls.is_empty() && config.plain.is_empty())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // A line of it as a `--set`.
    for set in text.lines().take(8) {
        let _ = Config::build(None, &[set.to_owned()], &flags, &ENVIRONMENT);
    }
});
