//! A plan under way: its steps performed one after the other, its failures given a remedy or a deadline.
//! What the steps are is `policy::plan`'s; how each is performed is `effect::execute`'s.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use super::FileSet;
use super::append::{Flow, Pruned};
use crate::effect::classify::{Class, classify, is_lost_by_sync};
use crate::effect::execute::{Done, OpenFile, Place, Setback};
use crate::model::alert::{Event, Trouble};
use crate::model::error::{Failure, Op, OsError};
use crate::model::settings::{Naming, Sync};
use crate::model::slot::{Slot, Stamp};
use crate::model::time::{Mono, Now, Wall};
use crate::policy::backoff::{Prospect, Retry};
use crate::policy::plan::{self, Durability, Scheme, Step};
use crate::policy::{budget, retention};

/// How soon, and how late, the age of backups is looked at again.
const EXPIRY_LOOK_MIN: Duration = Duration::from_secs(1);
const EXPIRY_LOOK_MAX: Duration = Duration::from_secs(60 * 60);

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The live file becomes a backup.
    Rotate,
    /// A rotation that was cut short is finished.
    Recover,
    /// The live file is found again.
    Reopen,
}

impl Goal {
    fn trouble(self) -> Trouble {
        match self {
            Self::Rotate | Self::Recover => Trouble::Rotation,
            Self::Reopen => Trouble::Reopen,
        }
    }
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) goal: Goal,
    pub(super) steps: VecDeque<Step>,
    /// When the next call is made.
    pub(super) due: Mono,
    /// The step that fails, since when, and how often.
    failing: Option<(Step, Wall)>,
    retry: Retry,
    /// The directory was looked at anew because a name was taken.
    surveyed_again: bool,
}

/// What is done about a failed step.
enum Remedy {
    /// It is performed again at once, or the step after it.
    GoOn,
    /// The plan is void: the live file has to be found again.
    FindLive,
    /// It waits for a deadline.
    Wait(Prospect),
}

impl FileSet {
    pub(super) fn start_rotation(&mut self, now: Now) {
        let Some(current) = self.stage.current.as_ref().filter(|_| self.job.is_none()) else { return };
        if current.special || current.bytes == 0 || current.place != Place::Live {
            self.rotation_wanted = false;
            return;
        }
        if self.must_be_quiet_first(now) {
            self.rotation_wanted = true;
            return;
        }
        self.stuck.clear();
        self.start_job(Goal::Rotate, vec![Step::Survey], now);
    }

    pub(super) fn start_recovery(&mut self, now: Now) {
        self.start_job(Goal::Recover, vec![Step::Survey], now);
    }

    pub(super) fn start_reopening(&mut self, now: Now) {
        self.start_job(Goal::Reopen, plan::reopening(), now);
    }

    fn start_job(&mut self, goal: Goal, steps: Vec<Step>, now: Now) {
        self.job = Some(Job {
            goal,
            steps: steps.into(),
            due: now.mono,
            failing: None,
            retry: Retry::default(),
            surveyed_again: false,
        });
        self.run_job(now);
    }

    /// Performs steps until the plan is done, a step has to wait, or a record in hand has to be finished first.
    pub(super) fn run_job(&mut self, now: Now) {
        while let Some(mut job) = self.job.take() {
            let Some(step) = job.steps.front().copied() else {
                self.finish_job(job.goal, now);
                return;
            };
            if step.changes_file() && self.is_mid_record() {
                self.job = Some(job);
                return;
            }
            if job.goal == Goal::Rotate && step.changes_file() && self.must_be_quiet_first(now) {
                // Written since the first attempt.
                job.due = self.tailers.quiet_at();
                self.job = Some(job);
                return;
            }
            if matches!(step, Step::Retire { .. }) && self.has_unsynced_bytes() {
                // Written since the sync of this plan, while a step waited.
                job.steps.push_front(Step::SyncLive);
                self.job = Some(job);
                continue;
            }
            if matches!(step, Step::Retire { .. }) && self.leaves_torn_line() {
                self.job = Some(job);
                if self.end_tail(now) == Flow::Stop {
                    self.job_waits_for_hold();
                    return;
                }
                continue;
            }
            match self.perform(step, &mut job, now) {
                Ok(()) => {
                    if job.failing.is_some_and(|(failing, _)| failing == step) {
                        job.failing = None;
                        job.retry = Retry::default();
                    }
                    self.job = Some(job);
                }
                Err(Setback::Displaced) => {
                    self.displaced(now);
                    return;
                }
                Err(Setback::Failed(failure)) => {
                    self.counters.failures += 1;
                    match self.remedy(&mut job, &failure, now) {
                        Remedy::GoOn => self.job = Some(job),
                        Remedy::FindLive => {
                            self.displaced(now);
                            return;
                        }
                        Remedy::Wait(prospect) => {
                            self.postpone(job, step, failure, prospect, now);
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Performs the first step; a survey or an opened file brings the rest of the plan.
    fn perform(&mut self, step: Step, job: &mut Job, now: Now) -> Result<(), Setback> {
        let was_sealed = self.stage.current.as_ref().is_some_and(|file| file.sealed);
        let file_before = self.stage.current.as_ref().map(|file| file.id);
        let done = self.stage.perform(step, &self.settings)?;
        if self.stage.current.as_ref().map(|file| file.id) != file_before {
            self.begin_period(now);
        }
        if matches!(step, Step::Retire { .. } | Step::Discard | Step::OpenLive) {
            self.left_sealed |= was_sealed;
        }
        match step {
            Step::Survey => {
                self.mind_foreign(now);
                let rest = self.rotation_plan(now)?;
                job.steps.pop_front();
                job.steps.extend(rest);
                return Ok(());
            }
            Step::SyncLive if self.stage.current.as_ref().is_some_and(|file| !file.sealed) => {
                self.synced(now);
            }
            Step::SyncDir if self.sync_retry.calls() == 0 && !self.left_sealed => {
                self.clear(Trouble::Sync, now);
            }
            Step::OpenLive => self.opened(job, now),
            _ => {}
        }
        job.steps.pop_front();
        self.account(done, now);
        Ok(())
    }

    /// Whether the live file has bytes that must be durable before it becomes a backup.
    fn has_unsynced_bytes(&self) -> bool {
        let is_unsynced = |file: &OpenFile| file.place == Place::Live && file.dirty && !file.sealed;
        self.durability() == Durability::Synced && self.stage.current.as_ref().is_some_and(is_unsynced)
    }

    /// Whether the live file would become a backup that ends in half a line, though there is room to end it.
    fn leaves_torn_line(&self) -> bool {
        let can_be_ended = |file: &OpenFile| file.place == Place::Live && file.torn && !file.full;
        budget::room(self.stage.total_bytes(), self.settings.max_total_bytes) > 0
            && self.stage.current.as_ref().is_some_and(can_be_ended)
    }

    fn job_waits_for_hold(&mut self) {
        if let (Some(job), Some(hold)) = (&mut self.job, &self.hold) {
            job.due = hold.until;
        }
    }

    fn durability(&self) -> Durability {
        if self.settings.sync == Sync::Never { Durability::Unsynced } else { Durability::Synced }
    }

    pub(super) fn scheme(&self, now: Now) -> Scheme {
        let stamp = match self.settings.naming {
            Naming::Numbered => None,
            Naming::Timestamped => Some(Stamp::after(self.stage.inventory.newest_stamp(), now.wall)),
        };
        Scheme { backup_count: self.settings.backup_count, stamp }
    }

    fn rotation_plan(&self, now: Now) -> Result<Vec<Step>, Failure> {
        let hidden = self.stage.current.as_ref().is_some_and(|file| file.place == Place::Hidden);
        let plan = if hidden { plan::recovery } else { plan::rotation };
        plan(&self.stage.inventory, self.scheme(now), self.durability())
            .map_err(|plan::NoSlot| self.no_slot())
    }

    /// Every number is held by something else.
    pub(super) fn no_slot(&self) -> Failure {
        let first = self.stage.names.backup(Slot::Number(1));
        Failure::between(Op::Rename, self.stage.names.live(), &first, OsError::EISDIR)
    }

    /// The live file was found again; what else stands in the directory may be a rotation to finish.
    fn opened(&mut self, job: &mut Job, now: Now) {
        self.counters.reopened += 1;
        self.say(Event::Reopened { path: self.stage.names.live().to_owned() });
        self.clear(Trouble::Reopen, now);
        self.watch_at = now.mono + crate::model::settings::WATCH_EVERY;
        self.free_bytes = None;
        self.mind_foreign(now);
        if self.stage.current.as_ref().is_some_and(|file| file.place == Place::Hidden) {
            job.goal = Goal::Recover;
            job.steps.push_back(Step::Survey);
        }
    }

    fn finish_job(&mut self, goal: Goal, now: Now) {
        if goal != Goal::Reopen {
            self.counters.rotations += u64::from(goal == Goal::Rotate);
            self.drop_expired(now);
            self.tailers.rotated(now);
            self.want_packing();
            self.moments.last_rotation = Some(now.wall);
            self.rotation_wanted = false;
            self.clear(Trouble::Rotation, now);
        }
        self.want_link(now);
    }

    fn remedy(&mut self, job: &mut Job, failure: &Failure, now: Now) -> Remedy {
        if matches!(failure.op, Op::Sync | Op::SyncDir) && is_lost_by_sync(failure.error) {
            self.seal(failure, now);
            job.steps.pop_front();
            return Remedy::GoOn;
        }
        match classify(failure.op, failure.error) {
            Class::Transient => Remedy::Wait(Prospect::Passing),
            Class::NoSpace => match self.prune_one(self.settings.kept_backups(), now) {
                Pruned::Removed => Remedy::GoOn,
                Pruned::Nothing | Pruned::Later(_) => Remedy::Wait(Prospect::Lasting),
            },
            Class::Gone if job.goal != Goal::Reopen && matches!(self.stage.dirs_stand(), Ok(false)) => {
                Remedy::FindLive
            }
            Class::Taken if job.goal != Goal::Reopen && !job.surveyed_again => {
                job.surveyed_again = true;
                self.stage.is_stale = true;
                job.steps = [Step::Survey].into();
                Remedy::GoOn
            }
            Class::Gone | Class::Taken | Class::TooLarge | Class::Permanent => {
                Remedy::Wait(Prospect::Lasting)
            }
        }
    }

    fn postpone(&mut self, mut job: Job, step: Step, failure: Failure, prospect: Prospect, now: Now) {
        if job.failing.is_none_or(|(failing, _)| failing != step) {
            job.failing = Some((step, now.wall));
            job.retry = Retry::default();
        }
        let verdict = job.retry.failed(prospect, &self.backoff());
        job.due = now.mono + verdict.delay;
        if job.surveyed_again {
            job.surveyed_again = false;
            job.steps = [Step::Survey].into();
        }
        let (trouble, attempts) = (job.goal.trouble(), job.retry.calls());
        let since = job.failing.map_or(now.wall, |(_, since)| since);
        self.job = Some(job);
        if verdict.exhausted {
            let detail =
                "records go on to the file that is open, up to max_total_bytes; tried again by itself";
            self.raise(trouble, Some(failure), detail, attempts, since, now);
        }
    }

    pub(super) fn account(&mut self, done: Done, now: Now) {
        let Done::Removed(bytes) = done else { return };
        if self.stuck.is_empty() {
            self.clear(Trouble::Prune, now);
        }
        self.want_packing();
        self.counters.pruned_files += 1;
        self.counters.pruned_bytes += bytes;
        if bytes > self.settings.max_bytes.max(self.settings.record_limit()) {
            self.say(Event::OverlongPruned { bytes });
        }
    }

    /// Raises or clears the alert about numbers that something else holds.
    pub(super) fn mind_foreign(&mut self, now: Now) {
        let Some(number) = self.stage.inventory.foreign.first().copied() else {
            self.clear(Trouble::ForeignSlot, now);
            return;
        };
        let path = self.stage.names.backup(number);
        let detail = format!("{} is not a regular file: its number is left out", path.display());
        self.raise(Trouble::ForeignSlot, None, &detail, 0, now.wall, now);
    }

    /// Removes backups beyond their count, those that are too old and, at any price, what is beyond the budget.
    pub(super) fn trim(&mut self, now: Now) {
        for slot in retention::surplus(&self.stage.inventory, self.settings.backup_count) {
            if !self.let_go(slot, "it is beyond backup_count; tried again at the next rotation", now) {
                return;
            }
        }
        self.drop_expired(now);
        while self.stage.total_bytes() > self.settings.max_total_bytes {
            if self.prune_one(0, now) != Pruned::Removed {
                break;
            }
        }
    }

    /// Removes a backup that is not wanted any more; one that stays is passed over and told. False: the plan is void.
    fn let_go(&mut self, slot: Slot, why: &str, now: Now) -> bool {
        match self.stage.perform(Step::Remove(slot), &self.settings) {
            Ok(done) => self.account(done, now),
            Err(Setback::Failed(failure)) => {
                self.counters.failures += 1;
                self.stuck.insert(slot);
                self.raise(Trouble::Prune, Some(failure), why, 1, now.wall, now);
            }
            Err(Setback::Displaced) => return false,
        }
        true
    }

    /// Removes backups that are too old, and says when the next one will be.
    pub(super) fn drop_expired(&mut self, now: Now) {
        self.expiry_due = None;
        let Some(max_age) = self.settings.max_age else { return };
        for slot in retention::expired(&self.stage.inventory, max_age, now.wall) {
            if !self.stuck.contains(&slot) {
                self.let_go(slot, "it is older than max_age; tried again later", now);
            }
        }
        // What could not be removed, and a clock that steps, are reasons to look again in any case.
        self.expiry_due = retention::next_expiry(&self.stage.inventory, max_age).map(|end| {
            let micros = end.unix_micros().saturating_sub(now.wall.unix_micros()).max(0);
            let wait = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
            now.mono + wait.clamp(EXPIRY_LOOK_MIN, EXPIRY_LOOK_MAX)
        });
    }

    /// A backup may be too old by now: when each was last written is looked at anew.
    pub(super) fn expire(&mut self, now: Now) {
        if self.job.is_none() {
            self.stuck.clear();
            if let Err(Setback::Failed(_)) = self.stage.perform(Step::Survey, &self.settings) {
                self.counters.failures += 1;
            }
        }
        self.drop_expired(now);
    }

    pub(super) fn job_is_due(&self, now: Now) -> bool {
        self.job.as_ref().is_some_and(|job| job.due <= now.mono)
    }

    pub(super) fn raise(
        &mut self,
        trouble: Trouble,
        failure: Option<Failure>,
        detail: &str,
        attempts: u32,
        since: Wall,
        now: Now,
    ) {
        let log: &Path = self.stage.names.live();
        if let Some(alert) = self.alarms.raise(trouble, log, failure, detail, attempts, since, now) {
            self.counters.alerts_raised += 1;
            self.say(Event::Alert(alert));
        }
    }

    pub(super) fn clear(&mut self, trouble: Trouble, now: Now) {
        if let Some(alert) = self.alarms.clear(trouble, now) {
            self.say(Event::Alert(alert));
        }
    }
}
