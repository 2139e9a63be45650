//! The producers' side: admission, reservation, the copy, the tag. `memory` argues why the copy is sound.
//! It waits for nobody and wakes nobody.
//!
//! What a producer touches that others change is one cache line: `head`, and `seen`, its picture of the tail. The
//! consumer's own line is read only when that picture says full, or when it says that a quarter of the ring was
//! filled since.

use std::fmt;
use std::sync::Arc;

use tracing_spool_process::Process;

#[cfg(not(any(loom, shuttle)))]
use crate::memory::FileState;
use crate::memory::{COUNTERS, LEAST, MOST, Memory, Shape};
use crate::sync::{AtomicU64, Ordering};
use crate::tag::{MOST_MISSING, PREFIX, Tag, is_long, room_of};
use crate::word::{Admitted, CLOSED, Fill, GRANULE, PARKED, Refused, Word};

/// How many levels there are, 0 being the least important.
pub const LEVELS: usize = 5;
/// The most bytes that a ring may be bounded by.
pub const MOST_BYTES: u64 = 1 << 39;
/// The most records that a ring may be bounded by.
pub const MOST_RECORDS: u64 = 1 << 21;

/// How full a ring may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that may wait; each record counts in steps of 64 bytes. The memory is the next power of two, and an eighth
    /// more.
    pub bytes: u64,
    /// Records that may wait.
    pub records: u64,
    /// By level: up to what share of both, in percent, its records are admitted.
    pub shares: [u8; LEVELS],
}

/// Limits in the ring's units.
#[derive(Clone, Copy, Debug)]
struct Marks {
    bound: Fill,
    levels: [Fill; LEVELS],
    wakes: [Fill; 3],
}

impl Limits {
    /// The power of two that holds them.
    pub(crate) fn shape(&self) -> Option<Shape> {
        let granules = usize::try_from(self.bytes.min(MOST_BYTES) / GRANULE as u64).ok()?;
        Shape::new(granules.clamp(LEAST, MOST).next_power_of_two())
    }

    fn marks(&self, shape: Shape) -> Marks {
        let granules = (self.bytes / GRANULE as u64).clamp(1, shape.granules() as u64);
        let bound = Fill { granules, records: self.records.clamp(1, MOST_RECORDS) };
        let share = |percent: u64| Fill {
            granules: bound.granules * percent / 100,
            records: bound.records * percent / 100,
        };
        Marks {
            bound,
            levels: self.shares.map(|percent| share(u64::from(percent.min(100)))),
            wakes: [25, 50, 75].map(share),
        }
    }
}

/// A ring, as its producers see it: shared by reference.
pub struct Ring {
    memory: Memory,
    marks: Marks,
    /// The one that it belongs to.
    process: Process,
    /// What a forked child counts in, which is of no use to anybody.
    aside: Counter,
}

impl Ring {
    /// The producers' side of a ring in this memory, which is zeroed or adopted.
    pub(crate) fn over(memory: Memory, limits: Limits) -> Arc<Self> {
        let marks = limits.marks(memory.shape());
        Arc::new(Self { memory, marks, process: Process::here(), aside: Counter::new(0) })
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The longest record that fits, in bytes.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.marks.bound.granules as usize * GRANULE - PREFIX
    }

    /// Bytes of room of all records that may wait.
    #[must_use]
    pub fn bytes_bound(&self) -> u64 {
        self.marks.bound.bytes()
    }

    /// Room that a record of `len` bytes takes, of which `missing` more were left behind; in bytes.
    #[must_use]
    pub fn charge(len: usize, missing: usize) -> u64 {
        room_of(len, missing).saturating_mul(GRANULE as u64)
    }

    /// Copies a record into the ring, of which `missing` further bytes were left behind, or says why not. One of no bytes
    /// is nothing to keep: it is accepted, and takes no room.
    ///
    /// # Errors
    /// [`Refused`]; the ring is then as it was.
    #[inline]
    pub fn offer(&self, level: u8, record: &[u8], missing: usize) -> Result<Admitted, Refused> {
        if record.is_empty() {
            return if self.is_forked() { Err(Refused::Forked) } else { Ok(Admitted::default()) };
        }
        let missing = missing.min(MOST_MISSING);
        let room = room_of(record.len(), missing);
        let (at, admitted) = self.reserve(level, room)?;
        self.memory.fetch_ahead(at);
        // SAFETY: the compare-and-swap of `reserve` gave us `room` granules from `at` on, which is enough for the record
        // and what stands before it; their tag is stored below and not before.
        unsafe {
            if is_long(record.len(), missing) {
                let prefix = (record.len() as u128 | (missing as u128) << 64).to_le_bytes();
                self.memory.write(at, 0, &prefix);
                self.memory.write(at, PREFIX, record);
            } else {
                self.memory.write(at, 0, record);
            }
        }
        let tag = Tag::of(level, record.len(), missing).encode(self.memory.lap(at));
        self.memory.tag(at).store(tag, Ordering::Release);
        Ok(admitted)
    }

    /// Takes `room` granules, if the level may: returns the number of the first.
    #[inline]
    pub(crate) fn reserve(&self, level: u8, room: u64) -> Result<(u64, Admitted), Refused> {
        if self.is_forked() {
            return Err(Refused::Forked);
        }
        let mark = &self.marks.levels[usize::from(level).min(LEVELS - 1)];
        // `Acquire`, here and below: behind padding that is done with, the tail that was stored for it is to be seen.
        let mut head = Word(self.memory.head().load(Ordering::Acquire));
        loop {
            if head.is_closed() {
                return Err(Refused::Closed);
            }
            // After the head: if that still stands at the exchange, this is no older than the last one's who was let in.
            let seen = Word(self.memory.seen().load(Ordering::Acquire));
            let before = self.waiting(head, seen);
            let after = Fill { granules: before.granules.saturating_add(room), records: before.records + 1 };
            // An empty ring takes any record that it can hold at all: with few large ones no mark might let one in.
            let is_let_in =
                after.is_within(mark) || (before.is_empty() && after.is_within(&self.marks.bound));
            let crossed = self.crosses(&before, &after);
            if !is_let_in || crossed {
                let tail = self.look_at_tail(seen);
                let now = Word(self.memory.head().load(Ordering::Acquire));
                // Another head: perhaps `seen` was ahead of ours, which looks like a ring that is more than full.
                if tail != seen || now != head {
                    head = now;
                    continue;
                }
            }
            if !is_let_in {
                return Err(Refused::Full);
            }
            let next = head.with(room);
            match self.memory.head().compare_exchange_weak(
                head.0,
                next.0,
                Ordering::SeqCst,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    // Not ahead of granules that have no tag yet, as ours.
                    let at = number_after(self.memory.base().load(Ordering::Relaxed), head);
                    return Ok((at, Admitted { found_parked: head.is_parked(), crossed }));
                }
                Err(now) => head = Word(now),
            }
        }
    }

    /// What waits by these pictures of the head and the tail.
    #[inline]
    fn waiting(&self, head: Word, tail: Word) -> Fill {
        head.fill(tail, self.memory.shape().granules() as u64)
    }

    fn crosses(&self, before: &Fill, after: &Fill) -> bool {
        self.marks.wakes.iter().any(|mark| before.is_within(mark) && !after.is_within(mark))
    }

    /// Takes over what the consumer has published, unless another producer did.
    #[cold]
    fn look_at_tail(&self, seen: Word) -> Word {
        let now = Word(self.memory.tail().load(Ordering::Acquire));
        if now == seen {
            // Nothing to take over. Producers of a full ring would only take the two lines below from each other.
            return seen;
        }
        // Stored before the tail word, so it is as new at least; never beyond a granule that has no tag yet.
        self.memory.base().fetch_max(self.memory.tail_whole().load(Ordering::Relaxed), Ordering::Relaxed);
        match self.memory.seen().compare_exchange(seen.0, now.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => now,
            Err(others) => Word(others),
        }
    }

    /// Whether even the smallest record of a level would be refused now. A hint: nothing is decided by it.
    ///
    /// # Errors
    /// As [`offer`](Self::offer).
    #[inline]
    pub fn foresee(&self, level: u8) -> Result<(), Refused> {
        if self.is_forked() {
            return Err(Refused::Forked);
        }
        let mark = &self.marks.levels[usize::from(level).min(LEVELS - 1)];
        // As in `reserve`.
        let mut head = Word(self.memory.head().load(Ordering::Acquire));
        loop {
            if head.is_closed() {
                return Err(Refused::Closed);
            }
            let seen = Word(self.memory.seen().load(Ordering::Acquire));
            let fill = self.waiting(head, seen);
            let next = Fill { granules: fill.granules.saturating_add(1), records: fill.records + 1 };
            if fill.is_empty() || next.is_within(mark) {
                return Ok(());
            }
            let tail = self.look_at_tail(seen);
            let now = Word(self.memory.head().load(Ordering::Acquire));
            if tail == seen && now == head {
                return Err(Refused::Full);
            }
            head = now;
        }
    }

    /// What waits now.
    #[must_use]
    pub fn fill(&self) -> Fill {
        if self.is_forked() {
            return Fill::default();
        }
        // The tail first: it is never ahead of a head that is read later.
        let mut tail = self.memory.tail().load(Ordering::SeqCst);
        loop {
            let head = Word(self.memory.head().load(Ordering::SeqCst));
            let now = self.memory.tail().load(Ordering::SeqCst);
            // One that moved meanwhile may have left a lap, whose rest would count as fill.
            if now == tail {
                return self.waiting(head, Word(tail));
            }
            tail = now;
        }
    }

    /// Whether a fill is low enough to let those in who wait for room.
    #[must_use]
    pub fn is_low(&self, fill: &Fill) -> bool {
        let low = |bound: u64| bound * 85 / 100;
        let mark = Fill { granules: low(self.marks.bound.granules), records: low(self.marks.bound.records) };
        fill.is_within(&mark) || fill.records == 0
    }

    /// The number of the granule behind everything reserved so far.
    #[must_use]
    pub fn place(&self) -> u64 {
        if self.is_forked() {
            return 0;
        }
        // The base first: it is never ahead of a head that is read later.
        let base = self.memory.base().load(Ordering::Acquire);
        number_after(base, Word(self.memory.head().load(Ordering::SeqCst)))
    }

    /// Says that the consumer parks: whoever is admitted from now on is told so. Returns what was admitted before. For the
    /// thread that has the [`Reader`](crate::Reader).
    #[must_use]
    pub fn park(&self) -> Fill {
        if self.is_forked() {
            return Fill::default();
        }
        let tail = Word(self.memory.tail().load(Ordering::SeqCst));
        self.waiting(Word(self.memory.head().fetch_or(PARKED, Ordering::SeqCst)), tail)
    }

    /// Takes that back.
    pub fn unpark(&self) {
        if !self.is_forked() {
            self.memory.head().fetch_and(!PARKED, Ordering::SeqCst);
        }
    }

    /// From now on no record is accepted. Does nothing in a forked child, which shares the ring with its parent.
    pub fn close(&self) {
        if !self.is_forked() {
            self.memory.head().fetch_or(CLOSED, Ordering::SeqCst);
        }
    }

    /// Whether this is a forked child of the process that the ring belongs to.
    #[inline]
    #[must_use]
    pub fn is_forked(&self) -> bool {
        !self.process.is_here()
    }

    /// Whether the file of the ring stands where it was opened: a look at the disk. A ring in memory is in place.
    #[cfg(not(any(loom, shuttle)))]
    #[must_use]
    pub fn file_state(&self) -> FileState {
        if self.is_forked() { FileState::InPlace } else { self.memory.file_state() }
    }

    /// Removes its file, if it still stands where it was opened: for a ring that nobody has used. One in memory has none.
    #[cfg(not(any(loom, shuttle)))]
    pub fn remove_file(&self) {
        if !self.is_forked() {
            self.memory.remove_file();
        }
    }

    /// One of 64 counters that live with the ring, for its owner; `index` is taken modulo that. In a forked child one that
    /// lives with nothing.
    #[must_use]
    pub fn counter(&self, index: usize) -> &Counter {
        if self.is_forked() { &self.aside } else { self.memory.counter(index % COUNTERS) }
    }
}

/// The whole number of which `head` holds the last bits: behind `base`, by less than those bits can tell apart.
#[inline]
fn number_after(base: u64, head: Word) -> u64 {
    base + Word(head.granules().wrapping_sub(base)).granules()
}

/// A counter that lives with the ring.
pub type Counter = AtomicU64;

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("fill", &self.fill()).field("marks", &self.marks).finish_non_exhaustive()
    }
}
