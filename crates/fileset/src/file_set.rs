//! The one state machine: a live file, its backups, and what is done when something fails.

use std::time::Duration;

use crate::effect::clock::Clock;
use crate::effect::fs::Fs;
use crate::model::alert::Event;
use crate::model::batch::Batch;
use crate::model::error::OpenError;
use crate::model::settings::Settings;
use crate::model::time::{Mono, Now};

/// In which state a [`FileSet`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// A file is open and takes records.
    Writing,
    /// A rotation waits to be tried again; records go on to the file that is open.
    Overdue,
    /// No file takes records: they wait with their owner.
    Blocked(BlockReason),
}

/// Why a [`FileSet`] takes no records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BlockReason {
    /// The set is at its budget and nothing more can be removed.
    Budget,
    /// The disk is full, or the free-space floor is reached, or the file cannot be written, or it is gone.
    Disk,
}

/// What a [`FileSet`] has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Records of which every byte is in a file.
    pub records_written: u64,
    /// Bytes of records.
    pub bytes_written: u64,
    /// Calls of `write(2)` that wrote something.
    pub write_calls: u64,
    /// Rotations finished.
    pub rotations: u64,
    /// Steps, writes and syncs that failed.
    pub failures: u64,
    /// Backups removed: above their count, for the budget, for free space, or discarded with `backup_count` 0.
    pub pruned_files: u64,
    /// Their bytes.
    pub pruned_bytes: u64,
    /// Unfinished last lines that were ended.
    pub tails_ended: u64,
    /// Records left unfinished at the end of a file.
    pub fragments: u64,
    /// Times that the live file was opened anew because others had moved or deleted it.
    pub reopened: u64,
    /// Alerts raised.
    pub alerts_raised: u64,
}

/// What was left when a [`FileSet`] was closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Records of the batch that are in no file.
    pub records_left: usize,
    /// Whether a fragment of a record had to stay at the end of a file.
    pub fragment_left: bool,
}

/// A live file and its backups.
#[derive(Debug)]
pub struct FileSet {}

impl FileSet {
    /// Opens on the real disk with the system's clock.
    pub fn open(settings: Settings) -> Result<Self, OpenError> {
        let _ = settings;
        todo!()
    }
    /// Opens on `fs`, with `clock` for use as an `io::Write`.
    pub fn open_with(settings: Settings, fs: Box<dyn Fs>, clock: Box<dyn Clock>) -> Result<Self, OpenError> {
        let _ = (settings, fs, clock);
        todo!()
    }
    /// Writes what it can of the batch; returns how many records were finished by this call.
    pub fn append(&mut self, batch: &mut Batch, now: Now) -> usize {
        let _ = (batch, now);
        todo!()
    }
    /// Does what is due: retries, probes, a look at the live file, an interval sync. Writes no records.
    pub fn tick(&mut self, now: Now) {
        let _ = now;
        todo!()
    }
    /// When `tick` (or `append` with a batch that waits) is wanted next; none: not before there are records.
    pub fn wake_at(&self) -> Option<Mono> {
        todo!()
    }
    /// Makes the next `append`/`tick` try at once, one time, what waits for a deadline.
    pub fn hurry(&mut self) {}
    /// Asks for a rotation now, at the end of the record in hand. An empty live file is not rotated.
    pub fn rotate(&mut self, now: Now) {
        let _ = now;
    }
    /// Looks now whether the live file was moved, deleted or replaced, and opens it anew if so.
    pub fn reopen(&mut self, now: Now) {
        let _ = now;
    }
    /// `fdatasync` of the live file, where bytes are unsynced.
    pub fn sync(&mut self, now: Now) {
        let _ = now;
    }
    /// Records that the owner had to drop so far, for the alert file.
    pub fn set_dropped(&mut self, records: u64) {
        let _ = records;
    }
    /// State, counters, sizes.
    pub fn state(&self) -> State {
        todo!()
    }
    pub fn counters(&self) -> Counters {
        todo!()
    }
    /// Bytes of the live file.
    pub fn live_bytes(&self) -> u64 {
        todo!()
    }
    /// Bytes of the whole set.
    pub fn total_bytes(&self) -> u64 {
        todo!()
    }
    pub fn settings(&self) -> &Settings {
        todo!()
    }
    /// Takes what there is to say since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        todo!()
    }
    /// Alerts whose episode is open.
    pub fn open_alerts(&self) -> Vec<crate::model::alert::Alert> {
        todo!()
    }
    /// One last try for the batch, then the end: no record is left half written where that can be helped.
    pub fn close(self, batch: &mut Batch, now: Now) -> CloseReport {
        let _ = (batch, now, Duration::ZERO);
        todo!()
    }
}
