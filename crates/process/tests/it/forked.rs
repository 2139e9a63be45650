//! Forks children and waits for them. A child runs code of the test and nothing else, and ends without running a
//! destructor.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// How a child says that it could not try.
pub(crate) const CANNOT: i32 = 77;
/// A child that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Forks a child that does `work` and ends with the number it gives.
pub(crate) fn start(work: impl FnOnce() -> i32) -> Pid {
    // SAFETY: the child runs `work` alone, which takes no lock that this process's threads share with it, and ends by `_exit`.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let code = catch_unwind(AssertUnwindSafe(work)).unwrap_or(101);
            // SAFETY: ends the process, and runs nothing.
            unsafe { libc::_exit(code) }
        }
    }
}

/// How it ended; a child that hangs is killed, and is a failure.
pub(crate) fn end(child: Pid) -> i32 {
    let begun = Instant::now();
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)).unwrap() {
            WaitStatus::Exited(_, code) => return code,
            WaitStatus::StillAlive if begun.elapsed() < PATIENCE => std::thread::yield_now(),
            other => {
                let _ = kill(child, Signal::SIGKILL);
                panic!("{other:?} after {:?}", begun.elapsed());
            }
        }
    }
}

/// What a child answers.
pub(crate) fn ask(work: impl FnOnce() -> i32) -> i32 {
    end(start(work))
}
