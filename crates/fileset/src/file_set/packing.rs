//! Compression of backups: who is next, what the owner is given to do, and what comes of it.
//! The work itself is `pack`'s, on whichever thread the owner has for it; names are changed here, between two rotations.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::FileSet;
use super::append::prospect;
use crate::effect::classify::{Class, classify};
use crate::effect::execute::is_lost;
use crate::effect::pack::{Allowance, PackOrder, Packed, Stop};
use crate::model::alert::Trouble;
use crate::model::compression::Compression;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::FileId;
use crate::model::time::{Mono, Now, Wall};
use crate::policy::backoff::Retry;
use crate::policy::{budget, packing};

/// Files that do not get smaller are remembered, but not for ever.
const INCOMPRESSIBLE_MAX: usize = 1_024;

/// What is known of compressions.
#[derive(Debug, Default)]
pub(super) struct Packing {
    /// There may be a backup to compress.
    wanted: bool,
    /// What the owner has in hand.
    order: Option<Ticket>,
    /// What came back and waits for the end of a rotation.
    done: Option<Packed>,
    /// Nothing is tried before.
    due: Option<Mono>,
    retry: Retry,
    failing_since: Option<Wall>,
    incompressible: BTreeSet<FileId>,
    /// The set gives out no more orders.
    stopped: bool,
}

#[derive(Debug)]
struct Ticket {
    allowance: Arc<Allowance>,
    /// Its outcome is not wanted any more.
    given_up: bool,
}

impl FileSet {
    /// The next backup to compress, if one is wanted now: [`perform`](PackOrder::perform) it on any thread, and give what
    /// comes of it to [`packed`](Self::packed). One at a time: the next is given out when this one is back. None, as long
    /// as a rotation is under way, the set is blocked, or its budget has no room for a second form of the backup.
    ///
    /// The newest backup stays as it is, so that readers which follow the log can finish it.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use std::io::Write as _;
    /// use tracing_spool_fileset::{Clock, Compression, FileSet, Settings, SystemClock};
    ///
    /// let clock = SystemClock::new();
    /// let mut settings = Settings::new(&path);
    /// settings.compression = Compression::Gzip; // with the feature `gzip`
    /// settings.max_bytes = 1_000;
    /// let mut set = FileSet::open(settings)?;
    /// for number in 0..300 {
    ///     writeln!(set, "order {number} shipped")?;
    ///     // Now and then, or on a thread of its own:
    ///     while let Some(order) = set.take_order(clock.now()) {
    ///         set.packed(order.perform(), clock.now());
    ///     }
    /// }
    /// assert!(dir.path().join("app.log.1").is_file());
    /// assert!(dir.path().join("app.log.2.gz").is_file());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_order(&mut self, now: Now) -> Option<PackOrder> {
        if self.packing.order.as_ref().is_some_and(|ticket| is_lost(&ticket.allowance)) {
            // Dropped by its owner, or in a panic.
            let given_up = self.packing.order.take().is_some_and(|ticket| ticket.given_up);
            if !given_up {
                let failure = Failure::new(Op::Write, &self.stage.names.pack_temporary(), OsError::EIO);
                self.packing_failed(failure, now);
            }
        }
        let packing = &self.packing;
        let is_free = packing.order.is_none() && packing.done.is_none() && packing.due.is_none();
        if !is_free || !packing.wanted || packing.stopped || self.job.is_some() || self.hold.is_some() {
            return None;
        }
        let compression = self.settings.compression;
        if !self.tidy_packing(now) || compression == Compression::None {
            return None;
        }
        let order = self.open_order(compression, now);
        self.conclude(now);
        order
    }

    fn open_order(&mut self, compression: Compression, now: Now) -> Option<PackOrder> {
        loop {
            let room = budget::room(self.stage.total_bytes(), self.settings.max_total_bytes);
            let next = packing::next(&self.stage.inventory, room, &self.packing.incompressible);
            let Some(slot) = next else {
                self.packing.wanted = false;
                self.packing_works(now);
                return None;
            };
            let bytes = self.stage.inventory.backups.get(&slot).map_or(0, |backup| backup.bytes);
            if self.above_floor(bytes) < bytes {
                self.packing.wanted = false;
                return None;
            }
            match self.stage.open_pack(slot, compression, self.settings.mode) {
                Ok(Some(order)) => {
                    let allowance = Arc::clone(&order.allowance);
                    self.packing.order = Some(Ticket { allowance, given_up: false });
                    return Some(order);
                }
                // Removed or replaced by others: a survey shows what stands there now.
                Ok(None) if self.stage.inventory.twins.is_empty() => {}
                Ok(None) => return None,
                Err(failure) => {
                    self.packing_failed(failure, now);
                    return None;
                }
            }
        }
    }

    /// Takes back an order that was performed: the compressed form gets its name, and the plain file goes. After a
    /// rotation has begun, that waits for its end.
    pub fn packed(&mut self, packed: Packed, now: Now) {
        let ticket = &self.packing.order;
        if !ticket.as_ref().is_some_and(|ticket| Arc::ptr_eq(&ticket.allowance, &packed.allowance)) {
            return; // of another set
        }
        let given_up = self.packing.order.take().is_some_and(|ticket| ticket.given_up);
        if !given_up {
            if let Ok(made) = &packed.outcome {
                self.stage.temporary = Some(made.bytes);
            }
            self.packing.done = Some(packed);
            self.finish_packing(now);
        }
        self.conclude(now);
    }

    /// Gives out no more orders, and ends the one that its owner has in hand: its temporary is removed.
    pub fn stop_packing(&mut self) {
        self.packing.stopped = true;
        self.packing.due = None;
        self.give_up_packing();
    }

    /// There may be a backup to compress, or room for it.
    pub(super) fn want_packing(&mut self) {
        self.packing.wanted = true;
    }

    pub(super) fn packing_due(&self) -> Option<Mono> {
        self.packing.due
    }

    /// What is due: an outcome that waited, a cool-down that is over, something left to remove.
    pub(super) fn attend_packing(&mut self, now: Now) {
        if self.job.is_none() && self.packing.done.is_some() {
            self.finish_packing(now);
        }
        if self.packing.due.is_some_and(|due| due <= now.mono) {
            self.packing.due = None;
            self.packing.wanted = true;
            self.tidy_packing(now);
            let room = budget::room(self.stage.total_bytes(), self.settings.max_total_bytes);
            let next = packing::next(&self.stage.inventory, room, &self.packing.incompressible);
            if self.packing.due.is_none()
                && (next.is_none() || self.settings.compression == Compression::None)
            {
                self.packing_works(now);
            }
        }
    }

    fn finish_packing(&mut self, now: Now) {
        if self.job.is_some() {
            return;
        }
        let Some(packed) = self.packing.done.take() else { return };
        self.packing.wanted = true;
        let placed = match &packed.outcome {
            Ok(made) => self.stage.place_packed(&packed, made),
            Err(Stop::NotSmaller) => {
                if self.packing.incompressible.len() >= INCOMPRESSIBLE_MAX {
                    self.packing.incompressible.clear();
                }
                self.packing.incompressible.insert(packed.source_id());
                Ok(false)
            }
            Err(Stop::GivenUp | Stop::Changed) => Ok(false),
            Err(Stop::Failed(failure)) => Err(failure.clone()),
        };
        match placed {
            Ok(placed) => {
                self.counters.packed_files += u64::from(placed);
                if self.tidy_packing(now) {
                    self.packing_works(now);
                }
                if !placed && !matches!(packed.outcome, Err(Stop::NotSmaller)) {
                    // Somebody is at it: no busy loop with them.
                    self.packing.due.get_or_insert(now.mono + self.settings.retry_cooldown);
                }
            }
            Err(failure) => self.packing_failed(failure, now),
        }
    }

    /// Removes what a compression has left: a temporary that nobody writes, a compressed form whose plain file stands.
    /// False: something could not be removed, and will be tried again.
    pub(super) fn tidy_packing(&mut self, now: Now) -> bool {
        if self.packing.order.is_some() || self.packing.done.is_some() || self.job.is_some() {
            return true;
        }
        match self.stage.drop_temporary().and_then(|()| self.stage.drop_twins()) {
            Ok(()) => true,
            Err(failure) => {
                self.packing_failed(failure, now);
                false
            }
        }
    }

    /// The room is wanted for records, or the set's end has come. Whether anything was freed.
    pub(super) fn give_up_packing(&mut self) -> bool {
        if self.stage.temporary.is_none() && self.stage.inventory.twins.is_empty() {
            return false;
        }
        let before = self.stage.total_bytes();
        if let Some(ticket) = &mut self.packing.order {
            let written = ticket.allowance.close();
            if !std::mem::replace(&mut ticket.given_up, true) {
                self.stage.temporary = Some(written);
            }
        }
        self.packing.done = None;
        // What cannot be removed counts on, and is tried again.
        let tidied = self.stage.drop_temporary().and_then(|()| self.stage.drop_twins());
        self.counters.failures += u64::from(tidied.is_err());
        self.stage.total_bytes() < before
    }

    /// As `give_up_packing`; compressing is not tried again at once.
    pub(super) fn yield_room(&mut self, now: Now) -> bool {
        let freed = self.give_up_packing();
        if freed {
            self.packing.due = Some(now.mono + self.settings.retry_cooldown);
        }
        freed
    }

    fn packing_failed(&mut self, failure: Failure, now: Now) {
        self.counters.failures += 1;
        let verdict = self.packing.retry.failed(prospect(&failure), &self.backoff());
        self.packing.due = Some(now.mono + verdict.delay);
        let since = *self.packing.failing_since.get_or_insert(now.wall);
        if self.packing.order.is_none() && self.stage.drop_temporary().is_err() {
            self.counters.failures += 1;
        }
        // On a full disk there is no room for it, which is no trouble: the backup stays as it is.
        let is_full = classify(failure.op, failure.error) == Class::NoSpace;
        if verdict.exhausted && !is_full {
            let attempts = self.packing.retry.calls();
            let detail = "it stays as it was written; tried again by itself";
            self.raise(Trouble::Packing, Some(failure), detail, attempts, since, now);
        }
    }

    fn packing_works(&mut self, now: Now) {
        self.packing.retry = Retry::default();
        self.packing.failing_since = None;
        self.clear(Trouble::Packing, now);
    }
}
