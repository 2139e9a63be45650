//! The one state machine: a live file, its backups, and what is done when something fails.
//! It never sleeps, starts no thread and prints nothing: `now` comes in, events and the next deadline come out.

mod adopt;
mod alarm;
mod append;
mod desk;
mod job;
mod link;
mod moments;
mod packing;
mod period;
mod reconfigure;
mod relocation;
mod retention;
mod start;
mod sync;
mod tailers;
mod watch;
mod witness;

use std::path::Path;

pub use self::moments::Moments;
pub use self::witness::{Resumed, Unfinished, Witness};

use self::append::Writing;
use self::desk::{Desk, Turn};
use self::job::Job;
use self::link::Link;
use self::packing::Packing;
use self::period::Period;
use self::relocation::Relocation;
use self::retention::Retention;
use self::sync::Syncing;
use self::tailers::Tailers;
use self::watch::Watch;
use crate::effect::disk::Disk;
use crate::effect::execute::{Place, Stage};
use crate::effect::fs::Fs;
use crate::effect::pack::{PackOrder, Packed};
use crate::model::alert::{Alert, Event, Rotated, Trouble};
use crate::model::batch::Batch;
use crate::model::error::{Failure, OpenError};
use crate::model::settings::{Settings, Sync};
use crate::model::slot::Slot;
use crate::model::time::{Mono, Now};
use crate::policy::forecast::{Forecast, Limits, forecast};
use crate::policy::{budget, plan};

/// In which state an [`Engine`] is.
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

/// Why an [`Engine`] takes no records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BlockReason {
    /// The set is at its budget and nothing more can be removed.
    Budget,
    /// The disk is full, or the free-space floor is reached, or the file cannot be written, or it is gone.
    Disk,
}

/// What an [`Engine`] has done since it was opened.
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
    /// Backups that were stepped over because they could be neither moved nor removed: each time that this was found.
    pub stepped_over: u64,
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
    /// NUL bytes cut from the end of a live file that was found.
    pub nuls_cut: u64,
    /// Panics of the hook of rotations.
    pub hook_panics: u64,
}

/// What was left when an [`Engine`] was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Records of the batch that are in no file.
    pub records_left: usize,
    /// Whether a fragment of a record had to stay at the end of a file.
    pub fragment_left: bool,
}

/// A live file and its backups: rotated by size, bounded in bytes, repaired by itself; driven with time as a value.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.log");
/// use tracing_spool_fileset::{Batch, Clock, Engine, Settings, SystemClock};
///
/// let clock = SystemClock::new();
/// let mut set = Engine::open(Settings::new(&path), clock.now())?;
/// let mut batch = Batch::default();
/// batch.push(b"hello", &set.settings().rules());
/// assert_eq!(set.append(&mut batch, clock.now()), 1);
/// assert_eq!(std::fs::read(&path)?, b"hello\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Whoever wants an [`io::Write`](std::io::Write) takes a [`FileSet`](crate::FileSet).
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    stage: Stage,
    desk: Desk,
    job: Option<Job>,
    writing: Writing,
    syncing: Syncing,
    retention: Retention,
    period: Period,
    tailers: Tailers,
    packing: Packing,
    link: Link,
    watch: Watch,
    relocation: Relocation,
    /// Deadlines count as reached, once.
    hurried: bool,
    rotation_wanted: bool,
    /// What became of the write that was under way at the last death.
    resumed: Option<Resumed>,
}

impl Engine {
    /// Opens the set on the disk: checks everything first, then takes the lock, finishes what a killed process left,
    /// and brings the set under its limits.
    ///
    /// # Errors
    /// [`OpenError::Unusable`] with every fault of the settings and of what stands at their paths, before anything
    /// is touched; [`OpenError::Locked`] if another process has the log; [`OpenError::Failed`] if an operation
    /// failed although everything had looked well.
    pub fn open(settings: Settings, now: Now) -> Result<Self, OpenError> {
        Self::open_on(settings, Box::new(Disk::new()), now)
    }

    /// Opens the set on `fs`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(settings: Settings, fs: Box<dyn Fs>, now: Now) -> Result<Self, OpenError> {
        start::open(settings, fs, now, None)
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
        now: Now,
        unfinished: Unfinished,
        batch: &mut Batch,
    ) -> Result<Self, OpenError> {
        start::open(settings, fs, now, Some((unfinished, batch)))
    }

    /// Looks at all that [`open`](Self::open) looks at before it touches anything, and touches nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for [`OpenError::Failed`].
    ///
    /// ```
    /// use tracing_spool_fileset::{Clock, Disk, Engine, Settings, SystemClock};
    /// let now = SystemClock::new().now();
    /// assert!(Engine::check(&Settings::new(""), &Disk::new(), now).is_err());
    /// ```
    pub fn check(settings: &Settings, fs: &dyn Fs, now: Now) -> Result<(), OpenError> {
        start::check(&mut settings.clone(), fs, now.wall).map(drop)
    }

    /// Does what is due: retries, probes, looks, a sync. Writes no records. Wanted at [`wake_at`](Self::wake_at).
    pub fn tick(&mut self, now: Now) {
        self.attend(now);
        self.forget_idle_wish();
        if self.is_rotation_due(None, now) {
            self.start_rotation(now);
        }
        self.conclude(now);
    }

    /// When [`tick`](Self::tick), or [`append`](Self::append) with a batch that waits, is wanted next: for a deadline, or,
    /// a second after the last look, to see whether others have touched the files.
    #[must_use]
    pub fn wake_at(&self) -> Option<Mono> {
        self.deadline().into_iter().chain([self.watch.idle_due()]).min()
    }

    /// The next deadline of something that waits. None: nothing does.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        let job = self.job.as_ref().filter(|_| !self.is_mid_record()).map(|job| job.due);
        let hold = self.writing.hold.as_ref().map(|hold| hold.until);
        let others = [
            self.period_ends_at(),
            self.tailers.silent_until(),
            self.syncing.due(),
            self.retention.expiry_due(),
            self.retention.hope_due().filter(|_| self.writing.hold.is_none()),
            self.packing.due(),
            self.link.due(),
            self.relocation.due(),
            self.desk.alarms.wake_at(),
        ];
        [job, hold].into_iter().chain(others).flatten().min()
    }

    /// Calls `hook` at the end of each rotation, from inside the call that finishes it. Its panics are caught and counted.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool_fileset::{Clock, Engine, Settings, SystemClock};
    /// let mut set = Engine::open(Settings::new(&path), SystemClock::new().now())?;
    /// set.on_rotate(|rotated| println!("{:?} is new", rotated.backup));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_rotate(&mut self, hook: impl FnMut(&Rotated) + Send + 'static) {
        self.desk.on_rotate(Box::new(hook));
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
        self.watch.hurry(now.mono);
        self.want_link(now);
        self.hurry();
        self.tick(now);
    }

    /// Records that the owner had to drop so far, for the alert file to say.
    pub fn set_dropped(&mut self, records: u64) {
        self.desk.dropped = records;
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        match (&self.writing.hold, &self.job) {
            (Some(hold), _) => State::Blocked(hold.reason),
            (None, Some(_)) => State::Overdue,
            (None, None) => State::Writing,
        }
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.desk.counters
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
        self.turn(now).raise(Trouble::HandOff, None, detail, 0);
    }

    /// Clears that alert.
    pub fn hand_off_is_well(&mut self, now: Now) {
        self.clear(Trouble::HandOff, now);
    }

    /// The settings, with absolute paths.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The live file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.stage.site.names.live()
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
    /// use tracing_spool_fileset::{Batch, Clock, Engine, Settings, SystemClock};
    /// let clock = SystemClock::new();
    /// let mut log = Engine::open(Settings::new(&path), clock.now())?;
    /// let mut batch = Batch::default();
    /// batch.push(b"hello", &log.settings().rules());
    /// log.append(&mut batch, clock.now());
    /// let plan = log.plan(clock.now())?;
    /// assert_eq!(plan.to_string(), "app.log becomes app.log.1\napp.log.1 (6 bytes) stays\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn plan(&self, now: Now) -> Result<Forecast, Failure> {
        let settings = &self.settings;
        // Not known is no reason to foresee that backups go.
        let free = self.stage.space().map_or(u64::MAX, |space| space.available);
        let limits = Limits {
            max_bytes: settings.max_bytes,
            max_total_bytes: settings.max_total_bytes,
            max_age: settings.max_age,
            above_floor: budget::above_floor(free, settings.min_free_bytes),
            kept_backups: settings.kept_backups(),
        };
        let log = self.stage.site.names.base().to_string_lossy().into_owned();
        let inventory = &self.stage.picture.inventory;
        forecast(log, inventory, self.live_bytes(), self.scheme(now), &limits, now.wall)
            .map_err(|plan::NoSlot| self.no_slot())
    }

    /// Takes what there is to say since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.desk.take_events()
    }

    /// The alerts whose episode is open.
    #[must_use]
    pub fn open_alerts(&self) -> Vec<Alert> {
        self.desk.alarms.open().cloned().collect()
    }

    /// One last `write(2)` for the batch, then the end. No record is left half written where that can be helped. Who
    /// has time for the whole batch calls [`append`](Self::append) before.
    pub fn close(mut self, batch: &mut Batch, now: Now) -> CloseReport {
        self.end(batch, now, None)
    }

    /// As [`close`](Self::close), with a [`Witness`], and leaves what there is to ask and to say: the end may still have
    /// rotated and removed. Nothing is written after it.
    pub fn end(&mut self, batch: &mut Batch, now: Now, witness: Option<&mut dyn Witness>) -> CloseReport {
        let fragments = self.desk.counters.fragments;
        self.hurry();
        self.append_with(batch, 1, now, witness);
        if self.is_mid_record() {
            self.cut_partial();
        }
        self.stage.drop_next();
        self.stop_packing(now);
        if matches!(self.settings.sync, Sync::Interval(_)) {
            self.sync(now);
        }
        let report = CloseReport {
            records_left: batch.records() - batch.finished(),
            fragment_left: self.desk.counters.fragments > fragments,
        };
        if report.records_left > 0 {
            self.desk.alarms.restate();
        }
        self.conclude(now);
        report
    }

    /// `fdatasync` of the file that takes the records, where bytes are unsynced. Nothing is returned: a failure is an
    /// alert, and where bytes may be lost the file is sealed and logging goes on in a new one.
    pub fn sync(&mut self, now: Now) {
        let Self { syncing, stage, desk, settings, .. } = self;
        self.rotation_wanted |= syncing.sync(&mut Turn { settings, stage, desk, now });
    }

    /// The next backup to compress, if one is wanted now: [`perform`](PackOrder::perform) it on any thread, and give what
    /// comes of it to [`packed`](Self::packed). One at a time: the next is given out when this one is back. None, as long
    /// as a rotation is under way, the set is blocked, or its budget has no room for a second form of the backup.
    ///
    /// The newest backup stays as it is, so that readers which follow the log can finish it.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool_fileset::{Batch, Clock, Compression, Engine, Settings, SystemClock};
    ///
    /// let clock = SystemClock::new();
    /// let mut settings = Settings::new(&path);
    /// settings.compression = Compression::Gzip; // with the feature `gzip`
    /// settings.max_bytes = 1_000;
    /// let mut set = Engine::open(settings, clock.now())?;
    /// for number in 0..300 {
    ///     let mut batch = Batch::default();
    ///     batch.push(format!("order {number} shipped").as_bytes(), &set.settings().rules());
    ///     set.append(&mut batch, clock.now());
    ///     // Now and then, or on a thread of its own:
    ///     while let Some(order) = set.take_order(clock.now()) {
    ///         set.packed(order.perform(), clock.now());
    ///     }
    /// }
    /// assert!(dir.path().join("app.log.1").is_file());
    /// assert!(dir.path().join("app.log.2.gz").is_file());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_order(&mut self, now: Now) -> Option<PackOrder> {
        let is_busy = self.job.is_some() || self.writing.hold.is_some();
        let Self { packing, retention, stage, desk, settings, .. } = self;
        let order = packing.take_order(is_busy, retention, &mut Turn { settings, stage, desk, now });
        if order.is_some() {
            self.conclude(now);
        }
        order
    }

    /// Takes back an order that was performed: the compressed form gets its name, and the plain file goes. After a
    /// rotation has begun, that waits for its end.
    pub fn packed(&mut self, packed: Packed, now: Now) {
        let is_job_under_way = self.job.is_some();
        let Self { packing, stage, desk, settings, .. } = self;
        packing.packed(packed, is_job_under_way, &mut Turn { settings, stage, desk, now });
        self.conclude(now);
    }

    /// Gives out no more orders, and ends the one that its owner has in hand: its temporary is removed.
    pub fn stop_packing(&mut self, now: Now) {
        let Self { packing, stage, desk, settings, .. } = self;
        packing.stop(&mut Turn { settings, stage, desk, now });
    }

    /// What every call begins with: deadlines that have passed.
    fn attend(&mut self, now: Now) {
        let hurried = std::mem::take(&mut self.hurried);
        if hurried {
            self.tailers.skip_quiet(now);
            self.link.hurry(now.mono);
            self.relocation.hurry(now.mono);
        }
        self.tailers.end_silence(now);
        self.period.follow(self.content_bytes() == 0, now);
        self.retention.mind_clock(now);
        if let Some(hold) = self.writing.hold.as_mut().filter(|_| hurried) {
            hold.until = now.mono;
        }
        let probing = self.writing.hold.as_ref().is_some_and(|hold| hold.until <= now.mono);
        if probing {
            let Self { retention, stage, desk, settings, .. } = self;
            retention.forget_obstacles(&mut Turn { settings, stage, desk, now });
            self.desk.alarms.try_again();
        }
        if self.relocation.due().is_some_and(|due| due <= now.mono) {
            self.watch.hurry(now.mono);
        }
        self.watch(now);
        if self.job.as_ref().is_some_and(|job| hurried || probing || job.due <= now.mono) {
            self.desk.alarms.try_again();
            self.run_job(now);
        }
        if self.syncing.due().is_some_and(|due| due <= now.mono) {
            self.sync(now);
        }
        let (is_job_under_way, is_held) = (self.job.is_some(), self.writing.hold.is_some());
        let Self { packing, retention, stage, desk, settings, .. } = self;
        let turn = &mut Turn { settings, stage, desk, now };
        if !is_held && retention.hope_due().is_some_and(|due| due <= now.mono) {
            retention.hope_again(turn);
        }
        if retention.expiry_due().is_some_and(|due| due <= now.mono) {
            retention.expire(is_job_under_way, turn);
        }
        packing.attend(is_job_under_way, turn);
    }

    /// What every call ends with: the link, which no record waits for, warnings and the alert file.
    fn conclude(&mut self, now: Now) {
        let Self { link, stage, desk, settings, .. } = self;
        link.attend(&mut Turn { settings, stage, desk, now });
        for failure in self.stage.site.take_untold() {
            self.desk.say(Event::DoneWithout(failure));
        }
        self.mind_budget(now);
        self.desk.conclude(&self.stage, &self.settings, now);
    }

    fn turn(&mut self, now: Now) -> Turn<'_> {
        Turn { settings: &self.settings, stage: &mut self.stage, desk: &mut self.desk, now }
    }

    fn want_link(&mut self, now: Now) {
        self.link.want(&self.settings, now.mono);
    }

    /// A wish for the rotation of a file without content is none.
    fn forget_idle_wish(&mut self) {
        let is_idle = |file: &crate::effect::execute::OpenFile| file.content_bytes() == 0 || file.special;
        self.rotation_wanted &= !self.stage.current.as_ref().is_some_and(is_idle);
    }

    fn content_bytes(&self) -> u64 {
        self.stage.current.as_ref().map_or(0, |file| file.content_bytes())
    }

    /// Another file takes the records.
    fn begin_period(&mut self, now: Now) {
        let found = self.stage.current.as_ref().filter(|file| file.bytes > 0).map(|file| file.meta.modified);
        self.period.begin(found, now);
    }

    /// When the period of a live file with content ends: nobody has to wake up for an empty one, and a rotation that is
    /// under way has deadlines of its own.
    fn period_ends_at(&self) -> Option<Mono> {
        let can_be_rotated = self
            .stage
            .current
            .as_ref()
            .is_some_and(|file| file.place == Place::Live && !file.special && file.content_bytes() > 0);
        let can_end = can_be_rotated && self.job.is_none() && !self.is_mid_record();
        self.period.due().filter(|_| can_end && self.tailers.silent_until().is_none())
    }

    /// Whether the file ends in the middle of the record in hand.
    fn is_mid_record(&self) -> bool {
        self.stage.current.as_ref().is_some_and(|file| file.partial > 0)
    }
}
