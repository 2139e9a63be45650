//! Proves that a caller allocates nothing in the steady state, and that a busy writer thread writes large pieces.
//! A binary of its own, as its allocator counts. What the writer thread allocates is its own affair.
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing_spool::{Clock, Op, Overflow, Spool, SpoolHandle, SyncPolicy};
use tracing_spool_fileset::SystemClock;
use tracing_spool_tests::scripted::Script;
use tracing_subscriber::fmt::MakeWriter as _;
use tracing_subscriber::prelude::*;

const LONG: Duration = Duration::from_secs(60);

/// The system's allocator, and a count of its calls on each thread.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends allocates after its counter is gone.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: each method is the system allocator's, called with what it was given; counting touches no memory of theirs.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the rules of this same method.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the rules of this same method.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the rules of this same method.
        unsafe { System.realloc(pointer, layout, size) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller keeps the rules of this same method.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls of the allocator on this thread while `work` runs.
fn calls_during(work: impl FnOnce()) -> u64 {
    let before = CALLS.with(Cell::get);
    work();
    CALLS.with(Cell::get) - before
}

/// Bursts of a hundred events, the file waited for between them; the calls of all bursts but the first ten.
fn calls_in_bursts(handle: &SpoolHandle, mut event: impl FnMut(u32)) -> u64 {
    let mut calls = 0;
    for burst in 0..110 {
        let in_this = calls_during(|| (0..100).for_each(|number| event(burst * 100 + number)));
        calls += if burst < 10 { 0 } else { in_this };
        handle.flush(LONG).unwrap();
    }
    calls
}

#[test]
fn the_counter_counts() {
    assert_eq!(calls_during(|| drop(std::hint::black_box(Box::new(7_u64)))), 2);
}

#[test]
fn a_caller_allocates_nothing_in_the_steady_state() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, guard) = Spool::builder(dir.path().join("app.log")).open().unwrap();
    // Lengths around one size of buffer and the next, so that both are in the steady state.
    let line = [b'x'; 200];
    let calls = calls_in_bursts(&guard.handle(), |number| {
        let mut writer = spool.make_writer();
        writer.write_all(&line[..60 + number as usize % 60]).unwrap();
    });
    assert_eq!(calls, 0, "for 10,000 records through the `MakeWriter`");

    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(spool);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let calls = calls_in_bursts(&guard.handle(), |number| {
            tracing::info!(order = number, state = "shipped", "an event");
        });
        assert_eq!(calls, 0, "for 10,000 events through `tracing::info!`");
    });
    let report = guard.shutdown(LONG);
    assert_eq!((report.written, report.dropped), (22_000, 0));
}

#[test]
fn at_saturation_the_median_write_carries_64_kib() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(SystemClock::new()));
    let script = Script::new(Arc::clone(&clock) as Arc<dyn Clock>);
    let (spool, guard) = Spool::builder(dir.path().join("app.log"))
        .overflow(Overflow::Block)
        .sync(SyncPolicy::Never)
        .open_with(script.fs(), clock)
        .unwrap();
    let handle = guard.handle();
    script.hold_writes();
    thread::scope(|scope| {
        for _ in 0..4 {
            let spool = &spool;
            scope.spawn(move || {
                (0..100_000).for_each(|_| spool.make_writer().write_all(&[b'x'; 120]).unwrap());
            });
        }
        // Saturated from the first write that counts to the last: the queue is full before it begins.
        script.wait_for_held_write();
        while handle.stats().queued_records < 100_000 {
            thread::yield_now();
        }
        script.forget_calls();
        script.let_go();
    });
    assert!(guard.shutdown(LONG).is_complete());
    let calls = script.calls();
    let mut sizes: Vec<usize> =
        calls.iter().filter(|call| call.op == Op::Write && call.bytes > 0).map(|call| call.bytes).collect();
    sizes.sort_unstable();
    assert!(sizes.iter().sum::<usize>() > 40_000_000, "not all writes were seen");
    let median = sizes[sizes.len() / 2];
    assert!(median >= 64 * 1024, "{median} bytes, of {} writes", sizes.len());
}
