//! `fdatasync` of the file that takes the records: when it is due, and what a failure of it means.
//! The syncs of a rotation are steps of its plan (`job`).

use super::FileSet;
use super::append::prospect;
use crate::effect::classify::is_lost_by_sync;
use crate::model::alert::Trouble;
use crate::model::error::{Failure, Op};
use crate::model::settings::Sync;
use crate::model::time::Now;
use crate::policy::backoff::Retry;

impl FileSet {
    /// Bytes were written: says when they are to be synced.
    pub(super) fn plan_sync(&mut self, now: Now) {
        let interval = match self.settings.sync {
            Sync::Interval(interval) => interval,
            // Whether this file is better than the one before, or the sync that failed works now.
            _ if self.left_sealed || self.sync_retry.calls() > 0 => self.settings.retry_base_delay,
            _ => return,
        };
        if self.stage.current.as_ref().is_some_and(|file| !file.sealed) {
            self.sync_due.get_or_insert(now.mono + interval);
        }
    }

    /// `fdatasync` of the file that takes the records, where bytes are unsynced. Nothing is returned: a failure is an
    /// alert, and where bytes may be lost the file is sealed and logging goes on in a new one; at once if the file
    /// before it was sound, or else, so that a bad disk does not turn over all backups, when it is full.
    pub fn sync(&mut self, now: Now) {
        self.sync_due = None;
        let Some(current) = self.stage.current.as_mut().filter(|file| file.dirty && !file.sealed) else {
            return;
        };
        let Err(error) = current.file.sync() else {
            current.dirty = false;
            self.synced(now);
            return;
        };
        self.counters.failures += 1;
        let failure = Failure::new(Op::Sync, self.stage.names.live(), error);
        if is_lost_by_sync(error) {
            self.seal(&failure, now);
            self.rotation_wanted |= !self.left_sealed;
            return;
        }
        let verdict = self.sync_retry.failed(prospect(&failure), &self.backoff());
        self.sync_due = Some(now.mono + verdict.delay);
        if verdict.exhausted {
            let attempts = self.sync_retry.calls();
            let detail = "what was written last may not survive a power cut; tried again by itself";
            self.raise(Trouble::Sync, Some(failure), detail, attempts, now.wall, now);
        }
    }

    /// Nothing is unsynced.
    pub(super) fn synced(&mut self, now: Now) {
        self.left_sealed = false;
        self.sync_retry = Retry::default();
        self.clear(Trouble::Sync, now);
    }

    /// Never again a sync of this file: a second one would report success for pages that are gone.
    pub(super) fn seal(&mut self, failure: &Failure, now: Now) {
        if failure.op == Op::Sync {
            if let Some(current) = &mut self.stage.current {
                current.sealed = true;
            }
        }
        let detail = "what was written last may not survive a power cut; logging goes on in a new file";
        self.raise(Trouble::Sync, Some(failure.clone()), detail, 1, now.wall, now);
    }
}
