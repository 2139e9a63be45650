//! The signal that the kernel sends for a write beyond `RLIMIT_FSIZE`: kept away from a program that did not ask for it.
//! What is made of the error that comes with it, is the engine's.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// Runs `work`, in which writes may meet the limit, with SIGXFSZ blocked on this thread. It returns its value, and whether a
/// write may have met it: then the signal that waits is taken, before the old mask counts again.
///
/// ```
/// use tracing_spool_fileset::internal::file_size;
/// assert_eq!(file_size::without_signal(|| (7, false)), 7);
/// ```
pub fn without_signal<T>(work: impl FnOnce() -> (T, bool)) -> T {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGXFSZ);
    let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let (value, has_met_it) = work();
    let Ok(before) = before else { return value };
    if before.contains(Signal::SIGXFSZ) || (has_met_it && !take(&signals)) {
        // Blocked before, or not to be had: it stays blocked, which harms nobody.
        return value;
    }
    let _ = before.thread_set_mask();
    value
}

/// Takes a signal that waits for this thread, if one does. False: that cannot be done.
#[cfg(target_os = "linux")]
fn take(signals: &SigSet) -> bool {
    use nix::sys::signalfd::{SfdFlags, SignalFd};

    let Ok(waiting) = SignalFd::with_flags(signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC) else {
        return false;
    };
    while let Ok(Some(_)) = waiting.read_signal() {}
    true
}

/// Takes a signal that waits for this thread: not known how on this system.
#[cfg(not(target_os = "linux"))]
fn take(_signals: &SigSet) -> bool {
    false
}
