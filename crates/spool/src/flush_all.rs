//! The spools that are open in this process, and the flush of all of them at once.
//! When that is called by itself is `at_exit`'s, `panic_hook`'s and `signals`'.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, after, select};

use crate::control::Flushed;
use crate::handle::{FlushError, SpoolHandle};
use crate::process_lock::ProcessLock;
use crate::shared::Shared;
use crate::sync::Ordering;

/// Every spool that was opened and is still known to somebody. Held for copies of pointers, never across a system call.
static OPEN: ProcessLock<Vec<Weak<Shared>>> = ProcessLock::new(Vec::new());

/// Why a flush of all spools did not see everything in the files: which log, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushAllError {
    /// The live files of the logs that are not complete. The other logs are.
    pub logs: Vec<(PathBuf, FlushError)>,
}

impl fmt::Display for FlushAllError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (path, error)) in self.logs.iter().enumerate() {
            write!(f, "{}{}: {error}", if number == 0 { "" } else { "; " }, path.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for FlushAllError {}

/// Waits until everything that all spools of this process accepted before this call is in their files, for at most
/// `timeout` in all: for a panic hook of one's own ([`install_panic_hook`](crate::install_panic_hook) has one), and
/// before `std::process::exit`. It ends nothing: records can come after it.
///
/// It may be called from any thread; where it would wait for itself (on a writer thread, in an alert hook), it is an
/// error at once. A spool that was shut down is passed over.
///
/// # Errors
/// Names the logs that are not complete, each as [`SpoolHandle::flush`] would say it.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.log");
/// use std::time::Duration;
/// let (spool, _guard) = tracing_spool::Spool::builder(&path).open()?;
/// // ... and where no guard is at hand:
/// if let Err(error) = tracing_spool::flush_all(Duration::from_secs(1)) {
///     eprintln!("{error}");
/// }
/// # drop(spool);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn flush_all(timeout: Duration) -> Result<(), FlushAllError> {
    let failed = flush_each(open(), |_| timeout);
    if failed.is_empty() {
        return Ok(());
    }
    let logs = failed.into_iter().map(|(shared, error)| (shared.path.clone(), error)).collect();
    Err(FlushAllError { logs })
}

/// A spool was opened.
pub(crate) fn enter(shared: &Arc<Shared>) {
    if cfg!(shuttle) {
        return; // what that scheduler makes must not outlive the order of steps that it was made in
    }
    if let Some(mut open) = OPEN.lock() {
        open.retain(|spool| spool.strong_count() > 0);
        open.push(Arc::downgrade(shared));
    }
}

/// The spools that are open. Those that nobody could flush any more are not among them.
pub(crate) fn open() -> Vec<Arc<Shared>> {
    let known: Vec<Arc<Shared>> =
        OPEN.lock().map(|open| open.iter().filter_map(Weak::upgrade).collect()).unwrap_or_default();
    // Outside the lock: the last owner of a spool closes files.
    known.into_iter().filter(|shared| is_open(shared)).collect()
}

/// Whether there is a writer thread that still does something.
pub(crate) fn is_open(shared: &Shared) -> bool {
    !shared.is_closed() && !shared.abandoned.load(Ordering::Relaxed)
}

/// Flushes all these spools at the same time, each for as long as `patience` says; returns those that are not complete.
pub(crate) fn flush_each(
    spools: Vec<Arc<Shared>>,
    patience: impl Fn(&Shared) -> Duration,
) -> Vec<(Arc<Shared>, FlushError)> {
    let mut asked = Vec::with_capacity(spools.len());
    let mut failed = Vec::new();
    for shared in spools {
        match SpoolHandle::ask(&shared) {
            Ok(answer) => asked.push((shared, answer)),
            Err(FlushError::Closed { left: 0 }) => {} // it ended just now, complete
            Err(error) => failed.push((shared, error)),
        }
    }
    // All clocks run from here, so the longest patience bounds the whole.
    asked.sort_by_key(|(shared, _)| patience(shared));
    let timers: Vec<_> = asked.iter().map(|(shared, _)| after(patience(shared))).collect();
    for ((shared, answer), timer) in asked.into_iter().zip(timers) {
        if let Err(error) = SpoolHandle::understand(&shared, heard(&answer, &timer)) {
            failed.push((shared, error));
        }
    }
    failed
}

/// The answer, if it comes before the timer.
fn heard<T>(answer: &Receiver<Flushed>, timer: &Receiver<T>) -> Result<Flushed, RecvTimeoutError> {
    select! {
        recv(answer) -> flushed => flushed.map_err(|_| RecvTimeoutError::Disconnected),
        // Both may have come.
        recv(timer) -> _ => answer.try_recv().map_err(|_| RecvTimeoutError::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_each_log() {
        let logs = vec![
            (PathBuf::from("/a.log"), FlushError::TimedOut { left: 2 }),
            (PathBuf::from("/b.log"), FlushError::Forked),
        ];
        let said = FlushAllError { logs }.to_string();
        let [a, b] = [FlushError::TimedOut { left: 2 }, FlushError::Forked].map(|error| error.to_string());
        assert_eq!(said, format!("/a.log: {a}; /b.log: {b}"));
    }
}
