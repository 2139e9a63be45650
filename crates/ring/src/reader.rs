//! The consumer's end: takes records in order, and gives their room back when the caller says so. There is exactly one.
//! It touches its own cache line only to give room back, and the producers' line only to leave a lap or to see how far
//! one has gone.

use std::sync::Arc;

use crate::memory::{Memory, READY_AT_START, WINDOW};
use crate::ring::Ring;
use crate::stamp::{self, Stamp};
use crate::sync::Ordering;
use crate::tag::{PREFIX, Tag, room_of};
use crate::word::{GRANULE, PADDED, Word};

/// Granules that a round makes ready beyond what it needs when there is much traffic: a mebibyte.
const MORE: u64 = 1 << 14;
/// Granules per round that count as much traffic.
const BUSY: u64 = 1 << 9;
/// Beyond this number no lap is left early, so a ring can't run out of numbers other than by its records.
const LEAVES_UNTIL: u64 = u64::MAX / 4;

/// The single consumer of a [`Ring`]. In a forked child, which shares the ring with its parent, it finds nothing and
/// changes nothing.
#[derive(Debug)]
pub struct Reader {
    ring: Arc<Ring>,
    /// The granule at which the next record is looked for.
    next: u64,
    /// The number of records taken.
    taken: u64,
    /// The granule up to which room was given back.
    tail: u64,
    given: u64,
    /// Below this, a granule without a tag is a hole: its producer is dead.
    holes_below: u64,
    stamps: u64,
    /// The number of granules of a lap, from its beginning, whose pages are ready to be written.
    pub(crate) ready: u64,
    /// Where the reader was when it last made pages ready.
    before: u64,
}

/// Describes a record that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The level that the record was offered with.
    pub level: u8,
    /// The length of the record in bytes.
    pub len: usize,
    /// The number of bytes that were cut from the record before it was offered.
    pub missing: usize,
    /// The number of granules to give back for the record, including those of a hole before it.
    pub granules: u64,
}

/// The result of [`Reader::take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// There is nothing to take: no record was accepted, or the producer of the next one isn't done with it yet.
    Nothing,
    /// A record was taken; its bytes are at the front of `space`.
    Record(Taken),
    /// The next record has this many bytes, which is more than `space` holds. It was not taken.
    NeedsSpace(usize),
}

/// What stands at a granule.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) level: u8,
    pub(crate) len: usize,
    pub(crate) missing: usize,
    /// The granule behind it.
    pub(crate) end: u64,
    prefix: usize,
}

impl Reader {
    pub(crate) fn new(ring: Arc<Ring>) -> Self {
        let memory = ring.memory();
        let tail = memory.tail_whole().load(Ordering::Acquire);
        let given = Word(memory.tail().load(Ordering::Acquire)).records();
        // A file that is adopted has all its tags faulted in already.
        let ready = if ring.memory().is_allocated() { MORE } else { READY_AT_START };
        let mut reader = Self {
            ring,
            next: tail,
            taken: given,
            tail,
            given,
            holes_below: tail,
            stamps: 0,
            ready,
            before: tail,
        };
        let ready = reader.ready_for(reader.reached());
        reader.ready = reader.ring.memory().begin(ready as usize) as u64;
        reader
    }

    /// Returns the ring that this reader takes from.
    #[must_use]
    pub fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// Returns the number of the granule behind the last record taken. It grows with every record.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.next
    }

    /// Returns the number of the granule up to which room was given back.
    #[must_use]
    pub fn tail(&self) -> u64 {
        self.tail
    }

    /// Returns whether there is no record to take.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.find().is_none()
    }

    /// Takes the next record, if there is one and its producer is done with it, and copies it to the front of `space`.
    ///
    /// The room of the record stays reserved until [`give_back`](Self::give_back) is called for it.
    ///
    /// ```
    /// use tracing_spool_ring::{Limits, Ring, Take};
    /// let limits = Limits { bytes: 1 << 16, records: 100, shares: [80, 80, 95, 98, 100] };
    /// let (ring, mut reader) = Ring::in_memory(limits)?;
    /// assert!(ring.offer(2, b"a record", 0).is_ok());
    ///
    /// let mut space = vec![0; 4];
    /// assert_eq!(reader.take(&mut space), Take::NeedsSpace(8));
    /// space.resize(8, 0);
    /// let Take::Record(record) = reader.take(&mut space) else { unreachable!() };
    /// assert_eq!(&space[..record.len], b"a record");
    /// reader.give_back(record.granules, 1);
    /// assert!(reader.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn take(&mut self, space: &mut [u8]) -> Take {
        let Some((at, seen)) = self.find() else { return Take::Nothing };
        let Some(space) = space.get_mut(..seen.len) else { return Take::NeedsSpace(seen.len) };
        // SAFETY: its tag was seen just now, and its room can't have been given back, since that goes up to `next` at
        // most.
        unsafe { self.ring.memory().copy(at, seen.prefix, space) };
        let granules = seen.end - self.next;
        self.next = seen.end;
        self.taken += 1;
        Take::Record(Taken { level: seen.level, len: seen.len, missing: seen.missing, granules })
    }

    /// Gives back the room of the oldest records: `granules` granules, which held `records` records. The caller must
    /// not give back more than it took.
    pub fn give_back(&mut self, granules: u64, records: u64) {
        if self.ring.is_forked() {
            return;
        }
        self.tail = self.tail.saturating_add(granules).min(self.next);
        self.given = self.given.saturating_add(records).min(self.taken);
        publish(self.ring.memory(), self.tail, self.given);
    }

    /// Leaves out the rest of the current lap, if every record was taken and given back and the lap has gone at least
    /// 256 KiB. The next record then goes to the beginning of the memory, so light traffic stays in a small part of it.
    ///
    /// Returns whether it did. Call this once per round of the consumer: nobody waits for it, and no record is refused
    /// because of it.
    pub fn rewind(&mut self) -> bool {
        self.rewind_beyond(WINDOW)
    }

    /// Does what [`rewind`](Self::rewind) does, for a lap that has gone at least `window` granules.
    pub(crate) fn rewind_beyond(&mut self, window: u64) -> bool {
        let capacity = self.capacity();
        let place = self.tail & (capacity - 1);
        let is_done = self.tail == self.next && self.given == self.taken;
        if place < window.max(1) || !is_done || self.ring.is_forked() {
            return false;
        }
        let Some(tail) = leave_lap(self.ring.memory(), self.tail, self.given) else { return false };
        (self.tail, self.next, self.before) = (tail, tail, tail);
        true
    }

    /// Faults pages in ahead of need, so that no caller waits for a page fault.
    ///
    /// Once half of the memory that is ready was used in one lap, this makes twice as much ready. After a round that
    /// took 32 KiB or more it makes another mebibyte ready, so that under much traffic the whole ring is ready before
    /// the consumer may be held up. A file, whose memory is allocated already, is made ready step by step in any case.
    ///
    /// Call this once per round of the consumer. If there is nothing to do, it costs a comparison.
    pub fn make_ready(&mut self) {
        let capacity = self.capacity();
        if self.ready >= capacity || self.ring.is_forked() {
            return;
        }
        let brought = self.next - std::mem::replace(&mut self.before, self.next);
        let is_worth_it = brought >= BUSY || self.ring.memory().is_allocated();
        let more = if is_worth_it { MORE } else { 0 };
        let wanted = self.ready_for(self.reached()).max(self.ready + more).min(capacity);
        if wanted > self.ready {
            // If this fails, callers fault in what they need.
            self.ring.memory().make_ready(self.ready as usize..wanted as usize);
            self.ready = wanted;
        }
    }

    /// Returns how many granules of the consumer's lap were reserved, counted from its beginning.
    fn reached(&self) -> u64 {
        let head = Word(self.ring.memory().head().load(Ordering::Relaxed));
        let waiting = head.since(Word::new(self.tail, 0)).granules;
        (self.tail & (self.capacity() - 1)).saturating_add(waiting).min(self.capacity())
    }

    fn ready_for(&self, reached: u64) -> u64 {
        let mut ready = self.ready;
        while ready < reached.saturating_mul(2) {
            ready *= 2;
        }
        ready.min(self.capacity())
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.ring.memory().shape().granules() as u64
    }

    /// Skips granules below `holes_below` that have no tag, and continues the stamps behind number `stamps`.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) fn resume(&mut self, holes_below: u64, stamps: u64) {
        (self.holes_below, self.stamps) = (holes_below, stamps);
    }

    /// Stores a note of what is about to be done with records, or was done. The previous stamp stays valid until this
    /// one is complete.
    pub fn stamp(&mut self, stamp: &Stamp) {
        if self.ring.is_forked() {
            return;
        }
        self.stamps += 1;
        stamp::store(self.ring.memory(), self.stamps, stamp);
    }

    /// Finds the next record and the granule it begins at.
    #[inline]
    fn find(&self) -> Option<(u64, Seen)> {
        if self.ring.is_forked() {
            return None;
        }
        let mut at = self.next;
        loop {
            if let Some(seen) = look(&self.ring, at) {
                return Some((at, seen));
            }
            at += 1;
            if at >= self.holes_below {
                return None;
            }
        }
    }
}

/// Publishes what was given back to the producers, and to whoever finds the ring after a death. The full-width number
/// goes first.
fn publish(memory: &Memory, tail: u64, given: u64) {
    memory.tail_whole().store(tail, Ordering::Release);
    memory.tail().store(Word::new(tail, given).0, Ordering::Release);
}

/// Reserves the rest of the lap as padding, if nothing waits, and returns the first number of the next lap.
pub(crate) fn leave_lap(memory: &Memory, tail: u64, given: u64) -> Option<u64> {
    let (head, empty) = (Word(memory.head().load(Ordering::Relaxed)), Word::new(tail, given));
    let is_empty = head.granules() == empty.granules() && head.records() == empty.records();
    if !is_empty || head.is_closed() || tail > LEAVES_UNTIL {
        return None;
    }
    let next = tail.next_multiple_of(memory.shape().granules() as u64);
    // From here until the mark is removed, everything before the next lap counts as padding, for producers and for
    // whoever finds the ring after a death, whichever of the stores in between have been done.
    let padded = head.padded(next - tail).0;
    memory.head().compare_exchange(head.0, padded, Ordering::SeqCst, Ordering::Relaxed).ok()?;
    publish(memory, next, given);
    // Raise `base` here, or the producers would have to find the ring full first. Nobody can have stored a newer
    // number: there is none until this is done.
    memory.base().fetch_max(next, Ordering::Relaxed);
    memory.seen().store(Word::new(next, given).0, Ordering::Release);
    memory.head().fetch_and(!PADDED, Ordering::SeqCst);
    Some(next)
}

#[inline]
fn look(ring: &Ring, at: u64) -> Option<Seen> {
    let memory = ring.memory();
    let tag = Tag::decode(memory.tag(at).load(Ordering::Acquire), memory.lap(at))?;
    // SAFETY: its tag was seen just now, and this record has not been taken yet, so it has not been given back.
    Some(unsafe { see(memory, at, tag) })
}

/// Decodes a tag and, in the long form, what stands before the record.
///
/// # Safety
///
/// As for [`copy`](crate::memory::Memory::copy), for the granule.
#[inline]
pub(crate) unsafe fn see(memory: &Memory, at: u64, tag: Tag) -> Seen {
    let (len, missing, prefix) = match tag.len {
        Some(len) => (len, 0, 0),
        None => {
            let mut prefix = [0; PREFIX];
            // SAFETY: the caller's promise.
            unsafe { memory.copy(at, 0, &mut prefix) };
            let prefix = u128::from_le_bytes(prefix);
            let word = |word: u128| usize::try_from(word).unwrap_or(usize::MAX);
            (word(prefix & u128::from(u64::MAX)), word(prefix >> 64), PREFIX)
        }
    };
    // What our producers store is in range. What a file holds was checked when it was adopted, but is bounded here all
    // the same.
    let len = len.min(memory.shape().granules() * GRANULE - prefix);
    let room = if prefix == 0 { room_of(len, 0) } else { room_of(len, missing.max(1)) };
    Seen { level: tag.level, len, missing, end: at + room, prefix }
}
