//! Reloading: the settings and the certificate are read again while the server runs, at SIGHUP and
//! `/reload`; and the certificate by itself when its files change.
//!
//! Owns the settings in effect and the certificate. Everything is read and checked before anything
//! changes, so that a file with a mistake changes nothing; then what has changed goes to its owners as
//! messages. The thread `reload` runs it: a disk that is slow holds nobody up who talks. `watch` sees that
//! files have changed, `report` says what a reload has changed, `warnings` what administrators are told and when.

mod report;
mod warnings;
mod watch;

use crate::protocol::code::Code;
use crate::protocol::names::ConnId;
use crate::server::certificate::{CERTIFICATE_FILE, CertificateError, Details, IMPORTED_FILE, Identity, KEY_FILE};
use crate::server::clock;
use crate::server::config::{Config, ConfigError, Sources};
use crate::server::net::Permits;
use crate::server::running::{RUNNING_FILE, Running};
use crate::server::sentence::sentence;
use crate::server::serve::{accept_limits, budget_bytes, connection_limits, hub_settings};
use crate::server::service_manager::ServiceManager;
use crate::server::traffic::{Budget, Delivery, Mailbox, Maintenance, ReloadJob, Request, TurnQueue};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use report::{Reloaded, differences, keeps_less, one_line, refused};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use warnings::Warnings;
use watch::Watch;

/// How often the certificate's files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How soon files that have changed and can't be used are read again: whoever renews them writes one after the
/// other.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// How often they are read before they are called bad.
const TRIES: u32 = 6;

/// Who is told what has changed.
#[derive(Debug)]
pub(super) struct Owners {
    pub workers: Vec<Mailbox<Delivery>>,
    pub permits: Arc<Permits>,
    pub budget: Arc<Budget>,
    pub dispatcher: TurnQueue<Request>,
    /// When the certificate ends that is served, in seconds of Unix time.
    pub certificate_ends: Arc<AtomicI64>,
}

#[derive(Debug)]
pub(super) struct Reload {
    /// `None` if the settings are another program's, which does not read them again.
    sources: Option<Sources>,
    /// In effect.
    config: Config,
    identity: Identity,
    watch: Watch,
    renewal: Renewal,
    warnings: Warnings,
    /// What other processes are told of this one.
    running: Running,
    owners: Owners,
}

/// What the certificate's files hold that have changed.
#[derive(Debug)]
enum Renewal {
    /// What is served, or what was called bad.
    Settled,
    /// Something else; they were read so often, and could not be used.
    Tried(u32),
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Settings(#[from] ConfigError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// The certificate that the settings name, or the one in the data directory.
///
/// # Errors
/// Names the file that can't be used.
pub(super) fn read_identity(config: &Config, now: jiff::Timestamp) -> Result<Identity, CertificateError> {
    match &config.certificate {
        Some(files) => Identity::load(&files.certificate, &files.key),
        None => Identity::load_or_create(&config.data, &config.name, now),
    }
}

impl Owners {
    /// Those who connect from now on meet this certificate. Whoever is told of it later does.
    fn serve(&self, tls: &Arc<rustls::ServerConfig>, details: &Details) {
        self.certificate_ends.store(details.not_after.as_second(), Ordering::Relaxed);
        self.workers.iter().for_each(|worker| {
            worker.send(Delivery::Tls { config: Arc::clone(tls), vouched_for: !details.self_signed });
        });
    }
}

/// What is wrong with the certificate's time, in one line.
fn expiry(identity: &Identity, now: jiff::Timestamp) -> Option<String> {
    identity.expiry(now).map(|warning| one_line(&warning.to_string()))
}

/// The files of the certificate.
fn watched(config: &Config) -> Vec<PathBuf> {
    match &config.certificate {
        Some(files) => vec![files.certificate.clone(), files.key.clone()],
        None => [IMPORTED_FILE, CERTIFICATE_FILE, KEY_FILE].map(|name| config.data.join(name)).to_vec(),
    }
}

impl Reload {
    pub(super) fn new(
        sources: Option<Sources>,
        config: Config,
        identity: Identity,
        running: Running,
        owners: Owners,
    ) -> Self {
        let watch = Watch::new(watched(&config));
        let warnings = Warnings::new(expiry(&identity, jiff::Timestamp::now()));
        // What has changed since the files were read is noticed at the first look.
        Self { sources, config, identity, watch, renewal: Renewal::Tried(0), warnings, running, owners }
    }

    /// Runs until nobody can ask any more.
    pub(super) fn run(mut self, jobs: &Receiver<ReloadJob>, manager: &ServiceManager) {
        // After a reload there is nothing to see, unless it failed.
        let mut look = true;
        loop {
            let now = jiff::Timestamp::now();
            if look && catch_unwind(AssertUnwindSafe(|| self.look(now))).is_err() {
                log::error!("looking at the certificate panicked");
            }
            let wait = if matches!(self.renewal, Renewal::Settled) { LOOK_EVERY } else { TRY_EVERY };
            let job = match jobs.recv_timeout(wait) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    look = true;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            manager.reloading();
            let now = jiff::Timestamp::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| self.reload(now)));
            look = !matches!(outcome, Ok(Ok(_)));
            // The log comes last: what it says is so.
            match outcome {
                Ok(Ok(mut reloaded)) => {
                    let Maintenance { settings, limits, .. } = std::mem::take(&mut reloaded.maintenance);
                    let due = self.warnings.due(clock::now(), expiry(&self.identity, now)).unwrap_or_default();
                    self.tell(job, Maintenance { settings, limits, answer: Some(reloaded.answer()), ..due });
                    reloaded.log();
                }
                Ok(Err(error)) => {
                    let text = one_line(&format!("{} Nothing was changed.", sentence(&error.to_string())));
                    let answer = Some(refused(Code::BadSettings, text.as_str()));
                    self.tell(job, Maintenance { answer, ..Maintenance::default() });
                    log::error!("can't reload: {text}");
                }
                Err(_) => {
                    let text = "something went wrong in the server; its log says what.";
                    self.tell(
                        job,
                        Maintenance { answer: Some(refused(Code::Internal, text)), ..Maintenance::default() },
                    );
                    log::error!("reloading panicked");
                }
            }
            manager.reloaded();
        }
    }

    /// Tells the dispatcher, and through it whoever asked.
    fn tell(&self, job: ReloadJob, mut maintenance: Maintenance) {
        let conn = match job {
            ReloadJob::Asked(conn) => conn,
            // Nobody waits for an answer.
            ReloadJob::Signal => {
                maintenance.answer = None;
                ConnId::new(0, 0)
            }
        };
        self.owners.dispatcher.send(Request::maintenance(conn, maintenance));
    }

    /// Takes a certificate whose files have changed, and tells administrators what there is to see to.
    fn look(&mut self, now: jiff::Timestamp) {
        if self.watch.has_changed() {
            self.renewal = Renewal::Tried(0);
        }
        if let Renewal::Tried(before) = self.renewal {
            match self.renew(now) {
                Ok(()) => {
                    self.renewal = Renewal::Settled;
                    self.warnings.set_bad(None);
                }
                Err(_) if before + 1 < TRIES => self.renewal = Renewal::Tried(before + 1),
                Err(error) => {
                    self.renewal = Renewal::Settled;
                    let text = format!(
                        "the certificate could not be renewed: {error} The old one is still served, valid until {}.",
                        self.identity.details().until(now)
                    );
                    self.warnings.set_bad(Some(one_line(&text)));
                }
            }
        }
        if let Some(maintenance) = self.warnings.due(clock::now(), expiry(&self.identity, now)) {
            self.tell(ReloadJob::Signal, maintenance);
        }
    }

    fn renew(&mut self, now: jiff::Timestamp) -> Result<(), CertificateError> {
        // Unlike at a start, files that are missing are not made anew: they may be on their way.
        let identity = match &self.config.certificate {
            Some(files) => Identity::load(&files.certificate, &files.key)?,
            None => Identity::load_from(&self.config.data)?,
        };
        if !identity.is(&self.identity) {
            let tls = identity.server_config()?;
            let details = identity.details();
            self.owners.serve(&tls, details);
            let (fingerprint, until, names) = (details.fingerprint, details.until(now), details.names.join(", "));
            log::info!("the certificate was renewed: {fingerprint} for {names}, valid until {until}");
            for warning in identity.warnings(now) {
                log::warn!("{warning}");
            }
            self.identity = identity;
        }
        Ok(())
    }

    fn reload(&mut self, now: jiff::Timestamp) -> Result<Reloaded, ReloadError> {
        let read = self.sources.as_ref().map(Sources::read).transpose()?.unwrap_or_else(|| self.config.clone());
        let next = self.config.with_live(&read);
        // Looked at before they are read, so that no change in between is missed.
        let watch = Watch::new(watched(&next));
        let identity = read_identity(&next, now)?;
        let tls = if identity.is(&self.identity) { None } else { Some(identity.server_config()?) };

        // Nothing fails from here on.
        // Those that there were already have been told.
        let warnings = read.warnings.iter().filter(|warning| !self.config.warnings.contains(warning));
        let warnings = warnings.map(ToString::to_string);
        let mut reloaded = Reloaded {
            changed: differences(&self.config, &next),
            restart: differences(&next, &read),
            warnings: warnings.chain(identity.warnings(now).iter().map(ToString::to_string)).collect(),
            ..Reloaded::default()
        };
        if let Some(tls) = tls {
            let details = identity.details();
            reloaded.certificate = Some(format!("{} valid until {}", details.fingerprint, details.until(now)));
            self.owners.serve(&tls, details);
        }
        reloaded.warnings.extend(keeps_less(&self.config.history, &next.history));
        let (hub, limits) = (hub_settings(&next), connection_limits(&next));
        reloaded.maintenance.settings = (hub != hub_settings(&self.config)).then_some(hub);
        reloaded.maintenance.limits = (limits != connection_limits(&self.config)).then_some(limits);
        self.owners.permits.set_limits(accept_limits(&next));
        self.owners.budget.set_most(budget_bytes(&next));
        (self.config, self.identity, self.watch, self.renewal) = (next, identity, watch, Renewal::Settled);
        self.warnings.set_bad(None);
        self.running.set_settings(&self.config);
        if let Err(error) = self.running.write(&self.config.data) {
            log::warn!("{RUNNING_FILE}: {error}; chitchatd check may say that settings are not in effect");
        }
        Ok(reloaded)
    }
}

#[cfg(test)]
mod tests;
