//! A record on its way: one allocation that carries its length, level and bytes, so that a channel slot is two
//! words and the header shares a cache line with the bytes it speaks of.
//! It does not decide how large buffers are, nor where they come from: that is `pool`.

use crate::rank::Rank;

/// Bytes in front of the record: length (4), rank (1), whether it was cut (1), two unused.
pub(crate) const HEADER: usize = 8;
/// The smallest buffer. A line of 120 bytes fits, and 131,072 of them are just the default 16 MiB.
pub(crate) const SMALLEST: usize = 128;
/// Behind the bytes of a cut record stands how many are missing.
pub(crate) const MISSING: usize = size_of::<u64>();

const LENGTH: std::ops::Range<usize> = 0..4;
const RANK: usize = 4;
const CUT: usize = 5;

/// A buffer with a record in it, or being filled with one.
#[derive(Debug)]
pub(crate) struct Buffer(Box<[u8]>);

impl Buffer {
    /// An empty buffer of `capacity` bytes, header included.
    pub(crate) fn new(capacity: usize) -> Self {
        Self(vec![0; capacity.max(SMALLEST)].into_boxed_slice())
    }

    /// Makes it an empty record of `rank`.
    pub(crate) fn begin(&mut self, rank: Rank) {
        self.set_len(0);
        self.0[RANK] = rank.code();
        self.0[CUT] = 0;
    }

    /// Everything it holds in memory, in bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.0.len()
    }

    /// What it counts for in the queue, in bytes, where the queue is bounded by `bound`.
    pub(crate) fn charge(&self, bound: u64) -> u64 {
        ((self.0.len() - HEADER) as u64).min(bound)
    }

    pub(crate) fn rank(&self) -> Rank {
        Rank::from_code(self.0[RANK])
    }

    /// Bytes of the record so far.
    pub(crate) fn len(&self) -> usize {
        let length = u32::from_le_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]);
        length as usize
    }

    /// Bytes that may still be pushed.
    pub(crate) fn room(&self) -> usize {
        self.0.len() - HEADER - self.len()
    }

    /// Appends `bytes`, which must fit into the [`room`](Self::room).
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let start = HEADER + self.len();
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
        self.set_len(start + bytes.len() - HEADER);
    }

    /// Notes that `missing` further bytes were left behind; there must be room for [`MISSING`] bytes.
    pub(crate) fn mark_cut(&mut self, missing: usize) {
        let start = HEADER + self.len();
        self.0[start..start + MISSING].copy_from_slice(&(missing as u64).to_le_bytes());
        self.0[CUT] = 1;
    }

    /// The record, and how many bytes of it were left behind.
    pub(crate) fn record(&self) -> (&[u8], usize) {
        let end = HEADER + self.len();
        let missing = if self.0[CUT] == 0 {
            0
        } else {
            let mut count = [0; MISSING];
            count.copy_from_slice(&self.0[end..end + MISSING]);
            usize::try_from(u64::from_le_bytes(count)).unwrap_or(usize::MAX)
        };
        (&self.0[HEADER..end], missing)
    }

    /// The same record in a buffer of `capacity` bytes.
    pub(crate) fn moved_to(&self, capacity: usize) -> Self {
        let mut larger = Self::new(capacity);
        let used = HEADER + self.len();
        larger.0[..used].copy_from_slice(&self.0[..used]);
        larger
    }

    fn set_len(&mut self, length: usize) {
        // The builder allows no record that a `u32` cannot count.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.0[LENGTH].copy_from_slice(&length.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_a_record() {
        let mut buffer = Buffer::new(0);
        assert_eq!((buffer.capacity(), buffer.charge(u64::MAX), buffer.charge(9)), (SMALLEST, 120, 9));
        buffer.begin(Rank::Warn);
        buffer.push(b"one ");
        buffer.push(b"two");
        assert_eq!((buffer.rank(), buffer.room()), (Rank::Warn, 113));
        assert_eq!(buffer.record(), (&b"one two"[..], 0));
        let mut larger = buffer.moved_to(256);
        assert_eq!(larger.capacity(), 256);
        larger.mark_cut(3);
        assert_eq!((larger.rank(), larger.record()), (Rank::Warn, (&b"one two"[..], 3)));
        larger.begin(Rank::Info);
        assert_eq!(larger.record(), (&b""[..], 0));
    }
}
