//! What threads share and wait with, from one place: the standard library's types, or those of a scheduler that explores
//! the orders in which threads may take their steps (`crates/schedules`).
//!
//! That scheduler has no time: anything that waits for a duration may stop waiting at any moment.

#[cfg(not(shuttle))]
pub(crate) use real::*;
#[cfg(shuttle)]
pub use scheduled::*;

#[cfg(not(shuttle))]
mod real {
    use std::time::Duration;

    use crossbeam_channel::{Receiver, RecvTimeoutError};

    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::{thread, thread_local};
    /// Starts a thread that blocks the program's signals.
    pub(crate) use tracing_spool_process::spawn;

    pub(crate) fn recv_timeout<T>(answer: &Receiver<T>, time: Duration) -> Result<T, RecvTimeoutError> {
        answer.recv_timeout(time)
    }

    #[expect(clippy::disallowed_methods, reason = "for `wake`, which alone parks")]
    pub(crate) fn park_timeout(time: Duration) {
        thread::park_timeout(time);
    }

    /// Waits until notified, or for this long.
    pub(crate) fn wait_for_word<T>(told: &Condvar, held: MutexGuard<'_, T>, time: Duration) {
        drop(told.wait_timeout(held, time));
    }
}

#[cfg(shuttle)]
#[expect(missing_docs, reason = "for `crates/schedules` alone")]
mod scheduled {
    use std::cell::Cell;
    use std::time::Duration;

    use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use shuttle::{thread, thread_local};

    pub(crate) fn spawn(
        builder: thread::Builder,
        life: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<thread::JoinHandle<()>> {
        builder.spawn(life)
    }

    std::thread_local! {
        /// Whether a nap ends by itself. If not, whoever can't wait for its end must end it.
        static NAPS_END: Cell<bool> = const { Cell::new(true) };
    }

    pub fn let_naps_end(do_end: bool) {
        NAPS_END.set(do_end);
    }

    pub(crate) fn recv_timeout<T>(answer: &Receiver<T>, _: Duration) -> Result<T, RecvTimeoutError> {
        loop {
            match answer.try_recv() {
                Ok(answer) => return Ok(answer),
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) => thread::yield_now(),
            }
        }
    }

    pub(crate) fn park_timeout(_: Duration) {
        if NAPS_END.get() { thread::yield_now() } else { thread::park() }
    }

    pub(crate) fn wait_for_word<T>(_: &Condvar, held: MutexGuard<'_, T>, _: Duration) {
        drop(held);
        thread::yield_now();
    }
}
