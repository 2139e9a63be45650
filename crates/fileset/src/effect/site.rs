//! Where the set is: its directories, held open and locked, and what their file system turned out not to support.
//! `execute` deals with what stands in them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::fs::{At, Dir, Fs};
use super::home::{Claim, Home, Refusal};
use super::patient::Patient;
use crate::model::compression::Compression;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{FileId, Meta};
use crate::model::name::Names;
use crate::model::settings::Settings;
use crate::model::slot::Slot;
use crate::policy::relocation::Lead;

/// Which directory of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Which {
    /// The live file's.
    Live,
    /// The directory of the backups, if that is another one.
    Archive,
}

/// The names of the set in the directories that are held, for looking at them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) fs: &'a dyn Fs,
    pub(crate) names: &'a Names,
    pub(crate) live: &'a Dir,
    pub(crate) backups: &'a Dir,
}

impl Ground<'_> {
    /// Returns what stands under a name, if anything does.
    pub(crate) fn look(&self, at: &At) -> Result<Option<Meta>, Failure> {
        look(self.fs, at)
    }

    pub(crate) fn backup(&self, slot: Slot, form: Compression) -> At {
        self.backups.at(self.names.backup_name(slot, form))
    }

    pub(crate) fn live_file(&self) -> At {
        self.live.at(self.names.base())
    }

    pub(crate) fn hidden_file(&self) -> At {
        self.live.at(self.names.hidden_name())
    }

    pub(crate) fn pack_temporary(&self) -> At {
        self.backups.at(self.names.pack_name())
    }
}

/// Returns what stands under a name, if anything does.
pub(crate) fn look(fs: &dyn Fs, at: &At) -> Result<Option<Meta>, Failure> {
    match fs.stat(at) {
        Ok(meta) => Ok(Some(meta)),
        Err(OsError::ENOENT) => Ok(None),
        Err(error) => Err(Failure::new(Op::Stat, at.path(), error)),
    }
}

/// The directories of the set.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) fs: Patient,
    pub(crate) names: Names,
    live: Home,
    archive: Option<Home>,
    /// The root of the process when the directories were found; `None` if it could not be told.
    root: Option<FileId>,
    claim: Claim,
    /// Kinds of calls that this file system doesn't have, or doesn't allow us.
    lacks: BTreeSet<Op>,
    /// Those of them that were not reported yet.
    untold: Vec<Failure>,
    /// Directories beside the set, as last opened.
    beside: RefCell<BTreeMap<PathBuf, Dir>>,
}

impl Site {
    /// Takes the locks of the directories, which exist.
    pub(crate) fn enter(fs: Patient, names: Names, claim: Claim) -> Result<Self, Refusal> {
        let (homes, lacks): (Vec<Home>, Vec<Option<Failure>>) =
            enter_all(&fs, &names.dirs().collect::<Vec<_>>(), &claim)?.into_iter().unzip();
        let untold: Vec<Failure> = lacks.into_iter().flatten().collect();
        let root = fs.look(Path::new("/")).ok().map(|meta| meta.id);
        let mut homes = homes.into_iter();
        let Some(live) = homes.next() else {
            return Err(Failure::new(Op::OpenDir, names.dir(), OsError::ENOENT).into());
        };
        let archive = homes.next();
        let lacks = untold.iter().map(|failure| failure.op).collect();
        Ok(Self { fs, names, live, archive, root, claim, lacks, untold, beside: RefCell::default() })
    }

    /// Undoes [`enter`](Self::enter), because the set isn't opened after all.
    pub(crate) fn forsake(&self) {
        for home in [Some(&self.live), self.archive.as_ref()].into_iter().flatten() {
            home.forsake(&self.fs, &self.claim);
        }
    }

    /// Returns the names and directories for a look.
    pub(crate) fn ground(&self) -> Ground<'_> {
        Ground {
            fs: &self.fs,
            names: &self.names,
            live: self.dir(Which::Live),
            backups: self.dir(Which::Archive),
        }
    }

    /// Returns a directory of the set. Without an archive, that of the backups is the live file's.
    pub(crate) fn dir(&self, which: Which) -> &Dir {
        match (&self.archive, which) {
            (Some(archive), Which::Archive) => archive.dir(),
            _ => self.live.dir(),
        }
    }

    /// Returns the directories, with the paths that lead to them.
    pub(crate) fn dirs(&self) -> impl Iterator<Item = (Which, &Dir, &Path)> {
        let archive = self.archive.as_ref().map(|home| (Which::Archive, home.dir(), self.names.archive()));
        [(Which::Live, self.live.dir(), self.names.dir())].into_iter().chain(archive)
    }

    pub(crate) fn backup(&self, slot: impl Into<Slot>, form: Compression) -> At {
        self.ground().backup(slot.into(), form)
    }

    pub(crate) fn live_file(&self) -> At {
        self.ground().live_file()
    }

    pub(crate) fn hidden_file(&self) -> At {
        self.ground().hidden_file()
    }

    pub(crate) fn pack_temporary(&self) -> At {
        self.ground().pack_temporary()
    }

    /// Returns what stands under a name, if anything does.
    pub(crate) fn look(&self, at: &At) -> Result<Option<Meta>, Failure> {
        look(&self.fs, at)
    }

    /// Returns a directory beside the set, for the alert file or the link: the set's own if the path names that, else
    /// the one that the path leads to now. Under another root, paths mean something else: then the one that it led to
    /// before.
    pub(crate) fn beside(&self, path: &Path) -> Result<Dir, Failure> {
        if let Some((_, dir, _)) = self.dirs().find(|(_, _, own)| *own == path) {
            return Ok(dir.clone());
        }
        if self.is_uprooted() {
            let before = self.beside.borrow().get(path).cloned();
            return before.ok_or_else(|| Failure::new(Op::OpenDir, path, OsError::ENOENT));
        }
        let dir = open_dir(&self.fs, path)?;
        self.beside.borrow_mut().insert(path.to_owned(), dir.clone());
        Ok(dir)
    }

    /// Makes sure that we hold the locks of both directories, taking lost ones again. Without them nothing is renamed
    /// or removed.
    pub(crate) fn hold(&mut self) -> Result<(), Failure> {
        for home in [Some(&mut self.live), self.archive.as_mut()].into_iter().flatten() {
            home.hold(&self.fs, &self.claim)?;
        }
        Ok(())
    }

    /// Writes the limits into the lock files, where tools that read the log find them.
    pub(crate) fn restate(&mut self, settings: &Settings) {
        self.claim.restate(&self.names, settings);
        for home in [Some(&mut self.live), self.archive.as_mut()].into_iter().flatten() {
            home.restate(&self.claim);
        }
    }

    /// Says in the lock files which file the owner's queue is in.
    pub(crate) fn name_ring(&mut self, ring: PathBuf, settings: &Settings) {
        self.claim.set_ring(ring);
        self.restate(settings);
    }

    // --- where the paths lead ---

    /// Returns whether the root of the process differs from that at the start.
    pub(crate) fn is_uprooted(&self) -> bool {
        let now = self.fs.look(Path::new("/")).ok().map(|meta| meta.id);
        self.root.is_some() && now.is_some() && now != self.root
    }

    /// Returns where the path of each directory leads now.
    pub(crate) fn leads(&self) -> Vec<(Which, FileId, Lead)> {
        let is_uprooted = self.is_uprooted();
        let lead = |path: &Path| match self.fs.look(path) {
            _ if is_uprooted => Lead::OtherRoot,
            Ok(meta) => Lead::To(meta.id),
            Err(OsError::ENOENT | OsError::ENOTDIR | OsError::ESTALE) => Lead::Nowhere,
            Err(_) => Lead::Unknown,
        };
        self.dirs().map(|(which, dir, path)| (which, dir.id(), lead(path))).collect()
    }

    /// Reopens a directory whose descriptor others have closed or reused, if the path still leads to it.
    pub(crate) fn mend_descriptors(&mut self) {
        let Self { fs, names, live, archive, .. } = self;
        let homes = [(Some(live), names.dir()), (archive.as_mut(), names.archive())];
        for (home, path) in homes {
            let Some(home) = home.filter(|home| !home.is_sound(fs)) else { continue };
            if let Ok(dir) = fs.open_dir(path) {
                if dir.id() == home.dir().id() {
                    home.renew(dir);
                }
            }
        }
    }

    /// Takes the locks of all directories that these paths lead to now, or of none.
    pub(crate) fn scout(&self, moved: &[Which]) -> Result<Vec<(Which, Home)>, Refusal> {
        let paths: Vec<&Path> = moved.iter().map(|which| self.path(*which)).collect();
        let entered = enter_all(&self.fs, &paths, &self.claim)?;
        Ok(moved.iter().copied().zip(entered.into_iter().map(|(home, _)| home)).collect())
    }

    /// Moves the set to these directories, and releases the locks of those it leaves.
    pub(crate) fn settle(&mut self, homes: Vec<(Which, Home)>) {
        for (which, home) in homes {
            match which {
                Which::Live => self.live = home,
                Which::Archive => self.archive = Some(home),
            }
        }
    }

    /// Returns the path of a directory.
    pub(crate) fn path(&self, which: Which) -> &Path {
        match which {
            Which::Live => self.names.dir(),
            Which::Archive => self.names.archive(),
        }
    }

    // --- what the file system does not do ---

    pub(crate) fn lacks(&self, op: Op) -> bool {
        self.lacks.contains(&op)
    }

    /// Does without such calls from now on.
    pub(crate) fn do_without(&mut self, failure: Failure) {
        if self.lacks.insert(failure.op) {
            self.untold.push(failure);
        }
    }

    /// Returns what is done without since the last call.
    pub(crate) fn take_untold(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.untold)
    }

    /// Renames onto a free name. If the system can't do that in one step, it looks first and uses a rename that could
    /// replace: the lock keeps other spools away, and nobody else has business with our names.
    pub(crate) fn rename(&mut self, from: &At, to: &At) -> Result<(), OsError> {
        let error = if self.lacks(Op::Rename) {
            OsError::ENOSYS
        } else {
            match self.fs.rename(from, to) {
                Err(error @ (OsError::EINVAL | OsError::ENOSYS | OsError::EOPNOTSUPP | OsError::EPERM)) => {
                    error
                }
                done => return done,
            }
        };
        // What can't be renamed at all reports it again.
        self.fs.stat(from)?;
        match self.fs.stat(to) {
            Ok(_) => return Err(OsError::EEXIST),
            Err(OsError::ENOENT) => self.fs.replace(from, to)?,
            Err(error) => return Err(error),
        }
        self.do_without(Failure::between(Op::Rename, from.path(), to.path(), error));
        Ok(())
    }

    /// Makes the names in the directories durable, if possible.
    pub(crate) fn sync_dirs(&self) -> Result<(), Failure> {
        if self.lacks(Op::SyncDir) {
            return Ok(());
        }
        for (_, dir, _) in self.dirs() {
            self.fs.sync_dir(dir).map_err(|error| Failure::new(Op::SyncDir, dir.path(), error))?;
        }
        Ok(())
    }
}

/// Takes the locks of all directories that these paths lead to, or of none. Also returns, for each, a missing feature
/// that the settings do without.
fn enter_all(fs: &dyn Fs, paths: &[&Path], claim: &Claim) -> Result<Vec<(Home, Option<Failure>)>, Refusal> {
    let mut homes: Vec<(Home, Option<Failure>)> = Vec::new();
    for path in paths {
        let entered = open_dir(fs, path).map_err(Refusal::from).and_then(|dir| Home::enter(fs, dir, claim));
        match entered {
            Ok(home) => homes.push(home),
            Err(refusal) => {
                homes.iter().for_each(|(home, _)| home.forsake(fs, claim));
                return Err(refusal);
            }
        }
    }
    Ok(homes)
}

/// Removes a name. If it is gone already, and a look confirms that, this is a success.
pub(crate) fn unlink_gone(fs: &dyn Fs, at: &At) -> Result<(), Failure> {
    match fs.unlink(at) {
        Ok(()) => Ok(()),
        Err(OsError::ENOENT) if look(fs, at)?.is_none() => Ok(()),
        Err(error) => Err(Failure::new(Op::Unlink, at.path(), error)),
    }
}

/// Opens the directory that a path leads to.
pub(crate) fn open_dir(fs: &dyn Fs, path: &Path) -> Result<Dir, Failure> {
    fs.open_dir(path).map_err(|error| Failure::new(Op::OpenDir, path, error))
}

/// Creates `dir` and its missing parents, if wanted, and gives them to the configured owner.
pub(crate) fn make_dirs(fs: &dyn Fs, dir: &Path, settings: &Settings) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for ancestor in dir.ancestors() {
        match fs.look(ancestor) {
            Ok(_) => break,
            Err(OsError::ENOENT) => missing.push(ancestor),
            Err(error) => return Err(Failure::new(Op::Stat, ancestor, error)),
        }
    }
    if !missing.is_empty() && settings.require_dir {
        return Err(Failure::new(Op::Stat, dir, OsError::ENOENT));
    }
    for ancestor in missing.into_iter().rev() {
        match fs.make_dir(ancestor, settings.dir_mode) {
            Ok(()) => {}
            // Somebody else was faster.
            Err(OsError::EEXIST) => continue,
            Err(error) => return Err(Failure::new(Op::MakeDir, ancestor, error)),
        }
        if let Some(owner) = settings.owner {
            let made = open_dir(fs, ancestor)?;
            fs.set_dir_owner(&made, Some(owner.user), Some(owner.group))
                .map_err(|error| Failure::new(Op::SetOwner, ancestor, error))?;
        }
    }
    Ok(())
}

/// Returns the directory of a path, and its last component.
pub(crate) fn split(path: &Path) -> (&Path, &OsStr) {
    (path.parent().unwrap_or(Path::new("/")), path.file_name().unwrap_or_default())
}
