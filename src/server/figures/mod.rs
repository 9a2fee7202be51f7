//! The figures of the running server, for `/stats`, `chitchatd status`, `chitchatd health` and the metrics: one set
//! for all of them.
//!
//! Owns nothing that is counted. Who asks is answered in two steps: the dispatcher says at its turn what the hub
//! knows, and the thread `figures` adds what others count, what waits in the queues, and what the disk and the
//! system say, which may take its time. So the figures also show that the dispatcher answers.

mod prometheus;
mod rows;

use self::rows::rows;
use crate::protocol::line::Final;
use crate::protocol::names::ConnId;
use crate::server::backup::last_backup;
use crate::server::net::{Permits, Unread, UnreadBytes};
use crate::server::store;
use crate::server::traffic::{
    Answer, Asker, Budget, Delivery, Figures, FiguresJob, HubFigures, Mailbox, PasswordQueue, Queues, ReadJob, Request,
    RequestKind, Tally, TurnQueue, Viewer,
};
use crossbeam_channel::{Receiver, bounded};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Where the figures are that the hub does not have.
#[derive(Debug)]
pub(super) struct Gatherer {
    pub tally: Arc<Tally>,
    pub permits: Arc<Permits>,
    pub unread: Unread,
    pub budget: Arc<Budget>,
    pub requests: TurnQueue<Request>,
    pub passwords: PasswordQueue,
    pub reads: Receiver<ReadJob>,
    pub data: PathBuf,
    /// When the certificate ends that is served, in seconds of Unix time.
    pub certificate_ends: Arc<AtomicI64>,
}

impl Gatherer {
    /// Runs on the thread `figures` until nobody can ask any more.
    pub(super) fn run(self, jobs: &Receiver<FiguresJob>, workers: &[Mailbox<Delivery>]) {
        for FiguresJob { to, hub, used } in jobs {
            let figures = self.gather(hub, used);
            match to {
                Asker::Connection(conn) => {
                    if let Some(worker) = workers.get(conn.worker()) {
                        let rows = rows(&figures);
                        let last = Final::Done(format!("{} figures", rows.count()));
                        worker.send(Delivery::Answer(Answer { conn, rows, last }));
                    }
                }
                // It has waited for long enough, if it is gone.
                Asker::Metrics(to) => drop(to.try_send(figures)),
            }
        }
    }

    fn gather(&self, hub: HubFigures, used: Option<u64>) -> Figures {
        Figures {
            hub,
            tally: Arc::clone(&self.tally),
            open: self.permits.open(),
            queues: Queues { requests: self.requests.len(), passwords: self.passwords.len(), reads: self.reads.len() },
            under_way: self.budget.held(),
            unread: self.unread.iter().map(UnreadBytes::total).sum(),
            disk: store::disk(&self.data),
            used,
            memory: memory(),
            certificate_ends: self.certificate_ends.load(Ordering::Relaxed),
            last_backup: last_backup(&self.data).map(jiff::Timestamp::as_second),
            now: jiff::Timestamp::now().as_second(),
        }
    }
}

/// How long whoever reads the metrics waits for the server.
const ASK_WITHIN: Duration = Duration::from_secs(2);

/// The page of the metrics, as of now; `None` if the server does not answer. Asked by the thread `metrics`.
pub(super) fn page(dispatcher: &TurnQueue<Request>) -> Option<String> {
    let (asker, answer) = bounded(1);
    let (conn, kind) = (ConnId::new(0, 0), RequestKind::Figures(asker));
    dispatcher.send(Request { conn, viewer: Viewer::Program, kind, bytes: 0 });
    answer.recv_timeout(ASK_WITHIN).ok().map(|figures| prometheus::page(&figures))
}

/// How much of the machine's memory this process has, in bytes.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    resident(&status)
}

/// As Linux writes it down: see proc_pid_status(5).
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_how_much_memory_is_used() {
        assert_eq!(resident("VmHWM:\t  9999 kB\nVmRSS:\t  1234 kB\nRssAnon:\t 1 kB\n"), Some(1234 * 1024));
        assert_eq!(resident("VmRSS:\t1234\n"), None);
        assert!(memory().is_some_and(|bytes| bytes > 1 << 20));
    }
}
