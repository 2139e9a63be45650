//! Proves that a disk that is full, fails or is read-only costs no record that the queue can hold, tears none, and is
//! spoken of with two edges (rows D1–D6). It does not prove caps and deadlines: those are `limits`.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracing_spool::{BlockReason, Edge, FlushError, Overflow, Reason, Spool, Trouble};
use tracing_spool_fileset::sim::{SimClock, SimDisk};
use tracing_spool_fileset::{Disk, Event, Fs, Op, OpenError, OsError, State, SyncPolicy, SystemClock};
use tracing_spool_tests::faulty::{Faulty, Slip};
use tracing_spool_tests::files::{RECORD_BYTES, RealDisk, Shelf, read_back};
use tracing_spool_tests::world::{World, small};
use tracing_spool_tests::{child, skip};

use super::scene::{Heard, LONG, ledger, log, real, until};

const WIDTH: usize = 128;
/// Bytes of all files that make up one file of the scenes: 512 records.
const FILE: u64 = 512 * WIDTH as u64;

/// A disk that others can fill up and free again.
struct Crowded<'a> {
    fs: Box<dyn Fs>,
    shelf: &'a dyn Shelf,
    fill: &'a dyn Fn(),
    free: &'a dyn Fn(),
}

/// A spool meets a disk that others fill up, that stays full, and that is freed.
fn full_for_a_while(live: &Path, disk: Crowded<'_>) {
    let heard = Heard::default();
    let (spool, guard) = Spool::builder(live)
        .max_bytes(FILE)
        .max_total_bytes(7 * FILE)
        .queue_records(1_000)
        .on_alert(heard.hook())
        .quiet()
        .open_with(disk.fs, Arc::new(SystemClock::new()))
        .unwrap();
    let handle = guard.handle();
    let mut sent = 0;
    let mut some = |count| {
        log(&spool, 0, sent..sent + count, WIDTH);
        sent += count;
        handle.flush(LONG)
    };
    for _ in 0..26 {
        some(100).unwrap();
    }
    assert_eq!(ledger(&handle), (2_600, 2_600, 0, 0));

    // Others fill the disk, and take what becomes free: own backups go first, and while they do, nothing waits.
    let backups = || live_backups(disk.shelf, live);
    assert_eq!(backups(), 5);
    (disk.fill)();
    let mut rounds = 0;
    while some(100).is_ok() {
        (disk.fill)();
        rounds += 1;
        assert!(rounds < 200, "it never fills up");
    }
    assert_eq!(backups(), 1, "pruned down to min_backups before any record has to wait");
    assert!(rounds >= 4 && handle.stats().files.pruned_files >= 4);
    (disk.fill)();
    assert!(matches!(some(1), Err(FlushError::Blocked { .. })));
    assert_eq!(handle.stats().dropped.total(), 0, "what waits is not lost");

    // All is kept that the queue can hold (95 % of 1,000 at INFO), the rest is counted.
    let _blocked = some(3_000);
    let (offered, written, dropped, queued) = ledger(&handle);
    assert_eq!((queued, offered - written - 950), (950, dropped));
    assert_eq!(handle.stats().dropped.for_reason(Reason::DiskError), dropped);
    assert_eq!(heard.count(Trouble::NoSpace, Edge::Raised), 1);

    (disk.free)();
    let took = until("it goes on by itself", || handle.stats().queue.records == 0);
    assert!(took < Duration::from_secs(2), "{took:?}: a probe every 0.5 s, and a busy machine");
    some(100).unwrap();
    let (_, written, dropped_now, _) = ledger(&handle);
    assert_eq!(
        (dropped_now, written),
        (dropped, u64::from(sent) - dropped),
        "exact, and no more than before"
    );
    assert_eq!(heard.count(Trouble::NoSpace, Edge::Cleared), 1);
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");

    // Nothing torn, nothing glued, the loss said where it is, and all else there from the oldest kept record on.
    let found = read_back(disk.shelf, live);
    assert_eq!(found.lost_as_told(), dropped, "{:?}", found.notices);
    assert_eq!(found.records(), u64::from(sent - found.numbers()[0]) - dropped);
    assert_eq!(found.numbers().last(), Some(&(sent - 1)));
}

fn live_backups(shelf: &dyn Shelf, live: &Path) -> usize {
    let names = shelf.names(live.parent().unwrap());
    names.iter().filter(|name| name.starts_with("app.log.")).count()
}

#[test]
fn museum_d1_the_disk_is_full_for_a_while() {
    const TEST: &str = "museum::disk::museum_d1_the_disk_is_full_for_a_while";
    let Some(dir) = child::folder() else { return in_a_mount(TEST) };
    child::run("mount", &[&"-t", &"tmpfs", &"-o", &"size=1m", &"tmpfs", &dir]);
    let others = dir.join("others");
    let fill = || {
        let mut file = fs::File::options().create(true).append(true).open(&others).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    };
    let free = || fs::remove_file(&others).unwrap();
    let fs: Box<dyn Fs> = Box::new(Disk::new());
    full_for_a_while(&dir.join("app.log"), Crowded { fs, shelf: &RealDisk, fill: &fill, free: &free });
}

#[test]
fn twin_d1_a_simulated_disk_is_full_for_a_while() {
    let disk = SimDisk::new();
    disk.mkdir_all("/logs");
    let fill = || {
        let used: u64 = disk.list("/logs").iter().map(|(_, bytes)| bytes).sum();
        disk.set_capacity(Some(used));
    };
    let free = || disk.set_capacity(None);
    let crowded = Crowded { fs: disk.fs(), shelf: &disk, fill: &fill, free: &free };
    full_for_a_while(Path::new("/logs/app.log"), crowded);
}

/// Runs the test in a child that may mount, or says why not.
fn in_a_mount(test: &str) {
    let dir = tempfile::tempdir().unwrap();
    match child::that_mounts(test, dir.path()) {
        Ok(mut command) => drop(child::assert_passed(&command.output().unwrap())),
        Err(reason) => skip(test, &reason),
    }
}

/// More than a disk of 1 MiB can hold, through a set that believes that it may have 60.
fn smaller_than_the_budget(live: &Path, fs: Box<dyn Fs>, shelf: &dyn Shelf) {
    const SENT: u32 = 40_000;
    let heard = Heard::default();
    let (spool, guard) = Spool::builder(live)
        .max_bytes(FILE)
        .backup_count(50)
        .overflow(Overflow::Block)
        .on_alert(heard.hook())
        .quiet()
        .open_with(fs, Arc::new(SystemClock::new()))
        .unwrap();
    log(&spool, 0, 0..SENT, WIDTH);
    let handle = guard.handle();
    handle.flush(LONG).unwrap();
    assert!(handle.health().is_well(), "{:?}", handle.health());
    assert_eq!(ledger(&handle), (u64::from(SENT), u64::from(SENT), 0, 0));
    assert!(handle.stats().files.pruned_files > 50);
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    let found = read_back(shelf, live);
    found.assert_numbers(found.numbers()[0], SENT);
    assert!(found.total() > 8 * FILE, "the newest, as much as there is room for: {:?}", found.sizes);
    assert_eq!(heard.count(Trouble::NoSpace, Edge::Raised), heard.count(Trouble::NoSpace, Edge::Cleared));
}

#[test]
fn museum_d2_the_disk_is_smaller_than_the_budget() {
    const TEST: &str = "museum::disk::museum_d2_the_disk_is_smaller_than_the_budget";
    let Some(dir) = child::folder() else { return in_a_mount(TEST) };
    child::run("mount", &[&"-t", &"tmpfs", &"-o", &"size=1m", &"tmpfs", &dir]);
    smaller_than_the_budget(&dir.join("app.log"), Box::new(Disk::new()), &RealDisk);
}

#[test]
fn twin_d2_a_simulated_disk_is_smaller_than_the_budget() {
    let disk = SimDisk::new();
    disk.mkdir_all("/logs");
    disk.set_capacity(Some(1 << 20));
    smaller_than_the_budget(Path::new("/logs/app.log"), disk.fs(), &disk);
}

#[test]
fn museum_d3_a_short_write_then_no_space() {
    let full = |disk: &Faulty| {
        disk.slip(Slip::short(20).times(1));
        disk.slip(Slip::fail(Op::Write, OsError::ENOSPC).only(|call| !call.name.contains("alert")));
    };
    let (_dir, disk, mut world) = real(|_| ());
    world.log(2);
    disk.take_journal();
    full(&disk);
    assert!(!world.push());
    assert_eq!(world.set().state(), State::Blocked(BlockReason::Disk));
    assert_eq!(fs::metadata(world.live()).unwrap().len(), 2 * RECORD_BYTES as u64 + 20);
    world.wait(Duration::from_secs(60));
    world.push();
    disk.heal();
    world.wait(Duration::from_millis(500));
    world.found().assert_numbers(0, 4);
    assert_eq!(world.finished, 4);
    assert_eq!(
        disk.take_words(&[Op::Truncate]),
        [""; 0],
        "the rest was written, nothing was cut and begun anew"
    );
    assert_eq!(world.alerts(), [(Trouble::NoSpace, Edge::Raised), (Trouble::NoSpace, Edge::Cleared)]);

    // Closing while it is full: the fragment goes, the number is told, and the next start finds no torn tail.
    full(&disk);
    assert!(!world.push() && !world.push());
    assert_eq!(world.close(), 2);
    disk.heal();
    world.found().assert_numbers(0, 4);
    world.open();
    assert_eq!(world.set().counters().tails_ended, 0);
}

#[test]
fn museum_d4_eio_once_on_write() {
    let (_dir, disk, mut world) = real(|_| ());
    world.log(2);
    disk.slip(Slip::fail(Op::Write, OsError::EIO).of_name("app.log").times(1));
    assert!(!world.push(), "kept by the caller of the set");
    let failed = world.clock.now().mono;
    world.finish();
    assert_eq!(world.clock.now().mono - failed, Duration::from_millis(500), "one probe later");
    world.log(5);
    world.found().assert_numbers(0, 8);
    assert_eq!((world.finished, world.set().counters().failures), (8, 1));
    assert_eq!(world.alerts(), [(Trouble::Write, Edge::Raised), (Trouble::Write, Edge::Cleared)]);

    // The same through a spool, whose caller notices nothing.
    let (_dir, live) = super::scene::folder();
    let disk = Faulty::new();
    disk.slip(Slip::fail(Op::Write, OsError::EIO).of_name("app.log").times(1));
    let builder = Spool::builder(&live).quiet();
    let (spool, guard) = builder.open_with(disk.fs(), Arc::new(SystemClock::new())).unwrap();
    log(&spool, 0, 0..1_000, WIDTH);
    until("all is written", || guard.handle().stats().written == 1_000);
    assert!(guard.shutdown(LONG).is_complete());
    read_back(&RealDisk, &live).assert_numbers(0, 1_000);
}

#[test]
fn museum_d5_eio_on_fsync() {
    let (_dir, disk, mut world) =
        real(|settings| settings.sync = SyncPolicy::Interval(Duration::from_secs(1)));
    world.log(2);
    disk.take_journal();
    disk.slip(Slip::fail(Op::Sync, OsError::EIO).times(1));
    // As long as the new file cannot be had, the alert stands.
    disk.slip(Slip::fail(Op::Create, OsError::EMFILE).of_name(".app.log.new").times(1));
    world.wait(Duration::from_secs(1));
    let raised = (Trouble::Sync, Edge::Raised);
    assert_eq!(world.alerts(), [raised, (Trouble::Rotation, Edge::Raised)]);
    world.log(1);
    world.wait(Duration::from_secs(60));
    world.log(1);
    assert_eq!(world.set().counters().rotations, 1, "on in a new file");
    assert_eq!(fs::metadata(world.beside("app.log.1")).unwrap().len(), 3 * RECORD_BYTES as u64);
    let syncs = disk.take_words(&[Op::Sync]);
    assert_eq!(
        syncs,
        ["fdatasync app.log EIO"],
        "never again of that file, not even when it becomes a backup"
    );
    world.wait(Duration::from_secs(1));
    assert_eq!(
        disk.take_words(&[Op::Sync]),
        ["fdatasync .app.log.new"],
        "the new file, by its name at opening"
    );
    assert!(world.alerts().contains(&(Trouble::Sync, Edge::Cleared)), "by the first sync of the new file");
    world.log(5);
    world.found().assert_numbers(0, 9);
    assert_eq!(world.alerts().iter().filter(|alert| **alert == raised).count(), 1);
}

#[test]
fn museum_d6_read_only_and_back() {
    const TEST: &str = "museum::disk::museum_d6_read_only_and_back";
    let Some(dir) = child::folder() else { return in_a_mount(TEST) };
    // A mount with a file open for writing cannot be made read-only by its owner, only by the kernel (the twin does
    // that): the disk refuses every change of a name, and the open file goes on.
    let logs = dir.join("logs");
    let disk = Faulty::new();
    let mut world = World::real(&disk, small(logs.join("app.log")));
    world.open();
    world.log(8);
    let changes = [Op::Create, Op::Rename, Op::Replace, Op::Unlink, Op::MakeDir, Op::Link];
    changes.into_iter().for_each(|op| disk.slip(Slip::fail(op, OsError::EROFS)));
    world.log(20);
    assert_eq!(world.set().state(), State::Overdue);
    assert_eq!(world.alerts(), [(Trouble::Rotation, Edge::Raised)]);
    let failed =
        |event: &&Event| matches!(event, Event::AlertFileFailed(failure) if failure.error == OsError::EROFS);
    world.wait(Duration::from_secs(60));
    assert_eq!(world.events.iter().filter(failed).count(), 1, "the alert file cannot be written: said once");
    disk.heal();
    world.wait(Duration::from_secs(300));
    world.log(4);
    world.found().assert_numbers(0, 32);
    assert_eq!(world.alerts()[1..], [(Trouble::Rotation, Edge::Cleared)]);
    assert!(!world.names().iter().any(|name| name.starts_with("ALERT")), "{:?}", world.names());

    // A read-only mount that is put over the directory is in nobody's way: the directory is held, not its path.
    child::run("mount", &[&"--bind", &logs, &logs]);
    child::run("mount", &[&"-o", &"remount,bind,ro", &logs]);
    assert!(fs::write(logs.join("probe"), "").is_err(), "the scene is not set");
    let rotations = world.set().counters().rotations;
    world.log(20);
    world.wait(Duration::from_secs(60));
    assert_eq!((world.set().state(), world.set().counters().rotations), (State::Writing, rotations + 5));
    assert_eq!(world.alerts().len(), 2);
    assert_eq!(world.close(), 0);
    world.found().assert_numbers(0, 52);
    // But a start by that path is refused, in words, and begins when the mount is gone.
    let OpenError::Unusable(faults) = world.try_open().unwrap_err() else { panic!("not a fault") };
    assert!(faults.iter().any(|fault| fault.field == "path" && fault.wanted.contains("EROFS")), "{faults:?}");
    child::run("umount", &[&logs]);
    world.open();
    world.log(20);
    world.found().assert_numbers(0, 72);
}

#[test]
fn twin_d6_a_simulated_disk_is_read_only_and_back() {
    let (disk, clock) = (SimDisk::new(), SimClock::new());
    disk.mkdir_all("/logs");
    let heard = Heard::default();
    let live = Path::new("/logs/app.log");
    let builder = Spool::builder(live).max_bytes(FILE).queue_records(1_000).on_alert(heard.hook()).quiet();
    let (spool, guard) = builder.open_with(disk.fs(), Arc::new(clock.clone())).unwrap();
    let handle = guard.handle();
    log(&spool, 0, 0..500, WIDTH);
    handle.flush(LONG).unwrap();
    disk.set_read_only(true);
    log(&spool, 0, 500..1_000, WIDTH);
    assert_eq!(handle.flush(LONG), Err(FlushError::Blocked { left: 500 }));
    assert_eq!(handle.health().condition, tracing_spool::Condition::Blocked(BlockReason::Disk));
    assert_eq!((ledger(&handle), heard.count(Trouble::Write, Edge::Raised)), ((1_000, 500, 0, 500), 1));
    // An hour of probes, and not one more alert.
    for _ in 0..60 {
        clock.advance(Duration::from_secs(60));
        assert!(handle.flush(LONG).is_err());
    }
    assert_eq!(heard.count(Trouble::Write, Edge::Raised), 1);
    disk.set_read_only(false);
    let back = clock.now().mono;
    until("it goes on by itself", || {
        clock.advance(Duration::from_millis(1));
        handle.stats().queue.records == 0
    });
    let took = clock.now().mono - back;
    assert!(took < Duration::from_secs(5), "{took:?} of a clock that runs while the thread is waited for");
    assert_eq!((ledger(&handle), heard.count(Trouble::Write, Edge::Cleared)), ((1_000, 1_000, 0, 0), 1));
    assert!(guard.shutdown(LONG).is_complete());
    read_back(&disk, live).assert_numbers(0, 1_000);
    assert!(!disk.exists("/logs/ALERT_LOG_ROTATION_FAILED.txt"));
}
