//! The consumer's side: records in order, and their room given back when their taker says so. There is one.
//! It touches its own cache line only to give room back, and the producers' to leave a lap or to see how far one has gone.

use std::sync::Arc;

use crate::memory::{Memory, READY_AT_START, WINDOW};
use crate::ring::Ring;
use crate::stamp::{self, Stamp};
use crate::sync::Ordering;
use crate::tag::{PREFIX, Tag, room_of};
use crate::word::{GRANULE, PADDED, Word};

/// Granules that a round makes ready more under much traffic, a mebibyte of them.
const MORE: u64 = 1 << 14;
/// Granules that a round brings where there is much traffic.
const BUSY: u64 = 1 << 9;
/// Beyond this number no lap is left early: numbers have no end that a ring would reach by its records alone.
const LEAVES_UNTIL: u64 = u64::MAX / 4;

/// The one end where records come out. In a forked child, which shares the ring with its parent, it has nothing and does
/// nothing.
#[derive(Debug)]
pub struct Reader {
    ring: Arc<Ring>,
    /// The granule of the next record.
    next: u64,
    /// Records taken.
    taken: u64,
    /// Given back so far.
    tail: u64,
    given: u64,
    /// Below this a granule without a tag is a hole: its producer is dead.
    holes_below: u64,
    stamps: u64,
    /// Granules of a lap, from its beginning, whose pages are there to be written.
    pub(crate) ready: u64,
    /// Where it was when it last made some ready.
    before: u64,
}

/// A record that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its level.
    pub level: u8,
    /// Its bytes.
    pub len: usize,
    /// Bytes of it that were left behind.
    pub missing: usize,
    /// Granules to give back for it; a hole before it is among them.
    pub granules: u64,
}

/// What there is to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Nothing: no record was accepted, or the producer of the next is not done.
    Nothing,
    /// A record; its bytes are at the front of the space.
    Record(Taken),
    /// A record of so many bytes, for which there is not enough space: it was not taken.
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
        // An adopted file has all its tags in the process already.
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

    /// The ring.
    #[must_use]
    pub fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// The number of the granule behind the record taken last. Grows with every record.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.next
    }

    /// The number of the granule up to which room was given back.
    #[must_use]
    pub fn tail(&self) -> u64 {
        self.tail
    }

    /// Whether there is no record to take.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.find().is_none()
    }

    /// Takes the next record, if there is one and its producer is done with it: copies it to the front of `space`.
    #[inline]
    pub fn take(&mut self, space: &mut [u8]) -> Take {
        let Some((at, seen)) = self.find() else { return Take::Nothing };
        let Some(space) = space.get_mut(..seen.len) else { return Take::NeedsSpace(seen.len) };
        // SAFETY: its tag was seen just now, and its room cannot have been given back: that goes up to `next` at most.
        unsafe { self.ring.memory().copy(at, seen.prefix, space) };
        let granules = seen.end - self.next;
        self.next = seen.end;
        self.taken += 1;
        Take::Record(Taken { level: seen.level, len: seen.len, missing: seen.missing, granules })
    }

    /// Gives back the room of the oldest records: so many granules, and so many records. No more than were taken.
    pub fn give_back(&mut self, granules: u64, records: u64) {
        if self.ring.is_forked() {
            return;
        }
        self.tail = self.tail.saturating_add(granules).min(self.next);
        self.given = self.given.saturating_add(records).min(self.taken);
        publish(self.ring.memory(), self.tail, self.given);
    }

    /// Leaves the rest of the lap out, if all records were taken and given back, and the lap has gone far enough (256 KiB):
    /// the next record goes to the beginning of the memory, so that light traffic stays in a small part of it. Says whether
    /// it did. For each round; nothing waits for it, and no record is refused because of it.
    pub fn rewind(&mut self) -> bool {
        self.rewind_beyond(WINDOW)
    }

    /// As [`rewind`](Self::rewind), of a lap that has gone so many granules.
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

    /// Makes the system bring memory ahead of need, so that no caller waits for a page: twice as much as was ever ready, as
    /// soon as half of that was used in one lap; and a mebibyte more after each round that brought 32 KiB or more, so that under
    /// much traffic all is ready before the thread that reads may once be held up. A file, whose memory is taken already, is made
    /// ready by and by in any case. For each of its rounds: where there is nothing
    /// to do it costs a comparison.
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
            // Where it fails, the callers' own page faults bring what they need.
            self.ring.memory().make_ready(self.ready as usize..wanted as usize);
            self.ready = wanted;
        }
    }

    /// How many granules of the consumer's lap were reserved, from its beginning.
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

    /// Granules below this that have no tag are passed over; stamps go on behind the last.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) fn resume(&mut self, holes_below: u64, stamps: u64) {
        (self.holes_below, self.stamps) = (holes_below, stamps);
    }

    /// Notes what is about to be done with records, or was done; the note before it stays until this one is whole.
    pub fn stamp(&mut self, stamp: &Stamp) {
        if self.ring.is_forked() {
            return;
        }
        self.stamps += 1;
        stamp::store(self.ring.memory(), self.stamps, stamp);
    }

    /// The next record and where it stands.
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

/// Stores what was given back, for the producers and for whoever finds the ring: the whole number first.
fn publish(memory: &Memory, tail: u64, given: u64) {
    memory.tail_whole().store(tail, Ordering::Release);
    memory.tail().store(Word::new(tail, given).0, Ordering::Release);
}

/// Takes the rest of the lap as padding, if nothing waits: the number that the next one begins with.
pub(crate) fn leave_lap(memory: &Memory, tail: u64, given: u64) -> Option<u64> {
    let (head, empty) = (Word(memory.head().load(Ordering::Relaxed)), Word::new(tail, given));
    let is_empty = head.granules() == empty.granules() && head.records() == empty.records();
    if !is_empty || head.is_closed() || tail > LEAVES_UNTIL {
        return None;
    }
    let next = tail.next_multiple_of(memory.shape().granules() as u64);
    // From here on until the mark is gone, producers and whoever finds the ring after a death take all that stands before
    // the next lap for padding, whichever of the stores between have been done.
    let padded = head.padded(next - tail).0;
    memory.head().compare_exchange(head.0, padded, Ordering::SeqCst, Ordering::Relaxed).ok()?;
    publish(memory, next, given);
    // So that no producer finds the ring full first. Nobody has stored a newer number: none is newer until this is done.
    memory.base().fetch_max(next, Ordering::Relaxed);
    memory.seen().store(Word::new(next, given).0, Ordering::Release);
    memory.head().fetch_and(!PADDED, Ordering::SeqCst);
    Some(next)
}

#[inline]
fn look(ring: &Ring, at: u64) -> Option<Seen> {
    let memory = ring.memory();
    let tag = Tag::decode(memory.tag(at).load(Ordering::Acquire), memory.lap(at))?;
    // SAFETY: its tag was seen just now, and only records that were taken are given back, which this is not yet.
    Some(unsafe { see(memory, at, tag) })
}

/// What a tag says, with what stands before the record in the long form.
///
/// # Safety
/// As for [`copy`](crate::memory::Memory::copy), for the granule.
#[inline]
pub(crate) unsafe fn see(memory: &Memory, at: u64, tag: Tag) -> Seen {
    let (len, missing, prefix) = match tag.len {
        Some(len) => (len, 0, 0),
        None => {
            let mut prefix = [0; PREFIX];
            // SAFETY: the caller's.
            unsafe { memory.copy(at, 0, &mut prefix) };
            let prefix = u128::from_le_bytes(prefix);
            let word = |word: u128| usize::try_from(word).unwrap_or(usize::MAX);
            (word(prefix & u128::from(u64::MAX)), word(prefix >> 64), PREFIX)
        }
    };
    // What a producer of ours stored is in range; what a file holds was looked at when it was adopted.
    let len = len.min(memory.shape().granules() * GRANULE - prefix);
    let room = if prefix == 0 { room_of(len, 0) } else { room_of(len, missing.max(1)) };
    Seen { level: tag.level, len, missing, end: at + room, prefix }
}
