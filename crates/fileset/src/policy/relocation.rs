//! Decides where a set goes on when the path of its directory leads elsewhere, or nowhere. Opens and locks nothing.

use crate::model::inventory::FileId;

/// Where the path of a directory leads now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// To this directory.
    To(FileId),
    /// Nowhere: it was removed, or moved away.
    Nowhere,
    /// It can't be told now: no permission to look, or an error.
    Unknown,
    /// The root of the process differs from that at the start, so paths mean something else now.
    OtherRoot,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Stay: the set is where its path leads, or there is nothing better.
    Stay,
    /// Enter the other directory that the path leads to, if its lock is free.
    Enter,
    /// Create the directory that the path leads to, and enter it.
    Make,
}

/// Decides for one directory of the set.
///
/// ```
/// use tracing_spool_fileset::FileId;
/// use tracing_spool_fileset::internal::relocation::{Course, Lead, course};
/// let (ours, other) = (FileId { device: 1, inode: 7 }, FileId { device: 1, inode: 8 });
/// assert_eq!(course(ours, Lead::To(ours)), Course::Stay);
/// assert_eq!(course(ours, Lead::To(other)), Course::Enter);
/// assert_eq!(course(ours, Lead::Nowhere), Course::Make);
/// ```
#[must_use]
pub fn course(ours: FileId, lead: Lead) -> Course {
    match lead {
        Lead::To(there) if there == ours => Course::Stay,
        Lead::To(_) => Course::Enter,
        Lead::Nowhere => Course::Make,
        Lead::Unknown | Lead::OtherRoot => Course::Stay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_told_moves_nobody() {
        for lead in [Lead::Unknown, Lead::OtherRoot] {
            assert_eq!(course(FileId::default(), lead), Course::Stay);
        }
    }
}
