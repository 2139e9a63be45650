//! Where the writer thread gets its records from: pages, or a ring. It only tells the two apart.

use crate::inbox::Inbox;
use crate::queue::{Queue, Waiting};
use crate::ring_inbox::RingInbox;
use crate::run::{Arrival, Bundle};

#[derive(Debug)]
pub(crate) enum Source {
    Pages(Inbox),
    Ring(RingInbox),
}

impl Source {
    /// The place behind the record taken last. Places grow with every record.
    pub(crate) fn place(&self) -> u64 {
        match self {
            Self::Pages(inbox) => inbox.place(),
            Self::Ring(inbox) => inbox.place(),
        }
    }

    /// The place behind the record handed over last.
    pub(crate) fn last_place(&self, queue: &Queue) -> u64 {
        match self {
            Self::Pages(inbox) => inbox.place_of(queue.cursor()),
            Self::Ring(inbox) => queue.ring_place().unwrap_or_else(|| inbox.place()),
        }
    }

    /// The inbox of a ring that outlives the process.
    pub(crate) fn durable(&mut self) -> Option<&mut RingInbox> {
        match self {
            Self::Ring(inbox) if inbox.is_durable() => Some(inbox),
            _ => None,
        }
    }

    /// Whether there is no record to take.
    pub(crate) fn is_empty(&mut self) -> bool {
        match self {
            Self::Pages(inbox) => inbox.is_empty(),
            Self::Ring(inbox) => inbox.is_empty(),
        }
    }

    /// Takes the next record, if it has been handed over whole.
    pub(crate) fn take(&mut self) -> Option<Arrival<'_>> {
        match self {
            Self::Pages(inbox) => inbox.take(),
            Self::Ring(inbox) => inbox.take(),
        }
    }

    /// What [`take`](Self::take) would give next, as many records as lie together.
    pub(crate) fn bundle(&mut self) -> Option<Bundle<'_>> {
        match self {
            Self::Pages(inbox) => inbox.bundle(),
            Self::Ring(inbox) => inbox.bundle(),
        }
    }

    /// The bundle that was shown has been taken whole.
    pub(crate) fn took_bundle(&mut self) {
        match self {
            Self::Pages(inbox) => inbox.took_bundle(),
            Self::Ring(inbox) => inbox.took_bundle(),
        }
    }

    /// Shuts the door and takes out everything that was let in; returns what that was.
    pub(crate) fn clear(&self, queue: &Queue) -> Waiting {
        match self {
            Self::Pages(_) => queue.admission.clear().into(),
            Self::Ring(_) => queue.leave_ring(),
        }
    }

    /// Makes room in the queue: the oldest of what was taken is in the file, or given up. Returns what still waits.
    pub(crate) fn release(&mut self, queue: &Queue, records: u64, bytes: u64) -> Waiting {
        match self {
            Self::Pages(_) => queue.release(records, bytes).into(),
            Self::Ring(inbox) => {
                inbox.release(records, bytes);
                queue.ring_was_released()
            }
        }
    }
}
