//! Finds out what became of a write that was under way when the last process died.

use super::machine::Engine;
use super::witness::{Resumed, Unfinished};
use crate::effect::execute::{OpenFile, Place, Stage};
use crate::effect::fs::{Follow, Fs as _};
use crate::model::batch::Batch;
use crate::model::compression::Compression;
use crate::model::inventory::{FileId, FileKind};
use crate::model::slot::Slot;

/// Bytes of a file that are compared at a time.
const COMPARED_AT_ONCE: usize = 64 * 1024;

impl Engine {
    /// Returns what became of the write that was passed to [`open_resuming`](Self::open_resuming).
    #[must_use]
    pub fn resumed(&self) -> Option<Resumed> {
        self.resumed
    }
}

impl Stage {
    /// Returns whether an empty file stands under the hidden name.
    pub(crate) fn is_empty_and_hidden(&self, id: FileId) -> bool {
        self.site.fs.stat(&self.site.hidden_file()).is_ok_and(|meta| meta.id == id && meta.bytes == 0)
    }

    /// Finds the file of an unfinished write under the live name, the hidden one or a backup's, and advances the batch
    /// by what is there. Runs before the tail of anything is repaired.
    pub(crate) fn resume(&mut self, unfinished: Unfinished, batch: &mut Batch) -> Resumed {
        if self.current.as_ref().is_some_and(|current| current.id == unfinished.file && !current.special) {
            let Some(current) = &mut self.current else { return Resumed::Missing };
            let resumed = compare(current, unfinished, batch);
            if batch.partial() > 0 {
                current.torn = false;
            }
            return resumed;
        }
        let Some((slot, mut file)) = self.find(unfinished.file) else { return Resumed::Missing };
        let resumed = compare(&mut file, unfinished, batch);
        if batch.partial() > 0 {
            // The record is finished there, and then the live file is opened.
            if let Some(slot) = slot {
                self.picture.inventory.backups.remove(&slot);
            }
            self.picture.inventory.standing_live = self.current.take().map(|live| live.bytes);
            self.current = Some(file);
        }
        resumed
    }

    /// Opens the file with this identity, and returns its slot if it is a backup.
    fn find(&self, id: FileId) -> Option<(Option<Slot>, OpenFile)> {
        let others = [(None, self.site.live_file()), (None, self.site.hidden_file())];
        let plain = |slot: &Slot| self.site.backup(*slot, Compression::None);
        let backups = self.backups().keys().map(|slot| (Some(*slot), plain(slot)));
        let (slot, at) = others.into_iter().chain(backups).find(|(_, at)| {
            self.site.fs.stat(at).is_ok_and(|meta| meta.id == id && meta.kind == FileKind::File)
        })?;
        let file = self.site.fs.open(&at, Follow::No).ok()?;
        let meta = file.stat().ok().filter(|meta| meta.id == id)?;
        Some((slot, OpenFile::new(file, meta, Place::Moved)))
    }
}

/// Returns whether a file holds the bytes `wanted` from `offset` on.
fn stands_there(file: &OpenFile, mut offset: u64, mut wanted: &[u8]) -> bool {
    let mut there = vec![0; wanted.len().min(COMPARED_AT_ONCE)];
    while !wanted.is_empty() {
        let most = there.len().min(wanted.len());
        match file.file.read_at(offset, &mut there[..most]) {
            Ok(read) if read > 0 && there[..read] == wanted[..read] => {
                (offset, wanted) = (offset + read as u64, &wanted[read..]);
            }
            _ => return false,
        }
    }
    true
}

/// Compares what follows the beginning of the write with what was to be written.
fn compare(file: &mut OpenFile, unfinished: Unfinished, batch: &mut Batch) -> Resumed {
    let Some(there) = file.bytes.checked_sub(unfinished.start) else { return Resumed::Different };
    let wanted = batch.unwritten();
    let there = usize::try_from(there).unwrap_or(usize::MAX);
    let count = there.min(wanted.len());
    if !stands_there(file, unfinished.start, &wanted[..count]) {
        return Resumed::Different;
    }
    // Others may have written behind the end of ours. Then the last record is there whole.
    batch.advance(count);
    file.partial = batch.partial() as u64;
    Resumed::Found(count)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sim::SimDisk;

    #[test]
    fn a_file_that_others_cut_after_it_was_looked_at_holds_less() {
        let disk = SimDisk::new();
        disk.put("/app.log", "one");
        let root = disk.fs().open_dir(Path::new("/")).unwrap();
        let file = disk.fs().open(&root.at("app.log"), Follow::No).unwrap();
        let meta = file.stat().unwrap();
        let file = OpenFile::new(file, meta, Place::Live);
        assert!(stands_there(&file, 0, b"one") && stands_there(&file, 1, b"ne"));
        assert!(!stands_there(&file, 0, b"one more") && !stands_there(&file, 1, b"o"));
        disk.ext_truncate("/app.log", 0).unwrap();
        assert!(!stands_there(&file, 0, b"one"));
    }
}
