//! What a process that died has left in its ring, made the beginning of this one's work: its records are the queue, and
//! the write that was under way is the first batch. Nothing is written here: the ordinary writer goes on with it.

use std::path::PathBuf;
use std::sync::Arc;

use tracing_spool_fileset::{FileId, Resumed, Rules, Unfinished};
use tracing_spool_ring::{Checksum, Damage, Found, Opened, Ring, Stamp, Task};

use crate::durable::{Keeper, rules_of};
use crate::inbox::Inbox;
use crate::ledger::Dropped;
use crate::losses;
use crate::recovered::Recovered;
use crate::tray::Tray;

/// A hand-off that goes on with what was found.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) ring: Arc<Ring>,
    pub(crate) inbox: Inbox,
    /// The write that was under way.
    pub(crate) tray: Tray,
    pub(crate) unfinished: Option<Unfinished>,
    pub(crate) recovered: Recovered,
    /// What it had dropped and not stated.
    pub(crate) unstated: Dropped,
    /// A ring that could not be used, where it is now, and why.
    pub(crate) set_aside: Option<(PathBuf, Damage)>,
    /// How its records were rendered.
    rules: Rules,
}

/// Makes the first batch of what was being written.
pub(crate) fn adopt(opened: Opened, rules: Rules) -> Adopted {
    let Opened { ring, reader, found, set_aside, .. } = opened;
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
        rules: rules_of(stamp.notes),
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
                let rules = self.rules;
                while self.inbox.place() < *until {
                    let Some(arrival) = self.inbox.take() else { break };
                    self.recovered.bytes -= (arrival.record.len() as u64).min(self.recovered.bytes);
                    self.recovered.records = self.recovered.records.saturating_sub(1);
                    self.tray.push_by(&arrival, &rules);
                }
            }
            Task::Text(text) => self.tray.push_notice(&String::from_utf8_lossy(text)),
            _ => return,
        }
        let bytes = self.tray.batch.unwritten();
        // Rendered anew by other code, or not all there: then nothing can be said of the file.
        if bytes.len() as u64 == stamp.bytes && Checksum::of(bytes) == stamp.checksum {
            let file = FileId { device: stamp.device, inode: stamp.inode };
            self.unfinished = Some(Unfinished { file, start: stamp.start });
        }
    }

    /// Counts what the first batch brings, once it is known how much of it was there.
    pub(crate) fn resumed(&mut self, resumed: Option<Resumed>) {
        let (batch, slips) = self.tray.parts();
        if slips.is_notice() {
            return;
        }
        let rest = (batch.records() - batch.finished()) as u64;
        self.recovered.records += rest;
        self.recovered.bytes += batch.unwritten().len() as u64;
        match (resumed, self.unfinished) {
            (Some(Resumed::Found(count)), Some(Unfinished { file, start })) => {
                if rest > 0 && count > 0 {
                    // From now on records before it may be given back, so the stamp says where the rest goes.
                    let begun = start + (count - batch.partial()) as u64;
                    let mut nothing_stated = None;
                    let mut keeper = Keeper::new(&mut self.inbox, slips, self.rules, &mut nothing_stated);
                    tracing_spool_fileset::Witness::wrote(&mut keeper, file, begun, batch);
                }
            }
            _ => self.recovered.uncertain = rest,
        }
    }
}
