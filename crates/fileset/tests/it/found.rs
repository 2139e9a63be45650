//! Holds the bugs, case by case, that the simulation with moved directories and lost descriptors once found.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Compression, Op, OsError, State, SyncPolicy, Trouble};

use crate::world::{ALERT, LIVE, World, settings};

const LOCK: &str = "/logs/.app.log.lock";

/// Seeds 246 and 594: entering the archive ended the search for the live file.
#[test]
fn the_live_file_is_found_again_although_a_new_archive_is_entered_meanwhile() {
    let mut settings = settings(9, 1 << 20);
    settings.archive_dir = Some("/old".into());
    let mut world = World::new(settings);
    world.open();
    world.log(8);
    world.disk.fault(Fault::on(Op::Create).path_ends("app.log").fails(OsError::EACCES).until_cleared());
    world.disk.ext_unlink(LIVE).unwrap();
    let lost = world.sent;
    world.clock.advance(Duration::from_millis(60));
    assert!(!world.push(), "there is no file");
    world.disk.ext_replace_dir("/old").unwrap();
    world.clock.advance(Duration::from_millis(60));
    world.append();
    world.disk.clear_faults();
    world.finish_batch();
    world.settle();
    assert!(world.disk.read(LIVE).unwrap().starts_with(World::text(lost).as_bytes()));
    world.assert_rest();
}

/// Seeds 55 and 193: the alert was remembered by a descriptor that was closed.
#[test]
fn an_alert_is_taken_back_although_descriptors_were_closed() {
    let mut world = World::new(settings(5, 2_000));
    world.open();
    world.disk.fault(Fault::on(Op::Rename).path_ends("app.log").fails(OsError::EIO).until_cleared());
    world.clear_after = Duration::from_secs(3_600);
    world.log(6);
    assert!(world.disk.exists(ALERT));
    world.disk.ext_close_descriptors();
    world.disk.clear_faults();
    world.clock.advance(Duration::from_secs(400));
    world.log(6);
    world.settle();
    assert!(!world.disk.exists(ALERT));
    world.assert_rest();
}

/// Seed 10389: an alert that a process before had left in a directory stayed there.
#[test]
fn an_alert_of_an_earlier_life_is_taken_back_in_a_directory_that_is_entered() {
    let mut world = World::new(settings(5, 2_000));
    world.open();
    world.log(2);
    world.disk.ext_rename_dir("/logs", "/away").unwrap();
    world.disk.put(ALERT, format!("log: {LIVE}\ntime: long ago\n"));
    world.log(3);
    world.settle();
    assert!(!world.disk.exists(ALERT));
    world.assert_rest();
    world.assert_records(0, &BTreeSet::new());
}

/// Seed 14006: the seal of a file went with its descriptor, and the alert about it stayed.
#[test]
fn a_failed_sync_is_over_although_the_sealed_file_lost_its_descriptor() {
    let mut settings = settings(5, 2_000);
    settings.sync = SyncPolicy::Never;
    let mut world = World::new(settings);
    world.open();
    world.log(1);
    world.disk.fault(Fault::on(Op::Sync).fails(OsError::EIO).once());
    let now = world.clock.now();
    world.set().sync(now);
    assert_eq!(world.set().open_alerts().first().map(|alert| alert.trouble), Some(Trouble::Sync));
    world.disk.ext_close_descriptors();
    world.clock.advance(Duration::from_millis(60));
    world.log(9);
    world.settle();
    world.assert_rest();
}

/// Seed 29: a compression began in a directory whose lock another process had.
#[test]
fn no_compression_begins_without_the_lock() {
    let mut settings = settings(9, 1 << 20);
    settings.compression = Compression::Gzip;
    settings.max_bytes = 300;
    let mut world = World::new(settings);
    world.open();
    while world.set().backups().count() < 3 {
        world.disk.fault(Fault::on(Op::Create).path_ends(".app.log.pack").fails(OsError::EIO).once());
        world.log(1);
    }
    world.disk.clear_faults();
    world.disk.hold_lock(LOCK, "process 7");
    world.clock.advance(Duration::from_secs(400));
    world.log(2);
    world.assert_unharmed();
    assert!(!world.disk.exists("/logs/.app.log.pack"));
    world.disk.release_lock(LOCK).unwrap();
    world.clock.advance(Duration::from_secs(400));
    world.log(2);
    world.settle();
    assert_eq!(world.set().state(), State::Writing);
    world.assert_rest();
}

/// Seed 4057: a directory that held more than the set may was pruned only when a record wanted the room.
#[test]
fn a_directory_that_is_entered_is_within_the_limits_at_once() {
    let mut world = World::new(settings(3, 700));
    world.open();
    world.log(2);
    world.disk.ext_rename_dir("/logs", "/away").unwrap();
    world.disk.put(LOCK, "");
    for number in 1..=5 {
        world.disk.put(format!("/logs/app.log.{number}"), "other 1234567890\n".repeat(12));
    }
    let now = world.clock.now();
    world.set().reopen(now);
    assert_eq!(world.set().path(), std::path::Path::new(LIVE));
    world.assert_limits();
    world.log(3);
    world.settle();
    world.assert_rest();
}
