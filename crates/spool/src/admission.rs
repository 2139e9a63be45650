//! Who is let in: one word that counts waiting records and bytes, and says whether the door is shut and whether the
//! writer thread is parked.
//! It carries no record and wakes nobody.
//!
//! Records and bytes share a word, so that one compare-exchange decides on both and a reader sees both at one
//! moment. The writer thread's park stands in it too, so that
//! a caller learns of it by the change that it makes anyway. Bits 0–39: charged bytes. Bits 40–61: records. Bit 62:
//! parked. Bit 63: closed.

use crossbeam_utils::CachePadded;

use crate::rank::Rank;
use crate::sync::{AtomicU64, Ordering};

/// The most bytes that a queue may be bounded by; half of what the word can count.
pub(crate) const MOST_BYTES: u64 = 1 << 39;
/// The most records that a queue may be bounded by; half of what the word can count, so that an admission that is
/// tried and refused never touches the bits above.
pub(crate) const MOST_RECORDS: u64 = 1 << 21;

const RECORD: u64 = 1 << 40;
const BYTES: u64 = RECORD - 1;
const PARKED: u64 = 1 << 62;
const CLOSED: u64 = 1 << 63;

/// What waits: a picture of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fill(u64);

impl Fill {
    pub(crate) fn records(self) -> u64 {
        (self.0 & !(CLOSED | PARKED)) / RECORD
    }

    pub(crate) fn bytes(self) -> u64 {
        self.0 & BYTES
    }

    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    fn is_empty(self) -> bool {
        self.records() == 0 && self.bytes() == 0
    }

    fn is_within(self, mark: Mark) -> bool {
        self.bytes() <= mark.bytes && self.records() <= mark.records
    }
}

/// The two fills around one admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    before: Fill,
    after: Fill,
}

impl Step {
    /// Whether the writer thread was parked when this record was let in.
    pub(crate) fn found_parked(self) -> bool {
        self.before.0 & PARKED != 0
    }
}

/// Why a record was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The queue is fuller than the record's level may make it.
    Full,
    /// The door is shut.
    Closed,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    bytes: u64,
    records: u64,
}

/// What every caller changes, on one cache line: the second change costs little when the first has brought it.
#[derive(Debug, Default)]
struct Hot {
    word: AtomicU64,
    cursor: AtomicU64,
}

/// The word and its marks.
#[derive(Debug)]
pub(crate) struct Admission {
    hot: CachePadded<Hot>,
    bound: Mark,
    /// By rank: up to where its records are let in.
    ranks: [Mark; 5],
    /// Fills whose crossing wakes a napping writer thread.
    wakes: [Mark; 3],
    /// Above this, records are not held for those who read the file.
    half: Mark,
    /// Below this, callers that wait for room are told.
    low: Mark,
}

impl Admission {
    pub(crate) fn new(bytes: u64, records: u64) -> Self {
        let bound = Mark { bytes: bytes.min(MOST_BYTES), records: records.min(MOST_RECORDS) };
        let share =
            |percent| Mark { bytes: bound.bytes * percent / 100, records: bound.records * percent / 100 };
        Self {
            hot: CachePadded::default(),
            bound,
            ranks: Rank::ALL.map(|rank| share(rank.mark_percent())),
            wakes: [share(10), share(40), share(70)],
            half: share(50),
            low: share(85),
        }
    }

    /// The bound in bytes.
    pub(crate) fn bytes_bound(&self) -> u64 {
        self.bound.bytes
    }

    /// A word that `queue` keeps beside this one.
    pub(crate) fn cursor(&self) -> &AtomicU64 {
        &self.hot.cursor
    }

    /// Lets a record of `charge` bytes in, or not. `SeqCst`: `wake` builds on the order of this write and its reads.
    pub(crate) fn admit(&self, rank: Rank, charge: u64) -> Result<Step, Refusal> {
        let mut before = Fill(self.hot.word.load(Ordering::Relaxed));
        loop {
            if before.is_closed() {
                return Err(Refusal::Closed);
            }
            let after = Fill(before.0 + RECORD + charge);
            // An empty queue takes any record that it can hold at all: with few large records no mark might let
            // one in, and a caller that waits for room would wait for ever.
            let admitted = after.is_within(self.ranks[rank.index()])
                || (before.is_empty() && after.is_within(self.bound));
            if !admitted {
                return Err(Refusal::Full);
            }
            match self.hot.word.compare_exchange_weak(before.0, after.0, Ordering::SeqCst, Ordering::Relaxed)
            {
                Ok(_) => return Ok(Step { before, after }),
                Err(now) => before = Fill(now),
            }
        }
    }

    /// Whether even the smallest record of `rank` would be refused now. A hint: nothing is decided by it but
    /// whether a copy is worth making.
    pub(crate) fn foresee(&self, rank: Rank) -> Result<(), Refusal> {
        let fill = Fill(self.hot.word.load(Ordering::Relaxed));
        if fill.is_closed() {
            return Err(Refusal::Closed);
        }
        let next = Fill(fill.0 + RECORD);
        if fill.is_empty() || next.is_within(self.ranks[rank.index()]) { Ok(()) } else { Err(Refusal::Full) }
    }

    /// Whether this admission filled the queue past a mark at which a napping writer thread is woken.
    pub(crate) fn crossed(&self, step: Step) -> bool {
        self.wakes.iter().any(|mark| step.before.is_within(*mark) && !step.after.is_within(*mark))
    }

    /// Takes `records` and `bytes` out again; returns what is left.
    pub(crate) fn release(&self, records: u64, bytes: u64) -> Fill {
        let freed = records * RECORD + bytes;
        Fill(self.hot.word.fetch_sub(freed, Ordering::SeqCst).wrapping_sub(freed))
    }

    /// Whether a fill is low enough to tell those who wait.
    pub(crate) fn is_low(&self, fill: Fill) -> bool {
        fill.is_within(self.low) || fill.records() == 0
    }

    /// Whether half of the room is used.
    pub(crate) fn is_half_full(&self) -> bool {
        !self.fill().is_within(self.half)
    }

    pub(crate) fn fill(&self) -> Fill {
        Fill(self.hot.word.load(Ordering::SeqCst))
    }

    /// For the writer thread, before it parks: whoever is let in after this finds it parked. Returns what was let in
    /// before.
    pub(crate) fn park(&self) -> Fill {
        Fill(self.hot.word.fetch_or(PARKED, Ordering::SeqCst))
    }

    /// For the writer thread, after its park.
    pub(crate) fn unpark(&self) {
        self.hot.word.fetch_and(!PARKED, Ordering::SeqCst);
    }

    /// Shuts the door: from now on no record is let in.
    pub(crate) fn close(&self) {
        self.hot.word.fetch_or(CLOSED, Ordering::SeqCst);
    }

    /// Shuts the door and takes out everything that was let in; returns what that was.
    pub(crate) fn clear(&self) -> Fill {
        Fill(self.hot.word.swap(CLOSED, Ordering::SeqCst))
    }

    /// Counts one record that waits behind the shut door (the one that a late writer could not finish).
    pub(crate) fn hold_one(&self) {
        self.hot.word.fetch_add(RECORD, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(bytes: u64, records: u64, rank: Rank, charge: u64) -> u64 {
        let admission = Admission::new(bytes, records);
        while admission.admit(rank, charge).is_ok() {}
        admission.fill().records()
    }

    #[test]
    fn each_level_has_its_mark() {
        let by_records = Rank::ALL.map(|rank| admitted(1 << 30, 1_000, rank, 1));
        assert_eq!(by_records, [800, 800, 950, 980, 1_000]);
        let by_bytes = Rank::ALL.map(|rank| admitted(100_000, 1_000_000, rank, 100));
        assert_eq!(by_bytes, [800, 800, 950, 980, 1_000]);
    }

    #[test]
    fn museum_t9_room_is_left_for_errors() {
        let admission = Admission::new(1 << 20, 100);
        while admission.admit(Rank::Debug, 10).is_ok() {}
        assert_eq!(admission.fill().records(), 80);
        assert_eq!(admission.admit(Rank::Debug, 10), Err(Refusal::Full));
        assert!(admission.admit(Rank::Error, 10).is_ok());
        assert!(admission.admit(Rank::Info, 10).is_ok());
    }

    #[test]
    fn an_empty_queue_takes_what_it_can_hold() {
        let admission = Admission::new(1_000, 1);
        assert!(admission.foresee(Rank::Trace).is_ok());
        assert!(admission.admit(Rank::Trace, 1_000).is_ok());
        assert_eq!(admission.admit(Rank::Error, 1), Err(Refusal::Full));
        admission.release(1, 1_000);
        assert_eq!(admission.admit(Rank::Error, 1_001), Err(Refusal::Full));
    }

    #[test]
    fn a_shut_door_stays_shut() {
        let admission = Admission::new(1_000, 10);
        assert!(admission.admit(Rank::Info, 7).is_ok());
        admission.close();
        assert_eq!(admission.admit(Rank::Error, 1), Err(Refusal::Closed));
        assert_eq!(admission.foresee(Rank::Error), Err(Refusal::Closed));
        let fill = admission.fill();
        assert_eq!((fill.records(), fill.bytes(), fill.is_closed()), (1, 7, true));
        assert_eq!(admission.clear().records(), 1);
        assert_eq!((admission.fill().records(), admission.fill().is_closed()), (0, true));
    }

    #[test]
    fn a_park_shows_in_every_admission_until_it_is_over() {
        let admission = Admission::new(1_000, 10);
        let found_parked = || admission.admit(Rank::Info, 7).map(Step::found_parked);
        assert_eq!(found_parked(), Ok(false));
        assert_eq!(admission.park().records(), 1, "it must not park");
        assert_eq!((found_parked(), found_parked()), (Ok(true), Ok(true)));
        assert_eq!((admission.fill().records(), admission.fill().bytes()), (3, 21));
        admission.unpark();
        assert_eq!(found_parked(), Ok(false));
        admission.release(4, 28);
        assert_eq!(admission.park().records(), 0);
        assert_eq!(
            admission.admit(Rank::Trace, 1_000).map(Step::found_parked),
            Ok(true),
            "it is empty all the same"
        );
    }

    #[test]
    fn marks_are_crossed_once_on_the_way_up() {
        let admission = Admission::new(1 << 20, 100);
        let crossings: Vec<u64> = (0..100)
            .filter_map(|_| admission.admit(Rank::Error, 1).ok())
            .filter(|step| admission.crossed(*step))
            .map(|step| step.after.records())
            .collect();
        assert_eq!(crossings, [11, 41, 71]);
    }

    #[test]
    fn foresight_matches_the_decision() {
        let admission = Admission::new(1 << 20, 40);
        for _ in 0..60 {
            for rank in Rank::ALL {
                assert_eq!(admission.foresee(rank).is_err(), admission.admit(rank, 0).is_err());
            }
        }
    }
}
