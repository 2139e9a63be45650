//! Tests what only the simulated disk can do: limits, faults, crashes, power cuts, the journal. What it has in common
//! with the real one is in `conformance`; what others do is in the files beside this one.

mod descriptors;
mod others;
mod watches;

use std::path::Path;
use std::time::Duration;

use super::{Entry, Fault, SimClock, SimDisk, Survive, When};
use crate::effect::clock::Clock;
use crate::effect::fs::{Dir, Follow, Fs, LockRefusal, LogFile, Outcome, Space};
use crate::model::error::{Op, OsError};

const LIVE: &str = "/log/app.log";

fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.mkdir_all("/log");
    disk
}

fn log(disk: &SimDisk) -> Dir {
    disk.open_dir(Path::new("/log")).unwrap()
}

fn create(disk: &SimDisk, name: &str) -> Box<dyn LogFile> {
    disk.create(&log(disk).at(name), 0o640).unwrap()
}

fn open(disk: &SimDisk, name: &str) -> Box<dyn LogFile> {
    disk.open(&log(disk).at(name), Follow::No).unwrap()
}

fn free(space: Outcome<Space>) -> Outcome<u64> {
    space.map(|space| space.free)
}

fn power_cut(disk: &SimDisk, names: usize, pages: u64) {
    disk.restart(Survive::Durable { names, pages });
}

#[test]
fn a_full_disk_takes_what_fits_and_then_nothing() {
    let disk = disk();
    disk.set_capacity(Some(10));
    let mut file = create(&disk, "app.log");
    assert_eq!(file.write(b"1234567"), Ok(7));
    assert_eq!(free(disk.space(&log(&disk))), Ok(3));
    assert_eq!(file.write(b"1234567"), Ok(3), "a short write, not an error");
    assert_eq!(file.write(b"4567"), Err(OsError::ENOSPC));
    assert!(disk.create(&log(&disk).at("empty"), 0o640).is_ok());
    disk.unlink(&log(&disk).at("app.log")).unwrap();
    assert_eq!(free(disk.space(&log(&disk))), Ok(0), "it is still open");
    drop(file);
    assert_eq!(free(disk.space(&log(&disk))), Ok(10));
}

#[test]
fn a_file_limit_and_short_writes() {
    let disk = disk();
    disk.set_file_limit(Some(6));
    disk.set_short_writes(Some(4));
    let mut file = create(&disk, "app.log");
    assert_eq!(file.write(b"12345678"), Ok(4));
    assert_eq!(file.write(b"5678"), Ok(2));
    assert_eq!(file.write(b"78"), Err(OsError::EFBIG));
    disk.set_short_writes(Some(0));
    disk.set_file_limit(None);
    assert_eq!(file.write(b"78"), Ok(1), "never a write of nothing");
}

#[test]
fn a_read_only_disk_refuses_every_change() {
    let disk = disk();
    let mut file = create(&disk, "app.log");
    let (old, new) = (&log(&disk).at("app.log"), &log(&disk).at("new"));
    disk.set_read_only(true);
    assert_eq!(file.write(b"x"), Err(OsError::EROFS));
    assert_eq!(file.truncate(0), Err(OsError::EROFS));
    assert_eq!(disk.create(new, 0o640).unwrap_err(), OsError::EROFS);
    assert_eq!(disk.open(old, Follow::No).unwrap_err(), OsError::EROFS);
    assert_eq!(disk.rename(old, new), Err(OsError::EROFS));
    assert_eq!(disk.replace(old, new), Err(OsError::EROFS));
    assert_eq!(disk.unlink(old), Err(OsError::EROFS));
    assert_eq!(disk.make_dir(Path::new("/log/new"), 0o750), Err(OsError::EROFS));
    assert_eq!(file.set_mode(0o600), Err(OsError::EROFS));
    assert_eq!(file.set_owner(None, Some(1000)), Err(OsError::EROFS));
    assert_eq!(disk.access(Path::new("/log")), Err(OsError::EROFS));
    assert_eq!(disk.lock(new, 0o640, "").unwrap_err(), LockRefusal::Failed(OsError::EROFS));
    assert!(file.stat().is_ok() && disk.stat(old).is_ok());
    disk.set_read_only(false);
    assert_eq!(file.write(b"x"), Ok(1));
}

#[test]
fn a_fault_strikes_once_at_the_first_call_that_fits() {
    let disk = disk();
    disk.put("/log/app.log.1", "1");
    disk.fault(Fault::on(Op::Rename).path_ends("app.log.1").fails(OsError::EBUSY));
    disk.put(LIVE, "0");
    let [live, one, two] = ["app.log", "app.log.1", "app.log.2"].map(|name| log(&disk).at(name));
    assert_eq!(disk.rename(&one, &two), Err(OsError::EBUSY));
    assert!(disk.exists(one.path()) && !disk.exists(two.path()), "without effect");
    assert_eq!(disk.rename(&one, &two), Ok(()));
    disk.fault(Fault::on(Op::Rename).to_ends("app.log.1").fails(OsError::EPERM));
    assert_eq!(disk.rename(&live, &one), Err(OsError::EPERM));
    assert_eq!(disk.rename(&live, &one), Ok(()));
}

#[test]
fn faults_count_and_last_as_told() {
    let disk = disk();
    let mut file = create(&disk, "app.log");
    disk.fault(Fault::on(Op::Write).nth(2).times(2).fails(OsError::EAGAIN));
    let results: Vec<_> = (0..4).map(|_| file.write(b"x").is_ok()).collect();
    assert_eq!(results, [true, false, false, true]);
    disk.fault(Fault::any().at_seq(disk.count() + 2));
    assert!(file.stat().is_ok());
    assert_eq!(file.stat(), Err(OsError::EIO));
    assert!(file.stat().is_ok());
    disk.fault(
        Fault::on(Op::Write).matching(|call: &Entry| call.bytes > 1).fails(OsError::EIO).until_cleared(),
    );
    assert_eq!(
        (file.write(b"xx"), file.write(b"x"), file.write(b"xx")),
        (Err(OsError::EIO), Ok(1), Err(OsError::EIO))
    );
    disk.clear_faults();
    disk.fault(Fault::any().short(1));
    assert!(file.stat().is_ok(), "only writes can be short");
    assert_eq!((file.write(b"xx"), file.write(b"xx")), (Ok(1), Ok(2)));
}

#[test]
fn an_open_file_is_known_by_the_name_it_has_now() {
    let disk = disk();
    let mut file = create(&disk, ".app.log.new");
    disk.rename(&log(&disk).at(".app.log.new"), &log(&disk).at("app.log")).unwrap();
    disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::ENOSPC));
    assert_eq!(file.write(b"x"), Err(OsError::ENOSPC));
}

#[test]
fn the_journal_holds_every_call() {
    let (disk, clock) = (disk(), SimClock::new());
    disk.set_clock(&clock);
    disk.set_short_writes(Some(2));
    let dir = log(&disk);
    let mut file = disk.create(&dir.at("app.log"), 0o640).unwrap();
    clock.advance(Duration::from_secs(3));
    file.write(b"abc").unwrap();
    disk.unlink(&dir.at("none")).unwrap_err();
    disk.ext_append(LIVE, "others are not in it").unwrap();
    let journal = disk.journal();
    let ops: Vec<_> = journal.iter().map(|entry| (entry.seq, entry.op, entry.result)).collect();
    let wanted = [
        (1, Op::OpenDir, Ok(())),
        (2, Op::Create, Ok(())),
        (3, Op::Write, Ok(())),
        (4, Op::Unlink, Err(OsError::ENOENT)),
    ];
    assert_eq!(ops, wanted);
    assert_eq!((journal[2].bytes, journal[2].taken, journal[2].at), (3, 2, Some(clock.now().mono)));
    disk.clear_journal();
    file.stat().unwrap();
    assert_eq!((disk.journal()[0].seq, disk.count()), (5, 5));
}

#[test]
fn a_crash_before_a_call_or_after_it() {
    for (when, written) in [(When::Before, &b"one\n"[..]), (When::After, &b"one\ntwo\n"[..])] {
        let disk = disk();
        let dir = log(&disk);
        let mut file = disk.create(&dir.at("app.log"), 0o640).unwrap();
        file.write(b"one\n").unwrap();
        disk.crash_at(4, when);
        assert_eq!(file.write(b"two\n"), Err(OsError::EIO));
        assert!(disk.crashed());
        assert_eq!(disk.unlink(&dir.at("app.log")), Err(OsError::EIO));
        assert_eq!((disk.count(), disk.journal().len()), (4, 4), "the dead do not count");
        disk.restart(Survive::Live);
        assert_eq!(disk.read(LIVE).unwrap(), written);
        assert_eq!(file.write(b"ghost"), Err(OsError::EIO), "a descriptor of the dead process");
        drop(file);
        assert_eq!(disk.open(&dir.at("app.log"), Follow::No).unwrap_err(), OsError::EIO, "so is this");
        assert!(!disk.crashed() && disk.open(&log(&disk).at("app.log"), Follow::No).is_ok());
    }
}

#[test]
fn a_process_and_its_locks_end_with_the_restart() {
    let disk = disk();
    let (fs, dir) = (disk.fs(), log(&disk));
    let lock = fs.lock(&dir.at(".lock"), 0o640, "me").unwrap();
    disk.restart(Survive::Live);
    assert_eq!(fs.look(Path::new("/log")), Err(OsError::EIO), "of the dead process");
    assert_eq!(disk.stat_dir(&dir), Err(OsError::EIO), "the same");
    let at = log(&disk).at(".lock");
    let _next = disk.lock(&at, 0o640, "next").unwrap();
    drop(lock);
    assert_eq!(disk.lock_holder(&at).unwrap().unwrap().text, "next", "the dead release nothing");
}

#[test]
fn another_process_holds_the_lock() {
    let (disk, path) = (disk(), "/log/.lock");
    disk.hold_lock(path, "pid 7");
    let lock = || disk.lock(&log(&disk).at(".lock"), 0o640, "me");
    let Err(LockRefusal::Held(holder)) = lock() else { panic!("it is held") };
    assert_eq!(holder.text, "pid 7");
    disk.restart(Survive::Live);
    assert!(disk.lock_holder(&log(&disk).at(".lock")).unwrap().is_some());
    disk.release_lock(path).unwrap();
    assert!(lock().is_ok());
}

#[test]
fn a_power_cut_takes_unsynced_names_from_the_end() {
    let steps = |names| {
        let disk = disk();
        disk.put(LIVE, "0");
        drop(create(&disk, ".app.log.new"));
        disk.rename(&log(&disk).at("app.log"), &log(&disk).at("app.log.1")).unwrap();
        disk.rename(&log(&disk).at(".app.log.new"), &log(&disk).at("app.log")).unwrap();
        assert_eq!(disk.unsynced_names(), 3);
        power_cut(&disk, names, 0);
        assert_eq!(disk.unsynced_names(), 0);
        disk.list("/log").into_iter().map(|(name, _)| name.into_string().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(steps(0), ["app.log"]);
    assert_eq!(steps(1), [".app.log.new", "app.log"]);
    assert_eq!(steps(2), [".app.log.new", "app.log.1"]);
    assert_eq!(steps(3), ["app.log", "app.log.1"]);
    assert_eq!(steps(9), ["app.log", "app.log.1"]);
}

#[test]
fn synced_names_and_bytes_survive_apart_from_each_other() {
    let disk = disk();
    let mut file = create(&disk, "app.log");
    file.write(b"one\n").unwrap();
    disk.sync_dir(&log(&disk)).unwrap();
    power_cut(&disk, 0, 0);
    assert_eq!(disk.read(LIVE).unwrap(), b"", "the name was synced, the bytes were not");
    let mut file = create(&disk, "second");
    file.write(b"two\n").unwrap();
    file.sync().unwrap();
    power_cut(&disk, 0, 0);
    assert!(!disk.exists("/log/second"), "the bytes were synced, the name was not");
}

#[test]
fn pages_survive_one_by_one() {
    let left = |pages| {
        let disk = disk();
        disk.put(LIVE, "old\n");
        let mut file = open(&disk, "app.log");
        file.write(&[b'x'; 10_000]).unwrap();
        power_cut(&disk, 0, pages);
        disk.read(LIVE).unwrap()
    };
    let whole = [b"old\n".to_vec(), vec![b'x'; 10_000]].concat();
    assert_eq!(left(0), b"old\n");
    assert_eq!(left(0b1), whole[..4096]);
    assert_eq!(left(0b11), whole[..8192]);
    assert_eq!(left(u64::MAX), whole);
    let holes = left(0b100);
    assert_eq!(holes.len(), whole.len());
    assert!(holes.starts_with(b"old\n\0") && holes[8191] == 0 && holes[8192..] == whole[8192..]);
}

#[test]
fn a_cut_survives_whole_or_not_at_all() {
    for (pages, wanted) in [(0, &b"one\ntw"[..]), (u64::MAX, &b"one\n"[..])] {
        let disk = disk();
        disk.put(LIVE, "one\ntw");
        open(&disk, "app.log").truncate(4).unwrap();
        power_cut(&disk, 0, pages);
        assert_eq!(disk.read(LIVE).unwrap(), wanted);
    }
}

#[test]
fn what_a_failed_sync_lost_no_later_sync_brings_back() {
    let disk = disk();
    disk.put(LIVE, "old\n");
    let mut file = open(&disk, "app.log");
    file.write(b"new\n").unwrap();
    disk.fault(Fault::on(Op::Sync).fails(OsError::EIO));
    assert_eq!(file.sync(), Err(OsError::EIO));
    assert_eq!(file.sync(), Ok(()), "the kernel says so, and lies");
    power_cut(&disk, 0, 0);
    assert_eq!(disk.read(LIVE).unwrap(), b"old\n");
}

#[test]
fn clones_show_one_time_and_the_wall_steps_alone() {
    let clock = SimClock::new();
    let other: Box<dyn Clock> = Box::new(clock.clone());
    let start = clock.now();
    assert_eq!(start.wall.to_string(), "2026-01-01T00:00:00.000000Z");
    clock.advance(Duration::from_millis(1500));
    clock.step_wall(-3_000_000);
    assert_eq!(other.now().mono - start.mono, Duration::from_millis(1500));
    assert_eq!(other.now().wall.to_string(), "2025-12-31T23:59:58.500000Z");
}

#[test]
fn a_journal_that_is_not_kept_changes_nothing_else() {
    let disk = SimDisk::new();
    disk.mkdir_all("/log");
    disk.keep_journal(false);
    disk.assert_total("/log", |_| true, 3);
    disk.fault(Fault::any().path_ends("app.log").matching(|call| call.op == Op::Write).nth(2));
    let mut file = create(&disk, "app.log");
    assert_eq!(file.write(b"four"), Ok(4));
    assert_eq!(file.write(b"more"), Err(OsError::EIO));
    assert_eq!((disk.count(), disk.journal()), (4, Vec::new()));
    let violation = disk.violation().unwrap();
    assert!(violation.contains("/log/app.log") && violation.contains("taken: 4"), "{violation}");
}

#[test]
fn a_fault_whose_predicate_panics_stays() {
    let disk = disk();
    let mut file = create(&disk, "app.log");
    disk.fault(Fault::on(Op::Write).matching(|_| panic!("in write")));
    for _ in 0..2 {
        let write = std::panic::AssertUnwindSafe(|| file.write(b"x"));
        assert!(std::panic::catch_unwind(write).is_err());
    }
    disk.clear_faults();
    assert_eq!(file.write(b"x"), Ok(1));
}

#[test]
fn an_open_file_without_a_name_outlives_a_sync_of_its_directory() {
    let disk = disk();
    let mut file = create(&disk, "app.log");
    disk.ext_unlink(LIVE).unwrap();
    disk.sync_dir(&log(&disk)).unwrap();
    assert_eq!(file.write(b"on"), Ok(2));
    let meta = file.stat().unwrap();
    assert_eq!((meta.bytes, meta.links), (2, 0));
}
