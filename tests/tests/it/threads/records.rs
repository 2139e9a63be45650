//! Proves what becomes of records on their way: kept by level, bounded in bytes, whole, and harmless to a terminal.
//! It says nothing about the order of records of different threads.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::thread;

use tracing_spool::{Overflow, Reason, Spool};
use tracing_spool_fileset::SystemClock;
use tracing_spool_tests::faulty::Faulty;
use tracing_subscriber::fmt::MakeWriter as _;
use tracing_subscriber::prelude::*;

use crate::support::{LONG, is_child, log, passes_alone, read, scene};

#[test]
fn museum_t9_an_error_is_kept_when_the_queue_is_full_of_debug() {
    let ((_dir, path), clock) = (scene(), Arc::new(SystemClock::new()));
    let disk = Faulty::new();
    let (spool, guard) = Spool::builder(&path).queue_records(1_000).open_with(disk.fs(), clock).unwrap();
    let handle = guard.handle();
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(spool);
    let subscriber = tracing_subscriber::registry().with(layer);
    disk.stall();
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug!("the first hangs in a write");
        disk.wait_for_stalled_write();
        for number in 0..2_000 {
            tracing::debug!(number, "chatter");
        }
        assert!(handle.stats().dropped.by(Reason::QueueFull, tracing::Level::DEBUG) > 1_000);
        for number in 0..100 {
            tracing::error!(number, "trouble");
            tracing::warn!(number, "doubt");
        }
    });
    disk.release();
    assert!(guard.shutdown(LONG).is_complete());
    let dropped = handle.stats().dropped;
    assert_eq!(dropped.at_level(tracing::Level::ERROR), 0);
    assert_eq!(
        read(&path).lines().filter(|line| line.contains("ERROR") && line.contains("trouble")).count(),
        100
    );
    assert_eq!(
        dropped.total(),
        dropped.at_level(tracing::Level::DEBUG) + dropped.at_level(tracing::Level::WARN)
    );
}

const T10: &str = "threads::records::museum_t10_memory_is_bounded_under_a_stalled_disk";

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// In a process of its own, whose memory nobody else uses.
#[test]
fn museum_t10_memory_is_bounded_under_a_stalled_disk() {
    const BOUND: u64 = 4 << 20;
    if !is_child(T10) {
        passes_alone(T10);
        return;
    }
    let ((_dir, path), clock) = (scene(), Arc::new(SystemClock::new()));
    let disk = Faulty::new();
    let (spool, guard) =
        Spool::builder(&path).quiet().queue_bytes(BOUND).open_with(disk.fs(), clock).unwrap();
    let handle = guard.handle();
    disk.stall();
    log(&spool, "the first hangs in a write");
    disk.wait_for_stalled_write();
    let (record, before) = ("x".repeat(64 * 1024), resident());
    for _ in 0..20_000 {
        log(&spool, &record);
    }
    let (stats, grown) = (handle.stats(), resident().saturating_sub(before));
    assert!(stats.queue.bytes <= BOUND, "{stats:?}");
    assert!(stats.dropped.for_reason(Reason::QueueFull) > 19_900, "{stats:?}");
    if cfg!(target_os = "linux") {
        assert!(grown <= 2 * BOUND, "{grown} bytes more for records of 1.3 GB");
    }
    disk.release();
    let report = guard.shutdown(LONG);
    assert!(report.is_complete() && report.written + report.dropped == 20_001, "{report}");
}

#[test]
fn museum_t11_an_event_in_pieces_is_one_record() {
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).overflow(Overflow::Block).open().unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let spool = &spool;
            scope.spawn(move || {
                for number in 0..500 {
                    let mut event = spool.make_writer();
                    write!(event, "[{thread} ").unwrap();
                    thread::yield_now(); // let the others in between
                    event.write_all(number.to_string().as_bytes()).unwrap();
                    event.flush().unwrap();
                    assert_eq!(event.write(b" end]").unwrap(), 5);
                    thread::yield_now();
                    event.write_all(b"\n").unwrap();
                }
            });
        }
    });
    let report = guard.shutdown(LONG);
    assert_eq!((report.written, report.dropped), (2_000, 0));
    let mut lines: Vec<String> = read(&path).lines().map(str::to_owned).collect();
    let mut expected: Vec<String> =
        (0..4).flat_map(|thread| (0..500).map(move |number| format!("[{thread} {number} end]"))).collect();
    lines.sort();
    expected.sort();
    assert!(lines == expected, "pieces of different records were mixed");
}

#[test]
fn museum_t13_odd_bytes_are_written_so_that_they_do_no_harm() {
    let odd: [(&[u8], &str, &str); 7] = [
        (b"invalid \xff\xfe utf-8", "invalid \\xff\\xfe utf-8", "invalid \\xff\\xfe utf-8"),
        (b"nul \0 byte", "nul \\x00 byte", "nul \\x00 byte"),
        (b"esc \x1b[2J", "esc \\x1b[2J", "esc \\x1b[2J"),
        ("c1 \u{9b}31m".as_bytes(), "c1 \\u{9b}31m", "c1 \\u{9b}31m"),
        (b"bell \x07 del \x7f cr \r", "bell \\x07 del \\x7f cr \\x0d", "bell \\x07 del \\x7f cr \\x0d"),
        (b"tab \t stays", "tab \t stays", "tab \t stays"),
        (b"ok\nERROR forged", "ok\nERROR forged", "ok\\nERROR forged"),
    ];
    for single_line in [false, true] {
        let (_dir, path) = scene();
        let builder = Spool::builder(&path);
        let (spool, guard) = if single_line { builder.single_line() } else { builder }.open().unwrap();
        let mut empty = spool.make_writer();
        assert_eq!(empty.write(b"").unwrap(), 0);
        empty.write_all(b"").unwrap();
        drop(empty);
        let mut expected = String::new();
        for (bytes, text, in_one_line) in odd {
            spool.make_writer().write_all(bytes).unwrap();
            expected.push_str(if single_line { in_one_line } else { text });
            expected.push('\n');
        }
        let report = guard.shutdown(LONG);
        assert_eq!(report.written, 7, "a write of no bytes is no record");
        assert_eq!(read(&path), expected, "single_line: {single_line}");
    }
    // As they came, where that is wished.
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).raw_bytes().open().unwrap();
    spool.make_writer().write_all(b"\x1b[2J\xff\0").unwrap();
    assert!(guard.shutdown(LONG).is_complete());
    assert_eq!(fs::read(&path).unwrap(), b"\x1b[2J\xff\0\n");
}
