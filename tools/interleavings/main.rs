//! Tries every interleaving of a few threads over the two queues between the server's threads, with loom:
//! a mailbox and its owner's sleep, and the dispatcher's queue and its turn. Nothing that was sent may stay
//! unseen while its receiver sleeps, and two turns may never overlap.
//!
//! The files are the server's own; only their locks are loom's here. `cargo run -p tools --example interleavings`
//! takes some seconds. A model that finds no fault in a queue that has one would prove nothing, so each
//! is run again with a wake-up left out, which loom must find.
//!
//! Loom's time stands still: nobody is woken by a deadline here, so that none hides a lost wake-up.

// The queues say `parking_lot::Mutex`: here that is this program.
extern crate self as parking_lot;

mod locks;
#[path = "../../src/server/traffic/mailbox.rs"]
mod mailbox;
mod mailbox_model;
#[path = "../../src/server/traffic/turn_queue.rs"]
#[allow(dead_code, reason = "the figures ask how much waits")]
mod turn_queue;
mod turn_queue_model;

/// What the queues use of the rest of the server: a clock, and the faults that a simulation plants, of which
/// there are none here.
mod server {
    pub(crate) mod clock {
        pub(crate) fn now() -> std::time::Instant {
            std::time::Instant::now()
        }
    }

    pub(crate) mod faults {
        #[derive(Debug, Clone, Copy)]
        pub(crate) enum Fault {
            WakeUpLost,
        }

        pub(crate) const fn is_planted(_: Fault) -> bool {
            false
        }
    }
}

pub use locks::{Condvar, Mutex, MutexGuard};

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

/// A model, and whether loom must find a fault in it.
struct Case {
    name: &'static str,
    run: fn(),
    faulty: bool,
}

const CASES: &[Case] = &[
    Case { name: "a mailbox, two senders", run: mailbox_model::two_senders, faulty: false },
    Case { name: "a mailbox whose sender forgets to wake", run: mailbox_model::a_forgotten_wake, faulty: true },
    Case { name: "a mailbox whose owner sleeps without looking", run: mailbox_model::a_blind_sleep, faulty: true },
    Case { name: "turns: the owner and two workers", run: turn_queue_model::owner_and_two_workers, faulty: false },
    Case { name: "turns: what is sent during a turn", run: turn_queue_model::sent_during_a_turn, faulty: false },
    Case { name: "turns: a failed one", run: turn_queue_model::a_failed_turn, faulty: false },
    Case { name: "turns: one that is never ended", run: turn_queue_model::a_turn_never_ended, faulty: true },
    Case { name: "turns: one taken without asking", run: turn_queue_model::a_stolen_turn, faulty: true },
];

fn main() -> ExitCode {
    let mut wrong = 0;
    // Half of the cases panic as they should; only what is wrong is worth reading.
    std::panic::set_hook(Box::new(|_| {}));
    for case in CASES {
        let began = Instant::now();
        // A fault that is found shows as a panic in the model.
        let caught = catch_unwind(AssertUnwindSafe(|| loom_model(case.run)));
        let found = caught.is_err();
        let why = caught.err().map(|panic| said(&*panic)).unwrap_or_default();
        let right = found == case.faulty;
        wrong += u32::from(!right);
        let verdict = match (found, case.faulty) {
            (false, false) => "holds in every interleaving".to_owned(),
            (true, true) => format!("its fault is found ({why})"),
            (true, false) => format!("FAILED: {why}"),
            (false, true) => "FAILED: its fault is not found".to_owned(),
        };
        println!("{}: {verdict}, {:.1} s", case.name, began.elapsed().as_secs_f64());
    }
    if wrong > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The first line of what a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic").lines().next().unwrap_or_default().to_owned()
}

/// Every interleaving with at most three preemptions: enough for the faults that are known for such queues, and
/// without the bound it takes hours.
fn loom_model(run: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}
