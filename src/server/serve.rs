//! Serving: one function creates every channel, starts every thread and ends them all.
//!
//! Shutdown takes the same route as a message: `accept` ends; the workers cut no more lines and say
//! so; the dispatcher commits and answers what came before, and ends; the readers answer what is
//! left; the workers say goodbye, flush and close; each thread is joined.
//!
//! A fault takes a shortcut: the workers drop their connections without another byte, since
//! whatever they sent now could be untrue. See [`Delivery::Abort`].

use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::Rows;
use crate::protocol::names::ConnId;
use crate::server::auth::{Checker, QUEUE_MAX};
use crate::server::clock;
use crate::server::config::{self, Config};
use crate::server::dispatcher::{Channels, Dispatcher, SharedDispatcher};
use crate::server::figures::{self, Gatherer};
use crate::server::hub::{self, Hub};
use crate::server::net::metrics::MetricsServer;
use crate::server::net::{self, ConnectionLimits, Listener, Live, Worker, WorkerContext};
use crate::server::priority;
use crate::server::reload::{Owners, Reload};
use crate::server::running::Running;
use crate::server::store::{Reader, Store, StoreError};
use crate::server::traffic::{
    Answer, Budget, Delivery, HubSettings, KeepLimits, Limits, Mailbox, PaceLimits, ReadJob, Registration, ReloadJob,
    Request, Submit, Tally, TurnQueue, password_queue,
};
use crate::server::web::body::BODIES_MAX;
use crate::server::{Server, ServerError, ServerFault, watchdog};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::thread::{Builder, JoinHandle};

/// Threads that read history and search, separate from the workers, so that a long search delays
/// nobody's lines.
const READERS: usize = 2;

/// What [`Server::serve`] waits for.
#[derive(Debug)]
pub(super) enum Event {
    /// Somebody asked it to stop.
    Stop,
    /// Somebody asked for the settings and the certificate to be read again.
    Reload,
    /// The dispatcher has answered all that came before the stop.
    Drained(Box<Store>),
    /// A thread can't go on. The workers know already.
    Fault(ServerFault),
}

/// Stops a server from another thread.
#[derive(Debug, Clone)]
pub struct Stopper(Sender<Event>);

impl Stopper {
    pub(super) fn new(events: Sender<Event>) -> Self {
        Self(events)
    }

    /// Asks the server to stop: what it has accepted is answered, everyone is told, and then
    /// [`Server::serve`] returns. Asking twice, or too late, has no effect.
    pub fn stop(&self) {
        // A server that has ended no longer listens.
        let _ = self.0.send(Event::Stop);
    }
}

/// Has a server read its settings and its certificate again, from another thread.
#[derive(Debug, Clone)]
pub struct Reloader(Sender<Event>);

impl Reloader {
    pub(super) fn new(events: Sender<Event>) -> Self {
        Self(events)
    }

    /// Asks the server to read them again; the log says what came of it. What can change while it runs
    /// changes, and no connection is dropped. If anything can't be used, nothing changes.
    pub fn reload(&self) {
        // A server that has ended no longer listens.
        let _ = self.0.send(Event::Reload);
    }
}

impl Server {
    /// Serves until a [`Stopper`] asks it to stop, then closes everything.
    ///
    /// # Errors
    /// If a thread or a queue can't be created, or a [`ServerFault`]. After a fault not another
    /// byte is sent to anyone, and every connection is closed; threads that may hang on a failing
    /// disk are not waited for, and the data directory is free again when they have ended.
    #[expect(clippy::too_many_lines, reason = "the whole arrangement of channels and threads is read in one place")]
    pub fn serve(self) -> Result<(), ServerError> {
        let Self { config, store_settings, store, snapshot, indexer, checkpointer, tls, listening, .. } = self;
        let (sources, identity, manager, running) = (self.sources, self.identity, self.manager, self.running);
        let ((events, happened), metrics) = (self.events, self.metrics);

        // Every channel.
        let requests: TurnQueue<Request> = TurnQueue::default();
        let mut workers = Vec::new();
        let mut mailboxes: Vec<Mailbox<Delivery>> = Vec::new();
        let live = Live { limits: connection_limits(&config), tls, vouched_for: !identity.details().self_signed };
        for index in 0..usize::from(config.workers) {
            let (worker, mailbox) = Worker::new(index, live.clone())?;
            workers.push(worker);
            mailboxes.push(mailbox);
        }
        let (auth_jobs, auth_queue) = password_queue(QUEUE_MAX);
        let (read_jobs, read_queue) = unbounded();
        let ((index, index_nudges), (checkpoint, checkpoint_nudges)) = (bounded(1), bounded(1));
        let (reload_jobs, reload_queue) = unbounded();
        let (watching, watchdog_stop) = bounded(0);
        let (figures_jobs, figures_queue) = unbounded();

        // Every state.
        let epoch = snapshot.epoch.clone();
        let mut hub = Hub::new(hub_settings(&config), snapshot);
        let blocklist = hub.blocklist(hub::Now { instant: clock::now(), wall: clock::unix_ms() });
        let tally: Arc<Tally> = Arc::default();
        let unread = net::unread_of(mailboxes.len());
        let checker = Checker::new(config.accounts.bcrypt_cost)?;
        let readers =
            (0..READERS).map(|_| Reader::open(&store_settings)).collect::<Result<Vec<Reader>, StoreError>>()?;
        let proxies = Arc::new(net::Proxies::new(config.proxies.clone(), config.web_proxies.clone()));
        let listener = Listener::new(
            listening,
            accept_limits(&config),
            Arc::clone(&blocklist),
            Arc::clone(&tally),
            Arc::clone(&proxies),
        )?;
        let stop_accepting = listener.stopper();
        let asked = requests.clone();
        let metrics = MetricsServer::new(metrics, config.name.clone(), Box::new(move || figures::page(&asked)))?;
        let stop_metrics = metrics.stopper();
        let budget = Budget::new(budget_bytes(&config));
        let certificate_ends = Arc::new(AtomicI64::new(identity.details().not_after.as_second()));
        let owners = Owners {
            workers: mailboxes.clone(),
            permits: listener.permits(),
            budget: Arc::clone(&budget),
            dispatcher: requests.clone(),
            certificate_ends: Arc::clone(&certificate_ends),
        };
        let gatherer = Gatherer {
            tally: Arc::clone(&tally),
            permits: listener.permits(),
            unread: Arc::clone(&unread),
            budget: Arc::clone(&budget),
            requests: requests.clone(),
            passwords: auth_queue.clone(),
            reads: read_queue.clone(),
            data: config.data.clone(),
            certificate_ends: Arc::clone(&certificate_ends),
        };
        let reload = Reload::new(sources, config.clone(), identity, running.clone(), owners);
        let channels = Channels {
            workers: mailboxes.clone(),
            readers: read_jobs,
            auth: auth_jobs,
            index,
            checkpoint,
            reload: reload_jobs.clone(),
            figures: figures_jobs,
        };
        let dispatcher = Dispatcher::new(hub, store, channels, Arc::clone(&budget));
        let dispatcher = Arc::new(SharedDispatcher::new(requests.clone(), dispatcher));
        let shared = Arc::new(WorkerContext {
            name: config.name.clone(),
            epoch,
            budget,
            bodies: Budget::new(BODIES_MAX),
            dispatcher: Arc::clone(&dispatcher) as Arc<dyn Submit>,
            tally,
            blocklist,
            unread,
            proxy_log: net::ProxyLog::default(),
            proxies,
            requests: Mutex::default(),
        });

        // Every thread. The last to be joined is started first.
        let mut auth_threads = Vec::new();
        for index in 0..usize::from(config.workers) {
            let (checker, jobs, dispatcher) = (checker.clone(), auth_queue.clone(), requests.clone());
            auth_threads.push(spawn(format!("auth-{index}"), move || checker.run(&jobs, &dispatcher))?);
        }
        let index_thread = spawn("index".to_owned(), move || {
            if let Err(error) = indexer.run(&index_nudges) {
                log::error!("the search index can't keep up: {error}; history and search go on, but slower");
            }
        })?;
        let checkpoint_thread = spawn("checkpoint".to_owned(), move || checkpointer.run(&checkpoint_nudges))?;
        let teller = manager.clone();
        let reload_thread = spawn("reload".to_owned(), move || reload.run(&reload_queue, &teller))?;
        let mut watchdog_thread = None;
        if let Some(within) = manager.watchdog() {
            let (teller, dispatcher) = (manager.clone(), requests.clone());
            let watch = move || watchdog::run(within, &dispatcher, &watchdog_stop, || teller.alive());
            watchdog_thread = Some(spawn("watchdog".to_owned(), watch)?);
        }
        let figures_mailboxes = mailboxes.clone();
        let figures_thread = spawn("figures".to_owned(), move || gatherer.run(&figures_queue, &figures_mailboxes))?;
        let mut reader_threads = Vec::new();
        for (index, reader) in readers.into_iter().enumerate() {
            let (read_jobs, workers) = (read_queue.clone(), mailboxes.clone());
            reader_threads.push(spawn(format!("read-{index}"), move || read(reader, &read_jobs, &workers))?);
        }
        let alarm = Alarm { events, workers: mailboxes.clone() };
        let dispatcher_alarm = alarm.clone();
        let dispatcher_thread = spawn("dispatcher".to_owned(), move || dispatch(&dispatcher, &dispatcher_alarm))?;
        // From here on the dispatcher runs, and it ends only after the workers: a thread that can't
        // be started is handled like a fault.
        let (mut worker_threads, mut accept_thread, mut metrics_thread) = (Vec::new(), None, None);
        let accepting = mailboxes.clone();
        let start = || -> Result<(), ServerError> {
            for (index, worker) in workers.into_iter().enumerate() {
                let (name, shared, alarm) = (format!("work-{index}"), Arc::clone(&shared), alarm.clone());
                worker_threads.push(spawn(name.clone(), move || work(worker, &shared, name, &alarm))?);
            }
            accept_thread = Some(spawn("accept".to_owned(), move || listener.run(&accepting))?);
            if metrics.is_wanted() {
                metrics_thread = Some(spawn("metrics".to_owned(), move || metrics.run())?);
            }
            Ok(())
        };

        // Until it is told to stop, and then until everything that it accepted is answered.
        let outcome = start().and_then(|()| {
            manager.ready(&running);
            loop {
                // This thread holds a sender itself, in `alarm`, so there is always an event to come.
                match happened.recv() {
                    Ok(Event::Stop) => {
                        if let Some(accept_thread) = accept_thread.take() {
                            log::info!("stopping: answering what was accepted, then telling everyone");
                            manager.stopping();
                            stop_metrics.stop();
                            stop_accepting.stop();
                            join(accept_thread);
                            mailboxes.iter().for_each(|worker| worker.send(Delivery::Stop));
                        }
                    }
                    Ok(Event::Reload) => {
                        // It ends after this loop.
                        let _ = reload_jobs.send(ReloadJob::Signal);
                    }
                    Ok(Event::Drained(store)) => break Ok(store),
                    Ok(Event::Fault(fault)) => break Err(fault.into()),
                    Err(_) => break Err(ServerFault::Panicked("accept".to_owned()).into()),
                }
            }
        });
        let store = match outcome {
            Ok(store) => store,
            Err(error) => {
                mailboxes.iter().for_each(|worker| worker.send(Delivery::Abort));
                stop_metrics.stop();
                stop_accepting.stop();
                accept_thread.into_iter().for_each(join);
                worker_threads.into_iter().for_each(join);
                // A dispatcher that still runs ends when every worker has stopped; they are gone.
                for index in 0..mailboxes.len() {
                    requests.send(Request::stopped(ConnId::new(index as u8, 0)));
                }
                return Err(error);
            }
        };
        join(dispatcher_thread);
        // The queues of the readers, of the figures and of the index ended with the dispatcher.
        reader_threads.into_iter().for_each(join);
        join(figures_thread);
        mailboxes.iter().for_each(|worker| worker.send(Delivery::Bye));
        worker_threads.into_iter().for_each(join);
        join(index_thread);
        join(checkpoint_thread);
        metrics_thread.into_iter().for_each(join);
        drop((reload_jobs, watching));
        join(reload_thread);
        watchdog_thread.into_iter().for_each(join);
        // Their queue ended with the dispatcher.
        auth_threads.into_iter().for_each(join);
        Running::remove(&config.data);
        store.close()?;
        // After a fault this late somebody was not told goodbye, though everything is saved.
        let fault =
            happened.try_iter().find_map(|event| if let Event::Fault(fault) = event { Some(fault) } else { None });
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        log::info!("stopped");
        Ok(())
    }
}

pub(super) fn hub_settings(config: &Config) -> HubSettings {
    let registration = match config.registration {
        config::Registration::Open => Registration::Open,
        config::Registration::Invite => Registration::Invite,
        config::Registration::Closed => Registration::Closed,
    };
    HubSettings {
        registration,
        logins: config.limits.logins,
        registrations: config.limits.registrations,
        account_flood: config.limits.account_flood,
        pace: PaceLimits {
            rooms: config.limits.new_rooms,
            joins: config.limits.joins,
            first_messages: config.limits.first_messages,
            invitations: config.limits.invitations,
            repeats: config.limits.repeats,
            hook: config.limits.hook,
            new_account: config.limits.new_account,
        },
        rooms_made: config.limits.rooms_made,
        members_invite: config.accounts.members_invite,
        keep: KeepLimits { lasts: config.history.keep_for, bytes: config.history.keep_bytes.map(|bytes| bytes as u64) },
        edit_for: config.history.edit_for,
        answer_bytes: connection_limits(config).unread_bytes / 2,
        workers: usize::from(config.workers),
    }
}

pub(super) fn accept_limits(config: &Config) -> ConnectionLimits {
    ConnectionLimits { connections: config.limits.connections, per_address: config.limits.per_address }
}

pub(super) fn budget_bytes(config: &Config) -> usize {
    config.limits.under_way_bytes.unwrap_or(usize::MAX)
}

pub(super) fn connection_limits(config: &Config) -> Limits {
    /// If there is no limit, an answer is still cut into pieces of this size.
    const UNBOUNDED: usize = 1 << 30;
    let limits = &config.limits;
    Limits {
        flood: limits.flood,
        unread_bytes: limits.unread_bytes.unwrap_or(UNBOUNDED),
        unread_total: limits.unread_total.unwrap_or(usize::MAX),
        unanswered: limits.unanswered.map_or(usize::MAX, |lines| lines as usize),
    }
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
        log::error!("the thread {name} panicked");
    }
}

/// What a thread raises when the server can't go on without it.
#[derive(Debug, Clone)]
struct Alarm {
    events: Sender<Event>,
    workers: Vec<Mailbox<Delivery>>,
}

impl Alarm {
    /// The workers are told first, and from here: nothing sent to them after this is shown to
    /// anyone.
    fn raise(&self, fault: ServerFault) {
        self.workers.iter().for_each(|worker| worker.send(Delivery::Abort));
        // The receiver is gone if another thread was first.
        let _ = self.events.send(Event::Fault(fault));
    }
}

/// The dispatcher's thread.
fn dispatch(dispatcher: &SharedDispatcher, alarm: &Alarm) {
    match catch_unwind(AssertUnwindSafe(|| dispatcher.run())) {
        Ok(Ok(store)) => {
            // After a fault elsewhere nobody takes the store; it is closed here then.
            let _ = alarm.events.send(Event::Drained(Box::new(store)));
        }
        Ok(Err(fault)) => alarm.raise(fault.into()),
        Err(_) => alarm.raise(ServerFault::Panicked("dispatcher".to_owned())),
    }
}

/// A worker's thread. A panic outside a connection's turn leaves nothing to go on with.
fn work(worker: Worker, shared: &WorkerContext, name: String, alarm: &Alarm) {
    match catch_unwind(AssertUnwindSafe(|| worker.run(shared))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => alarm.raise(error.into()),
        Err(_) => alarm.raise(ServerFault::Panicked(name)),
    }
}

/// A reader's thread. A read that panics is answered anyway, or its connection would wait forever.
fn read(mut reader: Reader, read_jobs: &Receiver<ReadJob>, workers: &[Mailbox<Delivery>]) {
    priority::give_way();
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
    let refusal = Refusal::new(Code::Internal, "something went wrong in the server; its log says what.");
    Answer { conn, rows: Rows::default(), last: refusal.into() }
}
