//! Performs the steps of a plan, one call at a time, and keeps the picture of the directory true. It doesn't decide
//! what to do next or when to retry; a failed step has changed nothing that it did not finish.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::survey::Picture;
use super::tail::Tail;
use crate::effect::fs::{At, Fs as _, LogFile, Space};
use crate::effect::site::{Site, Which};
use crate::model::compression::Compression;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{Backup, FileId, FileKind, Meta};
use crate::model::settings::Settings;
use crate::model::slot::Slot;
use crate::model::time::Wall;
use crate::policy::plan::Step;

/// The name of a file that we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Live,
    Hidden,
    /// Others moved it; it still has a name.
    Moved,
    /// Others removed its last name.
    Nameless,
}

/// An open file of ours.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) file: Box<dyn LogFile>,
    pub(crate) id: FileId,
    pub(crate) place: Place,
    pub(crate) bytes: u64,
    /// Bytes at its end that belong to an unfinished record.
    pub(crate) partial: u64,
    /// Bytes at its beginning that belong to the header.
    pub(crate) header_bytes: u64,
    /// Whether the header was written, or the file isn't new.
    pub(crate) has_header: bool,
    /// NUL bytes found at its end, to be cut.
    pub(crate) nuls: u64,
    /// Whether an earlier writer left its last line unfinished.
    pub(crate) torn: bool,
    /// Whether a sync of it failed, so that it is never synced again.
    pub(crate) sealed: bool,
    /// Whether it has unsynced bytes.
    pub(crate) dirty: bool,
    /// Whether it took no more bytes (EFBIG) and has to be rotated.
    pub(crate) full: bool,
    /// Whether it is a device or FIFO, which is written, but never rotated, measured or removed.
    pub(crate) special: bool,
    /// What was found when it was opened.
    pub(crate) meta: Meta,
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
            header_bytes: 0,
            has_header: meta.bytes > 0 || special,
            nuls: 0,
            torn: false,
            sealed: false,
            dirty: false,
            full: false,
            special,
            meta,
        }
    }

    /// Returns whether the descriptor still refers to the file: other code in the process may have closed it, or taken
    /// its number.
    pub(crate) fn is_sound(&self) -> bool {
        match self.file.stat() {
            Ok(meta) => meta.id == self.id,
            Err(error) => error != OsError::EBADF,
        }
    }

    /// Returns what the system says about it, or `None` if the descriptor doesn't refer to it any more.
    pub(crate) fn stat(&self) -> Option<Meta> {
        self.file.stat().ok().filter(|meta| meta.id == self.id)
    }

    /// Returns whether it has no name any more.
    pub(crate) fn is_nameless(&self) -> bool {
        self.stat().is_some_and(|meta| meta.links == 0)
    }

    /// Returns the bytes of records, or of whatever was in it.
    pub(crate) fn content_bytes(&self) -> u64 {
        self.bytes.saturating_sub(self.header_bytes)
    }

    /// Returns whether it is new and still empty.
    pub(crate) fn wants_header(&self) -> bool {
        !self.has_header && self.bytes == 0
    }

    /// Returns whether its last line is unfinished, or may be.
    pub(crate) fn ends_torn(&self) -> bool {
        let Some(meta) = self.stat() else { return true };
        Tail::of(self.file.as_ref(), meta.bytes).map_or(true, |tail| tail.is_torn || tail.nuls > 0)
    }
}

/// Why a step was not performed.
#[derive(Debug)]
pub(crate) enum Setback {
    /// A call failed.
    Failed(Failure),
    /// The file being written is no longer under its name, so the plan is void.
    Displaced,
    /// A name refers to another file than when it was last seen, so the plan has to be made again.
    Changed(Failure),
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What a performed step changed and its owner counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Nothing,
    /// A file was removed; without a slot, the live file.
    Removed {
        slot: Option<Slot>,
        form: Compression,
        bytes: u64,
        allocated: u64,
    },
    /// The live file has become a backup.
    Retired {
        bytes: u64,
    },
}

/// The open files, and the picture of the rest.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) site: Site,
    pub(crate) picture: Picture,
    /// The file that takes the records.
    pub(crate) current: Option<OpenFile>,
    /// The hidden file, until it takes records.
    pub(crate) next: Option<OpenFile>,
    /// The previous file, released only when the new one has the live name.
    pub(crate) retired: Option<OpenFile>,
    /// Whether leftovers of a rotation may be removed; not at a first start.
    pub(crate) may_tidy: bool,
}

impl Stage {
    pub(crate) fn new(site: Site) -> Self {
        Self { site, picture: Picture::new(), current: None, next: None, retired: None, may_tidy: true }
    }

    /// Returns the size of the whole set in bytes.
    pub(crate) fn total_bytes(&self) -> u64 {
        let current = self.current.as_ref().map_or(0, |file| file.bytes);
        self.picture.inventory.bytes() + current + self.picture.temporary.unwrap_or(0)
    }

    /// Performs one step. A step may be repeated. Nothing is renamed or removed without the locks.
    pub(crate) fn perform(&mut self, step: Step, settings: &Settings) -> Result<Done, Setback> {
        if step.changes_names() {
            self.site.hold()?;
        }
        match step {
            Step::Survey => self.survey(settings)?,
            Step::SyncLive => self.sync_live()?,
            Step::CreateHidden => self.create_hidden(settings)?,
            Step::Remove(slot) => return self.remove(slot),
            Step::RemoveTwins => self.drop_twins()?,
            Step::Shift { from, to } => self.shift(from, to)?,
            Step::Retire { to } => return self.retire(to),
            Step::Discard => return self.discard(),
            Step::Publish => self.publish()?,
            Step::SyncDir => self.site.sync_dirs()?,
            Step::OpenLive => self.open_live(settings)?,
        }
        Ok(Done::Nothing)
    }

    fn survey(&mut self, settings: &Settings) -> Result<(), Setback> {
        self.picture.survey(self.site.ground(), settings)?;
        let Some(current) = &self.current else { return Ok(()) };
        let standing = self.site.look(&self.site.live_file())?;
        match current.place {
            Place::Live if standing.map(|meta| meta.id) != Some(current.id) => Err(Setback::Displaced),
            Place::Hidden => self.survey_hidden(current.id, standing),
            _ => Ok(()),
        }
    }

    fn survey_hidden(&mut self, current: FileId, standing: Option<Meta>) -> Result<(), Setback> {
        let (hidden, live) = (self.site.hidden_file(), self.site.live_file());
        if self.site.look(&hidden)?.map(|meta| meta.id) != Some(current) {
            return Err(Setback::Displaced);
        }
        match standing {
            Some(meta) if meta.kind != FileKind::File => {
                Err(Failure::between(Op::Rename, hidden.path(), live.path(), OsError::EISDIR).into())
            }
            Some(meta) => {
                self.picture.inventory.standing_live = Some(meta.bytes);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn sync_live(&mut self) -> Result<(), Failure> {
        let is_wanted = |file: &&mut OpenFile| file.dirty && !file.sealed;
        let Some(current) = self.current.as_mut().filter(is_wanted) else { return Ok(()) };
        if !self.site.lacks(Op::Sync) {
            let synced = current.file.sync();
            synced.map_err(|error| Failure::new(Op::Sync, self.site.names.live(), error))?;
        }
        current.dirty = false;
        Ok(())
    }

    fn create_hidden(&mut self, settings: &Settings) -> Result<(), Failure> {
        if self.next.is_some() {
            return Ok(());
        }
        let at = self.site.hidden_file();
        let like = self.current.as_ref().map(|file| Attributes::of(&file.stat().unwrap_or(file.meta)));
        let mut begun = self.begin(&at, Place::Hidden, settings, like);
        if begun.as_ref().is_err_and(|failure| failure.error == OsError::EEXIST) {
            // Our own empty leftover is in the way. What has content, or is not a file, is not touched.
            let meta = self.site.look(&at)?;
            if meta.is_some_and(|meta| meta.kind == FileKind::File && meta.bytes == 0 && meta.links == 1) {
                let gone = self.site.fs.unlink(&at);
                gone.map_err(|error| Failure::new(Op::Unlink, at.path(), error))?;
                begun = self.begin(&at, Place::Hidden, settings, like);
            }
        }
        self.next = Some(begun?);
        Ok(())
    }

    /// Undoes `create_hidden` if its plan is void.
    pub(crate) fn drop_next(&mut self) {
        let Some(next) = self.next.take() else { return };
        let at = self.site.hidden_file();
        let is_ours = self.site.look(&at).is_ok_and(|meta| meta.is_some_and(|meta| meta.id == next.id));
        if is_ours && self.site.hold().is_ok() {
            // If it stays, it is empty, and the next rotation or start removes it.
            let _ = self.site.fs.unlink(&at);
        }
    }

    /// Returns whether a name refers to the file that was last seen there, or `None` if nothing has the name.
    fn stands(&self, at: &At, id: FileId) -> Result<Option<Meta>, Setback> {
        match self.site.look(at)? {
            Some(meta) if meta.id == id => Ok(Some(meta)),
            Some(_) => Err(Setback::Changed(Failure::new(Op::Stat, at.path(), OsError::ESTALE))),
            None => Ok(None),
        }
    }

    fn remove(&mut self, slot: Slot) -> Result<Done, Setback> {
        let Some(backup) = self.picture.inventory.backups.get(&slot).copied() else {
            return Ok(Done::Nothing);
        };
        let at = self.site.backup(slot, backup.compression);
        let done = match self.stands(&at, backup.id)? {
            Some(meta) => match self.site.fs.unlink(&at) {
                Err(OsError::ENOENT) if self.site.look(&at)?.is_none() => Done::Nothing,
                Err(error) => return Err(Failure::new(Op::Unlink, at.path(), error).into()),
                Ok(()) => Done::Removed {
                    slot: Some(slot),
                    form: backup.compression,
                    bytes: backup.bytes,
                    allocated: meta.allocated,
                },
            },
            None => Done::Nothing,
        };
        // Others removed it. If names are by time, the next survey lists the directory to check that.
        self.picture.is_stale |= done == Done::Nothing;
        self.picture.inventory.backups.remove(&slot);
        self.picture.inventory.immovable.remove(&slot);
        Ok(done)
    }

    fn shift(&mut self, from: u32, to: u32) -> Result<(), Setback> {
        let Some(backup) = self.picture.inventory.backups.get(&Slot::Number(from)).copied() else {
            return Ok(());
        };
        let [source, target] = [from, to].map(|number| self.site.backup(number, backup.compression));
        self.must_be_free(Slot::Number(to), backup.compression)?;
        let is_there = self.stands(&source, backup.id)?.is_some();
        match if is_there { self.site.rename(&source, &target) } else { Err(OsError::ENOENT) } {
            Ok(()) => {
                self.picture.inventory.backups.insert(Slot::Number(to), backup);
            }
            // Others removed it, which leaves a gap.
            Err(OsError::ENOENT) if self.site.look(&source)?.is_none() && self.dirs_stand() => {}
            Err(error) => {
                return Err(Failure::between(Op::Rename, source.path(), target.path(), error).into());
            }
        }
        self.picture.inventory.backups.remove(&Slot::Number(from));
        Ok(())
    }

    /// Two forms at one slot would count as one backup. The rename itself takes care of the name of its own form.
    fn must_be_free(&self, slot: Slot, form: Compression) -> Result<(), Failure> {
        for other in self.picture.forms.iter().filter(|other| **other != form) {
            let at = self.site.backup(slot, *other);
            if self.site.look(&at)?.is_some() {
                return Err(Failure::new(Op::Rename, at.path(), OsError::EEXIST));
            }
        }
        Ok(())
    }

    /// Returns whether the directories that we hold have a name.
    pub(crate) fn dirs_stand(&self) -> bool {
        self.site.dirs().all(|(_, dir, _)| self.site.fs.stat_dir(dir).is_ok_and(|meta| meta.links > 0))
    }

    fn retire(&mut self, to: Slot) -> Result<Done, Setback> {
        let Some(standing) = self.standing()? else { return Ok(Done::Nothing) };
        let (source, target) = (self.site.live_file(), self.site.backup(to, Compression::None));
        self.must_be_free(to, Compression::None)?;
        self.site
            .rename(&source, &target)
            .map_err(|error| Failure::between(Op::Rename, source.path(), target.path(), error))?;
        let bytes = self.step_over();
        // The next survey sees when it was last written; until then it counts as brand new.
        let modified = Wall::from_unix_micros(i64::MAX);
        let backup = Backup { bytes, modified, id: standing.id, compression: Compression::None };
        self.picture.inventory.backups.insert(to, backup);
        Ok(Done::Retired { bytes })
    }

    fn discard(&mut self) -> Result<Done, Setback> {
        let Some(standing) = self.standing()? else { return Ok(Done::Nothing) };
        let (at, allocated) = (self.site.live_file(), standing.allocated);
        self.site.fs.unlink(&at).map_err(|error| Failure::new(Op::Unlink, at.path(), error))?;
        Ok(Done::Removed { slot: None, form: Compression::None, bytes: self.step_over(), allocated })
    }

    /// Returns the file to be retired, or `None` if an earlier call of ours moved it already.
    fn standing(&self) -> Result<Option<Meta>, Setback> {
        let standing = self.site.look(&self.site.live_file())?;
        match &self.current {
            Some(current)
                if current.place == Place::Live && standing.map(|meta| meta.id) != Some(current.id) =>
            {
                Err(Setback::Displaced)
            }
            _ => Ok(standing),
        }
    }

    /// Makes records go to the hidden file from here on. Returns the size of the file that left the live name.
    fn step_over(&mut self) -> u64 {
        if let Some(standing) = self.picture.inventory.standing_live.take() {
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
        let (source, target) = (self.site.hidden_file(), self.site.live_file());
        if self.site.look(&source)?.is_none_or(|meta| meta.id != current.id) {
            return Err(Setback::Displaced);
        }
        match self.site.rename(&source, &target) {
            Ok(()) => current.place = Place::Live,
            Err(OsError::ENOENT) if self.site.look(&source)?.is_none() => return Err(Setback::Displaced),
            Err(error) => {
                return Err(Failure::between(Op::Rename, source.path(), target.path(), error).into());
            }
        }
        self.retired = None;
        Ok(())
    }

    /// Returns the backups, beginning with the newest.
    pub(crate) fn backups(&self) -> &BTreeMap<Slot, Backup> {
        &self.picture.inventory.backups
    }

    /// Returns the room on the live file's file system.
    pub(crate) fn space(&self) -> Result<Space, OsError> {
        self.site.fs.space(self.site.dir(Which::Live))
    }
}
