//! Reloading: the settings and the certificate are read again while the server runs, at SIGHUP and
//! `/reload`.
//!
//! Owns the settings in effect and the certificate. Everything is read and checked before anything
//! changes, so that a file with a mistake changes nothing; then what has changed goes to its owners as
//! messages. The thread `reload` runs it: a disk that is slow holds nobody up who talks.

use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::{ConnId, is_text};
use crate::server::certificate::{CertificateError, Identity};
use crate::server::config::{Config, ConfigError, Sources};
use crate::server::net::Permits;
use crate::server::serve::{accept_limits, budget_bytes, connection_limits, hub_settings};
use crate::server::traffic::{Budget, Delivery, Mailbox, ReloadJob, Request, RequestKind, TurnQueue, Upkeep, Viewer};
use crossbeam_channel::Receiver;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The longest text of a refusal, in characters: it names a file and quotes a line of it.
const TEXT_MAX: usize = 1000;

/// Who is told what has changed.
#[derive(Debug)]
pub(super) struct Owners {
    pub workers: Vec<Mailbox<Delivery>>,
    pub permits: Arc<Permits>,
    pub budget: Arc<Budget>,
    pub dispatcher: TurnQueue<Request>,
}

#[derive(Debug)]
pub(super) struct Reload {
    /// `None` if the settings are another program's, which does not read them again.
    sources: Option<Sources>,
    /// In effect.
    config: Config,
    identity: Identity,
    owners: Owners,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Settings(#[from] ConfigError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// What has changed.
#[derive(Debug, Default)]
struct Reloaded {
    /// Settings that are in effect from now on.
    changed: Vec<(&'static str, String)>,
    /// Settings that wait for a restart.
    restart: Vec<(&'static str, String)>,
    /// The fingerprint of another certificate.
    certificate: Option<String>,
    warnings: Vec<String>,
    upkeep: Upkeep,
}

/// The certificate that the settings name, or the one in the data directory.
///
/// # Errors
/// Names the file that can't be used.
pub(super) fn read_identity(config: &Config, now: jiff::Timestamp) -> Result<Identity, CertificateError> {
    match &config.certificate {
        Some(files) => Identity::load(&files.certificate, &files.key, now),
        None => Identity::load_or_create(&config.data, &config.name, now),
    }
}

impl Reload {
    pub(super) fn new(sources: Option<Sources>, config: Config, identity: Identity, owners: Owners) -> Self {
        Self { sources, config, identity, owners }
    }

    /// Runs until nobody can ask any more.
    pub(super) fn run(mut self, jobs: &Receiver<ReloadJob>) {
        for job in jobs {
            let now = jiff::Timestamp::now();
            // The log comes last: what it says is so.
            match catch_unwind(AssertUnwindSafe(|| self.reload(now))) {
                Ok(Ok(mut reloaded)) => {
                    let upkeep = std::mem::take(&mut reloaded.upkeep);
                    self.tell(job, Upkeep { answer: Some(reloaded.answer()), ..upkeep });
                    reloaded.log();
                }
                Ok(Err(error)) => {
                    let text = one_line(&format!("{error} Nothing was changed."));
                    let answer = Some(refused(Code::BadSettings, text.as_str()));
                    self.tell(job, Upkeep { answer, ..Upkeep::default() });
                    log::error!("can't reload: {text}");
                }
                Err(_) => {
                    let text = "something went wrong in the server; its log says what.";
                    self.tell(job, Upkeep { answer: Some(refused(Code::Internal, text)), ..Upkeep::default() });
                    log::error!("reloading panicked");
                }
            }
        }
    }

    /// Tells the dispatcher, and through it whoever asked.
    fn tell(&self, job: ReloadJob, mut upkeep: Upkeep) {
        let conn = match job {
            ReloadJob::Asked(conn) => conn,
            // Nobody waits for an answer.
            ReloadJob::Signal => {
                upkeep.answer = None;
                ConnId::new(0, 0)
            }
        };
        let kind = RequestKind::Upkeep(Box::new(upkeep));
        self.owners.dispatcher.send(Request { conn, viewer: Viewer::Program, kind, bytes: 0 });
    }

    fn reload(&mut self, now: jiff::Timestamp) -> Result<Reloaded, ReloadError> {
        let read = self.sources.as_ref().map(Sources::read).transpose()?.unwrap_or_else(|| self.config.clone());
        let next = self.config.with_live(&read);
        let identity = read_identity(&next, now)?;
        let tls = if identity.is(&self.identity) { None } else { Some(identity.server_config()?) };

        // Nothing fails from here on.
        // Those that there were already have been told.
        let warnings = read.warnings.iter().filter(|warning| !self.config.warnings.contains(warning));
        let warnings = warnings.map(ToString::to_string);
        let mut reloaded = Reloaded {
            changed: differences(&self.config, &next),
            restart: differences(&next, &read),
            warnings: warnings.chain(identity.warnings().iter().map(ToString::to_string)).collect(),
            ..Reloaded::default()
        };
        if let Some(tls) = tls {
            reloaded.certificate = Some(identity.fingerprint().to_string());
            // Before anybody is told: whoever connects after that meets the new one.
            self.owners.workers.iter().for_each(|worker| worker.send(Delivery::Tls(Arc::clone(&tls))));
        }
        let (hub, limits) = (hub_settings(&next), connection_limits(&next));
        reloaded.upkeep.settings = (hub != hub_settings(&self.config)).then_some(hub);
        reloaded.upkeep.limits = (limits != connection_limits(&self.config)).then_some(limits);
        self.owners.permits.set_limits(accept_limits(&next));
        self.owners.budget.set_most(budget_bytes(&next));
        (self.config, self.identity) = (next, identity);
        Ok(reloaded)
    }
}

impl Reloaded {
    fn log(&self) {
        for (key, value) in &self.changed {
            log::info!("reloaded: {key} = {value}");
        }
        for (key, value) in &self.restart {
            log::warn!("{key} = {value} takes effect when chitchatd is restarted");
        }
        if let Some(fingerprint) = &self.certificate {
            log::info!("reloaded: the certificate is {fingerprint} for those who connect from now on");
        }
        for warning in &self.warnings {
            log::warn!("{warning}");
        }
        if self.is_empty() {
            log::info!("reloaded: nothing has changed");
        }
    }

    fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.restart.is_empty() && self.certificate.is_none()
    }

    /// Rows `WHAT KEY VALUE`, and a sentence.
    fn answer(&self) -> (Rows, Final) {
        let mut rows = Rows::default();
        let mut row = |what: &str, key: &str, value: &str| rows.push(&one_line(&format!("{what} {key} {value}")));
        self.changed.iter().for_each(|(key, value)| row("changed", key, value));
        self.restart.iter().for_each(|(key, value)| row("restart", key, value));
        self.certificate.iter().for_each(|fingerprint| row("certificate", "-", fingerprint));
        self.warnings.iter().for_each(|warning| row("warning", "-", warning));
        (rows, Final::Done(self.sentence()))
    }

    fn sentence(&self) -> String {
        let settings = |number: usize| if number == 1 { "1 setting".to_owned() } else { format!("{number} settings") };
        let mut parts = Vec::new();
        if !self.changed.is_empty() {
            parts.push(format!("{} changed", settings(self.changed.len())));
        }
        if self.certificate.is_some() {
            parts.push("the certificate is another one".to_owned());
        }
        if !self.restart.is_empty() {
            let need = if self.restart.len() == 1 { "needs" } else { "need" };
            parts.push(format!("{} {need} a restart", settings(self.restart.len())));
        }
        if parts.is_empty() { "nothing has changed.".to_owned() } else { format!("{}.", parts.join(", ")) }
    }
}

/// The keys whose values differ, with those of the other.
fn differences(one: &Config, other: &Config) -> Vec<(&'static str, String)> {
    let both = one.values().into_iter().zip(other.values());
    both.filter(|(one, other)| one != other).map(|(_, other)| other).collect()
}

fn refused(code: Code, text: impl Into<String>) -> (Rows, Final) {
    (Rows::default(), Refusal::new(code, text).into())
}

/// A text as part of one line: a path may hold anything.
fn one_line(text: &str) -> String {
    text.chars().take(TEXT_MAX).map(|c| if is_text(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::{Environment, Flags};

    fn config(sets: &[&str]) -> Config {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        let environment = Environment { data_home: Some("/d".into()), ..Environment::default() };
        Config::build(None, &sets, &Flags::default(), &environment).unwrap()
    }

    #[test]
    fn each_setting_is_live_or_needs_a_restart() {
        let one = config(&[]);
        let other = config(&[
            "data=/e",
            "tls=127.0.0.1:1",
            "plain=off",
            "registration=open",
            "name=there",
            "certificate=/c",
            "key=/k",
            "workers=7",
            "accounts.bcrypt_cost=11",
            "accounts.members_invite=3",
            "history.sync=normal",
            "history.keep=off",
            "history.edit_for=2d",
            "history.upgrade_copy=off",
            "limits.connections=7",
            "limits.per_address=7",
            "limits.flood=7/s burst 7",
            "limits.account_flood=7/s burst 7",
            "limits.logins=7/s burst 7",
            "limits.registrations=7/s burst 7",
            "limits.rooms_made=7",
            "limits.new_rooms=7/s burst 7",
            "limits.joins=7/s burst 7",
            "limits.first_messages=7/s burst 7",
            "limits.invitations=7/s burst 7",
            "limits.repeats=7/s burst 7",
            "limits.new_account=7h",
            "limits.unread_bytes=70000",
            "limits.unread_total=70000000",
            "limits.unanswered=7",
            "limits.under_way_bytes=70000000",
        ]);
        let keys = |differences: Vec<(&'static str, String)>| -> Vec<&str> {
            differences.into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(keys(differences(&one, &other)), Config::keys(), "all differ");
        let next = one.with_live(&other);
        let restart = keys(differences(&next, &other));
        let needs = [
            "data",
            "tls",
            "plain",
            "name",
            "workers",
            "accounts.bcrypt_cost",
            "history.sync",
            "history.keep",
            "history.upgrade_copy",
        ];
        assert_eq!(restart, needs);
        let live: Vec<String> = Config::keys().into_iter().filter(|key| !needs.contains(&key.as_str())).collect();
        assert_eq!(keys(differences(&one, &next)), live);
        // Nothing is taken over without being named.
        assert_eq!(Config { warnings: Vec::new(), ..next.with_live(&one) }, one);
    }

    #[test]
    fn what_has_changed_is_one_sentence() {
        let change = || ("limits.flood", "\"off\"".to_owned());
        let mut reloaded = Reloaded::default();
        assert_eq!(reloaded.sentence(), "nothing has changed.");
        reloaded.restart = vec![change()];
        assert_eq!(reloaded.sentence(), "1 setting needs a restart.");
        (reloaded.changed, reloaded.certificate) = (vec![change(), change()], Some("SHA256:00".to_owned()));
        assert_eq!(
            reloaded.sentence(),
            "2 settings changed, the certificate is another one, 1 setting needs a restart."
        );
        assert_eq!(one_line("/a\nb\u{1b}"), "/a?b?");
    }
}
