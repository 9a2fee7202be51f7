//! The priority of threads: those that read and the one that indexes give way to the threads that pass lines on.

/// Their niceness. If both cores are busy such a thread gets a tenth of one, in which the index takes
/// some 13,000 messages a second. A higher value could leave it behind for good, and won nothing.
const NICE: i32 = 10;

/// Lowers the priority of the thread that calls it; a process may not raise it again. Systems other
/// than Linux have one for whole processes only.
pub(super) fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        log::debug!("can't lower the priority of a thread: {error}");
    }
}
