//! Signals kept away from a thread for a while. Who listens to them otherwise is the program's business.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use crate::system;

/// Signals that say that a thread itself has gone wrong. Blocked, they would end the process without its handlers.
const FAULTS: [Signal; 7] = [
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGSYS,
];

/// Puts a signal mask back, however its scope is left.
struct Restored(SigSet);

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = self.0.thread_set_mask();
    }
}

/// Runs `work` with every signal blocked on this thread but those of faults; a thread that it starts is born so. The mask of
/// before counts again afterwards.
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
    // Where it cannot be done the thread hears signals as before. Miri has no signals.
    let _restored =
        if cfg!(miri) { None } else { all.thread_swap_mask(SigmaskHow::SIG_BLOCK).map(Restored).ok() };
    work()
}

/// Runs `work`, in which writes may meet a file size limit, with SIGXFSZ blocked on this thread: beyond `RLIMIT_FSIZE` there is
/// an error then, and no signal that ends the process. It returns its value, and whether a write may have met the limit: then
/// the signal that waits is taken, before the old mask counts again.
///
/// ```
/// assert_eq!(tracing_spool_process::without_file_size_signal(|| (7, false)), 7);
/// ```
pub fn without_file_size_signal<T>(work: impl FnOnce() -> (T, bool)) -> T {
    without([Signal::SIGXFSZ], work)
}

/// Runs `work`, which writes to a stream, with the signals blocked on this thread that a stream may answer with: SIGPIPE where
/// nobody reads, SIGTTOU where a terminal would stop a process in the background, SIGXFSZ. It returns its value, and whether a
/// write has failed: then what waits of them is taken, before the old mask counts again.
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
    // Those that were blocked before are the program's to take.
    let ours: SigSet = signals.into_iter().filter(|signal| !before.contains(*signal)).collect();
    if ours == SigSet::empty() || (has_met_one && !system::take(&ours)) {
        // Nothing of ours, or not to be had: they stay blocked, which harms nobody.
        return value;
    }
    let _ = before.thread_set_mask();
    value
}
