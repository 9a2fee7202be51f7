//! A connection's stage, and what falls due when.
//!
//! Owns the stage, which only ever moves forward, and the timers, at most one of each kind. Knows
//! no socket and no output; the time is an argument.

use crate::server::net::{CLOSING, LINGER};
use std::time::Instant;

/// How far a connection is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::server::net) enum Stage {
    Open,
    /// The peer sends no more (`/quit`, end of input); what it sent is being answered.
    Finishing,
    /// Nothing more is queued; what is left is being sent.
    Closing,
    /// Everything is sent; whatever the peer still sends is discarded.
    Lingering,
    /// To be dropped.
    Gone,
}

/// What may fall due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The TLS port has received nothing, or a proxy has not said whose connection it is.
    Silence,
    /// The TLS handshake takes too long.
    Handshake,
    /// A new TLS connection says nothing: `openssl s_client` without `-quiet`?
    Hint,
    /// Nobody has logged in.
    Login,
    /// The token bucket has tokens again.
    Flood,
    /// Closing or lingering takes too long.
    Close,
}

impl Timer {
    const ALL: [Self; 6] = [Self::Silence, Self::Handshake, Self::Hint, Self::Login, Self::Flood, Self::Close];
}

pub(super) struct Life {
    stage: Stage,
    /// Indexed by kind: a few bytes for each connection, and no allocation.
    timers: [Option<Instant>; Timer::ALL.len()],
}

impl Life {
    pub(super) fn new() -> Self {
        Self { stage: Stage::Open, timers: Default::default() }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether it is still served, rather than only closed.
    pub(super) fn is_live(&self) -> bool {
        self.stage < Stage::Closing
    }

    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.timers[timer as usize] = Some(at);
    }

    pub(super) fn cancel(&mut self, timer: Timer) {
        self.timers[timer as usize] = None;
    }

    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.timers[timer as usize].is_some()
    }

    /// When something falls due next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.timers.iter().flatten().min().copied()
    }

    /// Takes one timer that has fallen due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let timer = Timer::ALL.into_iter().find(|&timer| self.timers[timer as usize].is_some_and(|at| at <= now))?;
        self.cancel(timer);
        Some(timer)
    }

    /// The peer's input has ended.
    pub(super) fn finish(&mut self) {
        self.stage = self.stage.max(Stage::Finishing);
    }

    /// Nothing more is queued from here on. False if that was already so.
    pub(super) fn close(&mut self, now: Instant) -> bool {
        let closes = self.is_live();
        if closes {
            self.move_on(Stage::Closing, Some(now + CLOSING));
        }
        closes
    }

    /// Everything is sent.
    pub(super) fn linger(&mut self, now: Instant) {
        if self.stage < Stage::Lingering {
            self.move_on(Stage::Lingering, Some(now + LINGER));
        }
    }

    /// It is to be dropped.
    pub(super) fn end(&mut self) {
        self.move_on(Stage::Gone, None);
    }

    /// A connection that is being closed has no timer except the one that ends it.
    fn move_on(&mut self, stage: Stage, close_at: Option<Instant>) {
        self.stage = stage;
        self.timers = Default::default();
        self.timers[Timer::Close as usize] = close_at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn timers_fall_due_once_each_in_any_order() {
        let now = Instant::now();
        let mut life = Life::new();
        assert_eq!(life.due(), None);
        life.set(Timer::Login, now + Duration::from_secs(2));
        life.set(Timer::Hint, now + Duration::from_secs(1));
        life.set(Timer::Hint, now);
        life.set(Timer::Flood, now);
        life.cancel(Timer::Flood);
        assert_eq!((life.due(), life.is_set(Timer::Login)), (Some(now), true));
        assert_eq!([life.take_due(now), life.take_due(now)], [Some(Timer::Hint), None]);
        assert_eq!(life.take_due(now + Duration::from_secs(5)), Some(Timer::Login));
        assert_eq!(life.due(), None);
    }

    #[test]
    fn a_stage_never_moves_back() {
        let now = Instant::now();
        let mut life = Life::new();
        life.set(Timer::Login, now);
        life.finish();
        assert!(life.is_live() && life.close(now) && !life.close(now));
        life.finish();
        assert_eq!((life.stage(), life.due()), (Stage::Closing, Some(now + CLOSING)));
        life.linger(now);
        life.end();
        life.linger(now);
        assert!(!life.close(now));
        assert_eq!((life.stage(), life.due()), (Stage::Gone, None));
    }
}
