//! What administrators are told about the certificate, and when: those who are connected at once and then
//! daily, the others when they log in.
//!
//! Pure; the time is an argument.

use crate::server::traffic::Maintenance;
use std::time::{Duration, Instant};

/// How often those who are connected are reminded.
const REMIND_EVERY: Duration = Duration::from_hours(24);

/// What there is to see to.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    /// Files that were to renew the certificate, and can't be used.
    bad: Told,
    /// The certificate's time.
    expiry: Told,
    /// What those who log in are told.
    at_login: Vec<String>,
    /// What the log says already, since the start.
    logged: Option<String>,
}

/// One of them, and when the administrators were told last.
#[derive(Debug, Default)]
struct Told {
    text: Option<String>,
    at: Option<Instant>,
}

impl Told {
    fn set(&mut self, text: Option<String>) {
        if text.is_none() {
            self.at = None;
        }
        self.text = text;
    }

    /// The text, if it is time to tell it.
    fn due(&mut self, now: Instant) -> Option<String> {
        let text = self.text.as_ref()?;
        if self.at.is_some_and(|at| now.saturating_duration_since(at) < REMIND_EVERY) {
            return None;
        }
        self.at = Some(now);
        Some(text.clone())
    }
}

impl Warnings {
    /// The start has said what was wrong with the certificate's time, if anything was.
    pub(super) fn new(expiry: Option<String>) -> Self {
        Self { logged: expiry, ..Self::default() }
    }

    /// Files can't be used; `None` if they can.
    pub(super) fn set_bad(&mut self, bad: Option<String>) {
        // Other files, or the same in another way: that is news.
        self.bad = Told { text: bad, at: None };
    }

    /// What the dispatcher is told now, if anything; `expiry` is what is wrong with the certificate's time.
    pub(super) fn due(&mut self, now: Instant, expiry: Option<String>) -> Option<Maintenance> {
        // The days count down, which is no news by itself.
        self.expiry.set(expiry);
        let mut notices = Vec::new();
        if let Some(text) = self.bad.due(now) {
            log::error!("{text}");
            notices.push(text);
        }
        if let Some(text) = self.expiry.due(now) {
            if self.logged.take().as_ref() != Some(&text) {
                log::warn!("{text}");
            }
            notices.push(text);
        }
        let at_login: Vec<String> =
            [&self.bad, &self.expiry].into_iter().filter_map(|told| told.text.clone()).collect();
        let at_login = (at_login != self.at_login).then_some(at_login);
        if let Some(at_login) = &at_login {
            self.at_login.clone_from(at_login);
        }
        let anything = !notices.is_empty() || at_login.is_some();
        anything.then(|| Maintenance { notices, at_login, ..Maintenance::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_are_told_at_once_then_daily_and_at_each_login() {
        let (mut warnings, start) = (Warnings::default(), Instant::now());
        let text = |text: &str| Some(text.to_owned());
        let at = |hours: u64, warnings: &mut Warnings, expiry: Option<String>| {
            let maintenance = warnings.due(start + Duration::from_hours(hours), expiry)?;
            Some((maintenance.notices.join("+"), maintenance.at_login.map(|at_login| at_login.join("+"))))
        };
        assert_eq!(at(0, &mut warnings, None), None);
        assert_eq!(at(1, &mut warnings, text("13 days")), Some(("13 days".to_owned(), text("13 days"))));
        assert_eq!(at(2, &mut warnings, text("13 days")), None);
        // Who logs in is told the right number; who is there is not told again.
        assert_eq!(at(3, &mut warnings, text("12 days")), Some((String::new(), text("12 days"))));
        warnings.set_bad(text("bad"));
        assert_eq!(at(4, &mut warnings, text("12 days")), Some(("bad".to_owned(), text("bad+12 days"))));
        assert_eq!(at(25, &mut warnings, text("12 days")), Some(("12 days".to_owned(), None)));
        assert_eq!(at(28, &mut warnings, text("12 days")), Some(("bad".to_owned(), None)));
        warnings.set_bad(text("bad"));
        assert_eq!(at(29, &mut warnings, text("12 days")), Some(("bad".to_owned(), None)));
        warnings.set_bad(None);
        assert_eq!(at(30, &mut warnings, None), Some((String::new(), text(""))));
        assert_eq!(at(31, &mut warnings, text("13 days")), Some(("13 days".to_owned(), text("13 days"))));
    }
}
