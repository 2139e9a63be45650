//! Looking at every name of the set, and only at those. A directory is listed only where backups are named by time.
//! What is seen becomes the inventory; nothing is changed.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Place, Setback, Stage};
use crate::effect::fs::Fs as _;
use crate::model::compression::Compression;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{Backup, FileId, FileKind, Meta};
use crate::model::name::Role;
use crate::model::settings::{Naming, Settings};
use crate::model::slot::Slot;
use crate::policy::retention;

/// At start, backups are looked for upward until so many numbers in a row are free.
const MISSES_MAX: u32 = 64;

impl Stage {
    pub(super) fn survey(&mut self, settings: &Settings) -> Result<(), Setback> {
        match settings.naming {
            Naming::Numbered => {
                let known = retention::surplus(&self.inventory, settings.backup_count);
                for slot in (1..=settings.backup_count).map(Slot::Number).chain(known) {
                    self.survey_slot(slot)?;
                }
            }
            Naming::Timestamped => {
                let known: Vec<Slot> = self.inventory.backups.keys().copied().collect();
                for slot in known {
                    // What seems to be gone is never asked for by its name again: the directory has to say so.
                    self.is_stale |= !self.survey_slot(slot)?;
                }
                if self.is_stale {
                    self.survey_listed()?;
                }
            }
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

    /// Whether anything stands at the slot.
    pub(super) fn survey_slot(&mut self, slot: Slot) -> Result<bool, Failure> {
        let (mut backup, mut twins, mut is_foreign) = (None, Vec::new(), false);
        for form in &self.forms {
            let Some(meta) = self.look(&self.names.backup_as(slot, *form))? else { continue };
            match backup {
                _ if meta.kind != FileKind::File => is_foreign = true,
                None => backup = Some(Backup { compression: *form, ..meta.into() }),
                // The plain file goes last: as long as it stands, it is the one that is whole.
                Some(Backup { compression: Compression::None, modified, .. })
                    if modified == meta.modified =>
                {
                    twins.push(((slot, *form), meta.bytes));
                }
                // Of another time, or without the plain one: not of our making, and not removed.
                Some(_) => is_foreign = true,
            }
        }
        let is_taken = backup.is_some() || is_foreign;
        self.inventory.twins.retain(|(of, _), _| *of != slot);
        self.inventory.twins.extend(twins);
        match backup {
            Some(backup) => self.inventory.backups.insert(slot, backup),
            None => self.inventory.backups.remove(&slot),
        };
        if let Some(number) = slot.number() {
            self.inventory.foreign.remove(&number);
            if is_foreign {
                self.inventory.foreign.insert(number);
            }
        }
        Ok(is_taken)
    }

    /// Looks at every backup that the directory lists: names that tell times cannot be guessed.
    pub(super) fn survey_listed(&mut self) -> Result<(), Failure> {
        let dir = self.names.archive();
        let names = self.fs.list(dir).map_err(|error| Failure::new(Op::List, dir, error))?;
        let mut slots = BTreeSet::new();
        for name in names {
            match self.names.role(&name) {
                Some(Role::Backup(slot)) => _ = slots.insert(slot),
                Some(Role::Packed(slot, form)) => {
                    self.forms.insert(form);
                    slots.insert(slot);
                }
                _ => {}
            }
        }
        self.inventory.backups.retain(|slot, _| slots.contains(slot));
        self.inventory.twins.retain(|(slot, _), _| slots.contains(slot));
        self.is_stale = false;
        for slot in slots {
            let is_seen = self.survey_slot(slot);
            self.is_stale |= !matches!(is_seen, Ok(true));
            is_seen?;
        }
        // A number that something else holds does no harm here.
        self.inventory.foreign.clear();
        Ok(())
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
            misses = if self.survey_slot(Slot::Number(number))? { 0 } else { misses + 1 };
        }
        Ok(())
    }
}
