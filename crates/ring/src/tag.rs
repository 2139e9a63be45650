//! The tag of a granule: the word that a producer stores last, and that shows its record to the consumer. Plain data.
//!
//! Tags stand apart from the records, so no record can look like one. A tag carries the lap of its granule, which
//! together with its place gives the absolute number, so a tag of an earlier lap isn't taken for one of this lap.
//!
//! Bits 0–2: level. Bit 3: long form. Bits 4–19: length of the record in bytes. Bits 20–63: the lap plus one, so that
//! zeroed memory holds no tag. In the long form, the record's room begins with two words: its length, and how many
//! bytes are missing.

use crate::word::GRANULE;

const LONG: u64 = 1 << 3;
const LEN: u32 = 4;
/// The lowest bit of the lap.
pub(crate) const LAP: u32 = 20;
const SHORT_MAX: usize = 0xffff;
const LEVEL: u64 = 7;
/// The length of the prefix in the long form, in bytes.
pub(crate) const PREFIX: usize = 16;
/// The most bytes that a record may say are missing: more than one ever loses, and few enough that the sum over all
/// records of a ring doesn't overflow.
pub(crate) const MOST_MISSING: usize =
    if usize::BITS < 64 { usize::MAX >> 1 } else { (1_u64 << 40) as usize };

/// A decoded tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) level: u8,
    /// `None` in the long form.
    pub(crate) len: Option<usize>,
}

impl Tag {
    pub(crate) fn of(level: u8, len: usize, missing: usize) -> Self {
        Self { level, len: (!is_long(len, missing)).then_some(len) }
    }

    pub(crate) fn encode(self, lap: u64) -> u64 {
        let rest = self.len.map_or(LONG, |len| (len as u64) << LEN);
        (lap + 1) << LAP | rest | u64::from(self.level) & LEVEL
    }

    /// Decodes a word, if it was stored in this lap.
    pub(crate) fn decode(word: u64, lap: u64) -> Option<Self> {
        if word >> LAP != (lap + 1) & (u64::MAX >> LAP) {
            return None;
        }
        let len = (word & LONG == 0).then_some((word >> LEN) as usize & SHORT_MAX);
        Some(Self { level: (word & LEVEL) as u8, len })
    }
}

pub(crate) fn is_long(len: usize, missing: usize) -> bool {
    len > SHORT_MAX || missing > 0
}

/// Returns the granules that a record takes.
pub(crate) fn room_of(len: usize, missing: usize) -> u64 {
    let prefix = if is_long(len, missing) { PREFIX } else { 0 };
    len.saturating_add(prefix).div_ceil(GRANULE).max(1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_belongs_to_its_lap() {
        for (len, missing) in [(0, 0), (1, 0), (SHORT_MAX, 0), (SHORT_MAX + 1, 0), (5, 9)] {
            for lap in [0, 1, 77, (1 << 43) - 1] {
                let tag = Tag::of(4, len, missing);
                let word = tag.encode(lap);
                assert_eq!(Tag::decode(word, lap), Some(tag));
                assert_eq!((Tag::decode(word, lap + 1), Tag::decode(0, lap)), (None, None));
            }
        }
    }

    #[test]
    fn room_is_counted_up() {
        let rooms = [(0, 0), (64, 0), (65, 0), (48, 1), (49, 1), (SHORT_MAX, 0), (SHORT_MAX + 1, 0)];
        assert_eq!(rooms.map(|(len, missing)| room_of(len, missing)), [1, 1, 2, 1, 2, 1_024, 1_025]);
        assert!(room_of(usize::MAX, 1) > 1 << 57);
    }
}
