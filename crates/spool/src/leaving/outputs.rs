//! The outputs that are open in this process, and how to flush all of them at once. `exit`, `panic_hook` and `signals`
//! decide when that happens without being asked.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tracing_spool_fileset::{Clock as _, SystemClock};
use tracing_spool_process::ProcessLock;

use crate::platform::answer::Answer;
use crate::platform::sync::Ordering;
use crate::worker::control::{Flushed, Patience};
use crate::worker::requests::{FlushError, understand};
use crate::worker::shared::Shared;

/// Anything that has a queue and a thread that empties it.
pub(crate) trait Output: Send + Sync + fmt::Debug {
    /// Returns whether its thread still does something.
    fn is_open(&self) -> bool;
    /// Requests a flush. The answer arrives separately.
    fn ask(&self, patience: Patience) -> Result<Answer<Flushed>, FlushError>;
    /// Returns the number of queued records.
    fn waiting(&self) -> u64;
    /// Returns how long this output may hold up the end of the process.
    fn patience(&self) -> Duration;
    /// Returns the path of the live file, or the name of the thread.
    fn name(&self) -> PathBuf;
    /// Prints one line on stderr, unless the log is quiet.
    fn print(&self, line: &dyn fmt::Display);
}

/// Every output that is open and not yet forgotten by its owner. The lock is held only to copy pointers, never across a
/// system call.
static OPEN: ProcessLock<Vec<Weak<dyn Output>>> = ProcessLock::new(Vec::new());

/// Why [`flush_all`] didn't get everything into the files: which logs, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushAllError {
    /// The live files of the incomplete logs, or their names if they have no file (`stdout`). All other logs are complete.
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

/// Flushes every spool of this process: waits, for at most `timeout` in all, until everything accepted before this call is
/// in their files.
///
/// Use it where no guard is at hand, for example in a panic hook of your own
/// ([`install_panic_hook`](crate::install_panic_hook) provides one). `std::process::exit` flushes by itself. The spools
/// stay open and accept more records.
///
/// Any thread may call it. On a writer thread or in an alert hook, where it would wait for itself, it returns an error at
/// once. A spool that was shut down is skipped.
///
/// # Errors
/// Returns the logs that aren't complete, each with the error that [`SpoolHandle::flush`](crate::SpoolHandle::flush) would
/// return.
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
    let failed = flush_each(open(), Patience::Asks, |_| timeout);
    if failed.is_empty() {
        return Ok(());
    }
    let logs = failed.into_iter().map(|(output, error)| (output.name(), error)).collect();
    Err(FlushAllError { logs })
}

/// Registers an output that was just opened.
pub(crate) fn enter(output: &Arc<impl Output + 'static>) {
    if cfg!(shuttle) {
        return; // under the scheduler, values must not outlive the run that made them
    }
    let output: Weak<dyn Output> = Arc::downgrade(output) as Weak<dyn Output>;
    let mut open = OPEN.lock();
    open.retain(|output| output.strong_count() > 0);
    open.push(output);
}

/// Returns the outputs that are open, without those that nobody can flush any more.
pub(crate) fn open() -> Vec<Arc<dyn Output>> {
    let known: Vec<Arc<dyn Output>> = OPEN.lock().iter().filter_map(Weak::upgrade).collect();
    // Done outside the lock, because dropping the last owner of a spool closes files.
    known.into_iter().filter(|output| output.is_open()).collect()
}

/// Flushes these outputs concurrently, each for as long as `time` returns for it. Returns those that aren't complete.
pub(crate) fn flush_each(
    outputs: Vec<Arc<dyn Output>>,
    patience: Patience,
    time: impl Fn(&dyn Output) -> Duration,
) -> Vec<(Arc<dyn Output>, FlushError)> {
    let mut asked = Vec::with_capacity(outputs.len());
    let mut failed = Vec::new();
    for output in outputs {
        match output.ask(patience) {
            Ok(answer) => asked.push((output, answer)),
            Err(FlushError::Closed { left: 0 }) => {} // it has just shut down, complete
            Err(error) => failed.push((output, error)),
        }
    }
    // All timeouts run from here, so the longest one bounds the whole.
    asked.sort_by_key(|(output, _)| time(output.as_ref()));
    let clock = SystemClock::new();
    for (output, answer) in asked {
        let left = time(output.as_ref()).saturating_sub(clock.now().mono.since_start());
        if let Err(error) = understand(|| output.waiting(), answer.within(left)) {
            failed.push((output, error));
        }
    }
    failed
}

impl Output for Shared {
    fn is_open(&self) -> bool {
        !self.is_closed() && !self.abandoned.load(Ordering::Relaxed)
    }

    fn ask(&self, patience: Patience) -> Result<Answer<Flushed>, FlushError> {
        Shared::ask(self, patience)
    }

    fn waiting(&self) -> u64 {
        Shared::waiting(self)
    }

    fn patience(&self) -> Duration {
        self.shutdown_timeout
    }

    fn name(&self) -> PathBuf {
        self.path.clone()
    }

    fn print(&self, line: &dyn fmt::Display) {
        self.sink.print(line);
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
