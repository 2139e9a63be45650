//! What a driver says of itself when it ends in order: one line of JSON.
//! Whether it is true, is `checker`'s matter.

use serde::{Deserialize, Serialize};
use tracing_spool::{ShutdownReport, Stats};

/// The numbers a spool reports about one life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Which life.
    pub life: u32,
    /// Events.
    pub offered: u64,
    /// Events in a file.
    pub written: u64,
    /// Events that are in none.
    pub dropped: u64,
    /// Events that were left in the queue.
    pub left: u64,
    /// Alerts raised.
    pub alerts: u64,
    /// Files removed for a limit.
    pub pruned_files: u64,
    /// Times that a backup was stepped over: their numbers do not tell the order of their age then.
    #[serde(default)]
    pub stepped_over: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Whether the time was over, or half a record stands in a file.
    pub incomplete: bool,
    /// Most and least descriptors that were open, after the start.
    pub descriptors: (u64, u64),
    /// Most and least memory that was resident, in KiB, after the start.
    pub resident_kib: (u64, u64),
}

impl Account {
    /// What a spool says at its end.
    #[must_use]
    pub fn new(life: u32, stats: &Stats, report: &ShutdownReport) -> Self {
        Self {
            life,
            offered: stats.offered,
            written: report.written,
            dropped: report.dropped,
            left: report.left,
            alerts: stats.files.alerts_raised,
            pruned_files: stats.files.pruned_files,
            stepped_over: stats.files.stepped_over,
            failures: stats.files.failures,
            incomplete: !report.is_complete(),
            ..Self::default()
        }
    }
}
