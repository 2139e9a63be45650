//! Threads that take nothing of the program's: not its signals, not the processors and the scheduling class of whoever opened them.
//! What they do is their owner's business.

use std::io;
use std::thread::{Builder, JoinHandle};

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
