//! The builder: one setter per setting. It checks nothing before [`SpoolBuilder::open`]; what a setting means is decided
//! where it acts.

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

/// Builds a log. Every setting has a default, [`open`](Self::open) checks all of them at once, and the order of the calls
/// doesn't matter.
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
    /// Returns a builder for a log whose live file is `path`.
    ///
    /// Nothing touches the disk before [`open`](SpoolBuilder::open), which also creates a missing directory.
    ///
    /// ```
    /// let builder = tracing_spool::Spool::builder("app.log").backup_count(3);
    /// # drop(builder);
    /// ```
    pub fn builder(path: impl AsRef<Path>) -> SpoolBuilder {
        SpoolBuilder { description: Description::new(path.as_ref()) }
    }
}

/// The queue, the writer thread, and what the log reports about itself.
impl SpoolBuilder {
    /// Sets how many bytes of records may wait in the queue. Each record counts in steps of 64 bytes.
    ///
    /// Default: 16 MiB.
    pub fn queue_bytes(mut self, bytes: u64) -> Self {
        self.description.queue_bytes = bytes;
        self
    }

    /// Sets how many records may wait in the queue.
    ///
    /// Default: 131072.
    pub fn queue_records(mut self, records: u64) -> Self {
        self.description.queue_records = records;
        self
    }

    /// Sets whether queued records survive the death of the process.
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

    /// Sets how long dropping the guard may take to write what is still queued.
    ///
    /// Default: 5s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.description.shutdown_timeout = timeout;
        self
    }

    /// Sets the format of the lines that the spool itself adds to the log, such as "117 records lost".
    ///
    /// Default: [`Notices::Text`], `text`.
    pub fn notices(mut self, notices: Notices) -> Self {
        self.description.notices = notices;
        self
    }

    /// Sets what happens to records that arrive after the shutdown.
    ///
    /// Default: [`LateRecords::Count`], `count`.
    pub fn late_records(mut self, late: LateRecords) -> Self {
        self.description.late_records = late;
        self
    }

    /// Calls `hook` on the writer thread whenever an alert is raised or cleared.
    ///
    /// A panic in the hook is caught and counted. Events that the hook sends to `tracing` are discarded.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, _guard) = tracing_spool::Spool::builder(&path)
    ///     .on_alert(|alert| eprintln!("log trouble: {alert}")) // or page somebody
    ///     .open()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_alert(mut self, hook: impl Fn(&Alert) + Send + Sync + 'static) -> Self {
        self.description.hooks.alert = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` on the writer thread after each rotation, with the path of the new backup.
    ///
    /// A panic in the hook is caught and counted. Events that the hook sends to `tracing` are discarded.
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

    /// Calls `hook` at the start of every thread that belongs to this spool: the writer thread, the compression thread, and
    /// the signal thread if this spool starts it.
    ///
    /// Use it for what belongs to a thread: CPU affinity, priority or scheduling class, registration with a profiler. The
    /// threads block every signal except those that report faults. A panic in the hook is caught and counted.
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

    /// Sets how long a record below ERROR may wait for others, so that one write takes many. With zero, every record wakes
    /// the writer thread. Three things don't wait: an ERROR, a record after a second of silence, and a queue that fills up.
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

    /// Keeps the spool from printing on stderr, where it otherwise reports each alert and any records lost at shutdown.
    ///
    /// Default: false.
    pub fn quiet(mut self) -> Self {
        self.description.quiet = true;
        self
    }

    /// Sets how long [`open`](Self::open) waits for another process to release the log. Useful for restarts where the new
    /// process starts before the old one has ended.
    ///
    /// Default: 0s.
    pub fn lock_wait(mut self, patience: Duration) -> Self {
        self.description.lock_wait = patience;
        self
    }

    /// Sets the name of the writer thread.
    ///
    /// Default: `tracing-spool`.
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.description.thread_name = name.into();
        self
    }

    /// Checks all settings, opens the log, and starts the writer thread.
    ///
    /// # Errors
    /// Returns [`OpenError::Unusable`] with every fault at once, before anything is created or removed;
    /// [`OpenError::Locked`] if another process, or another spool of this process, writes the log; [`OpenError::Failed`],
    /// [`OpenError::Memory`] or [`OpenError::Thread`] if an operation fails although all checks passed; and
    /// `OpenError::Ring` if the ring of a durable log can't be used.
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

    /// Opens the log on another file system and with another clock, for tests. [`lock_wait`](Self::lock_wait) is ignored,
    /// because `fs` can be opened only once.
    ///
    /// # Errors
    /// Same as [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_with(self, fs: Box<dyn Fs>, clock: Arc<dyn Clock>) -> Result<(Spool, SpoolGuard), OpenError> {
        start::open_with(self.description, fs, &clock).map(both_ends)
    }
}

/// Returns what users hold of a started log.
fn both_ends(Started { shared, thread }: Started) -> (Spool, SpoolGuard) {
    (Spool::new(Arc::clone(&shared)), SpoolGuard::new(shared, thread))
}

impl fmt::Debug for SpoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolBuilder").field("settings", &self.description.files).finish_non_exhaustive()
    }
}
