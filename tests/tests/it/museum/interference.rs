//! Proves that a log whose files others delete, move, cut or plant goes on, and loses no more than what they took
//! (rows I1–I4, I8). It does not prove what other processes of ours do: that is `intruders`.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracing_spool::{Edge, Spool, Trouble};
use tracing_spool_fileset::sim::SimClock;
use tracing_spool_fileset::{Engine, Event, Op, OpenError, OsError, State};
use tracing_spool_tests::child;
use tracing_spool_tests::faulty::{Call, Faulty, Slip};
use tracing_spool_tests::files::{RECORD_BYTES, RealDisk, read, read_back};

use super::scene::{LONG, folder, log, real, until};

/// A look at the live file is due after this.
const LOOK: Duration = Duration::from_millis(50);

#[test]
fn museum_i1_the_live_file_is_deleted() {
    let (_dir, disk, mut world) = real(|_| ());
    world.log(2);
    world.wait(LOOK);
    // Compared at most every 50 ms.
    disk.take_journal();
    let looks =
        |disk: &Faulty| disk.take_words(&[Op::Stat]).iter().filter(|words| *words == "stat app.log").count();
    for _ in 0..49 {
        world.clock.advance(Duration::from_millis(1));
        world.tick();
    }
    assert_eq!(looks(&disk), 0);
    world.wait(Duration::from_millis(1));
    assert_eq!(looks(&disk), 1);

    fs::remove_file(world.live()).unwrap();
    world.log(1); // before the look: it goes with the file
    world.wait(LOOK);
    assert!(world.live().exists(), "made anew without a record to write");
    world.log(6);
    world.found().assert_numbers(3, 9);
    let counters = world.set().counters();
    assert_eq!((counters.reopened, counters.records_written, world.finished), (1, 9, 9));
    let remarks: Vec<&Event> =
        world.events.iter().filter(|event| !matches!(event, Event::Rotated(_))).collect();
    assert_eq!(remarks, [&Event::Reopened { path: world.live().to_owned() }]);

    // And where another file stands there by then, that one is written, behind what is in it.
    fs::remove_file(world.live()).unwrap();
    fs::write(world.live(), "somebody else's line\n").unwrap();
    world.wait(LOOK);
    world.log(1);
    assert!(fs::read_to_string(world.live()).unwrap().starts_with("somebody else's line\nt00 n0000009"));
}

#[test]
fn museum_i2_the_live_file_is_renamed() {
    let (_dir, _disk, mut world) = real(|_| ());
    let moved = world.beside("app.log-20260101");
    world.log(2);
    fs::rename(world.live(), &moved).unwrap();
    world.log(1); // before the look: it still stands, in the file that was moved
    world.wait(LOOK);
    world.log(2);
    let lines = |path: &Path| fs::read_to_string(path).unwrap().lines().count();
    assert_eq!((lines(&moved), lines(world.live())), (3, 2));

    // `create` of logrotate, and an explicit word instead of the look.
    let second = world.beside("app.log-20260102");
    fs::rename(world.live(), &second).unwrap();
    fs::File::create(world.live()).unwrap();
    let now = world.clock.now();
    world.set().reopen(now);
    world.log(2);
    assert_eq!((lines(&second), lines(world.live())), (2, 2), "at once");
    let files = [moved, second, world.live().to_owned()].map(|path| (path.clone(), fs::read(path).unwrap()));
    read(&files, |line| panic!("{line:?}")).assert_numbers(0, 7);
    assert_eq!((world.set().counters().reopened, world.alerts().len()), (2, 0));

    // The same request through a spool.
    let (_dir, live) = folder();
    let (spool, guard) = Spool::builder(&live).quiet().open().unwrap();
    log(&spool, 0, 0..10, 100);
    guard.handle().flush(LONG).unwrap();
    fs::rename(&live, live.with_file_name("moved")).unwrap();
    guard.handle().reopen().unwrap();
    guard.handle().flush(LONG).unwrap();
    log(&spool, 0, 10..20, 100);
    assert!(guard.shutdown(LONG).is_complete());
    read_back(&RealDisk, &live).assert_numbers(10, 20);
}

#[test]
fn museum_i3_the_directory_is_deleted_or_renamed_away() {
    let under = |settings: &mut tracing_spool_fileset::Settings| {
        settings.path = settings.path.with_file_name("deep").join("down").join("app.log");
    };
    // Deleted: recreated, locked anew, and whoever comes second still finds it locked.
    let (dir, _disk, mut world) = real(under);
    world.log(9);
    fs::remove_dir_all(dir.path().join("deep")).unwrap();
    world.wait(LOOK);
    world.log(9);
    world.found().assert_numbers(9, 18);
    let again = Engine::open(world.settings.clone(), world.clock.now());
    assert!(matches!(again, Err(OpenError::Locked { .. })), "locked");
    assert_eq!(world.alerts(), []);

    // Deleted just before a rotation, without a look in between: the rotation finds out.
    world.log(3);
    fs::remove_dir_all(dir.path().join("deep")).unwrap();
    world.log(8);
    let found = world.found();
    assert_eq!(found.numbers().last(), Some(&28));
    assert!(found.numbers()[0] <= 24 + 1, "only what stood in the file that was deleted is gone");

    // Renamed away: what was written before the look stands there, the rest in the new one.
    let (dir, _disk, mut world) = real(under);
    world.log(6);
    fs::rename(dir.path().join("deep"), dir.path().join("away")).unwrap();
    world.log(1);
    world.wait(LOOK);
    world.log(6);
    let away = read_back(&RealDisk, &dir.path().join("away/down/app.log"));
    away.assert_numbers(0, 7);
    world.found().assert_numbers(7, 13);
    assert_eq!(world.alerts(), []);
}

#[test]
fn museum_i4_copytruncate() {
    let (_dir, _disk, mut world) = real(|_| ());
    let mut kept = Vec::new();
    for round in 0..5 {
        world.log(3);
        kept.extend(fs::read(world.live()).unwrap());
        fs::File::options().write(true).open(world.live()).unwrap().set_len(0).unwrap();
        world.log(u32::from(round % 2 == 1)); // sometimes a record before the look
        world.wait(LOOK);
        let bytes = fs::metadata(world.live()).unwrap().len();
        assert_eq!(world.set().live_bytes(), bytes, "the size is read again");
    }
    world.log(1);
    let live = fs::read(world.live()).unwrap();
    assert!(!live.contains(&0), "no hole of zeros");
    let files = [(world.beside("kept"), kept), (world.live().to_owned(), live)];
    read(&files, |line| panic!("{line:?}")).assert_numbers(0, 18);
    assert_eq!(world.set().counters().rotations, 0, "a file that was cut is not full");
    world.log(3);
    assert_eq!(world.set().live_bytes(), 4 * RECORD_BYTES as u64);
    world.log(1);
    assert_eq!(world.set().counters().rotations, 1);
    assert_eq!(world.alerts(), []);
}

/// A spool whose rotation and alert file fail for an hour, with a standard error that can be read.
fn alert_file_fails(folder: &Path) {
    let (disk, clock) = (Faulty::new(), SimClock::new());
    let builder = Spool::builder(folder.join("app.log")).max_bytes(1_000).max_total_bytes(1 << 20);
    let (spool, guard) = builder.open_with(disk.fs(), Arc::new(clock.clone())).unwrap();
    disk.slip(Slip::fail(Op::Create, OsError::EACCES).only(|call: &Call| call.name != "app.log"));
    for round in 0..360 {
        log(&spool, 0, round * 2..round * 2 + 2, 100);
        guard.handle().flush(LONG).unwrap();
        clock.advance(Duration::from_secs(10));
    }
    let tries =
        disk.take_words(&[Op::Create]).iter().filter(|words| words.contains(".app.log.alert")).count();
    assert!(tries > 20, "it is tried again at each probe: {tries}");
    disk.heal();
    until("all is well", || {
        clock.advance(Duration::from_secs(10));
        guard.handle().flush(LONG).unwrap();
        guard.handle().health().is_well()
    });
    assert!(guard.shutdown(LONG).is_complete());
}

#[test]
fn museum_i8_the_alert_file_cannot_be_written() {
    const TEST: &str = "museum::interference::museum_i8_the_alert_file_cannot_be_written";
    if let Some(folder) = child::folder() {
        return alert_file_fails(&folder);
    }
    let (dir, live) = folder();
    let said = child::assert_passed(&child::of(TEST, dir.path()).output().unwrap());
    let about = |what: &str| said.lines().filter(|line| line.contains(what)).count();
    assert_eq!(about("the alert file cannot be written"), 1, "{said}");
    assert_eq!(about("rotation failed"), 1, "{said}");
    assert_eq!(said.lines().filter(|line| line.contains("app.log")).count(), 2, "{said}");
    // And not in the log: one line of an episode that is over, no recursion.
    let found = read_back(&RealDisk, &live);
    found.assert_numbers(0, 720);
    assert_eq!(found.notices.len(), 1, "{:?}", found.notices);

    // A directory in its place: the same, and it is left alone; its temporary is removed.
    let (_dir, disk, mut world) = real(|_| ());
    let alert = world.beside("ALERT_LOG_ROTATION_FAILED.txt");
    fs::create_dir(&alert).unwrap();
    let own = world.beside("ALERT_LOG_ROTATION_FAILED.app.log.txt");
    fs::create_dir(&own).unwrap();
    world.log(4);
    disk.slip(Slip::fail(Op::Rename, OsError::EACCES).of_name("app.log"));
    world.log(40);
    world.wait(Duration::from_secs(3_600));
    assert_eq!(world.set().state(), State::Overdue);
    let failed = |event: &&Event| matches!(event, Event::AlertFileFailed(_));
    assert_eq!(world.events.iter().filter(failed).count(), 1);
    assert_eq!(world.alerts(), [(Trouble::Rotation, Edge::Raised)]);
    assert!(alert.is_dir() && own.is_dir() && !world.beside(".app.log.alert").exists());
    world.found().assert_numbers(0, 44);
}
