//! Proves that all files together stay within the budget while hundreds of megabytes are written, watched from outside.
//! It proves nothing about a disk that is itself too small.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tracing_spool::{Overflow, Spool};

use crate::support::{LONG, content, listing, log, scene};

const BUDGET: u64 = 60 * 1024 * 1024;
const LINE: usize = 500;
const LINES: usize = 600_000;

/// What counts towards the budget: the live file, the hidden one, the backups.
fn is_counted(name: &str) -> bool {
    name == "app.log" || name == ".app.log.new" || name.starts_with("app.log.")
}

/// Inodes and bytes of what counts.
fn look(dir: &Path) -> (BTreeSet<u64>, u64) {
    let (mut inodes, mut bytes) = (BTreeSet::new(), 0);
    for entry in fs::read_dir(dir).unwrap().flatten() {
        // One that goes before it was looked at makes the next look differ, which is what it is there for.
        if let (true, Ok(meta)) = (entry.file_name().to_str().is_some_and(is_counted), entry.metadata()) {
            // A file renamed while the directory is read may be seen twice.
            if inodes.insert(meta.ino()) {
                bytes += meta.size();
            }
        }
    }
    (inodes, bytes)
}

/// Looks until told to stop; returns the most bytes seen, and how many looks counted: those before and after which
/// the same files stood there. In between, sizes only grow, so the sum is at most what they had at the end.
fn sample(dir: &Path, stop: &AtomicBool) -> (u64, u64) {
    let (mut most, mut samples) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let (before, bytes) = look(dir);
        if look(dir).0 == before {
            most = most.max(bytes);
            samples += 1;
        }
        thread::yield_now();
    }
    (most, samples)
}

#[test]
fn disk_usage_bounded() {
    let (dir, path) = scene();
    // More backups than the budget has room for: the budget alone makes them go.
    let (spool, guard) = Spool::builder(&path).backup_count(20).overflow(Overflow::Block).open().unwrap();
    let handle = guard.handle();
    let stop = AtomicBool::new(false);
    let (most, samples) = thread::scope(|scope| {
        let sampler = scope.spawn(|| sample(dir.path(), &stop));
        let mut line = "x".repeat(LINE - 1);
        for number in 0..LINES {
            line.replace_range(..6, &format!("{number:06}"));
            log(&spool, &line);
        }
        let report = guard.shutdown(LONG);
        stop.store(true, Ordering::Relaxed);
        assert!(report.is_complete() && report.dropped == 0, "{report}");
        sampler.join().unwrap()
    });
    assert!(samples > 100, "too few looks: {samples}");
    assert!(most <= BUDGET, "{most} bytes at an instant, of {samples} looked at");
    assert!(most > BUDGET - (11 << 20), "the budget was not even approached: {most}");
    let files = handle.stats().files;
    assert!(files.pruned_files >= 20, "{files:?}");
    assert_eq!(files.bytes_written, (LINES * LINE) as u64);
    let text = content(&path);
    let first: usize = text[..6].parse().unwrap();
    let kept = text.lines().zip(first..).filter(|(line, number)| line[..6] == format!("{number:06}")).count();
    assert_eq!(kept, LINES - first, "the newest lines, none missing");
    assert!(listing(dir.path()).iter().all(|entry| is_counted(&entry.0) || entry.0 == ".app.log.lock"));
}
