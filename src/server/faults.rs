//! Faults on purpose: points at which the process can be killed or a thread can hang, and mistakes that can be planted.
//!
//! The simulation and the crash battery show with them that they find what they are there to find. They
//! are compiled in by the feature `faults` alone, which nothing that is shipped has: without it,
//! [`is_planted`] is a constant and [`point`] is empty.
//!
//! `CHITCHAT_KILL_AT=after-commit:37` kills the process when it comes to that point for the 37th time;
//! `CHITCHAT_PANIC_AT` makes the thread panic there, and `CHITCHAT_HANG_AT` makes it hang.
//! `CHITCHAT_FAULT=answer-before-commit:20` plants a mistake in the process, which then happens one
//! time in 20. The simulation plants its mistakes for its own thread, with `plant`.

/// Where the process can be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "read with the feature alone")]
pub(crate) enum Point {
    /// A turn is decided in part: its transaction is open, and a message is about to be inserted.
    BeforeInsert,
    /// A message was inserted, and nothing is committed.
    AfterInsert,
    BeforeCommit,
    /// The turn is on disk, and nobody was told.
    AfterCommit,
    /// What the turn answers and shows was handed to the workers.
    AfterDelivery,
    /// The log is about to be moved into the database.
    BeforeCheckpoint,
    AfterCheckpoint,
    /// The index has a batch of messages in an open transaction.
    BeforeIndexCommit,
    AfterIndexCommit,
    /// A step of a migration is about to be committed.
    BeforeMigrationCommit,
    AfterMigrationCommit,
    /// A file of a backup that is restored is about to be moved into its place; or, after the last one, what says that
    /// they are not all there is about to be removed.
    RestoreStep,
    /// A connection's turn has cut a line, and is about to act on it.
    LineCut,
    /// A reader has taken a job.
    ReadJob,
    /// A thread of the bcrypt pool has taken a job.
    AuthJob,
}

/// A mistake that can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "read with the feature alone")]
pub(crate) enum Fault {
    /// A turn's answers go out although its commit fails or never comes.
    AnswerBeforeCommit,
    /// A message gets the id of the one before it.
    IdTwice,
    DeliverySkipped,
    DeliveryDoubled,
    /// A `/post` under a key that was used is stored again.
    KeyForgotten,
    /// A read marker goes back.
    MarkerBack,
    BanEndsEarly,
    /// What all conversations keep for a time goes after half of it.
    DroppedEarly,
    /// When something is to go is not looked at again.
    SweepForgotten,
    /// A private room is shown to those who are not in it.
    PrivateLeak,
    /// A token is sent in a compressed frame.
    TokenInFrame,
    /// A share of the budget is never given back.
    ShareKept,
    /// Who sleeps is not woken.
    WakeUpLost,
}

#[cfg(feature = "faults")]
mod planted {
    use super::{Fault, Point};
    use std::cell::Cell;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    impl Point {
        /// Every point, by its name in `CHITCHAT_KILL_AT`.
        const ALL: [(&'static str, Self); 15] = [
            ("before-insert", Self::BeforeInsert),
            ("after-insert", Self::AfterInsert),
            ("before-commit", Self::BeforeCommit),
            ("after-commit", Self::AfterCommit),
            ("after-delivery", Self::AfterDelivery),
            ("before-checkpoint", Self::BeforeCheckpoint),
            ("after-checkpoint", Self::AfterCheckpoint),
            ("before-index-commit", Self::BeforeIndexCommit),
            ("after-index-commit", Self::AfterIndexCommit),
            ("before-migration-commit", Self::BeforeMigrationCommit),
            ("after-migration-commit", Self::AfterMigrationCommit),
            ("restore-step", Self::RestoreStep),
            ("line-cut", Self::LineCut),
            ("read-job", Self::ReadJob),
            ("auth-job", Self::AuthJob),
        ];
    }

    impl Fault {
        /// Every fault, by its name in `CHITCHAT_FAULT`.
        pub(crate) const ALL: [(&'static str, Self); 13] = [
            ("answer-before-commit", Self::AnswerBeforeCommit),
            ("id-twice", Self::IdTwice),
            ("delivery-skipped", Self::DeliverySkipped),
            ("delivery-doubled", Self::DeliveryDoubled),
            ("key-forgotten", Self::KeyForgotten),
            ("marker-back", Self::MarkerBack),
            ("ban-ends-early", Self::BanEndsEarly),
            ("dropped-early", Self::DroppedEarly),
            ("sweep-forgotten", Self::SweepForgotten),
            ("private-leak", Self::PrivateLeak),
            ("token-in-frame", Self::TokenInFrame),
            ("share-kept", Self::ShareKept),
            ("wake-up-lost", Self::WakeUpLost),
        ];
    }

    /// A name and a number of the environment, `NAME:N`; N is 1 if it is left out.
    fn of_environment<T: Copy>(variable: &str, all: &[(&str, T)]) -> Option<(T, u32)> {
        let value = std::env::var(variable).ok()?;
        let (name, count) = value.split_once(':').unwrap_or((&value, "1"));
        let found = all.iter().find(|(known, _)| *known == name).map(|&(_, value)| value);
        let parsed = found.zip(count.parse().ok().filter(|&count| count > 0));
        if parsed.is_none() {
            // A battery that tests nothing must not look passed.
            log::error!("{variable}={value} names nothing that can be planted");
            std::process::abort();
        }
        parsed
    }

    /// Where something is to happen, at which time of coming there, and how often that was.
    struct Planned {
        variable: &'static str,
        at: OnceLock<Option<(Point, u32)>>,
        passed: AtomicU32,
    }

    impl Planned {
        const fn by(variable: &'static str) -> Self {
            Self { variable, at: OnceLock::new(), passed: AtomicU32::new(0) }
        }

        fn happens(&self, point: Point) -> bool {
            let planned = *self.at.get_or_init(|| of_environment(self.variable, &Point::ALL));
            planned.is_some_and(|(at, count)| at == point && self.passed.fetch_add(1, Ordering::SeqCst) + 1 == count)
        }
    }

    static PANIC: Planned = Planned::by("CHITCHAT_PANIC_AT");
    static HANG: Planned = Planned::by("CHITCHAT_HANG_AT");
    static KILL: Planned = Planned::by("CHITCHAT_KILL_AT");
    /// What is planted in the whole process.
    static EVERYWHERE: OnceLock<Option<(Fault, u32)>> = OnceLock::new();
    static OCCASIONS: AtomicU32 = AtomicU32::new(0);

    thread_local! {
        /// What is planted in this thread, how rarely it happens, and how often it could have.
        static HERE: Cell<Option<(Fault, u32, u32)>> = const { Cell::new(None) };
    }

    pub(crate) fn point(point: Point) {
        assert!(!PANIC.happens(point), "CHITCHAT_PANIC_AT says so");
        if HANG.happens(point) {
            hang();
        }
        if KILL.happens(point) {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            // The signal arrives when it arrives; nothing more is done until then.
            hang();
        }
    }

    fn hang() -> ! {
        loop {
            std::thread::park();
        }
    }

    pub(crate) fn is_planted(fault: Fault) -> bool {
        let here = HERE.get();
        if let Some((planted, every, occasions)) = here.filter(|(planted, ..)| *planted == fault) {
            HERE.set(Some((planted, every, occasions + 1)));
            return (occasions + 1).is_multiple_of(every);
        }
        let everywhere = EVERYWHERE.get_or_init(|| of_environment("CHITCHAT_FAULT", &Fault::ALL));
        let Some((planted, every)) = *everywhere else { return false };
        planted == fault && (OCCASIONS.fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(every)
    }

    /// Plants a fault in this thread alone, which happens one time in `every` that it could; `None` takes
    /// it away.
    pub(crate) fn plant(fault: Option<(Fault, u32)>) {
        HERE.set(fault.map(|(fault, every)| (fault, every.max(1), 0)));
    }
}

#[cfg(feature = "faults")]
pub(crate) use planted::{is_planted, plant, point};

/// The process is killed here if `CHITCHAT_KILL_AT` says so.
#[cfg(not(feature = "faults"))]
#[inline]
pub(crate) const fn point(_: Point) {}

/// Whether to make this mistake now.
#[cfg(not(feature = "faults"))]
#[inline]
pub(crate) const fn is_planted(_: Fault) -> bool {
    false
}
