//! Tests each step alone on a simulated disk: what it does, that it can be repeated, and how it copes with names that
//! others moved and with calls that report the wrong outcome.

use std::path::Path;

use super::{Done, Place, Setback, Stage, objection};
use crate::effect::fs::Fs as _;
use crate::effect::home::Claim;
use crate::effect::patient::Patient;
use crate::effect::site::{Site, make_dirs};
use crate::model::error::{Op, OsError};
use crate::model::inventory::{FileId, FileKind, Meta};
use crate::model::name::Names;
use crate::model::owner::Owner;
use crate::model::settings::{Allow, Settings};
use crate::model::slot::Slot;
use crate::model::time::Wall;
use crate::policy::plan::Step;
use crate::sim::{Fault, SimDisk};

const LIVE: &str = "/logs/app.log";
const RETIRE: Step = Step::Retire { to: Slot::Number(1) };
const HIDDEN: &str = "/logs/.app.log.new";

fn settings() -> Settings {
    let mut settings = Settings::new(LIVE);
    settings.backup_count = 5;
    settings
}

fn backup(number: u32) -> String {
    format!("{LIVE}.{number}")
}

/// A set of these backups, just opened.
fn opened(disk: &SimDisk, backups: &[u32]) -> Stage {
    disk.mkdir_all("/logs");
    backups.iter().for_each(|number| disk.put(backup(*number), "old\n"));
    let names = Names::new(Path::new(LIVE)).unwrap();
    let claim = Claim::new(&names, &settings(), String::new());
    let mut stage = Stage::new(Site::enter(Patient(disk.fs()), names, claim).unwrap());
    done(&mut stage, Step::OpenLive);
    stage
}

/// The bytes that a step removed.
fn removed(done: Done) -> Option<u64> {
    match done {
        Done::Removed { bytes, .. } => Some(bytes),
        _ => None,
    }
}

#[track_caller]
fn done(stage: &mut Stage, step: Step) -> Done {
    stage.perform(step, &settings()).unwrap()
}

/// The error of a step that failed; none if the plan is void.
#[track_caller]
fn refused(stage: &mut Stage, step: Step) -> Option<OsError> {
    match stage.perform(step, &settings()).unwrap_err() {
        Setback::Failed(failure) | Setback::Changed(failure) => Some(failure.error),
        Setback::Displaced => None,
    }
}

fn numbers(stage: &Stage) -> Vec<u32> {
    stage.backups().keys().filter_map(|slot| slot.number()).collect()
}

fn place(stage: &Stage) -> Place {
    stage.current.as_ref().unwrap().place
}

/// A set whose live file has just become a backup: records go to the hidden file.
fn retired(disk: &SimDisk) -> Stage {
    let mut stage = opened(disk, &[]);
    done(&mut stage, Step::CreateHidden);
    done(&mut stage, RETIRE);
    stage
}

#[test]
fn a_removal_believes_enoent_if_nothing_stands_there() {
    let disk = SimDisk::new();
    let mut stage = opened(&disk, &[1, 2, 3]);
    assert_eq!(removed(done(&mut stage, Step::Remove(Slot::Number(3)))), Some(4));
    assert_eq!(done(&mut stage, Step::Remove(Slot::Number(3))), Done::Nothing);
    disk.ext_unlink(backup(1)).unwrap();
    assert_eq!(done(&mut stage, Step::Remove(Slot::Number(1))), Done::Nothing);
    disk.fault(Fault::on(Op::Unlink).fails(OsError::ENOENT).once());
    assert_eq!(refused(&mut stage, Step::Remove(Slot::Number(2))), Some(OsError::ENOENT));
    assert_eq!(numbers(&stage), [2]);
}

#[test]
fn a_shift_believes_enoent_if_the_file_is_gone_and_its_directory_is_not() {
    let disk = SimDisk::new();
    let mut stage = opened(&disk, &[1, 3]);
    disk.ext_unlink(backup(1)).unwrap();
    done(&mut stage, Step::Shift { from: 1, to: 2 });
    assert_eq!(numbers(&stage), [3]);
    disk.fault(Fault::on(Op::Rename).fails(OsError::ENOENT).once());
    let step = Step::Shift { from: 3, to: 4 };
    assert_eq!(refused(&mut stage, step), Some(OsError::ENOENT));
    // The directory is held: wherever it is moved, the work goes on in it.
    disk.ext_rename_dir("/logs", "/elsewhere").unwrap();
    done(&mut stage, step);
    assert_eq!((numbers(&stage), disk.exists("/elsewhere/app.log.4")), (vec![4], true));
}

#[test]
fn a_retirement_moves_our_file_once_and_no_other() {
    let disk = SimDisk::new();
    let mut stage = retired(&disk);
    assert_eq!((place(&stage), numbers(&stage)), (Place::Hidden, vec![1]));
    assert!(stage.retired.is_some() && !disk.exists(LIVE));
    done(&mut stage, RETIRE);
    assert_eq!(place(&stage), Place::Hidden);

    let disk = SimDisk::new();
    let mut stage = opened(&disk, &[]);
    done(&mut stage, Step::CreateHidden);
    disk.put(LIVE, "another's");
    assert_eq!(refused(&mut stage, RETIRE), None);
    assert_eq!(refused(&mut stage, Step::Discard), None);
    disk.ext_unlink(LIVE).unwrap();
    assert_eq!(refused(&mut stage, RETIRE), None);
}

#[test]
fn what_is_discarded_is_counted_once() {
    let disk = SimDisk::new();
    disk.put(LIVE, "four");
    let mut stage = opened(&disk, &[]);
    done(&mut stage, Step::CreateHidden);
    assert_eq!(removed(done(&mut stage, Step::Discard)), Some(4));
    assert_eq!(done(&mut stage, Step::Discard), Done::Nothing);
    assert!(!disk.exists(LIVE));
}

#[test]
fn a_publication_believes_enoent_if_the_hidden_file_is_gone() {
    let disk = SimDisk::new();
    let mut stage = retired(&disk);
    disk.fault(Fault::on(Op::Rename).fails(OsError::ENOENT).once());
    assert_eq!(refused(&mut stage, Step::Publish), Some(OsError::ENOENT));
    done(&mut stage, Step::Publish);
    assert!(place(&stage) == Place::Live && stage.retired.is_none() && disk.exists(LIVE));
    done(&mut stage, Step::Publish);

    let disk = SimDisk::new();
    let mut stage = retired(&disk);
    disk.ext_unlink(HIDDEN).unwrap();
    assert_eq!(refused(&mut stage, Step::Publish), None);
}

#[test]
fn only_what_is_dirty_and_not_sealed_is_synced() {
    let disk = SimDisk::new();
    let mut stage = opened(&disk, &[]);
    disk.fault(Fault::on(Op::Sync).fails(OsError::EIO).until_cleared());
    done(&mut stage, Step::SyncLive);
    stage.current.as_mut().unwrap().dirty = true;
    assert_eq!(refused(&mut stage, Step::SyncLive), Some(OsError::EIO));
    stage.current.as_mut().unwrap().sealed = true;
    done(&mut stage, Step::SyncLive);
    stage.current.as_mut().unwrap().sealed = false;
    disk.clear_faults();
    done(&mut stage, Step::SyncLive);
    assert!(!stage.current.as_ref().unwrap().dirty);
    disk.fault(Fault::on(Op::SyncDir).fails(OsError::EIO).once());
    assert_eq!(refused(&mut stage, Step::SyncDir), Some(OsError::EIO));
}

#[test]
fn directories_are_made_if_that_is_wanted() {
    let disk = SimDisk::new();
    disk.mkdir_all("/logs");
    let strict = Settings { require_dir: true, ..settings() };
    let make = |dir: &str, settings: &Settings| make_dirs(disk.fs().as_ref(), Path::new(dir), settings);
    make("/logs", &strict).unwrap();
    let missing = make("/a/b", &strict).unwrap_err();
    assert_eq!((missing.error, disk.exists("/a")), (OsError::ENOENT, false));
    make("/a/b", &settings()).unwrap();
    assert!(disk.exists("/a/b"));
    disk.set_user(0);
    make("/c/d", &Settings { owner: Some(Owner::ids(7, 8)), ..settings() }).unwrap();
    let owners = ["/c", "/c/d"].map(|dir| disk.look(Path::new(dir)).map(|meta| (meta.owner, meta.group)));
    assert_eq!(owners, [Ok((7, 8)), Ok((7, 8))]);
}

#[test]
fn a_void_plan_leaves_no_hidden_file() {
    let disk = SimDisk::new();
    let mut stage = opened(&disk, &[]);
    done(&mut stage, Step::CreateHidden);
    assert!(disk.exists(HIDDEN));
    stage.drop_next();
    assert!(!disk.exists(HIDDEN) && stage.next.is_none());
    disk.put(HIDDEN, "content");
    assert_eq!(refused(&mut stage, Step::CreateHidden), Some(OsError::EEXIST));
    assert_eq!(disk.read(HIDDEN).unwrap(), b"content");
}

#[test]
fn a_hidden_file_with_content_takes_the_records() {
    let disk = SimDisk::new();
    disk.put(HIDDEN, "new");
    disk.put(LIVE, "four");
    let stage = opened(&disk, &[]);
    assert_eq!((place(&stage), stage.picture.inventory.standing_live), (Place::Hidden, Some(4)));
    assert_eq!(stage.total_bytes(), 7);
    drop(stage);
    disk.ext_unlink(LIVE).unwrap();
    disk.mkdir_all(LIVE);
    let stage = opened(&disk, &[]);
    assert_eq!((place(&stage), stage.picture.inventory.standing_live), (Place::Hidden, None));
}

#[test]
fn an_empty_hidden_file_of_ours_is_removed() {
    let disk = SimDisk::new();
    disk.put(HIDDEN, "");
    assert_eq!(place(&opened(&disk, &[])), Place::Live);
    assert!(!disk.exists(HIDDEN));
    disk.put(HIDDEN, "");
    disk.ext_hard_link(HIDDEN, "/logs/second").unwrap();
    assert_eq!(place(&opened(&disk, &[])), Place::Live);
    assert!(disk.exists(HIDDEN), "it has a second name: not ours alone");
}

#[test]
fn only_a_file_with_content_is_looked_at_for_a_torn_line() {
    let disk = SimDisk::new();
    disk.put(LIVE, "torn");
    assert!(opened(&disk, &[]).current.unwrap().torn);
    disk.put(LIVE, "whole\n");
    assert!(!opened(&disk, &[]).current.unwrap().torn);
    disk.put(LIVE, "");
    disk.fault(Fault::on(Op::Read).fails(OsError::EIO).until_cleared());
    assert!(!opened(&disk, &[]).current.unwrap().torn);
}

#[test]
fn objections_are_made_unless_allowed() {
    let id = FileId { device: 1, inode: 1 };
    let (group, mode, modified) = (7, 0o640, Wall::default());
    let meta = |kind| Meta { id, kind, bytes: 0, links: 1, owner: 7, group, mode, allocated: 0, modified };
    let mut settings = settings();
    let errors = |settings: &Settings| {
        let kinds = [FileKind::Directory, FileKind::Symlink, FileKind::Fifo, FileKind::Device];
        kinds.map(|kind| objection(&meta(kind), 7, None, settings).map(|(_, error)| error))
    };
    let (dir, link, odd) = (Some(OsError::EISDIR), Some(OsError::ELOOP), Some(OsError::ENXIO));
    assert_eq!(errors(&settings), [dir, link, odd, odd]);
    settings.allow = vec![Allow::Fifo, Allow::Device];
    assert_eq!(errors(&settings), [dir, link, None, None]);
    assert_eq!(objection(&meta(FileKind::Other), 7, None, &settings).map(|(_, error)| error), odd);
    let file = meta(FileKind::File);
    assert_eq!(objection(&file, 7, None, &settings), None);
    assert_eq!(objection(&file, 8, None, &settings).map(|(_, error)| error), Some(OsError::EPERM));
}

#[test]
fn a_survey_sees_what_stands_under_the_names_of_the_set() {
    let disk = SimDisk::new();
    let mut stage = opened(&disk, &[2]);
    disk.put(backup(1), "123456");
    disk.mkdir_all(backup(3));
    disk.ext_unlink(backup(2)).unwrap();
    done(&mut stage, Step::Survey);
    assert_eq!(stage.backups()[&Slot::Number(1)].bytes, 6);
    assert_eq!(numbers(&stage), [1]);
    assert!(stage.picture.inventory.foreign.contains(&3));
    disk.put(LIVE, "another's");
    assert_eq!(refused(&mut stage, Step::Survey), None);
}

#[test]
fn a_survey_in_mid_rotation_sees_what_stands_at_the_live_name() {
    let disk = SimDisk::new();
    let mut stage = retired(&disk);
    done(&mut stage, Step::Survey);
    assert_eq!(stage.picture.inventory.standing_live, None);
    disk.put(LIVE, "12");
    done(&mut stage, Step::Survey);
    assert_eq!(stage.picture.inventory.standing_live, Some(2));
    disk.ext_unlink(LIVE).unwrap();
    disk.mkdir_all(LIVE);
    assert_eq!(refused(&mut stage, Step::Survey), Some(OsError::EISDIR));
    disk.put(HIDDEN, "another's");
    assert_eq!(refused(&mut stage, Step::Survey), None);
}

#[test]
fn backups_are_looked_for_as_long_as_there_is_one_behind_the_other() {
    for (there, found) in [(vec![6], vec![6]), (vec![7], vec![]), (vec![2, 5, 6, 7, 9], vec![2, 5, 6, 7])] {
        assert_eq!(numbers(&opened(&SimDisk::new(), &there)), found, "{there:?}");
    }
}

#[test]
fn a_file_that_others_put_in_the_place_of_a_backup_is_neither_removed_nor_moved() {
    let disk = SimDisk::new();
    let mut stage = opened(&disk, &[1, 2]);
    disk.put(backup(1), "another's");
    disk.put(backup(2), "another's too");
    let shift = Step::Shift { from: 1, to: 3 };
    assert_eq!(refused(&mut stage, shift), Some(OsError::ESTALE));
    assert_eq!(refused(&mut stage, Step::Remove(Slot::Number(2))), Some(OsError::ESTALE));
    assert!(disk.exists(backup(1)) && disk.exists(backup(2)) && !disk.exists(backup(3)));
    // A fresh survey says what stands there now.
    done(&mut stage, Step::Survey);
    done(&mut stage, shift);
    assert_eq!(removed(done(&mut stage, Step::Remove(Slot::Number(2)))), Some(13));
}

#[test]
fn a_live_file_with_further_links_takes_nothing() {
    let disk = SimDisk::new();
    disk.put(LIVE, "four");
    disk.ext_hard_link(LIVE, "/elsewhere").unwrap();
    let stage = opened(&disk, &[]);
    assert_eq!((place(&stage), stage.picture.inventory.standing_live), (Place::Hidden, Some(4)));
}

#[test]
fn nothing_is_renamed_or_removed_without_the_lock() {
    let disk = SimDisk::new();
    let mut stage = opened(&disk, &[1]);
    let lock = "/logs/.app.log.lock";
    disk.ext_unlink(lock).unwrap();
    disk.hold_lock(lock, "another");
    for step in [Step::CreateHidden, Step::Remove(Slot::Number(1)), Step::Shift { from: 1, to: 2 }, RETIRE] {
        assert_eq!(refused(&mut stage, step), Some(OsError::EAGAIN), "{step:?}");
    }
    assert!(disk.exists(backup(1)) && !disk.exists(HIDDEN));
    disk.release_lock(lock).unwrap();
    assert_eq!(removed(done(&mut stage, Step::Remove(Slot::Number(1)))), Some(4));
}

#[test]
fn a_rename_that_cannot_be_had_in_one_step_is_had_in_two_and_replaces_nothing() {
    for error in [OsError::EINVAL, OsError::ENOSYS, OsError::EPERM] {
        let disk = SimDisk::new();
        let mut stage = opened(&disk, &[1, 3]);
        disk.fault(Fault::on(Op::Rename).fails(error).until_cleared());
        assert_eq!(refused(&mut stage, Step::Shift { from: 1, to: 3 }), Some(OsError::EEXIST));
        done(&mut stage, Step::Shift { from: 1, to: 2 });
        let told: Vec<OsError> = stage.site.take_untold().iter().map(|failure| failure.error).collect();
        assert_eq!((numbers(&stage), told), (vec![2, 3], vec![error]));
        done(&mut stage, Step::Shift { from: 2, to: 1 });
        assert!(stage.site.take_untold().is_empty(), "said once");
    }
}
