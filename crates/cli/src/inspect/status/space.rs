//! The room on the log's file system, and what else stands in its directory.

use std::fs;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use tracing_spool_fileset::internal::Foresight;

use crate::inspect::log::Log;

/// The most names of a directory that are looked at.
const NAMES_MAX: usize = 100_000;

/// The room on a file system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    /// Bytes that a process without privileges may still use.
    pub(super) free_bytes: u64,
    pub(super) total_bytes: u64,
    pub(super) free_inodes: u64,
    /// 0 if the file system doesn't count them.
    pub(super) total_inodes: u64,
}

/// Returns the room on the file system of a directory.
#[expect(clippy::useless_conversion, reason = "the counts have other types on other systems")]
pub(super) fn space(dir: &Path) -> Option<Space> {
    let told = statvfs(dir).ok()?;
    let unit = u64::from(told.fragment_size());
    Some(Space {
        free_bytes: unit.saturating_mul(told.blocks_available().into()),
        total_bytes: unit.saturating_mul(told.blocks().into()),
        free_inodes: told.files_available().into(),
        total_inodes: told.files().into(),
    })
}

/// Files in the log's directory that aren't the log's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Others {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Others {
    /// Counts the regular files beside the live file. Returns `None` if the directory can't be listed, or is too large.
    pub(super) fn beside(log: &Log, seen: &Foresight) -> Option<Self> {
        let (names, mut others) = (&seen.names, Self::default());
        for (index, entry) in fs::read_dir(names.dir()).ok()?.enumerate() {
            let entry = entry.ok().filter(|_| index < NAMES_MAX)?;
            let path = entry.path();
            let is_alert =
                seen.alert.as_ref() == Some(&path) || log.note.path("ring").as_ref() == Some(&path);
            if is_alert || names.role(&entry.file_name()).is_some() {
                continue;
            }
            if let Some(meta) = entry.metadata().ok().filter(fs::Metadata::is_file) {
                others.files += 1;
                others.bytes = others.bytes.saturating_add(meta.len());
            }
        }
        Some(others)
    }
}
