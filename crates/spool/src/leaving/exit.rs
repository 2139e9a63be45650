//! The end of the process by `exit`, on any thread, or by a return from `main`: queued records are written, and so are
//! those that come after. `outputs` flushes; `tracing_spool_process` notices the end.
//!
//! Our `atexit` handler isn't the last to run: handlers registered before it, and destructors of statics, run later and may
//! log. No handler can be forced to run last. So from that moment on, the thread that logs a record waits until the record
//! is in its file. What was logged is written, whenever the process is gone.
//!
//! The end is held up for no longer than the longest timeout of an output, in total: the thread that ends the process has
//! that much time, and everything it waits for counts. A hanging disk is noticed once, and nobody waits for it after that.
//!
//! A fatal signal, `abort` and `_exit` run nothing of this.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tracing_spool_fileset::{Clock as _, SystemClock};

use crate::leaving::outputs::{Output, flush_each, open};
use crate::worker::control::Patience;
use crate::worker::requests::{FlushError, understand};

/// Whether the `atexit` handler has run.
static ENDS: AtomicBool = AtomicBool::new(false);
/// Whether an output failed to answer in time.
static HANGS: AtomicBool = AtomicBool::new(false);
/// How long the thread that ends the process has waited, and may wait in total, in microseconds.
static WAITED: AtomicU64 = AtomicU64::new(0);
static ALLOWED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether this thread ends the process. The value has no destructor, because it is read after destructors have run.
    static ENDS_HERE: Cell<bool> = const { Cell::new(false) };
}

/// Registers the `atexit` handler when an output is opened.
pub(crate) fn opened() {
    if !cfg!(shuttle) {
        // If it can't be registered, the process ends as it would without it.
        let _ = tracing_spool_process::at_exit(last_word);
    }
}

/// Returns whether records must be [followed](follow). It is one load of memory that nobody writes, so its cache line stays
/// shared.
pub(crate) fn ends() -> bool {
    ENDS.load(Ordering::Relaxed)
}

fn last_word() {
    // Set before the flush: what is logged from here on is either part of the flush, or followed.
    ENDS.store(true, Ordering::SeqCst);
    ENDS_HERE.set(true);
    let clock = SystemClock::new();
    let outputs = open();
    outputs.iter().for_each(|output| allow(output.patience()));
    let failed = flush_each(outputs, Patience::Waits, |output| output.patience());
    waited(&clock);
    for (output, error) in failed {
        if matches!(error, FlushError::TimedOut { .. }) {
            HANGS.store(true, Ordering::Relaxed);
        }
        let (name, left) = (output.name(), output.waiting());
        match error {
            // A forked child owns no records and waits for nothing.
            FlushError::Forked => {}
            // A hook on this output's own thread ends the process, so it can't wait for itself.
            FlushError::OnWriterThread if left == 0 => {}
            FlushError::OnWriterThread => output.print(&format_args!(
                "{}: the process ends in a hook, with {left} records not written",
                name.display()
            )),
            _ => output.print(&format_args!("{}: as the process ends: {error}", name.display())),
        }
    }
}

/// Waits until a record that was handed over after the handler ran is written, if there is time left for that.
#[cold]
pub(crate) fn follow(output: &dyn Output) {
    let is_last = ENDS_HERE.get();
    let mut left = output.patience();
    if is_last {
        allow(left);
        let of_all = ALLOWED.load(Ordering::Relaxed).saturating_sub(WAITED.load(Ordering::Relaxed));
        left = left.min(Duration::from_micros(of_all));
    }
    if left.is_zero() || HANGS.load(Ordering::Relaxed) {
        return;
    }
    // In a forked child and on the writer thread there is nobody to wait for.
    let Ok(answer) = output.ask(Patience::Waits) else { return };
    let clock = SystemClock::new();
    let outcome = understand(|| output.waiting(), answer.within(left));
    if is_last {
        waited(&clock);
    }
    if let Err(error @ FlushError::TimedOut { .. }) = outcome {
        if !HANGS.swap(true, Ordering::Relaxed) {
            output.print(&format_args!("{}: as the process ends: {error}", output.name().display()));
        }
    }
}

/// Extends the total time to what an output allows.
fn allow(patience: Duration) {
    ALLOWED.fetch_max(micros(patience), Ordering::Relaxed);
}

/// Adds the time on this clock to what has been spent.
fn waited(clock: &SystemClock) {
    WAITED.fetch_add(micros(clock.now().mono.since_start()), Ordering::Relaxed);
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
