//! How the writer thread rests, and how it is woken. It doesn't know what there is to do.
//!
//! The writer thread is awake, naps (wakes by itself within milliseconds), is held (waits for the disk, so new records
//! don't help), or is parked (waits for a record). A caller pays for a wake-up only when it must:
//!
//! **The park** is a bit in the ring's word, which both callers and the writer thread change, so whichever comes second
//! sees the other. Either the caller finds the bit and wakes the thread, or the writer thread finds the record counted and
//! doesn't park. The record may not be complete when the thread looks for it; the thread then looks again.
//!
//! **A nap** ends by itself, so a wake-up matters only for what shouldn't wait: an ERROR, or a fill that crosses a
//! watermark.
//!
//! | | caller, in this order | writer thread, in this order |
//! |---|---|---|
//! | 1 | for ERROR: record's tag stored, then `urgent` (`SeqCst`) | state stored: napping (`SeqCst`) |
//! | 2 | state loaded (`SeqCst`) | `urgent`, control looked at (`SeqCst`) |
//! | 3 | wakes, if it naps | sleeps |
//!
//! Both write first and look second, so at least one of them sees the other. If either looked first, both could miss. The
//! writer thread clears `urgent` *before* it looks into the inbox: the tag was stored before `urgent`, so whoever saw the
//! flag sees the record. Callers load the state for such records only, because its cache line is invalidated by every nap.
//!
//! The thread's own token (`park`/`unpark`) covers the gap between steps 2 and 3 on the right: an `unpark` before the
//! `park` makes it return at once.

use std::sync::OnceLock;
use std::time::Duration;

use crossbeam_utils::CachePadded;

use crate::platform::sync::thread::{self, Thread};
use crate::platform::sync::{self, AtomicBool, AtomicU8, Ordering};

const AWAKE: u8 = 0;
const NAPPING: u8 = 1;
const HELD: u8 = 2;
const PARKED: u8 = 3;

/// How the writer thread intends to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// There is traffic: check again after this time.
    Nap(Duration),
    /// The disk takes nothing: retry after this time. New records don't help, and wake nobody.
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

    /// Marks that a record which shouldn't wait for the end of a nap was handed over. The caller does this before it looks
    /// at the state.
    pub(crate) fn press(&self) {
        // An exchange, like in `hear`: whoever sees this press also sees the earlier ones, and so their records. A plain
        // store would break that.
        self.urgent.swap(true, Ordering::SeqCst);
    }

    /// Returns whether the writer thread rests and would hear a wake-up. The caller asks after it stored its record's tag.
    pub(crate) fn is_resting(&self) -> bool {
        matches!(self.state.load(Ordering::SeqCst), NAPPING | PARKED)
    }

    /// Wakes the writer thread from a park or a nap. Of many callers, only one pays for the system call.
    pub(crate) fn rouse(&self) {
        let rested = self.state.swap(AWAKE, Ordering::SeqCst);
        if rested != AWAKE {
            self.unpark();
        }
    }

    /// Wakes the writer thread whatever it is doing, for a message that can't wait.
    pub(crate) fn call(&self) {
        self.state.store(AWAKE, Ordering::SeqCst);
        self.unpark();
    }

    /// Clears the mark. The writer thread does this at the start of a round, before it looks into the inbox.
    pub(crate) fn hear(&self) {
        // One atomic step: between a load and a store, a press could come whose record isn't visible yet.
        if self.urgent.load(Ordering::SeqCst) {
            self.urgent.swap(false, Ordering::SeqCst);
        }
    }

    /// Rests, unless `reason_to_stay(parking)` finds a reason not to, or something urgent came.
    #[cfg_attr(not(shuttle), expect(clippy::disallowed_methods, reason = "the worker alone parks, here"))]
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
                Some(time) => sync::park_timeout(time),
                None => thread::park(),
            }
        }
        self.state.store(AWAKE, Ordering::SeqCst);
    }

    /// Sets which thread rests. Called before the first record is accepted.
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
    fn museum_t12_one_of_many_callers_pays_for_waking() {
        assert!(!in_state(AWAKE).is_resting() && !in_state(HELD).is_resting());
        for state in [NAPPING, PARKED] {
            let wake = in_state(state);
            assert!(wake.is_resting());
            wake.rouse();
            assert!(!wake.is_resting(), "the second finds it awake");
        }
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
