//! What of the write that was under way when a process died stands in a file of its log already.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use tracing_spool::internal::Leftover;
use tracing_spool_fileset::internal::Foresight;
use tracing_spool_fileset::{Batch, FileId, Unfinished};

/// Bytes of a file that are compared at a time.
const COMPARED_AT_ONCE: usize = 64 * 1024;

/// What became of the write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No write was under way, or nothing of it stands there.
    Nothing,
    /// So many records of it stand in the file whole, and perhaps a part of the next one.
    Written { whole: usize, has_part: bool, path: PathBuf },
    /// So many records may stand there.
    Unknown { records: usize },
}

/// Finds the file of the write among those of the log, and advances the batch by what stands there.
pub(super) fn standing(left: &mut Leftover, log: Option<&Foresight>) -> Standing {
    let (unfinished, is_notice) = (left.unfinished(), left.is_notice());
    let batch = left.begun();
    let records = batch.records();
    if records == 0 || is_notice {
        return Standing::Nothing;
    }
    let found = unfinished.and_then(|unfinished| {
        let path = path_of(unfinished.file, log?)?;
        let count = bytes_there(&path, unfinished, batch)?;
        Some((path, count))
    });
    let Some((path, count)) = found else { return Standing::Unknown { records } };
    if count == 0 {
        return Standing::Nothing;
    }
    batch.advance(count);
    Standing::Written { whole: batch.finished(), has_part: batch.partial() > 0, path }
}

fn path_of(id: FileId, log: &Foresight) -> Option<PathBuf> {
    log.files().find(|(_, file)| file.id == id).map(|(path, _)| path)
}

/// Returns how many bytes of the batch stand in the file, or `None` if something else does.
fn bytes_there(path: &Path, unfinished: Unfinished, batch: &Batch) -> Option<usize> {
    let file = File::open(path).ok()?;
    let meta = file.metadata().ok()?;
    if (FileId { device: meta.dev(), inode: meta.ino() }) != unfinished.file {
        return None;
    }
    let there = usize::try_from(meta.len().checked_sub(unfinished.start)?).unwrap_or(usize::MAX);
    let wanted = batch.unwritten();
    let wanted = &wanted[..there.min(wanted.len())];
    let mut offset = unfinished.start;
    for piece in wanted.chunks(COMPARED_AT_ONCE) {
        let mut bytes = vec![0; piece.len()];
        file.read_exact_at(&mut bytes, offset).ok()?;
        if bytes != piece {
            return None;
        }
        offset += piece.len() as u64;
    }
    Some(wanted.len())
}
