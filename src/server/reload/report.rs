//! What a reload has changed: for the log, and for whoever asked.

use crate::protocol::code::{Code, Refusal};
use crate::protocol::line::{Final, Rows};
use crate::protocol::names::to_text;
use crate::protocol::spans;
use crate::server::config::{Config, History};
use crate::server::hub::GRACE;
use crate::server::traffic::Maintenance;

/// The longest text of a refusal, in characters: it names a file and quotes a line of it.
const TEXT_MAX: usize = 1000;

/// What has changed.
#[derive(Debug, Default)]
pub(super) struct Reloaded {
    /// Settings that are in effect from now on.
    pub(super) changed: Vec<(&'static str, String)>,
    /// Settings that wait for a restart.
    pub(super) restart: Vec<(&'static str, String)>,
    /// The fingerprint of another certificate, and how long it is valid.
    pub(super) certificate: Option<String>,
    pub(super) warnings: Vec<String>,
    pub(super) maintenance: Maintenance,
}

impl Reloaded {
    pub(super) fn log(&self) {
        for (key, value) in &self.changed {
            log::info!("reloaded: {key} = {value}");
        }
        for (key, value) in &self.restart {
            log::warn!("{key} = {value} takes effect when chitchatd is restarted");
        }
        if let Some(certificate) = &self.certificate {
            log::info!("reloaded: the certificate is {certificate}, for those who connect from now on");
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
    pub(super) fn answer(&self) -> (Rows, Final) {
        let mut rows = Rows::default();
        let mut row = |what: &str, key: &str, value: &str| rows.push(&one_line(&format!("{what} {key} {value}")));
        self.changed.iter().for_each(|(key, value)| row("changed", key, value));
        self.restart.iter().for_each(|(key, value)| row("restart", key, value));
        self.certificate.iter().for_each(|certificate| row("certificate", "-", certificate));
        self.warnings.iter().for_each(|warning| row("warning", "-", warning));
        (rows, Final::Done(self.sentence()))
    }

    pub(super) fn sentence(&self) -> String {
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

/// What is said of each limit on the history that keeps less than before.
pub(super) fn keeps_less(before: &History, now: &History) -> Vec<String> {
    let grace = spans::exactly(GRACE);
    let goes = |key: &str, what: &str| {
        format!("{key}: {what} goes for good, {grace} from now; until then the old value and another reload stop it")
    };
    let mut warnings = Vec::new();
    if now.keep_for.is_some_and(|keep| before.keep_for.is_none_or(|before| keep < before)) {
        warnings.push(goes("history.keep_for", "what is older"));
    }
    if now.keep_bytes.is_some_and(|keep| before.keep_bytes.is_none_or(|before| keep < before)) {
        warnings.push(goes("history.keep_bytes", "what is too much, the oldest first,"));
    }
    warnings
}

/// The keys whose values differ, with those of the other.
pub(super) fn differences(one: &Config, other: &Config) -> Vec<(&'static str, String)> {
    let both = one.values().into_iter().zip(other.values());
    both.filter(|(one, other)| one != other).map(|(_, other)| other).collect()
}

pub(super) fn refused(code: Code, text: impl Into<String>) -> (Rows, Final) {
    (Rows::default(), Refusal::new(code, text).into())
}

/// A text as part of one line: a path may hold anything.
pub(super) fn one_line(text: &str) -> String {
    to_text(&text.chars().take(TEXT_MAX).collect::<String>())
}
