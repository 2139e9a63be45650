//! The memory of a ring: where its words, tags and granules stand, and the only access to them. It doesn't decide who
//! may touch what; it states the invariants, and `ring` and `reader` keep them.
//!
//! # Why this is sound
//!
//! The memory consists of a header, the words that producers and consumer share, one tag for each granule, and the
//! granules.
//!
//! 1. **It stays as long as anybody can reach it.** [`Memory`] owns it (a mapping or an allocation) and frees it in
//!    `Drop`; every reference that it hands out borrows the `Memory`. A valid address doesn't mean that its page can be
//!    faulted in: if a file lost a page (it was truncated, or its file system failed), touching that page raises
//!    SIGBUS, which ends the process but is not an invalid access. Files have all their blocks allocated, and lie on
//!    tmpfs unless the user says otherwise, so causing that takes a process with this user's rights.
//! 2. **Words and tags are atomics, always.** [`at`](Memory::at) makes the reference, and nothing else points into that
//!    part, so no ordinary access can race with an atomic one. The kernel faults pages in
//!    ([`make_ready`](Memory::make_ready)) without changing them; we touch them by hand only before anybody else knows
//!    of the memory.
//! 3. **A granule belongs to one party at a time.** Granules are numbered without end; number `n` stands at `n` modulo
//!    the capacity. Granules below `tail` are free. From `tail` to `head`, each belongs to the producer that reserved
//!    it and, once its tag is stored, to the consumer. `head` moves by compare-and-swap, so no granule is reserved by
//!    two producers, and it is never further from `tail` than the capacity, so no two numbers in use share a place. A
//!    fork makes a second process with the same `Ring`; that process reserves and takes nothing, because both sides
//!    first check whether they are in a child (7). The consumer moves `head` too, when it leaves a lap: only if nothing
//!    is in use, so everything before the next lap is free, and producers count from there while the mark for it stands
//!    (`word`).
//! 4. **Each hand-over is a release and an acquire.** Producer to consumer: the tag is stored with `Release` after the
//!    bytes, and the consumer loads it with `Acquire` before it reads them. Consumer to producer: `tail_whole` and then
//!    `tail` are stored with `Release` after the bytes were read. A producer loads `tail` with `Acquire`, raises
//!    `base`, and then exchanges `seen` (`AcqRel`). Whoever loads that `seen` (`Acquire`, before its compare-and-swap)
//!    therefore finds a `base` that is as new, and its stores come after all reads of the previous lap. Behind a lap
//!    that was left early, the exchange of `head` comes after the reads, and each reservation's own exchange of `head`
//!    comes after that one. Each attempt loads `seen` after the head that it exchanges, so the two are never more than
//!    four laps apart, which the bits of the word can tell.
//! 5. **A tag is believed only if it is of its lap.** The lap of a place grows with every reuse (44 bits: at 5 GB/s and
//!    4 KiB of capacity, four hundred thousand years; laps are left early only while the numbers are in their first
//!    quarter). A tag of this lap was stored by the producer that reserved that number, or it was in a file: there, all
//!    tags that don't belong to a whole record are wiped before anybody else knows of the ring (`adopt`).
//! 6. **Nothing read from the memory is trusted to be in range.** Places are reduced modulo the capacity,
//!    [`write`](Memory::write) and [`copy`](Memory::copy) check lengths against it, and bytes are read as bytes, for
//!    which every value is valid. So a file with any content can be read without harm.
//! 7. **A file is mapped by one process.** Whoever maps it holds its lock. A forked child has zeros of its own in its
//!    place (the mapping would keep the lock) or, if it was forked without the C library, the mapping itself. No call
//!    of this package reaches it from there: every method of `Ring` and `Reader` that would touch the memory first
//!    checks whether this process is the one that opened it, and otherwise answers without it. What remains is a
//!    reference to a counter, an atomic, that was taken before the fork. Whoever ignores the lock and writes to the
//!    file or truncates it has this user's rights, and could just as well write to the process itself; the
//!    documentation says so.

pub(crate) mod held;
pub(crate) mod mapping;

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::Range;
use std::ptr::{NonNull, copy_nonoverlapping};

use crate::platform;
use crate::sync::{AtomicU64, Ordering};
use crate::word::GRANULE;

/// The size of a page in bytes. Where pages are larger, some are touched twice.
pub(crate) const PAGE: usize = 4096;
/// The offset of the state in the header, which [`header`](crate::file::header) lays out.
pub(crate) const STATE: usize = 48;
/// The number of words for the owner's counters.
pub(crate) const COUNTERS: usize = 64;
/// The number of words in a stamp.
pub(crate) const STAMP_WORDS: usize = 128;

// Words that different parties change stand two cache lines apart: some processors fetch neighbouring lines in pairs,
// so a distance of one line would still cause false sharing.
pub(crate) const HEAD: usize = PAGE;
pub(crate) const TAIL: usize = PAGE + 256;
const OWNER: usize = PAGE + 384;
/// `OWNER` as an offset in a file.
pub(crate) const OWNER_AT: u64 = OWNER as u64;
const COUNTS: usize = PAGE + 512;
const STAMPS: usize = PAGE + 2048;
pub(crate) const TAGS: usize = 2 * PAGE;
/// How far ahead of a store the processor prefetches, in granules: some tens of records.
const AHEAD: u64 = 64;
/// Granules that are made ready at the start: half a mebibyte, twice as far as a quiet ring goes in a lap.
pub(crate) const READY_AT_START: u64 = 1 << 13;
/// Tags that are made ready at the start: two mebibytes of them, which covers a ring of 16 MiB completely. A page of
/// tags serves about 200 records. If the consumer were held up before it had made them ready, five of each thousand
/// callers would meet a page fault of 2 µs.
const TAGS_AT_START: usize = 1 << 18;
const _: () = assert!(COUNTS + COUNTERS * 8 <= STAMPS && STAMPS + 2 * STAMP_WORDS * 8 <= TAGS);

/// The smallest capacity, in granules.
pub(crate) const LEAST: usize = 64;
/// The largest capacity: what [`MOST_BYTES`](crate::MOST_BYTES) takes, or a gibibyte where addresses have 32 bits.
pub(crate) const MOST: usize = if usize::BITS < 64 { 1 << 24 } else { (1_u64 << 33) as usize };
/// How far a lap must have gone, in granules, before its rest may be left out while the ring is empty: 256 KiB, some of
/// which is still in a processor's cache when the ring comes round again. Less under Miri.
pub(crate) const WINDOW: u64 = if cfg!(miri) { 1 << 6 } else { 1 << 12 };

/// The size of a ring's memory and its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    granules: usize,
}

impl Shape {
    /// Returns the shape for this many granules. They must be a power of two, and neither too few nor too many.
    pub(crate) fn new(granules: usize) -> Option<Self> {
        let fits = granules.is_power_of_two() && (LEAST..=MOST).contains(&granules);
        (fits && granules.checked_mul(GRANULE + 8)? <= isize::MAX as usize - TAGS)
            .then_some(Self { granules })
    }

    /// Returns the capacity in granules.
    pub(crate) fn granules(self) -> usize {
        self.granules
    }

    /// Returns the size of the whole memory in bytes.
    pub(crate) fn bytes(self) -> usize {
        self.data() + self.granules * GRANULE
    }

    pub(crate) fn data(self) -> usize {
        TAGS + self.granules * 8
    }
}

/// What stands at the path of a ring's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileState {
    /// The ring's file stands there, or the path can't be looked at.
    InPlace,
    /// Nothing stands there, so the next process will not find what the ring holds.
    Removed,
    /// Another file stands there.
    Replaced,
}

/// Where the memory comes from, and how it is freed.
pub(crate) trait Backing:
    Send + Sync + fmt::Debug + std::panic::UnwindSafe + std::panic::RefUnwindSafe
{
    /// Returns the beginning of the memory. It is aligned to 64 bytes, as large as the shape says, and zeroed or from a
    /// file.
    fn base(&self) -> NonNull<u8>;

    /// Tells what stands at the path that the file was opened by.
    fn file_state(&self) -> FileState {
        FileState::InPlace
    }

    /// Removes the file, if it still stands at its path.
    fn remove_file(&self) {}

    /// Returns whether the system has allocated the memory already, so that faulting it in takes no more.
    fn is_allocated(&self) -> bool {
        false
    }

    /// Faults in the pages that hold these bytes, ready to be written. Returns `false` if the system has no call for
    /// that.
    fn bring(&self, _: Range<usize>) -> bool {
        false
    }
}

/// The memory of a ring.
#[derive(Debug)]
pub(crate) struct Memory {
    base: NonNull<u8>,
    shape: Shape,
    /// Dropped last, and frees the memory.
    backing: Box<dyn Backing>,
}

// SAFETY: the pointer is to memory that this owns (1), atomics are for sharing (2), and the granules are reached only by
// the unsafe methods `write` and `copy`, whose callers keep them apart (3, 4).
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Creates the access to memory of this shape.
    ///
    /// # Safety
    ///
    /// `backing` has at least [`Shape::bytes`] bytes at its base. They stay valid until it is dropped, and nothing else
    /// reaches them except atomics of other `Memory`s.
    pub(crate) unsafe fn new(shape: Shape, backing: Box<dyn Backing>) -> Self {
        Self { base: backing.base(), shape, backing }
    }

    /// Allocates zeroed memory.
    pub(crate) fn heap(shape: Shape) -> Self {
        let heap = Box::new(Heap::new(shape.bytes()));
        // SAFETY: it was allocated with so many bytes, and only `heap` knows them.
        unsafe { Self::new(shape, heap) }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    pub(crate) fn file_state(&self) -> FileState {
        self.backing.file_state()
    }

    pub(crate) fn remove_file(&self) {
        self.backing.remove_file();
    }

    pub(crate) fn is_allocated(&self) -> bool {
        self.backing.is_allocated()
    }

    fn at(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset % 8 == 0 && offset + 8 <= self.shape.data());
        // SAFETY: every caller stays below the granules (each by its constants, `tag` by reducing its place), so the
        // word is inside, aligned as the base is, and reached by atomics only (2); it lives as long as `self` (1).
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    /// Returns the word that says whether the ring is complete; see [`header`](crate::file::header).
    pub(crate) fn state(&self) -> &AtomicU64 {
        self.at(STATE)
    }

    /// Returns the word that producers change.
    #[inline]
    pub(crate) fn head(&self) -> &AtomicU64 {
        self.at(HEAD)
    }

    /// Returns the tail as producers last saw it, on their own cache line.
    #[inline]
    pub(crate) fn seen(&self) -> &AtomicU64 {
        self.at(HEAD + 8)
    }

    /// Returns a number that the tail has reached, in full width, on the producers' cache line.
    #[inline]
    pub(crate) fn base(&self) -> &AtomicU64 {
        self.at(HEAD + 16)
    }

    /// Returns the word that says what the consumer has given back, to compare with `head`.
    pub(crate) fn tail(&self) -> &AtomicU64 {
        self.at(TAIL)
    }

    /// Returns the number of granules given back, in full width.
    pub(crate) fn tail_whole(&self) -> &AtomicU64 {
        self.at(TAIL + 8)
    }

    /// Returns the number of the process that the ring belongs to.
    pub(crate) fn owner(&self) -> &AtomicU64 {
        self.at(OWNER)
    }

    pub(crate) fn counter(&self, index: usize) -> &AtomicU64 {
        self.at(COUNTS + index % COUNTERS * 8)
    }

    pub(crate) fn stamp(&self, slot: usize, word: usize) -> &AtomicU64 {
        self.at(STAMPS + (slot % 2 * STAMP_WORDS + word % STAMP_WORDS) * 8)
    }

    /// Returns the tag of granule number `granule`.
    #[inline]
    pub(crate) fn tag(&self, granule: u64) -> &AtomicU64 {
        self.at(TAGS + self.place(granule) * 8)
    }

    /// Returns the lap of granule number `granule`.
    #[inline]
    pub(crate) fn lap(&self, granule: u64) -> u64 {
        granule >> self.shape.granules.trailing_zeros()
    }

    #[inline]
    fn place(&self, granule: u64) -> usize {
        granule as usize & (self.shape.granules - 1)
    }

    /// Prefetches the granule, and its tag, that one of the next callers will store to. The hardware prefetcher stops
    /// at each 4 KiB page.
    #[inline]
    pub(crate) fn fetch_ahead(&self, granule: u64) {
        let granule = granule + AHEAD;
        let (tag, data) = (TAGS + self.place(granule) * 8, self.shape.data() + self.place(granule) * GRANULE);
        for offset in [tag, data, data ^ GRANULE] {
            // SAFETY: inside (6).
            platform::fetch_for_store(unsafe { self.base.add(offset) });
        }
    }

    /// Stores `bytes`, beginning `skip` bytes into granule number `granule`.
    ///
    /// # Safety
    ///
    /// The granules belong to the caller: it has reserved them and not yet stored their tag (3).
    #[inline]
    pub(crate) unsafe fn write(&self, granule: u64, skip: usize, bytes: &[u8]) {
        let (at, size) = (self.place(granule) * GRANULE + skip, self.shape.granules * GRANULE);
        if skip > GRANULE || bytes.len() > size {
            return;
        }
        let at = at & (size - 1);
        let first = bytes.len().min(size - at);
        // SAFETY: `at + first` is at most `size`, and the rest, at the beginning, is at most `bytes.len()`, so both
        // stay within the granules (6), which are the caller's; `bytes` is elsewhere: nobody has a reference to them.
        unsafe {
            let data = self.base.as_ptr().add(self.shape.data());
            copy_nonoverlapping(bytes.as_ptr(), data.add(at), first);
            if first < bytes.len() {
                copy_nonoverlapping(bytes.as_ptr().add(first), data, bytes.len() - first);
            }
        }
    }

    /// Copies bytes out, beginning `skip` bytes into granule number `granule`. Copies nothing if there are more bytes
    /// than the ring has.
    ///
    /// # Safety
    ///
    /// The granules belong to the caller: it has seen their tag and not yet given them back (3, 4).
    #[inline]
    pub(crate) unsafe fn copy(&self, granule: u64, skip: usize, bytes: &mut [u8]) {
        let (at, size) = (self.place(granule) * GRANULE + skip, self.shape.granules * GRANULE);
        if skip > GRANULE || bytes.len() > size {
            return;
        }
        let at = at & (size - 1);
        let first = bytes.len().min(size - at);
        // SAFETY: as in `write`, the other way round.
        unsafe {
            let data = self.base.as_ptr().add(self.shape.data());
            copy_nonoverlapping(data.add(at), bytes.as_mut_ptr(), first);
            if first < bytes.len() {
                copy_nonoverlapping(data, bytes.as_mut_ptr().add(first), bytes.len() - first);
            }
        }
    }

    /// Fills the memory from its beginning and ignores what doesn't fit. Only before anybody else knows of the memory.
    pub(crate) fn fill_from(&mut self, image: &[u8]) {
        let len = image.len().min(self.shape.bytes());
        // SAFETY: within the memory (6); `&mut self`, so there is no other access, atomic or not.
        unsafe { copy_nonoverlapping(image.as_ptr(), self.base.as_ptr(), len) }
    }

    /// Copies the whole memory, for tests without other threads.
    #[cfg(test)]
    pub(crate) fn dump(&self, image: &mut [u8]) {
        let len = image.len().min(self.shape.bytes());
        // SAFETY: within the memory; the test's only thread does nothing else.
        unsafe { copy_nonoverlapping(self.base.as_ptr(), image.as_mut_ptr(), len) }
    }

    /// Makes the first granules of a lap ready to be written, with their tags and everything before those, because a
    /// page fault costs a caller microseconds. Returns how many are ready: all of them if the system has no call to
    /// fault pages in later. Only before anybody else knows of the memory.
    pub(crate) fn begin(&self, granules: usize) -> usize {
        let granules = granules.min(self.shape.granules);
        let tags = self.shape.granules.min(TAGS_AT_START);
        let is_done = self.backing.bring(0..TAGS + tags * 8) && self.make_ready(0..granules);
        if is_done {
            return granules;
        }
        for offset in (0..self.shape.bytes()).step_by(PAGE) {
            // SAFETY: inside (6), aligned as the base is, and nobody else knows of the memory yet.
            touch(unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) });
        }
        self.shape.granules
    }

    /// Makes these granules of a lap ready, with their tags. Returns `false` if the system has no call for that.
    pub(crate) fn make_ready(&self, granules: Range<usize>) -> bool {
        let end = granules.end.min(self.shape.granules);
        let start = granules.start.min(end);
        let data = self.shape.data();
        self.backing.bring(TAGS + start * 8..TAGS + end * 8)
            && self.backing.bring(data + start * GRANULE..data + end * GRANULE)
    }
}

/// Stores the value that is there. A compiler may turn an operation that changes nothing into a load, which faults the
/// page in read-only: it does that to `fetch_or(0)`, but not to a compare-exchange.
#[inline(never)]
fn touch(word: &AtomicU64) {
    let value = word.load(Ordering::Relaxed);
    // If it fails, another thread has just stored to the page.
    let _ = word.compare_exchange(value, value, Ordering::Relaxed, Ordering::Relaxed);
}

/// Memory from the allocator.
#[derive(Debug)]
struct Heap {
    base: NonNull<u8>,
    layout: Layout,
}

impl Heap {
    fn new(bytes: usize) -> Self {
        let layout = Layout::from_size_align(bytes, PAGE).unwrap_or_else(|_| Layout::new::<u64>());
        // SAFETY: the size is not 0: a shape has granules.
        let base = unsafe { alloc_zeroed(layout) };
        let Some(base) = NonNull::new(base).filter(|_| layout.size() == bytes) else {
            handle_alloc_error(layout)
        };
        Self { base, layout }
    }
}

// SAFETY: it owns its memory and does nothing with it but free it.
unsafe impl Send for Heap {}
// SAFETY: as above.
unsafe impl Sync for Heap {}

impl Backing for Heap {
    fn base(&self) -> NonNull<u8> {
        self.base
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and freed once.
        unsafe { dealloc(self.base.as_ptr(), self.layout) }
    }
}
