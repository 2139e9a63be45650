//! What opening a set under given limits would remove, and what the next rotation would remove after that. It goes the
//! way that the engine goes at a start, on a picture of the directory. `forecast` knows the rotation itself.

use super::forecast::{self, Limits};
use super::plan::{self, NoSlot, Scheme, Step};
use super::{budget, retention};
use crate::model::inventory::{Backup, FileId, Inventory};
use crate::model::removal::Reason;
use crate::model::slot::Slot;
use crate::model::time::Wall;

/// A file that would be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The file as it stands now.
    pub file: Backup,
    /// Why it would be removed.
    pub why: Reason,
}

/// What is known of a set that isn't open.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The backups.
    pub(crate) inventory: Inventory,
    /// The live file that an interrupted rotation left. The hidden one takes the records.
    pub(crate) standing: Option<Backup>,
    /// The file that takes the records.
    pub(crate) live: Option<Backup>,
    /// The live file's period is over.
    pub(crate) is_period_over: bool,
}

/// What would happen to a set, in the order in which it would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Course {
    /// What goes while the set is opened, in this order.
    pub at_start: Vec<Gone>,
    /// What goes because of its age: ten minutes after a start, when the clock is trusted, and at once where an open
    /// set is given the limits.
    pub aged: Vec<Gone>,
    /// Whether the live file becomes a backup while the set is opened.
    pub rotates_at_start: bool,
    /// What goes with a rotation after that, until the new live file is full.
    pub at_rotation: Vec<Gone>,
    /// The files that stay after that rotation, newest first. The first one is the live file of now, unless it is gone
    /// or was empty.
    pub stays: Vec<Backup>,
}

/// A set on its way.
struct Way<'a> {
    left: Inventory,
    live: Backup,
    limits: &'a Limits,
    backup_count: u32,
    now: Wall,
    gone: Vec<Gone>,
}

/// Predicts the start of a set, and the rotation after it. `scheme` says what the next backup would be called, given
/// what is there by then.
///
/// # Errors
///
/// Returns [`NoSlot`] if backups are wanted and no number is free for one.
pub(crate) fn foresee(
    facts: Facts,
    scheme: &dyn Fn(&Inventory) -> Scheme,
    limits: &Limits,
    now: Wall,
) -> Result<Course, NoSlot> {
    let mut left = facts.inventory;
    // Twins go, too; they are no backups of their own.
    left.twins.clear();
    left.standing_live = facts.standing.map(|standing| standing.bytes);
    let backup_count = scheme(&left).backup_count;
    let live = facts.live.unwrap_or_default();
    let mut way = Way { left, live, limits, backup_count, now, gone: Vec::new() };
    let mut course = Course::default();
    way.trim();
    if let Some(standing) = facts.standing {
        let steps = plan::recovery(&way.left, scheme(&way.left), plan::Durability::Unsynced)?;
        way.left.standing_live = None;
        way.perform(&steps, standing);
        course.rotates_at_start = true;
    }
    if way.total() > limits.max_total_bytes && way.live.bytes > 0 {
        way.rotate(scheme)?;
        way.trim();
        course.rotates_at_start = true;
    } else if facts.is_period_over && way.live.bytes > 0 {
        way.rotate(scheme)?;
        course.rotates_at_start = true;
    }
    course.at_start = std::mem::take(&mut way.gone);
    if let Some(age) = limits.max_age {
        for slot in retention::expired(&way.left, age, limits.kept_backups, now) {
            way.let_go(slot, Reason::Age);
        }
    }
    course.aged = std::mem::take(&mut way.gone);
    if way.live.bytes > 0 {
        let (live, scheme) = (way.live, scheme(&way.left));
        let (steps, goes) = forecast::rotate(&mut way.left, live, scheme, limits, now)?;
        way.gone.extend(goes.into_iter().map(|(_, file, why)| Gone { file, why }));
        if steps.contains(&Step::Discard) {
            way.gone.push(Gone { file: live, why: Reason::Discard });
        }
    }
    course.at_rotation = way.gone;
    course.stays = way.left.backups.into_values().collect();
    Ok(course)
}

impl Way<'_> {
    fn total(&self) -> u64 {
        self.left.bytes().saturating_add(self.live.bytes)
    }

    fn let_go(&mut self, slot: Slot, why: Reason) {
        if let Some(file) = self.left.backups.remove(&slot) {
            self.gone.push(Gone { file, why });
        }
    }

    /// Removes backups beyond their count, and what exceeds the budget.
    fn trim(&mut self) {
        for slot in retention::surplus(&self.left, self.backup_count) {
            self.let_go(slot, Reason::Count);
        }
        while budget::is_exceeded(self.total(), self.limits.max_total_bytes) {
            let Some(slot) = retention::victim(&self.left, 0) else { break };
            self.let_go(slot, Reason::Budget);
        }
    }

    /// Makes the live file a backup.
    fn rotate(&mut self, scheme: &dyn Fn(&Inventory) -> Scheme) -> Result<(), NoSlot> {
        let steps = plan::rotation(&self.left, scheme(&self.left), plan::Durability::Unsynced)?;
        let retired = std::mem::take(&mut self.live);
        self.perform(&steps, retired);
        Ok(())
    }

    fn perform(&mut self, steps: &[Step], retired: Backup) {
        let removed = forecast::perform(steps, &mut self.left, Backup { modified: self.now, ..retired });
        self.gone.extend(removed.into_iter().map(|(_, file)| Gone { file, why: Reason::Rotation }));
        if steps.contains(&Step::Discard) {
            self.gone.push(Gone { file: retired, why: Reason::Discard });
        }
    }
}

impl Course {
    /// Returns every file that would go, in this order.
    pub fn gone(&self) -> impl Iterator<Item = &Gone> {
        self.at_start.iter().chain(&self.aged).chain(&self.at_rotation)
    }

    /// Returns whether the file would go.
    #[must_use]
    pub fn loses(&self, id: FileId) -> bool {
        self.gone().any(|gone| gone.file.id == id)
    }
}
