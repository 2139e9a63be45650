//! The description of a spool, its check, and its start. The only builder of the workspace; what the settings of the
//! file set mean is `tracing_spool_fileset`'s.

mod change;
pub(crate) mod fields;
pub(crate) mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crossbeam_channel::unbounded;
use tracing_core::Level;
use tracing_spool_fileset::model::settings::MAX_RECORD_BYTES;
use tracing_spool_fileset::{
    self as fileset, Alert, Allow, Batch, Clock, Compression, Disk, Fault, FileSet, Fs, Naming, Now,
    Settings, Sync as SyncPolicy, SystemClock,
};

use crate::admission::{MOST_BYTES, MOST_RECORDS};
use crate::alerts::{AlertSink, Hook};
use crate::at_exit;
use crate::config::Origins;
use crate::error::OpenError;
use crate::flush_all;
use crate::guard::SpoolGuard;
use crate::late::{Late, LateRecords};
use crate::notice::Notices;
use crate::origin::Origin;
use crate::queue::{Bounds, Overflow, Queue};
use crate::rank::Rank;
use crate::shared::{Parts, Shared};
use crate::sync::Mutex;
use crate::sync::thread::{self, JoinHandle};
use crate::worker::{Job, Spawn, Worker};
use crate::writer::Spool;

/// Default of [`SpoolBuilder::queue_bytes`]: 16 MiB.
pub const QUEUE_BYTES: u64 = 16 << 20;
/// Default of [`SpoolBuilder::queue_records`].
pub const QUEUE_RECORDS: u64 = 131_072;
/// Default of [`SpoolBuilder::shutdown_timeout`].
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The least that a queue may be bounded by, in bytes.
const LEAST_QUEUE_BYTES: u64 = 1_024;
/// The longest record that may be set, in bytes.
const LONGEST_RECORD: u64 = 1 << 30;
/// How often a lock held by another process is tried again.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Describes a log. Everything has a default; [`open`](Self::open) checks all of it at once.
///
/// ```no_run
/// use std::time::Duration;
/// use tracing_spool::{Notices, Overflow, Spool, SyncPolicy};
///
/// let (spool, guard) = Spool::builder("/var/log/shop/shop.log")
///     .max_bytes(50 << 20)
///     .backup_count(10)
///     .max_total_bytes(600 << 20)
///     .min_free_bytes(1 << 30)
///     .sync(SyncPolicy::Interval(Duration::from_secs(1)))
///     .overflow(Overflow::BlockFor(Duration::from_millis(20)))
///     .notices(Notices::Json)
///     .on_alert(|alert| eprintln!("log trouble: {alert}"))
///     .open()?;
/// # Ok::<(), tracing_spool::OpenError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing happens before `open`"]
pub struct SpoolBuilder {
    settings: Settings,
    queue_bytes: u64,
    queue_records: u64,
    overflow: Overflow,
    shutdown_timeout: Duration,
    notices: Notices,
    late_records: LateRecords,
    sync_at: Option<Rank>,
    lock_wait: Duration,
    thread_name: String,
    hook: Option<Hook>,
    prints: bool,
    origins: Origins,
}

/// The file set.
impl SpoolBuilder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            settings: Settings::new(path),
            queue_bytes: QUEUE_BYTES,
            queue_records: QUEUE_RECORDS,
            overflow: Overflow::default(),
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            notices: Notices::default(),
            late_records: LateRecords::default(),
            sync_at: None,
            lock_wait: Duration::ZERO,
            thread_name: "tracing-spool".to_owned(),
            hook: None,
            prints: true,
            origins: Origins::default(),
        }
    }

    /// Rotate before the record that would make the live file larger than this many bytes (10 MiB). A record that is
    /// itself larger gets a file of its own.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = bytes;
        self
    }

    /// The longest record in bytes, its newline included; longer ones are cut, marked and counted (the least of
    /// 1 MiB, `queue_bytes` and `max_total_bytes`).
    pub fn max_record_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_record_bytes = Some(bytes);
        self
    }

    /// How many backups are kept, `app.log.1` being the newest (5). 0: a rotation discards the old content.
    pub fn backup_count(mut self, count: u32) -> Self {
        self.settings.backup_count = count;
        self
    }

    /// What backups are called: numbers, `app.log.1` being the newest, or the time of their rotation, which never
    /// changes again (numbers).
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool::{Naming, Spool};
    /// let (spool, guard) = Spool::builder(&path).naming(Naming::Timestamped).open()?;
    /// # drop((spool, guard));
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn naming(mut self, naming: Naming) -> Self {
        self.settings.naming = naming;
        self
    }

    /// Where backups are kept: a directory for this log alone, on the same file system (beside the live file).
    pub fn archive_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.settings.archive_dir = Some(dir.into());
        self
    }

    /// How backups are stored, but for the newest, which stays as it is for the readers that follow the log (as they were
    /// written). Needs the feature `gzip` or `zstd`; without it [`open`](Self::open) says so. A second thread
    /// does the work; room for the second form of a backup is part of [`max_total_bytes`](Self::max_total_bytes),
    /// and where it is missing the backup stays as it is.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool::{Compression, Spool};
    /// let (spool, guard) = Spool::builder(&path).compression(Compression::Gzip).open()?; // app.log.2.gz and on
    /// # drop((spool, guard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compression(mut self, compression: Compression) -> Self {
        self.settings.compression = compression;
        self
    }

    /// Backups whose last record is older than this are removed (age does not matter).
    pub fn max_age(mut self, age: Duration) -> Self {
        self.settings.max_age = Some(age);
        self
    }

    /// Bytes of the live file and all backups together, at every instant (60 MiB).
    pub fn max_total_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_total_bytes = bytes;
        self
    }

    /// From what share of the budget a set that cannot shrink by itself is warned of, in percent (90).
    pub fn budget_warning_percent(mut self, percent: u8) -> Self {
        self.settings.budget_warning_percent = percent;
        self
    }

    /// Bytes of the file system that stay free for others (0: off).
    pub fn min_free_bytes(mut self, bytes: u64) -> Self {
        self.settings.min_free_bytes = bytes;
        self
    }

    /// Backups that pruning for free space leaves alone (1, or 0 with `backup_count` 0).
    pub fn min_backups(mut self, count: u32) -> Self {
        self.settings.min_backups = Some(count);
        self
    }

    /// Retries of a transient error, after the first call (3).
    pub fn retry_attempts(mut self, retries: u32) -> Self {
        self.settings.retry_attempts = retries;
        self
    }

    /// Wait before the first retry; it doubles with each (100 ms).
    pub fn retry_base_delay(mut self, delay: Duration) -> Self {
        self.settings.retry_base_delay = delay;
        self
    }

    /// Wait after exhausted retries or a permanent error; it doubles with each failed probe (30 s).
    pub fn retry_cooldown(mut self, delay: Duration) -> Self {
        self.settings.retry_cooldown = delay;
        self
    }

    /// The longest such wait (5 min).
    pub fn retry_cooldown_max(mut self, delay: Duration) -> Self {
        self.settings.retry_cooldown_max = delay;
        self
    }

    /// Where an alert is put down (`ALERT_LOG_ROTATION_FAILED.txt` beside the log).
    pub fn alert_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.alert_file = Some(path.into());
        self
    }

    /// Mode of files at creation, subject to umask (0640).
    pub fn mode(mut self, mode: u32) -> Self {
        self.settings.mode = mode;
        self
    }

    /// Mode of directories at creation, subject to umask (0750).
    pub fn dir_mode(mut self, mode: u32) -> Self {
        self.settings.dir_mode = mode;
        self
    }

    /// A missing directory is an error, instead of being created.
    pub fn require_dir(mut self) -> Self {
        self.settings.create_dirs = false;
        self
    }

    /// When written bytes are made durable (on rotation). [`SyncPolicy::OnDemand`]: after each ERROR too.
    pub fn sync(mut self, policy: SyncPolicy) -> Self {
        self.settings.sync = policy;
        self
    }

    /// Records of this level and above are made durable after the batch that they were written in, besides what
    /// [`sync`](Self::sync) says: one `fdatasync` for each such batch. With [`SyncPolicy::Never`] it is an error, as a
    /// rotation could then come between a record and its sync.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (spool, _guard) =
    ///     tracing_spool::Spool::builder(&path).sync_at(tracing_core::Level::WARN).open()?;
    /// # drop(spool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sync_at(mut self, level: Level) -> Self {
        self.sync_at = Some(Rank::of(level));
        self
    }

    /// Allows something unusual at the live path that is otherwise refused. Several calls add up.
    pub fn allow(mut self, what: Allow) -> Self {
        self.settings.allow.push(what);
        self
    }

    /// Records are written as they come, control characters and bytes that are not UTF-8 included. A record can then
    /// repaint an operator's terminal.
    pub fn raw_bytes(mut self) -> Self {
        self.settings.escape = false;
        self
    }

    /// Newlines inside a record are escaped, so that no record can forge another.
    pub fn single_line(mut self) -> Self {
        self.settings.single_line = true;
        self
    }
}

/// The queue, the writer thread and what is said.
impl SpoolBuilder {
    /// Bytes of records that may wait (16 MiB); each record counts in steps of 64 bytes.
    pub fn queue_bytes(mut self, bytes: u64) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// Records that may wait (131,072).
    pub fn queue_records(mut self, records: u64) -> Self {
        self.queue_records = records;
        self
    }

    /// What happens to a record that finds the queue full (it is dropped and counted, DEBUG before ERROR).
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// How long dropping the guard may take (5 s).
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// How the spool speaks of itself in the log (as text).
    pub fn notices(mut self, notices: Notices) -> Self {
        self.notices = notices;
        self
    }

    /// What happens to records that come after the shutdown (they are counted).
    pub fn late_records(mut self, late: LateRecords) -> Self {
        self.late_records = late;
        self
    }

    /// Called on the writer thread with each edge of an alert: raised, cleared. A panic in it is caught and counted.
    /// Events that it sends to `tracing` go nowhere.
    pub fn on_alert(mut self, hook: impl Fn(&Alert) + Send + Sync + 'static) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Nothing is printed on stderr (otherwise one line for each alert, and for records lost at the shutdown).
    pub fn quiet(mut self) -> Self {
        self.prints = false;
        self
    }

    /// How long [`open`](Self::open) waits for another process to let go of the log (not at all): for restarts where
    /// the new process starts before the old one has ended.
    pub fn lock_wait(mut self, patience: Duration) -> Self {
        self.lock_wait = patience;
        self
    }

    /// The name of the writer thread (`tracing-spool`).
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = name.into();
        self
    }

    /// Checks everything, opens the log, and starts the writer thread.
    ///
    /// # Errors
    /// [`OpenError::Unusable`] with all faults at once, before anything was created or removed;
    /// [`OpenError::Locked`] when another process, or another spool of this one, writes the log;
    /// [`OpenError::Failed`] and [`OpenError::Thread`] when an operation, or the start of the thread, failed although
    /// everything had looked well.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (spool, guard) = tracing_spool::Spool::builder(&path).open()?;
    /// # drop(spool);
    /// assert!(guard.shutdown(std::time::Duration::from_secs(1)).is_complete());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(self) -> Result<(Spool, SpoolGuard), OpenError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let open = |settings: Settings| {
            FileSet::open_with(settings, Box::new(Disk::new()), Box::new(SharedClock(Arc::clone(&clock))))
        };
        let origins = self.origins.clone();
        self.start(&Disk::new(), open, &clock, spawn).map_err(|error| origins.explain(error))
    }

    /// The same on another file system and with another clock: for tests. [`lock_wait`](Self::lock_wait) is not
    /// observed, as `fs` can be opened once only.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(self, fs: Box<dyn Fs>, clock: Arc<dyn Clock>) -> Result<(Spool, SpoolGuard), OpenError> {
        let (name, origins) = (self.thread_name.clone(), self.origins.clone());
        let assembled = self.assemble_with(fs, &clock).map_err(|error| origins.explain(error));
        let (shared, worker) = assembled?;
        launch(name, shared, worker, clock.as_ref(), spawn)
    }
}

#[cfg_attr(
    not(shuttle),
    expect(
        clippy::disallowed_methods,
        reason = "the writer thread, and the one that compresses; a failure is an error of `open`"
    )
)]
fn spawn(builder: thread::Builder, life: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> {
    builder.spawn(life)
}

/// How it starts.
impl SpoolBuilder {
    fn start(
        mut self,
        fs: &dyn Fs,
        open: impl FnMut(Settings) -> Result<FileSet, fileset::OpenError>,
        clock: &Arc<dyn Clock>,
        spawn: Spawn,
    ) -> Result<(Spool, SpoolGuard), OpenError> {
        self.check(fs)?;
        let file_set = self.open_files(open)?;
        let name = self.thread_name.clone();
        let (shared, worker) = self.assemble(file_set, clock);
        launch(name, shared, worker, clock.as_ref(), spawn)
    }

    /// Everything but the thread, on a given file system.
    pub(crate) fn assemble_with(
        mut self,
        fs: Box<dyn Fs>,
        clock: &Arc<dyn Clock>,
    ) -> Result<(Arc<Shared>, Worker), OpenError> {
        self.check(fs.as_ref())?;
        let file_set =
            FileSet::open_with(self.settings.clone(), fs, Box::new(SharedClock(Arc::clone(clock))))?;
        Ok(self.assemble(file_set, clock))
    }

    /// All faults at once, our own and the engine's; where we have none, the engine tells its own as it opens.
    fn check(&mut self, fs: &dyn Fs) -> Result<(), OpenError> {
        let mut faults = self.faults();
        if self.settings.max_record_bytes.is_none() {
            let least = MAX_RECORD_BYTES.min(self.queue_bytes).min(self.settings.max_total_bytes);
            // A bound that is itself a fault must not become one of a field that nobody set.
            self.settings.max_record_bytes = (least >= LEAST_QUEUE_BYTES).then_some(least);
        }
        if faults.is_empty() {
            return Ok(());
        }
        if let Err(fileset::OpenError::Unusable(more)) = FileSet::check(&self.settings, fs) {
            faults.extend(more);
        }
        Err(OpenError::Unusable(faults))
    }

    pub(crate) fn origins_mut(&mut self) -> &mut Origins {
        &mut self.origins
    }

    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !(LEAST_QUEUE_BYTES..=MOST_BYTES).contains(&self.queue_bytes) {
            let wanted =
                format!("must be from {LEAST_QUEUE_BYTES} to {MOST_BYTES} bytes, such as 16777216 (16 MiB)");
            faults.push(Fault::new("queue_bytes", self.queue_bytes, wanted));
        }
        if !(1..=MOST_RECORDS).contains(&self.queue_records) {
            let wanted = format!("must be from 1 to {MOST_RECORDS}, such as {QUEUE_RECORDS}");
            faults.push(Fault::new("queue_records", self.queue_records, wanted));
        }
        if let Some(limit) = self.settings.max_record_bytes {
            if limit > self.queue_bytes {
                let wanted = format!("must be at most queue_bytes ({})", self.queue_bytes);
                faults.push(Fault::new("max_record_bytes", limit, wanted));
            }
            if limit > LONGEST_RECORD {
                let wanted = format!("must be at most {LONGEST_RECORD} (1 GiB)");
                faults.push(Fault::new("max_record_bytes", limit, wanted));
            }
        }
        if self.shutdown_timeout.is_zero() {
            let wanted = "must be longer than nothing, such as 5 s: what waits is written in that time";
            faults.push(Fault::new("shutdown_timeout", "0s", wanted));
        }
        if let Some(rank) = self.sync_at.filter(|_| self.settings.sync == SyncPolicy::Never) {
            let wanted = "must not be set with SyncPolicy::Never: choose another policy, such as OnRotate";
            faults.push(Fault::new("sync_at", rank.name(), wanted));
        }
        if self.thread_name.is_empty() || self.thread_name.contains('\0') {
            let wanted = "must have at least one character, and no NUL";
            faults.push(Fault::new("thread_name", format!("{:?}", self.thread_name), wanted));
        }
        faults
    }

    #[cfg_attr(
        not(shuttle),
        expect(clippy::disallowed_methods, reason = "the application's thread waits because it asked to")
    )]
    fn open_files(
        &self,
        mut open: impl FnMut(Settings) -> Result<FileSet, fileset::OpenError>,
    ) -> Result<FileSet, OpenError> {
        let mut waited = Duration::ZERO;
        loop {
            match open(self.settings.clone()) {
                Err(fileset::OpenError::Locked { .. }) if waited < self.lock_wait => {
                    thread::sleep(LOCK_POLL);
                    waited += LOCK_POLL;
                }
                result => return Ok(result?),
            }
        }
    }

    fn assemble(self, file_set: FileSet, clock: &Arc<dyn Clock>) -> (Arc<Shared>, Worker) {
        let record_limit = file_set.settings().record_limit();
        let syncs_errors = file_set.settings().sync == SyncPolicy::OnDemand;
        let bounds = Bounds {
            bytes: self.queue_bytes,
            records: self.queue_records,
            max_record: usize::try_from(record_limit).unwrap_or(usize::MAX),
            overflow: self.overflow,
        };
        let (queue, inbox) = Queue::new(bounds, Origin::here());
        let described = self.clone();
        let (to_worker, control) = unbounded();
        let shared = Arc::new(Shared::new(Parts {
            queue,
            bounds,
            described,
            sink: AlertSink::new(self.hook, self.prints),
            late: Late::new(self.late_records, self.shutdown_timeout),
            path: file_set.path().to_owned(),
            shutdown_timeout: self.shutdown_timeout,
            control: to_worker,
        }));
        let worker = Worker::new(Job {
            shared: Arc::clone(&shared),
            inbox,
            control,
            file_set,
            clock: Arc::clone(clock),
            notices: self.notices,
            sync_from: self.sync_at.or(syncs_errors.then_some(Rank::Error)),
        });
        (shared, worker)
    }
}

/// Starts the threads; where that fails, closes what was opened.
fn launch(
    name: String,
    shared: Arc<Shared>,
    mut worker: Worker,
    clock: &dyn Clock,
    spawn: Spawn,
) -> Result<(Spool, SpoolGuard), OpenError> {
    // Within reach of both threads: where there is no second one, the file set is closed by this one.
    let helped = worker.start_packer(&name, spawn);
    let worker = Arc::new(Mutex::new(Some(worker)));
    let take = |slot: &Mutex<Option<Worker>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let slot = Arc::clone(&worker);
    let life = move || {
        if let Some(worker) = take(&slot) {
            worker.run();
        }
    };
    match helped.and_then(|()| spawn(thread::Builder::new().name(name), Box::new(life))) {
        Ok(thread) => {
            shared.queue.wake.belongs_to(thread.thread().clone());
            flush_all::enter(&shared);
            at_exit::opened(&shared);
            Ok((Spool::new(Arc::clone(&shared)), SpoolGuard::new(shared, thread)))
        }
        Err(error) => {
            if let Some(file_set) = take(&worker).as_mut().and_then(Worker::give_up) {
                file_set.close(&mut Batch::default(), clock.now());
            }
            Err(OpenError::Thread(error))
        }
    }
}

impl fmt::Debug for SpoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// One clock for the engine and the worker: the times that they compare must have one start.
#[derive(Debug)]
struct SharedClock(Arc<dyn Clock>);

impl Clock for SharedClock {
    fn now(&self) -> Now {
        self.0.now()
    }
}
