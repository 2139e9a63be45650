//! A log that isn't opened: where its files are, what its lock file says, and who holds it.

use std::path::Path;

use tracing_spool_fileset::internal::Foresight;
use tracing_spool_fileset::internal::lock_note::LockNote;
use tracing_spool_fileset::{Clock as _, Disk, Naming, OsError, Schedule, Settings, SystemClock};

use super::limits::{Limits, names};
use crate::flags::Read;
use crate::say::Problem;
use crate::set::{self, Found, Lock};

/// A log, and the settings that are known of it.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) settings: Settings,
    pub(super) lock: Lock,
    /// What the lock file says. After the end of a process its text stays.
    pub(super) note: LockNote,
    given: Read,
}

/// Where a limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Given,
    LockFile,
    Assumed,
}

impl Log {
    /// Finds the log of a live file, and what its lock file says.
    pub(super) fn find(path: &Path, given: &Limits) -> Result<Self, Problem> {
        let given = given.read();
        given.check()?;
        let Found { names, lock, note } = set::find(path)?;
        let mut settings = Settings::new(names.live());
        note.apply(&mut settings);
        if note.has_periods() && !note.has_limits() {
            // A text of before the limits were told: any schedule makes the names of periods count.
            settings.naming = Naming::Timestamped;
            settings.rotate_every = Some(Schedule::daily());
        }
        let mut settings = given.config.over(settings);
        if let Some(dir) = &settings.archive_dir {
            settings.archive_dir = std::path::absolute(dir).ok();
        }
        // The writer's own default follows the budget, and the lock file says what came of it.
        let fits = |bytes: u64| bytes.min(settings.max_total_bytes);
        settings.max_record_bytes = settings.max_record_bytes.map(fits);
        Ok(Self { settings, lock, note, given })
    }

    /// Looks at the files.
    pub(super) fn look(&self) -> Result<Foresight, Problem> {
        let path = &self.settings.path;
        let seen = Foresight::of(&self.settings, &Disk::new(), SystemClock::new().now());
        let seen = seen.map_err(|failure| match failure.error {
            OsError::ENOENT | OsError::ENOTDIR => set::absent(path),
            _ => Problem::failed(format_args!("{failure}")),
        })?;
        let is_there = seen.live.is_some() || seen.standing.is_some() || !seen.backups.is_empty();
        if is_there || self.lock != Lock::Missing { Ok(seen) } else { Err(set::absent(path)) }
    }

    /// Returns where a limit comes from.
    pub(super) fn origin(&self, name: &str) -> Origin {
        if self.given.text(name).is_some() {
            Origin::Given
        } else if self.note.has_limits() {
            Origin::LockFile
        } else {
            Origin::Assumed
        }
    }

    /// Returns the limits of this origin.
    pub(super) fn limits_of(&self, origin: Origin) -> Vec<&'static str> {
        names().filter(|name| self.origin(name) == origin).collect()
    }
}
