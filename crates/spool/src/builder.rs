//! The description of a spool, its check, and its start. The only builder of the workspace; what the settings of the
//! file set mean is `tracing_spool_fileset`'s.

mod change;
mod durable;
pub(crate) mod fields;
mod files;
mod hand_off;
#[cfg(test)]
mod order;
pub(crate) mod parse;
mod rotation;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crossbeam_channel::unbounded;
use tracing_spool_fileset::internal::settings::MAX_RECORD_BYTES;
use tracing_spool_fileset::{
    self as fileset, Alert, Batch, Clock, Disk, Engine, Fault, Fs, Now, Rotated, Settings,
    Sync as SyncPolicy, SystemClock, Unfinished,
};

pub use self::durable::Durable;
use self::hand_off::Ends;
use tracing_spool_ring::{MOST_BYTES, MOST_RECORDS};

use crate::alerts::{AlertSink, Hooks};
use crate::at_exit;
use crate::config::Origins;
use crate::error::OpenError;
use crate::flush_all;
use crate::guard::SpoolGuard;
use crate::late::{Late, LateRecords};
use crate::notice::{self, Notices};
use crate::queue::Overflow;
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

/// Default of [`SpoolBuilder::linger`]: 10 ms.
pub const LINGER: Duration = Duration::from_millis(10);

/// The longest that a record may be asked to wait for company.
const LONGEST_LINGER: Duration = Duration::from_secs(60);
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
    durable: Durable,
    overflow: Overflow,
    shutdown_timeout: Duration,
    notices: Notices,
    late_records: LateRecords,
    sync_at: Option<Rank>,
    lock_wait: Duration,
    thread_name: String,
    hooks: Hooks,
    prints: bool,
    linger: Duration,
    origins: Origins,
}

impl SpoolBuilder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            settings: Settings::new(path),
            queue_bytes: QUEUE_BYTES,
            queue_records: QUEUE_RECORDS,
            durable: Durable::default(),
            overflow: Overflow::default(),
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            notices: Notices::default(),
            late_records: LateRecords::default(),
            sync_at: None,
            lock_wait: Duration::ZERO,
            thread_name: "tracing-spool".to_owned(),
            hooks: Hooks::default(),
            prints: true,
            linger: LINGER,
            origins: Origins::default(),
        }
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

    /// Whether records that were accepted outlive the process (where systemd gives a directory in memory for that).
    pub fn durable(mut self, durable: Durable) -> Self {
        self.durable = durable;
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
        self.hooks.alert = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` on the writer thread after each rotation, with the path of the new backup. A panic in it is caught and
    /// counted. Events that it sends to `tracing` go nowhere.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, _guard) = tracing_spool::Spool::builder(&path)
    ///     .on_rotate(|rotated| drop(rotated.backup.as_ref().map(|backup| backup.display().to_string())))
    ///     .open()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_rotate(mut self, hook: impl Fn(&Rotated) + Send + Sync + 'static) -> Self {
        self.hooks.rotate = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` first on each thread that is started for this spool: the one that writes, the one that compresses, and
    /// the one for signals where this spool starts it. For what belongs to a thread: its affinity, its priority or scheduling
    /// class, a profiler to register with. The thread is blocked to every signal but those of faults. A panic in the hook is
    /// caught and counted.
    ///
    /// Default: nothing is called.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, _guard) = tracing_spool::Spool::builder(&path)
    ///     .on_thread_start(|| println!("{:?} begins", std::thread::current().name()))
    ///     .open()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.hooks.thread_start = Some(Arc::new(hook));
        self
    }

    /// Sets how long a record below ERROR may wait for company before it is written, so that one write takes many. What
    /// comes after a second of silence, and what fills the queue, does not wait; an ERROR never does. With zero each record
    /// wakes the writer thread.
    ///
    /// Default: 10 ms.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, _guard) = tracing_spool::Spool::builder(&path).linger(std::time::Duration::ZERO).open()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn linger(mut self, time: Duration) -> Self {
        self.linger = time;
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
        let open = |settings: Settings, unfinished: Option<(Unfinished, &mut Batch)>| {
            open_files(settings, Box::new(Disk::new()), &clock, unfinished)
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

/// The writer thread, and the one that compresses; a failure is an error of `open`.
fn spawn(builder: thread::Builder, life: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> {
    crate::sync::spawn(builder, life)
}

/// Opens the files; with what a process that died was writing, it finds what became of that.
type OpenFiles<'a> =
    dyn FnMut(Settings, Option<(Unfinished, &mut Batch)>) -> Result<Engine, fileset::OpenError> + 'a;

/// How it starts.
impl SpoolBuilder {
    fn start(
        mut self,
        fs: &dyn Fs,
        open: impl FnMut(Settings, Option<(Unfinished, &mut Batch)>) -> Result<Engine, fileset::OpenError>,
        clock: &Arc<dyn Clock>,
        spawn: Spawn,
    ) -> Result<(Spool, SpoolGuard), OpenError> {
        self.check(fs, clock.now())?;
        let (file_set, ends) = self.open_both(open)?;
        let name = self.thread_name.clone();
        let (shared, worker) = self.assemble(file_set, clock, ends);
        launch(name, shared, worker, clock.as_ref(), spawn)
    }

    /// Everything but the thread, on a given file system.
    pub(crate) fn assemble_with(
        mut self,
        fs: Box<dyn Fs>,
        clock: &Arc<dyn Clock>,
    ) -> Result<(Arc<Shared>, Worker), OpenError> {
        self.check(fs.as_ref(), clock.now())?;
        let mut fs = Some(fs);
        let (file_set, ends) = self.open_once(&mut |settings, unfinished| {
            open_files(settings, fs.take().unwrap_or_else(|| Box::new(Disk::new())), clock, unfinished)
        })?;
        Ok(self.assemble(file_set, clock, ends))
    }

    /// The queue's ends first, as it may know what was under way; then the files.
    fn open_once(&self, open: &mut OpenFiles<'_>) -> Result<(Engine, Ends), OpenError> {
        let mut ends = self.prepare()?;
        match open(self.settings.clone(), ends.unfinished()) {
            Ok(file_set) => {
                ends.opened(&file_set);
                Ok((file_set, ends))
            }
            Err(error) => {
                ends.forsake();
                Err(error.into())
            }
        }
    }

    /// All faults at once, our own and the engine's.
    fn check(&mut self, fs: &dyn Fs, now: Now) -> Result<(), OpenError> {
        let mut faults = self.faults();
        faults.extend(self.durable.fault(&self.settings, fs));
        if self.settings.max_record_bytes.is_none() {
            let least = MAX_RECORD_BYTES.min(self.queue_bytes).min(self.settings.max_total_bytes);
            // A bound that is itself a fault must not become one of a field that nobody set.
            self.settings.max_record_bytes = (least >= LEAST_QUEUE_BYTES).then_some(least);
        }
        // Where we have none, the engine tells its own as it opens; but before that a ring would be made.
        if !faults.is_empty() || self.ring_path().is_some() {
            if let Err(fileset::OpenError::Unusable(more)) = Engine::check(&self.settings, fs, now) {
                faults.extend(more);
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(OpenError::Unusable(faults)) }
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
        if self.linger > LONGEST_LINGER {
            let wanted = format!("must be at most {LONGEST_LINGER:?}, such as 10 ms");
            faults.push(Fault::new("linger", format!("{:?}", self.linger), wanted));
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
    fn open_both(
        &self,
        mut open: impl FnMut(Settings, Option<(Unfinished, &mut Batch)>) -> Result<Engine, fileset::OpenError>,
    ) -> Result<(Engine, Ends), OpenError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.open_once(&mut open) {
                Err(error) if error.is_locked() && waited < self.lock_wait => {
                    thread::sleep(LOCK_POLL);
                    waited += LOCK_POLL;
                }
                result => return result,
            }
        }
    }

    fn assemble(self, mut file_set: Engine, clock: &Arc<dyn Clock>, ends: Ends) -> (Arc<Shared>, Worker) {
        let now = clock.now();
        if let Some(warning) = &ends.warning {
            file_set.warn_of_hand_off(warning, now);
        }
        let record_limit = file_set.settings().record_limit();
        let syncs_errors = file_set.settings().sync == SyncPolicy::OnDemand;
        let bounds = self.bounds(record_limit);
        let described = self.clone();
        let parts = ends.into_parts(bounds, self.notices != Notices::Off);
        let recovered = parts.recovered;
        let (to_worker, control) = unbounded();
        let shared = Arc::new(Shared::new(Parts {
            queue: parts.queue,
            bounds,
            described,
            sink: AlertSink::new(self.hooks, self.prints, Arc::clone(clock)),
            linger: self.linger,
            late: Late::new(self.late_records, self.shutdown_timeout),
            path: file_set.path().to_owned(),
            shutdown_timeout: self.shutdown_timeout,
            control: to_worker,
            recovered,
        }));
        let worker = Worker::new(Job {
            shared: Arc::clone(&shared),
            inbox: parts.inbox,
            control,
            file_set,
            clock: Arc::clone(clock),
            notices: self.notices,
            sync_from: self.sync_at.or(syncs_errors.then_some(Rank::Error)),
            tray: parts.tray,
            lines: notice::of_recovery(self.notices, &recovered, now.wall).into_iter().collect(),
            stating: parts.stating,
            #[cfg(not(shuttle))]
            ring_file: parts.ring_file,
        });
        (shared, worker)
    }
}

/// Opens the file set, and finds what became of a write that was under way.
fn open_files(
    settings: Settings,
    fs: Box<dyn Fs>,
    clock: &Arc<dyn Clock>,
    unfinished: Option<(Unfinished, &mut Batch)>,
) -> Result<Engine, fileset::OpenError> {
    let now = clock.now();
    match unfinished {
        Some((unfinished, batch)) => Engine::open_resuming(settings, fs, now, unfinished, batch),
        None => Engine::open_on(settings, fs, now),
    }
}

/// Starts the thread; where that fails, closes what was opened.
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
    let begun = Arc::clone(&shared);
    let life = move || {
        if !begun.thread_starts() {
            return std::mem::forget((begun, slot));
        }
        drop(begun);
        if let Some(worker) = take(&slot) {
            worker.run();
        }
    };
    match helped.and_then(|()| spawn(thread::Builder::new().name(name), Box::new(life))) {
        Ok(thread) => {
            shared.queue.wake.belongs_to(thread.thread().clone());
            flush_all::enter(&shared);
            at_exit::opened();
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
