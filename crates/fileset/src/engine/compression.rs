//! The compression of backups: which is next, what order the owner gets, and what becomes of it. `effect::compress`
//! does the work on a thread of the owner's; names change here, between two rotations.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::desk::Turn;
use crate::effect::compress::{Allowance, PackOrder, Packed, Stop};
use crate::effect::execute::{Placed, is_lost};
use crate::model::alert::Trouble;
use crate::model::compression::Compression;
use crate::model::errno_class::Class;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::FileId;
use crate::model::slot::Slot;
use crate::model::time::{Mono, Wall};
use crate::policy::backoff::{Prospect, Retry};
use crate::policy::{budget, compression};

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

/// How many of so many bytes the floor of free space leaves room for.
pub(super) type Floor<'a> = dyn FnMut(u64, &mut Turn<'_>) -> u64 + 'a;

impl Packing {
    /// The next backup to compress, if one is wanted now. `is_busy`: a rotation is under way, or records wait.
    pub(super) fn take_order(
        &mut self,
        is_busy: bool,
        floor: &mut Floor<'_>,
        turn: &mut Turn<'_>,
    ) -> Option<PackOrder> {
        if self.order.as_ref().is_some_and(|ticket| is_lost(&ticket.allowance)) {
            // Dropped by its owner, or in a panic.
            let given_up = self.order.take().is_some_and(|ticket| ticket.given_up);
            if !given_up {
                let path = turn.stage.site.pack_temporary().path();
                self.failed(Failure::new(Op::Write, path, OsError::EIO), turn);
            }
        }
        let is_free = self.order.is_none() && self.done.is_none() && self.due.is_none();
        if !is_free || !self.wanted || self.stopped || is_busy {
            return None;
        }
        if !self.tidy(is_busy, turn) || turn.settings.compression == Compression::None {
            return None;
        }
        self.open_order(floor, turn)
    }

    fn open_order(&mut self, floor: &mut Floor<'_>, turn: &mut Turn<'_>) -> Option<PackOrder> {
        loop {
            let Some(slot) = self.next(turn) else {
                self.wanted = false;
                self.works(turn);
                return None;
            };
            let bytes = turn.stage.backups().get(&slot).map_or(0, |backup| backup.bytes);
            if floor(bytes, turn) < bytes {
                self.wanted = false;
                return None;
            }
            match turn.stage.open_pack(slot, turn.settings.compression) {
                Ok(Some(order)) => {
                    let allowance = Arc::clone(&order.allowance);
                    self.order = Some(Ticket { allowance, given_up: false });
                    return Some(order);
                }
                // Removed or replaced by others: a survey shows what stands there now.
                Ok(None) if turn.stage.picture.inventory.twins.is_empty() => {}
                Ok(None) => return None,
                Err(failure) => {
                    self.failed(failure, turn);
                    return None;
                }
            }
        }
    }

    fn next(&self, turn: &Turn<'_>) -> Option<Slot> {
        let room = budget::room(turn.stage.total_bytes(), turn.settings.max_total_bytes);
        compression::next(&turn.stage.picture.inventory, room, &self.incompressible)
    }

    /// Takes back an order that was performed.
    pub(super) fn packed(&mut self, packed: Packed, is_job_under_way: bool, turn: &mut Turn<'_>) {
        let ticket = &self.order;
        if !ticket.as_ref().is_some_and(|ticket| Arc::ptr_eq(&ticket.allowance, &packed.allowance)) {
            return; // of another set
        }
        let given_up = self.order.take().is_some_and(|ticket| ticket.given_up);
        if !given_up {
            if let Ok(made) = &packed.outcome {
                turn.stage.picture.temporary = Some(made.bytes);
            }
            self.done = Some(packed);
            self.finish(is_job_under_way, turn);
        }
    }

    /// Gives out no more orders, and ends the one that its owner has in hand: its temporary is removed.
    pub(super) fn stop(&mut self, turn: &mut Turn<'_>) {
        self.stopped = true;
        self.due = None;
        self.give_up(turn);
    }

    /// There may be a backup to compress, or room for it.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    pub(super) fn due(&self) -> Option<Mono> {
        self.due
    }

    /// What is due: an outcome that waited, a cool-down that is over, something left to remove.
    pub(super) fn attend(&mut self, is_job_under_way: bool, turn: &mut Turn<'_>) {
        if !is_job_under_way && self.done.is_some() {
            self.finish(is_job_under_way, turn);
        }
        if self.due.is_some_and(|due| due <= turn.now.mono) {
            self.due = None;
            self.wanted = true;
            self.tidy(is_job_under_way, turn);
            let is_wanted = turn.settings.compression != Compression::None && self.next(turn).is_some();
            if self.due.is_none() && !is_wanted {
                self.works(turn);
            }
        }
    }

    fn finish(&mut self, is_job_under_way: bool, turn: &mut Turn<'_>) {
        if is_job_under_way {
            return;
        }
        let Some(packed) = self.done.take() else { return };
        self.wanted = true;
        let placed = match &packed.outcome {
            Ok(made) => turn.stage.place_packed(&packed, made),
            Err(Stop::NotSmaller) => {
                if self.incompressible.len() >= INCOMPRESSIBLE_MAX {
                    self.incompressible.clear();
                }
                self.incompressible.insert(packed.source_id());
                Ok(Placed::Gone)
            }
            Err(Stop::GivenUp | Stop::Changed) => Ok(Placed::Changed),
            Err(Stop::Failed(failure)) => Err(failure.clone()),
        };
        match placed {
            Ok(placed) => {
                turn.desk.counters.packed_files += u64::from(placed == Placed::Done);
                if self.tidy(is_job_under_way, turn) {
                    self.works(turn);
                }
                if placed == Placed::Changed {
                    // Somebody is at it: no busy loop with them.
                    self.due.get_or_insert(turn.now.mono + turn.settings.retry_cooldown);
                }
            }
            Err(failure) => self.failed(failure, turn),
        }
    }

    /// Removes what a compression has left: a temporary that nobody writes, a compressed form whose plain file stands.
    /// False: something could not be removed, and will be tried again.
    pub(super) fn tidy(&mut self, is_job_under_way: bool, turn: &mut Turn<'_>) -> bool {
        if self.order.is_some() || self.done.is_some() || is_job_under_way {
            return true;
        }
        match turn.stage.drop_temporary().and_then(|()| turn.stage.drop_twins()) {
            Ok(()) => true,
            Err(failure) => {
                self.failed(failure, turn);
                false
            }
        }
    }

    /// The room is wanted for records, or the set's end has come. Whether anything was freed.
    pub(super) fn give_up(&mut self, turn: &mut Turn<'_>) -> bool {
        let before = turn.stage.total_bytes();
        let picture = &mut turn.stage.picture;
        if picture.temporary.is_none() && picture.inventory.twins.is_empty() {
            return false;
        }
        if let Some(ticket) = &mut self.order {
            let written = ticket.allowance.close();
            if !std::mem::replace(&mut ticket.given_up, true) {
                picture.temporary = Some(written);
            }
        }
        self.done = None;
        // What cannot be removed counts on, and is tried again.
        let tidied = turn.stage.drop_temporary().and_then(|()| turn.stage.drop_twins());
        turn.desk.counters.failures += u64::from(tidied.is_err());
        turn.stage.total_bytes() < before
    }

    /// As `give_up`; compressing is not tried again at once.
    pub(super) fn yield_room(&mut self, turn: &mut Turn<'_>) -> bool {
        let freed = self.give_up(turn);
        if freed {
            self.due = Some(turn.now.mono + turn.settings.retry_cooldown);
        }
        freed
    }

    fn failed(&mut self, failure: Failure, turn: &mut Turn<'_>) {
        turn.failed();
        // A temporary whose descriptor others closed, or that was made before this process became another user's, is made
        // anew.
        let is_lost = failure.error == OsError::EBADF;
        let is_of_before = (failure.op, failure.error) == (Op::SetTime, OsError::EPERM);
        let prospect = if is_lost || is_of_before { Prospect::Passing } else { failure.class().into() };
        let verdict = self.retry.failed(prospect, &turn.backoff());
        self.due = Some(turn.now.mono + verdict.delay);
        let since = *self.failing_since.get_or_insert(turn.now.wall);
        if self.order.is_none() && turn.stage.drop_temporary().is_err() {
            turn.failed();
        }
        // On a full disk there is no room for it, which is no trouble: the backup stays as it is.
        if verdict.exhausted && failure.class() != Class::NoSpace {
            let detail = "it stays as it was written; tried again by itself";
            turn.raise_since(Trouble::Packing, Some(failure), detail, self.retry.calls(), since);
        }
    }

    fn works(&mut self, turn: &mut Turn<'_>) {
        self.retry = Retry::default();
        self.failing_since = None;
        turn.clear(Trouble::Packing);
    }
}
