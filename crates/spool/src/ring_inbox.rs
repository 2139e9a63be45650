//! The writer thread's end of a ring: records out of it, in order, a run at a time. It books nothing.
//! Why they are copied first and looked at afterwards, `inbox` says.

use std::ops::Range;

use tracing_spool_ring::{Reader, Ring, Stamp, Take, Task};

use crate::inbox::{Arrival, Bundle, Copied, Run};
use crate::page::{GRANULE, LONGEST};
use crate::rank::Rank;

#[derive(Debug)]
pub(crate) struct RingInbox {
    reader: Reader,
    run: Run,
    /// Behind the record taken last.
    place: u64,
    /// The granules between which the last stamp says that records are being written.
    stamped: Range<u64>,
    /// Whether it outlives the process.
    is_durable: bool,
}

impl RingInbox {
    pub(crate) fn new(reader: Reader) -> Self {
        let place = reader.place();
        Self { reader, run: Run::new(LONGEST), place, stamped: 0..0, is_durable: false }
    }

    /// One that outlives the process (there are no files under the scheduler); its last stamp says that these granules are being written.
    #[cfg(not(shuttle))]
    pub(crate) fn durable(reader: Reader, stamped: Range<u64>) -> Self {
        Self { stamped, is_durable: true, ..Self::new(reader) }
    }

    pub(crate) fn ring(&self) -> &Ring {
        self.reader.ring()
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.is_durable
    }

    /// Up to where room was given back, as a number of granules.
    pub(crate) fn tail(&self) -> u64 {
        self.reader.tail()
    }

    /// Notes what is being done.
    pub(crate) fn stamp(&mut self, stamp: &Stamp) {
        self.stamped = match stamp.task {
            Task::Records { until } => stamp.from..until,
            _ => 0..0,
        };
        self.reader.stamp(stamp);
    }

    /// Notes that all before this granule is done, and nothing under way.
    pub(crate) fn stamp_nothing(&mut self, from: u64) {
        self.stamp(&Stamp { from, ..Stamp::default() });
    }

    /// The place behind the record taken last.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// Whether there is no record to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.run.is_taken() && self.reader.is_empty()
    }

    /// Takes the next record, if it has been handed over whole.
    pub(crate) fn take(&mut self) -> Option<Arrival<'_>> {
        if self.run.is_taken() {
            self.copy_run();
        }
        let (arrival, place) = self.run.take()?;
        self.place = place;
        Some(arrival)
    }

    /// As [`Inbox::bundle`](crate::inbox::Inbox::bundle).
    pub(crate) fn bundle(&mut self) -> Option<Bundle<'_>> {
        if self.run.is_taken() {
            self.copy_run();
        }
        self.run.bundle()
    }

    /// The bundle that was shown has been taken whole.
    pub(crate) fn took_bundle(&mut self) {
        self.place = self.run.took_bundle().unwrap_or(self.place);
    }

    /// Gives back the room of the oldest records.
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
                place: self.reader.place(),
            });
        }
    }
}
