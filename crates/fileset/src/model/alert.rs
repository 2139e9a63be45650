//! What the engine tells its owner: alerts with two edges, and remarks.
//! It says nothing itself; the owner prints, calls hooks and writes notices.

use std::fmt;
use std::path::PathBuf;

use super::error::Failure;
use super::removal::Reason;
use super::slot::Slot;
use super::time::Wall;

/// A kind of trouble. At most one episode of each is open at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Trouble {
    /// A rotation cannot be finished; records go on to the file that is open.
    Rotation,
    /// The file cannot be written; records wait.
    Write,
    /// The disk, or the free-space floor, leaves no room; records wait.
    NoSpace,
    /// The set is at its budget and cannot shrink; records wait.
    BudgetFull,
    /// The set is near its budget and cannot shrink by itself.
    BudgetWarning,
    /// A backup can neither be moved nor removed: it is stepped over.
    Prune,
    /// What is removed frees no space: readers or further links hold it.
    PruneInVain,
    /// The live file was moved, deleted or replaced and cannot be opened anew.
    Reopen,
    /// The path leads to another directory than the one in use, which cannot be entered.
    Directory,
    /// The lock of the set was lost: nothing is renamed or removed until it is had again.
    Lock,
    /// `fdatasync` or a directory sync failed.
    Sync,
    /// A backup cannot be compressed.
    Packing,
    /// The link to the live file cannot be made.
    Link,
    /// A backup's number is held by something that is not a regular file.
    ForeignSlot,
    /// The hand-off is not what was asked for.
    HandOff,
}

impl Trouble {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 15] = [
        Self::Rotation,
        Self::Write,
        Self::NoSpace,
        Self::BudgetFull,
        Self::BudgetWarning,
        Self::Prune,
        Self::PruneInVain,
        Self::Reopen,
        Self::Directory,
        Self::Lock,
        Self::Sync,
        Self::Packing,
        Self::Link,
        Self::ForeignSlot,
        Self::HandOff,
    ];

    /// The word for it in alert files and notices.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotation => "rotation failed",
            Self::Write => "write failed",
            Self::NoSpace => "no space",
            Self::BudgetFull => "budget full",
            Self::BudgetWarning => "budget nearly full",
            Self::Prune => "backup cannot be moved or removed",
            Self::PruneInVain => "removed backups free nothing",
            Self::Reopen => "reopen failed",
            Self::Directory => "directory replaced",
            Self::Lock => "lock lost",
            Self::Sync => "sync failed",
            Self::Packing => "backup cannot be compressed",
            Self::Link => "link failed",
            Self::ForeignSlot => "backup name taken",
            Self::HandOff => "hand-off",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which end of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Edge {
    /// It began.
    Raised,
    /// It is over.
    Cleared,
}

/// One edge of one episode of trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Alert {
    /// What kind of trouble.
    pub trouble: Trouble,
    /// Whether it began or ended.
    pub edge: Edge,
    /// The live file of the log it speaks of.
    pub log: PathBuf,
    /// The operation that failed; none where the trouble is not an operation's (a full budget).
    pub failure: Option<Failure>,
    /// What it means, in a sentence.
    pub detail: String,
    /// Calls made before it was raised.
    pub attempts: u32,
    /// When the trouble began.
    pub since: Wall,
    /// When this edge was.
    pub at: Wall,
}

impl Alert {
    /// The beginning of an episode. For the sister package, whose other outputs have alerts too.
    #[doc(hidden)]
    #[must_use]
    pub fn raised(
        trouble: Trouble,
        log: PathBuf,
        failure: Option<Failure>,
        detail: impl Into<String>,
        at: Wall,
    ) -> Self {
        Self { trouble, edge: Edge::Raised, log, failure, detail: detail.into(), attempts: 1, since: at, at }
    }

    /// Its end.
    #[doc(hidden)]
    #[must_use]
    pub fn cleared(self, at: Wall) -> Self {
        Self { edge: Edge::Cleared, at, ..self }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.edge {
            Edge::Raised => write!(f, "{}: {}", self.trouble, self.log.display())?,
            Edge::Cleared => write!(f, "{}: over since {}: {}", self.trouble, self.at, self.log.display())?,
        }
        if let Some(failure) = &self.failure {
            write!(f, ": {failure}")?;
        }
        if self.edge == Edge::Raised && !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// A finished rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotated {
    /// The live file.
    pub log: PathBuf,
    /// The new backup. None: with `backup_count` 0 the content was discarded.
    pub backup: Option<PathBuf>,
    /// Which backup that is.
    pub slot: Option<Slot>,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Something that the owner of the engine should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An edge of an episode of trouble.
    Alert(Alert),
    /// The live file's last line had no newline (a kill in mid-write) and was ended.
    TailEnded {
        /// The file.
        path: PathBuf,
    },
    /// Files that stood there before the first start are this log's own from now on.
    Adopted {
        /// How many.
        files: usize,
        /// Their bytes.
        bytes: u64,
        /// Their names, the live file's first; at most ten.
        names: Vec<String>,
    },
    /// A file of the set was removed.
    Removed {
        /// Where it stood.
        path: PathBuf,
        /// Which backup it was; none: the live file.
        slot: Option<Slot>,
        /// Its size.
        bytes: u64,
        /// Why.
        reason: Reason,
        /// Whether it was longer than `max_bytes`, because a rotation had been overdue.
        overlong: bool,
    },
    /// A rotation was finished.
    Rotated(Rotated),
    /// Something that this file system cannot do, and that is done without from now on.
    DoneWithout(Failure),
    /// NUL bytes at the end of the live file, which a power cut leaves, were cut off.
    NulsCut {
        /// The file.
        path: PathBuf,
        /// How many.
        bytes: u64,
    },
    /// The live file found at start has further hard links: it is rotated away, and nothing was written to it.
    LinkedLeft {
        /// The file.
        path: PathBuf,
    },
    /// The path leads to another directory than before, which the set has entered.
    Entered {
        /// The directory.
        path: PathBuf,
    },
    /// A record that could not be finished was left as a fragment at the end of a file.
    FragmentLeft {
        /// The file.
        path: PathBuf,
        /// Bytes of the record that stand there.
        bytes: u64,
    },
    /// A record was given up, because no file may become as long as it is (a file size limit). Said once for each
    /// limit; [`Counters::records_refused`](crate::engine::Counters::records_refused) counts them all.
    RecordRefused {
        /// The file.
        path: PathBuf,
        /// What a file may hold, in bytes.
        limit_bytes: u64,
    },
    /// The live file had been moved or deleted by others and was opened anew.
    Reopened {
        /// The file.
        path: PathBuf,
    },
    /// The alert file could not be written: the owner should say the alert elsewhere.
    AlertFileFailed(Failure),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_is_among_all() {
        // A new kind does not compile here until it has its place.
        let place = |trouble| match trouble {
            Trouble::Rotation => 0,
            Trouble::Write => 1,
            Trouble::NoSpace => 2,
            Trouble::BudgetFull => 3,
            Trouble::BudgetWarning => 4,
            Trouble::Prune => 5,
            Trouble::PruneInVain => 6,
            Trouble::Reopen => 7,
            Trouble::Directory => 8,
            Trouble::Lock => 9,
            Trouble::Sync => 10,
            Trouble::Packing => 11,
            Trouble::Link => 12,
            Trouble::ForeignSlot => 13,
            Trouble::HandOff => 14,
        };
        assert_eq!(Trouble::ALL.map(place), std::array::from_fn(|place| place));
    }
}
