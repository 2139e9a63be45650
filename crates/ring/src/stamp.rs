//! The stamp: a note in the ring of what its consumer is doing with records, for whoever finds the ring after its
//! death. It only keeps what it is told; what follows from it is up to the owner.
//!
//! There are two stamps, written in turn, each with a number and with a checksum that is stored last: a death in the
//! middle of one leaves the other. No flush is needed: the process that finds the ring sees the stores of a dead thread
//! in the order in which they were made. The death of a process is not a power cut.

use crate::memory::{Memory, STAMP_WORDS};
use crate::sync::Ordering;

/// The most bytes of a text that a stamp holds.
pub const MOST_TEXT: usize = 512;

/// What the consumer is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// Nothing: all records below [`Stamp::from`] are where they belong.
    #[default]
    Nothing,
    /// It is appending the records from [`Stamp::from`] to `until`.
    Records {
        /// The granule behind the last record.
        until: u64,
    },
    /// It is appending this text, which is not a record. At most [`MOST_TEXT`] bytes.
    Text(Vec<u8>),
}

/// A note of what the consumer is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The task at hand.
    pub task: Task,
    /// All records below this granule are done with.
    pub from: u64,
    /// The device of the file that is appended to.
    pub device: u64,
    /// The inode of that file.
    pub inode: u64,
    /// The size of that file, in bytes, before the task.
    pub start: u64,
    /// The number of bytes that the task appends.
    pub bytes: u64,
    /// The [`Checksum`] of those bytes.
    pub checksum: u64,
    /// Two words for the owner, to say how the bytes were rendered, for example.
    pub notes: [u64; 2],
}

const NOTHING: u64 = 0;
const RECORDS: u64 = 1;
const TEXT: u64 = 2;

const TEXT_AT: usize = 13;
const _: () = assert!(TEXT_AT + MOST_TEXT / 8 <= STAMP_WORDS);

/// Stores a stamp. Only the consumer's thread may call this.
pub(crate) fn store(memory: &Memory, number: u64, stamp: &Stamp) {
    let slot = (number % 2) as usize;
    let (kind, until, text) = match &stamp.task {
        Task::Nothing => (NOTHING, stamp.from, &[][..]),
        Task::Records { until } => (RECORDS, *until, &[][..]),
        Task::Text(text) => (TEXT, stamp.from, &text[..text.len().min(MOST_TEXT)]),
    };
    let fixed = [
        number,
        kind,
        stamp.device,
        stamp.inode,
        stamp.start,
        stamp.bytes,
        stamp.checksum,
        stamp.notes[0],
        stamp.notes[1],
        stamp.from,
        until,
        text.len() as u64,
    ];
    let words = fixed.into_iter().chain(text.chunks(8).map(word));
    let mut sum = Sum::default();
    for (index, value) in words.enumerate() {
        sum.add(index, value);
        memory.stamp(slot, index + 1).store(value, Ordering::Release);
    }
    memory.stamp(slot, 0).store(sum.end(), Ordering::Release);
    // What follows, a system call for example, must not move before the stores.
    std::sync::atomic::fence(Ordering::SeqCst);
}

/// Returns the newest whole stamp and its number.
#[cfg(not(any(loom, shuttle)))]
pub(crate) fn newest(memory: &Memory) -> Option<(u64, Stamp)> {
    (0..2).filter_map(|slot| load(memory, slot)).max_by_key(|(number, _)| *number)
}

#[cfg(not(any(loom, shuttle)))]
fn load(memory: &Memory, slot: usize) -> Option<(u64, Stamp)> {
    let word = |index| memory.stamp(slot, index).load(Ordering::Acquire);
    let text_len = usize::try_from(word(TEXT_AT - 1)).ok().filter(|len| *len <= MOST_TEXT)?;
    let last = TEXT_AT + text_len.div_ceil(8);
    let mut sum = Sum::default();
    (1..last).for_each(|index| sum.add(index - 1, word(index)));
    // No consumer ever stores so many stamps that the next number would overflow.
    if sum.end() != word(0) || word(1) % 2 != slot as u64 || word(1) > u64::MAX / 2 {
        return None;
    }
    let mut text: Vec<u8> = (TEXT_AT..last).flat_map(|index| word(index).to_le_bytes()).collect();
    text.truncate(text_len);
    let task = match word(2) {
        NOTHING => Task::Nothing,
        RECORDS => Task::Records { until: word(11) },
        TEXT => Task::Text(text),
        _ => return None,
    };
    let stamp = Stamp {
        task,
        device: word(3),
        inode: word(4),
        start: word(5),
        bytes: word(6),
        checksum: word(7),
        notes: [word(8), word(9)],
        from: word(10),
    };
    Some((word(1), stamp))
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

const LANES: usize = 4;
/// Odd, with well-mixed bits.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Four sums side by side, so that the processor computes them in parallel.
#[derive(Default)]
struct Sum {
    lanes: [u64; LANES],
    words: u64,
}

impl Sum {
    #[inline]
    fn add(&mut self, index: usize, word: u64) {
        let lane = &mut self.lanes[index % LANES];
        *lane = (*lane ^ word).wrapping_mul(FACTOR).rotate_left(29);
        self.words += 1;
    }

    fn end(&self) -> u64 {
        // Never 0 for no words: zeroed memory must not hold a stamp.
        self.lanes.iter().fold(self.words ^ FACTOR, |sum, lane| {
            let mixed = (sum.rotate_left(17) ^ lane).wrapping_mul(FACTOR);
            mixed ^ mixed >> 31
        })
    }
}

/// A checksum against accidents, not against forgery.
#[derive(Clone, Copy, Debug)]
pub struct Checksum;

impl Checksum {
    /// Returns the checksum of `bytes`.
    ///
    /// ```
    /// use tracing_spool_ring::Checksum;
    /// assert_ne!(Checksum::of(b"one"), Checksum::of(b"one\0"));
    /// ```
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        let mut sum = Sum { lanes: [bytes.len() as u64; LANES], words: bytes.len() as u64 };
        let mut blocks = bytes.chunks_exact(8 * LANES);
        for block in blocks.by_ref() {
            for (lane, bytes) in sum.lanes.iter_mut().zip(block.chunks_exact(8)) {
                let word = bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
                *lane = (*lane ^ word).wrapping_mul(FACTOR).rotate_left(29);
            }
        }
        blocks.remainder().chunks(8).enumerate().for_each(|(index, bytes)| sum.add(index, word(bytes)));
        sum.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Shape;

    fn stamp(from: u64, text: Option<&[u8]>) -> Stamp {
        let task = text.map_or(Task::Records { until: from + 5 }, |text| Task::Text(text.to_vec()));
        Stamp { task, from, device: 1, inode: 2, start: 3, bytes: 4, checksum: 5, notes: [6, 7] }
    }

    #[test]
    fn the_newest_whole_one_counts() {
        let memory = Memory::heap(Shape::new(64).unwrap());
        assert_eq!(newest(&memory), None);
        for (number, text) in
            [(1, None), (2, Some(&b"a notice"[..])), (3, Some(&[b'x'; 512][..])), (4, Some(b""))]
        {
            store(&memory, number, &stamp(number * 10, text));
            assert_eq!(newest(&memory), Some((number, stamp(number * 10, text))));
        }
    }

    #[test]
    fn a_death_at_any_store_leaves_the_one_before() {
        let memory = Memory::heap(Shape::new(64).unwrap());
        store(&memory, 1, &stamp(1, Some(b"one, which is longer")));
        store(&memory, 2, &stamp(2, None));
        let snapshot = |slot| (0..STAMP_WORDS).map(move |word| (slot, word));
        let before: Vec<u64> =
            snapshot(1).map(|(slot, word)| memory.stamp(slot, word).load(Ordering::Relaxed)).collect();
        store(&memory, 3, &stamp(3, Some(b"three")));
        let after: Vec<u64> =
            snapshot(1).map(|(slot, word)| memory.stamp(slot, word).load(Ordering::Relaxed)).collect();
        // Word 0 is stored last.
        for done in 1..TEXT_AT {
            for (word, (old, new)) in before.iter().zip(&after).enumerate() {
                let value = if (1..=done).contains(&word) { *new } else { *old };
                memory.stamp(1, word).store(value, Ordering::Relaxed);
            }
            assert_eq!(newest(&memory), Some((2, stamp(2, None))), "{done}");
        }
    }

    #[test]
    fn sums_tell_bytes_apart() {
        let text: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        let sum = Checksum::of(&text);
        for at in 0..text.len() {
            let mut other = text.clone();
            other[at] ^= 1;
            assert_ne!(Checksum::of(&other), sum, "{at}");
            assert_ne!(Checksum::of(&text[..at]), sum, "{at}");
        }
    }
}
