//! Stamps in a durable ring while records are written: where they go, before the write, and that they are there, after it.
//! `recovery` draws the conclusions after a death.
//!
//! A stamp says which records, from granule to granule, are being appended at which offset of which file. The rules:
//!
//! 1. Before each write that begins with a record: a stamp of everything that it writes. All records before its first are
//!    done.
//! 2. After a write that was cut short: a stamp of the record that was begun, or of none.
//! 3. Room is released behind the last record that is done, and never between the ends of a stamp: if it would be, a stamp
//!    of nothing comes first. So a stamp that ends behind the tail is under way, and every other one is done.
//! 4. A notice isn't a record, so its stamp holds its text. It is alone in its batch, and a stamp of nothing ends it.

use tracing_spool_fileset::{Batch, FileId, Rules, Witness};
use tracing_spool_ring::{Checksum, GRANULE, Stamp, Task};

use crate::account::ledger::Dropped;
use crate::hand_off::inbox::Inbox;
use crate::worker::tray::Slips;

/// Stamps the ring around writes.
#[derive(Debug)]
pub(crate) struct Keeper<'a> {
    inbox: &'a mut Inbox,
    slips: Slips<'a>,
    /// Losses that the notice in the tray states.
    stating: &'a mut Option<Dropped>,
    /// The record after the last one of the stamp.
    until: Option<usize>,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(inbox: &'a mut Inbox, slips: Slips<'a>, stating: &'a mut Option<Dropped>) -> Self {
        Self { inbox, slips, stating, until: None }
    }

    /// Returns the granule before a record of the batch.
    fn granule(&self, record: usize) -> u64 {
        self.inbox.tail() + self.slips.charge_before(record) / GRANULE as u64
    }

    fn stamp(&mut self, file: FileId, start: u64, batch: &Batch, until: usize, bytes: &[u8]) {
        let task = if self.slips.is_notice() {
            Task::Text(bytes.to_vec())
        } else {
            Task::Records { until: self.granule(until) }
        };
        let stamp = Stamp {
            task,
            from: self.granule(batch.finished()),
            device: file.device,
            inode: file.inode,
            start,
            bytes: bytes.len() as u64,
            checksum: Checksum::of(bytes),
            notes: notes_of(self.slips.rules),
        };
        self.inbox.stamp(&stamp);
    }
}

impl Witness for Keeper<'_> {
    fn begins(&mut self, file: FileId, start: u64, batch: &Batch, bytes: usize) {
        let until = batch.finished() + batch.ended_by(bytes);
        self.until = Some(until);
        self.stamp(file, start, batch, until, &batch.unwritten()[..bytes]);
        // From here on the notice is in the file, or will be.
        if let Some(stated) = self.stating.take_if(|_| self.slips.is_notice()) {
            self.inbox.state(&stated);
        }
    }

    fn wrote(&mut self, file: FileId, start: u64, batch: &Batch) {
        let is_whole = batch.partial() == 0 && self.until == Some(batch.finished());
        if self.slips.is_notice() {
            if batch.is_done() {
                self.inbox.stamp_nothing(self.granule(batch.finished()));
            }
        } else if batch.partial() > 0 {
            self.stamp(file, start, batch, batch.finished() + 1, batch.record_in_hand());
        } else if !is_whole {
            self.inbox.stamp_nothing(self.granule(batch.finished()));
        }
    }
}

const ESCAPE: u64 = 1;
const SINGLE_LINE: u64 = 2;

/// Encodes how records are rendered, as words of a stamp.
fn notes_of(rules: Rules) -> [u64; 2] {
    [u64::from(rules.escape) * ESCAPE + u64::from(rules.single_line) * SINGLE_LINE, rules.max_bytes as u64]
}

/// Decodes how records are rendered.
#[cfg(not(shuttle))]
pub(crate) fn rules_of(notes: [u64; 2]) -> Rules {
    Rules {
        escape: notes[0] & ESCAPE != 0,
        single_line: notes[0] & SINGLE_LINE != 0,
        max_bytes: usize::try_from(notes[1]).unwrap_or(usize::MAX),
        ..Rules::default()
    }
}
