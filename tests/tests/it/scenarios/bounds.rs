//! Proves that counts and bytes are bounded: so many backups, so many bytes in all at every instant, and a full disk
//! survived.
//! That nothing is lost below these bounds is `integrity`'s.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracing_spool::{Notices, Overflow, Spool};
use tracing_spool_tests::files::{RealDisk, of_log, read_back, record};
use tracing_spool_tests::{child, skip};

use super::{log, spool};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn backup_count_enforced() {
    for count in [5, 1, 0] {
        let dir = tempfile::tempdir().unwrap();
        let (path, builder) = spool(dir.path());
        let (spool, guard) = builder.max_bytes(1_000).backup_count(count).open().unwrap();
        for number in 0..100 {
            log(&spool, &record(0, number, 99));
        }
        let handle = guard.handle();
        handle.flush(PATIENCE).unwrap();
        // Ten records a file: the newest are kept, the oldest file went first.
        read_back(&RealDisk, &path).assert_numbers(90 - 10 * count, 100);
        assert_eq!(of_log(&RealDisk, &path).len() as u32, count + 1);
        assert_eq!(handle.stats().files.pruned_files, u64::from(9 - count));
        assert!(guard.shutdown(PATIENCE).is_complete());
    }
}

/// Bytes of the set's files, if no file came or went while they were looked at.
///
/// Files only grow, so the set was at least as large at the second look as the sum of the first. They are kept open in
/// between: the inode of a file that was removed must not come back as that of a new one.
fn sampled_total(dir: &Path) -> Option<u64> {
    let look = || -> Option<BTreeMap<u64, File>> {
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(dir).ok()? {
            let path = entry.ok()?.path();
            if !path.to_str()?.ends_with(".lock") {
                let file = File::open(path).ok()?;
                files.insert(file.metadata().ok()?.ino(), file);
            }
        }
        Some(files)
    };
    let before = look()?;
    let total =
        before.values().map(|file| file.metadata().map(|meta| meta.len())).sum::<Result<u64, _>>().ok()?;
    let after = look()?;
    before.keys().eq(after.keys()).then_some(total)
}

#[test]
fn disk_usage_bounded() {
    const MIB: u64 = 1024 * 1024;
    let dir = tempfile::tempdir().unwrap();
    // The origin's limits are the defaults: 10 MiB, 5 backups, 60 MiB; and one where the budget bites first.
    for cap in [60 * MIB, 35 * MIB] {
        let (path, builder) = spool(&dir.path().join(cap.to_string()));
        let (spool, guard) = builder.max_total_bytes(cap).open().unwrap();
        let done = AtomicBool::new(false);
        let line = record(0, 0, 999);
        std::thread::scope(|scope| {
            let sampler = scope.spawn(|| {
                let (mut samples, mut most) = (0, 0);
                while !done.load(Ordering::Relaxed) {
                    if let Some(total) = sampled_total(path.parent().unwrap()) {
                        samples += 1;
                        most = total.max(most);
                    }
                }
                (samples, most)
            });
            for _ in 0..250_000 {
                log(&spool, &line);
            }
            guard.handle().flush(PATIENCE).unwrap();
            done.store(true, Ordering::Relaxed);
            let (samples, most) = sampler.join().unwrap();
            assert!(samples > 100, "{samples} samples");
            assert!(most <= cap, "{most} of {cap}");
            assert!(most > cap / 2, "{most} of {cap}");
        });
        assert!(guard.handle().stats().files.rotations >= 20);
        assert!(guard.shutdown(PATIENCE).is_complete());
    }
}

/// The child of `low_disk_space_handling`: its folder is a full 1 MiB tmpfs of its own.
fn on_a_full_disk(folder: &Path) {
    child::run("mount", &[&"-t", &"tmpfs", &"-o", &"size=1m", &"tmpfs", &folder]);
    let path = folder.join("app.log");
    let (spool, guard) = Spool::builder(&path)
        .max_bytes(100 * 1024)
        .backup_count(5)
        .queue_records(1_000)
        .overflow(Overflow::DropNewest)
        .notices(Notices::Text)
        .quiet()
        .open()
        .unwrap();
    let handle = guard.handle();
    let mut number = 0;
    let mut offer = |count: u32| {
        for _ in 0..count {
            log(&spool, &record(0, number, 499));
            number += 1;
        }
    };
    (0..4).for_each(|_| {
        offer(200);
        handle.flush(PATIENCE).unwrap();
    });
    // Somebody else takes the room, and what is freed: own backups go first, then records wait, then they are counted.
    let hog = folder.join("hog");
    let mut greedy = File::create(&hog).unwrap();
    for _ in 0..50 {
        while greedy.write(&[0; 4096]).is_ok() {}
        offer(300);
        if handle.flush(Duration::from_millis(500)).is_err() {
            break;
        }
    }
    offer(2_000);
    let during = handle.stats();
    assert!(during.files.pruned_files > 0, "{during:?}");
    assert!(during.dropped.total() > 0, "{during:?}");
    assert!(!handle.health().is_well(), "it warns: {:?}", handle.health());
    drop(greedy);
    std::fs::remove_file(&hog).unwrap();
    let freed = Instant::now();
    handle.flush(PATIENCE).unwrap();
    assert!(freed.elapsed() < Duration::from_secs(2), "back within a second: {:?}", freed.elapsed());
    assert!(handle.health().is_well(), "{:?}", handle.health());
    let report = guard.shutdown(PATIENCE);
    let stats = handle.stats();
    assert_eq!((stats.offered, stats.queue.records), (u64::from(number), 0));
    assert_eq!(stats.offered, stats.written + stats.dropped.total());
    assert_eq!(report.left, 0);
    let found = read_back(&RealDisk, &path);
    assert_eq!(found.lost_as_told(), stats.dropped.total(), "said to the record: {:?}", found.notices);
    assert!(!folder.join("ALERT_LOG_ROTATION_FAILED.txt").exists());
}

#[test]
fn low_disk_space_handling() {
    if let Some(folder) = child::folder() {
        return on_a_full_disk(&folder);
    }
    let dir = tempfile::tempdir().unwrap();
    match child::that_mounts("scenarios::bounds::low_disk_space_handling", dir.path()) {
        Ok(mut command) => drop(child::assert_passed(&command.output().unwrap())),
        Err(reason) => skip("low_disk_space_handling", &reason),
    }
}
