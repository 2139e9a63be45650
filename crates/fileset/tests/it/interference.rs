//! Proves that a file set finds its live file again whatever others do to it, and refuses what an attacker plants. The
//! integration package tests whole programs that interfere (logrotate, a second process).

use std::collections::BTreeSet;
use std::time::Duration;

use tracing_spool_fileset::BlockReason;
use tracing_spool_fileset::internal::inventory::FileKind;
use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Allow, Edge, Event, Op, OpenError, OsError, Settings, State, Trouble};

use crate::world::{LIVE, World, settings};

fn opened() -> World {
    let mut world = World::new(settings(5, 2_000));
    world.open();
    world.log(2);
    world
}

fn refusal(change: impl FnOnce(&mut Settings), prepare: impl FnOnce(&World)) -> Vec<String> {
    let mut settings = settings(5, 2_000);
    change(&mut settings);
    let mut world = World::new(settings);
    world.disk.mkdir_all("/logs");
    prepare(&world);
    let before = world.disk.list("/logs");
    let error = world.try_open().unwrap_err();
    assert_eq!(world.disk.list("/logs"), before, "nothing is touched");
    match error {
        OpenError::Unusable(faults) => faults.iter().map(ToString::to_string).collect(),
        OpenError::Locked { .. } => vec![error.to_string()],
        other => vec![format!("unexpected: {other}")],
    }
}

#[test]
fn a_deleted_live_file_is_made_anew() {
    let mut world = opened();
    world.disk.ext_unlink(LIVE).unwrap();
    let lost = world.sent;
    world.log(3);
    world.assert_records(lost, &BTreeSet::new());
    assert_eq!(world.set().counters().reopened, 1);
    world.assert_rest();
}

#[test]
fn a_renamed_live_file_is_left_and_a_new_one_made() {
    let mut world = opened();
    world.disk.ext_rename(LIVE, "/logs/app.log.1").unwrap();
    world.log(3);
    world.assert_records(0, &BTreeSet::new());
    world.assert_rest();
}

#[test]
fn a_file_put_in_its_place_is_used() {
    let mut world = opened();
    world.disk.ext_rename(LIVE, "/logs/app.log.1").unwrap();
    world.disk.put(LIVE, "");
    world.log(3);
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn a_deleted_directory_is_made_anew_and_locked_anew() {
    let mut world = opened();
    world.disk.ext_remove_dir_all("/logs").unwrap();
    let lost = world.sent;
    world.log(3);
    world.assert_records(lost, &BTreeSet::new());
    assert!(world.disk.exists("/logs/.app.log.lock"));
    world.assert_rest();
}

#[test]
fn a_directory_locked_by_another_meanwhile_is_not_ours() {
    let mut world = opened();
    world.disk.ext_rename_dir("/logs", "/moved").unwrap();
    world.disk.mkdir_all("/logs");
    world.disk.hold_lock("/logs/.app.log.lock", "process 7");
    world.disk.put("/logs/app.log.1", "process 7's");
    world.log(12);
    assert_eq!(world.edges(), [(Trouble::Directory, Edge::Raised)]);
    assert_eq!(world.set().state(), State::Writing, "the set goes on where it is");
    assert!(world.disk.exists("/moved/app.log.1"), "and rotates there");
    assert!(!world.disk.exists(LIVE));
    world.disk.release_lock("/logs/.app.log.lock").unwrap();
    world.settle();
    assert!(world.disk.exists(LIVE));
    assert_eq!(world.disk.read("/logs/app.log.1").unwrap(), b"process 7's");
}

#[test]
fn a_nameless_file_takes_no_more_records() {
    let mut world = opened();
    world.disk.ext_unlink(LIVE).unwrap();
    world.disk.fault(Fault::on(Op::Create).path_ends("app.log").fails(OsError::EACCES).until_cleared());
    let lost = world.sent;
    world.clock.advance(Duration::from_millis(60));
    assert!(!world.push());
    assert_eq!(world.set().state(), State::Blocked(BlockReason::Disk));
    world.finish_batch();
    world.assert_records(lost, &BTreeSet::new());
    world.settle();
    world.assert_rest();
}

#[test]
fn a_record_begun_in_a_deleted_file_is_written_whole_into_the_next() {
    let mut world = opened();
    world.fill_disk_but_for(12);
    let number = world.sent;
    assert!(!world.push());
    world.disk.ext_unlink(LIVE).unwrap();
    world.disk.set_capacity(None);
    world.finish_batch();
    world.assert_records(number, &BTreeSet::new());
    world.settle();
    world.assert_rest();
}

#[test]
fn a_truncated_file_gets_no_hole_and_the_budget_sees_it() {
    let mut world = opened();
    world.disk.ext_truncate(LIVE, 0).unwrap();
    let lost = world.sent;
    world.log(1);
    world.assert_records(lost, &BTreeSet::new());
    assert_eq!(world.set().live_bytes(), world.files()[0].len() as u64);
}

#[test]
fn reopen_looks_at_once() {
    let mut world = opened();
    world.disk.ext_rename(LIVE, "/logs/app.log.1").unwrap();
    let now = world.clock.now();
    world.set().reopen(now);
    assert!(world.disk.exists(LIVE));
    assert_eq!(world.set().counters().reopened, 1);
}

#[test]
fn a_symlink_planted_while_running_is_not_followed() {
    let mut world = opened();
    world.disk.ext_rename(LIVE, "/logs/old").unwrap();
    world.disk.put("/victim", "precious\n");
    world.disk.put_symlink(LIVE, "/victim");
    world.clear_after = Duration::from_secs(1_000);
    world.log(3);
    assert_eq!(world.disk.read("/victim").unwrap(), b"precious\n");
    assert_eq!(world.set().state(), State::Overdue);
}

#[test]
fn what_an_attacker_plants_is_refused_before_anything_is_touched() {
    let said = refusal(|_| {}, |world| world.disk.put_symlink(LIVE, "/victim"));
    assert_eq!(said, ["path = /logs/app.log: must not be a symlink (or allow Symlink)"]);
    let said = refusal(|_| {}, |world| world.disk.put_kind(LIVE, FileKind::Fifo));
    assert_eq!(said, ["path = /logs/app.log: must not be a FIFO (or allow Fifo)"]);
    let said = refusal(|_| {}, |world| world.disk.put_kind(LIVE, FileKind::Device));
    assert_eq!(said, ["path = /logs/app.log: must not be a device (or allow Device)"]);
    let said = refusal(|_| {}, |world| world.disk.mkdir_all(LIVE));
    assert_eq!(said, ["path = /logs/app.log: must be a file, not a directory"]);
    let said = refusal(
        |_| {},
        |world| {
            world.disk.put(LIVE, "");
            world.disk.set_owner(LIVE, 4_711).unwrap();
        },
    );
    assert_eq!(
        said,
        ["path = /logs/app.log: must belong to the user of this process (or allow ForeignOwner)"]
    );
}

#[test]
fn a_file_with_further_links_is_rotated_away_and_nothing_is_written_through_them() {
    let mut world = World::new(settings(5, 2_000));
    world.disk.put(LIVE, "somebody's snapshot");
    world.disk.mkdir_all("/snapshots");
    world.disk.ext_hard_link(LIVE, "/snapshots/app.log").unwrap();
    world.open();
    let said = world.set().take_events();
    assert!(said.contains(&Event::LinkedLeft { path: LIVE.into() }), "{said:?}");
    world.log(3);
    for path in ["/snapshots/app.log", "/logs/app.log.1"] {
        assert_eq!(world.disk.read(path).unwrap(), b"somebody's snapshot", "{path}");
    }
    assert!(world.disk.read(LIVE).unwrap().starts_with(b"00000 "));
    world.assert_rest();
}

#[test]
fn unusual_files_are_taken_when_allowed_by_name() {
    let mut settings = settings(5, 2_000);
    settings.allow = vec![Allow::Symlink, Allow::HardLink, Allow::ForeignOwner];
    let mut world = World::new(settings);
    world.disk.mkdir_all("/logs");
    world.disk.put("/logs/real.log", "");
    world.disk.ext_hard_link("/logs/real.log", "/logs/second").unwrap();
    world.disk.set_owner("/logs/real.log", 4_711).unwrap();
    world.disk.put_symlink(LIVE, "/logs/real.log");
    world.open();
    assert_eq!(world.set().path(), std::path::Path::new("/logs/real.log"));
    assert!(world.push());
    assert!(world.disk.read("/logs/second").unwrap().starts_with(b"00000 "));
}

#[test]
fn a_device_is_written_and_never_rotated() {
    let mut settings = settings(5, 2_000);
    settings.allow = vec![Allow::Device];
    let mut world = World::new(settings);
    world.disk.mkdir_all("/logs");
    world.disk.put_kind(LIVE, FileKind::Device);
    world.open();
    world.log(20);
    assert_eq!((world.set().counters().rotations, world.set().total_bytes()), (0, 0));
    assert_eq!(world.finished, 20);
}

#[test]
fn directories_are_judged_before_anything_is_touched() {
    let said = refusal(
        |settings| settings.path = "/logs/file/app.log".into(),
        |world| world.disk.put("/logs/file", ""),
    );
    assert_eq!(said, ["path = /logs/file: must be a directory, but /logs/file is not one"]);
    let said = refusal(
        |settings| {
            settings.path = "/logs/missing/app.log".into();
            settings.require_dir = true;
        },
        |_| {},
    );
    assert_eq!(
        said,
        ["path = /logs/missing: must be a directory that exists, or be created (without require_dir)"]
    );
    let said = refusal(|_| {}, |world| world.disk.fault(Fault::on(Op::Access).fails(OsError::EACCES)));
    assert!(said[0].starts_with("path = /logs: must be writable, but /logs is not: EACCES"), "{said:?}");
    let said = refusal(
        |settings| settings.alert_file = Some("/logs/file/ALERT.txt".into()),
        |world| world.disk.put("/logs/file", ""),
    );
    assert_eq!(said, ["alert_file = /logs/file: must be a directory, but /logs/file is not one"]);
    let said = refusal(
        |_| {},
        |world| {
            world.disk.fault(Fault::on(Op::Stat).path_ends("app.log").fails(OsError::EIO).until_cleared());
        },
    );
    assert!(
        said[0].starts_with("path = /logs/app.log: must be a file that can be looked at: EIO"),
        "{said:?}"
    );
}

#[test]
fn a_symlinked_directory_is_a_directory() {
    let mut settings = settings(5, 2_000);
    settings.path = "/link/app.log".into();
    let mut world = World::new(settings);
    world.disk.mkdir_all("/logs");
    world.disk.put_symlink("/link", "/logs");
    world.open();
    assert!(world.push());
    assert!(world.disk.exists(LIVE));
}

#[test]
fn a_second_writer_is_refused_with_all_other_faults() {
    let said = refusal(|_| {}, |world| world.disk.hold_lock("/logs/.app.log.lock", "process 7 on mars"));
    assert!(said[0].contains("process 7 on mars"), "{said:?}");
    let said = refusal(
        |settings| settings.max_bytes = 0,
        |world| world.disk.hold_lock("/logs/.app.log.lock", "process 7 on mars"),
    );
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("max_bytes = 0") && said[1].contains("process 7 on mars"), "{said:?}");
}

#[test]
fn a_record_whose_beginning_others_cut_away_starts_anew() {
    let mut world = World::new(settings(3, 1 << 20));
    world.open();
    world.disk.set_short_writes(Some(4));
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").nth(2).fails(OsError::EIO).times(1));
    assert!(!world.push(), "its beginning is there");
    assert_eq!(world.disk.read(LIVE).unwrap().len(), 4);
    world.disk.ext_truncate(LIVE, 0).unwrap();
    world.finish_batch();
    assert_eq!(world.disk.read(LIVE).unwrap(), format!("{}\n", World::text(0)).into_bytes());
    world.assert_rest();
    world.assert_books();
}
