//! A lock on something that a process has once, which no forked child waits for in vain.
//! It does not know what it guards.
//!
//! A child inherits a lock as it stood at the fork: held by a thread that is not there, it stays so for ever. So each process
//! has a lock of its own. The first caller in a child makes one, and takes over what the parent's guards, where nobody was at
//! it just then; else the child begins with nothing.

use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::fork::Process;

/// A mutex that may be locked when the process forks: for statics above all.
///
/// ```
/// use tracing_spool_process::ProcessLock;
/// static NAMES: ProcessLock<Vec<String>> = ProcessLock::new(Vec::new());
/// NAMES.lock().push("shop".to_owned());
/// ```
#[derive(Debug)]
pub struct ProcessLock<T> {
    first: ManuallyDrop<Life<T>>,
    /// The lock of this process, where that is not the first; null before. One that was replaced stays for ever: it may be
    /// locked.
    later: AtomicPtr<Life<T>>,
}

/// The lock of one process.
#[derive(Debug, Default)]
struct Life<T> {
    /// The number of the process's life; 0 for none.
    process: AtomicU64,
    guarded: Mutex<T>,
}

impl<T> ProcessLock<T> {
    /// Guards a value.
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

/// What a fork has left locked may be half of a value: it is not dropped.
impl<T> Drop for ProcessLock<T> {
    fn drop(&mut self) {
        let is_ours = |life: &Life<T>| {
            let process = life.process.load(Ordering::Relaxed);
            process == 0 || process == Process::here().number()
        };
        if is_ours(&self.first) {
            // SAFETY: it is not used after this.
            unsafe { ManuallyDrop::drop(&mut self.first) };
        }
        let later = *self.later.get_mut();
        // SAFETY: null, or made by `begin` from a box, and nobody has a reference any more.
        if unsafe { later.as_ref() }.is_some_and(is_ours) {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(later) });
        }
    }
}

impl<T: Default> ProcessLock<T> {
    /// What it guards, once no other thread of this process holds it. A panic of whoever held it is passed over. In a forked
    /// child it may be empty.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let here = Process::here().number();
        loop {
            let later = self.later.load(Ordering::Acquire);
            // SAFETY: null, or a lock that `begin` has leaked.
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

    /// This process's own lock in the place of `before`, its parent's; none where another thread has made it.
    #[cold]
    fn begin(&self, here: u64, later: *mut Life<T>, before: &Life<T>) -> Option<MutexGuard<'_, T>> {
        let new = Life { process: AtomicU64::new(here), guarded: Mutex::default() };
        let new = Box::into_raw(Box::new(new));
        // SAFETY: just made; from the exchange below on it is shared and stays for ever, and before that it is ours.
        let mut held = unsafe { &*new }.guarded.lock().unwrap_or_else(PoisonError::into_inner);
        if self.later.compare_exchange(later, new, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            drop(held);
            // SAFETY: nobody else has seen it.
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
