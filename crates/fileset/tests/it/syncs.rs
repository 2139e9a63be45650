//! Proves when a rotation syncs, and what a failed `fdatasync` leads to: a retry if it may pass, and a sealed file and
//! a new one if pages are lost.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Edge, Op, OsError, SyncPolicy, Trouble};

use crate::world::{World, settings};

#[test]
fn a_sync_that_lost_pages_seals_the_file() {
    let mut settings = settings(9, 4_000);
    settings.sync = SyncPolicy::Interval(Duration::from_millis(100));
    settings.max_bytes = 1_000;
    let mut world = World::new(settings);
    world.open();
    world.disk.fault(Fault::on(Op::Sync).fails(OsError::EIO).once());
    world.log(3);
    assert_eq!(world.edges(), [(Trouble::Sync, Edge::Raised)]);
    world.log(2);
    assert_eq!(world.edges(), [(Trouble::Sync, Edge::Cleared)], "by the first sync of the new file");
    assert_eq!(world.set().counters().rotations, 1, "logging goes on in a new file");
    let synced: Vec<bool> = world
        .disk
        .journal()
        .iter()
        .filter(|entry| entry.op == Op::Sync && entry.path.ends_with("app.log.1"))
        .map(|entry| entry.result.is_ok())
        .collect();
    assert_eq!(synced, [false; 0], "never synced again");
    world.settle();
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn a_sync_that_may_pass_is_retried() {
    let mut settings = settings(9, 4_000);
    settings.sync = SyncPolicy::Interval(Duration::from_millis(100));
    let mut world = World::new(settings);
    world.open();
    world.disk.fault(Fault::on(Op::Sync).fails(OsError::EBUSY).times(2));
    world.push();
    world.rest();
    assert_eq!(world.times(Op::Sync, Duration::ZERO), [100, 200, 400]);
    world.disk.fault(Fault::on(Op::Sync).fails(OsError::EACCES).once());
    world.push();
    world.rest();
    assert_eq!(world.edges(), [(Trouble::Sync, Edge::Raised), (Trouble::Sync, Edge::Cleared)]);
}

/// Backups are history that is wanted: a disk on which no sync works must not turn them over.
#[test]
fn a_disk_on_which_every_sync_fails_costs_no_backups() {
    let mut settings = settings(12, 1 << 20);
    settings.sync = SyncPolicy::Interval(Duration::from_millis(100));
    settings.max_bytes = 60_000;
    let mut world = World::new(settings);
    world.open();
    world.disk.fault(Fault::on(Op::Sync).fails(OsError::EIO).until_cleared());
    world.clear_after = Duration::from_secs(3_600);
    world.log(2_000); // two minutes
    let rotations = world.set().counters().rotations;
    assert_eq!(rotations, 2, "for the first, and one by size");
    assert_eq!(world.times(Op::Sync, Duration::ZERO).len() as u64, rotations + 1, "one for each file");
    assert_eq!(world.edges(), [(Trouble::Sync, Edge::Raised)]);
    world.disk.clear_faults();
    world.log(2_000);
    world.settle();
    assert_eq!(world.edges(), [(Trouble::Sync, Edge::Cleared)]);
    world.assert_rest();
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn each_file_has_its_own_sync_again_once_one_has_worked() {
    let mut settings = settings(12, 1 << 20);
    settings.sync = SyncPolicy::Interval(Duration::from_millis(100));
    settings.max_bytes = 100_000;
    let mut world = World::new(settings);
    world.open();
    for _ in 0..2 {
        world.disk.fault(Fault::on(Op::Sync).fails(OsError::EIO).once());
        world.log(10);
    }
    assert_eq!(world.set().counters().rotations, 2, "each is left at once");
}

#[test]
fn a_rotation_syncs_the_file_before_and_the_names_after_unless_never_is_chosen() {
    for sync in [SyncPolicy::OnRotate, SyncPolicy::Never] {
        let mut settings = settings(9, 4_000);
        settings.sync = sync;
        let mut world = World::new(settings);
        world.open();
        world.disk.clear_journal();
        world.log(16);
        assert!(world.set().counters().rotations > 2);
        let journal = world.disk.journal();
        let calls = |op| journal.iter().filter(move |entry| entry.op == op);
        let retired: Vec<u64> = calls(Op::Rename)
            .filter(|entry| entry.path.ends_with("app.log"))
            .map(|entry| entry.seq)
            .collect();
        if sync == SyncPolicy::Never {
            assert_eq!(calls(Op::Sync).chain(calls(Op::SyncDir)).count(), 0, "{sync:?}");
            continue;
        }
        assert_eq!((calls(Op::Sync).count(), calls(Op::SyncDir).count()), (retired.len(), retired.len()));
        let before = calls(Op::Sync).zip(&retired).all(|(sync, retired)| sync.seq < *retired);
        let after = calls(Op::SyncDir).zip(&retired).all(|(sync, retired)| sync.seq > *retired);
        assert!(before && after, "{journal:#?}");
    }
}
