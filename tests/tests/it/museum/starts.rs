//! Proves what a start makes of a live file that has further links, or ends in the NUL bytes of a power cut (row O9), and of a
//! clock that is weeks ahead where age ends backups (row O10).

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing_spool::{Allow, Compression, Edge, Overflow, Spool};
use tracing_spool_fileset::sim::SimClock;
use tracing_spool_fileset::{Disk, Event, FileSet, Naming, Reason};
use tracing_spool_tests::faulty::Faulty;
use tracing_spool_tests::files::{RealDisk, Shelf as _, read_back};
use tracing_spool_tests::world::{World, small};

use super::scene::{LONG, folder, impatient, lines, log, picture, until};

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[test]
fn museum_o9_a_hard_link_of_the_live_file_and_a_restart() {
    for tail in ["", "a line that was cut", "\0\0\0\0"] {
        for naming in [Naming::Numbered, Naming::Timestamped] {
            let (dir, live) = folder();
            let builder = || impatient(&live).naming(naming).backup_count(20);
            let (spool, guard) = builder().open().unwrap();
            log(&spool, 0, 0..5, 100);
            assert!(guard.shutdown(LONG).is_complete());
            fs::write(&live, [bytes(&live), tail.into()].concat()).unwrap();
            let snapshot = dir.path().join("snapshot");
            fs::hard_link(&live, &snapshot).unwrap();
            let (before, inode) = (bytes(&snapshot), fs::metadata(&live).unwrap().ino());

            let (spool, guard) = builder().open().unwrap();
            log(&spool, 0, 5..10, 100);
            assert!(guard.shutdown(LONG).is_complete());
            assert_eq!(bytes(&snapshot), before, "nothing was written through the link, {tail:?}");
            assert_ne!(fs::metadata(&live).unwrap().ino(), inode);
            let names = picture(dir.path()).into_keys().filter(|name| name.starts_with("app.log."));
            let backups: Vec<_> =
                names.map(|name| fs::metadata(dir.path().join(name)).unwrap().ino()).collect();
            assert_eq!(backups, [inode], "it was rotated away");
            let text = fs::read_to_string(&live).unwrap();
            let said = text.lines().filter(|line| line.contains("has further hard links")).count();
            assert_eq!(said, 1, "{text}");
            assert_eq!(text.lines().filter(|line| line.starts_with("t00")).count(), 5, "{text}");
        }
    }
}

#[test]
fn museum_o9_a_snapshot_of_the_whole_directory() {
    // `cp -al`: every file has a second name, the lock file too.
    let (dir, live) = folder();
    let snapshot = dir.path().join("snapshot");
    let mut settings = small(&live);
    (settings.backup_count, settings.compression) = (4, Compression::Gzip);
    let mut kept = Vec::new();
    for round in 0..4 {
        let mut set = FileSet::open(settings.clone()).unwrap();
        lines(&mut set, round * 50..round * 50 + 42);
        drop(set);
        let here = snapshot.join(round.to_string());
        fs::create_dir_all(&here).unwrap();
        for name in picture(dir.path()).into_keys().filter(|name| name.starts_with("app.log")) {
            fs::hard_link(dir.path().join(&name), here.join(&name)).unwrap();
            kept.push((here.join(&name), bytes(&dir.path().join(&name))));
        }
        assert!(kept.iter().all(|(path, before)| bytes(path) == *before), "round {round}");
    }
    let mut set = FileSet::open(settings).unwrap();
    lines(&mut set, 900..950);
    assert_eq!(set.open_alerts(), []);
    drop(set);
    assert!(kept.iter().all(|(path, before)| bytes(path) == *before));
}

#[test]
fn museum_o9_what_is_linked_is_written_where_that_is_allowed_and_discarded_where_no_backups_are() {
    let (dir, live) = folder();
    fs::write(&live, "old\n").unwrap();
    fs::hard_link(&live, dir.path().join("link")).unwrap();
    let mut settings = small(&live);
    settings.allow = vec![Allow::HardLink];
    let mut set = FileSet::open(settings).unwrap();
    lines(&mut set, 0..1);
    drop(set);
    assert_eq!(bytes(&dir.path().join("link")), bytes(&live), "it was wanted so");
    let linked = bytes(&live);
    let mut none = small(&live);
    none.backup_count = 0;
    let mut set = FileSet::open(none).unwrap();
    lines(&mut set, 1..2);
    drop(set);
    assert_eq!(bytes(&dir.path().join("link")), linked);
    assert_eq!(read_back(&RealDisk, &live).numbers(), [1]);
}

#[test]
fn museum_o9_nul_bytes_of_a_power_cut_are_cut() {
    for (tail, torn) in [("", false), ("half a li", true)] {
        for nuls in [1_usize, 4_095, 4_096, 20_000] {
            let (_dir, live) = folder();
            let old = format!("one\ntwo\n{tail}");
            fs::write(&live, [old.clone().into_bytes(), vec![0; nuls]].concat()).unwrap();
            let (spool, guard) = Spool::builder(&live).quiet().open().unwrap();
            log(&spool, 0, 0..3, 100);
            guard.handle().flush(LONG).unwrap();
            let counters = guard.handle().stats().files;
            assert_eq!((counters.nuls_cut, counters.tails_ended), (nuls as u64, u64::from(torn)));
            assert!(guard.shutdown(LONG).is_complete());
            let text = fs::read_to_string(&live).unwrap();
            assert!(text.starts_with(&old) && !text.contains('\0'), "{text}");
            let said = text.lines().filter(|line| line.contains(&format!("{nuls} NUL bytes"))).count();
            assert_eq!(said, 1, "{text}");
            assert!(!torn || text.lines().any(|line| line == tail), "{text}");
        }
    }
    // Nothing but NUL bytes; and those of a log that may write them itself.
    let (_dir, live) = folder();
    fs::write(&live, [0; 100]).unwrap();
    let mut set = FileSet::open(small(&live)).unwrap();
    lines(&mut set, 0..1);
    assert!(set.take_events().contains(&Event::NulsCut { path: live.clone(), bytes: 100 }));
    drop(set);
    assert_eq!(read_back(&RealDisk, &live).numbers(), [0]);
    fs::write(&live, b"a\0\n\0\0").unwrap();
    let mut settings = small(&live);
    settings.raw_bytes = true;
    drop(FileSet::open(settings).unwrap());
    assert!(bytes(&live).starts_with(b"a\0\n\0\0"));
}

const DAY: i64 = 86_400 * 1_000_000;

/// A set whose age limit is a week, on a clock that shows the time of this machine, as the files have it.
fn aging(naming: Naming) -> (tempfile::TempDir, World) {
    let (dir, live) = folder();
    let mut settings = small(live);
    settings.naming = naming;
    (settings.max_age, settings.min_backups) = (Some(Duration::from_secs(7 * 86_400)), Some(2));
    let world = World::real(&Faulty::new(), settings);
    show_real_time(&world.clock);
    (dir, world)
}

fn show_real_time(clock: &SimClock) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    clock.step_wall(i64::try_from(now.as_micros()).unwrap() - clock.now().wall.unix_micros());
}

/// Lets days pass, with a look each ten minutes.
fn days(world: &mut World, days: u64) {
    for _ in 0..days * 144 {
        world.clock.advance(Duration::from_secs(600));
        world.tick();
    }
}

fn count(world: &mut World) -> usize {
    world.set().backups().count()
}

fn aged(world: &World) -> usize {
    let is_aged = |event: &&Event| matches!(event, Event::Removed { reason: Reason::Age, .. });
    world.events.iter().filter(is_aged).count()
}

#[test]
fn museum_o10_the_clock_is_forty_days_ahead_at_one_start() {
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let (_dir, mut world) = aging(naming);
        world.open();
        world.log(42);
        assert_eq!(count(&mut world), 10);
        world.close();
        world.clock.step_wall(40 * DAY);
        world.open();
        for _ in 0..9 {
            world.wait(Duration::from_secs(60));
            world.log(4);
        }
        assert_eq!((count(&mut world), aged(&world)), (19, 0), "nothing goes for its age, rotations or not");
        world.wait(Duration::from_secs(50));
        assert_eq!((count(&mut world), aged(&world)), (19, 0));
        // After ten minutes it counts, and each is told; the newest two stay.
        world.wait(Duration::from_secs(20));
        assert_eq!((count(&mut world), aged(&world)), (2, 17));
        days(&mut world, 1);
        assert_eq!(count(&mut world), 2);
    }
}

#[test]
fn museum_o10_a_clock_that_is_put_right_within_minutes_costs_nothing() {
    let (_dir, mut world) = aging(Naming::Numbered);
    world.open();
    world.log(42);
    world.close();
    world.clock.step_wall(40 * DAY);
    world.open();
    world.wait(Duration::from_secs(590));
    world.clock.step_wall(-40 * DAY);
    days(&mut world, 5);
    assert_eq!((count(&mut world), aged(&world)), (10, 0));
    // What really grows old goes.
    days(&mut world, 3);
    assert_eq!((count(&mut world), aged(&world)), (2, 8));
}

#[test]
fn museum_o10_the_clock_jumps_while_the_log_is_open() {
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let (_dir, mut world) = aging(naming);
        world.open();
        world.log(42);
        days(&mut world, 1);
        world.clock.step_wall(40 * DAY);
        world.log(4);
        world.wait(Duration::from_secs(590));
        world.log(4);
        assert_eq!(aged(&world), 0);
        // And back again: it is as if nothing had been.
        world.clock.step_wall(-40 * DAY);
        world.wait(Duration::from_secs(3_600));
        world.log(4);
        assert_eq!((count(&mut world), aged(&world)), (13, 0));
        // It jumps and stays.
        world.clock.step_wall(40 * DAY);
        world.wait(Duration::from_secs(3_600));
        assert_eq!((count(&mut world), aged(&world)), (2, 11));
    }
}

#[test]
fn museum_o10_each_start_is_a_new_one() {
    // A program that is restarted again and again under a wrong clock removes nothing for its age.
    let (_dir, mut world) = aging(Naming::Numbered);
    world.open();
    world.log(42);
    world.close();
    world.clock.step_wall(400 * DAY);
    for _ in 0..20 {
        world.open();
        world.wait(Duration::from_secs(540));
        world.close();
    }
    world.open();
    assert_eq!((count(&mut world), aged(&world)), (10, 0));
}

#[test]
fn museum_o10_a_spool_says_what_goes_for_its_age() {
    let (dir, live) = folder();
    let clock = SimClock::new();
    show_real_time(&clock);
    let builder = || {
        let builder =
            impatient(&live).backup_count(50).compression(Compression::Gzip).overflow(Overflow::Block);
        builder.max_age(Duration::from_secs(7 * 86_400)).min_backups(1)
    };
    let (spool, guard) = builder().open_with(Box::new(Disk::new()), Arc::new(clock.clone())).unwrap();
    log(&spool, 0, 0..200, 100);
    assert!(guard.shutdown(LONG).is_complete());
    let backups = || RealDisk.names(dir.path()).iter().filter(|name| name.starts_with("app.log.")).count();
    let before = backups();
    assert!(before >= 8);
    clock.step_wall(40 * DAY);
    // Large enough for all that there is to say.
    let builder = builder().max_bytes(100_000);
    let (spool, guard) = builder.open_with(Box::new(Disk::new()), Arc::new(clock.clone())).unwrap();
    for _ in 0..9 {
        clock.advance(Duration::from_secs(60));
        log(&spool, 1, 0..1, 100);
        guard.handle().flush(LONG).unwrap();
    }
    assert_eq!(backups(), before);
    clock.advance(Duration::from_secs(65));
    until("they go", || {
        guard.handle().flush(LONG).unwrap();
        backups() == 1
    });
    guard.handle().flush(LONG).unwrap();
    assert!(guard.handle().health().alerts.iter().all(|alert| alert.edge == Edge::Cleared));
    log(&spool, 2, 0..1, 100);
    assert!(guard.shutdown(LONG).is_complete());
    let text = fs::read_to_string(&live).unwrap();
    let said = text.lines().filter(|line| line.contains("was removed: older than max_age")).count();
    assert_eq!(said, before - 1, "{text}");
}
