//! Looks at whether files, directories, locks and descriptors are still ours: others move, delete, replace and truncate
//! them, and close what they did not open.
//! How the live file is found again is a job like any other (`job`); where the set goes on is `relocation`'s.

use crate::model::settings::{IDLE_WATCH_EVERY, WATCH_EVERY};
use crate::model::time::Mono;

#[derive(Debug)]
pub(super) struct Watch {
    /// Not before.
    pub(super) due: Mono,
    /// At the latest, though no records come.
    idle_due: Mono,
}

impl Watch {
    pub(super) fn new(now: Mono) -> Self {
        Self { due: now + WATCH_EVERY, idle_due: now + IDLE_WATCH_EVERY }
    }

    /// The next call looks.
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
