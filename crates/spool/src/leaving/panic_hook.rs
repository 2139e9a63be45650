//! The panic hook that flushes, so that what was logged before a panic is in the file when the panic ends the process. The
//! worker survives its own panics.

use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::leaving::outputs::flush_all;

/// The longest that the hook of [`install_panic_hook`] waits: 500 ms.
pub const PANIC_FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// Installs a panic hook that flushes every spool (for up to [`PANIC_FLUSH_TIMEOUT`]) after the previous panic hook has
/// run.
///
/// With `panic = "abort"`, or when a panic leaves `main` without dropping the guard, nothing else flushes the log. On a
/// disk that hangs, every panic takes that long, including those that are caught.
///
/// A second call does nothing, and neither does a call while the thread is panicking. The hook never panics itself, and a
/// panic on a writer thread or in an alert hook doesn't wait for that thread.
///
/// ```
/// tracing_spool::install_panic_hook();
/// ```
pub fn install_panic_hook() {
    if thread::panicking() || IS_INSTALLED.swap(true, Ordering::SeqCst) {
        return; // `take_hook` would panic, or the chain would call us twice
    }
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        // Ignored: the counters record what isn't in the file, and the guard reports it.
        let _ = flush_all(PANIC_FLUSH_TIMEOUT);
    }));
}
