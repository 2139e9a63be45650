//! What stands in the directory under our names, as last seen. It is a picture; `policy` decides by it, and `effect`
//! keeps it true.

use std::collections::{BTreeMap, BTreeSet};

use super::compression::Compression;
use super::slot::{Slot, Stamp};
use super::time::Wall;

/// The identity of a file. Two names with the same identity are the same file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The device number.
    pub device: u64,
    /// The inode number.
    pub inode: u64,
}

/// What kind of file a name stands for.
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

/// What `stat` reports about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The identity of the file.
    pub id: FileId,
    /// The kind of the file.
    pub kind: FileKind,
    /// The size in bytes (`st_size`).
    pub bytes: u64,
    /// The number of hard links.
    pub links: u64,
    /// The number of the user that owns the file.
    pub owner: u32,
    /// The number of its group.
    pub group: u32,
    /// The permission bits.
    pub mode: u32,
    /// The bytes that the file takes on the disk (`st_blocks`).
    pub allocated: u64,
    /// When the content last changed.
    pub modified: Wall,
}

/// A backup, as last seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    /// The size in bytes.
    pub bytes: u64,
    /// When its last record was written.
    pub modified: Wall,
    /// The identity of the file.
    pub id: FileId,
    /// How the backup is stored.
    pub compression: Compression,
}

impl From<Meta> for Backup {
    /// Creates an uncompressed backup.
    fn from(meta: Meta) -> Self {
        Self { bytes: meta.bytes, modified: meta.modified, id: meta.id, compression: Compression::None }
    }
}

/// The file set without the file that is open for writing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The backups, beginning with the newest.
    pub backups: BTreeMap<Slot, Backup>,
    /// Compressed backups whose plain file still exists; one of the two has to go.
    pub twins: BTreeMap<(Slot, Compression), Backup>,
    /// Backup numbers that are taken by something that is not a regular file.
    pub foreign: BTreeSet<u32>,
    /// Backups that could be neither moved nor removed when that was last tried; they are skipped.
    pub immovable: BTreeSet<Slot>,
    /// The size of a file with the live name that is not the one being written.
    pub standing_live: Option<u64>,
}

impl Inventory {
    /// Returns the bytes of everything in it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let backups = self.backups.values().map(|backup| backup.bytes);
        backups.chain(self.twins.values().map(|twin| twin.bytes)).chain(self.standing_live).sum()
    }

    /// Returns the newest stamp of a backup.
    #[must_use]
    pub fn newest_stamp(&self) -> Option<Stamp> {
        self.backups.keys().next().and_then(|slot| slot.stamp())
    }
}
