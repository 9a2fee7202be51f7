//! `parking_lot`'s lock and condition variable, as far as the queues use them, on loom's.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

/// See `parking_lot::Mutex`.
#[derive(Debug)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

/// See `parking_lot::MutexGuard`. Empty only while its condition variable waits.
#[derive(Debug)]
pub struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

impl<T> Mutex<T> {
    /// See `parking_lot::Mutex::new`.
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    /// See `parking_lot::Mutex::lock`.
    ///
    /// # Panics
    /// If another thread of the model panicked.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().expect("no thread panicked")))
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("it is held")
    }
}

/// See `parking_lot::Condvar`.
#[derive(Debug)]
pub struct Condvar(loom::sync::Condvar);

impl Condvar {
    /// See `parking_lot::Condvar::new`.
    #[expect(clippy::new_without_default, reason = "as in parking_lot, but nobody asks for it")]
    pub fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    /// See `parking_lot::Condvar::wait`.
    ///
    /// # Panics
    /// If another thread of the model panicked.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.0.take().expect("it is held");
        guard.0 = Some(self.0.wait(held).expect("no thread panicked"));
    }

    /// Waits as if the deadline never came.
    pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) {
        self.wait(guard);
    }

    /// See `parking_lot::Condvar::notify_one`.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }
}
