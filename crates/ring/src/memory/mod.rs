//! The memory of a ring: where its words, its tags and its granules stand, and the only access to them.
//! It decides nothing about who may touch what; it says what must hold, and `ring` and `reader` keep to it.
//!
//! # Why this is sound
//!
//! The memory is a header, the words that producers and consumer share, one tag for each granule, and the granules.
//!
//! 1. **It stays as long as anybody can reach it.** [`Memory`] owns it (a mapping or an allocation) and frees it in
//!    `Drop`; every reference that is given out borrows the `Memory`. That the addresses stay does not mean that each page
//!    can be brought: where a file lost one (it was cut short, or its file system failed), whoever touches the page is ended
//!    by SIGBUS, which is an end and no wrong access. Files are really allocated, and on tmpfs unless the user says otherwise,
//!    so that this takes somebody with the rights of this user.
//! 2. **Words and tags are atomics, always.** [`at`](Memory::at) makes the reference, and nothing else points into
//!    that part: there is no ordinary access that could race with an atomic one. The system brings pages
//!    ([`make_ready`](Memory::make_ready)) without changing them; touching them by hand happens before anybody else knows of
//!    the memory.
//! 3. **A granule belongs to one party at a time.** Granules are numbered without end; number `n` stands at `n` modulo
//!    the capacity. Up to `tail` they are free; from `tail` to `head` each belongs to the producer that reserved it, and
//!    from its tag on to the consumer. `head` moves by compare-and-swap, so no granule is reserved by two; never further
//!    from `tail` than the capacity, so no two numbers that are in use share a place. A fork makes a second process with the
//!    same `Ring`: it reserves nothing and takes nothing, because both sides ask first whether they are in a child (7).
//!    The consumer too moves `head`, when it leaves a lap: only from where nothing is in use, so all before the next lap's
//!    beginning is free, which is what a producer counts from while the mark for it stands (`word`).
//! 4. **Each hand-over is a release and an acquire.** Producer to consumer: the tag is stored with `Release` after the
//!    bytes, and the consumer loads it with `Acquire` before it reads them. Consumer to producer: `tail_whole` and then
//!    `tail` are stored with `Release` after the bytes were read; a producer loads `tail` with `Acquire`, raises `base`, and
//!    then exchanges `seen` (`AcqRel`), so whoever loads that `seen` (`Acquire`, before its compare-and-swap) finds a `base`
//!    that is as new, and its stores come after all reads of the lap before. Behind a lap that was left early it is the
//!    exchange of `head` that comes after the reads, and each reservation's own exchange of `head` after that one.
//!    Each attempt loads `seen` after the head that it exchanges, so the two are never more than four laps apart, which
//!    the bits of the word can tell.
//! 5. **A tag is believed only if it is of its lap.** The lap of a place grows with every reuse (44 bits: at 5 GB/s and
//!    4 KiB of capacity, four hundred thousand years; laps are left early only as long as the numbers are in their first
//!    quarter). A tag of this lap was stored by the producer that reserved that number, or stood in a file: there all tags
//!    that do not belong to a whole record are wiped before anybody else knows of the ring (`adopt`).
//! 6. **Nothing read from the memory is trusted to be in range.** Places are reduced modulo the capacity, lengths are
//!    checked against it by [`write`](Memory::write) and [`copy`](Memory::copy), and bytes are read as bytes, for which
//!    every value is good. So a file with any content is read without harm.
//! 7. **A file is mapped by one process.** Whoever maps it holds its lock. A forked child has zeros of its own in its place
//!    (a mapping would keep the lock), or, forked behind the C library's back, the mapping; but no call of this package reaches
//!    it from there: every method of `Ring` and `Reader` that would touch the memory asks first whether this process is the
//!    one that opened it, and answers without it where it is not. What remains is a reference to a counter, an atomic, that was
//!    taken before the fork. Who writes to the file in spite of the lock, or cuts it short, has
//!    the rights of this user and could as well write to the process itself; the documentation says so.

pub(crate) mod held;
pub(crate) mod mapping;

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::Range;
use std::ptr::{NonNull, copy_nonoverlapping};

use crate::platform;
use crate::sync::{AtomicU64, Ordering};
use crate::word::GRANULE;

/// Bytes of a page; where pages are larger some are touched twice.
pub(crate) const PAGE: usize = 4096;
/// The state of the making, in the header, which [`header`](crate::header) lays out.
pub(crate) const STATE: usize = 48;
/// Words for the owner's counters.
pub(crate) const COUNTERS: usize = 64;
/// Words of a stamp.
pub(crate) const STAMP_WORDS: usize = 128;

// Two neighbouring cache lines travel together on some processors, hence the distances.
const HEAD: usize = PAGE;
const TAIL: usize = PAGE + 256;
const OWNER: usize = PAGE + 384;
/// The same, as a place in a file.
pub(crate) const OWNER_AT: u64 = OWNER as u64;
const COUNTS: usize = PAGE + 512;
const STAMPS: usize = PAGE + 2048;
const TAGS: usize = 2 * PAGE;
/// Granules between what is stored and what is fetched meanwhile: some tens of records.
const AHEAD: u64 = 64;
/// Granules that are made ready at the start: half a mebibyte, twice as far as a quiet ring goes in a lap.
pub(crate) const READY_AT_START: u64 = 1 << 13;
/// Tags that are made ready at the start, two mebibytes of them, which is all where a ring has 16 MiB. A page of tags serves
/// 200 records or so: if the consumer were held up before it had made them ready, of each thousand callers five would meet
/// a page fault, of 2 µs each.
const TAGS_AT_START: usize = 1 << 18;
const _: () = assert!(COUNTS + COUNTERS * 8 <= STAMPS && STAMPS + 2 * STAMP_WORDS * 8 <= TAGS);

/// The least capacity, in granules.
pub(crate) const LEAST: usize = 64;
/// The most: what [`MOST_BYTES`](crate::MOST_BYTES) takes, or a gibibyte where addresses are short.
pub(crate) const MOST: usize = if usize::BITS < 64 { 1 << 24 } else { (1_u64 << 33) as usize };
/// How far a lap goes before its rest may be left out while the ring is empty, in granules: 256 KiB, some of which is still
/// in a processor's cache when it comes round again. Less where it is interpreted.
pub(crate) const WINDOW: u64 = if cfg!(miri) { 1 << 6 } else { 1 << 12 };

/// How large a ring's memory is, and where what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    granules: usize,
}

impl Shape {
    /// For so many granules; they must be a power of two, and not too few or too many.
    pub(crate) fn new(granules: usize) -> Option<Self> {
        let fits = granules.is_power_of_two() && (LEAST..=MOST).contains(&granules);
        (fits && granules.checked_mul(GRANULE + 8)? <= isize::MAX as usize - TAGS)
            .then_some(Self { granules })
    }

    /// Granules.
    pub(crate) fn granules(self) -> usize {
        self.granules
    }

    /// Bytes of all.
    pub(crate) fn bytes(self) -> usize {
        self.data() + self.granules * GRANULE
    }

    pub(crate) fn data(self) -> usize {
        TAGS + self.granules * 8
    }
}

/// What stands under the path of a ring's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileState {
    /// The file, as far as can be told: where the path cannot be looked at, nothing is known against it.
    InPlace,
    /// Nothing: what is in the ring is lost to the next process.
    Removed,
    /// Another file.
    Replaced,
}

/// Where the memory is from, and how it goes.
pub(crate) trait Backing:
    Send + Sync + fmt::Debug + std::panic::UnwindSafe + std::panic::RefUnwindSafe
{
    /// Its beginning, at a multiple of 64, of at least the bytes of its shape, zeroed or from a file.
    fn base(&self) -> NonNull<u8>;

    /// Whether its file stands where it was opened.
    fn file_state(&self) -> FileState {
        FileState::InPlace
    }

    /// Removes its file, if that stands where it was opened.
    fn remove_file(&self) {}

    /// Whether the system has given the memory already, so that bringing it takes no more.
    fn is_allocated(&self) -> bool {
        false
    }

    /// Makes the system bring the pages with these bytes of it, ready to be written. False: it cannot be asked for that.
    fn bring(&self, _: Range<usize>) -> bool {
        false
    }
}

/// A ring's memory.
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
    /// Memory of this shape.
    ///
    /// # Safety
    /// `backing` has at least [`Shape::bytes`] bytes at its base, which stay valid as long as it is not dropped, and
    /// which nothing else reaches but atomics of other `Memory`s.
    pub(crate) unsafe fn new(shape: Shape, backing: Box<dyn Backing>) -> Self {
        Self { base: backing.base(), shape, backing }
    }

    /// Zeroed memory from the allocator.
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

    /// Whether it is made; see [`header`](crate::header).
    pub(crate) fn state(&self) -> &AtomicU64 {
        self.at(STATE)
    }

    /// What producers change.
    #[inline]
    pub(crate) fn head(&self) -> &AtomicU64 {
        self.at(HEAD)
    }

    /// What producers know of the tail, on their line.
    #[inline]
    pub(crate) fn seen(&self) -> &AtomicU64 {
        self.at(HEAD + 8)
    }

    /// A number that the tail has reached, whole, on the producers' line.
    #[inline]
    pub(crate) fn base(&self) -> &AtomicU64 {
        self.at(HEAD + 16)
    }

    /// What the consumer has given back, as a word to compare `head` with.
    pub(crate) fn tail(&self) -> &AtomicU64 {
        self.at(TAIL)
    }

    /// The granules given back, as a whole number.
    pub(crate) fn tail_whole(&self) -> &AtomicU64 {
        self.at(TAIL + 8)
    }

    /// The process that the ring belongs to.
    pub(crate) fn owner(&self) -> &AtomicU64 {
        self.at(OWNER)
    }

    pub(crate) fn counter(&self, index: usize) -> &AtomicU64 {
        self.at(COUNTS + index % COUNTERS * 8)
    }

    pub(crate) fn stamp(&self, slot: usize, word: usize) -> &AtomicU64 {
        self.at(STAMPS + (slot % 2 * STAMP_WORDS + word % STAMP_WORDS) * 8)
    }

    /// The tag of granule number `granule`.
    #[inline]
    pub(crate) fn tag(&self, granule: u64) -> &AtomicU64 {
        self.at(TAGS + self.place(granule) * 8)
    }

    /// Which lap granule number `granule` is in.
    #[inline]
    pub(crate) fn lap(&self, granule: u64) -> u64 {
        granule >> self.shape.granules.trailing_zeros()
    }

    #[inline]
    fn place(&self, granule: u64) -> usize {
        granule as usize & (self.shape.granules - 1)
    }

    /// Has the processor fetch what one of the next callers will store to: the granule that many further, and its tag. What fetches
    /// along by itself stops at each page of 4 KiB.
    #[inline]
    pub(crate) fn fetch_ahead(&self, granule: u64) {
        let granule = granule + AHEAD;
        let (tag, data) = (TAGS + self.place(granule) * 8, self.shape.data() + self.place(granule) * GRANULE);
        for offset in [tag, data, data ^ GRANULE] {
            // SAFETY: inside (6).
            platform::fetch_for_store(unsafe { self.base.add(offset) });
        }
    }

    /// Stores bytes, `skip` bytes behind the beginning of granule number `granule`.
    ///
    /// # Safety
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

    /// Copies bytes from `skip` bytes behind the beginning of granule number `granule` on; more than the ring has are
    /// none.
    ///
    /// # Safety
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

    /// Fills the memory from its beginning; more than it has is left out. Before anybody else knows of it.
    pub(crate) fn fill_from(&mut self, image: &[u8]) {
        let len = image.len().min(self.shape.bytes());
        // SAFETY: within the memory (6); `&mut self`, so there is no other access, atomic or not.
        unsafe { copy_nonoverlapping(image.as_ptr(), self.base.as_ptr(), len) }
    }

    /// The memory as it is, for tests with no other thread about.
    #[cfg(test)]
    pub(crate) fn dump(&self, image: &mut [u8]) {
        let len = image.len().min(self.shape.bytes());
        // SAFETY: within the memory; the test's only thread does nothing else.
        unsafe { copy_nonoverlapping(self.base.as_ptr(), image.as_mut_ptr(), len) }
    }

    /// Makes the first granules of a lap ready to be written, with their tags and all that stands before those: a page fault
    /// costs a caller microseconds. Returns how many are ready: all of them, where the system cannot be asked for pages
    /// later. Before anybody else knows of the memory.
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

    /// Makes these granules of a lap ready, with their tags. False: the system cannot be asked for that.
    pub(crate) fn make_ready(&self, granules: Range<usize>) -> bool {
        let end = granules.end.min(self.shape.granules);
        let start = granules.start.min(end);
        let data = self.shape.data();
        self.backing.bring(TAGS + start * 8..TAGS + end * 8)
            && self.backing.bring(data + start * GRANULE..data + end * GRANULE)
    }
}

/// Stores what is there. Of an operation that changes nothing a compiler may make a load, which brings a page for reading
/// alone: of `fetch_or(0)` it does, of a compare-exchange it does not.
#[inline(never)]
fn touch(word: &AtomicU64) {
    let value = word.load(Ordering::Relaxed);
    // If it fails, another thread has just stored.
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
