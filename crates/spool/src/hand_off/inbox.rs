//! The writer thread's end of the queue: takes records out of the ring, in order, a run at a time. It books nothing: a
//! record counts as waiting until `worker` has settled it. `run` explains why records are copied first and looked at
//! afterwards.

use std::ops::Range;

#[cfg(test)]
use tracing_spool_ring::Ring;
use tracing_spool_ring::{GRANULE, Reader, Stamp, Take, Task};

use crate::account::ledger::Dropped;
use crate::account::losses;
use crate::account::rank::Rank;
use crate::hand_off::run::{Arrival, Bundle, Copied, Run};

#[derive(Debug)]
pub(crate) struct Inbox {
    reader: Reader,
    run: Run,
    /// The granules whose records the last stamp says are being written.
    stamped: Range<u64>,
    /// Whether the ring survives the process.
    is_durable: bool,
    /// The offset that is added to the places of the ring.
    offset: u64,
    /// The ring to read once this one is empty, and its offset.
    next: Option<(Reader, u64)>,
}

impl Inbox {
    pub(crate) fn new(reader: Reader) -> Self {
        let run = Run::new(reader.place());
        Self { reader, run, stamped: 0..0, is_durable: false, offset: 0, next: None }
    }

    /// Returns an inbox whose ring survives the process, and whose last stamp says that these granules are being written.
    /// The scheduler of `cfg(shuttle)` has no files.
    #[cfg(not(shuttle))]
    pub(crate) fn lasting(reader: Reader, stamped: Range<u64>) -> Self {
        Self { stamped, is_durable: true, ..Self::new(reader) }
    }

    #[cfg(test)]
    pub(crate) fn ring(&self) -> &Ring {
        self.reader.ring()
    }

    /// Subtracts what a notice has stated of the losses.
    pub(crate) fn state(&self, lost: &Dropped) {
        losses::state(self.next.as_ref().map_or(&self.reader, |(next, _)| next).ring(), lost);
    }

    /// Reads from `next` once this ring, which is closed, is empty.
    #[cfg(not(shuttle))]
    pub(crate) fn follow(&mut self, next: Reader, offset: u64) {
        losses::carry(self.reader.ring(), next.ring());
        self.next = Some((next, offset));
    }

    /// Returns whether a closed ring is still being read.
    #[cfg(not(shuttle))]
    pub(crate) fn is_behind(&self) -> bool {
        self.next.is_some()
    }

    /// Moves on to the next ring if it is time. Returns whether it did.
    #[cfg(not(shuttle))]
    pub(crate) fn go_on(&mut self) -> bool {
        let is_done = self.run.is_taken() && self.reader.ring().fill().records() == 0;
        let Some((reader, offset)) = self.next.take_if(|_| is_done) else { return false };
        self.run.move_to(offset + reader.place());
        (self.reader, self.offset, self.stamped) = (reader, offset, 0..0);
        true
    }

    /// Returns itself if its ring survives the process.
    pub(crate) fn durable(&mut self) -> Option<&mut Self> {
        self.is_durable.then_some(self)
    }

    /// Returns the granule up to which room has been given back.
    pub(crate) fn tail(&self) -> u64 {
        self.reader.tail()
    }

    /// Makes memory ready ahead of callers' need, and when the ring is empty goes back to memory that is still warm. Called
    /// every round.
    pub(crate) fn tend(&mut self) {
        self.reader.make_ready();
        if self.run.is_taken() && self.reader.rewind() {
            self.run.move_to(self.offset + self.reader.place());
        }
    }

    /// Stamps what is being done.
    pub(crate) fn stamp(&mut self, stamp: &Stamp) {
        self.stamped = match stamp.task {
            Task::Records { until } => stamp.from..until,
            _ => 0..0,
        };
        self.reader.stamp(stamp);
    }

    /// Stamps that everything before this granule is done, and nothing is under way.
    pub(crate) fn stamp_nothing(&mut self, from: u64) {
        self.stamp(&Stamp { from, ..Stamp::default() });
    }

    /// Returns the place after the record taken last.
    pub(crate) fn place(&self) -> u64 {
        self.run.place()
    }

    /// Returns whether there is no record to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.run.is_taken() && self.reader.is_empty()
    }

    /// Takes the next record if its hand-over is complete.
    pub(crate) fn take(&mut self) -> Option<Arrival<'_>> {
        if self.run.is_taken() {
            self.copy_run();
        }
        self.run.take()
    }

    /// Returns the records that [`take`](Self::take) would return next, as many as are contiguous, or none if they must be
    /// taken one by one. [`took_bundle`](Self::took_bundle) takes them.
    pub(crate) fn bundle(&mut self) -> Option<Bundle<'_>> {
        if self.run.is_taken() {
            self.copy_run();
        }
        self.run.bundle()
    }

    /// Takes the whole bundle that was returned last.
    pub(crate) fn took_bundle(&mut self) {
        self.run.took_bundle();
    }

    /// Puts back the records that were taken last. The first of them begins at `place`.
    #[cfg(not(shuttle))]
    pub(crate) fn put_back(&mut self, records: Vec<Copied>, place: u64) {
        self.run.put_back(records, place);
    }

    /// Releases the room of the oldest records that were taken: they are in the file, or given up.
    pub(crate) fn release(&mut self, records: u64, bytes: u64) {
        let granules = bytes / GRANULE as u64;
        let tail = self.tail() + granules;
        if self.stamped.start < tail && tail < self.stamped.end {
            self.stamp_nothing(tail);
        }
        self.reader.give_back(granules, records);
    }

    fn copy_run(&mut self) {
        self.run.clear();
        while !self.run.is_full() {
            let mut long = None;
            let mut take = self.reader.take(&mut self.run.bytes[self.run.filled..]);
            if let Take::NeedsSpace(len) = take {
                if !self.run.records.is_empty() {
                    return; // it begins the next run
                }
                take = self.reader.take(long.insert(vec![0; len]));
            }
            let Take::Record(taken) = take else { return };
            if long.is_none() {
                self.run.filled += taken.len;
            }
            self.run.is_plain &= taken.missing == 0 && long.is_none();
            self.run.records.push(Copied {
                rank: Rank::from_code(taken.level),
                end: self.run.filled,
                charge: taken.granules * GRANULE as u64,
                missing: taken.missing,
                long,
                place: self.offset + self.reader.place(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_spool_ring::Limits;

    use super::*;

    fn inbox() -> Inbox {
        let limits = Limits { bytes: 1 << 16, records: 100, shares: [100; 5] };
        Inbox::new(Ring::in_memory(limits).unwrap().1)
    }

    fn text(inbox: &mut Inbox) -> Option<String> {
        inbox.take().map(|arrival| String::from_utf8(arrival.record.to_vec()).unwrap())
    }

    #[test]
    fn it_is_empty_when_all_is_taken_that_was_copied_and_that_was_not() {
        let mut inbox = inbox();
        assert!(inbox.is_empty());
        let offer = |inbox: &Inbox, record: &[u8]| inbox.ring().offer(2, record, 0).unwrap();
        offer(&inbox, b"one");
        offer(&inbox, b"two");
        assert!(!inbox.is_empty(), "not yet copied");
        assert_eq!(text(&mut inbox).unwrap(), "one");
        assert!(!inbox.is_empty(), "copied, and not taken");
        assert_eq!(text(&mut inbox).unwrap(), "two");
        assert!(inbox.is_empty() && text(&mut inbox).is_none());
        offer(&inbox, b"three");
        assert!(!inbox.is_empty(), "all that was copied is taken, and more has come");
        assert_eq!(inbox.bundle().unwrap().bytes, b"three");
        let before = inbox.place();
        inbox.took_bundle();
        assert!(inbox.is_empty() && inbox.place() == before + 1);
    }

    #[test]
    fn where_nothing_waits_the_next_record_goes_to_the_beginning_of_a_lap() {
        const LEN: usize = 300_000; // beyond the window of warm memory
        let limits = Limits { bytes: 1 << 20, records: 100, shares: [100; 5] };
        let mut inbox = Inbox::new(Ring::in_memory(limits).unwrap().1);
        let charge = (LEN as u64 + 16).next_multiple_of(64);
        inbox.ring().offer(2, &[b'x'; LEN], 0).unwrap();
        inbox.tend();
        assert_eq!(inbox.take().unwrap().record.len(), LEN);
        inbox.tend();
        assert_eq!(inbox.place(), charge / 64, "it has not been given back");
        inbox.release(1, charge);
        inbox.tend();
        assert_eq!((inbox.place(), inbox.ring().place()), (1 << 14, 1 << 14), "both skipped the rest");
        inbox.ring().offer(2, b"small", 0).unwrap();
        assert_eq!(text(&mut inbox).as_deref(), Some("small"));
        assert_eq!(inbox.place(), (1 << 14) + 1);
    }
}
