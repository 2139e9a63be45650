//! Tests whole spools, with a real directory and real threads. No test sleeps; each waits for an event.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tracing_core::Level;
use tracing_spool_fileset::sim::{Fault, SimDisk};
use tracing_spool_fileset::{
    Batch, Compression, Disk, Engine, Op, OsError, SyncPolicy, SystemClock, Unfinished,
};
use tracing_spool_ring::MOST_BYTES;
use tracing_subscriber::fmt::MakeWriter as _;
use tracing_subscriber::prelude::*;

use super::*;
use crate::account::ledger::Reason;
use crate::platform::sync;
use crate::worker::requests::FlushError;

const LONG: Duration = Duration::from_secs(60);

fn scene() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    (dir, path)
}

fn log(spool: &Spool, text: &str) {
    spool.make_writer().write_all(text.as_bytes()).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test looks at the file")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test looks at the directory")]
fn names(dir: &TempDir) -> usize {
    std::fs::read_dir(dir.path()).unwrap().count()
}

#[test]
fn a_log_from_begin_to_end() {
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).open().unwrap();
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(spool);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info!(target: "shop", order = 7, "shipped");
        tracing::debug!(target: "shop", "packed");
    });
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.to_string(), "2 records written, 0 left, 0 dropped");
    assert_eq!(read(&path), " INFO shop: shipped order=7\nDEBUG shop: packed\n");
}

#[test]
fn a_record_may_be_as_long_as_the_longest() {
    let faults = |limit| {
        Spool::builder("app.log").queue_bytes(MOST_BYTES).max_record_bytes(limit).description.faults().len()
    };
    assert_eq!((faults(1 << 30), faults((1 << 30) + 1)), (0, 1));
}

#[test]
fn a_ring_at_a_path_of_the_log_is_a_fault() {
    let (dir, path) = scene();
    let at = |name: &str| dir.path().join(name);
    let is_refused = |ring: PathBuf, describe: fn(SpoolBuilder) -> SpoolBuilder| {
        let builder = Spool::builder(&path).archive_dir(at("archive")).latest_link(at("latest"));
        match describe(builder).durable(Durable::at(ring).on_any_file_system().or_memory()).open() {
            Err(OpenError::Unusable(faults)) => faults.iter().any(|fault| fault.field == "durable"),
            other => panic!("{other:?}"),
        }
    };
    let bad = |builder: SpoolBuilder| builder.max_bytes(0); // nothing is created
    let names = ["app.log", "app.log.3", "app.log.2.gz", ".app.log.lock", ".app.log.new", ".app.log.pack"];
    for name in names.into_iter().chain(["app.log.2026-11-23", "latest", "ALERT_LOG_ROTATION_FAILED.txt"]) {
        assert!(is_refused(at(name), bad), "{name}");
    }
    assert!(is_refused(at("archive/app.log.1"), bad));
    let through = dir.path().join("..").join(dir.path().file_name().unwrap()).join("app.log");
    assert!(is_refused(through, bad), "another way to the same directory");
    assert!(!is_refused(at("alert.txt"), |builder| builder.alert_file("/x/alert.txt").max_bytes(0)));
    assert!(is_refused(PathBuf::new(), bad));
    assert!(!is_refused(at("app.ring"), bad) && !is_refused(at("other/app.log"), bad));
    assert_eq!(self::names(&dir), 0);
}

#[test]
fn all_faults_at_once_and_nothing_is_created() {
    let (dir, path) = scene();
    let missing = path.with_file_name("missing").join("app.log");
    let error = Spool::builder(&missing)
        .require_dir()
        .queue_bytes(10)
        .queue_records(0)
        .max_record_bytes(2_000)
        .shutdown_timeout(Duration::ZERO)
        .thread_name("a\0b")
        .max_bytes(0)
        .sync(SyncPolicy::Never)
        .sync_at(Level::ERROR)
        .open()
        .unwrap_err();
    let OpenError::Unusable(faults) = &error else { panic!("{error}") };
    let mut fields: Vec<&str> = faults.iter().map(|fault| fault.field).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "max_bytes",
            "max_record_bytes",
            "path",
            "queue_bytes",
            "queue_records",
            "shutdown_timeout",
            "sync_at",
            "thread_name"
        ],
        "{error}"
    );
    assert!(error.to_string().contains("queue_records = 0: must be from 1 to"), "{error}");
    assert_eq!(names(&dir), 0);
}

#[test]
fn the_record_limit_follows_the_smaller_bound() {
    let (_dir, path) = scene();
    let (_spool, guard) = Spool::builder(&path).queue_bytes(2_048).open().unwrap();
    drop(guard);
    let too_long = Spool::builder(&path).queue_bytes(1 << 40).max_record_bytes(2 << 30).open();
    let OpenError::Unusable(faults) = too_long.unwrap_err() else { panic!() };
    assert!(faults.len() >= 2);
}

#[test]
fn museum_t2_a_thread_that_cannot_be_spawned_is_an_error() {
    let (_dir, path) = scene();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut open = |settings, _: Option<(Unfinished, &mut Batch)>| Engine::open(settings, clock.now());
    let no_thread = |_, _| Err(io::Error::from_raw_os_error(11));
    let description = Spool::builder(&path).description;
    let error = start::open_by(description, &Disk::new(), &mut open, &clock, no_thread).unwrap_err();
    assert!(matches!(error, OpenError::Thread(_)), "{error}");
    assert!(error.to_string().contains("writer thread"), "{error}");
    let (_spool, guard) = Spool::builder(&path).open().expect("what was opened was closed again");
    drop(guard);
}

#[test]
fn a_thread_for_compression_that_cannot_be_spawned_is_an_error() {
    let (_dir, path) = scene();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let only_the_writer = |builder: thread::Builder, life: Box<dyn FnOnce() + Send>| {
        let is_other = format!("{builder:?}").contains("-pack");
        if is_other { Err(io::Error::from_raw_os_error(11)) } else { sync::spawn(builder, life) }
    };
    let builder = Spool::builder(&path).compression(Compression::Gzip);
    let mut open = |settings, _: Option<(Unfinished, &mut Batch)>| Engine::open(settings, clock.now());
    let description = builder.clone().description;
    let error = start::open_by(description, &Disk::new(), &mut open, &clock, only_the_writer).unwrap_err();
    assert!(matches!(error, OpenError::Thread(_)), "{error}");
    let (_spool, guard) = builder.open().expect("what was opened was closed again");
    drop(guard);
}

#[test]
fn a_second_spool_is_refused_or_waits() {
    let (_dir, path) = scene();
    let (_spool, guard) = Spool::builder(&path).open().unwrap();
    let error = Spool::builder(&path).lock_wait(Duration::from_millis(30)).open().unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    thread::scope(|scope| {
        let second = scope.spawn(|| Spool::builder(&path).lock_wait(LONG).open().map(drop));
        drop(guard);
        second.join().unwrap().expect("it comes in when the first has gone");
    });
}

#[test]
fn museum_t4_eight_concurrent_flushes_return() {
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).open().unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let (spool, handle, path) = (&spool, guard.handle(), &path);
            scope.spawn(move || {
                for number in 0..50 {
                    let line = format!("thread {thread} line {number}\n");
                    log(spool, &line);
                    handle.flush(LONG).unwrap();
                    assert!(read(path).contains(&line));
                }
            });
        }
    });
    assert_eq!(guard.handle().stats().written, 400);
}

#[test]
fn museum_t5_a_guard_dropped_at_once_is_counted() {
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).quiet().open().unwrap();
    let handle = guard.handle();
    drop(guard);
    log(&spool, "nobody keeps this");
    let stats = handle.stats();
    assert_eq!((stats.offered, stats.dropped.by(Reason::Closed, Level::INFO)), (1, 1));
    assert!(matches!(handle.flush(LONG), Err(FlushError::Closed { left: 0 })));
}

#[test]
fn the_ledger_is_exact_with_four_threads_and_a_tiny_queue() {
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path)
        .queue_records(16)
        .queue_bytes(2_048)
        .notices(Notices::Off)
        .max_bytes(1 << 20)
        .backup_count(50)
        .open()
        .unwrap();
    let handle = guard.handle();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25_000).for_each(|_| log(&spool, "a line of some length")));
        }
        for _ in 0..1_000 {
            let stats = handle.stats();
            assert!(stats.queue.records <= 16 && stats.queue.bytes <= 2_048);
        }
    });
    let report = guard.shutdown(LONG);
    let stats = handle.stats();
    assert!(report.is_complete(), "{report}");
    assert_eq!((stats.offered, report.written + report.dropped), (100_000, 100_000));
    assert_eq!(stats.written, stats.files.records_written);
    assert!(stats.dropped.total() > 0, "the queue was meant to be too small");
}

#[test]
fn nothing_is_lost_by_those_who_wait() {
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path)
        .queue_records(16)
        .overflow(Overflow::Block)
        .sync(SyncPolicy::Never)
        .open()
        .unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let spool = &spool;
            scope.spawn(move || (0..2_000).for_each(|number| log(spool, &format!("{thread} {number}"))));
        }
    });
    let report = guard.shutdown(LONG);
    assert_eq!((report.written, report.dropped), (8_000, 0));
    let text = read(&path);
    for thread in 0..4 {
        let prefix = format!("{thread} ");
        let numbers: Vec<u32> =
            text.lines().filter_map(|line| line.strip_prefix(&prefix)?.parse().ok()).collect();
        assert_eq!(numbers, (0..2_000).collect::<Vec<_>>(), "in order, each once");
    }
}

#[test]
fn museum_t8_a_hook_that_logs_through_tracing_ends() {
    let (disk, calls) = (SimDisk::new(), Arc::new(AtomicU64::new(0)));
    let seen = Arc::clone(&calls);
    let handle: Arc<OnceLock<crate::SpoolHandle>> = Arc::default();
    let own = Arc::clone(&handle);
    let (spool, guard) = Spool::builder("/log/app.log")
        .quiet()
        .on_alert(move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
            tracing::error!("goes nowhere");
            assert_eq!(own.get().unwrap().flush(LONG), Err(FlushError::OnWriterThread));
        })
        .open_with(disk.fs(), Arc::new(SystemClock::new()))
        .unwrap();
    handle.set(guard.handle()).unwrap();
    disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::ENOSPC).until_cleared());
    log(&spool, "held");
    assert_eq!(guard.handle().flush(LONG), Err(FlushError::Blocked { left: 1 }));
    disk.clear_faults();
    assert!(guard.shutdown(LONG).is_complete());
    assert!(calls.load(Ordering::SeqCst) >= 1);
    assert_eq!(disk.read("/log/app.log").unwrap().split(|byte| *byte == b'\n').next(), Some(&b"held"[..]));
}

#[test]
fn museum_d10_a_stalled_disk_stops_neither_callers_nor_the_end() {
    let (disk, stall) = (SimDisk::new(), Arc::new((Barrier::new(2), Barrier::new(2))));
    let (spool, guard) = Spool::builder("/log/app.log")
        .quiet()
        .queue_records(10)
        .open_with(disk.fs(), Arc::new(SystemClock::new()))
        .unwrap();
    let (inside, once) = (Arc::clone(&stall), AtomicBool::new(false));
    disk.fault(Fault::on(Op::Write).path_ends("app.log").matching(move |_| {
        if !once.swap(true, Ordering::SeqCst) {
            inside.0.wait();
            inside.1.wait();
        }
        false
    }));
    log(&spool, "stuck");
    stall.0.wait();
    for _ in 0..20 {
        log(&spool, "behind it");
    }
    let handle = guard.handle();
    assert!(matches!(handle.flush(Duration::from_millis(1)), Err(FlushError::TimedOut { left: 9 })));
    let report = guard.shutdown(Duration::from_millis(20));
    assert!(report.timed_out, "{report}");
    assert_eq!((report.left, report.dropped), (9, 12));
    stall.1.wait();
}

#[test]
fn a_spool_may_be_static_and_sent() {
    static LOG: OnceLock<Spool> = OnceLock::new();
    fn is_usable_everywhere<T: Send + Sync + Clone + fmt::Debug>(_: &T) {}
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).open().unwrap();
    is_usable_everywhere(&spool);
    is_usable_everywhere(&guard.handle());
    log(LOG.get_or_init(|| spool), "from a static");
    drop(guard);
    assert_eq!(read(&path), "from a static\n");
}
