//! A run of records that were copied out of the ring together, and are taken one by one or all at once.
//!
//! Records are copied a run at a time and looked at afterwards: reading a just-written record with wider loads than its
//! stores defeats store-to-load forwarding, and the stall costs more than a copy.

use crate::account::rank::Rank;

/// A record that was taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrival<'a> {
    pub(crate) rank: Rank,
    pub(crate) record: &'a [u8],
    /// Bytes of it that were cut off.
    pub(crate) missing: usize,
    /// What it counts for in the queue, in bytes.
    pub(crate) charge: u64,
}

/// Records that were taken together and are contiguous, each ending at the `end` of its [`Copied`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bundle<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) records: &'a [Copied],
}

/// A run ends with the first record past this many bytes, or after this many records.
const RUN_BYTES: usize = 8 * 1024;
const RUN_RECORDS: usize = 128;
/// A longer record gets memory of its own.
const LONGEST: usize = 16 * 1024;

/// Records that were copied and not taken yet.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) filled: usize,
    pub(crate) records: Vec<Copied>,
    taken: usize,
    /// Where the bytes of the first record begin.
    base: usize,
    /// The place after the record taken last.
    place: u64,
    /// Whether all records are in `bytes` completely.
    pub(crate) is_plain: bool,
}

impl Run {
    /// Returns an empty run whose first record will begin at `place`.
    pub(crate) fn new(place: u64) -> Self {
        let bytes = vec![0; RUN_BYTES + LONGEST].into_boxed_slice();
        Self {
            bytes,
            filled: 0,
            records: Vec::with_capacity(RUN_RECORDS),
            taken: 0,
            base: 0,
            place,
            is_plain: true,
        }
    }

    /// Returns the place after the record taken last.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// Moves to the place where the next record begins.
    pub(crate) fn move_to(&mut self, place: u64) {
        self.place = place;
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
        (self.filled, self.taken, self.base, self.is_plain) = (0, 0, 0, true);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.filled >= RUN_BYTES || self.records.len() == RUN_RECORDS
    }

    /// Returns whether everything that was copied has been taken.
    pub(crate) fn is_taken(&self) -> bool {
        self.taken == self.records.len()
    }

    /// Takes the next record.
    pub(crate) fn take(&mut self) -> Option<Arrival<'_>> {
        let copied = self.records.get(self.taken)?;
        let start = self.taken.checked_sub(1).map_or(self.base, |before| self.records[before].end);
        self.taken += 1;
        self.place = copied.place;
        let record = copied.long.as_deref().unwrap_or(&self.bytes[start..copied.end]);
        Some(Arrival { rank: copied.rank, record, missing: copied.missing, charge: copied.charge })
    }

    /// Puts back the records that were taken last. The first of them begins at `place`.
    #[cfg(not(shuttle))]
    pub(crate) fn put_back(&mut self, records: Vec<Copied>, place: u64) {
        let end = self.taken.checked_sub(1).map_or(0, |last| self.records[last].end);
        let waiting = self.records.split_off(self.taken);
        self.records = records.into_iter().map(|copied| Copied { end, ..copied }).chain(waiting).collect();
        (self.taken, self.place, self.is_plain) = (0, place, false);
        self.base = end;
    }

    /// Returns everything that was copied, if it is contiguous and nothing was taken from it.
    pub(crate) fn bundle(&self) -> Option<Bundle<'_>> {
        let bundle = Bundle { bytes: &self.bytes[..self.filled], records: &self.records };
        (self.taken == 0 && self.is_plain && !self.records.is_empty()).then_some(bundle)
    }

    /// Takes the whole bundle that was returned last.
    pub(crate) fn took_bundle(&mut self) {
        self.taken = self.records.len();
        self.place = self.records.last().map_or(self.place, |last| last.place);
    }
}

/// A copied record. Its bytes begin where those of the previous one end.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) rank: Rank,
    pub(crate) end: usize,
    /// What it counts for in the queue, in bytes.
    pub(crate) charge: u64,
    pub(crate) missing: usize,
    /// Its bytes, if there was no room for them in the run.
    pub(crate) long: Option<Vec<u8>>,
    /// The place after this record.
    pub(crate) place: u64,
}

#[cfg(not(shuttle))]
impl Copied {
    /// Copies a record into memory of its own.
    pub(crate) fn of(arrival: &Arrival<'_>) -> Self {
        let Arrival { rank, record, missing, charge } = *arrival;
        Self { rank, end: 0, charge, missing, long: Some(record.to_vec()), place: 0 }
    }
}
