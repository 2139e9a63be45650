//! The memory of a ring for loom and shuttle: the same interface over their atomics and cells, which report two threads
//! that access one granule at once. It is in no ordinary build.

#[cfg(loom)]
use loom::cell::UnsafeCell;

use crate::sync::AtomicU64;
use crate::word::GRANULE;

/// The smallest capacity, in granules: small, so that a ring is soon full.
pub(crate) const LEAST: usize = 4;
/// The largest capacity.
pub(crate) const MOST: usize = 1 << 24;
/// Granules that are made ready at the start.
pub(crate) const READY_AT_START: u64 = 1 << 13;
/// How far a lap must have gone, in granules, before its rest may be left out: nearly nothing.
pub(crate) const WINDOW: u64 = 2;
/// The number of words for the owner's counters.
pub(crate) const COUNTERS: usize = 64;
/// The number of words in a stamp.
pub(crate) const STAMP_WORDS: usize = 128;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    granules: usize,
}

impl Shape {
    pub(crate) fn new(granules: usize) -> Option<Self> {
        (granules.is_power_of_two() && granules >= LEAST).then_some(Self { granules })
    }

    pub(crate) fn granules(self) -> usize {
        self.granules
    }
}

#[cfg(shuttle)]
#[derive(Debug)]
struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(shuttle)]
impl<T> UnsafeCell<T> {
    fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}

#[derive(Debug)]
pub(crate) struct Memory {
    shape: Shape,
    head: AtomicU64,
    seen: AtomicU64,
    base: AtomicU64,
    tail: AtomicU64,
    tail_whole: AtomicU64,
    /// Empty under loom.
    counters: Vec<AtomicU64>,
    /// Empty under loom, which can track few objects.
    stamps: Vec<AtomicU64>,
    tags: Vec<AtomicU64>,
    granules: Vec<UnsafeCell<[u8; GRANULE]>>,
}

// SAFETY: as in the real memory, except that the cells here check each access to a granule.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    pub(crate) fn heap(shape: Shape) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            shape,
            head: zero(),
            seen: zero(),
            base: zero(),
            tail: zero(),
            tail_whole: zero(),
            counters: (0..if cfg!(loom) { 0 } else { COUNTERS }).map(|_| zero()).collect(),
            stamps: (0..if cfg!(loom) { 0 } else { 2 * STAMP_WORDS }).map(|_| zero()).collect(),
            tags: (0..shape.granules).map(|_| zero()).collect(),
            granules: (0..shape.granules).map(|_| UnsafeCell::new([0; GRANULE])).collect(),
        }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    pub(crate) fn head(&self) -> &AtomicU64 {
        &self.head
    }

    pub(crate) fn seen(&self) -> &AtomicU64 {
        &self.seen
    }

    pub(crate) fn base(&self) -> &AtomicU64 {
        &self.base
    }

    pub(crate) fn tail(&self) -> &AtomicU64 {
        &self.tail
    }

    pub(crate) fn tail_whole(&self) -> &AtomicU64 {
        &self.tail_whole
    }

    pub(crate) fn counter(&self, index: usize) -> &AtomicU64 {
        &self.counters[index]
    }

    pub(crate) fn stamp(&self, slot: usize, word: usize) -> &AtomicU64 {
        &self.stamps[slot % 2 * STAMP_WORDS + word]
    }

    pub(crate) fn tag(&self, granule: u64) -> &AtomicU64 {
        &self.tags[self.place(granule)]
    }

    pub(crate) fn lap(&self, granule: u64) -> u64 {
        granule >> self.shape.granules.trailing_zeros()
    }

    fn place(&self, granule: u64) -> usize {
        granule as usize & (self.shape.granules - 1)
    }

    pub(crate) unsafe fn write(&self, granule: u64, skip: usize, bytes: &[u8]) {
        for (index, byte) in bytes.iter().enumerate() {
            let at = skip + index;
            let cell = &self.granules[self.place(granule + (at / GRANULE) as u64)];
            // SAFETY: the caller's promise, and the cell would report a violation.
            cell.with_mut(|granule| unsafe { (*granule)[at % GRANULE] = *byte });
        }
    }

    pub(crate) unsafe fn copy(&self, granule: u64, skip: usize, bytes: &mut [u8]) {
        for (index, byte) in bytes.iter_mut().enumerate() {
            let at = skip + index;
            let cell = &self.granules[self.place(granule + (at / GRANULE) as u64)];
            // SAFETY: the caller's promise, and the cell would report a violation.
            cell.with(|granule| *byte = unsafe { (*granule)[at % GRANULE] });
        }
    }

    pub(crate) fn begin(&self, granules: usize) -> usize {
        granules
    }

    pub(crate) fn fetch_ahead(&self, _: u64) {}

    pub(crate) fn is_allocated(&self) -> bool {
        false
    }

    pub(crate) fn make_ready(&self, _: std::ops::Range<usize>) -> bool {
        true
    }
}
