//! A program that logs and then ends in the way that its first argument names; or, as `serve`, does what it is told.
//! It judges nothing: `tests/it/threads/exits.rs` and `tests/it/readers` look at what it leaves.
//!
//! It is a program of its own, because the thread that `main` runs on is another in a test.

#[path = "leaver/ends.rs"]
mod ends;

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, fs, io, panic, process};

use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use tracing_spool::{
    Notices, Overflow, PANIC_FLUSH_TIMEOUT, Spool, SpoolGuard, flush_all, install_panic_hook,
};
use tracing_spool_fileset::sim::SimClock;
use tracing_spool_fileset::{Op, OsError};
use tracing_spool_tests::faulty::{Faulty, Slip};
use tracing_subscriber::fmt::MakeWriter as _;

const LONG: Duration = Duration::from_secs(60);
/// So slow that whoever does not wait for the disk leaves before it.
const WRITE: Duration = Duration::from_millis(50);
const LINES: u64 = 1_000;

fn main() {
    heed_signals();
    let words: Vec<String> = env::args().skip(1).collect();
    match &words[..] {
        [way] if way == "serve" => serve(),
        [way, path] => leave(way, Path::new(path)),
        _ => panic!("leaver WAY LOG, or leaver serve"),
    }
}

/// A shell has its background jobs ignore these two, and what they start inherits it.
#[expect(unsafe_code, reason = "a default disposition is no handler")]
fn heed_signals() {
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        // SAFETY: it installs no handler, and no other thread has begun.
        unsafe { nix::sys::signal::signal(signal, nix::sys::signal::SigHandler::SigDfl) }.unwrap();
    }
}

/// A spool on a slow disk, whose guard nobody drops.
fn slow(path: &Path) -> Spool {
    let (spool, guard) = open(path, LONG);
    std::mem::forget(guard);
    spool
}

fn open(path: &Path, shutdown: Duration) -> (Spool, SpoolGuard) {
    let disk = Faulty::new();
    disk.slip(Slip::slow(Op::Write, WRITE));
    let clock = Arc::new(tracing_spool_fileset::SystemClock::new());
    Spool::builder(path).shutdown_timeout(shutdown).open_with(disk.fs(), clock).unwrap()
}

fn log(spool: &Spool, text: &str) {
    spool.make_writer().write_all(text.as_bytes()).unwrap();
}

fn lines(spool: &Spool) {
    (0..LINES).for_each(|number| log(spool, &number.to_string()));
}

/// Half of the lines are written; the other half waits for a disk that hangs. Nobody drops the guard.
fn half(path: &Path) {
    let disk = Faulty::new();
    let (spool, guard) = stalled_spool(&disk, path);
    (0..LINES / 2).for_each(|number| log(&spool, &number.to_string()));
    guard.handle().flush(LONG).unwrap();
    disk.stall();
    (LINES / 2..LINES).for_each(|number| log(&spool, &number.to_string()));
    disk.wait_for_stalled_write();
    std::mem::forget(guard);
}

fn leave(way: &str, path: &Path) {
    let path = path.to_owned();
    match way {
        "returns" => lines(&slow(&path)),
        "exits" => {
            lines(&slow(&path));
            process::exit(0);
        }
        "main-logged" => {
            lines(&thread::spawn(move || slow(&path)).join().unwrap());
            process::exit(0);
        }
        "opener-exits" => {
            let _ = thread::spawn(move || {
                lines(&slow(&path));
                process::exit(0);
            })
            .join();
        }
        "another-exits" => {
            lines(&slow(&path));
            let _ = thread::spawn(|| process::exit(0)).join();
        }
        "another-flushes" => {
            lines(&slow(&path));
            thread::spawn(|| {
                flush_all(LONG).unwrap();
                process::exit(0);
            })
            .join()
            .unwrap();
        }
        "stalled" => stalled(&path),
        "panics" => panics(&path),
        "panics-stalled" => panics_stalled(&path),
        "hook-panics" => hook_panics(&path),
        "aborts" => {
            half(&path);
            process::abort();
        }
        "forks" => forks(&path),
        _ if ends::leave(way, &path) => {}
        _ => be_signalled(way, &path),
    }
}

fn be_signalled(way: &str, path: &Path) {
    match way {
        "dies" => {
            half(path);
            raise(Signal::SIGTERM).unwrap();
        }
        "dies-flushed" => {
            let (spool, guard) = open(path, LONG);
            // Twice is once.
            guard.handle().install_signals().unwrap();
            guard.handle().install_signals().unwrap();
            lines(&spool);
            raise(Signal::SIGTERM).unwrap();
            wait_for_the_end();
        }
        "dies-stalled" => {
            let disk = Faulty::new();
            disk.stall();
            let (spool, guard) = stalled_spool(&disk, path);
            guard.handle().install_signals().unwrap();
            lines(&spool);
            raise(Signal::SIGTERM).unwrap();
            wait_for_the_end();
        }
        "dies-afterwards" => {
            let (spool, guard) = open(path, LONG);
            guard.handle().install_signals().unwrap();
            log(&spool, "0");
            assert!(guard.shutdown(LONG).is_complete());
            // As long as its thread is there it may still hear of a signal.
            while threads("spool-signals") > 0 {
                thread::yield_now();
            }
            raise(Signal::SIGHUP).unwrap();
            raise(Signal::SIGUSR1).unwrap();
            println!("alive");
            raise(Signal::SIGTERM).unwrap();
            wait_for_the_end();
        }
        _ => panic!("no such way: {way}"),
    }
}

/// The signal that was raised ends the process; whoever waits here for long was not ended.
fn wait_for_the_end() {
    thread::sleep(LONG * 2);
}

/// A spool that gives a disk that hangs a fraction of a second.
fn stalled_spool(disk: &Faulty, path: &Path) -> (Spool, SpoolGuard) {
    let clock = Arc::new(tracing_spool_fileset::SystemClock::new());
    Spool::builder(path).shutdown_timeout(WRITE * 4).open_with(disk.fs(), clock).unwrap()
}

fn stalled(path: &Path) {
    let disk = Faulty::new();
    disk.stall();
    let (spool, guard) = stalled_spool(&disk, path);
    std::mem::forget(guard);
    lines(&spool);
    disk.wait_for_stalled_write();
    process::exit(0);
}

/// The hook alone is what flushes: `abort` comes after it.
fn panics(path: &Path) {
    let spool = slow(path);
    let said = spool.clone();
    panic::set_hook(Box::new(move |_| log(&said, "the hook of before")));
    install_panic_hook();
    install_panic_hook();
    lines(&spool);
    let _ = thread::spawn(|| panic!("for the hook")).join();
    process::abort();
}

/// On a disk that hangs a panic waits for it once, however often the hook was installed.
fn panics_stalled(path: &Path) {
    let disk = Faulty::new();
    disk.stall();
    let (spool, guard) = stalled_spool(&disk, path);
    std::mem::forget(guard);
    panic::set_hook(Box::new(|_| ()));
    install_panic_hook();
    install_panic_hook();
    lines(&spool);
    disk.wait_for_stalled_write();
    let waits_once = |_| {
        let begun = Instant::now();
        let _ = thread::spawn(|| panic!("for the hook")).join();
        begun.elapsed() < 2 * PANIC_FLUSH_TIMEOUT
    };
    // A busy machine may put it off for longer; not each time.
    assert!((0..20).any(waits_once));
    process::abort();
}

/// The writer thread itself runs the hook that flushes.
fn hook_panics(path: &Path) {
    let disk = Faulty::new();
    let clock = Arc::new(tracing_spool_fileset::SystemClock::new());
    let builder = Spool::builder(path).on_alert(|_| panic!("in the alert hook"));
    let (spool, guard) = builder.open_with(disk.fs(), clock).unwrap();
    install_panic_hook();
    disk.slip(Slip::fail(Op::Write, OsError::EACCES).times(1));
    lines(&spool);
    let report = guard.shutdown(LONG);
    assert!(report.is_complete() && report.panics > 0, "{report:?}");
}

fn forks(path: &Path) {
    let (spool, guard) = open(path, LONG);
    log(&spool, "before");
    guard.handle().flush(LONG).unwrap();
    #[expect(unsafe_code, reason = "what `exit` does in a forked child can only be seen after a fork")]
    // SAFETY: the only other threads are the writer's and one that waits for it; the C library keeps its allocator
    // usable in the child.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            lines(&spool);
            assert!(flush_all(LONG).is_err());
            process::exit(0);
        }
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
        }
    }
    log(&spool, "after");
    assert!(guard.shutdown(LONG).is_complete());
}

/// A log that `serve` has open.
struct Served {
    spool: Spool,
    guard: Option<SpoolGuard>,
    stream: Option<(Arc<AtomicBool>, JoinHandle<u64>)>,
}

/// Does what it is told by lines of its input, and answers each with a line.
fn serve() {
    let mut logs: Vec<Served> = Vec::new();
    for line in io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let which: usize = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        let answer = match words[0] {
            "open" => {
                logs.push(served(Path::new(words[1])));
                "opened".to_owned()
            }
            "signals" => {
                let handle = logs[which].guard.as_ref().unwrap().handle();
                format!("{:?}", handle.install_signals())
            }
            "log" => {
                log(&logs[which].spool, words[2]);
                "logged".to_owned()
            }
            "flush" => format!("{:?}", flush_all(LONG)),
            "stream" => {
                logs[which].stream = Some(stream(&logs[which]));
                "streaming".to_owned()
            }
            "halt" => {
                let (stop, thread) = logs[which].stream.take().unwrap();
                stop.store(true, Ordering::Relaxed);
                thread.join().unwrap().to_string()
            }
            "close" => logs[which].guard.take().unwrap().shutdown(LONG).is_complete().to_string(),
            "threads" => threads("spool-signals").to_string(),
            _ => panic!("not understood: {line}"),
        };
        println!("{answer}");
    }
}

/// Its clock stands still, so that nothing is noticed without being said.
fn served(path: &Path) -> Served {
    let disk = Faulty::new();
    let (spool, guard) = Spool::builder(path)
        .overflow(Overflow::Block)
        .notices(Notices::Off)
        .max_bytes(1 << 30)
        .max_total_bytes(2 << 30)
        .open_with(disk.fs(), Arc::new(SimClock::new()))
        .unwrap();
    Served { spool, guard: Some(guard), stream: None }
}

/// Logs numbers from 0 on until it is stopped, and says how many.
fn stream(served: &Served) -> (Arc<AtomicBool>, JoinHandle<u64>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (spool, stopped) = (served.spool.clone(), Arc::clone(&stop));
    let handle = served.guard.as_ref().unwrap().handle();
    let thread = thread::spawn(move || {
        let mut number = 0_u64;
        while !stopped.load(Ordering::Relaxed) {
            log(&spool, &number.to_string());
            number += 1;
            if number % 20 == 0 {
                handle.flush(LONG).unwrap(); // no faster than the disk
            }
        }
        number
    });
    (stop, thread)
}

/// Threads of this process that are called so.
fn threads(name: &str) -> usize {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 0 };
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|comm| comm.trim_end() == name)
        .count()
}
