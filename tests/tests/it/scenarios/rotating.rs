//! Proves that rotation happens at the threshold, loses nothing and keeps as many backups as were asked for.
//! It proves nothing about rotations that fail.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::thread;

use tracing_spool::{Overflow, Spool, SyncPolicy};
use tracing_spool_fileset::{FileSet, Settings};

use crate::support::{LONG, assert_lines, content, files, listing, log, read, scene};

/// 10 MiB, the default.
#[test]
fn rotation_at_threshold() {
    const THRESHOLD: u64 = 10 * 1024 * 1024;
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).overflow(Overflow::Block).open().unwrap();
    let lines: Vec<String> = (0..250_000)
        .map(|number: usize| format!("{number:06} {}\n", "x".repeat(100 + number % 47)))
        .collect();
    lines.iter().for_each(|line| log(&spool, line));
    assert!(guard.shutdown(LONG).is_complete());
    let files = files(&path);
    assert_eq!(files.len(), 4, "30 MB are three full files and the live one");
    let texts: Vec<String> = files.iter().map(read).collect();
    assert!(texts.concat() == lines.concat(), "the same lines in the same order");
    for pair in texts.windows(2) {
        let (full, next) = (pair[0].len() as u64, pair[1].lines().next().unwrap().len() as u64 + 1);
        assert!(full <= THRESHOLD, "{full} bytes");
        assert!(full + next > THRESHOLD, "rotated too early: {full} bytes, and the next record has {next}");
    }
}

#[test]
fn a_file_may_be_exactly_full() {
    let (_dir, path) = scene();
    let mut settings = Settings::new(&path);
    settings.max_bytes = 100;
    let mut set = FileSet::open(settings).unwrap();
    (0..10).for_each(|_| set.write_all(b"123456789\n").unwrap());
    assert_eq!((set.live_bytes(), set.counters().rotations), (100, 0));
    set.write_all(b"\n").unwrap();
    assert_eq!((set.live_bytes(), set.counters().rotations), (1, 1));
}

#[test]
fn rotation_maintains_integrity() {
    // The last: files of 500 bytes, where the original lost data.
    for (max_bytes, messages) in [(5 * 1024, 50), (5 * 1024, 2_000), (500, 50), (500, 1_000)] {
        let (_dir, path) = scene();
        let (spool, guard) = Spool::builder(&path)
            .max_bytes(max_bytes)
            .backup_count(300)
            .overflow(Overflow::Block)
            .sync(SyncPolicy::Never)
            .open()
            .unwrap();
        let mut expected = String::new();
        for number in 0..messages {
            let line = format!("message {number} of {messages}: {}", "integrity ".repeat(number % 9));
            writeln!(expected, "{line}").unwrap();
            log(&spool, &line);
        }
        let stats = guard.handle();
        assert!(guard.shutdown(LONG).is_complete());
        assert_eq!(content(&path), expected, "{max_bytes} bytes, {messages} messages");
        let rotations = stats.stats().files.rotations;
        assert!(rotations >= expected.len() as u64 / max_bytes, "{rotations} rotations");
        assert_eq!(files(&path).len() as u64, rotations + 1);
    }
}

#[test]
fn backup_count_enforced() {
    const GENERATIONS: u32 = 9;
    for backup_count in [5, 1, 0] {
        let (dir, path) = scene();
        // Somebody else's, close to ours.
        fs::write(dir.path().join("app.log.6.gz"), "foreign").unwrap();
        let (spool, guard) = Spool::builder(&path).backup_count(backup_count).open().unwrap();
        let handle = guard.handle();
        for generation in 0..GENERATIONS {
            log(&spool, &format!("generation {generation}"));
            handle.flush(LONG).unwrap();
            handle.rotate().unwrap();
            handle.flush(LONG).unwrap();
            let kept = u64::from(backup_count.min(generation + 1));
            assert_eq!(files(&path).len() as u64, kept + 1, "after generation {generation}");
        }
        log(&spool, "newest");
        handle.flush(LONG).unwrap();
        let mut expected: String = (GENERATIONS - backup_count..GENERATIONS)
            .map(|number| format!("generation {number}\n"))
            .collect();
        expected.push_str("newest\n");
        assert_eq!(content(&path), expected, "the oldest went, in order");
        assert_eq!(handle.stats().files.pruned_files, u64::from(GENERATIONS - backup_count));
        assert!(listing(dir.path()).iter().any(|entry| entry.0 == "app.log.6.gz"));
        drop(guard);
    }
}

#[test]
fn concurrent_logging_during_rotation() {
    for (threads, each, max_bytes) in [(5, 100, 10_000), (8, 50_000, 1_000_000)] {
        let (_dir, path) = scene();
        let (spool, guard) = Spool::builder(&path)
            .max_bytes(max_bytes)
            .backup_count(100)
            .overflow(Overflow::Block)
            .open()
            .unwrap();
        let handle = guard.handle();
        thread::scope(|scope| {
            for thread in 0..threads {
                let spool = &spool;
                scope.spawn(move || {
                    (0..each).for_each(|number| log(spool, &format!("{thread} {number} {number:036}")));
                });
            }
        });
        let report = guard.shutdown(LONG);
        assert!(report.is_complete(), "{report}");
        assert_eq!((report.written, report.dropped), ((threads * each) as u64, 0));
        assert_lines(&path, threads, each);
        assert!(handle.stats().files.rotations >= 2, "{:?}", handle.stats().files);
    }
}
