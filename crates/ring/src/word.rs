//! The word that every producer changes: granules and records reserved so far, and whether the ring is closed or its
//! consumer parked. It is plain data; who changes it is `ring`'s.
//!
//! Bits 0–39: granules. Bits 40–61: records. Bit 62: parked. Bit 63: closed. Both numbers begin anew after their last: only
//! differences mean anything, and none is larger than half of what the bits hold.

const GRANULE_BITS: u32 = 40;
const RECORD_BITS: u32 = 22;
pub(crate) const GRANULES: u64 = (1 << GRANULE_BITS) - 1;
const RECORDS: u64 = (1 << RECORD_BITS) - 1;
pub(crate) const PARKED: u64 = 1 << 62;
pub(crate) const CLOSED: u64 = 1 << 63;

/// Bytes of a granule, the unit of room.
pub const GRANULE: usize = 64;

/// A picture of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    /// These numbers, with no flag.
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

    /// One record of so many granules more; the flags stay.
    pub(crate) fn with(self, granules: u64) -> Self {
        let sum = Self::new(self.0 + granules, self.records() + 1);
        Self(sum.0 | self.0 & (CLOSED | PARKED))
    }

    /// What was reserved up to here and not yet given back at `tail`.
    pub(crate) fn since(self, tail: Self) -> Fill {
        Fill {
            granules: self.0.wrapping_sub(tail.0) & GRANULES,
            records: self.records().wrapping_sub(tail.records()) & RECORDS,
        }
    }
}

/// What waits in a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    pub(crate) granules: u64,
    pub(crate) records: u64,
}

impl Fill {
    /// Bytes of room in use.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.granules * GRANULE as u64
    }

    /// Records reserved, and not yet given back.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.granules == 0 && self.records == 0
    }

    pub(crate) fn is_within(&self, mark: &Self) -> bool {
        self.granules <= mark.granules && self.records <= mark.records
    }
}

/// A record was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The consumer was parked when it was.
    pub found_parked: bool,
    /// It filled the ring past a quarter, half or three quarters of its bound.
    pub crossed: bool,
}

/// Why a record was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The ring is fuller than the record's level may make it.
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
}
