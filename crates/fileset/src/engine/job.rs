//! A plan under way: its steps are performed one after the other, and a failure gets a remedy or a deadline.
//! `policy::plan` makes the steps; `effect::execute` performs them.

use std::collections::VecDeque;

use crate::model::alert::Trouble;
use crate::model::slot::Slot;
use crate::model::time::{Mono, Now, Wall};
use crate::policy::backoff::{Prospect, Retry};
use crate::policy::plan::Step;

/// The purpose of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The live file becomes a backup.
    Rotate,
    /// A rotation that was interrupted is finished.
    Recover,
    /// The live file is found again.
    Reopen,
}

impl Goal {
    pub(super) fn trouble(self) -> Trouble {
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
    pub(super) failing: Option<(Step, Wall)>,
    pub(super) retry: Retry,
    /// The directory was surveyed again because a name was taken, or referred to another file.
    pub(super) surveyed_again: bool,
    /// Descriptors that others had closed were reopened.
    pub(super) mended: bool,
    /// The backup that the live file has become, and its size in bytes.
    pub(super) retired: Option<(Option<Slot>, u64)>,
}

/// What decides about the next step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// The file ends in the middle of the record in hand.
    pub(super) is_mid_record: bool,
    /// The live file has bytes that must be durable before it becomes a backup.
    pub(super) has_unsynced_bytes: bool,
    /// It would become a backup that ends in half a line, although there is room to end the line.
    pub(super) leaves_torn_line: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The plan is done.
    Finish,
    /// Finish the current record first.
    Wait,
    /// End the last line first.
    EndLine,
    Perform(Step),
}

impl Job {
    pub(super) fn new(goal: Goal, steps: Vec<Step>, now: Now) -> Self {
        Self {
            goal,
            steps: steps.into(),
            due: now.mono,
            failing: None,
            retry: Retry::default(),
            surveyed_again: false,
            mended: false,
            retired: None,
        }
    }

    /// Makes the plan again, from a fresh survey, because its premises no longer hold.
    pub(super) fn plan_anew(&mut self) {
        if self.goal != Goal::Reopen {
            self.steps = [Step::Survey].into();
        }
    }

    /// Returns what to do next. Changes nothing.
    pub(super) fn next(&self, facts: Facts) -> Next {
        match self.steps.front().copied() {
            None => Next::Finish,
            Some(step) if step.changes_file() && facts.is_mid_record => Next::Wait,
            // Written since this plan's sync, while a step waited.
            Some(Step::Retire { .. }) if facts.has_unsynced_bytes => Next::Perform(Step::SyncLive),
            Some(Step::Retire { .. }) if facts.leaves_torn_line => Next::EndLine,
            Some(step) => Next::Perform(step),
        }
    }

    /// Notes that a step fails, and returns whether this is the first time.
    pub(super) fn fails_anew(&mut self, step: Step, now: Now) -> bool {
        let is_new = self.failing.is_none_or(|(failing, _)| failing != step);
        if is_new {
            self.failing = Some((step, now.wall));
            self.retry = Retry::default();
        }
        is_new
    }

    /// Notes that the step was performed.
    pub(super) fn done(&mut self, step: Step) {
        if self.steps.front() == Some(&step) {
            self.steps.pop_front();
        }
        if self.failing.is_some_and(|(failing, _)| failing == step) {
            self.failing = None;
            self.retry = Retry::default();
        }
    }
}

/// What to do about a failed step.
pub(super) enum Remedy {
    /// Perform it again at once, or go on with the step after it.
    GoOn,
    /// Drop the plan: the live file has to be found again.
    FindLive,
    /// Wait for a deadline.
    Wait(Prospect),
}
