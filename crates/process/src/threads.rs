//! Starts threads that inherit neither the program's signals nor the CPU affinity and scheduling class of
//! whoever starts them. What a thread does is up to its owner.

use std::io;
use std::thread::{Builder, JoinHandle};

use crate::signals::without_signals;
use crate::system;

/// Starts a thread that receives no signals except those that report a fault, and that doesn't inherit the
/// CPU affinity and scheduling class of the thread that starts it.
///
/// On Linux the new thread takes both from the process's main thread, as far as the kernel allows, so a
/// pinned or real-time caller doesn't pass them on.
///
/// # Errors
///
/// Returns the system's error if it can't start a thread.
///
/// ```
/// let builder = std::thread::Builder::new().name("helper".to_owned());
/// let thread = tracing_spool_process::spawn(builder, || {})?;
/// assert!(thread.join().is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
#[expect(
    clippy::disallowed_methods,
    reason = "threads are started by whoever owns them, and a failure is passed on"
)]
pub fn spawn(builder: Builder, life: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let life = move || {
        if !cfg!(miri) {
            system::schedule_like_the_main_thread();
        }
        life();
    };
    without_signals(|| builder.spawn(life))
}

/// Lowers the priority of the calling thread for good. On Linux its nice value becomes 10, about a tenth of
/// the CPU time of a normal thread when both want to run. Elsewhere this does nothing. A thread that is
/// already that nice or nicer stays as it is.
///
/// ```
/// std::thread::spawn(tracing_spool_process::give_way);
/// ```
pub fn give_way() {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        // A tenth of a normal thread's share when both want the CPU, so background work still finishes on a
        // machine that is never idle.
        const NICE: i32 = 10;
        if system::nice() < NICE {
            system::set_nice(NICE);
        }
    }
}
