//! The end of the process by `exit`, on whichever thread, and by a return from `main`: what waits is written, and so is what
//! comes after that. How a flush is made is `outputs`', how the end is heard of `tracing_spool_process`'s.
//!
//! Our word at `exit` is not the last one: handlers that were registered before it, and destructors of statics, run after it
//! and may log. No handler can be made to run last. So from that word on each record is followed into its file by the thread
//! that logs it: what was logged is written, whenever the process is gone.
//!
//! The end is held up for no longer than the longest time that an output allows, over all: the thread that ends the process
//! has that much, and what it waits for counts. A disk that hangs is found out once, and nobody waits for it after that.
//!
//! A signal that kills, `abort` and `_exit` run nothing.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tracing_spool_fileset::{Clock as _, SystemClock};

use crate::leaving::outputs::{Output, flush_each, open};
use crate::worker::control::Patience;
use crate::worker::requests::{FlushError, understand};

/// Whether the word was said.
static ENDS: AtomicBool = AtomicBool::new(false);
/// Whether an output had not answered in its time.
static HANGS: AtomicBool = AtomicBool::new(false);
/// What the thread that ends the process has waited, and may wait in all, in microseconds.
static WAITED: AtomicU64 = AtomicU64::new(0);
static ALLOWED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether this thread ends the process. Without a destructor: it is asked for after those have run.
    static ENDS_HERE: Cell<bool> = const { Cell::new(false) };
}

/// An output was opened: its process hears of its own end from now on.
pub(crate) fn opened() {
    if !cfg!(shuttle) {
        // Where it cannot be registered, all is as without it.
        let _ = tracing_spool_process::at_exit(last_word);
    }
}

/// Whether records are to be [followed](follow). One load of memory that nobody writes.
pub(crate) fn ends() -> bool {
    ENDS.load(Ordering::Relaxed)
}

fn last_word() {
    // Before the flush: what is logged from here on is either among what it waits for, or followed.
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
            // A child has said nothing and waits for nothing.
            FlushError::Forked => {}
            // Its own thread ends the process, in a hook, and cannot wait for itself.
            FlushError::OnWriterThread if left == 0 => {}
            FlushError::OnWriterThread => output.print(&format_args!(
                "{}: the process ends in a hook, with {left} records not written",
                name.display()
            )),
            _ => output.print(&format_args!("{}: as the process ends: {error}", name.display())),
        }
    }
}

/// A record was handed over after the word: waits until it is written, if there is time left for that.
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
    // In a forked child and on the writer thread: nobody to wait for.
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

/// An output allows the end to take so long.
fn allow(patience: Duration) {
    ALLOWED.fetch_max(micros(patience), Ordering::Relaxed);
}

/// Time that has passed on this clock was spent.
fn waited(clock: &SystemClock) {
    WAITED.fetch_add(micros(clock.now().mono.since_start()), Ordering::Relaxed);
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
