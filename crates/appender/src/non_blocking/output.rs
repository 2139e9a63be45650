//! What callers, the counter and the guard share: the log that lines go to, and the count of lines lost if there is none.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tracing_core::Level;
use tracing_spool::Spool;

/// How long the guard's drop, and the end of the process, may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Output {
    /// None if its thread couldn't be started, or the system gave no memory. `AssertUnwindSafe`, because a panic elsewhere
    /// never leaves a log half-changed.
    log: Option<AssertUnwindSafe<Spool>>,
    is_lossy: bool,
    /// Lines lost because there is no log.
    lost: AtomicUsize,
    /// The guard has been dropped, whether or not it finished in time.
    has_ended: AtomicBool,
}

impl Output {
    pub(super) fn new(log: Option<Spool>, is_lossy: bool) -> Self {
        let log = log.map(AssertUnwindSafe);
        Self { log, is_lossy, lost: AtomicUsize::new(0), has_ended: AtomicBool::new(false) }
    }

    /// Hands a line over. If lines may not be lost, an error says that this one is.
    pub(super) fn take(&self, level: Level, line: &[u8]) -> io::Result<()> {
        if line.is_empty() {
            return Ok(());
        }
        let why = match &self.log {
            Some(log) => match log.hand_over(level, line) {
                Ok(()) => return Ok(()),
                Err(reason) => reason.as_str(),
            },
            None => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                "the thread that writes lines could not be started"
            }
        };
        if self.is_lossy { Ok(()) } else { Err(io::Error::other(format!("the line is lost: {why}"))) }
    }

    /// Called by the guard when it is dropped.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
    }

    /// Returns how many lines won't be written, as things stand.
    pub(super) fn dropped_lines(&self) -> usize {
        let Some(log) = &self.log else { return self.lost.load(Ordering::Relaxed) };
        let stats = log.handle().stats();
        // What is still queued after the guard is gone waits for a writer that hangs.
        let hangs = if self.has_ended.load(Ordering::Acquire) { stats.queue.records } else { 0 };
        usize::try_from(stats.dropped.total() + hangs).unwrap_or(usize::MAX)
    }

    pub(super) fn writer_errors(&self) -> usize {
        let Some(log) = &self.log else { return 1 };
        usize::try_from(log.handle().stats().files.failures).unwrap_or(usize::MAX)
    }
}
