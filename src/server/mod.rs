//! The whole server: every channel made and every thread spawned, in one function.
//!
//! ```text
//!   accept ──> work-0..N ──────────> dispatcher ───────────────> work-0..N ──> sockets
//!              (sockets)             decide (rooms/), commit (store/)    ^
//!                  auth-0..M <──────┘ ^ │          └──> read-0..K ───────┘   (history, search)
//!                  (bcrypt) ──────────┘ └────────────> index                 (full text, behind)
//! ```
//!
//! Stopping travels the same ring: accept ends, workers cut no more lines and say so, the
//! dispatcher commits and answers what came before and ends, the readers answer what is left,
//! the workers say goodbye, flush and close, and each thread is joined.

pub mod auth;
pub mod config;
pub mod dispatcher;
pub mod flood;
pub mod net;
pub mod operator;
pub mod rooms;
pub mod session;
pub mod store;
pub mod traffic;

use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::Rows;
use crate::protocol::names::ConnId;
use crate::protocol::secrets::{Digest, NoRandomness, Secret, new_invite_code};
use crate::server::auth::{Checker, QUEUE_MAX};
use crate::server::config::Config;
use crate::server::dispatcher::{Channels, Dispatcher};
use crate::server::net::{Bound, Limits, ListenError, Listener, Places, Shared, Worker, WorkerError};
use crate::server::operator::certificate::{CertificateError, Identity};
use crate::server::operator::console::SOCKET_FILE;
use crate::server::rooms::Rooms;
use crate::server::store::{Checkpointer, Indexer, Reader, Store, StoreError};
use crate::server::traffic::{
    Answer, Budget, Delivery, InviteRecord, ListenerKind, Mailbox, ReadJob, Request, Snapshot, Write,
};
use crossbeam_channel::{Receiver, bounded, unbounded};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// After SIGTERM or SIGINT the process has ended within this, whatever hangs.
pub const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Threads that read history and search; apart from the workers, so that a long search delays
/// nobody's lines.
const READERS: usize = 2;
/// The one-use invitation shown at a first start lives so long.
const FIRST_INVITATION: Duration = Duration::from_secs(24 * 3600);

/// Why the server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// An address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The readiness wait.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// bcrypt refused its cost.
    #[error("accounts.bcrypt_cost: {0}")]
    Bcrypt(#[from] bcrypt::BcryptError),
    /// A thread could not be made.
    #[error("the thread {name} can't be made: {source}")]
    Thread {
        /// Its name.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// Signals can't be waited for.
    #[error("signals can't be waited for: {0}")]
    Signals(io::Error),
    /// The first invitation can't be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The first invitation can't be kept.
    #[error("the first invitation can't be kept: {0}")]
    Invitation(#[from] store::CommitError),
}

/// What a start tells its operator.
#[derive(Debug)]
pub struct Started {
    /// TLS addresses.
    pub tls: Vec<SocketAddr>,
    /// Plain addresses.
    pub plain: Vec<SocketAddr>,
    /// The certificate's fingerprint.
    pub fingerprint: String,
    /// Addresses that could not be had, each with its reason.
    pub missing: Vec<ListenError>,
    /// How many administrators there are.
    pub administrators: usize,
    /// A one-use invitation for the first administrator.
    pub invitation: Option<Secret>,
}

/// Who starts it, as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Somebody at a terminal, who may be shown an invitation.
    Person,
    /// A journal, which must not be.
    Journal,
}

/// Runs the server until it is told to stop. `announce` is called once it listens; `progress` with
/// what takes long at the start.
///
/// # Errors
/// Why it could not start. A fault in between ends the process instead.
pub fn run(
    config: &Config,
    audience: Audience,
    announce: impl FnOnce(&Started),
    progress: &mut dyn FnMut(&str),
) -> Result<(), ServerError> {
    config::raise_open_files();
    // Signals first: one that comes during the start stops the server after it.
    let stop = stop_signals()?;

    // What is kept.
    let settings = store_settings(config);
    let (mut store, mut world) = Store::open(&settings)?;
    let mut told = 0;
    let indexer = Indexer::open(&settings, &mut |done, all| {
        if done == 0 || done == all || done >= told + 100_000 {
            told = done;
            progress(&format!("the search index is being rebuilt: {done} of {all} messages"));
        }
    })?;
    let checkpointer = Checkpointer::open(&settings)?;
    let identity = match &config.certificate {
        Some(files) => Identity::load(&files.certificate, &files.key)?,
        None => Identity::load_or_make(&config.data, &config.name, jiff::Timestamp::now())?,
    };
    let tls = identity.server_config()?;

    // What listens.
    let mut missing = Vec::new();
    let mut bound = bind_all(&config.tls, ListenerKind::Tls, &mut missing)?;
    bound.extend(bind_all(&config.plain, ListenerKind::Plain, &mut missing)?);
    if bound.is_empty()
        && let Some(error) = missing.pop()
    {
        return Err(error.into());
    }
    let addresses = |kind: ListenerKind| bound.iter().filter(|b| b.kind() == kind).filter_map(Bound::address).collect();
    let (tls_addresses, plain_addresses) = (addresses(ListenerKind::Tls), addresses(ListenerKind::Plain));
    bound.push(net::bind_console(&config.data.join(SOCKET_FILE))?);

    let administrators = world.accounts.iter().filter(|account| account.admin && account.hash.is_some()).count();
    let invitation = if administrators == 0 && audience == Audience::Person {
        Some(first_invitation(&mut store, &mut world)?)
    } else {
        None
    };

    // Every channel.
    let requests: Mailbox<Request> = Mailbox::new();
    let mut workers = Vec::new();
    let mut mailboxes: Vec<Mailbox<Delivery>> = Vec::new();
    for index in 0..usize::from(config.workers) {
        let (worker, mailbox) = Worker::new(index)?;
        workers.push(worker);
        mailboxes.push(mailbox);
    }
    let (auth_jobs, auth_queue) = bounded(QUEUE_MAX);
    let (read_jobs, read_queue) = unbounded();
    let ((index, index_nudges), (checkpoint, checkpoint_nudges)) = (bounded(1), bounded(1));

    // Every state.
    let limits = connection_limits(config);
    let answer_bytes = limits.unread_bytes / 2;
    let epoch = world.epoch.clone();
    let rooms = Rooms::new(room_settings(config, answer_bytes), world);
    let checker = Checker::new(config.bcrypt_cost)?;
    let readers =
        (0..READERS).map(|_| Reader::open(&settings, answer_bytes)).collect::<Result<Vec<Reader>, StoreError>>()?;
    let places = Places { connections: config.limits.connections, per_address: config.limits.per_address };
    let listener = Listener::new(bound, places)?;
    let stopper = listener.stopper();
    let budget = Budget::new(config.limits.under_way_bytes.unwrap_or(usize::MAX));
    let channels = Channels {
        requests: requests.clone(),
        workers: mailboxes.clone(),
        readers: read_jobs,
        auth: auth_jobs,
        index,
        checkpoint,
    };
    let dispatcher = Dispatcher::new(rooms, store, channels, Arc::clone(&budget));
    let shared = Arc::new(Shared {
        limits,
        name: config.name.clone(),
        epoch,
        budget,
        tls,
        dispatcher: requests.clone(),
        workers: mailboxes.clone(),
        unread: mailboxes.iter().map(|_| net::Unread::default()).collect(),
    });

    // Every thread. The last to be joined is made first.
    let mut auth_threads = Vec::new();
    for index in 0..usize::from(config.workers) {
        let (checker, jobs, dispatcher) = (checker.clone(), auth_queue.clone(), requests.clone());
        auth_threads.push(spawn(format!("auth-{index}"), move || checker.run(&jobs, &dispatcher))?);
    }
    let index_thread = spawn("index".to_owned(), move || {
        if let Err(error) = indexer.run(&index_nudges) {
            log::error!("the search index can't be kept up: {error}; history and search go on, but slower");
        }
    })?;
    let checkpoint_thread = spawn("checkpoint".to_owned(), move || checkpointer.run(&checkpoint_nudges))?;
    let mut reader_threads = Vec::new();
    for (index, reader) in readers.into_iter().enumerate() {
        let (read_jobs, workers) = (read_queue.clone(), mailboxes.clone());
        reader_threads.push(spawn(format!("read-{index}"), move || read(reader, &read_jobs, &workers))?);
    }
    let dispatcher_thread = spawn("dispatcher".to_owned(), move || dispatch(dispatcher))?;
    let mut worker_threads = Vec::new();
    for (index, worker) in workers.into_iter().enumerate() {
        let shared = Arc::clone(&shared);
        worker_threads.push(spawn(format!("work-{index}"), move || work(worker, &shared))?);
    }
    let accepting = mailboxes.clone();
    let accept_thread = spawn("accept".to_owned(), move || listener.run(&accepting))?;

    let started = Started {
        tls: tls_addresses,
        plain: plain_addresses,
        fingerprint: identity.fingerprint().to_string(),
        missing,
        administrators,
        invitation,
    };
    announce(&started);
    drop(started);

    // Until a signal.
    if stop.recv().is_err() {
        log::error!("the thread that waits for signals is gone; stopping");
    }
    log::info!("stopping: what was accepted is answered, then everyone is told");
    stopper.stop();
    join(accept_thread);
    for worker in &mailboxes {
        worker.send(Delivery::Stop);
    }
    // It ends when each worker has said that it cuts no more lines; so do the readers and the
    // index, whose queues end with it.
    let store = dispatcher_thread.join().ok().flatten();
    reader_threads.into_iter().for_each(join);
    for worker in &mailboxes {
        worker.send(Delivery::Bye);
    }
    worker_threads.into_iter().for_each(join);
    join(index_thread);
    join(checkpoint_thread);
    // The queue ended with the dispatcher; passwords that still wait in it are nobody's any more.
    auth_queue.try_iter().for_each(drop);
    auth_threads.into_iter().for_each(join);
    if let Some(store) = store {
        store.close()?;
    }
    log::info!("stopped");
    Ok(())
}

fn store_settings(config: &Config) -> store::Settings {
    let sync = match config.history.sync {
        config::Sync::Full => store::Sync::Full,
        config::Sync::Normal => store::Sync::Normal,
    };
    store::Settings { data: config.data.clone(), sync, keep: config.history.keep }
}

fn room_settings(config: &Config, answer_bytes: usize) -> rooms::Settings {
    let registration = match config.registration {
        config::Registration::Open => rooms::Registration::Open,
        config::Registration::Invite => rooms::Registration::Invite,
        config::Registration::Closed => rooms::Registration::Closed,
    };
    rooms::Settings {
        registration,
        logins: config.limits.logins,
        registrations: config.limits.registrations,
        answer_bytes,
        workers: usize::from(config.workers),
    }
}

fn connection_limits(config: &Config) -> Limits {
    /// Without a bound an answer is still cut into pieces of this size.
    const UNBOUNDED: usize = 1 << 30;
    let limits = &config.limits;
    Limits {
        flood: limits.flood,
        unread_bytes: limits.unread_bytes.unwrap_or(UNBOUNDED),
        unread_total: limits.unread_total.unwrap_or(usize::MAX),
        unanswered: limits.unanswered.map_or(usize::MAX, |lines| lines as usize),
    }
}

/// Listens on all of these. One that another program has is an error; one that this machine can't
/// have (no IPv6, say) is told of.
fn bind_all(
    addresses: &[SocketAddr],
    kind: ListenerKind,
    missing: &mut Vec<ListenError>,
) -> Result<Vec<Bound>, ListenError> {
    let mut bound = Vec::new();
    for &address in addresses {
        match net::bind_tcp(address, kind) {
            Ok(listener) => bound.push(listener),
            Err(error @ ListenError::Refused { .. }) => missing.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok(bound)
}

/// Makes the invitation that is shown to the first operator, straight into the store.
fn first_invitation(store: &mut Store, world: &mut Snapshot) -> Result<Secret, ServerError> {
    let code = new_invite_code()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let until = u64::try_from((now + FIRST_INVITATION).as_millis()).unwrap_or(u64::MAX);
    let record = InviteRecord { digest: Digest::of(code.expose()), uses: 1, admin: true, until };
    store.begin()?;
    store.write(&Write::Invite(record.clone()))?;
    store.commit()?;
    world.invites.push(record);
    Ok(code)
}

/// Waits for signals on a thread of its own. The first one stops the server, within
/// [`STOP_WITHIN`]; a second one ends the process at once.
fn stop_signals() -> Result<Receiver<()>, ServerError> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(ServerError::Signals)?;
    let (stop, stopped) = bounded(1);
    let wait = move || {
        let mut come = signals.forever();
        if come.next().is_some() {
            let _ = stop.send(());
            let late = Builder::new().name("deadline".to_owned()).spawn(|| {
                std::thread::sleep(STOP_WITHIN);
                log::error!("stopping took longer than {} s; ending now", STOP_WITHIN.as_secs());
                std::process::exit(1);
            });
            if let Err(error) = late {
                log::error!("stopping has no deadline: {error}");
            }
        }
        if come.next().is_some() {
            log::warn!("told to stop twice; ending at once");
            std::process::exit(1);
        }
    };
    spawn("signals".to_owned(), wait)?;
    Ok(stopped)
}

fn spawn<T: Send + 'static>(
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, ServerError> {
    Builder::new().name(name.clone()).spawn(run).map_err(|source| ServerError::Thread { name, source })
}

fn join(thread: JoinHandle<()>) {
    let name = thread.thread().name().unwrap_or("a thread").to_owned();
    if thread.join().is_err() {
        log::error!("{name} panicked");
    }
}

/// The dispatcher's thread. Where it can't go on, the process ends: what was answered is on disk,
/// and saying more could be a lie.
fn dispatch(dispatcher: Dispatcher) -> Option<Store> {
    match catch_unwind(AssertUnwindSafe(|| dispatcher.run())) {
        Ok(Ok(store)) => Some(store),
        Ok(Err(fault)) => {
            log::error!("{fault}");
            std::process::exit(1)
        }
        Err(_) => {
            log::error!("the dispatcher panicked; what was answered is there after the restart");
            std::process::exit(1)
        }
    }
}

/// A worker's thread. A panic outside of a connection's turn leaves nothing to go on with.
fn work(worker: Worker, shared: &Shared) {
    match catch_unwind(AssertUnwindSafe(|| worker.run(shared))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            log::error!("{error}");
            std::process::exit(1)
        }
        Err(_) => {
            log::error!("a worker panicked; what was answered is there after the restart");
            std::process::exit(1)
        }
    }
}

/// A reader's thread. A read that panics is answered all the same, or its connection would wait
/// for ever.
fn read(mut reader: Reader, read_jobs: &Receiver<ReadJob>, workers: &[Mailbox<Delivery>]) {
    for read_job in read_jobs {
        let conn = read_job.conn;
        let answer = catch_unwind(AssertUnwindSafe(|| reader.answer(read_job))).unwrap_or_else(|_| failed(conn));
        if let Some(worker) = workers.get(conn.worker()) {
            worker.send(Delivery::Answer(answer));
        }
    }
}

fn failed(conn: ConnId) -> Answer {
    log::error!("a read panicked; it was refused");
    let refusal = Refusal::new(Code::Internal, "that was a fault of the server's. It was written to its log.");
    Answer { conn, rows: Rows::default(), last: refusal.into() }
}
