//! Performs the steps of a plan, one call at a time, and keeps the picture of the directory true.
//! It does not decide what to do next or when to try again: a failed step has changed nothing it did not finish.

mod open;
mod packing;
mod survey;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(crate) use self::open::objection;
pub(crate) use self::packing::is_lost;

use super::fs::{Fs, Lock, LockRefusal, LogFile};
use super::patient::Patient;
use crate::model::compression::Compression;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{Backup, FileId, FileKind, Inventory, Meta};
use crate::model::name::Names;
use crate::model::settings::Settings;
use crate::model::slot::Slot;
use crate::model::time::Wall;
use crate::policy::plan::Step;

/// Under which name a file that we write stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Live,
    Hidden,
    /// Others moved it; it still has a name.
    Moved,
    /// Others removed its last name.
    Nameless,
}

/// A file of ours that is open.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) file: Box<dyn LogFile>,
    pub(crate) id: FileId,
    pub(crate) place: Place,
    pub(crate) bytes: u64,
    /// Bytes at its end that belong to a record not yet finished.
    pub(crate) partial: u64,
    /// Its last line was left unfinished by whoever wrote it before.
    pub(crate) torn: bool,
    /// A sync of it failed: it is never synced again.
    pub(crate) sealed: bool,
    /// It has bytes that were not synced.
    pub(crate) dirty: bool,
    /// It took no more bytes (EFBIG) and has to be rotated.
    pub(crate) full: bool,
    /// A device or FIFO: written, but never rotated, measured or removed.
    pub(crate) special: bool,
    /// When it was last changed, as found when it was opened.
    pub(crate) modified: Wall,
}

impl OpenFile {
    pub(crate) fn new(file: Box<dyn LogFile>, meta: Meta, place: Place) -> Self {
        let special = meta.kind != FileKind::File;
        Self {
            file,
            id: meta.id,
            place,
            bytes: if special { 0 } else { meta.bytes },
            partial: 0,
            torn: false,
            sealed: false,
            dirty: false,
            full: false,
            special,
            modified: meta.modified,
        }
    }
}

/// Why a step was not performed.
#[derive(Debug)]
pub(crate) enum Setback {
    /// A call failed.
    Failed(Failure),
    /// The file being written is no longer under its name: the plan is void.
    Displaced,
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What a performed step changed that its owner counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Nothing,
    /// A file of so many bytes was removed.
    Removed(u64),
}

/// The directory, the files that are open in it, and the picture of the rest.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) fs: Patient,
    pub(crate) names: Names,
    pub(crate) inventory: Inventory,
    /// Takes the records.
    pub(crate) current: Option<OpenFile>,
    /// The hidden file, as long as it takes no records.
    pub(crate) next: Option<OpenFile>,
    /// The file before, let go only when the new one has the live name.
    pub(crate) retired: Option<OpenFile>,
    /// One for each directory of the set.
    pub(crate) locks: Vec<Box<dyn Lock>>,
    pub(crate) lock_text: String,
    /// Bytes that stand under the name of a compression's temporary, at most.
    pub(crate) temporary: Option<u64>,
    /// In which forms backups are looked for: as they are stored, and as one has been seen.
    pub(crate) forms: BTreeSet<Compression>,
    /// The picture may lack a backup, or have one too many: the next survey lists the directory, where names tell times.
    pub(crate) is_stale: bool,
}

impl Stage {
    pub(crate) fn new(fs: Box<dyn Fs>, names: Names, lock_text: String) -> Self {
        Self {
            fs: Patient(fs),
            names,
            inventory: Inventory::default(),
            current: None,
            next: None,
            retired: None,
            locks: Vec::new(),
            lock_text,
            temporary: None,
            forms: Compression::ALL.into(),
            is_stale: false,
        }
    }

    /// Bytes of the whole set.
    pub(crate) fn total_bytes(&self) -> u64 {
        let current = self.current.as_ref().map_or(0, |file| file.bytes);
        self.inventory.bytes() + current + self.temporary.unwrap_or(0)
    }

    /// Performs one step. What was done before may be done again.
    pub(crate) fn perform(&mut self, step: Step, settings: &Settings) -> Result<Done, Setback> {
        match step {
            Step::Survey => self.survey(settings)?,
            Step::SyncLive => self.sync_live()?,
            Step::CreateHidden => self.create_hidden(settings.mode)?,
            Step::Remove(slot) => return Ok(self.remove(slot)?),
            Step::RemoveTwins => self.drop_twins()?,
            Step::Shift { from, to } => self.shift(from, to)?,
            Step::Retire { to } => self.retire(to)?,
            Step::Discard => return self.discard(),
            Step::Publish => self.publish()?,
            Step::SyncDir => self.sync_dir()?,
            Step::MakeDirs => {
                for dir in self.names.dirs() {
                    self.make_dirs(dir, settings)?;
                }
            }
            Step::Relock => self.relock(settings.mode)?,
            Step::OpenLive => self.open_live(settings)?,
        }
        Ok(Done::Nothing)
    }

    fn sync_live(&mut self) -> Result<(), Failure> {
        let Some(current) = self.current.as_mut().filter(|file| file.dirty && !file.sealed) else {
            return Ok(());
        };
        current.file.sync().map_err(|error| Failure::new(Op::Sync, self.names.live(), error))?;
        current.dirty = false;
        Ok(())
    }

    fn create_hidden(&mut self, mode: u32) -> Result<(), Failure> {
        if self.next.is_some() {
            return Ok(());
        }
        let path = self.names.hidden();
        let failed = |op, error| Failure::new(op, path, error);
        let mut created = self.fs.create(path, mode);
        if matches!(created, Err(OsError::EEXIST)) {
            // An empty leftover of our own is in the way; what has content, or is not a file, is not touched.
            let meta = self.look(path)?;
            if meta.is_some_and(|meta| meta.kind == FileKind::File && meta.bytes == 0 && meta.links == 1) {
                self.fs.unlink(path).map_err(|error| failed(Op::Unlink, error))?;
                created = self.fs.create(path, mode);
            }
        }
        let file = created.map_err(|error| failed(Op::Create, error))?;
        let meta = file.stat().map_err(|error| {
            // It holds nothing and nobody knows it: the next attempt removes it where this does not.
            let _ = self.fs.unlink(path);
            failed(Op::Stat, error)
        })?;
        self.next = Some(OpenFile::new(file, meta, Place::Hidden));
        Ok(())
    }

    /// Takes back what `create_hidden` did, where the plan it was for is void.
    pub(crate) fn drop_next(&mut self) {
        if self.next.take().is_some() {
            // If it stays, it is empty, and removed by the next rotation or start.
            let _ = self.fs.unlink(self.names.hidden());
        }
    }

    fn remove(&mut self, slot: Slot) -> Result<Done, Failure> {
        let Some(backup) = self.inventory.backups.get(&slot).copied() else { return Ok(Done::Nothing) };
        let path = self.names.backup_as(slot, backup.compression);
        let done = match self.fs.unlink(&path) {
            Ok(()) => Done::Removed(backup.bytes),
            // Removed by others in the meantime; where names tell times, the directory is asked whether that is so.
            Err(OsError::ENOENT) if self.look(&path)?.is_none() => {
                self.is_stale = true;
                Done::Nothing
            }
            Err(error) => return Err(Failure::new(Op::Unlink, &path, error)),
        };
        self.inventory.backups.remove(&slot);
        Ok(done)
    }

    fn shift(&mut self, from: u32, to: u32) -> Result<(), Failure> {
        let Some(backup) = self.inventory.backups.get(&Slot::Number(from)).copied() else { return Ok(()) };
        let [source, target] = [from, to].map(|number| self.names.backup_as(number, backup.compression));
        self.must_be_free(Slot::Number(to), backup.compression)?;
        match self.fs.rename(&source, &target) {
            Ok(()) => {
                self.inventory.backups.insert(Slot::Number(to), backup);
            }
            // Removed by others in the meantime: a gap.
            Err(OsError::ENOENT) if self.look(&source)?.is_none() && self.dirs_stand()? => {}
            Err(error) => return Err(Failure::between(Op::Rename, &source, &target, error)),
        }
        self.inventory.backups.remove(&Slot::Number(from));
        Ok(())
    }

    /// Two forms at one slot would be taken for one backup. The rename itself minds the name of its own form.
    fn must_be_free(&self, slot: Slot, form: Compression) -> Result<(), Failure> {
        for other in self.forms.iter().filter(|other| **other != form) {
            let path = self.names.backup_as(slot, *other);
            if self.look(&path)?.is_some() {
                return Err(Failure::new(Op::Rename, &path, OsError::EEXIST));
            }
        }
        Ok(())
    }

    /// Whether the directories of the set are there.
    pub(crate) fn dirs_stand(&self) -> Result<bool, Failure> {
        for dir in self.names.dirs() {
            if self.look(dir)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn retire(&mut self, to: Slot) -> Result<(), Setback> {
        if self.live_is_gone()? {
            return Ok(());
        }
        let (source, target) = (self.names.live(), self.names.backup(to));
        self.must_be_free(to, Compression::None)?;
        self.fs
            .rename(source, &target)
            .map_err(|error| Failure::between(Op::Rename, source, &target, error))?;
        let bytes = self.step_over();
        let id = self.retired.as_ref().map(|file| file.id).unwrap_or_default();
        // When it was last written is seen at the next survey; until then it is as young as can be.
        let modified = Wall::from_unix_micros(i64::MAX);
        self.inventory.backups.insert(to, Backup { bytes, modified, id, compression: Compression::None });
        Ok(())
    }

    fn discard(&mut self) -> Result<Done, Setback> {
        if self.live_is_gone()? {
            return Ok(Done::Nothing);
        }
        let path = self.names.live();
        self.fs.unlink(path).map_err(|error| Failure::new(Op::Unlink, path, error))?;
        Ok(Done::Removed(self.step_over()))
    }

    /// Whether the file to be retired has left the live name already, by an earlier call of ours.
    fn live_is_gone(&self) -> Result<bool, Setback> {
        let standing = self.look(self.names.live())?;
        match &self.current {
            Some(current) if current.place == Place::Live => match standing {
                Some(meta) if meta.id == current.id => Ok(false),
                _ => Err(Setback::Displaced),
            },
            _ => Ok(standing.is_none()),
        }
    }

    /// From here on records go to the hidden file. Returns the size of the file that left the live name.
    fn step_over(&mut self) -> u64 {
        if let Some(standing) = self.inventory.standing_live.take() {
            return standing;
        }
        self.retired = self.current.take();
        self.current = self.next.take();
        self.retired.as_ref().map_or(0, |file| file.bytes)
    }

    fn publish(&mut self) -> Result<(), Setback> {
        let Some(current) = self.current.as_mut().filter(|file| file.place == Place::Hidden) else {
            return Ok(());
        };
        let (source, target) = (self.names.hidden(), self.names.live());
        match self.fs.rename(source, target) {
            Ok(()) => current.place = Place::Live,
            Err(OsError::ENOENT) if self.look(source)?.is_none() => return Err(Setback::Displaced),
            Err(error) => return Err(Failure::between(Op::Rename, source, target, error).into()),
        }
        self.retired = None;
        Ok(())
    }

    fn sync_dir(&self) -> Result<(), Failure> {
        for dir in self.names.dirs() {
            self.fs.sync_dir(dir).map_err(|error| Failure::new(Op::SyncDir, dir, error))?;
        }
        Ok(())
    }

    /// Creates `dir` and what is missing above it, if that is wanted.
    pub(crate) fn make_dirs(&self, dir: &Path, settings: &Settings) -> Result<(), Failure> {
        let mut missing = Vec::new();
        for ancestor in dir.ancestors() {
            if self.look(ancestor)?.is_some() {
                break;
            }
            missing.push(ancestor);
        }
        if !missing.is_empty() && !settings.create_dirs {
            return Err(Failure::new(Op::Stat, dir, OsError::ENOENT));
        }
        for ancestor in missing.into_iter().rev() {
            match self.fs.make_dir(ancestor, settings.dir_mode) {
                // Somebody else was faster.
                Ok(()) | Err(OsError::EEXIST) => {}
                Err(error) => return Err(Failure::new(Op::MakeDir, ancestor, error)),
            }
        }
        Ok(())
    }

    /// Takes the lock files that stand in the directories now, unless they are ours already.
    fn relock(&mut self, mode: u32) -> Result<(), Failure> {
        for (index, path) in self.names.locks().enumerate() {
            if let Some(lock) = self.locks.get(index) {
                if self.look(&path)?.is_some_and(|meta| meta.id == lock.id()) {
                    continue;
                }
            }
            let lock = match self.fs.lock(&path, mode, &self.lock_text) {
                Ok(lock) => lock,
                Err(LockRefusal::Held(_)) => return Err(Failure::new(Op::Lock, &path, OsError::EAGAIN)),
                Err(LockRefusal::Failed(error)) => return Err(Failure::new(Op::Lock, &path, error)),
            };
            match self.locks.get_mut(index) {
                Some(held) => *held = lock,
                None => self.locks.push(lock),
            }
        }
        Ok(())
    }

    /// The backups, the newest first.
    pub(crate) fn backups(&self) -> &BTreeMap<Slot, Backup> {
        &self.inventory.backups
    }
}
