//! Proves that a panic, a hook that logs, many flushes and a sleeping writer thread neither lose records nor hang.
//! What becomes of records on their way is proved beside this, in `records`.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::{getppid, gettid};
use tracing_spool::{Compression, FlushError, Hook, Op, OsError, SLOW_HOOK, Spool, SpoolHandle};
use tracing_spool_fileset::SystemClock;
use tracing_spool_fileset::sim::SimClock;
use tracing_spool_tests::faulty::{Faulty, Slip};
use tracing_spool_tests::skip;
use tracing_subscriber::prelude::*;

use crate::support::{LONG, child, finish, is_child, log, passes_alone, read, said, scene, until};

#[test]
fn museum_t1_a_panic_in_the_writer_thread_keeps_the_batch() {
    let ((_dir, path), clock) = (scene(), Arc::new(SystemClock::new()));
    let disk = Faulty::new();
    let (spool, guard) = Spool::builder(&path).quiet().open_with(disk.fs(), clock).unwrap();
    let handle = guard.handle();
    // Twice in a row, in the middle of a batch; the rule itself never fits.
    let left = AtomicU64::new(2);
    disk.slip(Slip::fail(Op::Write, OsError::EIO).only(move |_| {
        let is_due = left.load(Ordering::SeqCst) > 0;
        if is_due {
            left.fetch_sub(1, Ordering::SeqCst);
            panic!("the file system panics");
        }
        false
    }));
    let lines: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
    for line in &lines {
        log(&spool, line); // does not panic
    }
    handle.flush(LONG).unwrap();
    log(&spool, "afterwards");
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.written, report.dropped, report.panics), (31, 0, 2));
    assert_eq!(read(&path), lines.join("\n") + "\nafterwards\n", "each once, in order");
}

#[test]
fn museum_t4_eight_flushes_of_a_whole_spool_return() {
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).open().unwrap();
    // A thread that panicked would leave the others at the barrier.
    let (begin, wrong) = (Barrier::new(8), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for thread in 0..8 {
            let (spool, handle, path, begin, wrong) = (&spool, guard.handle(), &path, &begin, &wrong);
            scope.spawn(move || {
                for number in 0..50 {
                    let line = format!("thread {thread} line {number}\n");
                    log(spool, &line);
                    begin.wait(); // all eight at once
                    let outcome = handle.flush(LONG);
                    if outcome.is_err() || !read(path).contains(&line) {
                        wrong.lock().unwrap().push((line, outcome));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} flushes, the first: {:?}", wrong.len(), wrong[0]);
    assert_eq!(guard.handle().stats().written, 400);
}

const T8: &str = "threads::writer_thread::museum_t8_a_hook_that_logs_neither_hangs_nor_loops";

/// In a process of its own: the spool is the one that all threads log to, the hook's thread too.
#[test]
fn museum_t8_a_hook_that_logs_neither_hangs_nor_loops() {
    if !is_child(T8) {
        passes_alone(T8);
        return;
    }
    let ((_dir, path), clock) = (scene(), Arc::new(SystemClock::new()));
    let disk = Faulty::new();
    let own: Arc<OnceLock<SpoolHandle>> = Arc::default();
    let (handle, calls) = (Arc::clone(&own), Arc::new(AtomicU64::new(0)));
    let seen = Arc::clone(&calls);
    let (spool, guard) = Spool::builder(&path)
        .quiet()
        .queue_records(8)
        .overflow(tracing_spool::Overflow::Block)
        .on_alert(move |alert| {
            seen.fetch_add(1, Ordering::SeqCst);
            // More than the queue holds: anywhere else, a caller would wait for the writer thread.
            (0..20).for_each(|number| tracing::error!(number, %alert, "from the hook"));
            assert_eq!(handle.get().unwrap().flush(LONG), Err(FlushError::OnWriterThread));
        })
        .open_with(disk.fs(), clock)
        .unwrap();
    own.set(guard.handle()).unwrap();
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(spool);
    tracing_subscriber::registry().with(layer).init();
    disk.slip(Slip::fail(Op::Write, OsError::ENOSPC).of_name("app.log"));
    tracing::info!("one");
    assert!(matches!(guard.handle().flush(LONG), Err(FlushError::Blocked { left: 1 })));
    disk.heal();
    guard.handle().flush(LONG).unwrap();
    tracing::info!("two");
    let report = guard.shutdown(LONG);
    assert!(report.is_complete() && report.panics == 0, "{report}");
    assert_eq!(calls.load(Ordering::SeqCst), 2, "raised and cleared, and no alert about an alert");
    assert_eq!((report.written, report.dropped), (2, 0), "what the hook logs goes nowhere");
}

const T12: &str = "threads::writer_thread::museum_t12_a_napping_writer_costs_callers_no_system_call";

/// One event each millisecond: between two, the writer thread naps. `strace` counts what the caller's thread does
/// between two marks: calls of `getppid`, which nothing else makes.
#[test]
fn museum_t12_a_napping_writer_costs_callers_no_system_call() {
    if is_child(T12) {
        let (_dir, path) = scene();
        let (spool, guard) = Spool::builder(&path).open().unwrap();
        log(&spool, "the first may find it parked");
        guard.handle().flush(LONG).unwrap();
        println!("caller {}", gettid());
        getppid();
        for number in 0..300 {
            let begun = Instant::now();
            log(&spool, &format!("event {number}"));
            while begun.elapsed() < Duration::from_millis(1) {
                std::hint::spin_loop();
            }
        }
        getppid();
        assert!(guard.shutdown(LONG).is_complete());
        return;
    }
    let (dir, _) = scene();
    let trace = dir.path().join("trace");
    let works = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    if !works.is_ok_and(|output| output.status.success()) {
        return skip("museum_t12_a_napping_writer_costs_callers_no_system_call", "strace cannot trace here");
    }
    let calls = "trace=getppid,futex,write,writev,sched_yield,tgkill";
    let runner = ["strace", "-f", "-qq", "-e", calls, "-o", trace.to_str().unwrap()];
    let output = finish(&mut child(T12, &runner));
    assert!(output.status.success(), "{}", said(&output));
    let printed = String::from_utf8_lossy(&output.stdout);
    let caller = printed.lines().find_map(|line| line.split_once("caller ")).unwrap().1.trim();
    let trace = read(&trace);
    // A call during which another thread calls has a second line, on which it is resumed.
    let own: Vec<&str> = trace
        .lines()
        .filter(|line| line.split_whitespace().next() == Some(caller) && !line.contains(" resumed>"))
        .collect();
    let marks: Vec<usize> = own
        .iter()
        .enumerate()
        .filter(|(_, line)| line.contains("getppid("))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(marks.len(), 2, "{own:?}");
    let between = &own[marks[0] + 1..marks[1]];
    assert!(between.is_empty(), "{} calls for 300 events: {between:?}", between.len());
    let writes = trace.lines().filter(|line| line.contains("event ")).count();
    assert!(writes > 10, "the writer thread was awake now and then: {writes} writes");
}

#[test]
fn a_hook_is_called_first_on_each_thread_of_a_spool() {
    let (_dir, path) = scene();
    let begun: Arc<Mutex<Vec<String>>> = Arc::default();
    let names = Arc::clone(&begun);
    let (spool, guard) = Spool::builder(&path)
        .compression(Compression::Gzip)
        .on_thread_start(move || {
            names.lock().unwrap().push(thread::current().name().unwrap_or("").to_owned());
            panic!("in the hook");
        })
        .open()
        .unwrap();
    let handle = guard.handle();
    log(&spool, "written");
    handle.flush(LONG).unwrap();
    assert!(until(|| handle.stats().panics == 2), "each is caught and counted: {:?}", handle.stats());
    assert!(guard.shutdown(LONG).is_complete());
    assert_eq!(read(&path), "written\n");
    let mut begun = begun.lock().unwrap().clone();
    begun.sort_unstable();
    assert_eq!(begun, ["tracing-spool", "tracing-spool-pack"]);
}

#[test]
fn a_hook_that_hangs_is_named_by_health_and_callers_go_on() {
    let (_dir, path) = scene();
    let (clock, disk) = (SimClock::new(), Faulty::new());
    let ((begun, begins), (end, ends)) = (channel(), channel());
    let ends = Mutex::new(ends);
    let (spool, guard) = Spool::builder(&path)
        .quiet()
        .on_rotate(move |_| {
            begun.send(()).unwrap();
            ends.lock().unwrap().recv_timeout(LONG).unwrap();
        })
        .open_with(disk.fs(), Arc::new(clock.clone()))
        .unwrap();
    let handle = guard.handle();
    log(&spool, "before");
    handle.flush(LONG).unwrap();
    handle.rotate().unwrap();
    begins.recv_timeout(LONG).unwrap();
    assert!(handle.health().is_well());
    clock.advance(SLOW_HOOK * 2);
    let slow = handle.health().slow_hook.unwrap();
    assert_eq!((slow.hook, slow.time), (Hook::Rotate, SLOW_HOOK * 2));
    assert!(!handle.health().is_well());
    assert!(handle.prometheus_text().contains("hook=\"on_rotate\"} 2\n"));
    log(&spool, "meanwhile"); // does not wait
    end.send(()).unwrap();
    handle.flush(LONG).unwrap();
    assert!(handle.health().is_well());
    assert_eq!(read(&path), "meanwhile\n");
    assert!(guard.shutdown(LONG).is_complete());
}
