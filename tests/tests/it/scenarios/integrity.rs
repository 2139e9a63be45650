//! Proves that rotation keeps every record: at the threshold, in small and tiny files, with threads writing all along.
//! Bounds and failing disks are the other scenarios'.

use std::time::Duration;

use tracing_spool_tests::files::{RealDisk, of_log, read_back, record};

use super::{log, spool};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn rotation_at_threshold() {
    const MAX: u64 = 10 * 1024 * 1024;
    let dir = tempfile::tempdir().unwrap();
    let (path, builder) = spool(dir.path());
    let (spool, guard) = builder.open().unwrap();
    let handle = guard.handle();
    // 1,024 bytes a record with its newline: 10,240 of them are exactly the threshold.
    for number in 0..10_240 {
        log(&spool, &record(0, number, 1_023));
    }
    handle.flush(PATIENCE).unwrap();
    assert_eq!(handle.stats().files.rotations, 0, "exactly full is not too full");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), MAX);
    log(&spool, &record(0, 10_240, 1_023));
    handle.flush(PATIENCE).unwrap();
    assert_eq!(handle.stats().files.rotations, 1, "rotated before the record that would exceed it");
    let sizes: Vec<usize> = of_log(&RealDisk, &path).iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(sizes, [10 * 1024 * 1024, 1_024]);
    read_back(&RealDisk, &path).assert_numbers(0, 10_241);
    assert!(guard.shutdown(PATIENCE).is_complete());
}

/// All of `records` records in files of `max_bytes`, with backups enough to hold them.
fn nothing_is_lost_in_files_of(max_bytes: u64, records: u32) {
    let dir = tempfile::tempdir().unwrap();
    let (path, builder) = spool(dir.path());
    let (spool, guard) = builder.max_bytes(max_bytes).backup_count(500).open().unwrap();
    for number in 0..records {
        log(&spool, &record(0, number, 100 + (number as usize * 13) % 90));
    }
    let report = guard.shutdown(PATIENCE);
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.written, u64::from(records));
    let found = read_back(&RealDisk, &path);
    found.assert_numbers(0, records);
    assert!(found.sizes.len() > 5, "{:?}", found.sizes);
    assert!(found.sizes.values().all(|bytes| *bytes <= max_bytes), "{:?}", found.sizes);
}

#[test]
fn rotation_maintains_integrity() {
    nothing_is_lost_in_files_of(5 * 1024, 250);
    nothing_is_lost_in_files_of(500, 250);
}

/// `threads` at once, `each` records of each, in files of `max_bytes`.
fn all_there_once_in_order(threads: u32, each: u32, max_bytes: u64, backups: u32) {
    let dir = tempfile::tempdir().unwrap();
    let (path, builder) = spool(dir.path());
    let builder = builder.max_bytes(max_bytes).backup_count(backups).max_total_bytes(1 << 30);
    let (spool, guard) = builder.open().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let spool = &spool;
            scope.spawn(move || (0..each).for_each(|number| log(spool, &record(thread, number, 60))));
        }
    });
    let stats = guard.handle().stats();
    let report = guard.shutdown(PATIENCE);
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.written, u64::from(threads * each));
    let found = read_back(&RealDisk, &path);
    for thread in 0..threads {
        let wanted: Vec<u32> = (0..each).collect();
        assert_eq!(found.threads[&thread], wanted, "thread {thread}, {stats:?}");
    }
    assert!(found.sizes.len() > 2, "{:?}", found.sizes);
}

#[test]
fn concurrent_logging_during_rotation() {
    all_there_once_in_order(5, 100, 10 * 1024, 10);
    all_there_once_in_order(8, 50_000, 1024 * 1024, 40);
}
