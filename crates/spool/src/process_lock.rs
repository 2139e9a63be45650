//! A lock on something that the whole process has once, and that a forked child does not wait for in vain.
//! It does not know what it guards.
//!
//! A child inherits a lock as it stood at the fork: held by a thread that is not there, it stays so for ever. Whoever
//! takes the lock leaves the number of its process in it; where that is not ours, waiting has an end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

/// How often a lock that another process may have left is tried again. It is held for some copies of pointers at most.
const ATTEMPTS: u32 = 1_000;

/// The lock and what it guards.
#[derive(Debug)]
pub(crate) struct ProcessLock<T> {
    guarded: Mutex<T>,
    /// The process that took it last; 0 for none.
    process: AtomicU32,
}

impl<T> ProcessLock<T> {
    pub(crate) const fn new(guarded: T) -> Self {
        Self { guarded: Mutex::new(guarded), process: AtomicU32::new(0) }
    }

    /// What it guards; none where a fork has left it locked.
    pub(crate) fn lock(&self) -> Option<MutexGuard<'_, T>> {
        let here = std::process::id();
        for _ in 0..ATTEMPTS {
            let held = match self.guarded.try_lock() {
                Ok(held) => held,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if self.process.load(Ordering::Relaxed) == here => {
                    self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
                }
                Err(TryLockError::WouldBlock) => {
                    thread::yield_now();
                    continue;
                }
            };
            self.process.store(here, Ordering::Relaxed);
            return Some(held);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_another_process_left_is_not_waited_for() {
        let lock = ProcessLock::new(7);
        let held = lock.lock().unwrap();
        lock.process.store(0, Ordering::Relaxed);
        assert!(lock.lock().is_none());
        drop(held);
        assert_eq!(*lock.lock().unwrap(), 7);
    }

    #[test]
    fn a_lock_of_this_process_is_waited_for() {
        let lock = ProcessLock::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| *lock.lock().unwrap() += 1));
            }
        });
        assert_eq!(*lock.lock().unwrap(), 4_000);
    }
}
