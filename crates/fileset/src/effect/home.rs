//! One directory of the set: held open, locked, and compared with what its path leads to now. `policy::relocation`
//! decides whether another one is entered.

use std::ffi::OsString;
use std::path::PathBuf;

use super::fs::{At, Dir, Fs, Lock, LockRefusal};
use crate::model::errno_class::Class;
use crate::model::error::{Failure, Holder, Op, OsError};
use crate::model::lock_note;
use crate::model::name::Names;
use crate::model::owner::Owner;
use crate::model::settings::{Allow, Settings};

/// What keeps other processes away from our names in a directory.
#[derive(Debug)]
enum Guard {
    /// We hold the lock file.
    Locked(Box<dyn Lock>),
    /// The file system has no locks, and the settings do without.
    Waived,
    /// The lock was held once, and isn't any more.
    Lost,
}

/// Why a directory was not entered.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Another process has its lock.
    Held(Holder),
    /// A call failed.
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What is needed to take a lock.
#[derive(Debug)]
pub(crate) struct Claim {
    name: OsString,
    mode: u32,
    owner: Option<Owner>,
    /// Whether the set does without a lock if the file system has none.
    may_waive: bool,
    /// Who we are, for others to read.
    words: String,
    /// The file of the owner's queue, for others to read.
    ring: Option<PathBuf>,
    /// What the lock file says: who we are, and our limits.
    text: String,
}

impl Claim {
    pub(crate) fn new(names: &Names, settings: &Settings, words: String) -> Self {
        let may_waive = settings.allows(Allow::NoLock);
        let text = lock_note::compose(&words, names, settings, None);
        let (name, mode, owner) = (names.lock_name(), settings.mode, settings.owner);
        Self { name, mode, owner, may_waive, words, ring: None, text }
    }

    /// Says under which limits the set goes on.
    pub(crate) fn restate(&mut self, names: &Names, settings: &Settings) {
        self.text = lock_note::compose(&self.words, names, settings, self.ring.as_deref());
    }

    /// Says which file the owner's queue is in, from the next text on.
    pub(crate) fn set_ring(&mut self, ring: PathBuf) {
        self.ring = Some(ring);
    }
}

/// A directory that the set may change.
#[derive(Debug)]
pub(crate) struct Home {
    dir: Dir,
    guard: Guard,
    /// Whether there was no lock file before.
    is_new: bool,
}

impl Home {
    /// Takes the lock of a directory. Also returns a missing feature that the settings do without.
    pub(crate) fn enter(fs: &dyn Fs, dir: Dir, claim: &Claim) -> Result<(Self, Option<Failure>), Refusal> {
        let at = dir.at(&claim.name);
        // Two calls must report it: a lock file that only failed to show must not be removed.
        let is_new = matches!(fs.stat(&at), Err(OsError::ENOENT))
            && matches!(fs.read_head(&at, 1), Err(OsError::ENOENT));
        let (guard, lack) = match lock(fs, &at, claim) {
            Ok(taken) => (Guard::Locked(taken), None),
            Err(Refusal::Failed(failure)) if failure.class() == Class::Unsupported && claim.may_waive => {
                (Guard::Waived, Some(failure))
            }
            Err(refusal) => {
                if is_new && matches!(refusal, Refusal::Failed(_)) {
                    // Otherwise it would look like the lock file of an earlier start.
                    let _ = fs.unlink(&at);
                }
                return Err(refusal);
            }
        };
        Ok((Self { dir, guard, is_new }, lack))
    }

    /// Removes a lock file that was created for a set which isn't opened after all. It would make the next start
    /// believe that whatever stands here is its own.
    pub(crate) fn forsake(&self, fs: &dyn Fs, claim: &Claim) {
        if self.is_new {
            // While it is locked: whoever waits for it checks whether it still exists.
            let _ = fs.unlink(&self.dir.at(&claim.name));
        }
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Makes sure that we hold the lock: of the file that has its name now, through a descriptor that still refers to
    /// it. Takes a lost lock again if nobody else holds it.
    pub(crate) fn hold(&mut self, fs: &dyn Fs, claim: &Claim) -> Result<(), Failure> {
        let at = self.dir.at(&claim.name);
        if let Guard::Locked(lock) = &self.guard {
            match lock.stat() {
                Ok(meta) if meta.id == lock.id() => {}
                // Other code in this process closed the descriptor, which released the lock.
                Ok(_) | Err(OsError::EBADF) => self.guard = Guard::Lost,
                Err(error) => return Err(Failure::new(Op::Stat, at.path(), error)),
            }
        }
        let is_held = match &self.guard {
            Guard::Waived => true,
            Guard::Lost => false,
            Guard::Locked(lock) => match fs.stat(&at) {
                Ok(meta) => meta.id == lock.id(),
                Err(OsError::ENOENT) => false,
                Err(error) => return Err(Failure::new(Op::Stat, at.path(), error)),
            },
        };
        if is_held {
            return Ok(());
        }
        match lock(fs, &at, claim) {
            Ok(lock) => {
                self.guard = Guard::Locked(lock);
                Ok(())
            }
            Err(Refusal::Held(_)) => Err(Failure::new(Op::Lock, at.path(), OsError::EAGAIN)),
            Err(Refusal::Failed(failure)) => Err(failure),
        }
    }

    /// Writes what the claim says now into the lock file. It only informs others, so a failure changes nothing.
    pub(crate) fn restate(&mut self, claim: &Claim) {
        let Guard::Locked(lock) = &mut self.guard else { return };
        // Where others closed the descriptor, its number may belong to a file of theirs by now.
        if lock.stat().is_ok_and(|meta| meta.id == lock.id()) {
            let _ = lock.set_text(&claim.text);
        }
    }

    /// Returns whether the descriptor still refers to the directory.
    pub(crate) fn is_sound(&self, fs: &dyn Fs) -> bool {
        fs.stat_dir(&self.dir).is_ok_and(|meta| meta.id == self.dir.id())
    }

    /// Uses another descriptor of the same directory from now on.
    pub(crate) fn renew(&mut self, dir: Dir) {
        self.dir = dir;
    }
}

/// Takes the lock file, and gives it to the configured owner.
fn lock(fs: &dyn Fs, at: &At, claim: &Claim) -> Result<Box<dyn Lock>, Refusal> {
    match fs.lock(at, claim.mode, &claim.text) {
        Ok(mut lock) => {
            if let Some(owner) = claim.owner {
                // If this fails, the next process that lacks the right reports it.
                let _ = lock.set_owner(Some(owner.user), Some(owner.group));
            }
            Ok(lock)
        }
        Err(LockRefusal::Held(holder)) => Err(Refusal::Held(holder)),
        Err(LockRefusal::Failed(error)) => Err(Failure::new(Op::Lock, at.path(), error).into()),
    }
}
