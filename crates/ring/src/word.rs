//! The word that every producer changes: granules and records reserved so far, and whether the ring is closed, its
//! consumer is parked, or its lap is being left. Plain data; `ring` and `reader` change it.
//!
//! Bits 0–38: granules. Bits 39–60: records. Bit 61: padded. Bit 62: parked. Bit 63: closed. Both numbers wrap around:
//! only differences mean anything, and no difference exceeds half of what the bits hold. The largest difference in
//! granules is four laps: a full ring, behind a lap that was padded, seen by a producer that was suspended meanwhile.
//!
//! Padded: the consumer found the ring empty and has reserved the rest of the lap, but has not yet published that this
//! room is free again. Meanwhile the fill is what was reserved since the new lap began (`behind_padding`), since
//! everything before is padding.

const GRANULE_BITS: u32 = 39;
const RECORD_BITS: u32 = 22;
pub(crate) const GRANULES: u64 = (1 << GRANULE_BITS) - 1;
const RECORDS: u64 = (1 << RECORD_BITS) - 1;
pub(crate) const PADDED: u64 = 1 << 61;
pub(crate) const PARKED: u64 = 1 << 62;
pub(crate) const CLOSED: u64 = 1 << 63;
const FLAGS: u64 = PADDED | PARKED | CLOSED;
const _: () = assert!(GRANULE_BITS + RECORD_BITS == PADDED.trailing_zeros());

/// The size of a granule, the unit of room, in bytes.
pub const GRANULE: usize = 64;

/// A snapshot of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    /// Creates a word with these numbers and no flag.
    pub(crate) fn new(granules: u64, records: u64) -> Self {
        Self(granules & GRANULES | (records & RECORDS) << GRANULE_BITS)
    }

    pub(crate) fn granules(self) -> u64 {
        self.0 & GRANULES
    }

    pub(crate) fn records(self) -> u64 {
        self.0 >> GRANULE_BITS & RECORDS
    }

    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    pub(crate) fn is_parked(self) -> bool {
        self.0 & PARKED != 0
    }

    pub(crate) fn is_padded(self) -> bool {
        self.0 & PADDED != 0
    }

    /// Adds one record of this many granules; the flags stay.
    pub(crate) fn with(self, granules: u64) -> Self {
        let sum = Self::new(self.granules() + granules, self.records() + 1);
        Self(sum.0 | self.0 & FLAGS)
    }

    /// Adds this many granules without a record and sets the padded flag; the other flags stay.
    pub(crate) fn padded(self, granules: u64) -> Self {
        Self(Self::new(self.granules() + granules, self.records()).0 | self.0 & FLAGS | PADDED)
    }

    /// Returns what waits if `tail` was given back, in a ring of `capacity` granules, whether or not its lap is being
    /// left.
    pub(crate) fn fill(self, tail: Self, capacity: u64) -> Fill {
        let fill = self.since(tail);
        if self.is_padded() { fill.behind_padding(self.granules() & (capacity - 1), capacity) } else { fill }
    }

    /// Returns what was reserved up to here and not yet given back at `tail`.
    pub(crate) fn since(self, tail: Self) -> Fill {
        Fill {
            granules: self.0.wrapping_sub(tail.0) & GRANULES,
            records: self.records().wrapping_sub(tail.records()) & RECORDS,
        }
    }
}

/// How much waits in a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    pub(crate) granules: u64,
    pub(crate) records: u64,
}

impl Fill {
    /// Returns the bytes of room in use.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.granules * GRANULE as u64
    }

    /// Returns the number of records that were reserved and not yet given back.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Returns the fill if the lap began `place` granules ago and nothing before that counts. A place of 0 counts as a
    /// full lap as soon as there are records. With an old tail that may be wrong, so a producer that finds the ring
    /// full looks at the tail again.
    fn behind_padding(self, place: u64, capacity: u64) -> Self {
        let granules = if place == 0 && self.records > 0 { capacity } else { place };
        Self { granules, ..self }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.granules == 0 && self.records == 0
    }

    pub(crate) fn is_within(&self, mark: &Self) -> bool {
        self.granules <= mark.granules && self.records <= mark.records
    }
}

/// What [`Ring::offer`](crate::Ring::offer) found when it admitted a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Whether the consumer was parked and has to be woken.
    pub found_parked: bool,
    /// Whether this record filled the ring past a quarter, half or three quarters of its bound.
    pub crossed: bool,
}

/// Why [`Ring::offer`](crate::Ring::offer) refused a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The ring is fuller than the record's level may make it, or the record is longer than the ring.
    Full,
    /// The ring is closed.
    Closed,
    /// This process is a forked child of the one that the ring belongs to.
    Forked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_anew_without_touching_others() {
        let last = Word::new(GRANULES, RECORDS);
        assert_eq!((last.granules(), last.records()), (GRANULES, RECORDS));
        let next = Word(last.0 | PARKED).with(3);
        assert_eq!((next.granules(), next.records()), (2, 0));
        assert!(next.is_parked() && !next.is_closed());
        assert_eq!(next.since(last), Fill { granules: 3, records: 1 });
        assert_eq!(Word(next.0 | CLOSED).since(last), Fill { granules: 3, records: 1 });
    }

    #[test]
    fn padding_is_no_fill() {
        let tail = Word::new(GRANULES - 40, 7);
        let padded = Word(tail.0 | CLOSED).padded(41);
        assert_eq!((padded.granules(), padded.records()), (0, 7));
        assert!(padded.is_padded() && padded.is_closed() && !padded.is_parked());
        assert_eq!(padded.since(tail).granules, 41);
        assert_eq!(padded.fill(tail, 64), Fill::default());
        assert_eq!(padded.with(3).fill(tail, 64), Fill { granules: 3, records: 1 });
        assert_eq!(padded.with(63).with(1).fill(tail, 64), Fill { granules: 64, records: 2 });
    }

    #[test]
    fn the_largest_ring_stays_out_of_the_records() {
        let most = crate::MOST_BYTES / GRANULE as u64;
        assert!(most < 1 << (GRANULE_BITS - 4), "four laps are less than half of what the bits hold");
        let full = Word::new(GRANULES, 5).with(most);
        assert_eq!((full.records(), full.since(Word::new(GRANULES, 5)).granules), (6, most));
        assert_eq!((full.0 & FLAGS, full.padded(most).records()), (0, 6));
    }
}
