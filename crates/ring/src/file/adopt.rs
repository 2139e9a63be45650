//! Takes over a ring that outlived its process: checks what it holds and makes it consistent again. It rescues nothing
//! by itself; the next reader takes the records that it leaves in the ring, like any others.

use crate::file::header::Damage;
use crate::memory::Memory;
use crate::reader::{leave_lap, see};
use crate::stamp::{self, Stamp};
use crate::sync::Ordering;
use crate::tag::{LAP, MOST_MISSING, Tag};
use crate::word::{GRANULE, PADDED, Word};

/// The last lap in which an adopted ring may begin: far below a lap whose tag could equal the word for "no tag", and
/// far beyond what any ring reaches.
const LAPS_MAX: u64 = u64::MAX >> LAP >> 1;

/// What a reopened ring held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The number of records whose room had not been given back.
    pub records: u64,
    /// The size of those records, in bytes.
    pub bytes: u64,
    /// The number of holes: places where a producer began a record and died before finishing it.
    pub holes: u64,
    /// The number of the process that the ring belonged to.
    pub process: u32,
    /// The last stamp of its consumer, if there is a whole one.
    pub stamp: Option<Stamp>,
}

/// What was found, and where the new consumer goes on.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) found: Found,
    /// Granules below this one that have no tag are holes.
    pub(crate) holes_below: u64,
    /// The number of the last stamp.
    pub(crate) stamps: u64,
    /// What [`Ring::admitted`](crate::Ring::admitted) says of it.
    pub(crate) admitted: u64,
}

/// Makes the ring consistent: counts the records that wait and wipes every tag that doesn't belong to one. May be
/// interrupted anywhere and run again, because everything that it stores follows from what it leaves unchanged. Runs
/// before anybody else knows of the memory.
pub(crate) fn adopt(memory: &Memory) -> Result<Adopted, Damage> {
    let capacity = memory.shape().granules() as u64;
    let stamp = stamp::newest(memory);
    let (mut tail, head) = end_padding(memory)?;
    let (used, reserved) = (head.since(Word::new(tail, 0)).granules, head.records());
    if used > capacity || tail > u64::MAX / 2 || memory.lap(tail) > LAPS_MAX {
        return Err(Damage::Contents);
    }
    let head = tail + used;
    // Everything below the stamp's first record is where it belongs, whether or not its room was given back.
    if let Some((_, stamp)) = &stamp {
        if (tail..=head).contains(&stamp.from) {
            tail = stamp.from;
        } else if stamp.from > head {
            return Err(Damage::Contents);
        }
    }
    let mut found = Found {
        process: u32::try_from(memory.owner().load(Ordering::Relaxed)).unwrap_or(0),
        ..Found::default()
    };
    let (mut at, mut end, mut in_hole) = (tail, tail, false);
    while at < head {
        match whole_record(memory, at, head) {
            Some((len, next)) => {
                found.records += 1;
                found.bytes += len;
                (at, end, in_hole) = (next, next, false);
            }
            None => {
                found.holes += u64::from(!in_hole);
                in_hole = true;
                memory.tag(at).store(0, Ordering::Relaxed);
                at += 1;
            }
        }
    }
    // Any other tag there is from an earlier lap, or was not stored by this package.
    for granule in end..tail + capacity {
        memory.tag(granule).store(0, Ordering::Relaxed);
    }
    // The count of records goes on, without the one that a dead producer had reserved and not finished. Its room is cut
    // off below, so a second adoption doesn't subtract it again. Holes between records stay, and so does their count.
    let admitted = reserved.wrapping_sub(u64::from(end < head));
    let given = admitted.wrapping_sub(found.records);
    memory.seen().store(Word::new(tail, given).0, Ordering::Relaxed);
    memory.base().store(tail, Ordering::Relaxed);
    memory.tail().store(Word::new(tail, given).0, Ordering::Relaxed);
    memory.tail_whole().store(tail, Ordering::Relaxed);
    // Continue behind the last record: a producer that reserved room after it is dead.
    let head = Word::new(end, admitted);
    memory.head().store(head.0, Ordering::Release);
    if found.records == 0 {
        // Start an empty ring at the beginning of its memory, so that no more pages are faulted in than for a new ring.
        end = leave_lap(memory, end, given).unwrap_or(end);
    }
    let (stamps, stamp) = stamp.unzip();
    found.stamp = stamp;
    Ok(Adopted { found, holes_below: end, stamps: stamps.unwrap_or(0), admitted: head.records() })
}

/// Finishes leaving a lap, if the dead consumer had begun to: everything up to the next lap is padding, and records can
/// only follow it. What is stored follows from what is kept, and the mark is removed last.
fn end_padding(memory: &Memory) -> Result<(u64, Word), Damage> {
    let tail = memory.tail_whole().load(Ordering::Relaxed);
    let head = Word(memory.head().load(Ordering::Relaxed));
    if !head.is_padded() || tail > u64::MAX / 2 {
        return Ok((tail, head));
    }
    // If the new tail was stored already, it is the beginning of that lap.
    let lap = tail.next_multiple_of(memory.shape().granules() as u64);
    if head.since(Word::new(tail, 0)).granules < lap - tail {
        return Err(Damage::Contents);
    }
    memory.tail_whole().store(lap, Ordering::Relaxed);
    let head = Word(head.0 & !PADDED);
    memory.head().store(head.0, Ordering::Release);
    Ok((lap, head))
}

/// Lets the count of records in a new, empty ring begin at `admitted`. Runs before anybody else knows of the memory.
pub(crate) fn count_from(memory: &Memory, admitted: u64) {
    let word = Word::new(0, admitted).0;
    for place in [memory.seen(), memory.tail(), memory.head()] {
        place.store(word, Ordering::Relaxed);
    }
}

/// Returns the length of the record at granule `at` and the granule behind it, if there is a whole record that ends
/// before `head`.
fn whole_record(memory: &Memory, at: u64, head: u64) -> Option<(u64, u64)> {
    let tag = Tag::decode(memory.tag(at).load(Ordering::Acquire), memory.lap(at))?;
    // SAFETY: nobody else knows of this memory yet.
    let seen = unsafe { see(memory, at, tag) };
    // We never store an empty record, nor one that is missing more bytes than a record can.
    let is_ours = seen.len > 0 && seen.missing <= MOST_MISSING;
    let fits = is_ours && seen.len < memory.shape().granules() * GRANULE && seen.end <= head;
    fits.then_some((seen.len as u64, seen.end))
}

/// Marks the ring as belonging to this process.
pub(crate) fn own(memory: &Memory) {
    memory.owner().store(u64::from(std::process::id()), Ordering::Release);
}
