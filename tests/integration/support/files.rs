//! What is in the files of the data directory.

use super::{DEADLINE, Server};
use std::fs;
use std::time::{Duration, Instant};

/// The files of the data directory that have this text.
pub(crate) fn files_with(server: &Server, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for file in fs::read_dir(server.data()).unwrap() {
        let file = file.unwrap();
        // The console's socket can't be read.
        let Ok(bytes) = fs::read(file.path()) else { continue };
        if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
            found.push(file.file_name().into_string().unwrap());
        }
    }
    found
}

/// Waits for a quiet moment to pass.
#[track_caller]
pub(crate) fn wait_until_gone(server: &Server, texts: &[&str]) {
    let end = Instant::now() + DEADLINE;
    for text in texts {
        loop {
            let files = files_with(server, text);
            if files.is_empty() {
                break;
            }
            assert!(Instant::now() < end, "{text} is still in {files:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
