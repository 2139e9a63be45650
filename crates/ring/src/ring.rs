//! The producers' end: admission, reservation, the copy, the tag. `memory` argues why the copy is sound. It waits for
//! nobody and wakes nobody.
//!
//! All that a producer touches and others change is one cache line: `head`, and `seen`, its picture of the tail. It
//! reads the consumer's line only if that picture says that the ring is full, or that a quarter of it was filled since
//! the picture was taken. Reading it more often would move the line between cores on every record.

use std::fmt;
use std::sync::Arc;

use tracing_spool_process::Process;

#[cfg(not(any(loom, shuttle)))]
use crate::memory::FileState;
use crate::memory::{COUNTERS, LEAST, MOST, Memory, Shape};
use crate::sync::{AtomicU64, Ordering};
use crate::tag::{MOST_MISSING, PREFIX, Tag, is_long, room_of};
use crate::word::{Admitted, CLOSED, Fill, GRANULE, PARKED, Refused, Word};

/// The number of levels. Level 0 is the least important.
pub const LEVELS: usize = 5;
/// The largest value of [`Limits::bytes`]: 512 GiB.
pub const MOST_BYTES: u64 = 1 << 39;
/// The largest value of [`Limits::records`].
pub const MOST_RECORDS: u64 = 1 << 21;

/// How full a ring may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that may wait, where each record counts in steps of 64 bytes ([`GRANULE`]). The memory takes the
    /// next power of two, and an eighth more for tags.
    pub bytes: u64,
    /// The most records that may wait.
    pub records: u64,
    /// For each level, the share of both limits, in percent, up to which its records are admitted. A lower share for
    /// unimportant levels keeps room for important ones.
    pub shares: [u8; LEVELS],
}

/// The limits in the ring's own units.
#[derive(Clone, Copy, Debug)]
struct Marks {
    bound: Fill,
    levels: [Fill; LEVELS],
    wakes: [Fill; 3],
}

impl Limits {
    /// Returns the shape whose capacity, a power of two, holds these limits.
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

/// The producers' end of a ring. Any number of threads share it by reference.
pub struct Ring {
    memory: Memory,
    marks: Marks,
    /// The process that the ring belongs to.
    process: Process,
    /// The counter that a forked child gets, whose value nobody reads.
    aside: Counter,
}

impl Ring {
    /// Creates the producers' end over `memory`, which is zeroed or adopted from a file.
    pub(crate) fn over(memory: Memory, limits: Limits) -> Arc<Self> {
        let marks = limits.marks(memory.shape());
        Arc::new(Self { memory, marks, process: Process::here(), aside: Counter::new(0) })
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Returns the length of the longest record that fits, in bytes.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.marks.bound.granules as usize * GRANULE - PREFIX
    }

    /// Returns the bound on the bytes of room that waiting records take together.
    #[must_use]
    pub fn bytes_bound(&self) -> u64 {
        self.marks.bound.bytes()
    }

    /// Returns the bytes of room that a record of `len` bytes takes, if `missing` more bytes were cut from it.
    #[must_use]
    pub fn charge(len: usize, missing: usize) -> u64 {
        room_of(len, missing).saturating_mul(GRANULE as u64)
    }

    /// Copies a record into the ring.
    ///
    /// `level` is its importance; levels above the highest count as the highest. `missing` is the number of bytes that
    /// were cut from the record; the consumer gets the number with the record. An empty record is accepted, takes no
    /// room, and never reaches the consumer.
    ///
    /// # Errors
    ///
    /// Returns [`Refused`] if the record was not admitted. The ring is then unchanged.
    ///
    /// ```
    /// use tracing_spool_ring::{Limits, Refused, Ring};
    /// // Level 0 may fill half of the ring, level 4 all of it.
    /// let limits = Limits { bytes: 1 << 12, records: 8, shares: [50, 50, 50, 50, 100] };
    /// let (ring, _reader) = Ring::in_memory(limits)?;
    /// while ring.offer(0, b"debug", 0).is_ok() {}
    /// assert_eq!(ring.offer(0, b"debug", 0), Err(Refused::Full));
    /// assert!(ring.offer(4, b"error", 0).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
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
        // SAFETY: the compare-and-swap in `reserve` gave us `room` granules from `at` on, enough for the record and its
        // prefix; their tag is stored below, not before.
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

    /// Reserves `room` granules, if the level may, and returns the number of the first.
    #[inline]
    pub(crate) fn reserve(&self, level: u8, room: u64) -> Result<(u64, Admitted), Refused> {
        if self.is_forked() {
            return Err(Refused::Forked);
        }
        let mark = &self.marks.levels[usize::from(level).min(LEVELS - 1)];
        // `Acquire`, here and below: if padding was published and its mark removed, the tail that was stored for it
        // must be visible.
        let mut head = Word(self.memory.head().load(Ordering::Acquire));
        loop {
            if head.is_closed() {
                return Err(Refused::Closed);
            }
            // Load `seen` after the head. If that head still stands at the exchange, this picture is no older than that
            // of the last producer that was admitted.
            let seen = Word(self.memory.seen().load(Ordering::Acquire));
            let before = self.waiting(head, seen);
            let after = Fill { granules: before.granules.saturating_add(room), records: before.records + 1 };
            // An empty ring takes any record that it can hold at all. Otherwise no mark might admit a very large one,
            // ever.
            let is_let_in =
                after.is_within(mark) || (before.is_empty() && after.is_within(&self.marks.bound));
            let crossed = self.crosses(&before, &after);
            if !is_let_in || crossed {
                let tail = self.look_at_tail(seen);
                let now = Word(self.memory.head().load(Ordering::Acquire));
                // The head has changed: `seen` may have been ahead of ours, which looks like a ring that is more than
                // full. Try again.
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
                    // `base` can't have passed our granules, since they have no tag yet.
                    let at = number_after(self.memory.base().load(Ordering::Relaxed), head);
                    return Ok((at, Admitted { found_parked: head.is_parked(), crossed }));
                }
                Err(now) => head = Word(now),
            }
        }
    }

    /// Returns what waits, going by these pictures of the head and the tail.
    #[inline]
    fn waiting(&self, head: Word, tail: Word) -> Fill {
        head.fill(tail, self.memory.shape().granules() as u64)
    }

    fn crosses(&self, before: &Fill, after: &Fill) -> bool {
        self.marks.wakes.iter().any(|mark| before.is_within(mark) && !after.is_within(mark))
    }

    /// Takes over what the consumer has published, unless another producer has done so.
    #[cold]
    fn look_at_tail(&self, seen: Word) -> Word {
        let now = Word(self.memory.tail().load(Ordering::Acquire));
        if now == seen {
            // There is nothing to take over. Storing anyway would make the producers of a full ring steal this cache
            // line from each other.
            return seen;
        }
        // `tail_whole` was stored before `tail`, so it is at least as new, and never beyond a granule that has no tag
        // yet.
        self.memory.base().fetch_max(self.memory.tail_whole().load(Ordering::Relaxed), Ordering::Relaxed);
        match self.memory.seen().compare_exchange(seen.0, now.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => now,
            Err(others) => Word(others),
        }
    }

    /// Predicts whether even the smallest record of this level would be refused now. This is a hint: it reserves
    /// nothing.
    ///
    /// # Errors
    ///
    /// Returns the reason for which [`offer`](Self::offer) would refuse the record.
    #[inline]
    pub fn foresee(&self, level: u8) -> Result<(), Refused> {
        if self.is_forked() {
            return Err(Refused::Forked);
        }
        let mark = &self.marks.levels[usize::from(level).min(LEVELS - 1)];
        // `Acquire` as in `reserve`.
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

    /// Returns what waits now.
    #[must_use]
    pub fn fill(&self) -> Fill {
        if self.is_forked() {
            return Fill::default();
        }
        // Load the tail first: it is never ahead of a head that is loaded later.
        let mut tail = self.memory.tail().load(Ordering::SeqCst);
        loop {
            let head = Word(self.memory.head().load(Ordering::SeqCst));
            let now = self.memory.tail().load(Ordering::SeqCst);
            // If the tail moved meanwhile, a lap may have been left early, and its rest would count as fill.
            if now == tail {
                return self.waiting(head, Word(tail));
            }
            tail = now;
        }
    }

    /// Returns how many records were admitted since the ring was created, modulo 2^22. In a file the count outlives the
    /// process, so the next one can tell how many records its predecessor handed over.
    ///
    /// A record that one dead producer had begun and not finished doesn't count. If several threads hand over records,
    /// the number is an upper bound after a death: it may include records that others of them had begun.
    ///
    /// ```
    /// use tracing_spool_ring::{Limits, Ring};
    /// let limits = Limits { bytes: 1 << 16, records: 100, shares: [80, 80, 95, 98, 100] };
    /// let (ring, _reader) = Ring::in_memory(limits)?;
    /// ring.offer(2, b"a record", 0).map_err(|refused| format!("{refused:?}"))?;
    /// assert_eq!(ring.admitted(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn admitted(&self) -> u64 {
        if self.is_forked() { 0 } else { Word(self.memory.head().load(Ordering::SeqCst)).records() }
    }

    /// Returns whether `fill` is low enough to admit callers that wait for room again.
    #[must_use]
    pub fn is_low(&self, fill: &Fill) -> bool {
        let low = |bound: u64| bound * 85 / 100;
        let mark = Fill { granules: low(self.marks.bound.granules), records: low(self.marks.bound.records) };
        fill.is_within(&mark) || fill.records == 0
    }

    /// Returns the number of the granule behind everything reserved so far.
    #[must_use]
    pub fn place(&self) -> u64 {
        if self.is_forked() {
            return 0;
        }
        // Load the base first: it is never ahead of a head that is loaded later.
        let base = self.memory.base().load(Ordering::Acquire);
        number_after(base, Word(self.memory.head().load(Ordering::SeqCst)))
    }

    /// Marks the consumer as parked: whoever is admitted from now on learns it from [`Admitted::found_parked`] and can
    /// wake the consumer. Returns what was admitted before.
    ///
    /// Only the thread that owns the [`Reader`](crate::Reader) may call this.
    #[must_use]
    pub fn park(&self) -> Fill {
        if self.is_forked() {
            return Fill::default();
        }
        let tail = Word(self.memory.tail().load(Ordering::SeqCst));
        self.waiting(Word(self.memory.head().fetch_or(PARKED, Ordering::SeqCst)), tail)
    }

    /// Removes the mark that [`park`](Self::park) has set.
    pub fn unpark(&self) {
        if !self.is_forked() {
            self.memory.head().fetch_and(!PARKED, Ordering::SeqCst);
        }
    }

    /// Closes the ring: from now on it accepts no record. Does nothing in a forked child, which shares the ring with
    /// its parent.
    pub fn close(&self) {
        if !self.is_forked() {
            self.memory.head().fetch_or(CLOSED, Ordering::SeqCst);
        }
    }

    /// Returns whether this process is a forked child of the one that the ring belongs to.
    #[inline]
    #[must_use]
    pub fn is_forked(&self) -> bool {
        !self.process.is_here()
    }

    /// Tells whether the ring's file still stands at its path, by looking at the file system. A ring in anonymous
    /// memory is always in place.
    #[cfg(not(any(loom, shuttle)))]
    #[must_use]
    pub fn file_state(&self) -> FileState {
        if self.is_forked() { FileState::InPlace } else { self.memory.file_state() }
    }

    /// Removes the ring's file, if it still stands at its path. Meant for a ring that nobody has used. Does nothing for
    /// a ring in anonymous memory.
    #[cfg(not(any(loom, shuttle)))]
    pub fn remove_file(&self) {
        if !self.is_forked() {
            self.memory.remove_file();
        }
    }

    /// Returns one of 64 counters that are stored with the ring, for its owner to use. `index` is taken modulo 64. In a
    /// forked child the counter is a dummy that is not stored anywhere.
    #[must_use]
    pub fn counter(&self, index: usize) -> &Counter {
        if self.is_forked() { &self.aside } else { self.memory.counter(index % COUNTERS) }
    }
}

/// Returns the full-width number whose low bits `head` holds: at or behind `base`, and less than those bits can tell
/// apart.
#[inline]
fn number_after(base: u64, head: Word) -> u64 {
    base + Word(head.granules().wrapping_sub(base)).granules()
}

/// A counter that is stored with the ring.
pub type Counter = AtomicU64;

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("fill", &self.fill()).field("marks", &self.marks).finish_non_exhaustive()
    }
}
