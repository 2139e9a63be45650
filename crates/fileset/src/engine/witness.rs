//! For an owner that outlives its process: told of each write before and after it, so that it can note where its records go;
//! and, at the next start, what became of the write that was under way. It notes nothing itself.

use crate::model::batch::Batch;
use crate::model::inventory::FileId;

/// Is told of writes. Its methods are called between two system calls of the same thread, and must not fail.
pub trait Witness {
    /// The next `bytes` unwritten bytes of the batch, whole records from the one in hand on, are about to be appended to a
    /// file that has `start` bytes.
    fn begins(&mut self, file: FileId, start: u64, batch: &Batch, bytes: usize);

    /// Some bytes were appended; the record that is now in hand begins, or would begin, at `start` of the file.
    fn wrote(&mut self, file: FileId, start: u64, batch: &Batch);
}

/// A write that was under way when a process died: its bytes are the unwritten ones of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Which file.
    pub file: FileId,
    /// Its size before.
    pub start: u64,
}

/// What became of an unfinished write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resumed {
    /// The file was found, with this many of the bytes; the batch has advanced by them. A record that was begun is
    /// finished where it was begun.
    Found(usize),
    /// The file stands under none of our names.
    Missing,
    /// The file was found, and holds something else.
    Different,
}
