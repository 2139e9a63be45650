//! What waits in a copy of a ring, as the next process would write it, for those who only want to read it. `recovery`
//! takes the ring itself over.

use tracing_spool_fileset::{Batch, Rules, Unfinished};
use tracing_spool_ring::{Opened, Task};

use crate::account::recovered::Recovered;
use crate::open::recovery::{self, Adopted};
use crate::worker::ring_stamps::rules_of;
use crate::worker::tray::BATCH_BYTES;

/// The records that wait in a copy of a ring.
#[derive(Debug)]
pub struct Leftover {
    adopted: Adopted,
    rules: Rules,
    is_notice: bool,
}

impl Leftover {
    /// Reads a copy that [`Ring::from_image`](tracing_spool_ring::Ring::from_image) made. Records are rendered as the
    /// process that died would have done, if it says how, and otherwise by `rules`.
    #[must_use]
    pub fn of(opened: Opened, mut rules: Rules) -> Self {
        let stamp = opened.found.as_ref().and_then(|found| found.stamp.as_ref());
        let mut is_notice = false;
        match stamp.map(|stamp| (&stamp.task, stamp.notes)) {
            Some((Task::Records { .. }, notes)) => rules = rules_of(notes),
            Some((Task::Text(_), _)) => is_notice = true,
            _ => {}
        }
        Self { adopted: recovery::adopt(opened, rules), rules, is_notice }
    }

    /// Returns what waits, with the records that are in [`begun`](Self::begun).
    #[must_use]
    pub fn recovered(&self) -> Recovered {
        self.adopted.recovered
    }

    /// Returns the write that was under way, if its bytes are known: where it went.
    #[must_use]
    pub fn unfinished(&self) -> Option<Unfinished> {
        self.adopted.unfinished
    }

    /// Returns whether [`begun`](Self::begun) is a notice of the writer, and not records.
    #[must_use]
    pub fn is_notice(&self) -> bool {
        self.is_notice
    }

    /// Returns what was being written. It comes before everything else.
    pub fn begun(&mut self) -> &mut Batch {
        &mut self.adopted.tray.batch
    }

    /// Fills a batch with the next records. Returns whether there were any.
    pub fn next(&mut self, batch: &mut Batch) -> bool {
        batch.clear();
        while batch.bytes() < BATCH_BYTES {
            let Some(arrival) = self.adopted.inbox.take() else { break };
            batch.push_cut(arrival.record, arrival.missing, &self.rules);
        }
        batch.records() > 0
    }
}
