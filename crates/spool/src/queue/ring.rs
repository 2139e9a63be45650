//! The hand-off by a ring, and what is asked of a queue whichever way its records go.
//! The order of steps that must not change is the same as in `queue`, and argued in `wake`.

use std::sync::Arc;

use tracing_spool_ring::{Admitted, Refused, Ring};

use super::{Bounds, Queue};
use crate::admission::{Fill, Refusal};
use crate::draft::Draft;
use crate::inbox::Inbox;
use crate::ledger::Reason;
use crate::losses;
use crate::origin::Origin;
use crate::rank::Rank;
use crate::source::Source;
use crate::sync::Ordering;

/// How much waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

impl From<Fill> for Waiting {
    fn from(fill: Fill) -> Self {
        Self { records: fill.records(), bytes: fill.bytes() }
    }
}

impl Queue {
    /// A queue whose records go by pages.
    pub(crate) fn of_pages(bounds: Bounds, origin: Origin) -> (Self, Source) {
        let (queue, inbox): (Self, Inbox) = Self::new(bounds, origin);
        (queue, Source::Pages(inbox))
    }

    /// A queue whose records go by this ring.
    pub(crate) fn of_ring(bounds: Bounds, origin: Origin, ring: Arc<Ring>) -> Self {
        // Of the pages nothing is used; the word of admission counts what comes late.
        let (mut queue, _) = Self::new(Bounds { bytes: 1, ..bounds }, origin);
        queue.max_record = bounds.max_record.min(ring.longest());
        queue.ring = Some(ring);
        queue
    }

    pub(super) fn offer_to_ring(&self, ring: &Ring, draft: &Draft) -> Result<(), Refusal> {
        let rank = draft.rank;
        let attempt = || -> Result<Admitted, Refusal> {
            ring.offer(rank.code(), &draft.bytes, draft.missing).map_err(|refused| self.refusal(refused))
        };
        let admitted = match attempt() {
            Err(Refusal::Full) => self.wait_for_room(attempt),
            decided => decided,
        }?;
        let urgent = rank == Rank::Error;
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
    pub(super) fn refusal(&self, refused: Refused) -> Refusal {
        match refused {
            Refused::Full => Refusal::Full,
            Refused::Closed => Refusal::Closed,
            Refused::Forked => {
                self.origin.is_forked(); // remembers it
                Refusal::Closed
            }
        }
    }

    /// The place behind everything handed over by the ring.
    pub(crate) fn ring_place(&self) -> Option<u64> {
        Some(self.ring.as_ref()?.place())
    }

    /// Those who wait may try again, if there is enough room now. Returns what waits.
    pub(crate) fn ring_was_released(&self) -> Waiting {
        if self.room.is_wanted() && self.ring.as_ref().is_some_and(|ring| ring.is_low(&ring.fill())) {
            self.room.tell();
        }
        self.waiting()
    }

    /// What waits.
    pub(crate) fn waiting(&self) -> Waiting {
        let late = self.admission.fill();
        let counts = !self.ring_is_left.load(Ordering::Acquire);
        let ring = self.ring.as_ref().filter(|_| counts).map(|ring| ring.fill()).unwrap_or_default();
        Waiting { records: late.records() + ring.records(), bytes: late.bytes() + ring.bytes() }
    }

    /// For the writer thread, before it parks: whoever is let in after this finds it parked. Returns whether anything
    /// was let in before.
    pub(crate) fn park(&self) -> bool {
        match &self.ring {
            Some(ring) => ring.park().records() > 0,
            None => self.admission.park().records() > 0,
        }
    }

    /// For the writer thread, after its park.
    pub(crate) fn unpark(&self) {
        match &self.ring {
            Some(ring) => ring.unpark(),
            None => self.admission.unpark(),
        }
    }

    /// For the writer thread as it leaves: shuts the door; what is in the ring counts no more. Returns what that was.
    pub(crate) fn leave_ring(&self) -> Waiting {
        self.shut();
        let waiting = self.waiting();
        self.ring_is_left.store(true, Ordering::Release);
        waiting
    }

    /// Counts records that were dropped, in the ring too, where the count outlives the process until it is stated.
    pub(crate) fn note_loss(&self, reason: Reason, rank: Rank, records: u64) {
        if let Some(ring) = self.ring.as_ref().filter(|ring| !ring.is_forked()) {
            losses::counter(ring, reason, rank).fetch_add(records, Ordering::Relaxed);
        }
    }

    /// Shuts the door, and tells nobody.
    pub(crate) fn shut(&self) {
        match &self.ring {
            Some(ring) => ring.close(),
            None => self.admission.close(),
        }
    }
}
