//! Whether the process ignores a signal: a shell has its background jobs ignore SIGINT and SIGQUIT, `nohup` SIGHUP.
//! It changes nothing.

use std::mem::MaybeUninit;
use std::ptr;

use nix::libc;
use nix::sys::signal::Signal;

/// Whether `signal` is ignored at the moment. Who installs a handler for such a signal ends what was to be left running.
///
/// ```
/// use nix::sys::signal::Signal;
/// assert!(tracing_spool_process::is_ignored(Signal::SIGPIPE), "as the runtime of Rust has it");
/// assert!(!tracing_spool_process::is_ignored(Signal::SIGTERM));
/// ```
#[must_use]
pub fn is_ignored(signal: Signal) -> bool {
    if cfg!(miri) {
        return false; // it has no signals
    }
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a number, no new action, and room for the one that is there.
    let asked = unsafe { libc::sigaction(signal as libc::c_int, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: a structure of numbers and pointers that may be null, all of it zero or written by the call.
    asked == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}
