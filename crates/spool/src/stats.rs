//! What a spool says about itself when asked: numbers and health. It counts nothing.

use std::fmt;

use tracing_spool_fileset::file_set::BlockReason;
use tracing_spool_fileset::{Alert, Counters};

use crate::ledger::Dropped;

/// Numbers of one spool, since it was opened.
///
/// `offered = written + dropped.total() + queued_records` at every reading; each is exact when no record is on its
/// way. Lines that the spool writes about itself (notices) are not counted here.
///
/// ```no_run
/// # let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
/// let stats = guard.handle().stats();
/// assert_eq!(stats.offered, stats.written + stats.dropped.total() + stats.queued_records);
/// # Ok::<(), tracing_spool::OpenError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Records that callers handed over.
    pub offered: u64,
    /// Records of which every byte is in a file.
    pub written: u64,
    /// Records that are in no file.
    pub dropped: Dropped,
    /// Records accepted and not yet written.
    pub queued_records: u64,
    /// What those count for in the queue's bound, in bytes.
    pub queued_bytes: u64,
    /// Records that were longer than `max_record_bytes` and were cut.
    pub cut: u64,
    /// Panics caught on the writer thread, those of the alert hook included.
    pub panics: u64,
    /// What the file set did.
    pub files: Counters,
    /// Bytes of the live file.
    pub live_bytes: u64,
    /// Bytes of the live file and all its backups.
    pub total_bytes: u64,
}

/// In which state a spool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// Records are written.
    #[default]
    Writing,
    /// Records are written, to a file that should have been rotated: the rotation waits to be tried again.
    Overdue,
    /// Records wait in the queue.
    Blocked(BlockReason),
    /// The spool was shut down.
    Closed,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Writing => "writing",
            Self::Overdue => "rotation overdue",
            Self::Blocked(BlockReason::Budget) => "blocked: disk budget",
            Self::Blocked(_) => "blocked: disk",
            Self::Closed => "closed",
        })
    }
}

/// How a spool does.
///
/// ```no_run
/// # let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
/// let health = guard.handle().health();
/// for alert in &health.alerts {
///     println!("{alert}");
/// }
/// assert!(health.is_well());
/// # Ok::<(), tracing_spool::OpenError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// In which state it is.
    pub condition: Condition,
    /// Trouble that has been raised and not yet cleared.
    pub alerts: Vec<Alert>,
}

impl Health {
    /// Whether records are written and no trouble is open.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.condition == Condition::Writing && self.alerts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_in_words() {
        assert!(Health::default().is_well());
        let closed = Health { condition: Condition::Closed, alerts: Vec::new() };
        assert!(!closed.is_well());
        assert_eq!(closed.condition.to_string(), "closed");
        assert_eq!(Condition::Blocked(BlockReason::Disk).to_string(), "blocked: disk");
    }
}
