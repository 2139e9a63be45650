//! Decides which backup is compressed next. `engine::compression` decides when, and by whom.

use std::collections::BTreeSet;

use crate::model::compression::Compression;
use crate::model::inventory::{FileId, Inventory};
use crate::model::slot::Slot;

/// Returns the newest uncompressed backup except the newest of all, which tailers may still be reading. Its compressed
/// form, at worst as long as itself, must fit into `room`. Skips backups that compressing doesn't make smaller.
///
/// ```
/// use std::collections::BTreeSet;
/// use tracing_spool_fileset::internal::inventory::{Backup, Inventory};
/// use tracing_spool_fileset::{Slot, internal::compression::next};
/// let mut inventory = Inventory::default();
/// inventory.backups.insert(Slot::Number(1), Backup { bytes: 10, ..Backup::default() });
/// assert_eq!(next(&inventory, 100, &BTreeSet::new()), None);
/// inventory.backups.insert(Slot::Number(2), Backup { bytes: 10, ..Backup::default() });
/// assert_eq!(next(&inventory, 100, &BTreeSet::new()), Some(Slot::Number(2)));
/// assert_eq!(next(&inventory, 9, &BTreeSet::new()), None);
/// ```
#[must_use]
pub fn next(inventory: &Inventory, room: u64, incompressible: &BTreeSet<FileId>) -> Option<Slot> {
    let older = inventory.backups.iter().skip(1);
    // If something else has the number too, a second form has no place.
    let is_foreign = |slot: &Slot| slot.number().is_some_and(|number| inventory.foreign.contains(&number));
    // What can't be moved can't be replaced by its compressed form.
    let is_left_out = |slot: &Slot| is_foreign(slot) || inventory.immovable.contains(slot);
    let mut plain =
        older.filter(|(slot, backup)| backup.compression == Compression::None && !is_left_out(slot));
    plain
        .find(|(_, backup)| backup.bytes > 0 && backup.bytes <= room && !incompressible.contains(&backup.id))
        .map(|(slot, _)| *slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::Backup;

    #[test]
    fn the_newest_but_one_that_is_plain_and_fits_and_is_worth_it() {
        let mut inventory = Inventory::default();
        let backup = |number: u32, bytes, compression| {
            let id = FileId { device: 1, inode: u64::from(number) };
            (Slot::Number(number), Backup { bytes, id, compression, ..Backup::default() })
        };
        inventory.backups.extend([
            backup(1, 5, Compression::None),
            backup(2, 5, Compression::Gzip),
            backup(3, 50, Compression::None),
            backup(4, 6, Compression::None),
            backup(5, 0, Compression::None),
        ]);
        let next = |room, not: Option<u64>| {
            let passed: BTreeSet<FileId> = not.map(|inode| FileId { device: 1, inode }).into_iter().collect();
            next(&inventory, room, &passed).and_then(Slot::number)
        };
        assert_eq!(next(100, None), Some(3));
        assert_eq!(next(49, None), Some(4));
        assert_eq!(next(100, Some(3)), Some(4));
        assert_eq!(next(5, None), None);
        let foreign = Inventory { foreign: [3].into(), ..inventory.clone() };
        assert_eq!(super::next(&foreign, 100, &BTreeSet::new()), Some(Slot::Number(4)));
    }
}
