//! Checks whether files, directories, locks and descriptors are still ours, since others move, delete, replace and
//! truncate files, and close descriptors that they did not open. A `job` finds the live file again; `relocation` says
//! where the set goes on.

use crate::model::settings::{IDLE_WATCH_EVERY, WATCH_EVERY};
use crate::model::time::Mono;

#[derive(Debug)]
pub(super) struct Watch {
    /// The earliest moment of the next check.
    pub(super) due: Mono,
    /// The latest moment, even if no records come.
    idle_due: Mono,
}

impl Watch {
    pub(super) fn new(now: Mono) -> Self {
        Self { due: now + WATCH_EVERY, idle_due: now + IDLE_WATCH_EVERY }
    }

    /// Makes the next call check.
    pub(super) fn hurry(&mut self, now: Mono) {
        self.due = now;
    }

    pub(super) fn looked(&mut self, now: Mono) {
        *self = Self::new(now);
    }

    pub(super) fn idle_due(&self) -> Mono {
        self.idle_due
    }
}
