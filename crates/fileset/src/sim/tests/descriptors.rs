//! Tests what the process has open on the simulated disk when other code closes or steals it, and when its root moves.
//! Directories that others move are in `conformance`.

use std::path::{Path, PathBuf};

use super::{LIVE, create, disk, log, power_cut};
use crate::effect::fs::{Follow, Fs};
use crate::model::error::{Op, OsError};
use crate::sim::{Fault, SimDisk, Survive};

#[test]
fn descriptors_that_others_close_are_bad() {
    let disk = disk();
    let (dir, mut file) = (log(&disk), create(&disk, "app.log"));
    let mut lock = disk.lock(&dir.at(".lock"), 0o640, "me").unwrap();
    disk.ext_close_descriptors();
    assert_eq!((file.write(b"x"), file.sync()), (Err(OsError::EBADF), Err(OsError::EBADF)));
    assert_eq!((file.stat(), lock.stat()), (Err(OsError::EBADF), Err(OsError::EBADF)));
    assert_eq!((file.set_mode(0), lock.set_owner(None, None)), (Err(OsError::EBADF), Err(OsError::EBADF)));
    assert_eq!((disk.stat_dir(&dir), Fs::list(&disk, &dir)), (Err(OsError::EBADF), Err(OsError::EBADF)));
    assert_eq!(disk.create(&dir.at("new"), 0o640).unwrap_err(), OsError::EBADF);
    let journal = disk.journal();
    assert_eq!(journal[journal.len() - 1].path, Path::new("/log/new"));

    let again = log(&disk);
    let second = disk.lock(&again.at(".lock"), 0o640, "me again").unwrap();
    drop(lock);
    assert!(disk.lock_holder(&again.at(".lock")).unwrap().is_some(), "a lost lock releases nothing");
    drop((file, second));
    assert_eq!(disk.lock_holder(&again.at(".lock")), Ok(None));
    assert_eq!(create(&disk, "new").write(b"x"), Ok(1));
}

#[test]
fn descriptors_that_others_steal_are_another_files() {
    let disk = disk();
    disk.put("/data/precious", "theirs");
    let (dir, mut file) = (log(&disk), create(&disk, "app.log"));
    let lock = disk.lock(&dir.at(".lock"), 0o640, "me").unwrap();
    disk.ext_steal_descriptors("/data/precious").unwrap();
    let theirs = disk.look(Path::new("/data/precious")).unwrap();
    assert_eq!((file.stat(), lock.stat(), disk.stat_dir(&dir)), (Ok(theirs), Ok(theirs), Ok(theirs)));
    assert_ne!(lock.id(), theirs.id);
    assert_eq!(file.write(b" and ours"), Ok(9));
    assert_eq!(disk.read("/data/precious").unwrap(), b"theirs and ours");
    assert_eq!(disk.read(LIVE).unwrap(), b"");
    assert_eq!(disk.create(&dir.at("new"), 0o640).unwrap_err(), OsError::EBADF);
    assert_eq!(Fs::list(&disk, &dir), Err(OsError::ENOTDIR));
    assert!(disk.lock(&log(&disk).at(".lock"), 0o640, "again").is_ok(), "the lock went with its descriptor");
    assert_eq!(create(&disk, "new").write(b"x"), Ok(1));

    disk.ext_unlink("/data/precious").unwrap();
    disk.settle();
    assert_eq!(file.write(b"x"), Ok(1), "it lives on in the descriptor");
    disk.ext_close_descriptors();
    assert_eq!(file.write(b"x"), Err(OsError::EBADF));
    assert_eq!(disk.ext_steal_descriptors("/none"), Err(OsError::ENOENT));
}

#[test]
fn in_a_directory_that_took_the_place_of_ours_nothing_is_done_by_name() {
    let disk = disk();
    disk.mkdir_all("/data");
    let (dir, mut file) = (log(&disk), create(&disk, "app.log"));
    disk.ext_steal_descriptors("/data").unwrap();
    assert_ne!(disk.stat_dir(&dir).unwrap().id, dir.id());
    assert_eq!(disk.create(&dir.at("astray"), 0o640).unwrap_err(), OsError::EBADF);
    assert_eq!(disk.unlink(&dir.at("astray")), Err(OsError::EBADF));
    assert_eq!(disk.list("/data"), []);
    assert_eq!((file.write(b"x"), file.truncate(0)), (Err(OsError::EBADF), Err(OsError::EINVAL)));
    assert_eq!((file.read_at(0, &mut [0]), file.sync()), (Err(OsError::EISDIR), Ok(())));
}

#[test]
fn a_process_that_has_another_root_finds_other_files() {
    let disk = disk();
    disk.put("/jail/log/app.log", "inside");
    disk.put_symlink("/jail/link", "/log");
    disk.put_symlink("/jail/out", "../../log");
    let held = log(&disk);
    let top = disk.look(Path::new("/")).unwrap();
    disk.ext_chroot("/jail").unwrap();
    assert_ne!(disk.look(Path::new("/")).unwrap().id, top.id);
    assert_eq!(disk.look(Path::new(LIVE)).unwrap().bytes, 6);
    for path in ["/log", "/link", "/out", "/../log"] {
        assert_eq!(disk.resolve(Path::new(path)), Ok(PathBuf::from("/log")), "{path}");
        assert_eq!(disk.open_dir(Path::new(path)).unwrap().id(), log(&disk).id());
    }
    disk.make_dir(Path::new("/new"), 0o750).unwrap();
    assert!(disk.exists("/jail/new") && !disk.exists("/new"));
    drop(disk.create(&held.at("app.log"), 0o640).unwrap());
    assert_eq!(disk.read(LIVE).unwrap(), b"", "what is held stays what it is");
    assert_eq!(disk.stat_dir(&held).unwrap().id, held.id());
    assert_eq!(disk.ext_chroot("/log/app.log"), Err(OsError::ENOTDIR));
    disk.restart(Survive::Live);
    assert_eq!(disk.look(Path::new("/")), Ok(top), "the next process has the old root");
}

#[test]
fn a_directory_of_another_disk_is_bad() {
    let (disk, other) = (disk(), disk());
    let dir = log(&other);
    assert_eq!(disk.stat_dir(&dir), Err(OsError::EBADF));
    assert_eq!(disk.create(&dir.at("app.log"), 0o640).unwrap_err(), OsError::EBADF);
    assert_eq!(disk.count(), 2);
}

#[test]
fn a_name_is_one_component() {
    let disk = disk();
    let dir = log(&disk);
    for name in ["", ".", "..", "a/b", "/log/app.log"] {
        assert_eq!(disk.stat(&dir.at(name)), Err(OsError::EINVAL), "{name}");
    }
    disk.set_name_max(9);
    assert_eq!(disk.name_max(&dir), Ok(9));
    assert!(disk.create(&dir.at("123456789"), 0o640).is_ok());
    assert_eq!(disk.create(&dir.at("1234567890"), 0o640).unwrap_err(), OsError::ENAMETOOLONG);
}

#[test]
fn the_journal_and_the_faults_know_a_directory_by_the_path_it_has_now() {
    let disk = disk();
    disk.put_symlink("/link", "log");
    let dir = disk.open_dir(Path::new("/link")).unwrap();
    let last = |disk: &SimDisk| disk.journal().pop().unwrap();
    disk.ext_rename_dir("/log", "/moved").unwrap();
    disk.rename(&dir.at("a"), &dir.at("b")).unwrap_err();
    assert_eq!(last(&disk).path, Path::new("/moved/a"));
    assert_eq!(last(&disk).to.as_deref(), Some(Path::new("/moved/b")));
    disk.fault(Fault::on(Op::Create).path_ends("moved/app.log").fails(OsError::EACCES));
    assert_eq!(disk.create(&dir.at("app.log"), 0o640).unwrap_err(), OsError::EACCES);
    disk.ext_remove_dir_all("/moved").unwrap();
    disk.sync_dir(&dir).unwrap();
    assert_eq!((last(&disk).op, last(&disk).path), (Op::SyncDir, "/link".into()), "where it was opened");
    assert_eq!(disk.create(&dir.at("app.log"), 0o640).unwrap_err(), OsError::ENOENT);
    assert_eq!(last(&disk).path, Path::new("/link/app.log"));
}

#[test]
fn every_call_is_in_the_journal_once() {
    let disk = disk();
    let dir = log(&disk);
    let mut file = create(&disk, "app.log");
    disk.clear_journal();
    let (at, path) = (dir.at("app.log"), Path::new("/log"));
    let mut lock = disk.lock(&dir.at(".lock"), 0o640, "").unwrap();
    let _ = (disk.look(path), disk.resolve(path), disk.access(path), disk.open_dir(path));
    let _ =
        (disk.stat_dir(&dir), disk.space(&dir), disk.name_max(&dir), disk.set_dir_owner(&dir, None, None));
    let _ = (disk.mount_of_dir(&dir), disk.mount_of(&at), Fs::list(&disk, &dir), disk.read_link(&at));
    let _ = (file.set_mode(0o600), file.set_owner(None, None), lock.stat(), lock.set_owner(None, None));
    let ops: Vec<Op> = disk.journal().iter().map(|entry| entry.op).collect();
    let wanted = [
        [Op::Lock, Op::Stat, Op::Stat, Op::Access, Op::OpenDir],
        [Op::Stat, Op::Space, Op::Space, Op::SetOwner, Op::Stat],
        [Op::Stat, Op::List, Op::Stat, Op::SetMode, Op::SetOwner],
    ];
    assert_eq!(ops[..15], wanted.concat());
    assert_eq!(ops[15..], [Op::Stat, Op::SetOwner]);
}

#[test]
fn a_power_cut_takes_a_directory_that_was_not_synced() {
    let disk = disk();
    disk.make_dir(Path::new("/log/old"), 0o750).unwrap();
    let old = disk.open_dir(Path::new("/log/old")).unwrap();
    drop(disk.create(&old.at("app.log"), 0o640).unwrap());
    disk.rename(&log(&disk).at("old"), &log(&disk).at("new")).unwrap();
    assert_eq!(disk.unsynced_names(), 3);
    power_cut(&disk, 2, 0);
    assert!(disk.exists("/log/old/app.log") && !disk.exists("/log/new"));
    disk.ext_remove_dir_all("/log/old").unwrap();
    disk.mkdir_all("/log/old");
    power_cut(&disk, 1, 0);
    assert!(!disk.exists("/log/old"));
    assert_eq!(disk.open(&log(&disk).at("old"), Follow::No).unwrap_err(), OsError::ENOENT);
}
