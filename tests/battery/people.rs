//! Everyone who has an account on the server, and what happens while they are connected.

use crate::actors::{Account, Editor, Reader, Resumer, Run, Writer};
use crate::check::{Place, Snapshot};
use crate::support::Server;
use crate::told::{Notes, Stamp, Told};
use crate::unpaced::UNPACED;
use crate::wire::{Link, canonical};
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The settings of the battery's servers, and more of them: several workers, even on a small machine, so that what
/// is shown crosses threads; and nobody is held back.
pub(crate) fn settings<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["workers=3"].into_iter().chain(UNPACED).chain(more.iter().copied()).collect()
}

/// A run that has not come to its end by then hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// The silence in which the server does what it does at quiet moments, and indexes.
const QUIET: Duration = Duration::from_millis(2_500);

/// How long that may take on a busy machine, if the server is to end by itself.
const QUIET_MOST: Duration = Duration::from_secs(10);

pub(crate) struct People {
    pub writers: Vec<Writer>,
    editors: Vec<Editor>,
    readers: Vec<Reader>,
    resumers: Vec<Resumer>,
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// The server is killed once so much was told.
    Killed(usize),
    /// The same, but everyone falls silent before, for a quiet moment.
    InSilence(usize),
    /// The server kills itself. If so much was told before it does, everyone falls silent; after a quiet
    /// moment it is killed.
    ByItself(usize),
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub told: Vec<Told>,
    /// Whether the server ended without being killed from outside.
    pub by_itself: bool,
    /// The first promise that was seen to be broken.
    pub broken: Option<String>,
}

impl People {
    /// Registers everyone, in the lobby and in the room `ops`.
    pub(crate) fn register(server: &Server, seed: u64) -> Self {
        let account = |name: &str| {
            let mut client = server.connect();
            client.register(name);
            client.send("/token new battery");
            let answer = client.expect("+ {token} is shown only this once…");
            let token = answer.split(' ').nth(1).unwrap_or_default().to_owned();
            client.send("/join ops");
            client.read_until("+ ops…");
            Account { name: name.to_owned(), token }
        };
        let readers = ["r0", "r1"].map(account).map(Reader::new).into();
        let resumers = vec![
            Resumer::new(account("m0"), &["lobby", "ops", "@w1", "@w3", "@e0", "@e1"], seed),
            Resumer::new(account("m1"), &["lobby", "ops"], seed + 1),
        ];
        let writers = (0..4).map(|n| Writer::new(account(&format!("w{n}")), if n % 2 == 0 { "r0" } else { "m0" }));
        let writers = writers.collect();
        let editors = (0..2).map(|n| Editor::new(account(&format!("e{n}")), seed + 2 + n)).collect();
        Self { writers, editors, readers, resumers }
    }

    /// Everyone talks and reads until the server is gone.
    pub(crate) fn run(&mut self, server: &mut Server, end: End, stamp: Stamp) -> Ran {
        let (address, pause) = (server.plain(), AtomicBool::new(false));
        let (tell, hear) = channel();
        let notes = Notes::new(tell, stamp);
        let (writers, editors, resumers) = (&mut self.writers, &mut self.editors, &mut self.resumers);
        let readers = &self.readers;
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            let pause = &pause;
            // Each has notes of its own, so that the last to end ends the channel.
            macro_rules! start {
                ($who:expr) => {{
                    let (who, notes) = ($who, notes.clone());
                    threads.push(scope.spawn(move || who.run(Run { address, notes: &notes, pause })));
                }};
            }
            readers.iter().for_each(|who| start!(who));
            resumers.iter_mut().for_each(|who| start!(who));
            editors.iter_mut().for_each(|who| start!(who));
            writers.iter_mut().for_each(|who| start!(who));
            drop(notes);
            let mut told = Vec::new();
            let by_itself = listen(server, &hear, end, pause, &mut told);
            let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            let broken = joined.filter_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).err());
            Ran { told, by_itself, broken: broken.reduce(|first, _| first) }
        })
    }

    /// Reads everything there is, as those who may.
    ///
    /// # Errors
    /// What does not follow.
    pub(crate) fn snapshot(&self, server: &Server) -> Result<Snapshot, String> {
        let (reader, resumer) = (&self.readers[0].account, &self.resumers[0].account);
        let mut snapshot = Snapshot::default();
        let all = [(reader, &["lobby", "ops", "@w0", "@w2"][..]), (resumer, &["@w1", "@w3", "@e0", "@e1"][..])];
        for (account, targets) in all {
            let (mut link, epoch) = Link::log_in(server.plain(), account)?;
            for target in targets {
                let rows = link.history(target, 0)?;
                let changes = link.changes(target, 0)?;
                snapshot.places.insert(canonical(&account.name, target), Place { rows, changes });
            }
            snapshot.epoch = epoch;
        }
        Ok(snapshot)
    }

    /// The account that sees the rooms and reads them.
    pub(crate) fn reader(&self) -> &Account {
        &self.readers[0].account
    }
}

/// Takes down what is told, and ends the server as it is to end. Returns whether it ended by itself.
fn listen(server: &mut Server, hear: &Receiver<Told>, end: End, pause: &AtomicBool, told: &mut Vec<Told>) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let mut silent_since: Option<Instant> = None;
    let mut by_itself = true;
    loop {
        match hear.recv_timeout(Duration::from_millis(20)) {
            Ok(one) => told.push(one),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        assert!(Instant::now() < deadline, "after {PATIENCE:?} the server has not come to its end");
        let over = match end {
            End::Killed(most) => told.len() >= most,
            End::ByItself(most) | End::InSilence(most) if told.len() >= most => {
                pause.store(true, Ordering::Relaxed);
                let quiet = if matches!(end, End::InSilence(_)) { QUIET } else { QUIET_MOST };
                silent_since.get_or_insert_with(Instant::now).elapsed() >= quiet
            }
            End::ByItself(_) | End::InSilence(_) => false,
        };
        if over && by_itself {
            by_itself = server.has_ended();
            server.kill_now();
        }
    }
    let (status, log) = server.wait();
    assert_eq!(status.signal(), Some(9), "the server ended with {status}:\n{log}");
    by_itself
}
