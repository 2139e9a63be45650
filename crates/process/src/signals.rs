//! Blocks signals on the calling thread while a closure runs. Which thread receives them instead is the
//! program's business.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use crate::system;

/// Signals raised by a fault of the thread itself. If they were blocked, the fault would end the process
/// without running its handlers.
const FAULTS: [Signal; 7] = [
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGSYS,
];

/// Restores a signal mask when its scope is left, by a panic too.
struct Restored(SigSet);

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = self.0.thread_set_mask();
    }
}

/// Runs `work` with every signal blocked on this thread except those that report a fault (SIGSEGV, SIGBUS and
/// the like), then restores the previous signal mask.
///
/// A thread that `work` starts inherits the mask and keeps it.
///
/// ```
/// use tracing_spool_process::without_signals;
/// let thread = without_signals(|| std::thread::Builder::new().spawn(|| 7))?;
/// assert_eq!(thread.join().ok(), Some(7));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn without_signals<T>(work: impl FnOnce() -> T) -> T {
    let mut all = SigSet::all();
    FAULTS.into_iter().for_each(|fault| all.remove(fault));
    // If the mask can't be changed, the thread receives signals as before. Miri has no signals.
    let _restored =
        if cfg!(miri) { None } else { all.thread_swap_mask(SigmaskHow::SIG_BLOCK).map(Restored).ok() };
    work()
}

/// Runs `work` with SIGXFSZ blocked on this thread, so that a write beyond `RLIMIT_FSIZE` fails with an error
/// instead of ending the process.
///
/// `work` returns its value and whether a write may have reached the limit. If it did, the pending signal is
/// consumed before the previous signal mask is restored. Only Linux can do that; elsewhere SIGXFSZ then stays
/// blocked on this thread, as it does if `work` panics.
///
/// ```
/// assert_eq!(tracing_spool_process::without_file_size_signal(|| (7, false)), 7);
/// ```
pub fn without_file_size_signal<T>(work: impl FnOnce() -> (T, bool)) -> T {
    without([Signal::SIGXFSZ], work)
}

/// Runs `work` with the signals blocked that writing to a stream can raise: SIGPIPE when nobody reads,
/// SIGTTOU when a terminal would stop a background process, and SIGXFSZ at the file size limit.
///
/// `work` returns its value and whether a write failed. If one did, pending signals of these kinds are
/// consumed before the previous signal mask is restored. Only Linux can do that; elsewhere the signals then
/// stay blocked on this thread, as they do if `work` panics.
///
/// ```
/// assert_eq!(tracing_spool_process::without_stream_signals(|| (7, false)), 7);
/// ```
pub fn without_stream_signals<T>(work: impl FnOnce() -> (T, bool)) -> T {
    without([Signal::SIGPIPE, Signal::SIGTTOU, Signal::SIGXFSZ], work)
}

fn without<T, const N: usize>(signals: [Signal; N], work: impl FnOnce() -> (T, bool)) -> T {
    let set: SigSet = signals.into_iter().collect();
    let before = if cfg!(miri) { None } else { set.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok() };
    let (value, has_met_one) = work();
    let Some(before) = before else { return value };
    // A signal that the caller had blocked already is the program's to consume.
    let ours: SigSet = signals.into_iter().filter(|signal| !before.contains(*signal)).collect();
    if ours == SigSet::empty() || (has_met_one && !system::take(&ours)) {
        // Either there is nothing to undo, or pending signals could not be consumed. Then they stay blocked:
        // unblocking would deliver them.
        return value;
    }
    let _ = before.thread_set_mask();
    value
}
