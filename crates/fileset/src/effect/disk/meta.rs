//! Translates what the system says about a file into the engine's types. The C types differ between systems; each fits
//! into the wider one here.

use nix::libc::{mode_t, stat as FileStat};
use nix::sys::stat::SFlag;

use crate::model::inventory::{FileId, FileKind, Meta};
use crate::model::time::Wall;

/// The unit of `st_blocks`, whatever the file system's own blocks are.
const BLOCK_BYTES: u64 = 512;

/// Returns the identity of the file.
pub(in crate::effect) fn id_of(stat: &FileStat) -> FileId {
    FileId { device: wide(stat.st_dev), inode: wide(stat.st_ino) }
}

/// Converts everything that `stat` reports.
pub(in crate::effect) fn meta(stat: &FileStat) -> Meta {
    let (seconds, nanos): (i64, i64) = (signed(stat.st_mtime), signed(stat.st_mtime_nsec));
    let micros = seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000);
    Meta {
        id: id_of(stat),
        kind: kind(stat.st_mode),
        bytes: wide(stat.st_size),
        links: wide(stat.st_nlink),
        owner: stat.st_uid,
        group: stat.st_gid,
        mode: bits(stat.st_mode) & 0o7777,
        allocated: wide(stat.st_blocks).saturating_mul(BLOCK_BYTES),
        modified: Wall::from_unix_micros(micros),
    }
}

fn kind(mode: mode_t) -> FileKind {
    let kind = SFlag::from_bits_truncate(mode & SFlag::S_IFMT.bits());
    match kind {
        SFlag::S_IFREG => FileKind::File,
        SFlag::S_IFDIR => FileKind::Directory,
        SFlag::S_IFLNK => FileKind::Symlink,
        SFlag::S_IFIFO => FileKind::Fifo,
        SFlag::S_IFCHR | SFlag::S_IFBLK => FileKind::Device,
        _ => FileKind::Other,
    }
}

fn signed(number: impl Into<i64>) -> i64 {
    number.into()
}

fn bits(mode: impl Into<u32>) -> u32 {
    mode.into()
}

/// A negative number, which none of these is, would become 0.
fn wide(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or_default()
}
