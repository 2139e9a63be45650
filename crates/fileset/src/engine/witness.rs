//! For an owner whose queue outlives the process: it is told of each write before and after it, so that it can note
//! where its records go, and at the next start it is told what became of the write that was under way.

use crate::model::batch::Batch;
use crate::model::inventory::FileId;

/// Is told of each write. The methods run between two system calls on the same thread, and must not fail.
pub trait Witness {
    /// Says that the next `bytes` unwritten bytes of the batch are about to be appended to a file of `start` bytes.
    /// They are whole records, beginning with the current one.
    fn begins(&mut self, file: FileId, start: u64, batch: &Batch, bytes: usize);

    /// Says that some bytes were appended. The record that is current now begins, or would begin, at `start` of the
    /// file.
    fn wrote(&mut self, file: FileId, start: u64, batch: &Batch);
}

/// A write that was under way when a process died. Its bytes are the unwritten ones of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The file that was written.
    pub file: FileId,
    /// The size of the file before the write.
    pub start: u64,
}

/// What became of an unfinished write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resumed {
    /// The file was found, with this many of the bytes, and the batch has advanced by them. A record that was begun is
    /// finished where it was begun.
    Found(usize),
    /// No file under our names is the one that was written.
    Missing,
    /// The file was found, but holds something else.
    Different,
}
