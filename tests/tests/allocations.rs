//! Proves that a caller allocates nothing in the steady state, and that at saturation a write carries much.
//! A binary of its own, because a program has one allocator.
#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tracing_spool::{Overflow, Spool, SyncPolicy};
use tracing_spool_appender as appender;
use tracing_spool_fileset::{Op, SystemClock};
use tracing_spool_tests::faulty::Faulty;
use tracing_subscriber::fmt::MakeWriter as _;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Allocations of this thread while `work` runs.
fn counted(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_caller_allocates_nothing_in_the_steady_state() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, guard) = Spool::builder(dir.path().join("app.log")).quiet().open().unwrap();
    let handle = guard.handle();
    let line = [b'x'; 120];
    // In bursts that the stock of buffers serves, with the file written in between: what a service does.
    let burst = |log: &dyn Fn()| {
        for _ in 0..400 {
            log();
        }
        handle.flush(PATIENCE).unwrap();
    };
    let alone = || spool.make_writer().write_all(&line).unwrap();
    burst(&alone);
    let in_bursts = (0..50).map(|_| {
        let count = counted(|| (0..400).for_each(|_| alone()));
        handle.flush(PATIENCE).unwrap();
        count
    });
    assert_eq!(in_bursts.sum::<u64>(), 0, "the writer alone");

    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(spool.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let event = || tracing::info!(user = 7, path = "/orders", "request served");
        burst(&event);
        let through_tracing: u64 = (0..50)
            .map(|_| {
                let count = counted(|| (0..400).for_each(|_| event()));
                handle.flush(PATIENCE).unwrap();
                count
            })
            .sum();
        assert_eq!(through_tracing, 0, "the whole path");
    });
    assert!(guard.shutdown(PATIENCE).is_complete());
}

/// In two spans, whose fields each format has shown before.
#[test]
fn an_event_through_the_layer_allocates_nothing_in_any_format() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, guard) = Spool::builder(dir.path().join("app.log")).quiet().open().unwrap();
    let handle = guard.handle();
    let layers: [(&str, tracing::Dispatch); 4] = [
        ("text", registry().with(spool.layer().with_thread_names(true)).into()),
        ("compact", registry().with(spool.layer().compact()).into()),
        ("json", registry().with(spool.layer().json().with_thread_names(true).with_thread_ids(true)).into()),
        ("logfmt", registry().with(spool.layer().logfmt().with_thread_names(true)).into()),
    ];
    for (format, dispatch) in layers {
        tracing::dispatcher::with_default(&dispatch, || {
            let _request = tracing::info_span!("request", id = 7_u64, path = "/orders").entered();
            let _query = tracing::info_span!("query", table = "orders").entered();
            let event = || tracing::info!(user = 7, took = ?Duration::from_micros(3), "request served");
            let burst = || {
                let count = counted(|| (0..400).for_each(|_| event()));
                handle.flush(PATIENCE).unwrap();
                count
            };
            burst();
            assert_eq!((0..20).map(|_| burst()).sum::<u64>(), 0, "{format}");
        });
    }
    assert!(guard.shutdown(PATIENCE).is_complete());
}

/// The text of a second is made anew by whichever caller comes first in it.
#[test]
fn the_first_event_of_a_second_allocates_nothing() {
    use tracing_spool_format::EventTime;
    use tracing_subscriber::fmt::{format::Writer, time::FormatTime as _};
    for time in [EventTime::utc(), EventTime::in_zone("Asia/Kathmandu").unwrap()] {
        let mut text = String::with_capacity(64);
        let mut second = |since: Option<&str>| {
            let count = counted(|| {
                while text.is_empty() || since.is_some_and(|before| text.starts_with(before)) {
                    text.clear();
                    time.format_time(&mut Writer::new(&mut text)).unwrap();
                }
            });
            (count, text[..19].to_owned())
        };
        let (_, warm) = second(None);
        let (count, later) = second(Some(&warm));
        assert_eq!(count, 0, "from {warm} to {later}");
    }
}

#[test]
fn a_caller_of_the_appender_allocates_nothing_in_the_steady_state_either() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let (writer, guard) = appender::non_blocking(appender::rolling::never(dir.path(), "app.log"));
    let counter = writer.error_counter();
    let line = [b'x'; 120];
    let mut written = 0;
    let mut burst = || {
        let count = counted(|| (0..400).for_each(|_| writer.make_writer().write_all(&line).unwrap()));
        written += 400 * 120;
        while std::fs::metadata(&path).unwrap().len() < written {
            std::thread::yield_now();
        }
        count
    };
    burst();
    assert_eq!((0..50).map(|_| burst()).sum::<u64>(), 0);
    drop(guard);
    assert_eq!(counter.dropped_lines(), 0);
}

/// Takes nothing until its other end is dropped.
struct Gate(std::sync::mpsc::Receiver<()>);

impl std::io::Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_that_the_appender_sheds_costs_its_caller_no_allocation_either() {
    let (gate, closed) = std::sync::mpsc::channel();
    let builder = appender::non_blocking::NonBlockingBuilder::default().buffered_lines_limit(64);
    let (writer, guard) = builder.finish(Gate(closed));
    let log = |lines| (0..lines).for_each(|_| writer.make_writer().write_all(b"a line\n").unwrap());
    log(2_000);
    let before = writer.error_counter().dropped_lines();
    assert!(before > 0);
    assert_eq!(counted(|| log(1_000)), 0);
    assert_eq!(writer.error_counter().dropped_lines(), before + 1_000);
    drop(gate);
    drop(guard);
}

#[test]
fn at_saturation_the_median_write_carries_64_kib() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let (spool, guard) = Spool::builder(dir.path().join("app.log"))
        .overflow(Overflow::Block)
        .sync(SyncPolicy::Never)
        .quiet()
        .open_with(disk.fs(), Arc::new(SystemClock::new()))
        .unwrap();
    let line = [b'x'; 119];
    for _ in 0..500_000 {
        spool.make_writer().write_all(&line).unwrap();
    }
    assert!(guard.shutdown(PATIENCE).is_complete());
    let mut writes: Vec<usize> =
        disk.journal().iter().filter(|call| call.op == Op::Write).map(|call| call.bytes).collect();
    writes.sort_unstable();
    let median = writes[writes.len() / 2];
    assert!(median >= 64 * 1024, "{median} bytes in the median of {} writes", writes.len());
}
