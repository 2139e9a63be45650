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

/// Only the owner may read a compressed form before it has the attributes of its plain file.
const TEMPORARY_MODE: u32 = 0o600;

/// What came of putting a compressed form in the place of its backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Done,
    /// The backup has gone meanwhile, or has become the newest.
    Gone,
    /// Somebody else is at it, or at its compressed form.
    Changed,
}

impl Stage {
    /// Opens a backup and the temporary that is to become its compressed form. None: the backup is not there any more.
    pub(crate) fn open_pack(
        &mut self,
        slot: Slot,
        compression: Compression,
    ) -> Result<Option<PackOrder>, Failure> {
        // Where the lock was lost, another process may be making the same temporary.
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
        // From here on it counts, at its worst.
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

    /// Puts the finished temporary in the place of its backup, wherever that stands now: first the name, then the plain
    /// file goes. Their order is kept by the file system, which writes the names of one directory in order.
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

    /// Removes compressed forms whose plain file stands: the plain one is whole, as it goes last.
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
        // Others removed the plain file, and the twin is the backup; or others have put a file in its place.
        self.picture.survey_slot(self.site.ground(), slot)?;
        Ok(())
    }
}

/// Whether the order that it belongs to was dropped, and its outcome will never come.
pub(crate) fn is_lost(allowance: &Arc<Allowance>) -> bool {
    Arc::strong_count(allowance) == 1
}
