//! Threads that take nothing of the program's: not its signals, not the processors and the scheduling class of whoever opened them.
//! What they do is their owner's business.

use std::io;
use std::thread::{Builder, JoinHandle};

use crate::signals::without_signals;
use crate::system;

/// Starts a thread that hears no signals but those of faults, and that runs where and as the process's main thread does,
/// whoever started it: a pinned or real-time opener does not pass that on. (The latter on Linux, and as far as the system lets.)
///
/// # Errors
/// What the system says where it has no thread to give.
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

/// Lets the calling thread give way to others from now on, where the system can do that: on Linux, to a tenth of the processor
/// where that is wanted by others. A thread that gives way already stays as it is.
///
/// ```
/// std::thread::spawn(tracing_spool_process::give_way);
/// ```
pub fn give_way() {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        // A tenth of what a thread of normal priority gets where both want the processor: it still comes to its end on a
        // machine that is never idle.
        const NICE: i32 = 10;
        if system::nice() < NICE {
            system::set_nice(NICE);
        }
    }
}
