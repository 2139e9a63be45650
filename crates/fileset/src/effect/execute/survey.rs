//! Looking at every name of the set, and only at those: no directory is ever listed.
//! What is seen becomes the inventory; nothing is changed.

use std::path::Path;

use super::{Place, Setback, Stage};
use crate::effect::fs::Fs as _;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{FileId, FileKind, Meta};
use crate::model::settings::Settings;
use crate::policy::retention;

/// At start, backups are looked for upward until so many numbers in a row are free.
const MISSES_MAX: u32 = 64;

impl Stage {
    pub(super) fn survey(&mut self, settings: &Settings) -> Result<(), Setback> {
        let known = retention::surplus(&self.inventory, settings.backup_count);
        for number in (1..=settings.backup_count).chain(known) {
            self.survey_slot(number)?;
        }
        self.inventory.foreign.retain(|number| *number <= settings.backup_count);
        self.inventory.standing_live = None;
        let Some(current) = &self.current else { return Ok(()) };
        let standing = self.look(self.names.live())?;
        match current.place {
            Place::Live if standing.map(|meta| meta.id) != Some(current.id) => Err(Setback::Displaced),
            Place::Hidden => self.survey_hidden(current.id, standing),
            _ => Ok(()),
        }
    }

    fn survey_hidden(&mut self, current: FileId, standing: Option<Meta>) -> Result<(), Setback> {
        if self.look(self.names.hidden())?.map(|meta| meta.id) != Some(current) {
            return Err(Setback::Displaced);
        }
        match standing {
            Some(meta) if meta.kind != FileKind::File => {
                Err(Failure::between(Op::Rename, self.names.hidden(), self.names.live(), OsError::EISDIR)
                    .into())
            }
            Some(meta) => {
                self.inventory.standing_live = Some(meta.bytes);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether anything stands at the number.
    pub(super) fn survey_slot(&mut self, number: u32) -> Result<bool, Failure> {
        self.inventory.foreign.remove(&number);
        let seen = self.look(&self.names.backup(number))?;
        match seen {
            Some(meta) if meta.kind == FileKind::File => {
                self.inventory.backups.insert(number, meta.bytes);
            }
            Some(_) => {
                self.inventory.backups.remove(&number);
                self.inventory.foreign.insert(number);
            }
            None => {
                self.inventory.backups.remove(&number);
            }
        }
        Ok(seen.is_some())
    }

    /// What stands at a path, if anything does.
    pub(crate) fn look(&self, path: &Path) -> Result<Option<Meta>, Failure> {
        match self.fs.stat(path) {
            Ok(meta) => Ok(Some(meta)),
            Err(OsError::ENOENT) => Ok(None),
            Err(error) => Err(Failure::new(Op::Stat, path, error)),
        }
    }

    /// Looks for backups at every number up to `MISSES_MAX` free ones in a row, beyond `backup_count`.
    pub(crate) fn survey_upward(&mut self, backup_count: u32) -> Result<(), Failure> {
        let (mut number, mut misses) = (backup_count, 0);
        while misses < MISSES_MAX {
            let Some(next) = number.checked_add(1) else { break };
            number = next;
            misses = if self.survey_slot(number)? { 0 } else { misses + 1 };
        }
        Ok(())
    }
}
