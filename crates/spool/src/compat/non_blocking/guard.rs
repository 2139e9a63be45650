//! The end: lets the thread write what waits, for a limited time, and counts what is left.
//! It prints nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::shared::{PATIENCE, Shared};
use crate::platform::inside::is_inside;
use crate::platform::sync::{self, thread::JoinHandle};

/// Keeps the thread alive. Dropped, it lets the thread write what waits, for five seconds at most; what is left then is counted
/// in [`ErrorCounter`](super::ErrorCounter), what hangs in the writer included.
///
/// **Bind it to a name that lives until the end of `main`**: `let (writer, _) = ...` drops it at once.
///
/// ```
/// let (writer, _guard) = tracing_spool::compat::non_blocking(std::io::stdout());
/// tracing_subscriber::fmt().with_writer(writer).init();
/// tracing::info!("hello");
/// ```
#[must_use = "dropped, it ends the thread"]
pub struct WorkerGuard {
    shared: Arc<Shared>,
    /// None where it could not be started, and after the end.
    thread: Option<JoinHandle<()>>,
    answer: Receiver<()>,
}

impl WorkerGuard {
    pub(super) fn new(shared: Arc<Shared>, thread: Option<JoinHandle<()>>, answer: Receiver<()>) -> Self {
        Self { shared, thread, answer }
    }

    pub(super) fn leave(&mut self, patience: Duration) {
        let Some(thread) = self.thread.take() else { return };
        let shared = &self.shared;
        if shared.queue.is_forked() {
            // The thread is not in this process: joining it would never end.
            std::mem::forget(thread);
            shared.queue.shut();
            return;
        }
        shared.stop();
        if is_inside() {
            return; // the writer owns its own guard: the thread ends after this
        }
        match sync::recv_timeout(&self.answer, patience) {
            // It has dropped the writer, and does nothing any more but end.
            Ok(()) => drop(thread.join()),
            Err(_) => shared.abandon(),
        }
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
