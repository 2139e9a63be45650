//! What a spool says about itself when asked: numbers and health. It counts nothing.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use tracing_spool_fileset::{Alert, BlockReason, Counters, Wall};

use crate::account::ledger::Dropped;

/// Numbers of one spool, since it was opened.
///
/// `offered = written + dropped.total() + queue.records` at every reading; each is exact when no record is on its
/// way. Lines that the spool writes about itself (notices) are not counted here.
///
/// ```no_run
/// # let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
/// let stats = guard.handle().stats();
/// assert_eq!(stats.offered, stats.written + stats.dropped.total() + stats.queue.records);
/// # Ok::<(), tracing_spool::OpenError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Records that callers handed over.
    pub offered: u64,
    /// Records of which every byte is in a file.
    pub written: u64,
    /// Records that are in no file.
    pub dropped: Dropped,
    /// Records that were longer than `max_record_bytes` and were cut.
    pub cut: u64,
    /// What waits.
    pub queue: QueueStats,
    /// What the file set did.
    pub files: Counters,
    /// How large it is.
    pub sizes: Sizes,
    /// Panics caught on the writer thread, those of the alert hook included.
    pub panics: u64,
    /// Lines that stderr could not take at once, and that were therefore not said.
    pub stderr_lines_skipped: u64,
    /// When the writer thread last wrote to the file.
    pub last_write: Option<Wall>,
    /// When it last finished a rotation.
    pub last_rotation: Option<Wall>,
}

/// The queue of a spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct QueueStats {
    /// Records accepted and not yet written.
    pub records: u64,
    /// What those count for in the queue's bound, in bytes.
    pub bytes: u64,
    /// The most records that have waited at once.
    pub peak_records: u64,
    /// The most bytes that have waited at once.
    pub peak_bytes: u64,
    /// Records that may wait: `queue_records`.
    pub max_records: u64,
    /// Bytes that may wait: `queue_bytes`.
    pub max_bytes: u64,
}

/// The size of a spool's files, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Sizes {
    /// The live file.
    pub live_bytes: u64,
    /// The live file and all its backups.
    pub total_bytes: u64,
    /// What these may have: `max_total_bytes`.
    pub max_total_bytes: u64,
}

impl QueueStats {
    /// How full the queue is, from 0 to 1: records or bytes, whichever is nearer to its bound.
    ///
    /// ```
    /// let mut queue = tracing_spool::Stats::default().queue;
    /// (queue.records, queue.max_records) = (80, 100);
    /// (queue.bytes, queue.max_bytes) = (1_000, 10_000);
    /// assert_eq!(queue.fill(), 0.8);
    /// ```
    #[must_use]
    pub fn fill(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        share(self.records, self.max_records).max(share(self.bytes, self.max_bytes))
    }
}

/// In which state a spool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Condition {
    /// Records are written.
    #[default]
    Writing,
    /// Records are written, to a file that should have been rotated: the rotation waits to be tried again.
    Overdue,
    /// Records wait in the queue.
    Blocked(BlockReason),
    /// Records wait in the queue, because a stream or a writer takes none: its reader has slept for a second, or it answers with
    /// errors.
    Stalled,
    /// The spool was shut down.
    Closed,
    /// This is a forked child of the process that opened the spool: records are counted and not written.
    Forked,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Writing => "writing",
            Self::Overdue => "rotation overdue",
            Self::Blocked(BlockReason::Budget) => "blocked: disk budget",
            Self::Blocked(_) => "blocked: disk",
            Self::Stalled => "stalled",
            Self::Closed => "closed",
            Self::Forked => "in a forked child",
        })
    }
}

/// Code of the program's that threads of a spool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Hook {
    /// [`SpoolBuilder::on_alert`](crate::SpoolBuilder::on_alert).
    Alert,
    /// [`SpoolBuilder::on_rotate`](crate::SpoolBuilder::on_rotate).
    Rotate,
    /// [`SpoolBuilder::on_thread_start`](crate::SpoolBuilder::on_thread_start).
    ThreadStart,
}

impl Hook {
    pub(crate) const ALL: [Self; 3] = [Self::Alert, Self::Rotate, Self::ThreadStart];

    /// The name of its setter.
    ///
    /// ```
    /// assert_eq!(tracing_spool::Hook::Alert.as_str(), "on_alert");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "on_alert",
            Self::Rotate => "on_rotate",
            Self::ThreadStart => "on_thread_start",
        }
    }
}

/// A hook that has not returned for more than [`SLOW_HOOK`](crate::SLOW_HOOK): the thread that called it does nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SlowHook {
    /// Which one.
    pub hook: Hook,
    /// How long it has been running.
    pub time: Duration,
}

/// The state of a spool, and the trouble that is open.
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
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Health {
    /// In which state it is.
    pub condition: Condition,
    /// Trouble that has been raised and not yet cleared.
    pub alerts: Vec<Alert>,
    /// Since when records wait, as long as the spool is blocked.
    pub blocked_since: Option<Wall>,
    /// The alert that was raised last, over or not.
    pub last_alert: Option<Alert>,
    /// The hook that keeps a thread of the spool, as long as it does.
    pub slow_hook: Option<SlowHook>,
}

impl Health {
    /// Whether records are written, no trouble is open, and no hook keeps a thread of the spool.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.condition == Condition::Writing && self.alerts.is_empty() && self.slow_hook.is_none()
    }
}
