//! A lock on something that a process has once, and that a forked child does not wait for in vain.
//! It does not know what it guards.
//!
//! A child inherits a lock as it stood at the fork: held by a thread that is not there, it stays so for ever. Whoever takes the
//! lock leaves the number of its process's life in it; where that is not ours, waiting has an end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

use crate::process::Process;

/// How often a lock that another process may have left is tried again. It is held for some copies of pointers at most when
/// nobody has taken it before in this process.
const ATTEMPTS: u32 = 1_000;

/// A mutex for statics that may be locked when the process forks.
///
/// ```
/// use tracing_spool_process::ProcessLock;
/// static NAMES: ProcessLock<Vec<String>> = ProcessLock::new(Vec::new());
/// if let Some(mut names) = NAMES.lock() {
///     names.push("shop".to_owned());
/// }
/// ```
#[derive(Debug, Default)]
pub struct ProcessLock<T> {
    guarded: Mutex<T>,
    /// The life of the process that took it last; 0 for none.
    process: AtomicU64,
}

impl<T> ProcessLock<T> {
    /// Guards a value.
    pub const fn new(guarded: T) -> Self {
        Self { guarded: Mutex::new(guarded), process: AtomicU64::new(0) }
    }

    /// What it guards, once nobody else in this process holds it; none where a fork has left it locked. A panic of whoever
    /// held it is passed over.
    pub fn lock(&self) -> Option<MutexGuard<'_, T>> {
        let here = Process::here().number();
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
        const TIMES: u32 = if cfg!(miri) { 20 } else { 1_000 };
        let lock = ProcessLock::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..TIMES {
                        *lock.lock().unwrap() += 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock().unwrap(), 4 * TIMES);
    }
}
