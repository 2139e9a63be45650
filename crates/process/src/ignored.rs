//! Tells whether the process ignores a signal. A shell makes its background jobs ignore SIGINT and SIGQUIT,
//! and `nohup` makes its command ignore SIGHUP. Nothing here changes a signal's disposition.

use std::mem::MaybeUninit;
use std::ptr;

use nix::libc;
use nix::sys::signal::Signal;

/// Returns whether the process currently ignores `signal`.
///
/// Check this before installing a handler: a program that handles a signal it was started to ignore may end a
/// job that was meant to keep running.
///
/// ```
/// use nix::sys::signal::Signal;
/// // The Rust runtime ignores SIGPIPE.
/// assert!(tracing_spool_process::is_ignored(Signal::SIGPIPE));
/// assert!(!tracing_spool_process::is_ignored(Signal::SIGTERM));
/// ```
#[must_use]
pub fn is_ignored(signal: Signal) -> bool {
    if cfg!(miri) {
        return false; // Miri has no signals
    }
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a number, no new action, and room for the one that is there.
    let asked = unsafe { libc::sigaction(signal as libc::c_int, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: a structure of numbers and pointers that may be null, all of it zero or written by the call.
    asked == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}
