//! Proves that the end comes, says what is left, and that a forked child neither hangs nor harms its parent's log.
//! How long a sick disk may hold up the end is proved in `crates/spool/src/open/builder/tests.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tracing_spool::{FlushError, LateRecords, OpenError, Overflow, Reason, Spool, SpoolGuard, SpoolHandle};
use tracing_spool_fileset::SystemClock;
use tracing_spool_tests::faulty::Faulty;
use tracing_spool_tests::forked;

use crate::support::{LONG, is_child, log, passes_alone, read, scene, until};

const T3: &str = "threads::leaving::museum_t3_a_forked_child_never_hangs";

/// In a process of its own, so that nothing but this test forks with this test's files open.
#[test]
fn museum_t3_a_forked_child_never_hangs() {
    if !is_child(T3) {
        passes_alone(T3);
        return;
    }
    for overflow in [Overflow::Block, Overflow::DropNewest] {
        let (_dir, path) = scene();
        let (spool, guard) = Spool::builder(&path)
            .quiet()
            .queue_records(64)
            .overflow(overflow)
            .late_records(LateRecords::Write)
            .open()
            .unwrap();
        log(&spool, "before");
        guard.handle().flush(LONG).unwrap();
        let Some(child) = forked::in_two() else { forked::leave(in_the_child(&spool, guard)) };
        assert_eq!(forked::end(child), Ok(()), "{overflow:?}: the code says which step went wrong");

        // The parent's log goes on, and is still its own.
        log(&spool, "after");
        guard.handle().flush(LONG).unwrap();
        assert_eq!(read(&path), "before\nafter\n", "nothing of the child's, nothing twice");
        let second = Spool::builder(&path).open().unwrap_err();
        assert!(matches!(second, OpenError::Locked { .. }), "{second}");
        let stats = guard.handle().stats();
        assert_eq!((stats.written, stats.dropped.total()), (2, 0));
        assert!(guard.shutdown(LONG).is_complete());
    }
}

/// Logs, flushes, drops; 0, or the number of the step that did not go as it should.
fn in_the_child(spool: &Spool, guard: SpoolGuard) -> i32 {
    let handle = guard.handle();
    // More than the queue holds: whoever waited for room would wait for ever.
    (0..200).for_each(|_| log(spool, "from the child"));
    if handle.flush(LONG / 12) != Err(FlushError::Forked) {
        return 1;
    }
    if handle.rotate().is_ok() || handle.reopen().is_ok() {
        return 2;
    }
    if !guard.shutdown(LONG).forked {
        return 3;
    }
    log(spool, "after the end");
    let dropped = handle.stats().dropped;
    if dropped.for_reason(Reason::Forked) < 100 {
        return 4;
    }
    if dropped.total() != dropped.for_reason(Reason::Forked) {
        return 5;
    }
    0
}

const T5: &str = "threads::leaving::museum_t5_a_guard_dropped_at_once_is_counted_and_said_once";

#[test]
fn museum_t5_a_guard_dropped_at_once_is_counted_and_said_once() {
    if !is_child(T5) {
        let printed = passes_alone(T5);
        let said: Vec<&str> =
            printed.lines().filter(|line| line.contains("after the guard was dropped")).collect();
        assert_eq!(said.len(), 1, "{printed}");
        return;
    }
    let (_dir, path) = scene();
    let opened = |late| {
        let mut handle: Option<SpoolHandle> = None;
        let (spool, _) = Spool::builder(&path)
            .late_records(late)
            .open()
            .inspect(|(_, guard)| handle = Some(guard.handle()))
            .unwrap();
        (spool, handle.unwrap())
    };
    let (spool, handle) = opened(LateRecords::Count);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| log(&spool, "nobody keeps this")));
        }
    });
    let stats = handle.stats();
    assert_eq!((stats.offered, stats.dropped.for_reason(Reason::Closed), stats.written), (400, 400, 0));
    assert!(matches!(handle.flush(LONG), Err(FlushError::Closed { left: 0 })));
    assert_eq!(read(&path), "");
    // Or written by the callers themselves, where that is wished.
    let (spool, handle) = opened(LateRecords::Write);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| log(&spool, "kept")));
        }
    });
    assert_eq!(read(&path), "kept\n".repeat(400));
    assert_eq!((handle.stats().written, handle.stats().dropped.total()), (400, 0));
}

#[test]
fn a_disk_that_hangs_at_the_end_is_waited_for_once() {
    const PATIENCE: Duration = Duration::from_millis(200);
    let (_dir, path) = scene();
    let disk = Faulty::new();
    let builder = Spool::builder(&path).quiet().late_records(LateRecords::Write).shutdown_timeout(PATIENCE);
    let (spool, guard) = builder.open_with(disk.fs(), Arc::new(SystemClock::new())).unwrap();
    let handle = guard.handle();
    log(&spool, "in time");
    handle.flush(LONG).unwrap();
    disk.stall();
    log(&spool, "hangs");
    disk.wait_for_stalled_write();
    drop(guard);
    // One of them waits for the writer thread to leave its files; 200 times that would be 40 s.
    let begun = Instant::now();
    (0..200).for_each(|_| log(&spool, "lost"));
    assert!(begun.elapsed() < LONG / 6);
    assert_eq!(handle.stats().dropped.for_reason(Reason::Closed), 200);

    // When the disk is back, late records are written; and then it hangs under one of them.
    disk.release();
    assert!(until(|| {
        log(&spool, "back");
        read(&path).contains("back")
    }));
    disk.stall();
    thread::scope(|scope| {
        scope.spawn(|| log(&spool, "hangs late"));
        disk.wait_for_stalled_write();
        let begun = Instant::now();
        (0..200).for_each(|_| log(&spool, "lost"));
        let took = begun.elapsed();
        disk.release();
        assert!(took < LONG / 6, "{took:?}");
    });
    log(&spool, "last");
    let text = read(&path);
    assert!(text.starts_with("in time\nhangs\n") && text.ends_with("hangs late\nlast\n"), "{text}");
}

#[test]
fn museum_t6_the_end_comes_while_others_keep_logging() {
    for overflow in [Overflow::DropNewest, Overflow::Block] {
        let (_dir, path) = scene();
        let (spool, guard) =
            Spool::builder(&path).quiet().queue_records(100).overflow(overflow).open().unwrap();
        let (handle, stop, offered) = (guard.handle(), AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        log(&spool, "on and on");
                        offered.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let ended = until(|| handle.stats().written > 1_000);
            let report = guard.shutdown(LONG);
            stop.store(true, Ordering::Relaxed);
            assert!(ended && !report.timed_out && report.left == 0, "{overflow:?}: {report}");
        });
        let stats = handle.stats();
        assert_eq!((stats.offered, stats.queue.records), (offered.into_inner(), 0), "{overflow:?}");
        let lines = read(&path).lines().filter(|line| *line == "on and on").count();
        assert_eq!(lines as u64, stats.written, "{overflow:?}: the books are true");
    }
}
