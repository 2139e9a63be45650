//! The books: counters of what was written and of what was dropped, by reason and level. `queue` counts what waits; what
//! was offered is the sum.

use crossbeam_utils::CachePadded;
use tracing_core::Level;

use crate::account::rank::Rank;
use crate::platform::sync::{AtomicU64, Ordering};

/// Why a record isn't in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The queue was fuller than it may be for the record's level.
    QueueFull,
    /// The queue was full while the file set was at its budget and couldn't shrink.
    DiskBudget,
    /// The queue was full while the disk was full or couldn't be written.
    DiskError,
    /// The record arrived after the shutdown, or was still queued when the shutdown's time was over.
    Closed,
    /// The record was in a batch that the writer thread gave up after panicking over it repeatedly.
    Panic,
    /// The record was logged in a forked child, which has no writer thread.
    Forked,
    /// A stream or a writer refused the record: its reader is gone, or it returned an error.
    Output,
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 7] = [
        Self::QueueFull,
        Self::DiskBudget,
        Self::DiskError,
        Self::Closed,
        Self::Panic,
        Self::Forked,
        Self::Output,
    ];

    /// Returns the words for this reason in a notice.
    ///
    /// ```
    /// assert_eq!(tracing_spool::Reason::QueueFull.as_str(), "queue full");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue full",
            Self::DiskBudget => "disk budget",
            Self::DiskError => "disk error",
            Self::Closed => "closed",
            Self::Panic => "panic",
            Self::Forked => "forked",
            Self::Output => "output error",
        }
    }
}

/// Records that are in no file, by reason and level.
///
/// ```
/// use tracing_spool::{Dropped, Reason};
/// use tracing_core::Level;
/// let none = Dropped::default();
/// assert_eq!((none.total(), none.by(Reason::QueueFull, Level::DEBUG)), (0, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    counts: [[u64; 5]; Reason::ALL.len()],
}

impl Dropped {
    /// Returns the number of all dropped records.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Returns the number of records dropped for `reason`.
    #[must_use]
    pub fn for_reason(&self, reason: Reason) -> u64 {
        self.counts[reason as usize].iter().sum()
    }

    /// Returns the number of dropped records of `level`. A record whose level isn't known counts as INFO.
    #[must_use]
    pub fn at_level(&self, level: Level) -> u64 {
        self.counts.iter().map(|levels| levels[Rank::of(level).index()]).sum()
    }

    /// Returns the number of records of `level` that were dropped for `reason`.
    #[must_use]
    pub fn by(&self, reason: Reason, level: Level) -> u64 {
        self.counts[reason as usize][Rank::of(level).index()]
    }

    /// Returns what has been added since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut more = *self;
        for (now, before) in more.counts.iter_mut().flatten().zip(earlier.counts.iter().flatten()) {
            *now = now.saturating_sub(*before);
        }
        more
    }

    /// Returns these counts with `records` more.
    #[cfg(any(test, not(shuttle)))]
    pub(crate) fn with(mut self, reason: Reason, rank: Rank, records: u64) -> Self {
        self.counts[reason as usize][rank.index()] += records;
        self
    }
}

/// Serializes as a map: `total`, and for each reason a map from level to count.
#[cfg(feature = "serde")]
impl serde::Serialize for Dropped {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(Some(1 + Reason::ALL.len()))?;
        map.serialize_entry("total", &self.total())?;
        for reason in Reason::ALL {
            let levels = Rank::ALL.map(|rank| (rank.name(), self.by(reason, rank.level())));
            let levels: std::collections::BTreeMap<_, _> = levels.into_iter().collect();
            map.serialize_entry(&reason.as_str().replace(' ', "_"), &levels)?;
        }
        map.end()
    }
}

/// The counters that callers and the writer thread change.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Changed by the writer thread alone, and read by others. A cache line of its own avoids false sharing with the
    /// counters that callers change.
    written: CachePadded<AtomicU64>,
    cut: AtomicU64,
    panics: AtomicU64,
    dropped: [CachePadded<[AtomicU64; 5]>; Reason::ALL.len()],
}

impl Ledger {
    pub(crate) fn drop_one(&self, reason: Reason, rank: Rank) {
        self.drop_many(reason, rank, 1);
    }

    pub(crate) fn drop_many(&self, reason: Reason, rank: Rank, records: u64) {
        self.dropped[reason as usize][rank.index()].fetch_add(records, Ordering::SeqCst);
    }

    pub(crate) fn wrote(&self, records: u64) {
        self.written.fetch_add(records, Ordering::SeqCst);
    }

    pub(crate) fn cut_one(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn panicked(&self, times: u64) {
        if times > 0 {
            self.panics.fetch_add(times, Ordering::Relaxed);
        }
    }

    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::SeqCst)
    }

    pub(crate) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }

    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    pub(crate) fn dropped(&self) -> Dropped {
        let mut dropped = Dropped::default();
        for (to, from) in dropped.counts.iter_mut().zip(&self.dropped) {
            for (to, from) in to.iter_mut().zip(from.iter()) {
                *to = from.load(Ordering::SeqCst);
            }
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place() {
        let ledger = Ledger::default();
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            for rank in Rank::ALL {
                ledger.drop_many(reason, rank, 10 * index as u64 + rank.index() as u64);
            }
        }
        let dropped = ledger.dropped();
        assert_eq!(dropped.by(Reason::Forked, Level::ERROR), 54);
        assert_eq!(dropped.for_reason(Reason::DiskBudget), 60);
        assert_eq!(dropped.at_level(Level::TRACE), 210);
        assert_eq!(dropped.total(), 10 * 5 * 21 + 7 * 10);
        let earlier = Dropped::default().with(Reason::Panic, Rank::Info, 40);
        assert_eq!(dropped.since(&earlier).by(Reason::Panic, Level::INFO), 2);
    }
}
