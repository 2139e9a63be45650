//! A mutex that works in a forked child even if it was locked at the time of the fork. It does not know what
//! it guards.
//!
//! A child inherits a lock in the state it had at the fork: if a thread of the parent held it, nobody in the
//! child ever releases it. So each process has a lock of its own. The first caller in a child creates one and
//! takes over the parent's value, unless somebody held the parent's lock at the fork; then the child begins
//! with the default value.

use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::fork::Process;

/// A mutex that stays usable in a forked child even if it was locked at the time of the fork. Meant for
/// statics above all.
///
/// ```
/// use tracing_spool_process::ProcessLock;
/// static NAMES: ProcessLock<Vec<String>> = ProcessLock::new(Vec::new());
/// NAMES.lock().push("shop".to_owned());
/// ```
#[derive(Debug)]
pub struct ProcessLock<T> {
    first: ManuallyDrop<Life<T>>,
    /// This process's lock if it is not the first one; null otherwise. A replaced lock is never freed,
    /// because it may be locked.
    later: AtomicPtr<Life<T>>,
}

/// The lock as one process has it.
#[derive(Debug, Default)]
struct Life<T> {
    /// The life number of the process; 0 if no process has used it yet.
    process: AtomicU64,
    guarded: Mutex<T>,
}

impl<T> ProcessLock<T> {
    /// Creates a lock that guards `guarded`.
    pub const fn new(guarded: T) -> Self {
        let first = Life { process: AtomicU64::new(0), guarded: Mutex::new(guarded) };
        Self { first: ManuallyDrop::new(first), later: AtomicPtr::new(ptr::null_mut()) }
    }
}

impl<T: Default> Default for ProcessLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// Leaks a value whose lock another process may hold: it could be half-written.
impl<T> Drop for ProcessLock<T> {
    fn drop(&mut self) {
        let is_ours = |life: &Life<T>| {
            let process = life.process.load(Ordering::Relaxed);
            process == 0 || process == Process::here().number()
        };
        if is_ours(&self.first) {
            // SAFETY: `first` is not used after this.
            unsafe { ManuallyDrop::drop(&mut self.first) };
        }
        let later = *self.later.get_mut();
        // SAFETY: null, or a box from `begin`; `&mut self` proves that nobody else refers to it.
        if unsafe { later.as_ref() }.is_some_and(is_ours) {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(later) });
        }
    }
}

impl<T: Default> ProcessLock<T> {
    /// Locks the mutex, waiting until no other thread of this process holds it, and returns a guard for the
    /// value.
    ///
    /// Poisoning is ignored: if a thread panicked while it held the lock, the next caller gets the value as
    /// that thread left it. In a forked child the value may be `T::default()`, if the lock was held at the
    /// time of the fork.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let here = Process::here().number();
        loop {
            let later = self.later.load(Ordering::Acquire);
            // SAFETY: null, or a lock that `begin` leaked.
            let life = unsafe { later.as_ref() }.unwrap_or(&self.first);
            let process = life.process.compare_exchange(0, here, Ordering::Relaxed, Ordering::Relaxed);
            if process.map_or_else(|process| process == here, |_| true) {
                return life.guarded.lock().unwrap_or_else(PoisonError::into_inner);
            }
            if let Some(begun) = self.begin(here, later, life) {
                return begun;
            }
        }
    }

    /// Installs this process's own lock in place of `before`, its parent's. Returns `None` if another thread
    /// was first.
    #[cold]
    fn begin(&self, here: u64, later: *mut Life<T>, before: &Life<T>) -> Option<MutexGuard<'_, T>> {
        let new = Life { process: AtomicU64::new(here), guarded: Mutex::default() };
        let new = Box::into_raw(Box::new(new));
        // SAFETY: just allocated; ours alone until the exchange below, and shared for ever from then on.
        let mut held = unsafe { &*new }.guarded.lock().unwrap_or_else(PoisonError::into_inner);
        if self.later.compare_exchange(later, new, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            drop(held);
            // SAFETY: no other thread has seen it.
            drop(unsafe { Box::from_raw(new) });
            return None;
        }
        match before.guarded.try_lock() {
            Ok(mut before) => *held = std::mem::take(&mut before),
            Err(TryLockError::Poisoned(before)) => *held = std::mem::take(&mut before.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// As in a child.
    fn fork<T>(lock: &ProcessLock<T>) {
        lock.first.process.store(Process::ELSEWHERE.number(), Ordering::Relaxed);
    }

    #[test]
    fn a_lock_that_another_process_left_is_not_waited_for() {
        static LOCK: ProcessLock<u32> = ProcessLock::new(7);
        let held = LOCK.lock();
        fork(&LOCK);
        assert_eq!(*LOCK.lock(), 0, "what is held there cannot be had");
        *LOCK.lock() = 8;
        drop(held);
        assert_eq!(*LOCK.lock(), 8);
    }

    #[test]
    fn what_nobody_held_is_taken_over() {
        static LOCK: ProcessLock<u32> = ProcessLock::new(7);
        assert_eq!(*LOCK.lock(), 7);
        fork(&LOCK);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(*LOCK.lock(), 7));
            }
        });
    }

    #[test]
    fn a_lock_of_this_process_is_waited_for() {
        const TIMES: u32 = if cfg!(miri) { 20 } else { 1_000 };
        let lock = ProcessLock::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..TIMES {
                        *lock.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 4 * TIMES);
    }
}
