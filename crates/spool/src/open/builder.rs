//! The builder: a description, given setter by setter. What settings mean is decided where they act; none is checked before
//! [`SpoolBuilder::open`].

mod files;
#[cfg(test)]
mod order;
mod outputs;
mod rotation;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracing_spool_fileset::{Alert, Clock, Fs, Rotated};

use crate::open::error::OpenError;
use crate::open::spawn::Started;
use crate::open::start;
use crate::settings::choices::{LateRecords, Notices};
use crate::settings::description::Description;
use crate::settings::durable::Durable;
use crate::settings::overflow::Overflow;
use crate::writer::event_writer::Spool;
use crate::writer::guard::SpoolGuard;

/// Describes a log. Everything has a default; [`open`](Self::open) checks all of it at once. The order of setters means
/// nothing.
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
    pub(crate) description: Description,
}

impl Spool {
    /// Begins to describe the log whose live file is `path`.
    ///
    /// ```
    /// let builder = tracing_spool::Spool::builder("app.log").backup_count(3);
    /// # drop(builder);
    /// ```
    pub fn builder(path: impl AsRef<Path>) -> SpoolBuilder {
        SpoolBuilder { description: Description::new(path.as_ref()) }
    }
}

/// The queue, the writer thread, and what the log says of itself.
impl SpoolBuilder {
    /// Sets how many bytes of records may wait. Each record counts in steps of 64 bytes.
    ///
    /// Default: 16 MiB.
    pub fn queue_bytes(mut self, bytes: u64) -> Self {
        self.description.queue_bytes = bytes;
        self
    }

    /// Sets how many records may wait.
    ///
    /// Default: 131072.
    pub fn queue_records(mut self, records: u64) -> Self {
        self.description.queue_records = records;
        self
    }

    /// Sets whether accepted records outlive the process.
    ///
    /// Default: [`Durable::automatic`]: they do where systemd provides a runtime directory.
    pub fn durable(mut self, durable: Durable) -> Self {
        self.description.durable = durable;
        self
    }

    /// Sets what happens to a record that finds the queue full.
    ///
    /// Default: [`Overflow::DropNewest`], `drop_newest`: it is dropped and counted, DEBUG before ERROR.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.description.overflow = overflow;
        self
    }

    /// Sets how long dropping the guard may take.
    ///
    /// Default: 5s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.description.shutdown_timeout = timeout;
        self
    }

    /// Sets how the spool speaks of itself in the log.
    ///
    /// Default: [`Notices::Text`], `text`.
    pub fn notices(mut self, notices: Notices) -> Self {
        self.description.notices = notices;
        self
    }

    /// Sets what happens to records that come after the shutdown.
    ///
    /// Default: [`LateRecords::Count`], `count`.
    pub fn late_records(mut self, late: LateRecords) -> Self {
        self.description.late_records = late;
        self
    }

    /// Calls `hook` on the writer thread with each edge of an alert: raised, cleared. A panic in it is caught and counted.
    /// Events that it sends to `tracing` go nowhere.
    pub fn on_alert(mut self, hook: impl Fn(&Alert) + Send + Sync + 'static) -> Self {
        self.description.hooks.alert = Some(Arc::new(hook));
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
        self.description.hooks.rotate = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` first on each thread that is started for this spool: the one that writes, the one that compresses, and
    /// the one for signals where this spool starts it. It is the place for what belongs to a thread: its affinity, its
    /// priority or scheduling class, a profiler to register with. The thread is blocked to every signal but those of faults.
    /// A panic in the hook is caught and counted.
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
        self.description.hooks.thread_start = Some(Arc::new(hook));
        self
    }

    /// Sets how long a record below ERROR may wait for company before it is written, so that one write takes many. What
    /// comes after a second of silence, and what fills the queue, does not wait; an ERROR never does. With zero each record
    /// wakes the writer thread.
    ///
    /// Default: 10ms.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, _guard) = tracing_spool::Spool::builder(&path).linger(std::time::Duration::ZERO).open()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn linger(mut self, time: Duration) -> Self {
        self.description.linger = time;
        self
    }

    /// Prints nothing on stderr. Otherwise each alert has a line there, and so have records lost at the shutdown.
    ///
    /// Default: false.
    pub fn quiet(mut self) -> Self {
        self.description.quiet = true;
        self
    }

    /// Sets how long [`open`](Self::open) waits for another process to let go of the log: for restarts where the new process
    /// starts before the old one has ended.
    ///
    /// Default: 0s.
    pub fn lock_wait(mut self, patience: Duration) -> Self {
        self.description.lock_wait = patience;
        self
    }

    /// Names the writer thread.
    ///
    /// Default: `tracing-spool`.
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.description.thread_name = name.into();
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
        start::open(self.description).map(both_ends)
    }

    /// The same on another file system and with another clock: for tests. [`lock_wait`](Self::lock_wait) is not
    /// observed, as `fs` can be opened once only.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_with(self, fs: Box<dyn Fs>, clock: Arc<dyn Clock>) -> Result<(Spool, SpoolGuard), OpenError> {
        start::open_with(self.description, fs, &clock).map(both_ends)
    }
}

/// What users hold of a log that was started.
fn both_ends(Started { shared, thread }: Started) -> (Spool, SpoolGuard) {
    (Spool::new(Arc::clone(&shared)), SpoolGuard::new(shared, thread))
}

impl fmt::Debug for SpoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolBuilder").field("settings", &self.description.files).finish_non_exhaustive()
    }
}
