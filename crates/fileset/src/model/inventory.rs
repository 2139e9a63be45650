//! What stands in the directory under names of ours, as last seen.
//! It is a picture; `policy` decides with it and `effect` keeps it true.

use std::collections::{BTreeMap, BTreeSet};

use super::compression::Compression;
use super::slot::{Slot, Stamp};
use super::time::Wall;

/// Identity of a file: two names with one identity are one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the file type of its name")]
pub enum FileKind {
    File,
    Directory,
    Symlink,
    Fifo,
    Device,
    Other,
}

/// What `stat` says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Which file.
    pub id: FileId,
    /// Of which kind.
    pub kind: FileKind,
    /// `st_size`.
    pub bytes: u64,
    /// How many names it has.
    pub links: u64,
    /// Who owns it.
    pub owner: u32,
    /// Which group it belongs to.
    pub group: u32,
    /// Its permission bits.
    pub mode: u32,
    /// Bytes that it takes on the disk (`st_blocks`).
    pub allocated: u64,
    /// When its content last changed.
    pub modified: Wall,
}

/// A backup, as last seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    /// Its size.
    pub bytes: u64,
    /// When its last record was written.
    pub modified: Wall,
    /// Which file it is.
    pub id: FileId,
    /// How it is stored.
    pub compression: Compression,
}

impl From<Meta> for Backup {
    /// As it was written.
    fn from(meta: Meta) -> Self {
        Self { bytes: meta.bytes, modified: meta.modified, id: meta.id, compression: Compression::None }
    }
}

/// The file set without the file that is open for writing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The backups, the newest first.
    pub backups: BTreeMap<Slot, Backup>,
    /// Compressed forms whose plain file still stands: one of the two is too much.
    pub twins: BTreeMap<(Slot, Compression), Backup>,
    /// Numbers whose name is held by something that is not a regular file.
    pub foreign: BTreeSet<u32>,
    /// Backups that could be neither moved nor removed when that was last tried: they are stepped over.
    pub immovable: BTreeSet<Slot>,
    /// Size of a live-named file that is not the one being written.
    pub standing_live: Option<u64>,
}

impl Inventory {
    /// Bytes of everything in it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let backups = self.backups.values().map(|backup| backup.bytes);
        backups.chain(self.twins.values().map(|twin| twin.bytes)).chain(self.standing_live).sum()
    }

    /// The newest stamp of a backup.
    #[must_use]
    pub fn newest_stamp(&self) -> Option<Stamp> {
        self.backups.keys().next().and_then(|slot| slot.stamp())
    }
}
