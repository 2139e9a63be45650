//! The hand-off: how a record travels from a caller to the writer thread, and what a caller does when there is no room.
//! It counts no losses and writes nothing; `wake` argues the order of steps that must not change.

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

/// Why a record was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The queue is fuller than the record's level may make it.
    Full,
    /// The door is shut.
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
    /// No level is shed before another.
    pub(crate) is_flat: bool,
}

impl Bounds {
    /// The same for the ring. Levels matter only where records are dropped: one that waits behind a mark of its own would
    /// wait as long as the others keep the queue above it.
    pub(crate) fn limits(&self) -> Limits {
        let share = |rank| if self.is_flat { 100 } else { mark_percent(self.overflow, rank) };
        Limits { bytes: self.bytes, records: self.records, shares: Rank::ALL.map(share) }
    }
}

/// The sending side, shared by all callers, and what the writer thread gives back.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) rings: Rings,
    pub(crate) wake: Wake,
    pub(crate) room: Room,
    process: Process,
    bounds: Bounds,
    /// What is in the ring counts no more: the writer thread has left.
    is_left: AtomicBool,
    /// Records that wait behind the shut door.
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

    /// The longest record, in bytes.
    pub(crate) fn max_record(&self) -> usize {
        self.bounds.max_record
    }

    /// Whether a record of `rank` is worth copying: not if it would be dropped as things stand.
    pub(crate) fn foresee(&self, rank: Rank) -> Result<(), Refusal> {
        match self.rings.current().foresee(rank.code()).map_err(Self::refusal) {
            Err(Refusal::Full) if self.bounds.overflow != Overflow::DropNewest => Ok(()),
            other => other,
        }
    }

    /// Hands a record over, or says why not. May wait, as the overflow policy says.
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

    /// What a refusal of the ring means here.
    #[cold]
    fn refusal(refused: Refused) -> Refusal {
        match refused {
            Refused::Full => Refusal::Full,
            Refused::Closed | Refused::Forked => Refusal::Closed,
        }
    }

    fn rouse(&self) {
        if self.is_forked() {
            // There is no thread here to wake; from now on this process sheds.
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
        // The writer thread and hooks would wait for themselves; a forked child for a thread that it does not have.
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

    /// Whether this is a forked child of the process that has the queue.
    #[inline]
    pub(crate) fn is_forked(&self) -> bool {
        !self.process.is_here()
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Shuts the door; those who wait for room stop waiting.
    pub(crate) fn close(&self) {
        self.shut();
        self.room.tell();
    }

    /// Shuts the door, and tells nobody.
    pub(crate) fn shut(&self) {
        self.rings.current().close();
    }

    /// What waits.
    pub(crate) fn waiting(&self) -> Waiting {
        let is_left = self.is_left.load(Ordering::Acquire);
        let (records, bytes) = if is_left { (0, 0) } else { self.rings.fill() };
        Waiting { records: self.late.load(Ordering::Acquire) + records, bytes }
    }

    /// Whether half of the room is used.
    pub(crate) fn is_half_full(&self) -> bool {
        let waiting = self.waiting();
        waiting.bytes > self.rings.current().bytes_bound() / 2 || waiting.records > self.bounds.records / 2
    }

    /// One record waits behind the shut door: the one that a late writer could not finish.
    pub(crate) fn hold_late(&self) {
        self.late.fetch_add(1, Ordering::AcqRel);
    }

    /// That one is in the file, or given up.
    pub(crate) fn release_late(&self) {
        self.late.fetch_sub(1, Ordering::AcqRel);
    }

    /// Counts records that were dropped in the ring too, where the count outlives the process until it is stated.
    pub(crate) fn note_loss(&self, reason: Reason, rank: Rank, records: u64) {
        let ring = self.rings.current();
        if !ring.is_forked() {
            losses::counter(ring, reason, rank).fetch_add(records, Ordering::Relaxed);
        }
    }
}

/// The writer thread's share.
impl Queue {
    /// The place behind everything handed over so far.
    pub(crate) fn place(&self) -> u64 {
        self.rings.place()
    }

    /// Room was made: those who wait may try again, if there is enough. Not at every release: one word for a tenth of the
    /// queue lets callers run for a while, instead of one record. Returns what waits.
    pub(crate) fn was_released(&self) -> Waiting {
        let ring = self.rings.current();
        if self.room.is_wanted() && ring.is_low(&ring.fill()) {
            self.room.tell();
        }
        self.waiting()
    }

    /// Before it parks: whoever is let in after this finds it parked. Returns whether anything was let in before.
    pub(crate) fn park(&self) -> bool {
        self.rings.current().park().records() > 0 || self.rings.fill().0 > 0
    }

    /// After its park.
    pub(crate) fn unpark(&self) {
        self.rings.current().unpark();
    }

    /// As it leaves: shuts the door; what is in the ring counts no more. Returns what that was.
    pub(crate) fn leave(&self) -> Waiting {
        self.shut();
        let waiting = self.waiting();
        self.is_left.store(true, Ordering::Release);
        waiting
    }
}
