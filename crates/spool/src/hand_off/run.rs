//! A run of records that were copied together, out of the ring, and are taken one by one or all at once.
//! Where they come from is `inbox`'s matter.
//!
//! Records are copied a run at a time and looked at afterwards: a record that was stored just before in small pieces
//! cannot be read in large ones until the stores have left the processor's buffer, which costs more than the copy.

use crate::account::rank::Rank;

/// A record that was taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrival<'a> {
    pub(crate) rank: Rank,
    pub(crate) record: &'a [u8],
    /// Bytes of it that were left behind.
    pub(crate) missing: usize,
    /// What it counts for in the queue, in bytes.
    pub(crate) charge: u64,
}

/// Records that were taken together and lie end to end, each up to the `end` of its [`Copied`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bundle<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) records: &'a [Copied],
}

/// A run ends with the first record behind so many bytes, or with so many records.
const RUN_BYTES: usize = 8 * 1024;
const RUN_RECORDS: usize = 128;
/// A longer record gets memory of its own.
const LONGEST: usize = 16 * 1024;

/// Records that were copied and not yet taken.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) filled: usize,
    pub(crate) records: Vec<Copied>,
    taken: usize,
    /// Where the bytes of the first record begin.
    base: usize,
    /// Behind the record taken last.
    place: u64,
    /// Whether all of them are in `bytes`, and whole.
    pub(crate) is_plain: bool,
}

impl Run {
    /// The first record begins at `place`.
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

    /// The place behind the record taken last.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// The next record begins there.
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

    /// Whether all that was copied was taken.
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

    /// Gives back records that were taken, the last of all that were. The first of them begins at `place`.
    #[cfg(not(shuttle))]
    pub(crate) fn put_back(&mut self, records: Vec<Copied>, place: u64) {
        let end = self.taken.checked_sub(1).map_or(0, |last| self.records[last].end);
        let waiting = self.records.split_off(self.taken);
        self.records = records.into_iter().map(|copied| Copied { end, ..copied }).chain(waiting).collect();
        (self.taken, self.place, self.is_plain) = (0, place, false);
        self.base = end;
    }

    /// All that was copied, if it lies together and none of it was taken.
    pub(crate) fn bundle(&self) -> Option<Bundle<'_>> {
        let bundle = Bundle { bytes: &self.bytes[..self.filled], records: &self.records };
        (self.taken == 0 && self.is_plain && !self.records.is_empty()).then_some(bundle)
    }

    /// The bundle that was shown has been taken whole.
    pub(crate) fn took_bundle(&mut self) {
        self.taken = self.records.len();
        self.place = self.records.last().map_or(self.place, |last| last.place);
    }
}

/// A record that was copied; its bytes begin where those of the one before end.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) rank: Rank,
    pub(crate) end: usize,
    /// What it counts for in the queue, in bytes.
    pub(crate) charge: u64,
    pub(crate) missing: usize,
    /// Its bytes, where there was no room for them in the run.
    pub(crate) long: Option<Vec<u8>>,
    /// Behind this record.
    pub(crate) place: u64,
}

#[cfg(not(shuttle))]
impl Copied {
    /// In memory of its own.
    pub(crate) fn of(arrival: &Arrival<'_>) -> Self {
        let Arrival { rank, record, missing, charge } = *arrival;
        Self { rank, end: 0, charge, missing, long: Some(record.to_vec()), place: 0 }
    }
}
