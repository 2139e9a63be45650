//! Forked children: started, waited for with a limit, and many of them beside threads that log. A child ends by `_exit`, so
//! that it runs nothing of its parent's.

use std::fmt;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use tracing_spool::{Condition, FlushError, Overflow, Spool, SpoolGuard};
use tracing_subscriber::fmt::MakeWriter as _;

/// A child that takes longer hangs, or spins.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What no parent's file may hold.
pub const OF_A_CHILD: &str = "of a child";

/// Forks a child that does `work`, and ends with the number that it gives; with 101 where it panics.
///
/// # Panics
/// Where there is no process to be had.
pub fn start(work: impl FnOnce() -> i32) -> Pid {
    #[expect(unsafe_code, reason = "what a fork does can only be seen after a fork")]
    // SAFETY: the child calls what a Rust program may call after a fork where its parent's other threads held no lock that it
    // needs (the C library keeps its allocator usable), and ends with `_exit`.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => leave(catch_unwind(AssertUnwindSafe(work)).unwrap_or(101)),
    }
}

/// Ends this process, and runs nothing.
pub fn leave(code: i32) -> ! {
    #[expect(unsafe_code, reason = "the parent's destructors and exit handlers are not the child's")]
    // SAFETY: it ends the process and touches nothing of it.
    unsafe {
        libc::_exit(code)
    }
}

/// Forks a child that goes on where this returns; there it is none.
///
/// # Panics
/// Where there is no process to be had.
pub fn in_two() -> Option<Pid> {
    #[expect(unsafe_code, reason = "what a child does that comes back can only be seen after a fork")]
    // SAFETY: the child goes on in code that asks whether it is in a child, and the C library keeps its allocator usable.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => Some(child),
        ForkResult::Child => None,
    }
}

/// Waits for the end of a child; one that hangs is killed.
///
/// # Errors
/// How it ended, if not by itself with 0.
pub fn end(child: Pid) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)).map_err(|error| error.to_string())? {
            WaitStatus::Exited(_, 0) => return Ok(()),
            WaitStatus::StillAlive if begun.elapsed() < PATIENCE => thread::sleep(Duration::from_micros(100)),
            WaitStatus::StillAlive => {
                let _ = kill(child, Signal::SIGKILL);
                let _ = waitpid(child, None);
                return Err(format!("a child hangs for {:?}", begun.elapsed()));
            }
            ended => return Err(format!("{ended:?}")),
        }
    }
}

/// What came of a storm of forks.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// Children that were forked and ended by themselves.
    pub forks: u32,
    /// The longest life of one.
    pub longest: Duration,
    /// Records of the parent's that were written.
    pub written: u64,
    /// Records that it lost.
    pub lost: u64,
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { forks, longest, written, lost } = self;
        write!(
            f,
            "forks: {forks} children beside eight threads that log, none hangs, the longest takes {longest:.1?}; {written} \
             records of the parent written, {lost} lost, none of a child's among them"
        )
    }
}

/// Forks so many children, two at a time, beside eight threads that log and one that asks for everything that takes a lock.
/// Each child does what a spool offers, and some open a log of their own.
///
/// # Errors
/// What a child did wrong, or what is wrong with the parent's log.
pub fn storm(live: &Path, forks: u32) -> Result<Storm, String> {
    let opened = Spool::builder(live).overflow(Overflow::Block).quiet().queue_records(4_096).open();
    let (spool, guard) = opened.map_err(|error| error.to_string())?;
    let is_over = AtomicBool::new(false);
    let longest = thread::scope(|scope| {
        for number in 0..8 {
            let (spool, is_over) = (&spool, &is_over);
            scope.spawn(move || keep_logging(spool, number, is_over));
        }
        scope.spawn(|| keep_asking(&guard, live, &is_over));
        let longest = fork_many(&spool, &guard, live, forks);
        is_over.store(true, Ordering::Relaxed);
        longest
    })?;
    let report = guard.shutdown(PATIENCE);
    if !report.is_complete() {
        return Err(report.to_string());
    }
    for name in ["app.log", "app.log.1", "app.log.2"] {
        let text = std::fs::read(live.with_file_name(name)).unwrap_or_default();
        if text.windows(OF_A_CHILD.len()).any(|words| words == OF_A_CHILD.as_bytes()) {
            return Err(format!("{name} has a record of a child"));
        }
    }
    Ok(Storm { forks, longest, written: report.written, lost: report.dropped })
}

fn keep_logging(spool: &Spool, thread: u32, is_over: &AtomicBool) {
    let mut number = 0_u32;
    while !is_over.load(Ordering::Relaxed) {
        for _ in 0..20 {
            let _ = writeln!(spool.make_writer(), "thread {thread} record {number} of the parent");
            number += 1;
        }
        // Some thousand records in a second, so that the forks come on.
        thread::sleep(Duration::from_micros(500));
    }
}

fn keep_asking(guard: &SpoolGuard, live: &Path, is_over: &AtomicBool) {
    let (handle, textfile) = (guard.handle(), live.with_file_name("parent.prom"));
    while !is_over.load(Ordering::Relaxed) {
        let _ = handle.write_textfile(&textfile);
        let _ = (handle.health(), handle.flush(Duration::from_millis(1)));
        let _ = tracing_spool::flush_all(Duration::from_millis(1));
    }
}

fn fork_many(spool: &Spool, guard: &SpoolGuard, live: &Path, forks: u32) -> Result<Duration, String> {
    let mut longest = Duration::ZERO;
    let mut before: Option<(Pid, Instant)> = None;
    for number in 0..forks {
        let child = (start(|| in_a_child(spool, guard, live, number)), Instant::now());
        if let Some((before, begun)) = before.replace(child) {
            end(before)?;
            longest = longest.max(begun.elapsed());
        }
    }
    match before {
        None => Ok(longest),
        Some((last, begun)) => end(last).map(|()| longest.max(begun.elapsed())),
    }
}

/// 0, or the number of what went wrong.
fn in_a_child(spool: &Spool, guard: &SpoolGuard, live: &Path, number: u32) -> i32 {
    let handle = guard.handle();
    for _ in 0..3 {
        let _ = writeln!(spool.make_writer(), "a record {OF_A_CHILD}");
    }
    if handle.flush(PATIENCE) != Err(FlushError::Forked) || handle.rotate().is_ok() {
        return 1;
    }
    if handle.health().condition != Condition::Forked || handle.stats().offered == 0 {
        return 2;
    }
    let _ = tracing_spool::flush_all(PATIENCE);
    // Two at a time, and each pair of its own name: files are what takes the time.
    let own = |name: &str| live.with_file_name(format!("{name}-{}", number % 2));
    if number % 16 == 0 && handle.write_textfile(own("child.prom")).is_err() {
        return 3;
    }
    if number % 64 < 2 && !opens_its_own(&own("child.log")) {
        return 4;
    }
    0
}

fn opens_its_own(path: &Path) -> bool {
    let Ok((spool, guard)) = Spool::builder(path).quiet().open() else { return false };
    let _ = writeln!(spool.make_writer(), "a record {OF_A_CHILD}");
    guard.handle().flush(PATIENCE).is_ok() && guard.shutdown(PATIENCE).is_complete()
}
