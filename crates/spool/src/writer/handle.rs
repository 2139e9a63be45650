//! What can be asked of a running spool from anywhere: flush, rotate, reopen, numbers, health.
//! It does not end the spool: the guard does.

use std::sync::Arc;
use std::time::Duration;

use crate::account::metric_table::Reading;
use crate::account::stats::{Health, Stats};
use crate::worker::control::Patience;
use crate::worker::requests::{self, FlushError, RequestError};
use crate::worker::shared::Shared;

/// A way to talk to a spool's writer thread. Cloning it is cheap; it keeps no spool open.
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

    /// Waits until everything accepted before this call is in the file (handed to the operating system), notices of
    /// loss included. Pulls a retry that is waited for forward.
    ///
    /// # Errors
    /// Says how much is not in the file when `timeout` is over, at once when the file set is blocked, and at once
    /// where waiting would be a deadlock.
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

    /// Asks for a new file, whatever the size of this one; an empty file is not rotated. Does not wait: a
    /// [`flush`](Self::flush) after it does.
    ///
    /// # Errors
    /// When there is no writer thread to ask.
    ///
    /// ```no_run
    /// # let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
    /// guard.handle().rotate().unwrap();
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn rotate(&self) -> Result<(), RequestError> {
        self.shared.rotate()
    }

    /// Asks to look now whether the live file was moved or deleted, and to open it anew if so: what `logrotate` wants
    /// of its `postrotate` script. (It is noticed without being asked, a little later.) Does not wait.
    ///
    /// # Errors
    /// When there is no writer thread to ask.
    ///
    /// ```no_run
    /// # let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
    /// guard.handle().reopen().unwrap();
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn reopen(&self) -> Result<(), RequestError> {
        self.shared.reopen()
    }

    /// The numbers so far. Works after the shutdown too.
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

    /// State and open alerts, as of the writer thread's last round.
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

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What metrics are read from.
    pub(crate) fn reading(&self) -> Reading {
        let mut stats = self.stats();
        stats.files.bytes_written = self.shared.peaks.written_bytes(stats.files.bytes_written);
        Reading { log: self.shared.path.display().to_string(), stats, health: self.health() }
    }
}
