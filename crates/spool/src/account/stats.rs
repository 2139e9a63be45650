//! What a spool reports when asked: counters and health. It counts nothing itself.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use tracing_spool_fileset::{Alert, BlockReason, Counters, Wall};

use crate::account::ledger::Dropped;

/// Counters of one spool since it was opened.
///
/// `offered = written + dropped.total() + queue.records` holds for every reading. Each number is exact when no record is on
/// its way. Notices, the lines that the spool writes about itself, aren't counted.
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
    /// Records that are in a file completely.
    pub written: u64,
    /// Records that are in no file.
    pub dropped: Dropped,
    /// Records that were cut because they were longer than `max_record_bytes`.
    pub cut: u64,
    /// The queue: how much waits in it, and its bounds.
    pub queue: QueueStats,
    /// Counters of the file set.
    pub files: Counters,
    /// Sizes of the live file and its backups.
    pub sizes: Sizes,
    /// Panics caught on the writer thread, including those of the alert hook.
    pub panics: u64,
    /// Lines for stderr that were skipped because it couldn't take them at once.
    pub stderr_lines_skipped: u64,
    /// When the writer thread last wrote to the file.
    pub last_write: Option<Wall>,
    /// When the writer thread last finished a rotation.
    pub last_rotation: Option<Wall>,
}

/// The queue of a spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct QueueStats {
    /// Records accepted and not yet written.
    pub records: u64,
    /// Bytes that these records count for against `queue_bytes`.
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
    /// Size of the live file.
    pub live_bytes: u64,
    /// Size of the live file and all its backups.
    pub total_bytes: u64,
    /// Upper bound of `total_bytes`: `max_total_bytes`.
    pub max_total_bytes: u64,
}

impl QueueStats {
    /// Returns how full the queue is, from 0 to 1: by records or by bytes, whichever is closer to its bound.
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

/// What a spool is doing with its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Condition {
    /// Records are written.
    #[default]
    Writing,
    /// Records are written, but to a file that should have been rotated: the rotation failed and is waiting to be retried.
    Overdue,
    /// Records wait in the queue, because the disk is full, fails, or the budget is used up.
    Blocked(BlockReason),
    /// A stream or a writer takes no records for a second, a stream returns errors that may pass, or a writer's `flush`
    /// fails.
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

/// A hook: code of the program that threads of a spool call.
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

    /// Returns the name of the hook's setter.
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

/// A hook that hasn't returned for more than [`SLOW_HOOK`](crate::SLOW_HOOK). The thread that called it does nothing else
/// meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SlowHook {
    /// The hook.
    pub hook: Hook,
    /// How long it has been running.
    pub time: Duration,
}

/// The condition of a spool, and its open alerts.
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
    /// What the spool is doing with its records.
    pub condition: Condition,
    /// Alerts that have been raised and not yet cleared.
    pub alerts: Vec<Alert>,
    /// When records began to wait. None unless the spool is blocked or stalled.
    pub blocked_since: Option<Wall>,
    /// The alert raised last, whether or not it has been cleared.
    pub last_alert: Option<Alert>,
    /// The hook that has been keeping a thread of the spool busy for too long, if there is one.
    pub slow_hook: Option<SlowHook>,
}

impl Health {
    /// Returns whether records are written, no alert is open, and no hook keeps a thread of the spool busy.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.condition == Condition::Writing && self.alerts.is_empty() && self.slow_hook.is_none()
    }
}
