//! What can be asked of a running spool from anywhere: flush, rotate, reopen, numbers, health.
//! It does not end the spool: the guard does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::{Answer, Unanswered};
use crate::control::{Control, Flushed, Once, Patience};
use crate::metric::Reading;
use crate::origin::{is_inside, is_inside_of};
use crate::shared::Shared;
use crate::stats::{Health, Stats};

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

/// Why a flush did not see everything in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The time was over.
    TimedOut {
        /// Records that wait.
        left: u64,
    },
    /// The file set takes no records; they wait until there is room, or the disk is well again.
    Blocked {
        /// Records that wait, of those accepted before the call.
        left: u64,
    },
    /// The spool was shut down.
    Closed {
        /// Records accepted before the call that are in no file.
        left: u64,
    },
    /// It was called on the writer thread or in an alert hook, and would have waited for itself.
    OnWriterThread,
    /// It was called in a forked child, which has no writer thread.
    Forked,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut { left } => write!(f, "flush timed out with {left} records waiting"),
            Self::Blocked { left } => write!(f, "the log takes no records at the moment; {left} are waiting"),
            Self::Closed { left } => write!(f, "the spool was shut down with {left} records not written"),
            Self::OnWriterThread => f.write_str("flush was called on the writer thread or in an alert hook"),
            Self::Forked => f.write_str("flush was called in a forked child, which has no writer thread"),
        }
    }
}

impl std::error::Error for FlushError {}

/// Why a request did not reach the writer thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The spool was shut down.
    Closed,
    /// It was made in a forked child, which has no writer thread.
    Forked,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the spool was shut down",
            Self::Forked => "a forked child has no writer thread",
        })
    }
}

impl std::error::Error for RequestError {}

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
        let answer = Self::ask(&self.shared, Patience::Asks)?;
        Self::understand(|| waiting(&self.shared), answer.within(timeout))
    }

    /// Asks for a flush; the answer comes by itself.
    pub(crate) fn ask(shared: &Shared, patience: Patience) -> Result<Answer<Flushed>, FlushError> {
        // A thread that ends the process in a hook can wait for other outputs: nothing waits for that hook any more.
        let waits_for_itself = if patience == Patience::Waits { is_inside_of(shared) } else { is_inside() };
        if waits_for_itself {
            return Err(FlushError::OnWriterThread);
        }
        if shared.queue.origin.is_forked() {
            return Err(FlushError::Forked);
        }
        let (answer, is_first) = shared.asks.enter(patience);
        let is_told = !is_first || shared.send(Control::Flush);
        // After it was entered: a writer thread that leaves says so first, and looks for it afterwards.
        if !is_told || shared.is_closed() {
            return Err(FlushError::Closed { left: waiting(shared) });
        }
        Ok(answer)
    }

    /// What the answer to a flush means, or that none came.
    pub(crate) fn understand(
        waiting: impl FnOnce() -> u64,
        answer: Result<Flushed, Unanswered>,
    ) -> Result<(), FlushError> {
        match answer {
            Ok(Flushed::Done) => Ok(()),
            Ok(Flushed::Blocked(left)) => Err(FlushError::Blocked { left }),
            Ok(Flushed::Closed(left)) => Err(FlushError::Closed { left }),
            Err(Unanswered::InTime) => Err(FlushError::TimedOut { left: waiting() }),
            Err(Unanswered::Ever) => Err(FlushError::Closed { left: waiting() }),
        }
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
        self.request_once(&self.shared.asks.rotate, Control::Rotate)
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
        self.request_once(&self.shared.asks.reopen, Control::Reopen)
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

    fn request_once(&self, once: &Once, message: Control) -> Result<(), RequestError> {
        let is_here = !self.shared.queue.origin.is_forked() && !self.shared.is_closed();
        if is_here && !once.ask() {
            return Ok(()); // it is on its way already
        }
        self.request(message)
    }

    pub(crate) fn request(&self, message: Control) -> Result<(), RequestError> {
        if self.shared.queue.origin.is_forked() {
            return Err(RequestError::Forked);
        }
        if self.shared.is_closed() || !self.shared.send(message) {
            return Err(RequestError::Closed);
        }
        Ok(())
    }
}

/// Records that wait.
fn waiting(shared: &Shared) -> u64 {
    shared.queue.waiting().records
}
