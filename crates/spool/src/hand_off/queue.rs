//! How a record travels from a caller to the writer thread, and what a caller does when there is no room. The order of the
//! steps must not change: `wake` explains why.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tracing_spool_process::Process;
use tracing_spool_ring::{Limits, Refused, Ring};

use crate::account::ledger::Reason;
use crate::account::losses;
use crate::account::rank::Rank;
use crate::hand_off::back_pressure::Room;
use crate::hand_off::draft::Draft;
use crate::hand_off::rings::Rings;
use crate::hand_off::shedding::mark_percent;
use crate::hand_off::wake::Wake;
use crate::platform::inside::is_inside;
use crate::platform::sync::{AtomicBool, AtomicU64, Ordering};
use crate::settings::overflow::Overflow;

/// Why a record wasn't admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The queue is fuller than it may be for the record's level.
    Full,
    /// The queue is closed.
    Closed,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    pub(crate) max_record: usize,
    pub(crate) overflow: Overflow,
    /// Whether all levels are shed alike.
    pub(crate) is_flat: bool,
}

impl Bounds {
    /// Returns the limits for the ring. Levels count only if records are dropped: one that waited behind a watermark of its
    /// own would wait for as long as the others keep the queue above it.
    pub(crate) fn limits(&self) -> Limits {
        let share = |rank| if self.is_flat { 100 } else { mark_percent(self.overflow, rank) };
        Limits { bytes: self.bytes, records: self.records, shares: Rank::ALL.map(share) }
    }
}

/// The callers' side, shared by all of them, and what the writer thread gives back.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) rings: Rings,
    pub(crate) wake: Wake,
    pub(crate) room: Room,
    process: Process,
    bounds: Bounds,
    /// Set when the writer thread has left: what is in the ring no longer counts.
    is_left: AtomicBool,
    /// Records that wait although the queue is closed.
    late: AtomicU64,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds, ring: Arc<Ring>) -> Self {
        let max_record = bounds.max_record.min(ring.longest());
        Self {
            rings: Rings::new(ring),
            wake: Wake::new(),
            room: Room::default(),
            process: Process::here(),
            bounds: Bounds { max_record, ..bounds },
            is_left: AtomicBool::new(false),
            late: AtomicU64::new(0),
        }
    }

    /// Returns the length of the longest record, in bytes.
    pub(crate) fn max_record(&self) -> usize {
        self.bounds.max_record
    }

    /// Returns whether a record of `rank` is worth copying. It isn't if it would be dropped as things stand.
    pub(crate) fn foresee(&self, rank: Rank) -> Result<(), Refusal> {
        match self.rings.foresee(rank.code()).map_err(Self::refusal) {
            Err(Refusal::Full) if self.bounds.overflow != Overflow::DropNewest => Ok(()),
            other => other,
        }
    }

    /// Hands a record over, or returns why it can't. It may wait, as the overflow policy says.
    pub(crate) fn offer(&self, draft: &Draft) -> Result<(), Refusal> {
        let attempt = || self.rings.offer(draft).map_err(Self::refusal);
        let admitted = match attempt() {
            Err(Refusal::Full) => self.wait_for_room(attempt),
            decided => decided,
        }?;
        let urgent = draft.rank == Rank::Error;
        if urgent {
            self.wake.press();
        }
        if admitted.found_parked || ((urgent || admitted.crossed) && self.wake.is_resting()) {
            self.rouse();
        }
        Ok(())
    }

    /// Translates a refusal of the ring.
    #[cold]
    fn refusal(refused: Refused) -> Refusal {
        match refused {
            Refused::Full => Refusal::Full,
            Refused::Closed | Refused::Forked => Refusal::Closed,
        }
    }

    fn rouse(&self) {
        if self.is_forked() {
            // A forked child has no thread to wake. From now on this process sheds everything.
            self.shut();
        } else {
            self.wake.rouse();
        }
    }

    #[cold]
    fn wait_for_room<T>(&self, admit: impl Fn() -> Result<T, Refusal>) -> Result<T, Refusal> {
        let patience = match self.bounds.overflow {
            Overflow::DropNewest => return Err(Refusal::Full),
            Overflow::BlockFor(patience) => Some(patience),
            Overflow::Block => None,
        };
        // The writer thread and hooks would wait for themselves, and a forked child for a thread that doesn't exist there.
        if is_inside() || self.is_forked() {
            return Err(Refusal::Full);
        }
        let attempt = || match admit() {
            Err(Refusal::Full) => {
                if self.wake.is_resting() {
                    self.wake.rouse();
                }
                None
            }
            decided => Some(decided),
        };
        self.room.wait(patience, attempt).unwrap_or(Err(Refusal::Full))
    }

    /// Returns whether this is a forked child of the process that owns the queue.
    #[inline]
    pub(crate) fn is_forked(&self) -> bool {
        !self.process.is_here()
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Closes the queue. Callers that wait for room stop waiting.
    pub(crate) fn close(&self) {
        self.shut();
        self.room.tell();
    }

    /// Closes the queue without notifying anybody.
    pub(crate) fn shut(&self) {
        self.rings.current().close();
    }

    /// Returns what waits.
    pub(crate) fn waiting(&self) -> Waiting {
        let is_left = self.is_left.load(Ordering::Acquire);
        let (records, bytes) = if is_left { (0, 0) } else { self.rings.fill() };
        Waiting { records: self.late.load(Ordering::Acquire) + records, bytes }
    }

    /// Returns whether more than half of the room is used.
    pub(crate) fn is_half_full(&self) -> bool {
        let waiting = self.waiting();
        waiting.bytes > self.rings.current().bytes_bound() / 2 || waiting.records > self.bounds.records / 2
    }

    /// Counts the record that a late writer couldn't finish, and that waits although the queue is closed.
    pub(crate) fn hold_late(&self) {
        self.late.fetch_add(1, Ordering::AcqRel);
    }

    /// Stops counting that record: it is in the file, or given up.
    pub(crate) fn release_late(&self) {
        self.late.fetch_sub(1, Ordering::AcqRel);
    }

    /// Also counts dropped records in the ring, where the count survives the process until a notice states it.
    pub(crate) fn note_loss(&self, reason: Reason, rank: Rank, records: u64) {
        let ring = self.rings.current();
        if !ring.is_forked() {
            losses::counter(ring, reason, rank).fetch_add(records, Ordering::Relaxed);
        }
    }
}

/// The writer thread's side.
impl Queue {
    /// Returns the place after everything handed over so far.
    pub(crate) fn place(&self) -> u64 {
        self.rings.place()
    }

    /// Wakes waiting callers if there is enough room: one wake-up per tenth of the queue lets them run for a while, instead
    /// of for one record. Returns what waits.
    pub(crate) fn was_released(&self) -> Waiting {
        let ring = self.rings.current();
        if self.room.is_wanted() && ring.is_low(&ring.fill()) {
            self.room.tell();
        }
        self.waiting()
    }

    /// Announces a park: a caller admitted after this finds the thread parked. Returns whether anything was admitted
    /// before.
    pub(crate) fn park(&self) -> bool {
        self.rings.current().park().records() > 0 || self.rings.fill().0 > 0
    }

    /// Ends the announcement of a park.
    pub(crate) fn unpark(&self) {
        self.rings.current().unpark();
    }

    /// Closes the queue as the writer thread leaves. What is in the ring no longer counts; returns what that was.
    pub(crate) fn leave(&self) -> Waiting {
        self.shut();
        let waiting = self.waiting();
        self.is_left.store(true, Ordering::Release);
        waiting
    }
}
