//! What a process that died left in its ring becomes the beginning of this one's work: its records are the queue, and the
//! write that was under way is the first batch. Nothing is written here; the ordinary writer continues with it.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use tracing_spool_fileset::{FileId, Resumed, Rules, Unfinished};
use tracing_spool_ring::{Checksum, Damage, Found, GRANULE, Opened, Ring, Stamp, Task};

use crate::account::ledger::Dropped;
use crate::account::losses;
use crate::account::recovered::Recovered;
use crate::hand_off::inbox::Inbox;
use crate::hand_off::run::Copied;
use crate::worker::ring_stamps::{Keeper, rules_of};
use crate::worker::tray::Tray;

/// A queue that continues with what was found.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) ring: Arc<Ring>,
    pub(crate) inbox: Inbox,
    /// The write that was under way.
    pub(crate) tray: Tray,
    pub(crate) unfinished: Option<Unfinished>,
    pub(crate) recovered: Recovered,
    /// What that process had dropped and not stated.
    pub(crate) unstated: Dropped,
    /// A ring that couldn't be used: where it is now, and why.
    pub(crate) set_aside: Option<(PathBuf, Damage)>,
    /// The ring was just created.
    pub(crate) is_new: bool,
    /// The records in the tray, as callers handed them over.
    begun: Vec<Copied>,
}

/// Makes a batch of what was being written.
pub(crate) fn adopt(opened: Opened, rules: Rules) -> Adopted {
    let Opened { ring, reader, found, set_aside, .. } = opened;
    let is_new = found.is_none();
    let found = found.unwrap_or_default();
    let stamp = found.stamp.clone().unwrap_or_default();
    let stamped = match stamp.task {
        Task::Records { until } => stamp.from..until,
        _ => 0..0,
    };
    let unstated = losses::unstated(&ring);
    let mut adopted = Adopted {
        ring,
        inbox: Inbox::lasting(reader, stamped),
        tray: Tray::new(rules),
        unfinished: None,
        recovered: recovered_of(&found, &unstated),
        unstated,
        set_aside,
        is_new,
        begun: Vec::new(),
    };
    adopted.take_up(&stamp);
    adopted
}

fn recovered_of(found: &Found, unstated: &Dropped) -> Recovered {
    let dropped = unstated.total();
    Recovered {
        records: found.records,
        bytes: found.bytes,
        holes: found.holes,
        uncertain: 0,
        dropped,
        process: if found.records > 0 || found.holes > 0 || dropped > 0 { found.process } else { 0 },
    }
}

impl Adopted {
    fn take_up(&mut self, stamp: &Stamp) {
        match &stamp.task {
            Task::Records { until } if *until > self.inbox.tail() => {
                let rules = rules_of(stamp.notes);
                while self.inbox.place() < *until {
                    let Some(arrival) = self.inbox.take() else { break };
                    self.tray.push_by(&arrival, rules);
                    let mut begun = Copied::of(&arrival);
                    begun.place = self.inbox.place();
                    self.begun.push(begun);
                }
            }
            Task::Text(text) => self.tray.push_rendered_notice(text),
            _ => return,
        }
        let bytes = self.tray.batch.unwritten();
        // If the bytes differ, because other code renders them or some are missing, nothing is known about the file.
        if bytes.len() as u64 == stamp.bytes && Checksum::of(bytes) == stamp.checksum {
            let file = FileId { device: stamp.device, inode: stamp.inode };
            self.unfinished = Some(Unfinished { file, start: stamp.start });
        }
    }

    /// Settles the first batch, once it is known how much of it is in the file. Records that are whole there are done; one
    /// that was begun is finished as it was begun; the rest is treated as if it had never been taken, so that today's rules
    /// render, cut and note it.
    pub(crate) fn resumed(&mut self, resumed: Option<Resumed>) {
        let (batch, slips) = self.tray.parts();
        if slips.is_notice() {
            return;
        }
        let finished = batch.finished();
        let rest = (batch.records() - finished) as u64;
        match (resumed, self.unfinished) {
            (Some(Resumed::Found(count)), Some(Unfinished { file, start })) => {
                if rest > 0 && count > 0 {
                    // From now on the room of earlier records may be released, so the stamp must say where the rest goes.
                    let begun = start + (count - batch.partial()) as u64;
                    let mut nothing_stated = None;
                    let mut keeper = Keeper::new(&mut self.inbox, slips, &mut nothing_stated);
                    tracing_spool_fileset::Witness::wrote(&mut keeper, file, begun, batch);
                }
            }
            _ => self.recovered.uncertain = rest,
        }
        // The process that died wrote these, so they don't count for this one.
        let settled = self.tray.settle();
        self.inbox.release(settled.records, settled.bytes);
        let bytes: usize = self.begun[..finished].iter().flat_map(|begun| &begun.long).map(Vec::len).sum();
        self.recovered.records = self.recovered.records.saturating_sub(finished as u64);
        self.recovered.bytes = self.recovered.bytes.saturating_sub(bytes as u64);
        let kept = self.tray.forget_unbegun();
        let rest = self.begun.split_off(kept);
        if let Some(first) = rest.first() {
            let place = first.place - first.charge / GRANULE as u64;
            self.inbox.put_back(rest, place);
        }
    }
}
