//! The one state machine: a live file, its backups, and what is done when something fails.
//! It never sleeps, starts no thread and prints nothing: `now` comes in, events and the next deadline come out.

mod alarm;
mod append;
mod io_write;
mod job;
mod link;
mod moments;
mod packing;
mod period;
mod reconfigure;
mod start;
mod sync;
mod tailers;
mod watch;
mod witness;

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

pub use self::moments::Moments;

use self::alarm::{Alarms, Context};
use self::append::{Ceiling, Hold};
use self::job::Job;
use self::link::Link;
use self::packing::Packing;
use self::period::Period;
use self::tailers::Tailers;
pub use self::witness::{Resumed, Unfinished, Witness};
use crate::effect::clock::{Clock, SystemClock};
use crate::effect::disk::Disk;
use crate::effect::execute::Stage;
use crate::effect::fs::Fs;
use crate::model::alert::{Alert, Event, Trouble};
use crate::model::batch::Batch;
use crate::model::error::{Failure, OpenError};
use crate::model::settings::{Settings, Sync};
use crate::model::slot::Slot;
use crate::model::time::{Mono, Now};
use crate::policy::backoff::{Backoff, Retry};
use crate::policy::forecast::{Forecast, Limits, forecast};
use crate::policy::{budget, plan};

/// Events that wait to be taken; an owner that never takes them loses the oldest.
const EVENTS_MAX: usize = 256;

/// In which state a [`FileSet`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// A file is open and takes records.
    Writing,
    /// A rotation or a reopening waits to be tried again; records go on to the file that is open.
    Overdue,
    /// No file takes records: they wait with their owner.
    Blocked(BlockReason),
}

/// Why a [`FileSet`] takes no records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BlockReason {
    /// The set is at its budget and nothing more can be removed.
    Budget,
    /// The disk is full, or the free-space floor is reached, or the file cannot be written, or it is gone.
    Disk,
}

/// What a [`FileSet`] has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Counters {
    /// Records of which every byte is in a file.
    pub records_written: u64,
    /// Records given up, because no file may become as long as they are.
    pub records_refused: u64,
    /// Bytes of records.
    pub bytes_written: u64,
    /// Calls of `write(2)` that wrote something.
    pub write_calls: u64,
    /// Rotations finished.
    pub rotations: u64,
    /// Rotations by size that had to wait for `min_rotation_interval`.
    pub rotations_put_off: u64,
    /// Calls that failed: steps, writes, syncs and looks.
    pub failures: u64,
    /// Files removed: above their count, for the budget, for free space, or discarded with `backup_count` 0.
    pub pruned_files: u64,
    /// Their bytes.
    pub pruned_bytes: u64,
    /// Backups compressed.
    pub packed_files: u64,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Records of the batch that are in no file.
    pub records_left: usize,
    /// Whether a fragment of a record had to stay at the end of a file.
    pub fragment_left: bool,
}

/// A live file and its backups: rotated by size, bounded in bytes, repaired by itself.
///
/// Driven with time as a value, as the writer thread of `tracing-spool` does:
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.log");
/// use tracing_spool_fileset::{Batch, Clock, FileSet, Settings, SystemClock};
///
/// let clock = SystemClock::new();
/// let mut set = FileSet::open(Settings::new(&path))?;
/// let mut batch = Batch::default();
/// batch.push(b"hello", &set.settings().rules());
/// assert_eq!(set.append(&mut batch, clock.now()), 1);
/// assert_eq!(std::fs::read(&path)?, b"hello\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Or alone, as an [`io::Write`](std::io::Write) with a clock of its own: one `write` is one record.
#[derive(Debug)]
pub struct FileSet {
    settings: Settings,
    stage: Stage,
    job: Option<Job>,
    hold: Option<Hold>,
    /// Deadlines count as reached, once.
    hurried: bool,
    rotation_wanted: bool,
    /// The record in hand has lost its beginning: the batch starts it anew.
    rewind: bool,
    /// The file was opened anew because a write said that it is gone, and has taken nothing since.
    found_anew: bool,
    /// What is known of a limit on the size of files.
    ceiling: Ceiling,
    period: Period,
    tailers: Tailers,
    watch_at: Mono,
    /// Free bytes of the file system as last asked, less what was written since.
    free_bytes: Option<u64>,
    sync_due: Option<Mono>,
    sync_retry: Retry,
    /// The file before this one was sealed, and no sync has worked since.
    left_sealed: bool,
    prune_retry: Retry,
    /// Backups that could not be removed, passed over until the next probe.
    stuck: BTreeSet<Slot>,
    /// When the oldest backup has been kept long enough.
    expiry_due: Option<Mono>,
    packing: Packing,
    link: Link,
    alarms: Alarms,
    events: VecDeque<Event>,
    counters: Counters,
    moments: Moments,
    dropped: u64,
    /// For use as an `io::Write`: the clock, and the record that was begun.
    clock: Box<dyn Clock>,
    held: Batch,
    process: u32,
    /// What became of the write that was under way at the last death.
    resumed: Option<Resumed>,
}

impl FileSet {
    /// Opens the set on the disk: checks everything first, then takes the lock, finishes what a killed process left,
    /// and brings the set under its limits.
    ///
    /// # Errors
    /// [`OpenError::Unusable`] with every fault of the settings and of what stands at their paths, before anything
    /// is touched; [`OpenError::Locked`] if another process has the log; [`OpenError::Failed`] if an operation
    /// failed although everything had looked well.
    pub fn open(settings: Settings) -> Result<Self, OpenError> {
        Self::open_with(settings, Box::new(Disk::new()), Box::new(SystemClock::new()))
    }

    /// Opens the set on `fs`, with `clock` for its use as an `io::Write`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(settings: Settings, fs: Box<dyn Fs>, clock: Box<dyn Clock>) -> Result<Self, OpenError> {
        start::open(settings, fs, clock, None)
    }

    /// The same, where a write was under way when the last process died: `batch` holds what was being written, and is
    /// advanced by what of it is there ([`resumed`](Self::resumed)). It is then given to [`append`](Self::append)
    /// before any other.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_resuming(
        settings: Settings,
        fs: Box<dyn Fs>,
        clock: Box<dyn Clock>,
        unfinished: Unfinished,
        batch: &mut Batch,
    ) -> Result<Self, OpenError> {
        start::open(settings, fs, clock, Some((unfinished, batch)))
    }

    /// Looks at all that [`open_with`](Self::open_with) looks at before it touches anything, and touches nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for [`OpenError::Failed`].
    ///
    /// ```
    /// use tracing_spool_fileset::{Disk, FileSet, Settings};
    /// assert!(FileSet::check(&Settings::new(""), &Disk::new()).is_err());
    /// ```
    pub fn check(settings: &Settings, fs: &dyn Fs) -> Result<(), OpenError> {
        start::check(&mut settings.clone(), fs).map(drop)
    }

    /// Does what is due: retries, probes, a look at the live file, a sync. Writes no records. Wanted at
    /// [`wake_at`](Self::wake_at).
    pub fn tick(&mut self, now: Now) {
        self.attend(now);
        if (self.rotation_wanted || self.is_period_over(now)) && !self.is_mid_record() {
            self.start_rotation(now);
        }
        self.conclude(now);
    }

    /// When [`tick`](Self::tick), or [`append`](Self::append) with a batch that waits, is wanted next. None: not
    /// before there are records.
    #[must_use]
    pub fn wake_at(&self) -> Option<Mono> {
        let job = self.job.as_ref().filter(|_| !self.is_mid_record()).map(|job| job.due);
        let hold = self.hold.as_ref().map(|hold| hold.until);
        let others = [
            self.period_ends_at(),
            self.tailers.silent_until(),
            self.sync_due,
            self.expiry_due,
            self.packing_due(),
            self.link.due(),
            self.alarms.wake_at(),
        ];
        [job, hold].into_iter().chain(others).flatten().min()
    }

    /// Lets the next `append` or `tick` try at once, one time, what waits for a deadline, and rotate without silence.
    pub fn hurry(&mut self) {
        self.hurried = true;
    }

    /// Asks for a rotation, at the end of the record in hand. An empty live file is not rotated.
    pub fn rotate(&mut self, now: Now) {
        self.rotation_wanted = true;
        self.tick(now);
    }

    /// Looks now whether the live file was moved, deleted or replaced, and opens it anew if so.
    pub fn reopen(&mut self, now: Now) {
        self.watch_at = now.mono;
        self.want_link(now);
        self.hurry();
        self.tick(now);
    }

    /// Records that the owner had to drop so far, for the alert file to say.
    pub fn set_dropped(&mut self, records: u64) {
        self.dropped = records;
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        match (&self.hold, &self.job) {
            (Some(hold), _) => State::Blocked(hold.reason),
            (None, Some(_)) => State::Overdue,
            (None, None) => State::Writing,
        }
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Bytes of the file that takes the records.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.stage.current.as_ref().map_or(0, |file| file.bytes)
    }

    /// Bytes of the whole set: what `max_total_bytes` bounds.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.stage.total_bytes()
    }

    /// The backups and their sizes in bytes, as last seen, the newest first.
    pub fn backups(&self) -> impl Iterator<Item = (Slot, u64)> + '_ {
        self.stage.backups().iter().map(|(slot, backup)| (*slot, backup.bytes))
    }

    /// Raises an alert about what feeds this set: its owner's trouble, told where all trouble is.
    pub fn warn_of_hand_off(&mut self, detail: &str, now: Now) {
        self.raise(Trouble::HandOff, None, detail, 0, now.wall, now);
    }

    /// The settings, with absolute paths.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The live file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.stage.names.live()
    }

    /// What the next rotation would do, which backups would go and why, and which would stay: by what was last seen of
    /// the directory, without touching anything. Displays as a list.
    ///
    /// # Errors
    /// The failure that a rotation would meet because every number is held by something that is not a file of the set.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use std::io::Write as _;
    /// use tracing_spool_fileset::{Clock, FileSet, Settings, SystemClock};
    /// let mut log = FileSet::open(Settings::new(&path))?;
    /// writeln!(log, "hello")?;
    /// let plan = log.plan(SystemClock::new().now())?;
    /// assert_eq!(plan.to_string(), "app.log becomes app.log.1\napp.log.1 (6 bytes) stays\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn plan(&self, now: Now) -> Result<Forecast, Failure> {
        let settings = &self.settings;
        // Not known is no reason to foresee that backups go.
        let free = self.stage.fs.space(self.stage.names.dir()).unwrap_or(u64::MAX);
        let limits = Limits {
            max_bytes: settings.max_bytes,
            max_total_bytes: settings.max_total_bytes,
            max_age: settings.max_age,
            above_floor: budget::above_floor(free, settings.min_free_bytes),
            kept_backups: settings.kept_backups(),
        };
        let log = self.stage.names.base().to_string_lossy().into_owned();
        let inventory = &self.stage.inventory;
        forecast(log, inventory, self.live_bytes(), self.scheme(now), &limits, now.wall)
            .map_err(|plan::NoSlot| self.no_slot())
    }

    /// Takes what there is to say since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// The alerts whose episode is open.
    #[must_use]
    pub fn open_alerts(&self) -> Vec<Alert> {
        self.alarms.open().cloned().collect()
    }

    /// One last `write(2)` for the batch, then the end. No record is left half written where that can be helped. Who
    /// has time for the whole batch calls [`append`](Self::append) before.
    pub fn close(self, batch: &mut Batch, now: Now) -> CloseReport {
        self.close_with(batch, now, None)
    }

    /// As [`close`](Self::close), with a [`Witness`].
    pub fn close_with(
        mut self,
        batch: &mut Batch,
        now: Now,
        witness: Option<&mut dyn Witness>,
    ) -> CloseReport {
        let fragments = self.counters.fragments;
        self.hurry();
        self.append_with(batch, 1, now, witness);
        if self.is_mid_record() {
            self.cut_partial();
        }
        self.stage.drop_next();
        self.stop_packing();
        if matches!(self.settings.sync, Sync::Interval(_)) {
            self.sync(now);
        }
        let report = CloseReport {
            records_left: batch.records() - batch.finished(),
            fragment_left: self.counters.fragments > fragments,
        };
        if report.records_left > 0 {
            self.alarms.restate();
        }
        self.conclude(now);
        report
    }

    /// What every call begins with: deadlines that have passed.
    fn attend(&mut self, now: Now) {
        let hurried = std::mem::take(&mut self.hurried);
        if hurried {
            self.skip_quiet(now);
            self.link.hurry(now.mono);
        }
        self.tailers.end_silence(now);
        self.mind_period(now);
        if let Some(hold) = self.hold.as_mut().filter(|_| hurried) {
            hold.until = now.mono;
        }
        let probing = self.hold.as_ref().is_some_and(|hold| hold.until <= now.mono);
        if probing {
            self.stuck.clear();
            self.alarms.try_again();
        }
        if self.job.as_ref().is_some_and(|job| hurried || probing || job.due <= now.mono) {
            self.alarms.try_again();
            self.run_job(now);
        }
        self.watch(now);
        if self.sync_due.is_some_and(|due| due <= now.mono) {
            self.sync(now);
        }
        if self.expiry_due.is_some_and(|due| due <= now.mono) {
            self.expire(now);
        }
        self.attend_packing(now);
    }

    /// What every call ends with: the link, which no record waits for, warnings and the alert file.
    fn conclude(&mut self, now: Now) {
        self.mind_link(now);
        self.mind_budget(now);
        let context = Context {
            fs: &self.stage.fs,
            names: &self.stage.names,
            settings: &self.settings,
            counters: &self.counters,
            dropped: self.dropped,
            total_bytes: self.stage.total_bytes(),
        };
        if let Some(event) = self.alarms.attend(&context, now) {
            self.say(event);
        }
    }

    fn say(&mut self, event: Event) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn backoff(&self) -> Backoff {
        Backoff {
            retries: self.settings.retry_attempts,
            base_delay: self.settings.retry_base_delay,
            cooldown: self.settings.retry_cooldown,
            cooldown_max: self.settings.retry_cooldown_max,
        }
    }

    /// Whether the file ends in the middle of the record in hand.
    fn is_mid_record(&self) -> bool {
        self.stage.current.as_ref().is_some_and(|file| file.partial > 0)
    }
}
