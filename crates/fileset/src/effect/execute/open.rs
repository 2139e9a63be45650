//! Opening the file that is to take records, after the checks of an attacker's tricks.
//! Which trick is allowed by name, the settings say.

use std::collections::BTreeSet;
use std::path::Path;

use super::{OpenFile, Place, Stage};
use crate::effect::fs::{Follow, Fs as _};
use crate::model::compression::Compression;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{FileKind, Inventory, Meta};
use crate::model::settings::{Allow, Naming, Settings};

impl Stage {
    /// Opens the file that is to take records: a hidden one with content (a rotation was cut short), else the live
    /// one, else a new one. The picture is made anew.
    pub(super) fn open_live(&mut self, settings: &Settings) -> Result<(), Failure> {
        let mut fresh = Inventory::default();
        std::mem::swap(&mut fresh, &mut self.inventory);
        let opened = self.find_live(settings);
        match opened {
            Ok((file, standing_live)) => {
                self.current = Some(file);
                self.retired = None;
                self.inventory.standing_live = standing_live;
                Ok(())
            }
            Err(failure) => {
                self.inventory = fresh;
                Err(failure)
            }
        }
    }

    fn find_live(&mut self, settings: &Settings) -> Result<(OpenFile, Option<u64>), Failure> {
        self.forms = Compression::ALL.into();
        match settings.naming {
            Naming::Numbered => {
                for number in 1..=settings.backup_count {
                    self.survey_slot(number.into())?;
                }
                self.survey_upward(settings.backup_count)?;
            }
            Naming::Timestamped => self.survey_listed()?,
        }
        let mut seen = BTreeSet::from([Compression::None, settings.compression]);
        seen.extend(self.inventory.backups.values().map(|backup| backup.compression));
        seen.extend(self.inventory.twins.keys().map(|(_, form)| *form));
        self.forms = seen;
        if self.temporary.is_none() {
            let left = self.look(&self.names.pack_temporary())?;
            self.temporary = left.filter(|meta| meta.kind == FileKind::File).map(|meta| meta.bytes);
        }
        let live = self.look(self.names.live())?;
        let hidden = self.look(self.names.hidden())?.filter(|meta| meta.kind == FileKind::File);
        if hidden.is_some_and(|meta| meta.bytes > 0) {
            let file = self.adopt(self.names.hidden(), Place::Hidden, settings)?;
            return Ok((file, live.filter(|meta| meta.kind == FileKind::File).map(|meta| meta.bytes)));
        }
        if hidden.is_some_and(|meta| meta.links == 1) {
            // Where this fails, the next rotation removes it.
            let _ = self.fs.unlink(self.names.hidden());
        }
        let file = if live.is_some() {
            self.adopt(self.names.live(), Place::Live, settings)?
        } else {
            self.create_live(settings.mode)?
        };
        Ok((file, None))
    }

    fn create_live(&self, mode: u32) -> Result<OpenFile, Failure> {
        let path = self.names.live();
        let file = self.fs.create(path, mode).map_err(|error| Failure::new(Op::Create, path, error))?;
        let meta = file.stat().map_err(|error| Failure::new(Op::Stat, path, error))?;
        Ok(OpenFile::new(file, meta, Place::Live))
    }

    /// Opens a file that stands there, after the checks of an attacker's tricks.
    fn adopt(&self, path: &Path, place: Place, settings: &Settings) -> Result<OpenFile, Failure> {
        let failed = |op, error| Failure::new(op, path, error);
        let file = self.fs.open(path, Follow::No).map_err(|error| failed(Op::Open, error))?;
        let meta = file.stat().map_err(|error| failed(Op::Stat, error))?;
        if let Some((_, error)) = objection(&meta, self.fs.user(), settings) {
            return Err(failed(Op::Open, error));
        }
        let mut file = OpenFile::new(file, meta, place);
        if !file.special && file.bytes > 0 {
            let last = file.file.last_byte().map_err(|error| failed(Op::Read, error))?;
            file.torn = last.is_some_and(|byte| byte != b'\n');
        }
        Ok(file)
    }
}

/// What speaks against a file at the live path, in words and as the errno that says the same.
pub(crate) fn objection(meta: &Meta, user: u32, settings: &Settings) -> Option<(&'static str, OsError)> {
    let refused = |allow: Allow| !settings.allows(allow);
    match meta.kind {
        FileKind::Directory => Some(("must be a file, not a directory", OsError::EISDIR)),
        FileKind::Symlink => Some(("must not be a symlink (or allow Symlink)", OsError::ELOOP)),
        FileKind::Fifo if refused(Allow::Fifo) => {
            Some(("must not be a FIFO (or allow Fifo)", OsError::ENXIO))
        }
        FileKind::Device if refused(Allow::Device) => {
            Some(("must not be a device (or allow Device)", OsError::ENXIO))
        }
        FileKind::Other => Some(("must be a regular file", OsError::ENXIO)),
        _ if meta.owner != user && refused(Allow::ForeignOwner) => {
            Some(("must belong to the user of this process (or allow ForeignOwner)", OsError::EPERM))
        }
        FileKind::File if meta.links > 1 && refused(Allow::HardLink) => {
            Some(("must not have further hard links (or allow HardLink)", OsError::EMLINK))
        }
        _ => None,
    }
}
