//! What is found in a ring that outlived its process: looked at, whatever it holds, and made whole again.
//! It saves nothing: what it leaves in the ring is taken by the next reader like any other record.

use crate::file::header::Damage;
use crate::memory::Memory;
use crate::reader::{leave_lap, see};
use crate::stamp::{self, Stamp};
use crate::sync::Ordering;
use crate::tag::{LAP, MOST_MISSING, Tag};
use crate::word::{GRANULE, PADDED, Word};

/// The last lap that a ring may begin in: far before a tag of it could be the word for no tag, and far more than a ring sees.
const LAPS_MAX: u64 = u64::MAX >> LAP >> 1;

/// What was in a ring that is used again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Records whose room had not been given back.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Places where a record was begun and never finished, because its producer died.
    pub holes: u64,
    /// The process that the ring belonged to.
    pub process: u32,
    /// The last note of its consumer.
    pub stamp: Option<Stamp>,
}

/// What was found, and from where the new life goes on.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) found: Found,
    /// Granules without a tag below this are holes.
    pub(crate) holes_below: u64,
    /// The number of the last stamp.
    pub(crate) stamps: u64,
}

/// Makes the ring whole again: counts what waits, and wipes every tag that does not belong to it. May be cut anywhere and
/// done anew: what it stores follows from what it keeps. Before anybody else knows of the memory.
pub(crate) fn adopt(memory: &Memory) -> Result<Adopted, Damage> {
    let capacity = memory.shape().granules() as u64;
    let stamp = stamp::newest(memory);
    let (mut tail, head) = end_padding(memory)?;
    let used = head.since(Word::new(tail, 0)).granules;
    if used > capacity || tail > u64::MAX / 2 || memory.lap(tail) > LAPS_MAX {
        return Err(Damage::Contents);
    }
    let head = tail + used;
    // All below the stamp's first record is where it belongs, whether or not its room was given back.
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
    // Whatever else stands there is of an earlier lap, or was put there by nobody of ours.
    for granule in end..tail + capacity {
        memory.tag(granule).store(0, Ordering::Relaxed);
    }
    memory.seen().store(Word::new(tail, 0).0, Ordering::Relaxed);
    memory.base().store(tail, Ordering::Relaxed);
    memory.tail().store(Word::new(tail, 0).0, Ordering::Relaxed);
    memory.tail_whole().store(tail, Ordering::Relaxed);
    // Behind the last record: who began one after it is dead.
    memory.head().store(Word::new(end, found.records).0, Ordering::Release);
    if found.records == 0 {
        // An empty ring begins at the beginning of its memory, so that not more of that is made ready than a new one's.
        end = leave_lap(memory, end, 0).unwrap_or(end);
    }
    let (stamps, stamp) = stamp.unzip();
    found.stamp = stamp;
    Ok(Adopted { found, holes_below: end, stamps: stamps.unwrap_or(0) })
}

/// Ends what a consumer that died had begun, if it was leaving a lap: all before the next one is padding, and only behind
/// that there may be records. What is stored follows from what is kept, and the mark goes last.
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

/// The record at a granule, if it is one and ends before `head`: its length, and the granule behind it.
fn whole_record(memory: &Memory, at: u64, head: u64) -> Option<(u64, u64)> {
    let tag = Tag::decode(memory.tag(at).load(Ordering::Acquire), memory.lap(at))?;
    // SAFETY: nobody else knows of this memory yet.
    let seen = unsafe { see(memory, at, tag) };
    // One of no bytes is none, and one that lost more bytes than there are was not stored by us.
    let is_ours = seen.len > 0 && seen.missing <= MOST_MISSING;
    let fits = is_ours && seen.len < memory.shape().granules() * GRANULE && seen.end <= head;
    fits.then_some((seen.len as u64, seen.end))
}

/// Says that the ring belongs to this process now.
pub(crate) fn own(memory: &Memory) {
    memory.owner().store(u64::from(std::process::id()), Ordering::Release);
}
