//! Back-pressure: waiting for room in the queue, for callers that chose to. Who waits and for how long is decided
//! elsewhere.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::platform::sync::{self, AtomicUsize, Condvar, Mutex, Ordering};

/// A caller retries after this time even without a notification, so a lost one can't hang it.
const SLICE: Duration = Duration::from_millis(5);

/// Where callers wait. The lock guards nothing and is never held across a system call.
#[derive(Debug, Default)]
pub(crate) struct Room {
    waiters: AtomicUsize,
    lock: Mutex<()>,
    told: Condvar,
}

impl Room {
    /// Retries until `attempt` succeeds or `patience` passes. Without a `patience` it waits without end.
    #[expect(
        clippy::disallowed_methods,
        reason = "a caller waits in real time, whatever clock the engine has"
    )]
    pub(crate) fn wait<T>(
        &self,
        patience: Option<Duration>,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let until = patience.and_then(|patience| Instant::now().checked_add(patience));
        // Announced before the attempt: whoever makes room after a failed attempt then sees that somebody waits.
        self.waiters.fetch_add(1, Ordering::SeqCst);
        let result = loop {
            if let Some(done) = attempt() {
                break Some(done);
            }
            let slice = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => break None,
                Some(rest) => rest.min(SLICE),
                None => SLICE,
            };
            let held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            sync::wait_for_word(&self.told, held, slice);
        };
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        result
    }

    /// Returns whether anybody waits.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiters.load(Ordering::SeqCst) > 0
    }

    /// Makes everybody who waits try again.
    pub(crate) fn tell(&self) {
        self.told.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends() {
        let room = Room::default();
        let mut attempts = 0;
        let got: Option<()> = room.wait(Some(Duration::from_millis(1)), || {
            attempts += 1;
            None
        });
        assert!(got.is_none() && attempts >= 2);
        assert!(!room.is_wanted());
    }

    #[test]
    fn no_word_is_needed() {
        let room = Room::default();
        let mut attempts = 0;
        let got = room.wait(None, || {
            attempts += 1;
            assert!(room.is_wanted());
            (attempts == 3).then_some(attempts)
        });
        assert_eq!(got, Some(3));
    }
}
