//! Tests what others do on the simulated disk: names, mounts, attributes, readers. What they do to the process's
//! descriptors is in `descriptors`.

use std::path::Path;

use super::{LIVE, create, disk, free, log, open, power_cut};
use crate::effect::fs::{Follow, Fs};
use crate::model::error::OsError;
use crate::model::inventory::FileKind;
use crate::model::time::Wall;
use crate::sim::Survive;

#[test]
fn others_interfere() {
    let disk = disk();
    let mut file = create(&disk, "app.log");
    disk.ext_rename(LIVE, "/log/moved").unwrap();
    assert_eq!(file.write(b"x"), Ok(1));
    assert_eq!(disk.read("/log/moved").unwrap(), b"x");
    disk.ext_hard_link("/log/moved", "/log/twice").unwrap();
    assert_eq!(file.stat().unwrap().links, 2);
    disk.ext_rename_dir("/log", "/old").unwrap();
    assert!(disk.exists("/old/moved") && !disk.exists("/log"));
    assert_eq!(disk.open_dir(Path::new("/log")).unwrap_err(), OsError::ENOENT);
    disk.set_owner("/old/moved", 0).unwrap();
    assert_ne!(file.stat().unwrap().owner, disk.user());
    assert_eq!(disk.ext_remove_dir_all("/old/moved"), Err(OsError::ENOTDIR));
    disk.ext_remove_dir_all("/old").unwrap();
    assert_eq!((file.stat().unwrap().links, file.write(b"y")), (0, Ok(1)));
}

#[test]
fn others_replace_a_directory_and_flip_a_symlink() {
    let disk = disk();
    disk.put(LIVE, "1");
    let held = log(&disk);
    let first = disk.ext_replace_dir("/log").unwrap();
    let second = disk.ext_replace_dir("/log").unwrap();
    assert_ne!(first, second);
    assert_eq!(disk.read(first.join("app.log")).unwrap(), b"1");
    assert!(disk.list("/log").is_empty() && disk.list(second).is_empty());
    assert_eq!(disk.look(&first).unwrap().id, held.id());
    assert_ne!(log(&disk).id(), held.id());

    disk.put_symlink("/current", &first);
    disk.ext_flip("/current", "/log").unwrap();
    assert_eq!(disk.open_dir(Path::new("/current")).unwrap().id(), log(&disk).id());
    assert_eq!(disk.ext_flip("/log", "/"), Err(OsError::EINVAL));
    assert_eq!(disk.ext_flip("/none", "/"), Err(OsError::ENOENT));
    assert_eq!(disk.ext_rename_dir("/log", "/log/inside"), Err(OsError::EINVAL));
    assert_eq!(disk.ext_unlink("/"), Err(OsError::EBUSY));
}

#[test]
fn what_is_below_a_mount_point_is_on_that_mount() {
    let disk = disk();
    disk.put("/log/archive/deep/app.log.1", "1");
    disk.put(LIVE, "0");
    disk.put("/log/other", "");
    disk.set_mount("/log/archive", 7).unwrap();
    disk.set_mount(LIVE, 8).unwrap();
    let (dir, archive) = (log(&disk), disk.open_dir(Path::new("/log/archive")).unwrap());
    let deep = disk.open_dir(Path::new("/log/archive/deep")).unwrap();
    let mounts = [&dir, &archive, &deep].map(|dir| disk.mount_of_dir(dir));
    assert_eq!(mounts, [Ok(Some(1)), Ok(Some(7)), Ok(Some(7))]);
    assert_eq!(disk.mount_of(&dir.at("app.log")), Ok(Some(8)));
    assert_eq!(disk.mount_of(&dir.at("other")), Ok(Some(1)));
    assert_eq!(disk.mount_of(&deep.at("app.log.1")), Ok(Some(7)));

    assert_eq!(disk.rename(&dir.at("other"), &archive.at("other")), Err(OsError::EXDEV));
    assert_eq!(disk.replace(&dir.at("other"), &archive.at("other")), Err(OsError::EXDEV));
    assert_eq!(disk.rename(&deep.at("app.log.1"), &archive.at("app.log.1")), Ok(()));
    assert_eq!(disk.rename(&dir.at("app.log"), &dir.at("app.log.1")), Err(OsError::EBUSY));
    assert_eq!(disk.replace(&dir.at("other"), &dir.at("app.log")), Err(OsError::EBUSY));
    assert_eq!(disk.unlink(&dir.at("app.log")), Err(OsError::EBUSY));
    assert_eq!(open(&disk, "app.log").write(b"x"), Ok(1));
    disk.set_mounts_told(false);
    assert_eq!((disk.mount_of_dir(&dir), disk.mount_of(&dir.at("app.log"))), (Ok(None), Ok(None)));
    assert_eq!(disk.rename(&dir.at("other"), &archive.at("other")), Err(OsError::EXDEV), "told or not");
}

#[test]
fn files_have_owners_groups_and_modes() {
    let disk = disk();
    disk.put(LIVE, "12345");
    let (dir, mut file) = (log(&disk), open(&disk, "app.log"));
    let meta = file.stat().unwrap();
    assert_eq!((meta.owner, meta.group, meta.mode, meta.allocated), (1000, 1000, 0o640, 5));
    assert_eq!(file.set_owner(Some(1), None), Err(OsError::EPERM));
    assert_eq!(file.set_owner(None, Some(1)), Err(OsError::EPERM));
    disk.set_group(LIVE, 4).unwrap();
    assert_eq!(file.set_owner(None, Some(4)), Ok(()), "as it is");
    assert_eq!(file.set_owner(None, Some(1000)), Ok(()), "its own group");
    disk.set_mode(LIVE, 0o100_600).unwrap();
    assert_eq!(file.stat().unwrap().mode, 0o600);
    disk.set_owner(LIVE, 7).unwrap();
    assert_eq!(
        (file.set_mode(0), file.set_owner(None, Some(1000))),
        (Err(OsError::EPERM), Err(OsError::EPERM))
    );

    disk.set_user(0);
    assert_eq!(disk.user(), 0);
    assert_eq!((file.set_mode(0o604), file.set_owner(Some(8), Some(9))), (Ok(()), Ok(())));
    let meta = disk.stat(&dir.at("app.log")).unwrap();
    assert_eq!((meta.owner, meta.group, meta.mode), (8, 9, 0o604));
    assert_eq!(create(&disk, "new").stat().unwrap().owner, 0);
    assert_eq!(disk.set_dir_owner(&dir, Some(5), None), Ok(()));
    assert_eq!(disk.stat_dir(&dir).unwrap().owner, 5);
}

#[test]
fn a_file_that_cannot_be_moved_can_be_written_by_who_has_it_open() {
    let disk = disk();
    let (dir, mut file) = (log(&disk), create(&disk, "app.log"));
    disk.put("/log/other", "");
    disk.ext_immovable(LIVE, true).unwrap();
    let (live, other) = (dir.at("app.log"), dir.at("other"));
    assert_eq!(disk.unlink(&live), Err(OsError::EPERM));
    assert_eq!(disk.rename(&live, &dir.at("app.log.1")), Err(OsError::EPERM));
    assert_eq!(disk.replace(&live, &other), Err(OsError::EPERM));
    assert_eq!(disk.replace(&other, &live), Err(OsError::EPERM));
    assert_eq!(disk.open(&live, Follow::No).unwrap_err(), OsError::EPERM);
    assert!(disk.open_to_read(&live).is_ok());
    assert_eq!(file.set_modified(Wall::from_unix_micros(1)), Err(OsError::EPERM));
    assert_eq!((file.set_mode(0), file.set_owner(None, Some(1))), (Err(OsError::EPERM), Err(OsError::EPERM)));
    assert_eq!((file.write(b"xy"), file.truncate(1)), (Ok(2), Ok(())));
    disk.ext_immovable(LIVE, false).unwrap();
    assert_eq!(disk.rename(&live, &dir.at("app.log.1")), Ok(()));
}

#[test]
fn a_directory_that_cannot_be_changed_keeps_its_names() {
    let disk = disk();
    disk.put(LIVE, "");
    let dir = log(&disk);
    disk.ext_immovable("/log", true).unwrap();
    assert_eq!(disk.create(&dir.at("new"), 0o640).unwrap_err(), OsError::EPERM);
    assert_eq!(disk.unlink(&dir.at("app.log")), Err(OsError::EPERM));
    assert_eq!(disk.rename(&dir.at("app.log"), &dir.at("app.log.1")), Err(OsError::EPERM));
    assert_eq!(disk.set_dir_owner(&dir, None, Some(1000)), Err(OsError::EPERM));
    assert_eq!(open(&disk, "app.log").write(b"x"), Ok(1));
}

#[test]
fn what_a_reader_holds_takes_room() {
    let disk = disk();
    disk.set_capacity(Some(10));
    disk.put(LIVE, "123456");
    let dir = log(&disk);
    disk.ext_hold(LIVE).unwrap();
    disk.unlink(&dir.at("app.log")).unwrap();
    disk.sync_dir(&dir).unwrap();
    assert_eq!(free(disk.space(&dir)), Ok(4));
    disk.restart(Survive::Live);
    assert_eq!(free(disk.space(&log(&disk))), Ok(4), "the reader is another process");
    disk.ext_let_go();
    assert_eq!(free(disk.space(&log(&disk))), Ok(10));

    disk.put(LIVE, "123456");
    disk.ext_hold(LIVE).unwrap();
    disk.ext_unlink(LIVE).unwrap();
    power_cut(&disk, 1, 0);
    assert_eq!(free(disk.space(&log(&disk))), Ok(10), "nobody outlives a power cut");
    assert_eq!(disk.ext_hold(LIVE), Err(OsError::ENOENT));
}

#[test]
fn a_lock_of_another_process_goes_with_its_directory() {
    let disk = disk();
    disk.hold_lock("/log/.lock", "pid 7");
    let dir = log(&disk);
    disk.ext_rename_dir("/log", "/moved").unwrap();
    assert_eq!(disk.lock_holder(&dir.at(".lock")).unwrap().unwrap().text, "pid 7");
    assert_eq!(disk.release_lock("/log/.lock"), Err(OsError::ENOENT));
    disk.release_lock("/moved/.lock").unwrap();
    assert_eq!(disk.lock_holder(&dir.at(".lock")), Ok(None));
    assert_eq!(disk.stat(&dir.at(".lock")).unwrap().kind, FileKind::File);
}
