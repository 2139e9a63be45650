//! The consumer's side: records in order, and their room given back when their taker says so. There is one.
//! It never touches the producers' line, and its own only to give room back.

use std::sync::Arc;

use crate::ring::Ring;
use crate::stamp::{self, Stamp};
use crate::sync::Ordering;
use crate::tag::{PREFIX, Tag, room_of};
use crate::word::{GRANULE, Word};

/// The one end where records come out.
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
        let tail = ring.memory().tail_whole().load(Ordering::Acquire);
        let given = Word(ring.memory().tail().load(Ordering::Acquire)).records();
        Self { ring, next: tail, taken: given, tail, given, holes_below: tail, stamps: 0 }
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
        self.tail = self.tail.saturating_add(granules).min(self.next);
        self.given = self.given.saturating_add(records).min(self.taken);
        let memory = self.ring.memory();
        memory.tail_whole().store(self.tail, Ordering::Release);
        memory.tail().store(Word::new(self.tail, self.given).0, Ordering::Release);
    }

    /// Granules below this that have no tag are passed over; stamps go on behind the last.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) fn resume(&mut self, holes_below: u64, stamps: u64) {
        (self.holes_below, self.stamps) = (holes_below, stamps);
    }

    /// Notes what is about to be done with records, or was done; the note before it stays until this one is whole.
    pub fn stamp(&mut self, stamp: &Stamp) {
        self.stamps += 1;
        stamp::store(self.ring.memory(), self.stamps, stamp);
    }

    /// The next record and where it stands.
    #[inline]
    fn find(&self) -> Option<(u64, Seen)> {
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
pub(crate) unsafe fn see(memory: &crate::memory::Memory, at: u64, tag: Tag) -> Seen {
    let (len, missing, prefix) = match tag.len {
        Some(len) => (len, 0, 0),
        None => {
            let mut prefix = [0; PREFIX];
            // SAFETY: the caller's.
            unsafe { memory.copy(at, 0, &mut prefix) };
            let prefix = u128::from_le_bytes(prefix);
            (prefix as u64 as usize, (prefix >> 64) as usize, PREFIX)
        }
    };
    // What a producer of ours stored is in range; what a file holds was looked at when it was adopted.
    let len = len.min(memory.shape().granules() * GRANULE - prefix);
    let room = if prefix == 0 { room_of(len, 0) } else { room_of(len, missing.max(1)) };
    Seen { level: tag.level, len, missing, end: at + room, prefix }
}
