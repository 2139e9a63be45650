//! A symlink at a path of the user's choosing that leads to the live file: made at open, looked at again after each
//! rotation and when the file was found anew.
//! Nothing but a symlink is ever replaced, and no record waits for it.

use std::path::{Path, PathBuf};

use super::FileSet;
use super::append::prospect;
use crate::effect::execute::Stage;
use crate::effect::fs::Fs as _;
use crate::model::alert::Trouble;
use crate::model::error::{Failure, Op, OsError};
use crate::model::settings::Settings;
use crate::model::time::{Mono, Now, Wall};
use crate::policy::backoff::Retry;

#[derive(Debug, Default)]
pub(super) struct Link {
    retry: Retry,
    /// When it is looked at.
    due: Option<Mono>,
    failing_since: Option<Wall>,
}

impl Link {
    pub(super) fn due(&self) -> Option<Mono> {
        self.due
    }

    /// What failed is tried again now.
    pub(super) fn hurry(&mut self, now: Mono) {
        self.due = self.due.map(|_| now);
    }
}

impl FileSet {
    /// The link, if there is to be one, may not lead to the live file: it is looked at before the call ends.
    pub(super) fn want_link(&mut self, now: Now) {
        self.link.due = self.settings.latest_link.as_ref().map(|_| now.mono);
    }

    /// Sees to it that the link leads to the live file, where it is time for that.
    pub(super) fn mind_link(&mut self, now: Now) {
        let Some(path) = self.settings.latest_link.as_deref() else { return };
        if self.link.due.is_none_or(|due| now.mono < due) {
            return;
        }
        let Err(failure) = point(&self.stage, path, &self.settings) else {
            self.link = Link::default();
            self.clear(Trouble::Link, now);
            return;
        };
        self.counters.failures += 1;
        let verdict = self.link.retry.failed(prospect(&failure), &self.backoff());
        self.link.due = Some(now.mono + verdict.delay);
        let since = *self.link.failing_since.get_or_insert(now.wall);
        if verdict.exhausted {
            let attempts = self.link.retry.calls();
            let detail = "the log itself is written as ever; tried again by itself";
            self.raise(Trouble::Link, Some(failure), detail, attempts, since, now);
        }
    }
}

/// Makes the link at `path` lead to the live file, if it does not. What reads through it finds the old target or the
/// new one.
fn point(stage: &Stage, path: &Path, settings: &Settings) -> Result<(), Failure> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let target = target(stage, dir);
    let stands = match stage.fs.read_link(path) {
        Ok(found) if found == target => return Ok(()),
        Ok(_) => true,
        Err(OsError::ENOENT) => false,
        Err(error) => return Err(Failure::new(Op::Stat, path, error)),
    };
    let failed = |error| Failure::between(Op::Link, path, &target, error);
    if !stands {
        stage.make_dirs(dir, settings)?;
        return stage.fs.symlink(&target, path).map_err(failed);
    }
    let temporary = stage.names.link_temporary(dir);
    let mut made = stage.fs.symlink(&target, &temporary);
    if made == Err(OsError::EEXIST) && stage.fs.read_link(&temporary).is_ok() {
        // Left by a kill; the name is ours.
        let gone = stage.fs.unlink(&temporary);
        gone.map_err(|error| Failure::new(Op::Unlink, &temporary, error))?;
        made = stage.fs.symlink(&target, &temporary);
    }
    made.map_err(|error| Failure::between(Op::Link, &temporary, &target, error))?;
    stage.fs.replace(&temporary, path).map_err(|error| {
        // Where it stays, the next attempt removes it.
        let _ = stage.fs.unlink(&temporary);
        Failure::between(Op::Replace, &temporary, path, error)
    })
}

/// What the link says: the mere name where it stands beside the live file, so that the directory may be moved.
fn target(stage: &Stage, dir: &Path) -> PathBuf {
    if dir == stage.names.dir() { stage.names.base().into() } else { stage.names.live().to_owned() }
}
