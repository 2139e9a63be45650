//! The tray: the batch in the writer thread's hand, and what each of its records counts for. It neither fetches records nor
//! writes them.

use tracing_spool_fileset::{Batch, Rules};

use crate::account::rank::Rank;
use crate::hand_off::run::{Arrival, Bundle};
use crate::worker::notice;

/// From this size on, a batch takes no further record.
pub(crate) const BATCH_BYTES: usize = 256 * 1024;

#[derive(Clone, Copy, Debug)]
enum Slip {
    Record { charge: u64, rank: Rank },
    Notice,
}

/// Records that have left the tray, written or given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// Those that no file could take, by rank.
    pub(crate) refused: [u64; 5],
    /// Whether no file could take a notice.
    pub(crate) lost_notice: bool,
    /// The most important level among them.
    pub(crate) highest: Option<Rank>,
}

/// What the records of a tray count for, in order, from the first unsettled one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slips<'a> {
    slips: &'a [Slip],
    settled: usize,
    /// How its records were rendered.
    pub(crate) rules: Rules,
}

impl Slips<'_> {
    /// Returns the bytes that the unsettled records before number `record` of the batch count for.
    pub(crate) fn charge_before(&self, record: usize) -> u64 {
        let charge = |slip: &Slip| if let Slip::Record { charge, .. } = slip { *charge } else { 0 };
        self.slips[self.settled..record.clamp(self.settled, self.slips.len())].iter().map(charge).sum()
    }

    /// Returns whether the tray holds a notice, and so nothing else.
    pub(crate) fn is_notice(&self) -> bool {
        matches!(self.slips, [Slip::Notice])
    }
}

/// The batch and its slips, one per record, in order.
#[derive(Debug)]
pub(crate) struct Tray {
    pub(crate) batch: Batch,
    slips: Vec<Slip>,
    settled: usize,
    rules: Rules,
    /// The rules by which its records were rendered: those of an earlier process, if that began to write them.
    rendered_by: Rules,
    notice_rules: Rules,
}

impl Tray {
    pub(crate) fn new(rules: Rules) -> Self {
        // Notices are ours, but may contain names that others chose.
        let notice_rules = Rules {
            single_line: true,
            max_bytes: rules.max_bytes.min(notice::MOST_BYTES),
            ..Rules::default()
        };
        let batch = Batch::with_capacity(BATCH_BYTES + BATCH_BYTES / 4);
        Self { batch, slips: Vec::with_capacity(4_096), settled: 0, rules, rendered_by: rules, notice_rules }
    }

    /// Adds a record. Returns whether it had to be cut.
    pub(crate) fn push(&mut self, arrival: &Arrival<'_>) -> bool {
        let rendered = self.batch.push_cut(arrival.record, arrival.missing, &self.rules);
        self.slips.push(Slip::Record { charge: arrival.charge, rank: arrival.rank });
        rendered.cut_bytes > 0
    }

    /// Adds records that came together, if that can be done at once.
    pub(crate) fn push_bundle(&mut self, bundle: Bundle<'_>) -> bool {
        let ends = bundle.records.iter().map(|copied| copied.end);
        let is_pushed = self.batch.push_lines(bundle.bytes, ends, &self.rules);
        if is_pushed {
            let slips = bundle.records.iter();
            self.slips.extend(slips.map(|copied| Slip::Record { charge: copied.charge, rank: copied.rank }));
        }
        is_pushed
    }

    /// Returns the batch, and what its records count for.
    pub(crate) fn parts(&mut self) -> (&mut Batch, Slips<'_>) {
        let slips = Slips { slips: &self.slips, settled: self.settled, rules: self.rendered_by };
        (&mut self.batch, slips)
    }

    /// Adds a record by the rules of an earlier process. Only for a tray that is empty, or has only such records.
    #[cfg(not(shuttle))]
    pub(crate) fn push_by(&mut self, arrival: &Arrival<'_>, rules: Rules) {
        self.rendered_by = rules;
        self.batch.push_cut(arrival.record, arrival.missing, &rules);
        self.slips.push(Slip::Record { charge: arrival.charge, rank: arrival.rank });
    }

    /// Forgets the records of which nothing was written. Returns how many are left.
    #[cfg(not(shuttle))]
    pub(crate) fn forget_unbegun(&mut self) -> usize {
        self.batch.forget_unbegun();
        self.slips.truncate(self.batch.records());
        self.slips.len()
    }

    /// Returns whether nothing has been added since it was emptied.
    pub(crate) fn is_empty(&self) -> bool {
        self.slips.is_empty()
    }

    pub(crate) fn push_notice(&mut self, line: &str) {
        self.batch.push(line.as_bytes(), &self.notice_rules);
        self.slips.push(Slip::Notice);
    }

    /// Adds a notice that an earlier process rendered. Whatever the limits are now, what that process began is finished.
    #[cfg(not(shuttle))]
    pub(crate) fn push_rendered_notice(&mut self, line: &[u8]) {
        self.batch.push(line, &Rules { verbatim: true, max_bytes: usize::MAX, ..Rules::default() });
        self.slips.push(Slip::Notice);
    }

    /// Returns whether everything is written.
    pub(crate) fn is_done(&self) -> bool {
        self.batch.is_done()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.batch.bytes() >= BATCH_BYTES
    }

    /// Returns whether a notice isn't written yet.
    pub(crate) fn has_notice(&self) -> bool {
        self.slips[self.batch.finished()..].iter().any(|slip| matches!(slip, Slip::Notice))
    }

    /// Returns what was finished since the last call.
    pub(crate) fn settle(&mut self) -> Settled {
        let mut settled = Settled::default();
        let finished = self.batch.finished();
        for slip in &self.slips[self.settled..finished] {
            if let Slip::Record { charge, rank } = slip {
                settled.records += 1;
                settled.bytes += charge;
                settled.highest = settled.highest.max(Some(*rank));
            }
        }
        for place in self.batch.refused().iter().filter(|place| **place >= self.settled) {
            match self.slips.get(*place) {
                Some(Slip::Record { rank, .. }) => settled.refused[rank.index()] += 1,
                Some(Slip::Notice) => settled.lost_notice = true,
                None => {}
            }
        }
        self.settled = finished;
        settled
    }

    /// Returns the ranks and charges of the unsettled records.
    pub(crate) fn rest(&self) -> impl Iterator<Item = (Rank, u64)> {
        self.slips[self.settled..].iter().filter_map(|slip| match slip {
            Slip::Record { charge, rank } => Some((*rank, *charge)),
            Slip::Notice => None,
        })
    }

    /// Empties it, written or not. What was finished must be settled before.
    pub(crate) fn clear(&mut self) {
        self.batch.clear();
        self.slips.clear();
        self.settled = 0;
        self.rendered_by = self.rules;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_no_more_than_a_batch() {
        let mut tray = Tray::new(Rules::default());
        let record = [b'x'; 1_023];
        for number in 0..BATCH_BYTES / 1_024 {
            assert!(!tray.is_full(), "after {number}");
            tray.push(&Arrival { rank: Rank::Info, record: &record, missing: 0, charge: 1_024 });
        }
        assert!(tray.is_full());
        tray.clear();
        assert!(!tray.is_full() && tray.is_empty());
    }

    #[test]
    fn settles_what_is_finished_and_only_once() {
        let mut tray = Tray::new(Rules::default());
        let arrival = |rank, record, charge| Arrival { rank, record, missing: 0, charge };
        assert!(!tray.push(&arrival(Rank::Error, b"abc", 10)));
        tray.push_notice("said\n");
        tray.push(&arrival(Rank::Debug, b"defg", 20));
        tray.batch.advance(5);
        assert!(tray.has_notice());
        let highest = Some(Rank::Error);
        assert_eq!(tray.settle(), Settled { records: 1, bytes: 10, highest, ..Settled::default() });
        assert_eq!(tray.settle(), Settled::default());
        tray.batch.advance(4);
        assert!(!tray.has_notice() && !tray.is_done());
        assert_eq!(tray.rest().collect::<Vec<_>>(), [(Rank::Debug, 20)]);
        tray.batch.refuse_record();
        let refused = [0, 1, 0, 0, 0];
        let highest = Some(Rank::Debug);
        assert_eq!(tray.settle(), Settled { records: 1, bytes: 20, refused, highest, ..Settled::default() });
        assert_eq!(tray.settle(), Settled::default());
        assert!(tray.is_done());
        tray.clear();
        assert_eq!(tray.rest().count(), 0);
    }
}
