//! Names and files of a compression: its beginning, its end, and what it may leave behind.
//! What stands between is `pack`'s, on whichever thread.

use std::sync::Arc;

use super::Stage;
use crate::effect::fs::Fs as _;
use crate::effect::pack::{PackOrder, Packed};
use crate::model::compression::Compression;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{Backup, FileKind, Meta};
use crate::model::slot::Slot;

impl Stage {
    /// Opens a backup and the temporary that is to become its compressed form. None: the backup is not there any more.
    pub(crate) fn open_pack(
        &mut self,
        slot: Slot,
        compression: Compression,
        mode: u32,
    ) -> Result<Option<PackOrder>, Failure> {
        self.survey_slot(slot)?;
        if self.plain(slot).is_none() {
            return Ok(None);
        }
        let path = self.names.backup(slot);
        let source = self.fs.open_to_read(&path).map_err(|error| Failure::new(Op::Open, &path, error))?;
        let meta = source.stat().map_err(|error| Failure::new(Op::Stat, &path, error))?;
        if meta.kind != FileKind::File || self.plain(slot).is_none_or(|backup| backup.id != meta.id) {
            return Ok(None);
        }
        let temporary = self.names.pack_temporary();
        let file =
            self.fs.create(&temporary, mode).map_err(|error| Failure::new(Op::Create, &temporary, error))?;
        // From here on it counts, at its worst.
        self.temporary = Some(meta.bytes);
        Ok(Some(PackOrder {
            source,
            source_path: path,
            meta,
            temporary: file,
            temporary_path: temporary,
            compression,
            allowance: PackOrder::allowance_for(meta.bytes),
        }))
    }

    fn plain(&self, slot: Slot) -> Option<Backup> {
        let backup = self.inventory.backups.get(&slot).copied();
        backup.filter(|backup| backup.compression == Compression::None)
    }

    /// Puts the finished temporary in the place of its backup, wherever that stands now: first the name, then the plain
    /// file goes. Their order is kept by the file system, which writes the names of one directory in order. False: the
    /// backup is not there any more, or is not what it was, or has become the newest.
    pub(crate) fn place_packed(&mut self, packed: &Packed, made: &Meta) -> Result<bool, Failure> {
        let is_source =
            |backup: &Backup| backup.id == packed.source_id() && backup.compression == Compression::None;
        let older = self.inventory.backups.iter().skip(1);
        let slot = older.filter(|(_, backup)| is_source(backup)).map(|(slot, _)| *slot).next();
        let Some(slot) = slot else { return Ok(false) };
        let (plain, temporary) = (self.names.backup(slot), self.names.pack_temporary());
        let target = self.names.backup_as(slot, packed.compression);
        let of = |meta: Meta| (meta.id, meta.bytes, meta.modified);
        if self.look(&plain)?.map(of) != Some(of(packed.source)) {
            self.survey_slot(slot)?;
            return Ok(false);
        }
        if self.look(&temporary)?.is_none_or(|meta| meta.id != made.id) {
            // Others removed it.
            return Ok(false);
        }
        self.fs
            .rename(&temporary, &target)
            .map_err(|error| Failure::between(Op::Rename, &temporary, &target, error))?;
        self.temporary = None;
        self.inventory.twins.insert((slot, packed.compression), made.bytes);
        self.unlink_gone(&plain)?;
        self.inventory.twins.remove(&(slot, packed.compression));
        let backup = Backup {
            bytes: made.bytes,
            modified: packed.source.modified,
            id: made.id,
            compression: packed.compression,
        };
        self.inventory.backups.insert(slot, backup);
        Ok(true)
    }

    /// Removes what stands under the name of the temporary.
    pub(crate) fn drop_temporary(&mut self) -> Result<(), Failure> {
        if self.temporary.is_some() {
            self.unlink_gone(&self.names.pack_temporary())?;
            self.temporary = None;
        }
        Ok(())
    }

    /// Removes compressed forms whose plain file stands: the plain one is whole, as it goes last.
    pub(crate) fn drop_twins(&mut self) -> Result<(), Failure> {
        while let Some((slot, compression)) = self.inventory.twins.keys().next().copied() {
            let plain = self.names.backup(slot);
            if self.look(&plain)?.is_none() {
                // Others removed it: the twin is the backup.
                self.survey_slot(slot)?;
            } else {
                self.unlink_gone(&self.names.backup_as(slot, compression))?;
            }
            self.inventory.twins.remove(&(slot, compression));
        }
        Ok(())
    }

    /// Removes a name; gone already is as good, if a look says so too.
    fn unlink_gone(&self, path: &std::path::Path) -> Result<(), Failure> {
        match self.fs.unlink(path) {
            Ok(()) => Ok(()),
            Err(OsError::ENOENT) if self.look(path)?.is_none() => Ok(()),
            Err(error) => Err(Failure::new(Op::Unlink, path, error)),
        }
    }
}

/// Whether the order that it belongs to was dropped, and its outcome will never come.
pub(crate) fn is_lost(allowance: &Arc<crate::effect::pack::Allowance>) -> bool {
    Arc::strong_count(allowance) == 1
}
