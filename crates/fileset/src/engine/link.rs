//! Keeps a symlink, at a path of the user's choosing, pointing at the live file: creates it at open, and checks it
//! after each rotation and when the file was found again. It never replaces anything but a symlink, and no record waits
//! for it.

use std::path::{Path, PathBuf};

use super::desk::Turn;
use crate::effect::fs::Fs as _;
use crate::effect::site::{Site, make_dirs, split};
use crate::model::alert::Trouble;
use crate::model::error::{Failure, Op, OsError};
use crate::model::settings::Settings;
use crate::model::time::{Mono, Wall};
use crate::policy::backoff::Retry;

#[derive(Debug, Default)]
pub(super) struct Link {
    retry: Retry,
    /// When to check the link.
    due: Option<Mono>,
    failing_since: Option<Wall>,
}

impl Link {
    pub(super) fn due(&self) -> Option<Mono> {
        self.due
    }

    /// Notes that the link may not lead to the live file, so that it is checked before the call ends.
    pub(super) fn want(&mut self, settings: &Settings, now: Mono) {
        self.due = settings.latest_link.as_ref().map(|_| now);
    }

    /// Retries what failed, now.
    pub(super) fn hurry(&mut self, now: Mono) {
        self.due = self.due.map(|_| now);
    }

    /// Makes the link lead to the live file, if a check is due.
    pub(super) fn attend(&mut self, turn: &mut Turn<'_>) {
        let Some(path) = turn.settings.latest_link.as_deref() else { return };
        if self.due.is_none_or(|due| turn.now.mono < due) {
            return;
        }
        let Err(failure) = point(&turn.stage.site, path, turn.settings) else {
            *self = Self::default();
            turn.clear(Trouble::Link);
            return;
        };
        turn.failed();
        let verdict = self.retry.failed(failure.class().into(), &turn.backoff());
        self.due = Some(turn.now.mono + verdict.delay);
        let since = *self.failing_since.get_or_insert(turn.now.wall);
        if verdict.exhausted {
            let detail = "the log itself is written as ever; tried again by itself";
            turn.raise_since(Trouble::Link, Some(failure), detail, self.retry.calls(), since);
        }
    }
}

/// Makes the link at `path` lead to the live file if it doesn't. Whoever reads through it finds the old target or the
/// new one.
fn point(site: &Site, path: &Path, settings: &Settings) -> Result<(), Failure> {
    let (parent, name) = split(path);
    let target = target(site, parent);
    let dir = match site.beside(parent) {
        Err(failure) if failure.error == OsError::ENOENT && !site.is_uprooted() => {
            make_dirs(&site.fs, parent, settings)?;
            site.beside(parent)?
        }
        dir => dir?,
    };
    let at = dir.at(name);
    let stands = match site.fs.read_link(&at) {
        Ok(found) if found == target => return Ok(()),
        Ok(_) => true,
        Err(OsError::ENOENT) => false,
        Err(error) => return Err(Failure::new(Op::Stat, path, error)),
    };
    if !stands {
        let made = site.fs.symlink(&target, &at);
        return made.map_err(|error| Failure::between(Op::Link, path, &target, error));
    }
    let temporary = dir.at(site.names.link_temporary_name());
    let mut made = site.fs.symlink(&target, &temporary);
    if made == Err(OsError::EEXIST) && site.fs.read_link(&temporary).is_ok() {
        // A killed process left it; the name is ours.
        let gone = site.fs.unlink(&temporary);
        gone.map_err(|error| Failure::new(Op::Unlink, temporary.path(), error))?;
        made = site.fs.symlink(&target, &temporary);
    }
    made.map_err(|error| Failure::between(Op::Link, temporary.path(), &target, error))?;
    site.fs.replace(&temporary, &at).map_err(|error| {
        // If it stays, the next attempt removes it.
        let _ = site.fs.unlink(&temporary);
        Failure::between(Op::Replace, temporary.path(), path, error)
    })
}

/// Returns the target of the link: only the name if the live file stands beside it, so that the directory can be moved.
fn target(site: &Site, dir: &Path) -> PathBuf {
    if dir == site.names.dir() { site.names.base().into() } else { site.names.live().to_owned() }
}
