//! The guard: it lets the thread write what is still queued, for a limited time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing_spool::SpoolGuard;

use super::output::{Output, PATIENCE};

/// Keeps the writer thread running. Dropping it writes what is still queued, for at most five seconds. Lines left after
/// that, including those stuck in a hanging writer, are counted in [`ErrorCounter`](super::ErrorCounter) and reported on
/// stderr.
///
/// **Bind it to a name that lives until the end of `main`**: `let (writer, _) = ...` drops it at once. A guard in a static
/// is never dropped; what is still queued is then written as the process ends.
///
/// ```
/// let (writer, _guard) = tracing_spool_appender::non_blocking(std::io::stdout());
/// tracing_subscriber::fmt().with_writer(writer).init();
/// tracing::info!("hello");
/// ```
#[must_use = "dropped, it ends the thread"]
pub struct WorkerGuard {
    output: Arc<Output>,
    /// None if the thread couldn't be started, and after the end.
    thread: Option<SpoolGuard>,
}

impl WorkerGuard {
    pub(super) fn new(output: Arc<Output>, thread: Option<SpoolGuard>) -> Self {
        Self { output, thread }
    }

    pub(super) fn leave(&mut self, patience: Duration) {
        if let Some(thread) = self.thread.take() {
            thread.shutdown(patience);
        }
        self.output.end();
    }
}

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        self.leave(PATIENCE);
    }
}

impl fmt::Debug for WorkerGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerGuard").finish_non_exhaustive()
    }
}
