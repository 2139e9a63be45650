//! Helps tailers that read the live file by its name: keeps it silent before it is renamed, and keeps a least time
//! between two rotations by size. The owner says how full its queue is; `append` and `period` know when else a rotation
//! is due.

use std::time::Duration;

use crate::model::time::{Mono, Now, Wall};

/// Whether a rotation by size waits, because the last one was not long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PutOff {
    pub(super) holds: bool,
    /// It has just begun to wait.
    pub(super) begins: bool,
}

#[derive(Debug, Default)]
pub(super) struct Tailers {
    /// When the live file has been silent for long enough.
    quiet_at: Mono,
    /// Until when records are held for a rotation.
    silent_until: Option<Mono>,
    /// Whether the owner has no room for waiting records.
    pub(super) pressed: bool,
    /// When a rotation was last finished.
    rotated_at: Option<Mono>,
    /// Whether the live file has outgrown its size because the last rotation was not long ago.
    put_off: bool,
}

impl Tailers {
    pub(super) fn quiet_at(&self) -> Mono {
        self.quiet_at
    }

    /// Returns until when records are held.
    pub(super) fn silent_until(&self) -> Option<Mono> {
        self.silent_until.filter(|_| !self.pressed)
    }

    pub(super) fn is_rotation_put_off(&self) -> bool {
        self.put_off
    }

    /// Releases records once the silence is over.
    pub(super) fn end_silence(&mut self, now: Now) {
        self.silent_until = self.silent_until.filter(|until| now.mono < *until);
    }

    /// A rotation was finished.
    pub(super) fn rotated(&mut self, now: Now) {
        self.rotated_at = Some(now.mono);
        self.put_off = false;
        self.silent_until = None;
    }

    /// Returns whether the live file, which is to be rotated, was written so recently that tailers may not have seen it
    /// all. From here on nothing is written to it until it is rotated.
    pub(super) fn must_be_quiet_first(&mut self, now: Now) -> bool {
        let must = !self.pressed && now.mono < self.quiet_at;
        self.silent_until = must.then_some(self.quiet_at);
        must
    }

    /// Bytes were written.
    pub(super) fn break_silence(&mut self, quiet: Duration, now: Now) {
        self.quiet_at = now.mono + quiet;
        self.silent_until = None;
    }

    /// Takes the last change of the file found at the start as a write.
    pub(super) fn find_quiet(&mut self, modified: Wall, quiet: Duration, now: Now) {
        let age = now.wall.unix_micros().saturating_sub(modified.unix_micros());
        let age = Duration::from_micros(u64::try_from(age).unwrap_or(0));
        self.quiet_at = self.quiet_at.max(now.mono + quiet.saturating_sub(age));
    }

    /// Ends the silence: what matters more than tailers doesn't wait for them.
    pub(super) fn skip_quiet(&mut self, now: Now) {
        self.quiet_at = now.mono;
        self.silent_until = None;
    }

    /// Decides whether the rotation of a full file waits because the last one was not long ago. `may_wait`: the
    /// rotation is for size alone, and the next record has room.
    pub(super) fn puts_off(&mut self, may_wait: bool, interval: Duration, now: Now) -> PutOff {
        let is_early = self.rotated_at.is_some_and(|at| now.mono < at + interval);
        let holds = may_wait && is_early;
        let begins = holds && !std::mem::replace(&mut self.put_off, holds);
        self.put_off = holds;
        PutOff { holds, begins }
    }
}
