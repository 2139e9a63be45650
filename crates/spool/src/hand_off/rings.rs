//! The rings that records go through, one after the other: if the file of one is removed by others, the next replaces it.
//! This file neither creates rings nor reads them.
//!
//! A caller that finds a ring closed checks for the next one. A caller that found the old ring open just before has its
//! record in it, and the writer thread takes everything out of the old ring first. So each caller's records keep their
//! order.

use std::ptr;
use std::sync::{Arc, OnceLock};

#[cfg(not(shuttle))]
use tracing_spool_ring::GRANULE;
use tracing_spool_ring::{Admitted, Fill, Refused, Ring};

use crate::hand_off::draft::Draft;
use crate::platform::sync::{AtomicUsize, Ordering};

/// How often a ring may be replaced.
const RENEWALS_MAX: usize = 63;

/// A ring, and the offset that is added to its places, so that places grow from ring to ring.
type Later = (Arc<Ring>, u64);

#[derive(Debug)]
pub(crate) struct Rings {
    first: Arc<Ring>,
    later: Box<[OnceLock<Later>]>,
    /// The one that takes records.
    current: AtomicUsize,
    /// The index of the oldest ring that may still hold records.
    oldest: AtomicUsize,
}

impl Rings {
    pub(crate) fn new(first: Arc<Ring>) -> Self {
        Self {
            first,
            later: (0..RENEWALS_MAX).map(|_| OnceLock::new()).collect(),
            current: AtomicUsize::new(0),
            oldest: AtomicUsize::new(0),
        }
    }

    fn at(&self, index: usize) -> (&Arc<Ring>, u64) {
        let later = index.checked_sub(1).and_then(|index| self.later.get(index)?.get());
        later.map_or((&self.first, 0), |(ring, offset)| (ring, *offset))
    }

    /// The one that takes records.
    #[inline]
    pub(crate) fn current(&self) -> &Ring {
        match self.current.load(Ordering::Acquire) {
            0 => &self.first,
            index => self.at(index).0,
        }
    }

    /// Returns why the current ring would refuse a record of level `level` as things stand.
    #[inline]
    pub(crate) fn foresee(&self, level: u8) -> Result<(), Refused> {
        let ring = self.current();
        match ring.foresee(level) {
            Err(Refused::Closed) if !ptr::eq(ring, self.current()) => self.foresee(level),
            outcome => outcome,
        }
    }

    /// Hands a record to the current ring.
    #[inline]
    pub(crate) fn offer(&self, draft: &Draft) -> Result<Admitted, Refused> {
        let ring = self.current();
        match ring.offer(draft.rank.code(), &draft.bytes, draft.missing) {
            Err(Refused::Closed) if !ptr::eq(ring, self.current()) => self.offer(draft),
            outcome => outcome,
        }
    }

    /// Returns what waits in all rings.
    pub(crate) fn fill(&self) -> (u64, u64) {
        let (oldest, current) = (self.oldest.load(Ordering::Acquire), self.current.load(Ordering::Acquire));
        let sum = |(records, bytes), fill: Fill| (records + fill.records(), bytes + fill.bytes());
        (oldest..=current).map(|index| self.at(index).0.fill()).fold((0, 0), sum)
    }

    /// Returns the place after everything handed over so far. For the writer thread.
    pub(crate) fn place(&self) -> u64 {
        let (ring, offset) = self.at(self.current.load(Ordering::Acquire));
        offset + ring.place()
    }

    /// Makes `ring` the one that takes records, and closes the one before. For the writer thread. Returns the offset that
    /// is added to its places, or none if there is no room for another ring.
    #[cfg(not(shuttle))]
    pub(crate) fn renew(&self, ring: Arc<Ring>) -> Option<u64> {
        let index = self.current.load(Ordering::Acquire);
        let (before, offset) = self.at(index);
        // An upper bound of what the old ring admits until it is closed.
        let offset = offset + before.place() + before.bytes_bound() / GRANULE as u64 + 1;
        self.later.get(index)?.set((ring, offset)).ok()?;
        self.current.store(index + 1, Ordering::Release);
        before.close();
        Some(offset)
    }

    /// Marks all rings before the current one as empty.
    #[cfg(not(shuttle))]
    pub(crate) fn leave_old(&self) {
        self.oldest.store(self.current.load(Ordering::Acquire), Ordering::Release);
    }
}
