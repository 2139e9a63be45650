//! Removes backups so that the set keeps its limits, and handles a removal that fails or frees nothing.
//! `policy::retention` says which backup is next.

use std::time::Duration;

use super::compression::Packing;
use super::desk::Turn;
use crate::effect::execute::{Done, Setback};
use crate::effect::fs::Space;
use crate::model::alert::Trouble;
use crate::model::errno_class::Class;
use crate::model::error::Failure;
use crate::model::inventory::FileId;
use crate::model::removal::Reason;
use crate::model::settings::CLOCK_TRUSTED_AFTER;
use crate::model::slot::Slot;
use crate::model::time::{Mono, Now};
use crate::policy::backoff::{Prospect, Retry};
use crate::policy::plan::Step;
use crate::policy::{budget, retention};

/// The shortest and the longest time until the age of backups is checked again.
const EXPIRY_LOOK_MIN: Duration = Duration::from_secs(1);
const EXPIRY_LOOK_MAX: Duration = Duration::from_secs(60 * 60);

/// A wall clock that moves away from the monotonic one by more than this has jumped.
const JUMP_MICROS: u64 = 60 * 1_000_000;

/// The result of an attempt to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pruned {
    Removed,
    Nothing,
    /// The removal failed in a way that may pass.
    Later(Duration),
}

/// A removal for free space after which hardly more space was free.
#[derive(Debug)]
struct InVain {
    /// The free space before.
    before: u64,
    /// The bytes that it should have freed.
    expected: u64,
    /// When one more is tried, if this one still has freed nothing.
    until: Mono,
}

/// When age may remove something.
#[derive(Debug)]
struct Trust {
    from: Mono,
    /// What both clocks last showed.
    seen: Now,
}

#[derive(Debug)]
pub(super) struct Retention {
    /// Of the removal that fails.
    retry: Retry,
    /// The error of moving the first of the immovable backups.
    obstacle: Option<Failure>,
    /// Files that could be neither moved nor removed, and where they were: reported as long as they are there.
    stuck: Vec<(Slot, FileId)>,
    /// When a removal that has used up its retries is tried again, instead of at each rotation.
    obstacle_until: Option<Mono>,
    /// The file system's free bytes as last asked, less what was written since.
    free_bytes: Option<u64>,
    in_vain: Option<InVain>,
    in_vain_retry: Retry,
    /// When the oldest backup reaches its maximum age.
    expiry_due: Option<Mono>,
    trust: Trust,
}

impl Retention {
    pub(super) fn new(now: Now) -> Self {
        Self {
            retry: Retry::default(),
            obstacle: None,
            stuck: Vec::new(),
            obstacle_until: None,
            free_bytes: None,
            in_vain: None,
            in_vain_retry: Retry::default(),
            expiry_due: None,
            trust: Trust { from: now.mono + CLOCK_TRUSTED_AFTER, seen: now },
        }
    }

    pub(super) fn expiry_due(&self) -> Option<Mono> {
        self.expiry_due
    }

    /// Returns why the first of the immovable backups is immovable.
    pub(super) fn obstacle(&self) -> Option<&Failure> {
        self.obstacle.as_ref()
    }

    // --- what cannot be moved ---

    /// Skips a backup that could be neither moved nor removed, for a while. `calls` is how many attempts that took.
    pub(super) fn step_over(&mut self, slot: Slot, failure: &Failure, calls: u32, turn: &mut Turn<'_>) {
        if turn.stage.picture.inventory.immovable.insert(slot) {
            turn.desk.counters.stepped_over += 1;
        }
        let inventory = &turn.stage.picture.inventory;
        let twins = inventory.twins.iter().filter(|((of, _), _)| *of == slot).map(|(_, twin)| twin.id);
        let backup = inventory.backups.get(&slot).map(|backup| backup.id);
        for id in twins.chain(backup) {
            if !self.stuck.contains(&(slot, id)) {
                self.stuck.push((slot, id));
            }
        }
        self.obstacle.get_or_insert_with(|| failure.clone());
        if failure.class() == Class::Transient && calls > 1 {
            self.obstacle_until.get_or_insert(turn.now.mono + turn.settings.retry_cooldown);
        }
    }

    /// A rotation is done: reports what it had to skip, or that nothing is in the way any more.
    pub(super) fn tell_obstacle(&mut self, attempts: u32, turn: &mut Turn<'_>) {
        match self.obstacle.clone() {
            Some(failure) if !turn.stage.picture.inventory.immovable.is_empty() => {
                let detail = "it stays where it is, and the others go round it; tried again by itself";
                turn.raise(Trouble::Prune, Some(failure), detail, attempts);
            }
            _ => self.tell_freed(turn),
        }
    }

    /// Reports that everything immovable has since been moved or removed. A rotation that didn't have to touch it
    /// proves nothing about that.
    fn tell_freed(&mut self, turn: &mut Turn<'_>) {
        let inventory = &turn.stage.picture.inventory;
        self.stuck.retain(|(slot, id)| {
            inventory.backups.get(slot).is_some_and(|backup| backup.id == *id)
                || inventory.twins.iter().any(|((of, _), twin)| of == slot && twin.id == *id)
        });
        if self.stuck.is_empty() && inventory.immovable.is_empty() {
            turn.clear(Trouble::Prune);
        }
    }

    /// Retries from now on what can't be moved.
    pub(super) fn forget_obstacles(&mut self, turn: &mut Turn<'_>) {
        turn.stage.picture.inventory.immovable.clear();
        (self.obstacle, self.obstacle_until) = (None, None);
    }

    /// Before a rotation: retries what can't be moved, unless that would hold the rotation up.
    pub(super) fn review_obstacles(&mut self, turn: &mut Turn<'_>) {
        if self.obstacle_until.is_none_or(|until| until <= turn.now.mono) {
            self.forget_obstacles(turn);
        }
    }

    // --- removing ---

    /// Removes a backup. One that stays is skipped and reported.
    fn let_go(&mut self, slot: Slot, reason: Reason, why: &str, turn: &mut Turn<'_>) {
        match turn.stage.perform(Step::Remove(slot), turn.settings) {
            Ok(done) => {
                turn.removed(done, reason);
                self.tell_freed(turn);
            }
            Err(Setback::Failed(failure)) => {
                turn.failed();
                self.step_over(slot, &failure, 1, turn);
                turn.raise(Trouble::Prune, Some(failure), why, 1);
            }
            // Another file stands there by now; the next survey says which.
            Err(Setback::Changed(_) | Setback::Displaced) => Self::look_again(turn),
        }
    }

    /// Surveys all backups, and lists the directory if names are by time.
    fn look_again(turn: &mut Turn<'_>) {
        turn.stage.picture.is_stale = true;
        Self::look(turn);
    }

    /// Surveys the known backups. If that fails, the next survey may not.
    fn look(turn: &mut Turn<'_>) {
        if let Err(Setback::Failed(_)) = turn.stage.perform(Step::Survey, turn.settings) {
            turn.failed();
        }
    }

    /// Removes the oldest backup that can be removed, as long as more than `keep` are left.
    pub(super) fn prune_one(
        &mut self,
        keep: u32,
        reason: Reason,
        packing: &mut Packing,
        turn: &mut Turn<'_>,
    ) -> Pruned {
        if packing.yield_room(turn) {
            // Give up the compression first: its backup keeps its plain form, and no backup has to go yet.
            return Pruned::Removed;
        }
        if reason == Reason::FreeSpace && !self.may_hope(turn) {
            return Pruned::Nothing;
        }
        let mut looked_again = false;
        while let Some(slot) = retention::victim(&turn.stage.picture.inventory, keep) {
            let before = if reason == Reason::FreeSpace { turn.stage.space().ok() } else { None };
            let failure = match turn.stage.perform(Step::Remove(slot), turn.settings) {
                Ok(done) => {
                    turn.removed(done, reason);
                    self.tell_freed(turn);
                    packing.want();
                    self.retry = Retry::default();
                    if reason == Reason::FreeSpace {
                        self.look_at_effect(done, before, turn);
                    }
                    return Pruned::Removed;
                }
                Err(Setback::Failed(failure)) => failure,
                Err(Setback::Changed(_)) if !looked_again => {
                    looked_again = true;
                    Self::look_again(turn);
                    continue;
                }
                Err(Setback::Changed(_) | Setback::Displaced) => return Pruned::Nothing,
            };
            turn.failed();
            let verdict = self.retry.failed(failure.class().into(), &turn.backoff());
            if !verdict.exhausted {
                return Pruned::Later(verdict.delay);
            }
            let attempts = self.retry.calls();
            self.retry = Retry::default();
            self.step_over(slot, &failure, attempts, turn);
            let detail = "a newer backup may have to go in its place";
            turn.raise(Trouble::Prune, Some(failure), detail, attempts);
        }
        Pruned::Nothing
    }

    /// Removes backups beyond their count, backups that are too old, and, at any price, what exceeds the budget.
    pub(super) fn trim(&mut self, packing: &mut Packing, turn: &mut Turn<'_>) {
        for slot in retention::surplus(&turn.stage.picture.inventory, turn.settings.backup_count) {
            let why = "it is beyond backup_count; tried again at the next rotation";
            self.let_go(slot, Reason::Count, why, turn);
        }
        self.drop_expired(turn);
        while budget::is_exceeded(turn.stage.total_bytes(), turn.settings.max_total_bytes) {
            if self.prune_one(0, Reason::Budget, packing, turn) != Pruned::Removed {
                break;
            }
        }
    }

    // --- free space ---

    /// Makes the next check ask for the free space again.
    pub(super) fn forget_free_bytes(&mut self) {
        self.free_bytes = None;
    }

    pub(super) fn wrote(&mut self, bytes: u64) {
        self.free_bytes = self.free_bytes.map(|free| free.saturating_sub(bytes));
    }

    /// Returns how many bytes may be written above the free-space floor.
    pub(super) fn above_floor(&mut self, bytes: u64, turn: &mut Turn<'_>) -> u64 {
        let floor = turn.settings.min_free_bytes;
        if floor == 0 {
            return u64::MAX;
        }
        let known = self.free_bytes.map_or(0, |free| budget::above_floor(free, floor));
        if known >= bytes {
            return known;
        }
        match turn.stage.space() {
            Ok(space) => {
                self.free_bytes = Some(space.available);
                budget::above_floor(space.available, floor)
            }
            Err(_) => {
                // If the free space is unknown, go on: a full disk reports itself.
                turn.failed();
                u64::MAX
            }
        }
    }

    /// Returns whether a removal for free space may help. It may not while the last one has freed nothing.
    fn may_hope(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(last) = &self.in_vain else { return true };
        let free = turn.stage.space().map_or(0, |space| space.free);
        if free.saturating_sub(last.before) >= last.expected / 2 {
            // It was freed late: some file systems free removed files only after a while.
            self.hope_again(turn);
            return true;
        }
        last.until <= turn.now.mono
    }

    /// Returns whether more is free than before.
    fn look_at_effect(&mut self, done: Done, before: Option<Space>, turn: &mut Turn<'_>) {
        let (Done::Removed { allocated, .. }, Some(before)) = (done, before) else { return };
        let Ok(after) = turn.stage.space() else { return };
        self.free_bytes = Some(after.available);
        if after.free.saturating_sub(before.free) >= allocated / 2 {
            self.hope_again(turn);
            return;
        }
        let verdict = self.in_vain_retry.failed(Prospect::Lasting, &turn.backoff());
        let until = turn.now.mono + verdict.delay;
        self.in_vain = Some(InVain { before: before.free, expected: allocated, until });
        let detail =
            "readers or further links hold what was removed, so the other backups stay; records wait";
        turn.raise(Trouble::PruneInVain, None, detail, self.in_vain_retry.calls());
    }

    /// Returns when pruning in vain counts as over, if no records wait.
    pub(super) fn hope_due(&self) -> Option<Mono> {
        self.in_vain.as_ref().map(|last| last.until)
    }

    /// Notes that removing frees space again, or that space isn't needed any more.
    pub(super) fn hope_again(&mut self, turn: &mut Turn<'_>) {
        (self.in_vain, self.in_vain_retry) = (None, Retry::default());
        turn.clear(Trouble::PruneInVain);
    }

    // --- age ---

    /// Follows both clocks. One that has just started or jumped may be wrong by weeks, so it expires no backup.
    pub(super) fn mind_clock(&mut self, now: Now) {
        let wall = now.wall.unix_micros().saturating_sub(self.trust.seen.wall.unix_micros());
        let mono = i64::try_from((now.mono - self.trust.seen.mono).as_micros()).unwrap_or(i64::MAX);
        if wall.saturating_sub(mono).unsigned_abs() > JUMP_MICROS {
            self.trust.from = now.mono + CLOCK_TRUSTED_AFTER;
            // What was due is checked when the clock is trusted again.
            self.expiry_due = self.expiry_due.map(|due| due.max(self.trust.from));
        }
        self.trust.seen = now;
    }

    /// Removes backups that are too old, and notes when the next one will be.
    pub(super) fn drop_expired(&mut self, turn: &mut Turn<'_>) {
        self.expiry_due = None;
        let Some(max_age) = turn.settings.max_age else { return };
        let (keep, now) = (turn.settings.kept_backups(), turn.now);
        if self.trust.from <= now.mono {
            let inventory = &turn.stage.picture.inventory;
            let expired = retention::expired(inventory, max_age, keep, now.wall);
            let movable = expired.into_iter().filter(|slot| !inventory.immovable.contains(slot));
            for slot in movable.collect::<Vec<_>>() {
                self.let_go(slot, Reason::Age, "it is older than max_age; tried again later", turn);
            }
        }
        // Check again in any case: a backup may not have been removable, and clocks step.
        self.expiry_due = retention::next_expiry(&turn.stage.picture.inventory, max_age, keep).map(|end| {
            let micros = end.unix_micros().saturating_sub(now.wall.unix_micros()).max(0);
            let wait = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
            (now.mono + wait.clamp(EXPIRY_LOOK_MIN, EXPIRY_LOOK_MAX)).max(self.trust.from)
        });
    }

    /// Looks again at when each backup was last written, since one may be too old by now.
    pub(super) fn expire(&mut self, is_job_under_way: bool, turn: &mut Turn<'_>) {
        if !is_job_under_way {
            self.forget_obstacles(turn);
            Self::look(turn);
        }
        self.drop_expired(turn);
    }

    /// Reports numbers that are taken by something else.
    pub(super) fn mind_foreign(turn: &mut Turn<'_>) {
        let Some(number) = turn.stage.picture.inventory.foreign.first().copied() else {
            turn.clear(Trouble::ForeignSlot);
            return;
        };
        let path = turn.stage.site.names.backup(number);
        let detail = format!("{} is not a regular file: its number is left out", path.display());
        turn.raise(Trouble::ForeignSlot, None, &detail, 0);
    }
}
