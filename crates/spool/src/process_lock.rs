//! A lock on something that the whole process has once, and that a forked child does not wait for in vain.
//! It does not know what it guards; how it works is `tracing_spool_process`'s.

use std::sync::MutexGuard;

/// The lock and what it guards.
#[derive(Debug)]
pub(crate) struct ProcessLock<T>(tracing_spool_process::ProcessLock<T>);

impl<T: Default> ProcessLock<T> {
    pub(crate) const fn new(guarded: T) -> Self {
        Self(tracing_spool_process::ProcessLock::new(guarded))
    }

    /// What it guards.
    #[expect(clippy::unnecessary_wraps, reason = "its callers are ready for a lock that cannot be had")]
    pub(crate) fn lock(&self) -> Option<MutexGuard<'_, T>> {
        Some(self.0.lock())
    }
}
