//! The panic hook that flushes: what was logged before a panic is in the file when the panic ends the process.
//! Panics of the writer thread are the worker's: it survives them.

use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::leaving::outputs::flush_all;

/// How long the hook of [`install_panic_hook`] waits at most.
pub const PANIC_FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// From now on every panic first does what it did before (a hook that prints or logs it), and then flushes all spools of
/// the process, for at most [`PANIC_FLUSH_TIMEOUT`]: with `panic = "abort"`, or a panic that leaves `main` without the
/// guard, nothing else would. On a disk that hangs, each panic takes that long, caught ones too.
///
/// Installing it again does nothing, and so does installing it while the thread panics. It never panics itself, and a
/// panic on a writer thread or in an alert hook does not wait for that thread.
///
/// ```
/// tracing_spool::install_panic_hook();
/// ```
pub fn install_panic_hook() {
    if thread::panicking() || IS_INSTALLED.swap(true, Ordering::SeqCst) {
        return; // `take_hook` would panic, or the chain would hold us twice
    }
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        // What is not in the file after this has been said by the counters, and will be by the guard.
        let _ = flush_all(PANIC_FLUSH_TIMEOUT);
    }));
}
