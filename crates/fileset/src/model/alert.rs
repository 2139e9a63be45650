//! What the engine tells its owner: the beginnings and ends of trouble, and remarks. It prints nothing; the owner
//! prints, calls hooks and writes notices.

use std::fmt;
use std::path::PathBuf;

use super::error::Failure;
use super::removal::Reason;
use super::slot::Slot;
use super::time::Wall;

/// A kind of trouble. At most one episode of each kind is open at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Trouble {
    /// A rotation can't be finished; records go on to the file that is open.
    Rotation,
    /// The file can't be written; records wait.
    Write,
    /// The disk is full or its free-space floor is reached; records wait.
    NoSpace,
    /// The set is at its budget and nothing is left to prune; records wait.
    BudgetFull,
    /// The set is near its budget and nothing is left to prune.
    BudgetWarning,
    /// A backup can be neither moved nor removed; the set skips it.
    Prune,
    /// Pruning frees no space, because readers or other hard links hold the files.
    PruneInVain,
    /// The live file was moved, deleted or replaced, and can't be reopened.
    Reopen,
    /// The path leads to another directory than the one in use, and that one can't be entered.
    Directory,
    /// The lock of the set was lost; nothing is renamed or removed until it is taken again.
    Lock,
    /// `fdatasync` or the sync of a directory failed.
    Sync,
    /// A backup can't be compressed.
    Packing,
    /// The link to the live file can't be made.
    Link,
    /// A backup's number is taken by something that is not a regular file.
    ForeignSlot,
    /// The queue is not the one that was asked for.
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

    /// Returns the word for this kind in alert files and notices.
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

/// One end of an episode of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Edge {
    /// The episode began.
    Raised,
    /// The episode is over.
    Cleared,
}

/// The beginning or the end of an episode of trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Alert {
    /// The kind of trouble.
    pub trouble: Trouble,
    /// Whether the episode began or ended.
    pub edge: Edge,
    /// The live file of the log that is in trouble.
    pub log: PathBuf,
    /// The operation that failed, or `None` if no operation did (at a full budget, for example).
    pub failure: Option<Failure>,
    /// What it means, in one sentence.
    pub detail: String,
    /// The number of attempts made before it was raised.
    pub attempts: u32,
    /// When the episode began.
    pub since: Wall,
    /// When it began or ended, as `edge` says.
    pub at: Wall,
}

impl Alert {
    /// Creates the beginning of an episode. For the sister package, whose other outputs have alerts too.
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

    /// Returns the end of this episode.
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
    /// The new backup, or `None` if the content was discarded because `backup_count` is 0.
    pub backup: Option<PathBuf>,
    /// The slot of the new backup.
    pub slot: Option<Slot>,
    /// The size of the new backup in bytes.
    pub bytes: u64,
}

/// Something that the owner of the engine should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An episode of trouble began or ended.
    Alert(Alert),
    /// The last line of the live file had no newline, because a process was killed while it wrote. The line was ended.
    TailEnded {
        /// The live file.
        path: PathBuf,
    },
    /// Files that existed before the first start count as this log's own from now on.
    Adopted {
        /// The number of files.
        files: usize,
        /// Their size in bytes.
        bytes: u64,
        /// Their names, the live file's first; at most ten.
        names: Vec<String>,
    },
    /// A file of the set was removed.
    Removed {
        /// The path that the file had.
        path: PathBuf,
        /// The slot of the backup, or `None` for the live file.
        slot: Option<Slot>,
        /// The size of the file in bytes.
        bytes: u64,
        /// Why the file was removed.
        reason: Reason,
        /// Whether the file was longer than `max_bytes`, because a rotation had been overdue.
        overlong: bool,
    },
    /// A rotation was finished.
    Rotated(Rotated),
    /// This file system can't do something, and the set does without it from now on.
    DoneWithout(Failure),
    /// NUL bytes at the end of the live file, left by a power cut, were cut off.
    NulsCut {
        /// The live file.
        path: PathBuf,
        /// The number of NUL bytes.
        bytes: u64,
    },
    /// The live file found at the start has other hard links. It was rotated away, and nothing was written to it.
    LinkedLeft {
        /// The file.
        path: PathBuf,
    },
    /// The path leads to another directory than before, and the set has entered that one.
    Entered {
        /// The directory.
        path: PathBuf,
    },
    /// A record could not be finished, and a fragment of it was left at the end of a file.
    FragmentLeft {
        /// The file.
        path: PathBuf,
        /// The bytes of the record that the file holds.
        bytes: u64,
    },
    /// A record was given up, because no file may become that long (a file size limit). Reported once for each limit;
    /// [`Counters::records_refused`](crate::engine::Counters::records_refused) counts them all.
    RecordRefused {
        /// The file.
        path: PathBuf,
        /// The longest that a file may become, in bytes.
        limit_bytes: u64,
    },
    /// Others had moved or deleted the live file, and it was reopened.
    Reopened {
        /// The live file.
        path: PathBuf,
    },
    /// The alert file could not be written. The owner should report the alert elsewhere.
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
