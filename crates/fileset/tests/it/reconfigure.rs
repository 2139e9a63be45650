//! Proves that limits change while the set is open: applied at once, in any state, or refused as a whole.

use std::time::Duration;

use tracing_spool_fileset::BlockReason;
use tracing_spool_fileset::internal::lock_note::LockNote;
use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Engine, Naming, Op, OpenError, OsError, Schedule, Settings, State};

use crate::world::{LIVE, World, settings};

/// Four backups and a live file.
fn world() -> World {
    let mut world = World::new(settings(4, 2_000));
    world.open();
    world.log(40);
    assert_eq!(world.set().backups().count(), 4);
    world
}

#[test]
fn lower_limits_hold_at_once() {
    let mut world = world();
    world.reconfigure(|settings| settings.backup_count = 2);
    assert_eq!(world.set().backups().filter_map(|(slot, _)| slot.number()).collect::<Vec<_>>(), [1, 2]);
    world.reconfigure(|settings| settings.max_total_bytes = 400);
    world.assert_limits();
    assert_eq!(world.set().backups().count(), 1, "no more goes than has to");
    world.log(40);
    world.assert_limits();
    world.assert_rest();
    world.assert_records(world.oldest_kept(), &world.refused);
}

#[test]
fn a_live_file_that_is_over_the_budget_alone_goes_as_a_backup() {
    let mut settings = settings(4, 2_000);
    settings.max_bytes = 1_000;
    let mut world = World::new(settings);
    world.open();
    world.log(12);
    assert!(world.set().live_bytes() > 500);
    world.reconfigure(|settings| (settings.max_bytes, settings.max_total_bytes) = (200, 400));
    world.assert_limits();
    world.log(10);
    world.assert_rest();
}

#[test]
fn higher_limits_end_a_block_at_once() {
    let mut world = World::new(settings(2, 400));
    world.open();
    // The rotation never comes through, so that the budget fills and nothing can be removed.
    world.disk.fault(Fault::on(Op::Rename).fails(OsError::EACCES).until_cleared());
    while world.set().state() != State::Blocked(BlockReason::Budget) {
        world.push();
        world.clock.advance(Duration::from_millis(60));
    }
    world.caps_hold = false; // the disk watches the first budget
    world.reconfigure(|settings| settings.max_total_bytes = 4_000);
    assert!(world.append(), "what waited for room is written: {:?}", world.set);
    world.settle();
    world.log(40);
    world.assert_rest();
    world.assert_books();
}

#[test]
fn a_rotation_under_way_is_planned_anew() {
    let mut world = world();
    world.disk.fault(Fault::on(Op::Rename).path_ends("app.log.2").fails(OsError::EROFS).until_cleared());
    let now = world.clock.now();
    world.set().rotate(now);
    assert_eq!(world.set().state(), State::Overdue);
    world.disk.clear_faults();
    world.reconfigure(|settings| settings.backup_count = 1);
    assert_eq!((world.set().state(), world.set().backups().count()), (State::Writing, 1));
    world.log(20);
    world.assert_limits();
    world.assert_rest();
}

#[test]
fn what_cannot_change_changes_nothing() {
    let mut world = world();
    let mut other = world.set().settings().clone();
    other.backup_count = 1;
    other.path = "/logs/other.log".into();
    let (now, before, calls) = (world.clock.now(), world.set().settings().clone(), world.disk.count());
    let faults = world.set().reconfigure(other, now).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].to_string(), "path = /logs/other.log: cannot be changed while the log is open");
    assert_eq!(world.disk.count(), calls);
    assert_eq!(world.set().settings(), &before);
    assert!(world.disk.exists(LIVE));
}

/// What the lock file in a directory says.
fn note(world: &World, dir: &str) -> LockNote {
    LockNote::parse(&world.disk.read(format!("{dir}/.app.log.lock")).unwrap())
}

#[test]
fn the_lock_files_of_both_directories_say_the_limits() {
    let mut settings = settings(4, 2_000);
    settings.archive_dir = Some("/logs/old".into());
    settings.naming = Naming::Timestamped;
    settings.max_age = Some(Duration::from_secs(3_600));
    let mut world = World::new(settings.clone());
    world.open();
    let (now, mut changed) = (world.clock.now(), world.set().settings().clone());
    (changed.backup_count, changed.rotate_every) = (3, Some(Schedule::daily()));
    world.set().reconfigure(changed, now).unwrap();
    for dir in ["/logs", "/logs/old"] {
        let note = note(&world, dir);
        let mut read = Settings::new(LIVE);
        note.apply(&mut read);
        assert_eq!((read.max_bytes, read.max_total_bytes, read.max_age), (200, 2_000, settings.max_age));
        assert_eq!(
            (read.backup_count, read.rotate_every),
            (3, Some(Schedule::daily().at(0, 0))),
            "as changed: {note:?}"
        );
        assert_eq!((read.archive_dir, read.naming), (settings.archive_dir.clone(), Naming::Timestamped));
        assert!(note.has_periods(), "since the schedule: {note:?}");
    }
}

#[test]
fn the_holder_is_told_in_one_line() {
    let mut world = world();
    let refused = Engine::open_on(settings(4, 2_000), world.disk.fs(), world.clock.now()).unwrap_err();
    let OpenError::Locked { holder, .. } = &refused else { panic!("{refused}") };
    assert!(holder.text.contains("max_total_bytes=2000"), "{holder:?}");
    let shown = holder.to_string();
    assert!(
        shown.starts_with("process ") && !shown.contains('\n') && !refused.to_string().contains("max_bytes"),
        "{shown}"
    );
    world.log(1);
}
