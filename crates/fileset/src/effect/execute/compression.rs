//! The names and files of a compression: its beginning, its end, and what it may leave behind. `effect::compress` does
//! the work in between, on any thread.

use std::sync::Arc;

use super::attributes::Attributes;
use super::stage::Stage;
use super::survey::Picture;
use crate::effect::compress::{Allowance, PackOrder, Packed};
use crate::effect::fs::Fs as _;
use crate::effect::site::unlink_gone;
use crate::model::compression::Compression;
use crate::model::error::{Failure, Op};
use crate::model::inventory::{Backup, FileKind, Meta};
use crate::model::slot::Slot;

/// Only the owner may read a compressed file before it has the attributes of its plain file.
const TEMPORARY_MODE: u32 = 0o600;

/// The result of putting a compressed file in the place of its backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Done,
    /// The backup is gone, or has become the newest.
    Gone,
    /// Somebody else has touched the backup or its compressed file.
    Changed,
}

impl Stage {
    /// Opens a backup and the temporary that will become its compressed form. Returns `None` if the backup is gone.
    pub(crate) fn open_pack(
        &mut self,
        slot: Slot,
        compression: Compression,
    ) -> Result<Option<PackOrder>, Failure> {
        // If the lock was lost, another process may be writing the same temporary.
        self.site.hold()?;
        self.picture.survey_slot(self.site.ground(), slot)?;
        if self.plain(slot).is_none() {
            return Ok(None);
        }
        let at = self.site.backup(slot, Compression::None);
        let source =
            self.site.fs.open_to_read(&at).map_err(|error| Failure::new(Op::Open, at.path(), error))?;
        let meta = source.stat().map_err(|error| Failure::new(Op::Stat, at.path(), error))?;
        if meta.kind != FileKind::File || self.plain(slot).is_none_or(|backup| backup.id != meta.id) {
            return Ok(None);
        }
        let temporary = self.site.pack_temporary();
        let mut file = self
            .site
            .fs
            .create(&temporary, TEMPORARY_MODE)
            .map_err(|error| Failure::new(Op::Create, temporary.path(), error))?;
        let attributes = Attributes::of_copy(&meta, self.site.fs.user());
        attributes.give_user(file.as_mut());
        // From here on it counts with its worst size.
        self.picture.temporary = Some(meta.bytes);
        Ok(Some(PackOrder {
            source,
            source_path: at.path(),
            attributes,
            meta,
            temporary: file,
            temporary_path: temporary.path(),
            compression,
            allowance: PackOrder::allowance_for(meta.bytes),
        }))
    }

    fn plain(&self, slot: Slot) -> Option<Backup> {
        let backup = self.picture.inventory.backups.get(&slot).copied();
        backup.filter(|backup| backup.compression == Compression::None)
    }

    /// Puts the finished temporary in the place of its backup, wherever that is now: first it gets its name, then the
    /// plain file is removed. The file system keeps that order, as it writes the names of a directory in order.
    pub(crate) fn place_packed(&mut self, packed: &Packed, made: &Meta) -> Result<Placed, Failure> {
        let is_source =
            |backup: &Backup| backup.id == packed.source_id() && backup.compression == Compression::None;
        let older = self.picture.inventory.backups.iter().skip(1);
        let slot = older.filter(|(_, backup)| is_source(backup)).map(|(slot, _)| *slot).next();
        let Some(slot) = slot else { return Ok(Placed::Gone) };
        self.site.hold()?;
        let (plain, temporary) = (self.site.backup(slot, Compression::None), self.site.pack_temporary());
        let target = self.site.backup(slot, packed.compression);
        let of = |meta: Meta| (meta.id, meta.bytes, meta.modified);
        if self.site.look(&plain)?.map(of) != Some(of(packed.source)) {
            self.picture.survey_slot(self.site.ground(), slot)?;
            return Ok(Placed::Changed);
        }
        if self.site.look(&temporary)?.is_none_or(|meta| meta.id != made.id) {
            // Others removed it.
            return Ok(Placed::Changed);
        }
        self.site
            .rename(&temporary, &target)
            .map_err(|error| Failure::between(Op::Rename, temporary.path(), target.path(), error))?;
        self.picture.temporary = None;
        let backup = Backup {
            bytes: made.bytes,
            modified: packed.source.modified,
            id: made.id,
            compression: packed.compression,
        };
        self.picture.inventory.twins.insert((slot, packed.compression), backup);
        unlink_gone(&self.site.fs, &plain)?;
        self.picture.inventory.twins.remove(&(slot, packed.compression));
        self.picture.inventory.backups.insert(slot, backup);
        Ok(Placed::Done)
    }

    /// Removes what stands under the name of the temporary.
    pub(crate) fn drop_temporary(&mut self) -> Result<(), Failure> {
        if self.picture.temporary.is_some() {
            self.site.hold()?;
            unlink_gone(&self.site.fs, &self.site.pack_temporary())?;
            self.picture.temporary = None;
        }
        Ok(())
    }

    /// Removes compressed files whose plain file exists: the plain one is removed last, so it is whole.
    pub(crate) fn drop_twins(&mut self) -> Result<(), Failure> {
        let Picture { inventory, .. } = &self.picture;
        let movable = inventory.twins.iter().filter(|((slot, _), _)| !inventory.immovable.contains(slot));
        for ((slot, compression), twin) in movable.map(|(key, twin)| (*key, *twin)).collect::<Vec<_>>() {
            self.drop_twin(slot, compression, twin)?;
            self.picture.inventory.twins.remove(&(slot, compression));
        }
        Ok(())
    }

    fn drop_twin(&mut self, slot: Slot, compression: Compression, twin: Backup) -> Result<(), Failure> {
        self.site.hold()?;
        let at = self.site.backup(slot, compression);
        let plain = self.site.look(&self.site.backup(slot, Compression::None))?;
        if plain.is_some() && self.site.look(&at)?.is_some_and(|meta| meta.id == twin.id) {
            return unlink_gone(&self.site.fs, &at);
        }
        // Others removed the plain file, so the twin is the backup, or they put another file in its place.
        self.picture.survey_slot(self.site.ground(), slot)?;
        Ok(())
    }
}

/// Whether the order that it belongs to was dropped, so that its result never comes.
pub(crate) fn is_lost(allowance: &Arc<Allowance>) -> bool {
    Arc::strong_count(allowance) == 1
}
