//! How the writer thread rests and how it is woken. It does not know what there is to do.
//!
//! The writer thread is awake, naps (wakes by itself within milliseconds), is held (waits for the disk, records
//! cannot help), or is parked (waits for a record). A caller pays for waking it only where it must:
//!
//! | | caller, in this order | writer thread, in this order |
//! |---|---|---|
//! | 1 | admission word changed (`SeqCst`) | state stored: parked or napping (`SeqCst`) |
//! | 2 | record's tag stored (`Release`); for ERROR: `urgent` stored (`SeqCst`) | word, `urgent`, control looked at (`SeqCst`) |
//! | 3 | state loaded (`SeqCst`) | sleeps |
//!
//! Both sides write first and look second, so at least one of them sees the other: either the caller finds
//! "parked" and wakes, or the writer thread finds the record and does not sleep. If either looked first, both
//! could miss, and the record would lie there until the next one. A nap needs no such care for ordinary records,
//! as it ends by itself; for ERROR it does, hence `urgent`. The writer thread clears `urgent` *before* it looks into
//! the inbox: the tag was stored before `urgent` was, so whoever saw the flag sees the record.
//!
//! The thread's own token (`park`/`unpark`) covers the gap between step 2 and 3 on the right: an `unpark` that
//! comes before the `park` makes it return at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use crossbeam_utils::CachePadded;

const AWAKE: u8 = 0;
const NAPPING: u8 = 1;
const HELD: u8 = 2;
const PARKED: u8 = 3;

/// How the writer thread means to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// There is traffic: look again after this time.
    Nap(Duration),
    /// The disk takes nothing: try again after this time. New records do not help and wake nobody.
    Hold(Duration),
    /// Silence: until a record comes, or this time has passed.
    Park(Option<Duration>),
}

/// State of the writer thread, and its handle.
#[derive(Debug)]
pub(crate) struct Wake {
    state: CachePadded<AtomicU8>,
    urgent: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Wake {
    pub(crate) fn new() -> Self {
        Self {
            state: CachePadded::new(AtomicU8::new(AWAKE)),
            urgent: AtomicBool::new(false),
            thread: OnceLock::new(),
        }
    }

    /// For the caller, before it looks at the state: a record that should not wait for the end of a nap was handed over.
    pub(crate) fn press(&self) {
        self.urgent.store(true, Ordering::SeqCst);
    }

    /// For the caller, after its record's tag was stored: whether the writer thread has to be woken for it.
    /// `worth_a_nap` says whether the record is worth interrupting a nap; it is asked only during one.
    pub(crate) fn is_wanted(&self, worth_a_nap: impl FnOnce() -> bool) -> bool {
        match self.state.load(Ordering::SeqCst) {
            PARKED => true,
            NAPPING => worth_a_nap(),
            _ => false,
        }
    }

    /// Wakes the writer thread from a park or a nap. Of many callers, one pays for the system call.
    pub(crate) fn rouse(&self) {
        let rested = self.state.swap(AWAKE, Ordering::SeqCst);
        if rested != AWAKE {
            self.unpark();
        }
    }

    /// Wakes the writer thread whatever it does, for a message that may not wait.
    pub(crate) fn call(&self) {
        self.state.store(AWAKE, Ordering::SeqCst);
        self.unpark();
    }

    /// For the writer thread, at the start of a round and before it looks into the inbox.
    pub(crate) fn hear(&self) {
        if self.urgent.load(Ordering::SeqCst) {
            self.urgent.store(false, Ordering::SeqCst);
        }
    }

    /// For the writer thread: rests, unless `reason_to_stay(parking)` finds one, or something urgent came.
    #[expect(clippy::disallowed_methods, reason = "the worker alone parks, here")]
    pub(crate) fn rest(&self, rest: Rest, reason_to_stay: impl FnOnce(Rest) -> bool) {
        let (state, time) = match rest {
            Rest::Nap(time) => (NAPPING, Some(time)),
            Rest::Hold(time) => (HELD, Some(time)),
            Rest::Park(time) => (PARKED, time),
        };
        self.state.store(state, Ordering::SeqCst);
        let pressed = state != HELD && self.urgent.load(Ordering::SeqCst);
        if !pressed && !reason_to_stay(rest) {
            match time {
                Some(time) => thread::park_timeout(time),
                None => thread::park(),
            }
        }
        self.state.store(AWAKE, Ordering::SeqCst);
    }

    /// Says which thread rests. Before the first record is accepted.
    pub(crate) fn belongs_to(&self, thread: Thread) {
        let _ = self.thread.set(thread);
    }

    fn unpark(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_state(state: u8) -> Wake {
        let wake = Wake::new();
        wake.state.store(state, Ordering::SeqCst);
        wake
    }

    #[test]
    fn museum_t12_a_nap_is_interrupted_only_for_what_is_worth_it() {
        assert!(!in_state(AWAKE).is_wanted(|| true));
        assert!(!in_state(HELD).is_wanted(|| true));
        assert!(!in_state(NAPPING).is_wanted(|| false));
        assert!(in_state(NAPPING).is_wanted(|| true));
        assert!(in_state(PARKED).is_wanted(|| false));
    }

    #[test]
    fn one_of_many_callers_pays() {
        let wake = in_state(PARKED);
        assert!(wake.is_wanted(|| false));
        wake.rouse();
        assert!(!wake.is_wanted(|| true), "the second finds it awake");
    }

    #[test]
    fn a_reason_keeps_it_awake() {
        let wake = Wake::new();
        let mut asked = false;
        // Without the reason this would park for ever.
        wake.rest(Rest::Park(None), |rest| {
            asked = rest == Rest::Park(None);
            assert_eq!(wake.state.load(Ordering::SeqCst), PARKED, "the state is stored before the look");
            true
        });
        assert!(asked);
        assert_eq!(wake.state.load(Ordering::SeqCst), AWAKE);
    }

    #[test]
    fn urgency_keeps_it_awake_until_heard() {
        let wake = Wake::new();
        wake.press();
        wake.rest(Rest::Park(None), |_| false);
        wake.hear();
        assert!(!wake.urgent.load(Ordering::SeqCst));
    }

    #[test]
    fn a_call_before_the_park_ends_it() {
        let wake = Wake::new();
        wake.belongs_to(thread::current());
        wake.rest(Rest::Park(None), |_| {
            wake.call();
            false
        });
    }
}
