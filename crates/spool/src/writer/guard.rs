//! The end of a spool: it drains the queue within a time limit and reports what was left. The worker does the writing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::account::recovered::Recovered;
#[cfg(feature = "signals")]
use crate::leaving::signals;
use crate::platform::answer;
use crate::platform::inside::is_inside;
use crate::platform::sync::Ordering;
use crate::platform::sync::thread::JoinHandle;
use crate::worker::control::{Control, Left};
use crate::worker::shared::Shared;
use crate::writer::handle::SpoolHandle;

/// Keeps a spool open. Dropping it writes what is still queued, for at most `shutdown_timeout`, and ends the writer thread.
///
/// Bind it to a name that lives until the end of `main`: `let _ = ...` drops it at once, and so does a function that sets
/// up logging and doesn't return the guard. Records that arrive later are counted but not written, unless
/// [`LateRecords::Write`](crate::LateRecords::Write) is set.
///
/// Dropping the guard blocks the thread. In async code, call [`shutdown`](Self::shutdown) in `spawn_blocking`.
#[must_use = "dropping the guard ends the spool: bind it to a name that lives until the end of main"]
pub struct SpoolGuard {
    shared: Arc<Shared>,
    /// None after the shutdown.
    thread: Option<JoinHandle<()>>,
}

/// What a shutdown wrote, and what it left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Records written since the spool was opened.
    pub written: u64,
    /// Accepted records that are in no file. If `timed_out` is set because the disk itself hangs, some of those in hand may
    /// still arrive.
    pub left: u64,
    /// Records dropped since the spool was opened, not counting those in `left`.
    pub dropped: u64,
    /// Panics caught on the writer thread, including those of the alert hook.
    pub panics: u64,
    /// Whether part of a record had to stay at the end of the file.
    pub fragment_left: bool,
    /// Whether the timeout passed before everything was written.
    pub timed_out: bool,
    /// Whether the `Write` behind the log failed to flush what it had taken. Records that count as written may be lost
    /// then.
    pub unflushed: bool,
    /// Whether this was a forked child. Nothing is written there, because the records belong to the parent.
    pub forked: bool,
}

impl ShutdownReport {
    /// Returns whether every accepted record is in the file.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.left == 0 && !self.timed_out && !self.forked && !self.fragment_left && !self.unflushed
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.written == 1 { "" } else { "s" };
        write!(f, "{} record{s} written, {} left, {} dropped", self.written, self.left, self.dropped)?;
        for (is_set, words) in [
            (self.timed_out, "; the time was over"),
            (self.fragment_left, "; a part of a record stands at the end of the file"),
            (self.unflushed, "; the writer could not flush what it was given"),
            (self.forked, "; in a forked child"),
        ] {
            f.write_str(if is_set { words } else { "" })?;
        }
        Ok(())
    }
}

impl SpoolGuard {
    pub(crate) fn new(shared: Arc<Shared>, thread: JoinHandle<()>) -> Self {
        Self { shared, thread: Some(thread) }
    }

    /// Returns a handle that talks to the writer thread. It doesn't keep the spool open.
    ///
    /// ```no_run
    /// let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
    /// let handle = guard.handle();
    /// # drop(handle);
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    #[must_use]
    pub fn handle(&self) -> SpoolHandle {
        SpoolHandle::new(Arc::clone(&self.shared))
    }

    /// Returns what this spool found in its [durable](crate::SpoolBuilder::durable) ring when it was opened. Those records
    /// are written like any others, before the ones of this process.
    ///
    /// ```no_run
    /// use tracing_spool::{Durable, Spool};
    /// let (_spool, guard) = Spool::builder("/tmp/app.log").durable(Durable::at("/run/app.ring")).open()?;
    /// if guard.recovered().records > 0 {
    ///     println!("{}", guard.recovered());
    /// }
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    #[must_use]
    pub fn recovered(&self) -> Recovered {
        self.shared.recovered
    }

    /// Writes what is still queued, for at most `timeout`, ends the writer thread, and reports what was left.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// let (_spool, guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
    /// let report = guard.shutdown(Duration::from_secs(2));
    /// assert!(report.is_complete(), "{report}");
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    #[expect(clippy::must_use_candidate, reason = "the shutdown is the point, its account is extra")]
    pub fn shutdown(mut self, timeout: Duration) -> ShutdownReport {
        let report = self.leave(timeout).unwrap_or_default();
        self.tell_of_loss(&report);
        report
    }

    /// Print losses even if the caller ignores the report: stderr may be the only place where somebody reads about them.
    fn tell_of_loss(&self, report: &ShutdownReport) {
        if report.left > 0 || report.fragment_left || report.unflushed {
            self.shared.sink.print(&format_args!("{}: {report}", self.shared.path.display()));
        }
    }

    fn leave(&mut self, timeout: Duration) -> Option<ShutdownReport> {
        let thread = self.thread.take()?;
        let report = self.leave_thread(thread, timeout);
        #[cfg(feature = "signals")]
        if !report.forked {
            signals::left(&self.shared);
        }
        Some(report)
    }

    fn leave_thread(&self, thread: JoinHandle<()>, timeout: Duration) -> ShutdownReport {
        let shared = &self.shared;
        if shared.is_forked() {
            // The thread exists only in the parent: joining it here would block forever.
            std::mem::forget(thread);
            shared.queue.shut();
            return ShutdownReport { forked: true, ..ShutdownReport::default() };
        }
        let dropped_before = shared.stats().dropped.total();
        let (reply, answer) = answer::pair();
        // The writer thread stops a little before we give up, so that its answer arrives in time.
        let margin = (timeout / 10).min(Duration::from_millis(50));
        let is_sent = shared.send(Control::Stop(timeout - margin, reply));
        let answer = if is_inside() || !is_sent { None } else { answer.within(timeout).ok() };
        let Some(left) = answer else {
            // The thread hangs in a system call, or this is that thread. It begins nothing new, so what is in the queue now
            // is what is left.
            shared.queue.close();
            shared.abandoned.store(!is_inside(), Ordering::Relaxed);
            let left = Left { records: shared.stats().queue.records, late: true, ..Left::default() };
            return self.report(left, shared.stats().dropped.total());
        };
        let dropped = shared.stats().dropped.total().saturating_sub(left.records);
        // The thread has answered and does nothing more, so the join is short.
        let _ = thread.join();
        self.report(left, dropped.max(dropped_before))
    }

    fn report(&self, left: Left, dropped: u64) -> ShutdownReport {
        let stats = self.shared.stats();
        ShutdownReport {
            written: stats.written,
            left: left.records,
            dropped,
            panics: stats.panics,
            fragment_left: left.fragment,
            timed_out: left.late,
            unflushed: left.unflushed,
            forked: false,
        }
    }
}

impl Drop for SpoolGuard {
    fn drop(&mut self) {
        let timeout = self.shared.shutdown_timeout;
        if let Some(report) = self.leave(timeout) {
            self.tell_of_loss(&report);
        }
    }
}

impl fmt::Debug for SpoolGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolGuard").field("path", &self.shared.path).finish_non_exhaustive()
    }
}
