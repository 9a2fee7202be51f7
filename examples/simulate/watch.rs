//! The server's log, and panics: in a simulation an error there is a failure.

use log::{Level, LevelFilter, Log, Metadata, Record};
use std::cell::RefCell;

thread_local! {
    static ERRORS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Watch;

impl Log for Watch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Error
    }

    fn log(&self, record: &Record<'_>) {
        let text = record.args().to_string();
        // That is what failing writes are answered with.
        if !text.starts_with("nothing could be written to disk") {
            note(text);
        }
    }

    fn flush(&self) {}
}

/// From now on the errors of each thread are noted.
pub(crate) fn set_up() {
    log::set_logger(&Watch).expect("there is no other log");
    log::set_max_level(LevelFilter::Error);
    std::panic::set_hook(Box::new(|panic| note(panic.to_string())));
}

fn note(text: String) {
    ERRORS.with_borrow_mut(|errors| errors.push(text));
}

/// What this thread has noted since this was last asked.
pub(crate) fn take() -> Vec<String> {
    ERRORS.take()
}
