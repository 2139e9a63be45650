//! Decides where a set goes on when the path of its directory leads elsewhere, or nowhere. Opens and locks nothing.

use crate::model::inventory::FileId;

/// Where the path of a directory leads now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// To this directory.
    To(FileId),
    /// Nowhere: it was removed, or moved away.
    Nowhere,
    /// That cannot be told now: no right to look, or an error.
    Unknown,
    /// The root of the process is another one than at start: paths mean something else now.
    OtherRoot,
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// The set is where its path leads, or there is nothing better.
    Stay,
    /// The path leads to another directory, which is entered if its lock is free.
    Enter,
    /// The path leads nowhere: the directory is made anew, and entered.
    Make,
}

/// Decides it for the directory in hand.
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
