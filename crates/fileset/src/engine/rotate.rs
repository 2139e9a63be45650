//! Drives the rotation or reopening that is under way: its steps, and what follows if they fail.

use super::desk::Turn;
use super::job::{Facts, Goal, Job, Next, Remedy};
use super::machine::Engine;
use super::retention::{Pruned, Retention};
use super::sync::Syncing;
use super::writing::Flow;
use crate::effect::execute::{Done, OpenFile, Place, Setback};
use crate::model::alert::{Event, Rotated, Trouble};
use crate::model::compression::Compression;
use crate::model::errno_class::{Class, is_lost_by_sync};
use crate::model::error::{Failure, Op, OsError};
use crate::model::removal::Reason;
use crate::model::settings::{Naming, SyncPolicy};
use crate::model::slot::{Slot, Stamp};
use crate::model::time::Now;
use crate::policy::backoff::Prospect;
use crate::policy::plan::{self, Durability, Scheme, Step};
use crate::policy::{budget, retention};

impl Engine {
    pub(super) fn start_rotation(&mut self, now: Now) {
        let Some(current) = self.stage.current.as_ref().filter(|_| self.job.is_none()) else { return };
        if current.special || current.content_bytes() == 0 || current.place != Place::Live {
            self.rotation_wanted = false;
            return;
        }
        if self.tailers.must_be_quiet_first(now) {
            self.rotation_wanted = true;
            return;
        }
        let Self { retention, stage, desk, settings, .. } = self;
        retention.review_obstacles(&mut Turn { settings, stage, desk, now });
        self.start_job(Goal::Rotate, vec![Step::Survey], now);
    }

    pub(super) fn start_recovery(&mut self, now: Now) {
        self.start_job(Goal::Recover, vec![Step::Survey], now);
    }

    pub(super) fn start_reopening(&mut self, now: Now) {
        self.start_job(Goal::Reopen, plan::reopening(), now);
    }

    fn start_job(&mut self, goal: Goal, steps: Vec<Step>, now: Now) {
        self.job = Some(Job::new(goal, steps, now));
        self.run_job(now);
    }

    /// Performs steps until the plan is done, a step has to wait, or the current record has to be finished first.
    pub(super) fn run_job(&mut self, now: Now) {
        while let Some(mut job) = self.job.take() {
            let step = match job.next(self.job_facts()) {
                Next::Finish => return self.finish_job(&job, now),
                Next::Wait => return self.job = Some(job),
                Next::EndLine => {
                    self.job = Some(job);
                    if self.mend_tail(now) == Flow::Stop {
                        return self.job_waits_for_hold();
                    }
                    continue;
                }
                Next::Perform(step) => step,
            };
            if job.goal == Goal::Rotate && step.changes_file() && self.tailers.must_be_quiet_first(now) {
                // Written since the first attempt.
                job.due = self.tailers.quiet_at();
                return self.job = Some(job);
            }
            let failure = match self.perform(step, &mut job, now) {
                Ok(()) => {
                    self.job = Some(job);
                    continue;
                }
                Err(Setback::Displaced) => return self.displaced(now),
                Err(Setback::Changed(_)) if self.looks_again(&mut job) => {
                    self.job = Some(job);
                    continue;
                }
                Err(Setback::Changed(failure) | Setback::Failed(failure)) => failure,
            };
            self.desk.counters.failures += 1;
            if failure.error == OsError::EBADF && !std::mem::replace(&mut job.mended, true) {
                // Others have closed our descriptors since the last check.
                if self.mend_descriptors() {
                    return self.lose_descriptor(now);
                }
                job.plan_anew();
                self.job = Some(job);
                continue;
            }
            let flow = match self.remedy(&mut job, step, &failure, now) {
                Remedy::GoOn => Flow::GoOn,
                Remedy::FindLive => return self.displaced(now),
                Remedy::Wait(prospect) => self.postpone(&mut job, step, failure, prospect, now),
            };
            self.job = Some(job);
            if flow == Flow::Stop {
                return;
            }
        }
    }

    fn job_facts(&self) -> Facts {
        let is_unsynced = |file: &OpenFile| file.place == Place::Live && file.dirty && !file.sealed;
        let can_be_ended = |file: &OpenFile| file.place == Place::Live && file.torn && !file.full;
        let current = self.stage.current.as_ref();
        Facts {
            is_mid_record: self.is_mid_record(),
            has_unsynced_bytes: self.durability() == Durability::Synced && current.is_some_and(is_unsynced),
            leaves_torn_line: budget::room(self.stage.total_bytes(), self.settings.max_total_bytes) > 0
                && current.is_some_and(can_be_ended),
        }
    }

    /// Performs a step. A survey or an opened file yields the rest of the plan.
    fn perform(&mut self, step: Step, job: &mut Job, now: Now) -> Result<(), Setback> {
        let was_sealed = self.stage.current.as_ref().is_some_and(|file| file.sealed);
        let file_before = self.stage.current.as_ref().map(|file| file.id);
        let is_surplus = matches!(step, Step::Remove(slot) if self.is_surplus(slot));
        let done = self.stage.perform(step, &self.settings)?;
        if matches!(step, Step::Retire { .. } | Step::Discard | Step::OpenLive) {
            self.syncing.left(was_sealed);
        }
        if self.stage.current.as_ref().map(|file| file.id) != file_before {
            self.begin_period(now);
        }
        let Self { syncing, stage, desk, settings, .. } = self;
        let turn = &mut Turn { settings, stage, desk, now };
        match step {
            Step::Survey => {
                Retention::mind_foreign(turn);
                let rest = self.rotation_plan(now)?;
                job.done(step);
                job.steps.extend(rest);
                return Ok(());
            }
            Step::SyncLive if turn.stage.current.as_ref().is_some_and(|file| !file.sealed) => {
                syncing.synced(turn);
            }
            Step::SyncDir if syncing.is_well() => turn.clear(Trouble::Sync),
            Step::OpenLive => self.opened(job, now),
            _ => {}
        }
        job.done(step);
        match (step, done) {
            (Step::Retire { to }, Done::Retired { bytes }) => job.retired = Some((Some(to), bytes)),
            (Step::Discard, Done::Removed { bytes, .. }) => {
                job.retired = Some((None, bytes));
                self.turn(now).removed(done, Reason::Discard);
            }
            (_, Done::Removed { .. }) => {
                self.packing.want();
                let reason = if is_surplus { Reason::Count } else { Reason::Rotation };
                self.turn(now).removed(done, reason);
            }
            _ => {}
        }
        Ok(())
    }

    fn is_surplus(&self, slot: Slot) -> bool {
        retention::surplus(&self.stage.picture.inventory, self.settings.backup_count).contains(&slot)
    }

    fn job_waits_for_hold(&mut self) {
        if let (Some(job), Some(hold)) = (&mut self.job, &self.writing.hold) {
            job.due = hold.until;
        }
    }

    fn durability(&self) -> Durability {
        let is_unsynced = self.settings.sync == SyncPolicy::Never;
        if is_unsynced { Durability::Unsynced } else { Durability::Synced }
    }

    pub(super) fn scheme(&self, now: Now) -> Scheme {
        let newest = self.stage.picture.inventory.newest_stamp();
        let stamp = match self.settings.naming {
            Naming::Numbered => None,
            Naming::Timestamped => Some(Stamp::after(newest, self.wanted_stamp(now))),
        };
        Scheme { backup_count: self.settings.backup_count, stamp }
    }

    /// Returns what the next backup would be called if there were no other: with a schedule, by the period that it
    /// holds.
    fn wanted_stamp(&self, now: Now) -> Stamp {
        let is_hidden = self.stage.current.as_ref().is_some_and(|file| file.place == Place::Hidden);
        let standing = || self.stage.site.look(&self.stage.site.live_file()).ok().flatten();
        // Records go to the hidden file already. The backup will be the older one under the live name.
        let standing = (is_hidden && self.settings.has_periods()).then(standing).flatten();
        let period = self.period.stamp(standing.map(|meta| meta.modified), now);
        period.unwrap_or_else(|| Stamp::second(now.wall))
    }

    fn rotation_plan(&self, now: Now) -> Result<Vec<Step>, Failure> {
        let hidden = self.stage.current.as_ref().is_some_and(|file| file.place == Place::Hidden);
        let plan = if hidden { plan::recovery } else { plan::rotation };
        plan(&self.stage.picture.inventory, self.scheme(now), self.durability())
            .map_err(|plan::NoSlot| self.no_slot())
    }

    /// Every number is taken by something else, or by a backup that can't be moved.
    pub(super) fn no_slot(&self) -> Failure {
        if let Some(failure) = self.retention.obstacle() {
            return failure.clone();
        }
        let first = self.stage.site.backup(Slot::Number(1), Compression::None);
        Failure::between(Op::Rename, self.desk.log(), first.path(), OsError::EISDIR)
    }

    /// The live file was found again. What else stands in the directory may be a rotation to finish.
    fn opened(&mut self, job: &mut Job, now: Now) {
        self.desk.counters.reopened += 1;
        self.desk.say(Event::Reopened { path: self.desk.log() });
        self.clear(Trouble::Reopen, now);
        self.retention.forget_free_bytes();
        Retention::mind_foreign(&mut self.turn(now));
        // It may be another directory, with more in it than this set may hold.
        self.trim(now);
        if self.stage.current.as_ref().is_some_and(|file| file.place == Place::Hidden) {
            job.goal = Goal::Recover;
            job.steps.push_back(Step::Survey);
        }
    }

    fn finish_job(&mut self, job: &Job, now: Now) {
        if job.goal != Goal::Reopen {
            self.desk.counters.rotations += u64::from(job.goal == Goal::Rotate);
            let Self { retention, stage, desk, settings, .. } = self;
            let turn = &mut Turn { settings, stage, desk, now };
            retention.tell_obstacle(job.retry.calls().max(1), turn);
            retention.drop_expired(turn);
            self.tailers.rotated(now);
            self.packing.want();
            self.desk.moments.last_rotation = Some(now.wall);
            self.rotation_wanted = false;
            self.clear(Trouble::Rotation, now);
            if let Some((slot, bytes)) = job.retired {
                let backup = slot.map(|slot| self.stage.site.backup(slot, Compression::None).path());
                self.desk.say(Event::Rotated(Rotated { log: self.desk.log(), backup, slot, bytes }));
            }
        }
        self.want_link(now);
    }

    /// A name was taken, or refers to another file than before: surveys again, once for each attempt.
    fn looks_again(&mut self, job: &mut Job) -> bool {
        if job.goal == Goal::Reopen || std::mem::replace(&mut job.surveyed_again, true) {
            return false;
        }
        self.stage.picture.is_stale = true;
        job.plan_anew();
        true
    }

    fn remedy(&mut self, job: &mut Job, step: Step, failure: &Failure, now: Now) -> Remedy {
        if matches!(failure.op, Op::Sync | Op::SyncDir) && is_lost_by_sync(failure.error) {
            Syncing::seal(failure, &mut self.turn(now));
            job.done(step);
            return Remedy::GoOn;
        }
        match failure.class() {
            Class::Unsupported if matches!(failure.op, Op::Sync | Op::SyncDir) => {
                // Nothing is lost: don't ask for it again.
                self.stage.site.do_without(failure.clone());
                Remedy::GoOn
            }
            Class::Transient => Remedy::Wait(Prospect::Passing),
            Class::NoSpace => match self.prune_one(self.settings.kept_backups(), Reason::FreeSpace, now) {
                Pruned::Removed => Remedy::GoOn,
                Pruned::Nothing | Pruned::Later(_) => Remedy::Wait(Prospect::Lasting),
            },
            Class::Gone if job.goal != Goal::Reopen && !self.stage.dirs_stand() => Remedy::FindLive,
            Class::Taken if self.looks_again(job) => Remedy::GoOn,
            // Try once more at once: a plan that goes round a backup leaves it out of order for good.
            Class::Immovable if step.is_of_backup() && job.fails_anew(step, now) => Remedy::GoOn,
            Class::Immovable if self.steps_over(job, step, failure, now) => Remedy::GoOn,
            Class::Gone
            | Class::Taken
            | Class::TooLarge
            | Class::Permanent
            | Class::Unsupported
            | Class::Immovable => Remedy::Wait(Prospect::Lasting),
        }
    }

    /// A backup that can't be moved or removed doesn't stop the rotation: the plan goes round it.
    fn steps_over(&mut self, job: &mut Job, step: Step, failure: &Failure, now: Now) -> bool {
        if !matches!(failure.op, Op::Rename | Op::Unlink) {
            return false;
        }
        let slots: Vec<Slot> = match step {
            Step::Remove(slot) => vec![slot],
            Step::Shift { from, .. } => vec![from.into()],
            Step::RemoveTwins => self.stage.picture.inventory.twins.keys().map(|(slot, _)| *slot).collect(),
            _ => return false,
        };
        let Self { retention, stage, desk, settings, .. } = self;
        let turn = &mut Turn { settings, stage, desk, now };
        for slot in slots {
            retention.step_over(slot, failure, job.retry.calls(), turn);
        }
        job.plan_anew();
        true
    }

    /// Makes the step wait or, if it was retried for long and isn't needed, goes on without it.
    fn postpone(
        &mut self,
        job: &mut Job,
        step: Step,
        failure: Failure,
        prospect: Prospect,
        now: Now,
    ) -> Flow {
        job.fails_anew(step, now);
        let verdict = job.retry.failed(prospect, &super::desk::backoff(&self.settings));
        job.due = now.mono + verdict.delay;
        if !verdict.exhausted {
            return Flow::Stop;
        }
        if failure.error == OsError::EBUSY && self.steps_over(job, step, &failure, now) {
            return Flow::GoOn;
        }
        let attempts = job.retry.calls();
        let since = job.failing.map_or(now.wall, |(_, since)| since);
        if matches!(step, Step::SyncLive | Step::SyncDir) {
            let detail = "what was written last may not survive a power cut; the rotation goes on";
            self.turn(now).raise_since(Trouble::Sync, Some(failure), detail, attempts, since);
            if let Some(current) = self.stage.current.as_mut().filter(|_| step == Step::SyncLive) {
                current.dirty = false;
            }
            job.done(step);
            return Flow::GoOn;
        }
        // Each probe makes a new plan from a fresh survey, which tries everything again.
        (job.surveyed_again, job.mended) = (false, false);
        job.plan_anew();
        let Self { retention, stage, desk, settings, .. } = self;
        retention.forget_obstacles(&mut Turn { settings, stage, desk, now });
        let detail = "records go on to the file that is open, up to max_total_bytes; tried again by itself";
        self.turn(now).raise_since(job.goal.trouble(), Some(failure), detail, attempts, since);
        Flow::Stop
    }

    /// Removes what exceeds the limits.
    pub(super) fn trim(&mut self, now: Now) {
        let Self { retention, packing, stage, desk, settings, .. } = self;
        retention.trim(packing, &mut Turn { settings, stage, desk, now });
    }

    pub(super) fn prune_one(&mut self, keep: u32, reason: Reason, now: Now) -> Pruned {
        let Self { retention, packing, stage, desk, settings, .. } = self;
        retention.prune_one(keep, reason, packing, &mut Turn { settings, stage, desk, now })
    }

    pub(super) fn above_floor(&mut self, bytes: u64, now: Now) -> u64 {
        let Self { retention, stage, desk, settings, .. } = self;
        retention.above_floor(bytes, &mut Turn { settings, stage, desk, now })
    }

    pub(super) fn job_is_due(&self, now: Now) -> bool {
        self.job.as_ref().is_some_and(|job| job.due <= now.mono)
    }

    pub(super) fn clear(&mut self, trouble: Trouble, now: Now) {
        self.desk.clear(trouble, now);
    }
}
