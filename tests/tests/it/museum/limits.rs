//! Proves that caps hold at every instant, and that a slow, hanging or limited disk costs callers nothing that they
//! did not ask for (rows D7–D10). It does not prove what a failing disk costs: that is `disk`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tracing_spool::{Edge, FlushError, Overflow, Reason, Spool, SyncPolicy, Trouble};
use tracing_spool_fileset::internal::name::{Names, Role};
use tracing_spool_fileset::sim::{Fault, SimClock, SimDisk};
use tracing_spool_fileset::{Op, OsError, SystemClock};
use tracing_spool_tests::faulty::{Faulty, Slip};
use tracing_spool_tests::files::{RECORD_BYTES, RealDisk, read_back};
use tracing_spool_tests::world::{World, small};
use tracing_spool_tests::{child, skip};

use super::scene::{LONG, folder, ledger, log, real, until};

const RECORD: u64 = RECORD_BYTES as u64;

/// Whether a name counts against the cap.
fn is_counted(names: &Names, name: &OsStr) -> bool {
    matches!(names.role(name), Some(Role::Live | Role::Hidden | Role::Backup(_)))
}

/// Which file: its inode, and when it was made, as numbers are given again.
type Identity = (u64, u64, Option<SystemTime>);

/// The files of the set and their sizes, each as it was when it was looked at.
fn sizes(names: &Names) -> BTreeMap<Identity, u64> {
    let entries = fs::read_dir(names.dir()).unwrap().filter_map(Result::ok);
    let look = |entry: fs::DirEntry| {
        let data = entry.metadata().ok()?;
        is_counted(names, &entry.file_name())
            .then(|| ((data.dev(), data.ino(), data.created().ok()), data.len()))
    };
    entries.filter_map(look).collect()
}

/// Looks at the files a thousand times a second until told to stop; returns how many looks counted and the largest
/// total among them.
fn sample(names: &Names, stop: &AtomicBool) -> (u32, u64) {
    let (mut counted, mut largest) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let seen = sizes(names);
        // Files only grow, and all these were there all the time: together they were at least so large at once.
        if seen.keys().collect::<BTreeSet<_>>() == sizes(names).keys().collect() {
            counted += 1;
            largest = largest.max(seen.values().sum());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    (counted, largest)
}

#[test]
fn museum_d7_the_total_is_never_over_the_cap() {
    const CAP: u64 = 9_000;
    const WIDTH: usize = 100;
    const SENT: u32 = 60_000;
    let (_dir, live) = folder();
    let names = Names::new(&live).unwrap();
    let (spool, guard) = Spool::builder(&live)
        .max_bytes(2_000)
        .backup_count(6) // seven files of 2,000: the cap decides
        .max_total_bytes(CAP)
        .sync(SyncPolicy::Never)
        .overflow(Overflow::Block)
        .quiet()
        .open()
        .unwrap();
    let stop = AtomicBool::new(false);
    let (counted, largest) = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| sample(&names, &stop));
        let sampled = || {
            log(&spool, 0, 0..SENT, WIDTH);
            guard.handle().flush(LONG)
        };
        let flushed = sampled();
        stop.store(true, Ordering::Relaxed);
        flushed.unwrap();
        sampler.join().unwrap()
    });
    let rotations = guard.handle().stats().files.rotations;
    assert!(rotations >= 2_900, "{rotations}");
    assert!(guard.shutdown(LONG).is_complete());
    println!("{counted} samples over {rotations} rotations, the largest {largest} of {CAP}");
    assert!(counted >= 20, "{counted} samples");
    assert!((CAP / 2..=CAP).contains(&largest), "{largest}");
    let found = read_back(&RealDisk, &live);
    found.assert_numbers(found.numbers()[0], SENT);
}

#[test]
fn twin_d7_after_every_call_on_a_simulated_disk() {
    for (cap, backup_count, short) in [(12, 9, None), (13, 2, Some(7)), (5, 0, None), (40, 5, Some(33))] {
        let disk = SimDisk::new();
        let mut settings = small("/logs/app.log");
        (settings.max_total_bytes, settings.backup_count) = (cap * RECORD, backup_count);
        settings.max_record_bytes = Some(4 * RECORD);
        let names = Names::new(&settings.path).unwrap();
        disk.assert_total("/logs", move |name| is_counted(&names, name), cap * RECORD);
        disk.set_short_writes(short);
        let mut world = World::simulated(&disk, settings);
        for _ in 0..2 {
            world.open();
            for number in 0..200_usize {
                // Every third call of a kind that rotation needs fails, so that files grow over their size.
                if number % 9 == 0 {
                    disk.fault(
                        Fault::on([Op::Rename, Op::Create, Op::Unlink][number % 3]).fails(OsError::EBUSY),
                    );
                }
                world.push_wide(25 + number * 37 % 150);
                world.finish();
            }
            world.wait(Duration::from_secs(600));
            assert_eq!(disk.violation(), None, "cap {cap}, {backup_count} backups");
            world.close();
        }
        world.open();
        let found = world.found();
        found.assert_numbers(found.numbers()[0], 400);
    }
}

#[test]
fn museum_d8_a_limit_on_the_size_of_files_and_a_quota() {
    const TEST: &str = "museum::limits::museum_d8_a_limit_on_the_size_of_files_and_a_quota";
    const SENT: u32 = 1_000;
    if let Some(dir) = child::folder() {
        let builder = Spool::builder(dir.join("app.log")).backup_count(50).overflow(Overflow::Block).quiet();
        let (spool, guard) = builder.open().unwrap();
        log(&spool, 0, 0..SENT, 100);
        let report = guard.shutdown(LONG);
        assert!(report.is_complete() && report.written == u64::from(SENT), "{report}");
        return;
    }
    // RLIMIT_FSIZE: beyond it the kernel sends SIGXFSZ, which kills a program that does not block it.
    let (dir, live) = folder();
    match child::behind(&["prlimit", "--fsize=8192", "--"], TEST, dir.path()).output() {
        Ok(output) => {
            child::assert_passed(&output);
            let found = read_back(&RealDisk, &live);
            found.assert_numbers(0, SENT);
            assert!(found.sizes.values().all(|bytes| *bytes <= 8_192), "{:?}", found.sizes);
            assert_eq!(found.sizes.len(), 13, "81 whole records in each: {:?}", found.sizes);
        }
        Err(error) => skip(TEST, &format!("prlimit: {error}")),
    }
    // A quota is a full disk: own backups go first, then records wait.
    let (_dir, disk, mut world) = real(|_| ());
    world.log(4 * 4);
    let quota = |name: &str| !name.contains("alert");
    // How much is free on a disk that other tests use too says nothing of what a removal brought.
    disk.slip(Slip::fail(Op::Space, OsError::ENOSYS));
    disk.slip(Slip::fail(Op::Write, OsError::EDQUOT).only(move |call| quota(&call.name)));
    assert!(!world.push());
    assert_eq!(world.set().counters().pruned_files, 3, "four backups, of which min_backups stays");
    assert_eq!(world.alerts(), [(Trouble::NoSpace, Edge::Raised)]);
    disk.heal();
    world.finish();
    world.found().assert_numbers(12, 17);
    assert_eq!(world.alerts()[1..], [(Trouble::NoSpace, Edge::Cleared)]);
}

#[test]
fn museum_d9_20_ms_per_write_then_exit() {
    // What waits is written in few writes: drained long before the deadline.
    let (_dir, live) = folder();
    let disk = Faulty::new();
    disk.slip(Slip::slow(Op::Write, Duration::from_millis(20)));
    let builder = Spool::builder(&live).quiet();
    let (spool, guard) = builder.open_with(disk.fs(), Arc::new(SystemClock::new())).unwrap();
    log(&spool, 0, 0..400, 100);
    let report = guard.shutdown(Duration::from_secs(5));
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.written, report.left, report.dropped), (400, 0, 0));
    read_back(&RealDisk, &live).assert_numbers(0, 400);
    let writes = disk.take_words(&[Op::Write]).len();
    assert!(writes < 100, "{writes} writes");

    // More than the deadline allows: the number is exact. The deadline passes when the test says so.
    const SENT: u64 = 1_600;
    let (_dir, live) = folder();
    let clock = SimClock::new();
    let builder = Spool::builder(&live).queue_bytes(64 << 20).quiet();
    let (spool, guard) = builder.open_with(disk.fs(), Arc::new(clock.clone())).unwrap();
    log(&spool, 0, 0..u32::try_from(SENT).unwrap(), 4_096);
    let handle = guard.handle();
    let report = std::thread::scope(|scope| {
        let leaving = scope.spawn(|| guard.shutdown(LONG));
        // A record that is refused says that the thread knows of its end.
        let mut probes = 0..;
        until("it is leaving, and some are written", || {
            let probe = probes.next().unwrap_or(0);
            log(&spool, 1, probe..probe + 1, 100);
            let stats = handle.stats();
            stats.written > 0 && stats.dropped.for_reason(Reason::Closed) > 0
        });
        clock.advance(LONG);
        leaving.join().unwrap()
    });
    assert!(report.timed_out && report.left > 0 && report.written > 0, "{report}");
    let (offered, written, dropped, queued) = ledger(&handle);
    assert_eq!((written, dropped, queued), (report.written, report.left + report.dropped, 0));
    assert!(offered > SENT && report.written < SENT);
    let found = read_back(&RealDisk, &live);
    found.assert_numbers(0, u32::try_from(report.written).unwrap());
    assert_eq!(found.records(), report.written);
}

/// The thread ends a little before its time, so that its account is heard, and lets the log go.
#[test]
fn museum_d9_what_a_slow_disk_took_is_accounted_for_in_time() {
    let is_heard = |_| {
        let (_dir, live) = folder();
        let disk = Faulty::new();
        disk.slip(Slip::slow(Op::Write, Duration::from_millis(5)));
        let open = || {
            let builder = Spool::builder(&live).queue_bytes(64 << 20).quiet();
            builder.open_with(disk.fs(), Arc::new(SystemClock::new()))
        };
        let (spool, guard) = open().unwrap();
        log(&spool, 0, 0..3_000, 8_192);
        let report = guard.shutdown(Duration::from_millis(200));
        assert!(report.timed_out && report.left > 0, "{report}");
        open().is_ok()
    };
    // A busy machine may put the thread off for longer than it has; not each time.
    assert!((0..50).any(is_heard));
}

/// Asserts that callers return although the disk hangs; returns how long that took.
#[track_caller]
fn while_it_hangs(disk: &Faulty, calls: impl FnOnce() + Send) -> Duration {
    let returned = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            calls();
            returned.store(true, Ordering::Relaxed);
        });
        let start = Instant::now();
        while !returned.load(Ordering::Relaxed) && start.elapsed() < LONG {
            std::thread::sleep(Duration::from_millis(1));
        }
        let took = start.elapsed();
        if took >= LONG {
            disk.release(); // or the test would hang with them
        }
        assert!(took < LONG, "callers wait for the disk");
        took
    })
}

#[test]
fn museum_d10_the_disk_hangs() {
    let hanging = |overflow| {
        let (dir, live) = folder();
        let disk = Faulty::new();
        let builder = Spool::builder(&live).queue_records(1_000).overflow(overflow).quiet();
        let (spool, guard) = builder.open_with(disk.fs(), Arc::new(SystemClock::new())).unwrap();
        disk.stall();
        (dir, live, disk, spool, guard)
    };
    // Lossy: callers never wait, however long it hangs (here: until they have all returned).
    let (_dir, live, disk, spool, guard) = hanging(Overflow::DropNewest);
    let handle = guard.handle();
    while_it_hangs(&disk, || log(&spool, 0, 0..20_000, 100));
    assert_eq!(ledger(&handle), (20_000, 0, 19_050, 950));
    assert_eq!(handle.flush(Duration::from_millis(50)), Err(FlushError::TimedOut { left: 950 }));
    disk.release();
    handle.flush(LONG).unwrap();
    assert_eq!(ledger(&handle), (20_000, 950, 19_050, 0));
    assert!(guard.shutdown(LONG).is_complete());
    let found = read_back(&RealDisk, &live);
    found.assert_numbers(0, 950);
    assert_eq!(found.lost_as_told(), 19_050);

    // Otherwise as long as they asked, and no longer.
    let patience = Duration::from_millis(30);
    let (_dir, live, disk, spool, guard) = hanging(Overflow::BlockFor(patience));
    while_it_hangs(&disk, || log(&spool, 0, 0..1_000, 100));
    let waited = while_it_hangs(&disk, || log(&spool, 0, 1_000..1_003, 100));
    assert!(waited >= 3 * patience, "{waited:?}");
    disk.release();
    guard.handle().flush(LONG).unwrap();
    assert_eq!(ledger(&guard.handle()), (1_003, 1_000, 3, 0));
    assert!(guard.shutdown(LONG).is_complete());
    read_back(&RealDisk, &live).assert_numbers(0, 1_000);
}
