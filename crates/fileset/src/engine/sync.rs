//! `fdatasync` of the file that takes the records: when it is due, and what a failure means. The syncs of a rotation
//! are steps of its plan (`job`).

use super::desk::Turn;
use crate::model::alert::Trouble;
use crate::model::errno_class::{Class, is_lost_by_sync};
use crate::model::error::{Failure, Op};
use crate::model::settings::SyncPolicy;
use crate::model::time::Mono;
use crate::policy::backoff::Retry;

#[derive(Debug, Default)]
pub(super) struct Syncing {
    due: Option<Mono>,
    retry: Retry,
    /// Whether the previous file was sealed and no sync has worked since.
    left_sealed: bool,
}

impl Syncing {
    pub(super) fn due(&self) -> Option<Mono> {
        self.due
    }

    /// Returns whether no sync has failed since one worked.
    pub(super) fn is_well(&self) -> bool {
        self.retry.calls() == 0 && !self.left_sealed
    }

    /// Notes that a file was left, and whether it was sealed.
    pub(super) fn left(&mut self, sealed: bool) {
        self.left_sealed |= sealed;
    }

    /// Notes that bytes were written, and when to sync them.
    pub(super) fn plan(&mut self, turn: &Turn<'_>) {
        let interval = match turn.settings.sync {
            SyncPolicy::Interval(interval) => interval,
            // Find out whether this file is better than the previous one, or whether the failed sync works now.
            _ if self.left_sealed || self.retry.calls() > 0 => turn.settings.retry_base_delay,
            _ => return,
        };
        if turn.stage.current.as_ref().is_some_and(|file| !file.sealed) {
            self.due.get_or_insert(turn.now.mono + interval);
        }
    }

    /// Syncs unsynced bytes. Returns whether logging must go on in a new file: at once if the previous file was sound,
    /// and otherwise when it is full, so that a bad disk doesn't rotate all backups away.
    pub(super) fn sync(&mut self, turn: &mut Turn<'_>) -> bool {
        self.due = None;
        let is_wanted = !turn.stage.site.lacks(Op::Sync);
        let current = turn.stage.current.as_mut();
        let Some(current) = current.filter(|file| is_wanted && file.dirty && !file.sealed) else {
            return false;
        };
        let Err(error) = current.file.sync() else {
            current.dirty = false;
            self.synced(turn);
            return false;
        };
        turn.failed();
        let failure = Failure::new(Op::Sync, turn.desk.log(), error);
        if failure.class() == Class::Unsupported {
            turn.stage.site.do_without(failure);
            return false;
        }
        if is_lost_by_sync(error) {
            Self::seal(&failure, turn);
            return !self.left_sealed;
        }
        let verdict = self.retry.failed(failure.class().into(), &turn.backoff());
        self.due = Some(turn.now.mono + verdict.delay);
        if verdict.exhausted {
            let detail = "what was written last may not survive a power cut; tried again by itself";
            turn.raise(Trouble::Sync, Some(failure), detail, self.retry.calls());
        }
        false
    }

    /// Notes that nothing is unsynced.
    pub(super) fn synced(&mut self, turn: &mut Turn<'_>) {
        self.left_sealed = false;
        self.retry = Retry::default();
        turn.clear(Trouble::Sync);
    }

    /// Never syncs this file again: a second sync would report success for pages that are gone.
    pub(super) fn seal(failure: &Failure, turn: &mut Turn<'_>) {
        if failure.op == Op::Sync {
            if let Some(current) = &mut turn.stage.current {
                current.sealed = true;
            }
        }
        let detail = "what was written last may not survive a power cut; logging goes on in a new file";
        turn.raise(Trouble::Sync, Some(failure.clone()), detail, 1);
    }
}
