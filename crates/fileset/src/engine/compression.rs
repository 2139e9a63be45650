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

/// The most files that are remembered because compressing doesn't make them smaller.
const INCOMPRESSIBLE_MAX: usize = 1_024;

/// The state of compression.
#[derive(Debug, Default)]
pub(super) struct Packing {
    /// Whether there may be a backup to compress.
    wanted: bool,
    /// The order that the owner has.
    order: Option<Ticket>,
    /// A result that waits for the end of a rotation.
    done: Option<Packed>,
    /// Nothing is tried before this moment.
    due: Option<Mono>,
    retry: Retry,
    failing_since: Option<Wall>,
    incompressible: BTreeSet<FileId>,
    /// Whether the set has stopped handing out orders.
    stopped: bool,
}

#[derive(Debug)]
struct Ticket {
    allowance: Arc<Allowance>,
    /// Whether the result is not wanted any more.
    given_up: bool,
}

/// Returns how many of `bytes` bytes the free-space floor leaves room for.
pub(super) type Floor<'a> = dyn FnMut(u64, &mut Turn<'_>) -> u64 + 'a;

impl Packing {
    /// Returns the next backup to compress, if there is one now. `is_busy`: a rotation is under way, or records wait.
    pub(super) fn take_order(
        &mut self,
        is_busy: bool,
        floor: &mut Floor<'_>,
        turn: &mut Turn<'_>,
    ) -> Option<PackOrder> {
        if self.order.as_ref().is_some_and(|ticket| is_lost(&ticket.allowance)) {
            // The owner dropped it, perhaps in a panic.
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
                // Others removed or replaced it. A survey shows what stands there now.
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
            return; // an order of another set
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

    /// Stops handing out orders, and ends the one that the owner has: its temporary is removed.
    pub(super) fn stop(&mut self, turn: &mut Turn<'_>) {
        self.stopped = true;
        self.due = None;
        self.give_up(turn);
    }

    /// Notes that there may be a backup to compress, or room for it.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    pub(super) fn due(&self) -> Option<Mono> {
        self.due
    }

    /// Does what is due: handles a result that waited, a cool-down that is over, a leftover to remove.
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
                    // Somebody else is at it: avoid a busy loop with them.
                    self.due.get_or_insert(turn.now.mono + turn.settings.retry_cooldown);
                }
            }
            Err(failure) => self.failed(failure, turn),
        }
    }

    /// Removes what a compression left behind: a temporary that nobody writes, a compressed form whose plain file still
    /// exists. Returns `false` if something could not be removed and is retried later.
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

    /// Gives the order up because records need the room, or because the set ends. Returns whether anything was freed.
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
        // What can't be removed still counts, and is retried.
        let tidied = turn.stage.drop_temporary().and_then(|()| turn.stage.drop_twins());
        turn.desk.counters.failures += u64::from(tidied.is_err());
        turn.stage.total_bytes() < before
    }

    /// Does what `give_up` does, and doesn't compress again right away.
    pub(super) fn yield_room(&mut self, turn: &mut Turn<'_>) -> bool {
        let freed = self.give_up(turn);
        if freed {
            self.due = Some(turn.now.mono + turn.settings.retry_cooldown);
        }
        freed
    }

    fn failed(&mut self, failure: Failure, turn: &mut Turn<'_>) {
        turn.failed();
        // A temporary whose descriptor others closed, or that this process created as another user, is created anew.
        let is_lost = failure.error == OsError::EBADF;
        let is_of_before = (failure.op, failure.error) == (Op::SetTime, OsError::EPERM);
        let prospect = if is_lost || is_of_before { Prospect::Passing } else { failure.class().into() };
        let verdict = self.retry.failed(prospect, &turn.backoff());
        self.due = Some(turn.now.mono + verdict.delay);
        let since = *self.failing_since.get_or_insert(turn.now.wall);
        if self.order.is_none() && turn.stage.drop_temporary().is_err() {
            turn.failed();
        }
        // A full disk has no room for it. That is no trouble: the backup stays as it is.
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
