//! The one state machine: a live file, its backups, and what is done when something fails. It never sleeps, starts no
//! thread and prints nothing: `now` comes in; events and the next deadline come out.

use super::compression::Packing;
use super::desk::{Desk, Turn};
use super::job::Job;
use super::link::Link;
use super::moments::Moments;
use super::period::Period;
use super::relocation::Relocation;
use super::retention::Retention;
use super::state::{CloseReport, Counters, State};
use super::sync::Syncing;
use super::tailers::Tailers;
use super::watch::Watch;
use super::witness::{Resumed, Witness};
use super::writing::Writing;
use crate::effect::execute::{Place, Stage};
use crate::model::alert::{Alert, Event, Rotated, Trouble};
use crate::model::batch::Batch;
use crate::model::error::Failure;
use crate::model::inventory::Backup;
use crate::model::settings::{Settings, SyncPolicy};
use crate::model::slot::Slot;
use crate::model::time::{Mono, Now};
use crate::policy::forecast::{Forecast, Limits, forecast};
use crate::policy::plan;
use std::path::{Path, PathBuf};

/// A live file and its backups: rotated, bounded and repaired. Driven with time as a value.
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
/// For an [`io::Write`](std::io::Write), use a [`FileSet`](crate::FileSet).
#[derive(Debug)]
pub struct Engine {
    pub(super) settings: Settings,
    pub(super) stage: Stage,
    pub(super) desk: Desk,
    pub(super) job: Option<Job>,
    pub(super) writing: Writing,
    pub(super) syncing: Syncing,
    pub(super) retention: Retention,
    pub(super) period: Period,
    pub(super) tailers: Tailers,
    pub(super) packing: Packing,
    pub(super) link: Link,
    pub(super) watch: Watch,
    pub(super) relocation: Relocation,
    /// Deadlines count as reached, once.
    pub(super) hurried: bool,
    pub(super) rotation_wanted: bool,
    /// What became of the write that was under way at the last death.
    pub(super) resumed: Option<Resumed>,
}

impl Engine {
    /// Does what is due: retries, probes, checks, a sync. Writes no records. Call it at [`wake_at`](Self::wake_at).
    pub fn tick(&mut self, now: Now) {
        self.attend(now);
        self.forget_idle_wish();
        if self.is_rotation_due(None, now) {
            self.start_rotation(now);
        }
        self.conclude(now);
    }

    /// Returns when to call [`tick`](Self::tick), or [`append`](Self::append) with a batch that waits: at a deadline
    /// or, a second after the last check, to see whether others have touched the files.
    #[must_use]
    pub fn wake_at(&self) -> Option<Mono> {
        self.deadline().into_iter().chain([self.watch.idle_due()]).min()
    }

    /// Returns the next deadline of something that waits, or `None` if nothing does.
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

    /// Sets a hook that runs at the end of each rotation, inside the call that finishes it. Its panics are caught and
    /// counted.
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

    /// Makes the next `append` or `tick` try once, right away, what waits for a deadline, and rotate without silence.
    pub fn hurry(&mut self) {
        self.hurried = true;
    }

    /// Requests a rotation at the end of the current record. An empty live file is not rotated.
    pub fn rotate(&mut self, now: Now) {
        self.rotation_wanted = true;
        self.tick(now);
    }

    /// Checks now whether the live file was moved, deleted or replaced, and reopens it if so.
    pub fn reopen(&mut self, now: Now) {
        self.watch.hurry(now.mono);
        self.want_link(now);
        self.hurry();
        self.tick(now);
    }

    /// Sets how many records the owner has dropped so far, for the alert file to report.
    pub fn set_dropped(&mut self, records: u64) {
        self.desk.dropped = records;
    }

    /// Says in the lock file which file the owner's queue is in, so that readers of the log find what waits there.
    #[doc(hidden)]
    pub fn name_ring(&mut self, ring: PathBuf) {
        self.stage.site.name_ring(ring, &self.settings);
    }

    /// Returns the state of the set.
    #[must_use]
    pub fn state(&self) -> State {
        match (&self.writing.hold, &self.job) {
            (Some(hold), _) => State::Blocked(hold.reason),
            (None, Some(_)) => State::Overdue,
            (None, None) => State::Writing,
        }
    }

    /// Returns the counters of what the set has done since it was opened.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.desk.counters
    }

    /// Returns the size, in bytes, of the file that takes the records.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.stage.current.as_ref().map_or(0, |file| file.bytes)
    }

    /// Returns the size of the whole set in bytes, which `max_total_bytes` bounds.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.stage.total_bytes()
    }

    /// Returns the backups and their sizes in bytes, as last seen, beginning with the newest.
    pub fn backups(&self) -> impl Iterator<Item = (Slot, u64)> + '_ {
        self.stage.backups().iter().map(|(slot, backup)| (*slot, backup.bytes))
    }

    /// Returns the paths of the set's files, as last seen, oldest first: the backups, then the live file.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let path =
            |(slot, backup): (&Slot, &Backup)| self.stage.site.names.backup_as(*slot, backup.compression);
        self.stage.backups().iter().rev().map(path).chain([self.path().to_owned()])
    }

    /// Raises an alert about the queue in front of this set, so that its owner's trouble is told where all trouble is.
    pub fn warn_of_hand_off(&mut self, detail: &str, now: Now) {
        self.turn(now).raise(Trouble::HandOff, None, detail, 0);
    }

    /// Clears the alert that [`warn_of_hand_off`](Self::warn_of_hand_off) raised.
    pub fn hand_off_is_well(&mut self, now: Now) {
        self.clear(Trouble::HandOff, now);
    }

    /// Returns the settings, with absolute paths.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the path of the live file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.stage.site.names.live()
    }

    /// Returns what the next rotation would do, which backups it would remove and why, and which would stay. Goes by
    /// what was last seen of the directory and touches nothing. The forecast displays as a list.
    ///
    /// # Errors
    ///
    /// Returns the failure that a rotation would meet if every number is held by something that is not a file of the
    /// set.
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
        // If the free space is unknown, that is no reason to predict that backups go.
        let free = self.stage.space().map_or(u64::MAX, |space| space.available);
        let limits = Limits::of(&self.settings, free);
        let log = self.stage.site.names.base().to_string_lossy().into_owned();
        let inventory = &self.stage.picture.inventory;
        forecast(log, inventory, self.live_bytes(), self.scheme(now), &limits, now.wall)
            .map_err(|plan::NoSlot| self.no_slot())
    }

    /// Takes the events since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.desk.take_events()
    }

    /// Returns the alerts that are still open.
    #[must_use]
    pub fn open_alerts(&self) -> Vec<Alert> {
        self.desk.alarms.open().cloned().collect()
    }

    /// Makes one last `write(2)` for the batch, then ends the set. Leaves no record half-written if that can be helped.
    /// To write the whole batch, call [`append`](Self::append) before.
    pub fn close(mut self, batch: &mut Batch, now: Now) -> CloseReport {
        self.end(batch, now, None)
    }

    /// Does what [`close`](Self::close) does, with a [`Witness`], and keeps the set readable: the end may still have
    /// rotated and removed files, and have events to tell. Nothing is written after it.
    pub fn end(&mut self, batch: &mut Batch, now: Now, witness: Option<&mut dyn Witness>) -> CloseReport {
        let fragments = self.desk.counters.fragments;
        self.hurry();
        self.append_with(batch, 1, now, witness);
        if self.is_mid_record() {
            self.cut_partial();
        }
        self.stage.drop_next();
        self.stop_packing(now);
        if matches!(self.settings.sync, SyncPolicy::Interval(_)) {
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

    /// Makes the file that takes the records durable (`fdatasync`), if it has unsynced bytes. A failure raises an
    /// alert. If bytes may be lost, the file is sealed and logging goes on in a new one.
    pub fn sync(&mut self, now: Now) {
        let Self { syncing, stage, desk, settings, .. } = self;
        self.rotation_wanted |= syncing.sync(&mut Turn { settings, stage, desk, now });
    }

    /// Begins every call: acts on deadlines that have passed.
    pub(super) fn attend(&mut self, now: Now) {
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

    /// Ends every call: sees to the link, which no record waits for, to warnings and to the alert file.
    pub(super) fn conclude(&mut self, now: Now) {
        let Self { link, stage, desk, settings, .. } = self;
        link.attend(&mut Turn { settings, stage, desk, now });
        for failure in self.stage.site.take_untold() {
            self.desk.say(Event::DoneWithout(failure));
        }
        self.mind_budget(now);
        self.desk.conclude(&self.stage, &self.settings, now);
    }

    pub(super) fn turn(&mut self, now: Now) -> Turn<'_> {
        Turn { settings: &self.settings, stage: &mut self.stage, desk: &mut self.desk, now }
    }

    pub(super) fn want_link(&mut self, now: Now) {
        self.link.want(&self.settings, now.mono);
    }

    /// Drops a request to rotate a file without content.
    pub(super) fn forget_idle_wish(&mut self) {
        let is_idle = |file: &crate::effect::execute::OpenFile| file.content_bytes() == 0 || file.special;
        self.rotation_wanted &= !self.stage.current.as_ref().is_some_and(is_idle);
    }

    pub(super) fn content_bytes(&self) -> u64 {
        self.stage.current.as_ref().map_or(0, |file| file.content_bytes())
    }

    /// Begins a period, because another file takes the records.
    pub(super) fn begin_period(&mut self, now: Now) {
        let found = self.stage.current.as_ref().filter(|file| file.bytes > 0).map(|file| file.meta.modified);
        self.period.begin(found, now);
    }

    /// Returns when the period of a live file with content ends. Nobody has to wake up for an empty one, and a rotation
    /// that is under way has deadlines of its own.
    pub(super) fn period_ends_at(&self) -> Option<Mono> {
        let can_be_rotated = self
            .stage
            .current
            .as_ref()
            .is_some_and(|file| file.place == Place::Live && !file.special && file.content_bytes() > 0);
        let can_end = can_be_rotated && self.job.is_none() && !self.is_mid_record();
        self.period.due().filter(|_| can_end && self.tailers.silent_until().is_none())
    }

    /// Returns whether the file ends in the middle of the current record.
    pub(super) fn is_mid_record(&self) -> bool {
        self.stage.current.as_ref().is_some_and(|file| file.partial > 0)
    }

    /// Returns the moments at which things last happened.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool_fileset::{Batch, Clock, Engine, Settings, SystemClock};
    /// let clock = SystemClock::new();
    /// let mut set = Engine::open(Settings::new(&path), clock.now())?;
    /// assert_eq!(set.moments().last_write, None);
    /// let mut batch = Batch::default();
    /// batch.push(b"hello", &set.settings().rules());
    /// set.append(&mut batch, clock.now());
    /// assert!(set.moments().last_write.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn moments(&self) -> Moments {
        Moments { blocked_since: self.writing.hold.as_ref().map(|hold| hold.since), ..self.desk.moments }
    }

    /// Tells whether the owner is short of room for waiting records (half of it is used, say), or somebody waits for
    /// them. While it is, no record is held for [`quiet_rotation`](crate::Settings::quiet_rotation).
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool_fileset::{Clock, Engine, Settings, SystemClock};
    /// let mut set = Engine::open(Settings::new(&path), SystemClock::new().now())?;
    /// set.set_pressed(true);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_pressed(&mut self, pressed: bool) {
        self.tailers.pressed = pressed;
    }

    /// Returns whether records are held because a rotation waits until tailers have reached the end of the file.
    /// [`wake_at`](Self::wake_at) says until when. This is neither trouble nor a state.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool_fileset::{Clock, Engine, Settings, SystemClock};
    /// let set = Engine::open(Settings::new(&path), SystemClock::new().now())?;
    /// assert!(!set.is_silent(SystemClock::new().now()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_silent(&self, now: Now) -> bool {
        self.tailers.silent_until().is_some_and(|until| now.mono < until)
    }
}
