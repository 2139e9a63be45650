//! Ends of a process that are not foreseen: on another thread, by another signal, with records that come after the end, with
//! a stderr that takes nothing. It judges nothing: `tests/it/museum/manners.rs` looks at what is left.

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use std::{fs, io, process, thread};

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, Signal, kill, raise, signal};
use nix::sys::signalfd::SignalFd;
use nix::unistd::getpid;
use tracing_spool::{Compression, Overflow, SignalAction, Spool, SpoolGuard, flush_all};
use tracing_spool_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_spool_appender::rolling;
use tracing_spool_tests::faulty::Faulty;

use super::{LINES, LONG, WRITE, lines, log, open, stalled_spool, wait_for_the_end};

static SPOOL: OnceLock<Spool> = OnceLock::new();
/// Nobody drops what stands in a static.
static GUARD: Mutex<Option<SpoolGuard>> = Mutex::new(None);
/// How many records come last.
static RECORDS: AtomicU64 = AtomicU64::new(20);
static APPENDER: OnceLock<(NonBlocking, WorkerGuard)> = OnceLock::new();

/// Whether it is one of these ways, and so never comes back but to `main`'s end.
pub(super) fn leave(way: &str, path: &Path) -> bool {
    match way {
        "static-returns" => keep(open(path, LONG)),
        "static-thread-exits" => {
            keep(open(path, LONG));
            let _ = thread::spawn(|| process::exit(0)).join();
        }
        "exits-in-a-hook" => exits_in_a_hook(path),
        "appender-exits" => {
            appender(path);
            process::exit(0);
        }
        "appender-thread-exits" => {
            appender(path);
            let _ = thread::spawn(|| process::exit(0)).join();
        }
        "afterwards" => afterwards(path),
        "afterwards-stalled" => afterwards_stalled(path),
        "room-at-the-end" => room_at_the_end(path),
        "interrupted" => killed_by(Signal::SIGINT, path),
        "quit" => killed_by(Signal::SIGQUIT, path),
        "ignores-interrupt" => ignores_interrupt(path),
        "interrupt-is-mine" => interrupt_is_mine(path),
        "reads-signals" => reads_signals(path),
        "says-much" => says_much(path),
        _ => return false,
    }
    true
}

fn keep((spool, guard): (Spool, SpoolGuard)) {
    lines(&spool);
    SPOOL.set(spool).unwrap();
    *GUARD.lock().unwrap() = Some(guard);
}

/// A hook of another log ends the process, and leaves a record there that nobody is left to write.
fn exits_in_a_hook(path: &Path) {
    static OTHER: OnceLock<Spool> = OnceLock::new();
    keep(open(path, LONG));
    let other = Spool::builder(path.with_extension("other")).max_bytes(10_000).max_record_bytes(2_000);
    let ends = |_: &_| {
        log(OTHER.get().unwrap(), "too late\n");
        process::exit(0);
    };
    let (spool, _guard) = other.on_rotate(ends).open().unwrap();
    let spool = OTHER.get_or_init(|| spool);
    // The last of them is the one that has no room in the file: nothing waits behind it when the hook is called.
    (0..100).for_each(|number| log(spool, &format!("{number:0100}\n")));
    wait_for_the_end();
}

/// A writer that is as slow as the disk of the others.
struct Slow(rolling::RollingFileAppender);

impl io::Write for Slow {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        thread::sleep(Duration::from_micros(200));
        self.0.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn appender(path: &Path) {
    use io::Write as _;

    let (folder, name) = (path.parent().unwrap(), path.file_name().unwrap());
    let (mut writer, guard) = tracing_spool_appender::non_blocking(Slow(rolling::never(folder, name)));
    (0..LINES).for_each(|number| writer.write_all(format!("{number}\n").as_bytes()).unwrap());
    APPENDER.set((writer, guard)).unwrap_or_else(|_| panic!("twice"));
}

/// Logs as its thread ends, before the handlers of `exit` run on it.
struct Goodbye;

impl Drop for Goodbye {
    fn drop(&mut self) {
        log(SPOOL.get().unwrap(), "a destructor of the thread\n");
    }
}

thread_local! {
    static GOODBYE: RefCell<Option<Goodbye>> = const { RefCell::new(None) };
}

/// Runs after all that was registered later.
extern "C" fn last() {
    use io::Write as _;

    for number in 0..RECORDS.load(Ordering::Relaxed) {
        log(SPOOL.get().unwrap(), &format!("after all {number}\n"));
    }
    if let Some((writer, _)) = APPENDER.get() {
        writer.clone().write_all(b"after all\n").unwrap();
    }
}

extern "C" fn second_last() {
    log(SPOOL.get().unwrap(), "before the word\n");
}

fn at_exit(handler: extern "C" fn()) {
    #[expect(unsafe_code, reason = "what C code does at the end can only be seen by doing it")]
    // SAFETY: the handlers are functions of this program.
    let registered = unsafe { libc::atexit(handler) };
    assert_eq!(registered, 0);
}

/// Records of a thread's destructor, of a handler that runs before the spool's own, and of one that runs after it.
fn afterwards(path: &Path) {
    at_exit(last);
    GOODBYE.with(|place| *place.borrow_mut() = Some(Goodbye));
    appender(&path.with_extension("appender"));
    keep(open(path, LONG));
    at_exit(second_last);
}

/// The same, where each of them would wait for a disk that hangs.
fn afterwards_stalled(path: &Path) {
    at_exit(last);
    RECORDS.store(200, Ordering::Relaxed);
    let disk = Faulty::new();
    let opened = stalled_spool(&disk, path);
    disk.stall();
    keep(opened);
    disk.wait_for_stalled_write();
    at_exit(second_last);
    std::mem::forget(disk);
}

/// There is no room as the process ends, and some soon after.
fn room_at_the_end(path: &Path) {
    let disk = Faulty::new();
    let clock = Arc::new(tracing_spool_fileset::SystemClock::new());
    let (spool, guard) = Spool::builder(path).shutdown_timeout(LONG).open_with(disk.fs(), clock).unwrap();
    let full = tracing_spool_tests::faulty::Slip::fail(
        tracing_spool_fileset::Op::Write,
        tracing_spool_fileset::OsError::ENOSPC,
    );
    disk.slip(full);
    keep((spool, guard));
    while GUARD.lock().unwrap().as_ref().unwrap().handle().health().blocked_since.is_none() {
        thread::yield_now();
    }
    thread::spawn(move || {
        thread::sleep(WRITE * 4);
        disk.heal();
    });
    process::exit(0);
}

fn killed_by(signal: Signal, path: &Path) {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).unwrap();
    let (spool, guard) = open(path, LONG);
    guard.handle().install_signals().unwrap();
    lines(&spool);
    raise(signal).unwrap();
    wait_for_the_end();
}

/// As a shell starts what it leaves in the background.
fn ignores_interrupt(path: &Path) {
    #[expect(unsafe_code, reason = "a signal can be ignored by this call alone")]
    // SAFETY: no handler of ours is called.
    unsafe { signal(Signal::SIGINT, SigHandler::SigIgn) }.unwrap();
    let (spool, guard) = open(path, LONG);
    guard.handle().install_signals().unwrap();
    raise(Signal::SIGINT).unwrap();
    lines(&spool);
    drop(guard);
    println!("lives on");
}

/// A program that ends at SIGINT in its own way, and leaves that one to itself.
fn interrupt_is_mine(path: &Path) {
    let (spool, guard) = open(path, LONG);
    let mut mine = SigSet::empty();
    mine.add(Signal::SIGINT);
    mine.thread_block().unwrap();
    let actions = [SignalAction::Reopen, SignalAction::Terminate, SignalAction::Quit];
    guard.handle().install_signals_for(&actions).unwrap();
    lines(&spool);
    kill(getpid(), Signal::SIGINT).unwrap();
    println!("{}", mine.wait().unwrap());
    drop(guard);
}

/// A service that blocks its signals on the threads that it knows of, and reads one from a descriptor.
fn reads_signals(path: &Path) {
    let named = || println!("begins {}", thread::current().name().unwrap_or(""));
    let builder = Spool::builder(path).compression(Compression::Gzip).on_thread_start(named);
    let (spool, guard) = builder.open().unwrap();
    guard.handle().install_signals_for(&[SignalAction::Reopen]).unwrap();
    let (mut writer, _guard) =
        tracing_spool_appender::non_blocking(rolling::never(path.parent().unwrap(), "appender.log"));
    io::Write::write_all(&mut writer, b"line\n").unwrap();
    log(&spool, "record\n");
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGUSR2);
    signals.thread_block().unwrap();
    let reader = SignalFd::new(&signals).unwrap();
    for _ in 0..50 {
        kill(getpid(), Signal::SIGUSR2).unwrap();
        let read = reader.read_signal().unwrap().unwrap();
        assert_eq!(i32::try_from(read.ssi_signo), Ok(Signal::SIGUSR2 as i32));
    }
    // A thread that has just been made has its parent's name for a moment.
    flush_all(LONG).unwrap();
    while super::threads("leaver") > 1 {
        thread::yield_now();
    }
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let word =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        println!("thread {} {}", word("Name:"), word("SigBlk:"));
    }
    drop(guard);
}

/// Raises alerts, loses records, and drops the guard: all that is said on stderr. It tells of itself on stdout.
fn says_much(path: &Path) {
    let builder = Spool::builder(path).max_bytes(10_000).backup_count(3).max_record_bytes(2_000);
    let (spool, guard) =
        builder.overflow(Overflow::Block).shutdown_timeout(Duration::from_secs(2)).open().unwrap();
    let handle = guard.handle();
    fs::create_dir(path.with_extension("log.1")).unwrap();
    for number in 0..1_000 {
        log(&spool, &format!("record {number} of a service\n"));
    }
    handle.flush(LONG).unwrap();
    assert!(handle.health().last_alert.is_some(), "an alert was raised");
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    for _ in 0..10 {
        log(&spool, "too late");
    }
    println!("skipped {}", handle.stats().stderr_lines_skipped);
}
