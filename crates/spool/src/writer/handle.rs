//! The requests to a running spool, from anywhere: flush, rotate, reopen, counters, health. Only the guard ends the spool.

use std::sync::Arc;
use std::time::Duration;

use crate::account::metric_table::Reading;
use crate::account::stats::{Health, Stats};
use crate::worker::control::Patience;
use crate::worker::requests::{self, FlushError, RequestError};
use crate::worker::shared::Shared;

/// Talks to a spool's writer thread: flushes, rotates and reopens the log, and reads its counters and health.
///
/// Cloning it is cheap. It doesn't keep the spool open.
///
/// ```no_run
/// use std::time::Duration;
/// let (_spool, guard) = tracing_spool::Spool::builder("/var/log/shop/shop.log").open()?;
/// let handle = guard.handle();
/// if let Err(error) = handle.flush(Duration::from_secs(1)) {
///     eprintln!("not all is in the file: {error}");
/// }
/// # Ok::<(), tracing_spool::OpenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SpoolHandle {
    pub(crate) shared: Arc<Shared>,
}

impl SpoolHandle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Waits until everything accepted before this call, including notices of lost records, has been written to the file,
    /// which means handed to the operating system. If the spool is waiting before it retries a failed operation, the call
    /// makes it retry at once.
    ///
    /// # Errors
    /// Returns [`FlushError::TimedOut`] with the number of unwritten records when `timeout` passes, [`FlushError::Blocked`]
    /// at once while the log's output accepts no records, and [`FlushError::OnWriterThread`] at once where waiting would
    /// deadlock. [`FlushError`] lists the rest.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
    /// guard.handle().flush(Duration::from_millis(500)).unwrap();
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let answer = self.shared.ask(Patience::Asks)?;
        requests::understand(|| self.shared.waiting(), answer.within(timeout))
    }

    /// Starts a new file, whatever the size of the current one. An empty file isn't rotated. The call doesn't wait for the
    /// rotation, but a [`flush`](Self::flush) after it does.
    ///
    /// # Errors
    /// Returns an error if the spool was shut down, in a forked child, and if the log has no files ([`RequestError::NoFiles`]).
    ///
    /// ```no_run
    /// # let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
    /// guard.handle().rotate().unwrap();
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn rotate(&self) -> Result<(), RequestError> {
        self.shared.rotate()
    }

    /// Checks now whether the live file was moved or deleted, and if so opens a new one: what `logrotate` needs in its
    /// `postrotate` script. Without this call, the spool notices by itself a little later. The call doesn't wait.
    ///
    /// # Errors
    /// Returns an error if the spool was shut down, and in a forked child.
    ///
    /// ```no_run
    /// # let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
    /// guard.handle().reopen().unwrap();
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn reopen(&self) -> Result<(), RequestError> {
        self.shared.reopen()
    }

    /// Returns the counters so far. It works after the shutdown too.
    ///
    /// ```no_run
    /// # let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
    /// println!("{} lost", guard.handle().stats().dropped.total());
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Returns the condition and the open alerts, as of the writer thread's last round.
    ///
    /// ```no_run
    /// # let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
    /// println!("{}", guard.handle().health().condition);
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Returns how long dropping the guard may take, for `tspool`, which ends in that time.
    #[doc(hidden)]
    #[must_use]
    pub fn shutdown_timeout(&self) -> Duration {
        self.shared.shutdown_timeout
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Returns the snapshot that metrics are read from.
    pub(crate) fn reading(&self) -> Reading {
        let mut stats = self.stats();
        stats.files.bytes_written = self.shared.peaks.written_bytes(stats.files.bytes_written);
        Reading { log: self.shared.path.display().to_string(), stats, health: self.health() }
    }
}
