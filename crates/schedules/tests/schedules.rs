//! Proves the hand-off, naps, parks, flushes, the end and what comes after it under many orders of steps: the spool as it
//! is, with every thread's steps put in order by a scheduler, on a simulated disk with a clock that runs fast.
//!
//! A wake-up that is lost is a deadlock here, or a wait without end, and both fail. An operation on one of crossbeam's queues is one step, and
//! memory is as if every access were `SeqCst`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use shuttle::thread;
use tracing_core::Level;
use tracing_core::metadata::{Kind, Metadata};
use tracing_spool_fileset::sim::SimDisk;
use tracing_spool_fileset::{Clock, Mono, Now, Wall};
use tracing_spool_schedules::{
    FlushError, LateRecords, Overflow, ShutdownReport, Spool, SpoolBuilder, SpoolGuard, Stats, let_naps_end,
};
use tracing_subscriber::fmt::MakeWriter as _;

const LOG: &str = "/log/app.log";
const LONG: Duration = Duration::from_secs(1_000_000);

/// How many orders a test tries, `TRACING_SPOOL_SCHEDULES` if it is set.
fn orders() -> usize {
    std::env::var("TRACING_SPOOL_SCHEDULES").ok().and_then(|count| count.parse().ok()).unwrap_or(40)
}

/// Tries so many orders drawn at random, and as many in which few threads are put off for long.
fn in_many_orders(test: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(test.clone(), orders());
    shuttle::check_pct(test, orders(), 3);
}

/// Each look at it is so many milliseconds later: the writer thread parks after a second without a record.
#[derive(Debug)]
struct FastClock {
    millis: AtomicI64,
    step: i64,
}

const NAPS_FIRST: i64 = 300;
const PARKS_AT_ONCE: i64 = 1_100;

impl Clock for FastClock {
    fn now(&self) -> Now {
        let millis = self.millis.fetch_add(self.step, Ordering::Relaxed);
        let since_start = Duration::from_millis(millis.unsigned_abs());
        Now { mono: Mono::from_start(since_start), wall: Wall::from_unix_micros(millis * 1_000) }
    }
}

struct Log {
    disk: SimDisk,
    spool: Spool,
    guard: Option<SpoolGuard>,
}

fn log(describe: impl FnOnce(SpoolBuilder) -> SpoolBuilder) -> Log {
    log_that_rests(NAPS_FIRST, describe)
}

fn log_that_rests(step: i64, describe: impl FnOnce(SpoolBuilder) -> SpoolBuilder) -> Log {
    let disk = SimDisk::new();
    let builder = describe(Spool::builder(LOG).quiet().shutdown_timeout(LONG));
    let (spool, guard) =
        builder.open_with(disk.fs(), Arc::new(FastClock { millis: AtomicI64::new(0), step })).unwrap();
    Log { disk, spool, guard: Some(guard) }
}

/// Metadata of an event of this level.
macro_rules! event_of {
    ($level:expr) => {{
        struct Here;
        impl tracing_core::Callsite for Here {
            fn set_interest(&self, _: tracing_core::Interest) {}
            fn metadata(&self) -> &Metadata<'_> {
                &META
            }
        }
        static HERE: Here = Here;
        static META: Metadata<'static> = Metadata::new(
            "event",
            "schedules",
            $level,
            None,
            None,
            None,
            tracing_core::field::FieldSet::new(&[], tracing_core::identify_callsite!(&HERE)),
            Kind::EVENT,
        );
        &META
    }};
}

fn write(spool: &Spool, level: Level, text: &str) {
    let meta = match level {
        Level::ERROR => event_of!(Level::ERROR),
        Level::DEBUG => event_of!(Level::DEBUG),
        _ => event_of!(Level::INFO),
    };
    spool.make_writer_for(meta).write_all(text.as_bytes()).unwrap();
}

/// `count` numbered records of a thread, some of each level.
fn say(spool: &Spool, thread: usize, count: usize, width: usize) {
    for number in 0..count {
        let level = [Level::INFO, Level::ERROR, Level::DEBUG][number % 3];
        write(spool, level, &format!("{thread} {number} {}", "x".repeat(width)));
    }
}

impl Log {
    fn shutdown(&mut self) -> ShutdownReport {
        self.guard.take().unwrap().shutdown(LONG)
    }

    fn stats(&self) -> Stats {
        self.guard.as_ref().unwrap().handle().stats()
    }

    /// Numbers by thread as they stand in the file, each whole.
    fn found(&self, width: usize) -> BTreeMap<usize, Vec<usize>> {
        let text = String::from_utf8(self.disk.read(LOG).unwrap()).unwrap();
        let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for line in text.lines().filter(|line| line.ends_with('x')) {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!((words.len(), words[2].len()), (3, width), "not whole: {line:?}");
            found.entry(words[0].parse().unwrap()).or_default().push(words[1].parse().unwrap());
        }
        found
    }

    /// Asserts that what stands in the file is in each thread's order, once, and as many as `written`.
    fn assert_found(&self, width: usize, written: u64) {
        let found = self.found(width);
        for (thread, numbers) in &found {
            assert!(numbers.is_sorted_by(|a, b| a < b), "thread {thread}: {numbers:?}");
        }
        assert_eq!(found.values().map(Vec::len).sum::<usize>() as u64, written);
    }
}

fn callers(spool: &Spool, threads: usize, count: usize, width: usize) -> Vec<thread::JoinHandle<()>> {
    let caller = |thread| {
        let spool = spool.clone();
        thread::spawn(move || say(&spool, thread, count, width))
    };
    (0..threads).map(caller).collect()
}

#[test]
fn every_record_of_three_callers_is_written_in_their_order() {
    in_many_orders(|| {
        let mut log = log(|builder| builder);
        for caller in callers(&log.spool, 3, 4, 5) {
            caller.join().unwrap();
        }
        let report = log.shutdown();
        assert!(report.is_complete() && report.written == 12, "{report}");
        log.assert_found(5, 12);
    });
}

#[test]
fn records_that_fill_lap_after_lap_are_written_in_their_order() {
    in_many_orders(|| {
        let mut log = log(|builder| builder.queue_bytes(4 * 1024).overflow(Overflow::Block));
        for caller in callers(&log.spool, 2, 5, 950) {
            caller.join().unwrap();
        }
        let report = log.shutdown();
        assert!(report.is_complete() && report.written == 10, "{report}");
        log.assert_found(950, 10);
    });
}

#[test]
fn long_records_are_written_in_their_order() {
    in_many_orders(|| {
        let mut log = log(|builder| builder.queue_bytes(64 * 1024));
        for caller in callers(&log.spool, 2, 3, 2_000) {
            caller.join().unwrap();
        }
        assert!(log.shutdown().is_complete());
        log.assert_found(2_000, 6);
    });
}

#[test]
fn a_parked_writer_thread_is_woken_by_a_record() {
    in_many_orders(|| {
        let mut log = log_that_rests(PARKS_AT_ONCE, |builder| builder);
        for number in 0..3 {
            write(&log.spool, Level::INFO, &format!("0 {number} xxx"));
            for _ in 0..number * 3 {
                thread::yield_now(); // time in which it may park
            }
        }
        while log.stats().written < 3 {
            thread::yield_now();
        }
        log.assert_found(3, 3);
        assert!(log.shutdown().is_complete());
    });
}

#[test]
fn an_error_and_a_flush_end_a_nap() {
    in_many_orders(|| {
        let_naps_end(false);
        let mut log = log(|builder| builder);
        let handle = log.guard.as_ref().unwrap().handle();
        let spool = log.spool.clone();
        let caller = thread::spawn(move || write(&spool, Level::ERROR, "0 0 xxx"));
        while log.stats().written < 1 {
            thread::yield_now();
        }
        write(&log.spool, Level::INFO, "1 0 xxx");
        handle.flush(LONG).unwrap();
        log.assert_found(3, 2);
        caller.join().unwrap();
        assert!(log.shutdown().is_complete());
        let_naps_end(true);
    });
}

#[test]
fn flushes_of_many_threads_find_their_records_in_the_file() {
    in_many_orders(|| {
        let mut log = log(|builder| builder);
        let flusher = |thread: usize| {
            let (spool, disk) = (log.spool.clone(), log.disk.clone());
            let handle = log.guard.as_ref().unwrap().handle();
            thread::spawn(move || {
                say(&spool, thread, 2, 3);
                handle.flush(LONG).unwrap();
                let text = String::from_utf8(disk.read(LOG).unwrap()).unwrap();
                assert!(text.contains(&format!("{thread} 1 xxx\n")), "not there: {text:?}");
            })
        };
        let flushers: Vec<_> = (0..3).map(flusher).collect();
        flushers.into_iter().for_each(|flusher| flusher.join().unwrap());
        assert!(log.shutdown().is_complete());
        log.assert_found(3, 6);
    });
}

#[test]
fn an_end_in_the_middle_of_records_and_flushes_counts_each_record() {
    in_many_orders(|| {
        let mut log = log(|builder| builder);
        let handle = log.guard.as_ref().unwrap().handle();
        let callers = callers(&log.spool, 2, 4, 3);
        let flusher = {
            let handle = handle.clone();
            thread::spawn(move || match handle.flush(LONG) {
                Ok(()) | Err(FlushError::Closed { .. }) => {}
                Err(error) => panic!("{error}"),
            })
        };
        let report = log.shutdown();
        assert!(!report.timed_out && report.left == 0, "{report}");
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        flusher.join().unwrap();
        let stats = handle.stats();
        assert_eq!((stats.queue.records, stats.written + stats.dropped.total()), (0, 8));
        log.assert_found(3, stats.written);
    });
}

#[test]
fn a_full_queue_lets_callers_wait_or_counts_what_it_drops() {
    in_many_orders(|| {
        for overflow in [Overflow::Block, Overflow::DropNewest] {
            let mut log = log(|builder| builder.queue_records(2).overflow(overflow));
            let handle = log.guard.as_ref().unwrap().handle();
            for caller in callers(&log.spool, 2, 3, 3) {
                caller.join().unwrap();
            }
            assert_eq!(log.shutdown().left, 0);
            let stats = handle.stats();
            assert_eq!((stats.queue.records, stats.written + stats.dropped.total()), (0, 6));
            assert!(overflow == Overflow::DropNewest || stats.dropped.total() == 0);
            log.assert_found(3, stats.written);
        }
    });
}

#[test]
fn records_that_come_late_are_written_by_their_callers() {
    in_many_orders(|| {
        let mut log = log(|builder| builder.late_records(LateRecords::Write));
        let handle = log.guard.as_ref().unwrap().handle();
        let callers = callers(&log.spool, 2, 3, 3);
        assert_eq!(log.shutdown().left, 0);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        let stats = handle.stats();
        assert_eq!((stats.queue.records, stats.written, stats.dropped.total()), (0, 6, 0));
        log.assert_found(3, 6);
    });
}
