//! Backups that are named by time, kept in a directory of their own, or ended by age.

use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Naming, Op, OpenError, OsError, Settings, Slot, Wall};

use crate::world::{LIVE, World, settings};

fn stamped(backup_count: u32) -> Settings {
    let mut settings = settings(backup_count, 1 << 20);
    settings.naming = Naming::Timestamped;
    settings
}

fn slots(world: &mut World) -> Vec<String> {
    world.set().backups().map(|(slot, _)| slot.to_string()).collect()
}

#[test]
fn a_stamped_backup_is_renamed_once_and_never_again() {
    let mut world = World::new(stamped(20));
    world.open();
    world.log(60);
    let rotations = world.set().counters().rotations;
    assert!((10..20).contains(&rotations), "{rotations}");
    let journal = world.disk.journal();
    let renames = journal.iter().filter(|entry| entry.op == Op::Rename).count();
    assert_eq!(renames as u64, 2 * rotations, "the live file to its stamp, the new file to the live name");
    let mut stamps = slots(&mut world);
    assert!(stamps[0].starts_with("2026010"), "{stamps:?}");
    assert_eq!(stamps.len() as u64, rotations);
    stamps.reverse();
    assert!(stamps.is_sorted(), "{stamps:?}");
    world.assert_rest();
    world.assert_records(0, &world.refused);
}

#[test]
fn stamps_keep_their_order_when_the_clock_goes_back() {
    let mut world = World::new(stamped(40));
    world.open();
    for _ in 0..3 {
        world.log(20);
        world.clock.step_wall(-3_600_000_000);
    }
    world.close();
    world.open();
    world.log(20);
    let mut stamps = slots(&mut world);
    assert!(stamps.iter().filter(|stamp| stamp.contains('-')).count() > 5, "{stamps:?}");
    stamps.reverse();
    assert!(stamps.is_sorted(), "{stamps:?}");
    world.assert_records(0, &world.refused);
}

#[test]
fn a_start_lists_the_directory_once_and_knows_its_own() {
    let mut world = World::new(stamped(3));
    let foreign = ["app.log.20260101T000000", "app.log.20260101T000000Z.bak", "app.log.01", "other.log.1"];
    for name in foreign {
        world.disk.put(format!("/logs/{name}"), "not ours\n");
    }
    // From when the set had numbers.
    world.disk.put("/logs/app.log.1", "old\n");
    world.disk.put("/logs/app.log.2", "older\n");
    for stamp in ["20250101T000000Z", "20250101T000000Z-0001"] {
        world.disk.put(format!("{LIVE}.{stamp}"), "stamped\n");
    }
    world.open();
    assert_eq!(slots(&mut world), ["20250101T000000Z-0001", "20250101T000000Z", "1"], "the oldest has gone");
    world.log(40);
    assert_eq!(world.set().backups().filter(|(slot, _)| slot.stamp().is_some()).count(), 3);
    for name in foreign {
        assert_eq!(world.disk.read(format!("/logs/{name}")).unwrap(), b"not ours\n");
    }
    let lists = world.disk.journal().iter().filter(|entry| entry.op == Op::List).count();
    assert_eq!(lists, 1);
}

#[test]
fn a_taken_stamp_is_stepped_over() {
    let mut world = World::new(stamped(9));
    world.open();
    let now = world.clock.now();
    let (mine, taken) = (LIVE.to_owned() + ".20260101T000000Z", LIVE.to_owned() + ".20260101T000000Z-0001");
    assert_eq!(now.wall.to_string(), "2026-01-01T00:00:00.000000Z");
    world.disk.put(&mine, "came from elsewhere\n");
    world.push();
    world.set().rotate(now);
    assert!(world.disk.exists(&taken));
    assert_eq!(world.disk.read(&mine).unwrap(), b"came from elsewhere\n");
}

fn archived() -> Settings {
    let mut settings = settings(4, 1_200);
    settings.archive_dir = Some("/old".into());
    settings
}

#[test]
fn an_archive_holds_the_backups_and_is_locked() {
    let mut world = World::new(archived());
    world.open();
    world.log(60);
    assert_eq!(world.set().backups().count(), 4);
    for number in 1..=4 {
        assert!(
            world.disk.exists(format!("/old/app.log.{number}"))
                && !world.disk.exists(format!("{LIVE}.{number}"))
        );
    }
    world.assert_rest();
    world.assert_records(world.oldest_kept(), &world.refused);
}

#[test]
fn an_archive_has_one_log() {
    // Another log of the same name would take its backups for its own.
    let mut world = World::new(archived());
    world.disk.mkdir_all("/old");
    world.disk.hold_lock("/old/.app.log.lock", "process 7");
    let refused = world.try_open().unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
    assert!(!world.disk.exists(LIVE));
    world.disk.release_lock("/old/.app.log.lock").unwrap();
    world.open();
    assert!(world.disk.exists("/logs/.app.log.lock"));
}

#[test]
fn an_archive_that_others_delete_is_made_anew() {
    let mut world = World::new(archived());
    world.open();
    world.log(30);
    world.disk.ext_remove_dir_all("/old").unwrap();
    world.log(30);
    world.settle();
    assert!(world.disk.exists("/old/app.log.1"));
    world.assert_limits();
}

#[test]
fn age_ends_backups_though_nothing_is_logged() {
    let mut settings = settings(30, 1 << 20);
    settings.max_age = Some(Duration::from_secs(600));
    let mut world = World::new(settings);
    world.open();
    world.log(20);
    world.clock.advance(Duration::from_secs(300));
    world.log(20);
    let all = world.set().backups().count();
    assert!(all > 5);
    let mut kept = vec![all];
    let begun = world.clock.now().mono;
    while let Some(wake) = world.set().wake_at() {
        let now = world.clock.now();
        world.clock.advance(wake - now.mono);
        let now = world.clock.now();
        world.set().tick(now);
        kept.push(world.set().backups().count());
        assert!(now.mono - begun < Duration::from_secs(1_000), "{kept:?}");
    }
    kept.dedup();
    assert!(kept.len() > 2 && kept.ends_with(&[0]) && kept.is_sorted_by(|one, two| one >= two), "{kept:?}");
    assert!(world.set().live_bytes() > 0, "the live file stays");
    assert_eq!(world.set().counters().pruned_files, all as u64);
}

#[test]
fn what_was_written_long_ago_goes_at_the_start() {
    let mut settings = settings(9, 1 << 20);
    settings.max_age = Some(Duration::from_secs(3_600));
    let mut world = World::new(settings);
    for number in 1..=3 {
        world.disk.put(format!("{LIVE}.{number}"), "old\n");
    }
    let now = world.clock.now().wall.unix_micros();
    world.disk.ext_touch(format!("{LIVE}.1"), Wall::from_unix_micros(now - 3_599_000_000)).unwrap();
    world.disk.ext_touch(format!("{LIVE}.2"), Wall::from_unix_micros(now - 3_601_000_000)).unwrap();
    world.disk.ext_touch(format!("{LIVE}.3"), Wall::from_unix_micros(now)).unwrap();
    world.open();
    let left: Vec<Slot> = world.set().backups().map(|(slot, _)| slot).collect();
    assert_eq!(left, [1, 3], "age is that of the last record, not of the number");
}

#[test]
fn a_stamped_backup_that_seems_to_be_gone_is_not_forgotten() {
    let mut world = World::new(stamped(20));
    world.open();
    world.log(30);
    let before = world.set().backups().count();
    assert!(before > 3);
    let oldest = slots(&mut world).pop().unwrap();
    world
        .disk
        .fault(Fault::on(Op::Stat).path_ends(format!("app.log.{oldest}")).fails(OsError::ENOENT).once());
    world.log(8);
    assert!(slots(&mut world).contains(&oldest), "the directory lists it");
    world.assert_rest();
    world.disk.ext_unlink(format!("{LIVE}.{oldest}")).unwrap();
    world.log(8);
    assert!(!slots(&mut world).contains(&oldest));
    world.assert_rest();
}
