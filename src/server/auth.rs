//! The bcrypt pool: the only place that knows bcrypt.
//!
//! A few threads, `auth-0` and so on, take jobs from the dispatcher's bounded queue and send the
//! results to its mailbox; when the queue is full, the last in its order is refused with `busy`. An
//! unknown account is checked against a hash of the same cost, so that it takes the same time. This
//! module must not know which accounts or connections exist.

use crate::protocol::code::{Code, Refusal};
use crate::protocol::names::ConnId;
use crate::protocol::secrets::{PASSWORD_MAX, Secret};
use crate::server::faults::{self, Point};
use crate::server::traffic::{AuthJob, AuthOutcome, AuthWork, PasswordQueue, Request, RequestKind, TurnQueue};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Jobs that may wait for a thread of the pool; beyond that, the last in order is refused with `busy`. At
/// cost 12 a core checks four passwords a second, so this is about ten seconds' worth.
pub(super) const QUEUE_MAX: usize = 64;

/// What a thread of the pool needs.
#[derive(Debug, Clone)]
pub(super) struct Checker {
    cost: u32,
    /// Checked in place of accounts that don't exist.
    dummy: Arc<str>,
}

impl Checker {
    /// Creates the hash that unknown accounts are checked against; takes as long as one login.
    ///
    /// # Errors
    /// bcrypt's, if the cost is out of range or there is no randomness.
    pub(super) fn new(cost: u32) -> Result<Self, bcrypt::BcryptError> {
        Ok(Self { cost, dummy: bcrypt::hash("nobody has this password", cost)?.into() })
    }

    /// Takes jobs until the queue is closed. A job that panics is answered as well; otherwise its
    /// connection would wait forever.
    pub(super) fn run(&self, jobs: &PasswordQueue, dispatcher: &TurnQueue<Request>) {
        while let Some(AuthJob { conn, viewer, standing: _, work }) = jobs.take() {
            let outcome = catch_unwind(AssertUnwindSafe(|| self.check(conn, work))).unwrap_or_else(|_| {
                log::error!("checking a password panicked; the login was refused");
                failed()
            });
            dispatcher.send(Request { conn, viewer, kind: RequestKind::AuthDone(outcome), bytes: 0 });
        }
    }

    fn check(&self, conn: ConnId, work: AuthWork) -> AuthOutcome {
        faults::point(Point::AuthJob);
        match work {
            AuthWork::Verify { account, name, hash, password, from } => {
                let right = verify(&password, hash.as_deref().unwrap_or(&self.dummy));
                match account {
                    Some((account, generation)) if right && hash.is_some() => {
                        AuthOutcome::Right { account, generation, from }
                    }
                    _ => AuthOutcome::Wrong { name, from },
                }
            }
            AuthWork::Hash { name, invite, password, from } => match self.hash(&password) {
                Some(hash) => AuthOutcome::Hashed { name, invite, hash, from },
                None => failed(),
            },
            AuthWork::Recover { name, code, password, from } => match self.hash(&password) {
                Some(hash) => AuthOutcome::Recovered { name, code, hash, from },
                None => failed(),
            },
            AuthWork::Unregister { account, generation, hash, password, all } => {
                if verify(&password, &hash) {
                    AuthOutcome::Unregister { account, generation, all }
                } else {
                    AuthOutcome::WrongOwn
                }
            }
            AuthWork::Change { account, generation, hash, old, new } => {
                if !verify(&old, &hash) {
                    return AuthOutcome::WrongOld;
                }
                match self.hash(&new) {
                    Some(hash) => AuthOutcome::Changed { account, generation, hash },
                    None => {
                        log::error!("connection {conn}: a new password could not be hashed");
                        failed()
                    }
                }
            }
        }
    }

    fn hash(&self, password: &Secret) -> Option<Arc<str>> {
        match bcrypt::non_truncating_hash(password.expose(), self.cost) {
            Ok(hash) => Some(hash.into()),
            Err(error) => {
                log::error!("bcrypt could not hash a password: {error}");
                None
            }
        }
    }
}

fn verify(password: &Secret, hash: &str) -> bool {
    // bcrypt uses at most 72 bytes, so no account has a longer password. A longer one is checked
    // anyway, so that it takes the same time.
    let typed = password.expose();
    let right = bcrypt::verify(typed, hash).unwrap_or(false);
    right && typed.len() <= PASSWORD_MAX && !typed.contains('\0')
}

fn failed() -> AuthOutcome {
    AuthOutcome::Failed(Refusal::new(Code::Internal, "something went wrong in the server; its log says what."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::names::{AccountId, AddressGroup, UserName};

    fn verify(checker: &Checker, hash: Option<&Arc<str>>, password: &str) -> bool {
        let work = AuthWork::Verify {
            account: hash.map(|_| (AccountId::new(1), 0)),
            name: UserName::parse("bob").unwrap(),
            hash: hash.cloned(),
            password: Secret::new(password),
            from: AddressGroup::Console,
        };
        matches!(checker.check(ConnId::new(0, 1), work), AuthOutcome::Right { .. })
    }

    #[test]
    fn only_the_right_password_is_accepted() {
        let checker = Checker::new(4).unwrap();
        let hash = checker.hash(&Secret::new("correct horse")).unwrap();
        assert!(verify(&checker, Some(&hash), "correct horse"));
        assert!(!verify(&checker, Some(&hash), "correct horsf"));
        assert!(!verify(&checker, None, "nobody has this password"));
        let long = checker.hash(&Secret::new(&"x".repeat(71))).unwrap();
        assert!(verify(&checker, Some(&long), &"x".repeat(71)));
        assert!(!verify(&checker, Some(&long), &"x".repeat(80)));
        assert!(checker.hash(&Secret::new(&"x".repeat(72))).is_none());
    }
}
