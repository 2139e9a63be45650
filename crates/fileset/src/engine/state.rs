//! What an engine reports about itself: its state, its counters, and the report at its end.

/// The state of an [`Engine`](crate::Engine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// A file is open and takes records.
    Writing,
    /// A rotation or a reopening waits for its next attempt; records go on to the file that is open.
    Overdue,
    /// No file takes records; they wait with their owner.
    Blocked(BlockReason),
}

/// Why an [`Engine`](crate::Engine) takes no records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BlockReason {
    /// The set is at its budget and nothing is left to prune.
    Budget,
    /// The disk is full, the free-space floor is reached, or the file can't be written or is gone.
    Disk,
}

/// What an [`Engine`](crate::Engine) has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Counters {
    /// Records that are completely in a file.
    pub records_written: u64,
    /// Records that were given up, because no file may become that long.
    pub records_refused: u64,
    /// Bytes of records written.
    pub bytes_written: u64,
    /// Calls of `write(2)` that wrote something.
    pub write_calls: u64,
    /// Rotations finished.
    pub rotations: u64,
    /// Rotations by size that had to wait for `min_rotation_interval`.
    pub rotations_put_off: u64,
    /// Calls that failed: steps, writes, syncs and checks.
    pub failures: u64,
    /// Files removed: above `backup_count`, for the budget, for free space, for their age, or discarded because `backup_count` is 0.
    pub pruned_files: u64,
    /// The bytes of the removed files.
    pub pruned_bytes: u64,
    /// How often a backup was skipped because it could be neither moved nor removed.
    pub stepped_over: u64,
    /// Backups compressed.
    pub packed_files: u64,
    /// Unfinished last lines that were ended.
    pub tails_ended: u64,
    /// Records left unfinished at the end of a file.
    pub fragments: u64,
    /// How often the live file was reopened because others had moved or deleted it.
    pub reopened: u64,
    /// Alerts raised.
    pub alerts_raised: u64,
    /// NUL bytes cut from the end of a live file that was found.
    pub nuls_cut: u64,
    /// Panics of the rotation hook.
    pub hook_panics: u64,
}

/// What was left when an [`Engine`](crate::Engine) was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Records of the batch that are in no file.
    pub records_left: usize,
    /// Whether a fragment of a record had to stay at the end of a file.
    pub fragment_left: bool,
}
