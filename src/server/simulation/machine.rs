//! The server's parts, each of which goes on when it is told to.

use super::Entry;
use super::pipe::{ClientEnd, pipe};
use crate::protocol::names::{AddressGroup, ConnId};
use crate::server::auth::QUEUE_MAX;
use crate::server::certificate::Identity;
use crate::server::clock;
use crate::server::config::{Config, Environment, Flags};
use crate::server::dispatcher::{Channels, Dispatcher, SharedDispatcher, take_journal};
use crate::server::hub::{self, Hub};
use crate::server::net::{self, Live, Worker, WorkerContext};
use crate::server::serve::{connection_limits, hub_settings};
use crate::server::store::{Checkpointer, Indexer, Reader, Store, StoreSettings, Sync, UpgradeCopy};
use crate::server::traffic::{
    Accepted, AuthJob, AuthOutcome, AuthWork, Budget, Delivery, HubSettings, ListenerKind, Mailbox, PasswordQueue,
    ReadJob, Request, RequestKind, Socket, Submit, TurnQueue, Wake, password_queue,
};
use crate::server::web::body::BODIES_MAX;
use crossbeam_channel::{Receiver, bounded, unbounded};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The most bytes of the rows of an answer, as by default.
const ANSWER_BYTES: usize = 128 * 1024;

/// Messages that are indexed at a time.
const INDEX_STEP: i64 = 64;

/// The process has ended, as it does when nobody knows what was saved; or it could not start.
#[derive(Debug)]
pub struct Died(pub String);

impl<E: std::error::Error> From<E> for Died {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// A running server.
#[derive(Debug)]
pub struct Machine {
    data: PathBuf,
    workers: Vec<Loop>,
    mailboxes: Vec<Mailbox<Delivery>>,
    context: WorkerContext,
    dispatcher: Arc<SharedDispatcher>,
    queue: TurnQueue<Request>,
    /// The owner's turn, while it lasts.
    turn: Option<Vec<Request>>,
    /// What waits to be checked, and what the pool has.
    passwords: (PasswordQueue, Vec<AuthJob>),
    reads: (Receiver<ReadJob>, Vec<ReadJob>),
    reader: Reader,
    indexer: Indexer,
    checkpointer: Checkpointer,
    nudges: [Receiver<()>; 2],
    budget: Arc<Budget>,
    /// When it started, and what the clock said then.
    started: (Instant, u64),
    store: Option<Store>,
}

/// A worker and what wakes it.
#[derive(Debug)]
struct Loop {
    worker: Worker,
    woken: Arc<AtomicBool>,
    /// When its wait ends by itself.
    until: Option<Instant>,
    pipes: Vec<ClientEnd>,
    ended: bool,
}

struct Flag(Arc<AtomicBool>);

impl Wake for Flag {
    fn wake(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Machine {
    /// Starts on a data directory. The settings are those of the configuration, as `KEY=VALUE`; answers are
    /// as long as they would be without the bounds on what is left unread. `keep_bytes` takes the place of
    /// `history.keep_bytes`, and may be less than that allows.
    ///
    /// # Errors
    /// What keeps a server from starting.
    pub fn start(data: &Path, settings: &[String], keep_bytes: Option<u64>) -> Result<Self, Died> {
        let flags = Flags { data: Some(data.to_owned()), ..Flags::default() };
        let config = Config::build(None, settings, &flags, &Environment::default())?;
        let store_settings = StoreSettings {
            data: data.to_owned(),
            sync: Sync::Full,
            keep: config.history.keep,
            upgrade_copy: UpgradeCopy::Keep,
        };
        let (store, snapshot) = Store::open(&store_settings)?;
        let indexer = Indexer::open(&store_settings, &mut |_, _| {})?;
        let checkpointer = Checkpointer::open(&store_settings)?;
        let limits = connection_limits(&config);
        let reader = Reader::open(&store_settings)?;

        let live = Live { limits, tls: tls()?, vouched_for: false };
        let queue: TurnQueue<Request> = TurnQueue::default();
        let (mut workers, mut mailboxes) = (Vec::new(), Vec::new());
        for index in 0..usize::from(config.workers) {
            let woken = Arc::new(AtomicBool::new(true));
            let (worker, mailbox) = Worker::simulated(index, live.clone(), Box::new(Flag(Arc::clone(&woken))))?;
            workers.push(Loop { worker, woken, until: None, pipes: Vec::new(), ended: false });
            mailboxes.push(mailbox);
        }
        let (auth, passwords) = password_queue(QUEUE_MAX);
        let (readers, reads) = unbounded();
        let ((index, indexes), (checkpoint, checkpoints)) = (bounded(1), bounded(1));
        let epoch = snapshot.epoch.clone();
        let mut settings = HubSettings { answer_bytes: ANSWER_BYTES, ..hub_settings(&config) };
        settings.keep.bytes = keep_bytes.or(settings.keep.bytes);
        let mut hub = Hub::new(settings, snapshot);
        let started = (clock::now(), clock::unix_ms());
        let blocklist = hub.blocklist(hub::Now { instant: started.0, wall: started.1 });
        let budget = Budget::new(config.limits.under_way_bytes.unwrap_or(usize::MAX));
        // Nobody asks for a reload or for figures here.
        let (reload, figures) = (unbounded().0, unbounded().0);
        let channels = Channels { workers: mailboxes.clone(), readers, auth, index, checkpoint, reload, figures };
        let dispatcher = Dispatcher::new(hub, store, channels, Arc::clone(&budget));
        let dispatcher = Arc::new(SharedDispatcher::new(queue.clone(), dispatcher));
        let context = WorkerContext {
            name: config.name.clone(),
            epoch,
            budget: Arc::clone(&budget),
            bodies: Budget::new(BODIES_MAX),
            dispatcher: Arc::clone(&dispatcher) as Arc<dyn Submit>,
            tally: Arc::default(),
            blocklist,
            unread: net::unread_of(mailboxes.len()),
            proxy_log: net::ProxyLog::default(),
            proxies: Arc::default(),
            requests: parking_lot::Mutex::default(),
        };
        take_journal();
        Ok(Self {
            data: data.to_owned(),
            workers,
            mailboxes,
            context,
            dispatcher,
            queue,
            turn: None,
            passwords: (passwords, Vec::new()),
            reads: (reads, Vec::new()),
            reader,
            indexer,
            checkpointer,
            nudges: [indexes, checkpoints],
            budget,
            started,
            store: None,
        })
    }

    /// Names the database's history.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.context.epoch
    }

    /// The clock by which bans end, in milliseconds.
    #[must_use]
    pub fn steady(&self) -> u64 {
        let passed = clock::now().saturating_duration_since(self.started.0);
        self.started.1.saturating_add(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
    }

    /// A new connection: to the console, or from the `from`th address. What the server sends waits for the
    /// client up to so many bytes.
    pub fn connect(&mut self, worker: usize, from: Option<u8>, to_client_max: usize) -> ClientEnd {
        let (server_end, client_end) = pipe(to_client_max);
        let (kind, from) = match from {
            Some(from) => (ListenerKind::Plain, AddressGroup::V4([192, 0, 2, from])),
            None => (ListenerKind::Console, AddressGroup::Console),
        };
        let socket = Socket::Simulated(server_end);
        let accepted = Accepted { socket, kind, from, proxied: false, permit: Box::new(()), crowded: false };
        self.mailboxes[worker].send(Delivery::Accepted(accepted));
        self.workers[worker].pipes.push(client_end.share());
        client_end
    }

    // Workers.

    /// How many workers there are.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Whether a worker has something to do: it was woken, a socket is ready, or its wait is over.
    #[must_use]
    pub fn is_awake(&self, worker: usize) -> bool {
        let it = &self.workers[worker];
        let timed_out = || it.until.is_some_and(|until| until <= clock::now());
        !it.ended && (it.woken.load(Ordering::Relaxed) || timed_out() || it.pipes.iter().any(ClientEnd::is_changed))
    }

    /// A worker's turn. Of the sockets that are ready it is told of those whose bit is set in `ready`; of
    /// all, if that were none.
    pub fn run_worker(&mut self, worker: usize, ready: u64) {
        let it = &mut self.workers[worker];
        it.woken.store(false, Ordering::Relaxed);
        it.pipes.retain(|pipe| !pipe.is_closed());
        let changed = |(nth, _): &(usize, &ClientEnd)| ready & (1 << (nth % 64)) != 0;
        let some = it.pipes.iter().enumerate().filter(changed).any(|(_, pipe)| pipe.is_changed());
        for one in it.pipes.iter().enumerate() {
            if (!some || changed(&one))
                && let Some((slot, readiness)) = one.1.take_event()
            {
                it.worker.found_ready(slot, readiness);
            }
        }
        it.ended |= !it.worker.run_once(&self.context);
        it.until = it.worker.begin_wait().map(|wait| clock::now() + wait);
    }

    // The dispatcher.

    /// Whether the dispatcher's own thread has something to do.
    #[must_use]
    pub fn is_dispatcher_awake(&self) -> bool {
        if self.store.is_some() {
            return false;
        }
        self.turn.is_some() || self.queue.is_owner_awake()
    }

    /// Whether the dispatcher's own thread has the turn.
    #[must_use]
    pub fn is_turn_taken(&self) -> bool {
        self.turn.is_some()
    }

    /// The dispatcher's own thread takes the turn, if there is something to do; until it goes on, the
    /// workers find the turn taken.
    ///
    /// # Errors
    /// [`Died`]
    pub fn begin_turn(&mut self) -> Result<bool, Died> {
        let mut batch = Vec::new();
        let has_turn = self.dispatcher.begin_turn(&mut batch)?;
        self.turn = has_turn.then_some(batch);
        Ok(has_turn)
    }

    /// It works on what it has, and gives the turn back.
    ///
    /// # Errors
    /// [`Died`]
    pub fn finish_turn(&mut self) -> Result<(), Died> {
        let Some(mut batch) = self.turn.take() else { return Ok(()) };
        self.store = self.dispatcher.finish_turn(&mut batch)?;
        Ok(())
    }

    /// In which order requests were taken since this was last asked, and what became of them.
    pub fn journal(&mut self) -> Vec<Entry> {
        take_journal()
    }

    // Passwords and reads.

    /// How many passwords the pool has taken to be checked, one for each of its threads.
    pub fn passwords(&mut self) -> usize {
        let (queue, taken) = &mut self.passwords;
        let free = self.workers.len().saturating_sub(taken.len());
        taken.extend(std::iter::from_fn(|| queue.try_take()).take(free));
        taken.len()
    }

    /// Checks one of them.
    pub fn check_password(&mut self, nth: usize) {
        let AuthJob { conn, viewer, standing: _, work } = self.passwords.1.remove(nth);
        let kind = RequestKind::AuthDone(check(work));
        self.queue.send(Request { conn, viewer, kind, bytes: 0 });
    }

    /// How many reads wait.
    pub fn reads(&mut self) -> usize {
        let (queue, waiting) = &mut self.reads;
        waiting.extend(queue.try_iter());
        waiting.len()
    }

    /// Answers one of them, and returns whose it was.
    pub fn read(&mut self, nth: usize) -> ConnId {
        let job = self.reads.1.remove(nth);
        let conn = job.conn;
        let answer = self.reader.answer(job);
        self.mailboxes[conn.worker()].send(Delivery::Answer(answer));
        conn
    }

    // The disk.

    /// Indexes some messages; returns whether there were any.
    ///
    /// # Errors
    /// SQLite's.
    pub fn index(&mut self) -> Result<bool, Died> {
        self.nudges.iter().for_each(|nudges| nudges.try_iter().for_each(drop));
        Ok(self.indexer.follow_once(INDEX_STEP)?)
    }

    /// Moves the log into the database.
    pub fn checkpoint(&mut self) {
        self.checkpointer.checkpoint();
    }

    /// Limits the database to the size that it has, or no longer.
    pub fn fill_disk(&mut self, full: bool) {
        self.dispatcher.with_store(|store| if full { store.fill_the_disk() } else { store.make_room() });
    }

    // The whole.

    /// When something is due, if nothing happens until then.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        let waits = self.workers.iter().filter(|it| !it.ended).filter_map(|it| it.until);
        let next = waits.chain(self.queue.owner_wakes()).min();
        next.map(|next| next.saturating_duration_since(clock::now()))
    }

    /// What waits for somebody who sleeps, if there is such a thing.
    #[must_use]
    pub fn forgotten(&self) -> Option<String> {
        for (index, mailbox) in self.mailboxes.iter().enumerate() {
            if !mailbox.is_empty() && !self.is_awake(index) && !self.workers[index].ended {
                return Some(format!("worker {index} sleeps, and something is in its mailbox"));
            }
        }
        let waits = self.queue.has_left_over() && !self.is_dispatcher_awake() && self.store.is_none();
        waits.then(|| "the dispatcher sleeps, and requests wait".to_owned())
    }

    /// Bytes that are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.budget.held()
    }

    /// Ends the process without a warning. What was on its disk then is in the other directory.
    ///
    /// # Errors
    /// The system's.
    pub fn kill(self, moved_to: &Path) -> Result<(), Died> {
        std::fs::create_dir_all(moved_to)?;
        for file in std::fs::read_dir(&self.data)? {
            let file = file?;
            let name = file.file_name();
            // SQLite makes its shared memory again.
            if !name.to_string_lossy().ends_with("-shm") {
                std::fs::copy(file.path(), moved_to.join(name))?;
            }
        }
        drop(self);
        Ok(())
    }
}

/// What bcrypt would find, at no cost.
fn check(work: AuthWork) -> AuthOutcome {
    let hash = |password: &str| -> Arc<str> { format!("simulated {password}").into() };
    match work {
        AuthWork::Verify { account, name, hash: stored, password, from } => match account {
            Some((account, generation)) if stored.as_ref() == Some(&hash(password.expose())) => {
                AuthOutcome::Right { account, generation, from }
            }
            _ => AuthOutcome::Wrong { name, from },
        },
        AuthWork::Hash { name, invite, password, from } => {
            AuthOutcome::Hashed { name, invite, hash: hash(password.expose()), from }
        }
        AuthWork::Recover { name, code, password, from } => {
            AuthOutcome::Recovered { name, code, hash: hash(password.expose()), from }
        }
        AuthWork::Change { account, generation, hash: stored, old, new } => {
            if stored == hash(old.expose()) {
                AuthOutcome::Changed { account, generation, hash: hash(new.expose()) }
            } else {
                AuthOutcome::WrongOld
            }
        }
        AuthWork::Unregister { account, generation, hash: stored, password, all } => {
            if stored == hash(password.expose()) {
                AuthOutcome::Unregister { account, generation, all }
            } else {
                AuthOutcome::WrongOwn
            }
        }
    }
}

/// A worker must have it, and nobody uses it here.
fn tls() -> Result<Arc<rustls::ServerConfig>, Died> {
    static TLS: OnceLock<Arc<rustls::ServerConfig>> = OnceLock::new();
    if let Some(tls) = TLS.get() {
        return Ok(Arc::clone(tls));
    }
    let dir = tempfile::tempdir()?;
    let identity = Identity::load_or_create(dir.path(), "localhost", jiff::Timestamp::now())?;
    Ok(Arc::clone(TLS.get_or_init(|| identity.server_config().unwrap_or_else(|error| unreachable!("{error}")))))
}
