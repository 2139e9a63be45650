//! One answer from another thread, and the wait for it. It works at every moment of a process, even after the thread's
//! local values are destroyed, when a channel would ask for the current thread and panic.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use tracing_spool_fileset::{Clock as _, SystemClock};

use crate::platform::sync::{self, Condvar, Mutex, MutexGuard};

/// The waiting end. The memory of both ends is freed with it.
#[derive(Debug)]
pub(crate) struct Answer<T>(Arc<Slot<T>>);

/// The answering end.
#[derive(Debug)]
pub(crate) struct Reply<T>(Weak<Slot<T>>);

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It didn't come in time.
    InTime,
    /// It will never come.
    Ever,
}

#[derive(Debug)]
struct Slot<T> {
    state: Mutex<State<T>>,
    told: Condvar,
}

#[derive(Clone, Copy, Debug)]
enum State<T> {
    Open,
    Given(T),
    /// The answering end was dropped.
    Gone,
}

/// Returns both ends of one answer.
pub(crate) fn pair<T: Copy>() -> (Reply<T>, Answer<T>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Open), told: Condvar::new() });
    (Reply(Arc::downgrade(&slot)), Answer(slot))
}

impl<T> Slot<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Copy> Answer<T> {
    /// Returns the answer if it has come.
    #[cfg(test)]
    pub(crate) fn now(&self) -> Result<T, Unanswered> {
        match *self.0.state() {
            State::Given(answer) => Ok(answer),
            State::Open => Err(Unanswered::InTime),
            State::Gone => Err(Unanswered::Ever),
        }
    }

    /// Waits for the answer, for at most `time`.
    pub(crate) fn within(&self, time: Duration) -> Result<T, Unanswered> {
        let clock = SystemClock::new();
        loop {
            let state = self.0.state();
            match *state {
                State::Given(answer) => return Ok(answer),
                State::Gone => return Err(Unanswered::Ever),
                State::Open => {}
            }
            let left = time.saturating_sub(clock.now().mono.since_start());
            if left.is_zero() && !cfg!(shuttle) {
                return Err(Unanswered::InTime);
            }
            sync::wait_for_word(&self.0.told, state, left);
        }
    }
}

impl<T> Reply<T> {
    /// Sends the answer. If the other end has stopped waiting, it is discarded.
    pub(crate) fn give(self, answer: T) {
        self.end(State::Given(answer));
    }

    /// Returns whether somebody still waits for the answer.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.strong_count() > 0
    }

    fn end(&self, state: State<T>) {
        let Some(slot) = self.0.upgrade() else { return };
        let mut now = slot.state();
        if matches!(*now, State::Open) {
            *now = state;
            drop(now);
            slot.told.notify_all();
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        self.end(State::Gone);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn an_answer_is_waited_for_and_its_end_is_heard() {
        let (reply, answer) = pair();
        assert_eq!(answer.now(), Err(Unanswered::InTime));
        assert_eq!(answer.within(Duration::from_millis(1)), Err(Unanswered::InTime));
        thread::scope(|scope| {
            let waits = scope.spawn(|| answer.within(Duration::from_secs(60)));
            reply.give(7);
            assert_eq!(waits.join().unwrap(), Ok(7));
        });
        assert_eq!(answer.now(), Ok(7), "it stays");
        let (reply, answer) = pair::<u8>();
        drop(reply);
        assert_eq!(answer.within(Duration::from_secs(60)), Err(Unanswered::Ever));
    }

    #[test]
    fn who_has_stopped_waiting_is_known_to_have() {
        let (reply, answer) = pair();
        assert!(reply.is_awaited());
        drop(answer);
        assert!(!reply.is_awaited());
        reply.give(7);
    }
}
