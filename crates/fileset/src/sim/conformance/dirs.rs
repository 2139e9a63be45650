//! Tests directories on both disks: opened once, and held while others rename, replace and remove them. Files are in
//! `files`.

use std::path::Path;

use super::World;
use crate::effect::fs::Follow;
use crate::model::error::OsError;
use crate::model::inventory::FileKind;

pub(super) fn directories_are_made_and_looked_at(world: &impl World) {
    let (fs, path) = (world.fs(), world.path("sub"));
    assert_eq!(fs.make_dir(&path.join("deep"), 0o750), Err(OsError::ENOENT));
    assert_eq!(fs.make_dir(&path, 0o700), Ok(()));
    assert_eq!(fs.make_dir(&path, 0o700), Err(OsError::EEXIST));
    assert_eq!(fs.make_dir(Path::new("/"), 0o700), Err(OsError::EEXIST));
    let meta = fs.look(&path).unwrap();
    assert_eq!((meta.kind, meta.mode, meta.owner), (FileKind::Directory, 0o700, fs.user()));
    assert_eq!(fs.stat(&world.at("sub")), Ok(meta));
    assert_eq!(fs.access(&path), Ok(()));
    assert_eq!(fs.access(&world.path("none")), Err(OsError::ENOENT));
    world.put(&world.path("file"), b"");
    assert_eq!(fs.make_dir(&world.path("file"), 0o750), Err(OsError::EEXIST));
    assert_eq!(fs.make_dir(&world.path("file/sub"), 0o750), Err(OsError::ENOTDIR));
    assert_eq!(fs.look(&world.path("file/sub")), Err(OsError::ENOTDIR));
    assert_eq!(fs.look(&world.path("none")), Err(OsError::ENOENT));
    assert_eq!(fs.look(&world.path("none/file")), Err(OsError::ENOENT));
}

pub(super) fn only_a_directory_can_be_opened_as_one(world: &impl World) {
    let fs = world.fs();
    let refusal = |name: &str| fs.open_dir(&world.path(name)).unwrap_err();
    assert_eq!(refusal("none"), OsError::ENOENT);
    world.put(&world.path("file"), b"");
    assert_eq!(refusal("file"), OsError::ENOTDIR);
    assert_eq!(refusal("file/sub"), OsError::ENOTDIR);
    world.fifo(&world.path("fifo"));
    assert_eq!(refusal("fifo"), OsError::ENOTDIR);
    world.symlink(&world.path("link"), Path::new("file"));
    assert_eq!(refusal("link"), OsError::ENOTDIR);
    world.symlink(&world.path("dangling"), Path::new("nowhere"));
    assert_eq!(refusal("dangling"), OsError::ENOENT);
    world.symlink(&world.path("ring"), Path::new("ring"));
    assert_eq!(refusal("ring"), OsError::ELOOP);
    assert_eq!(refusal(&"x".repeat(256)), OsError::ENAMETOOLONG);
}

pub(super) fn a_directory_is_known_by_its_identity(world: &impl World) {
    let (fs, sub) = (world.fs(), world.sub("sub"));
    let meta = fs.stat_dir(&sub).unwrap();
    assert_eq!((meta.id, meta.kind), (sub.id(), FileKind::Directory));
    assert!(meta.links > 0);
    assert_eq!(fs.look(&world.path("sub")).unwrap().id, sub.id());
    world.symlink(&world.path("link"), Path::new("sub"));
    let through = fs.open_dir(&world.path("link")).unwrap();
    assert_eq!((through.id(), through.path()), (sub.id(), &*world.path("link")));
    assert_ne!(world.held().id(), sub.id());
    world.put(&world.path("sub/app.log"), b"");
    world.put(&world.path("sub/app.log.1"), b"");
    let mut names = fs.list(&through).unwrap();
    names.sort();
    assert_eq!(names, ["app.log", "app.log.1"]);
}

pub(super) fn links_on_the_way_are_resolved(world: &impl World) {
    let (fs, path) = (world.fs(), world.path("sub"));
    world.sub("sub");
    world.put(&path.join("app.log"), b"1");
    world.symlink(&world.path("link"), Path::new("sub"));
    assert_eq!(fs.resolve(&world.path("link/../link/app.log")), Ok(path.join("app.log")));
    assert_eq!(fs.resolve(&world.path("link")), Ok(path.clone()));
    assert_eq!(fs.resolve(&world.path("link/none")), Err(OsError::ENOENT));
    assert_eq!(fs.look(&world.path("link/app.log")).unwrap().bytes, 1);
    world.hard_link(&path.join("app.log"), &path.join("twin"));
    assert_eq!(fs.resolve(&path.join("twin")), Ok(path.join("twin")));
}

pub(super) fn space_names_and_sync_answer(world: &impl World) {
    let (fs, dir) = (world.fs(), world.held());
    let space = fs.space(&dir).unwrap();
    assert!(space.available > 0 && space.available <= space.free);
    assert!(fs.name_max(&dir).unwrap() >= 143, "as short as it gets, on eCryptfs");
    assert_eq!(fs.sync_dir(&dir), Ok(()));
    let sub = world.sub("sub");
    world.remove_dir_all(&world.path("sub"));
    assert_eq!(fs.sync_dir(&sub), Ok(()), "it is still a directory");
}

pub(super) fn a_directory_that_is_renamed_is_still_held(world: &impl World) {
    let fs = world.fs();
    world.sub("above");
    let sub = world.sub("above/sub");
    world.put(&world.path("above/sub/app.log"), b"1");
    let mut file = fs.open(&sub.at("app.log"), Follow::No).unwrap();
    world.rename(&world.path("above"), &world.path("moved"));
    world.rename(&world.path("moved/sub"), &world.path("moved/deep"));
    assert_eq!(file.write(b"2"), Ok(1));
    assert_eq!(fs.rename(&sub.at("app.log"), &sub.at("app.log.1")), Ok(()));
    let mut new = fs.create(&sub.at("app.log"), 0o640).unwrap();
    assert_eq!(new.write(b"3"), Ok(1));
    assert_eq!(world.read(&world.path("moved/deep/app.log.1")).unwrap(), b"12");
    assert_eq!(world.read(&world.path("moved/deep/app.log")).unwrap(), b"3");
    assert_eq!(fs.stat_dir(&sub).unwrap().id, sub.id());
    assert_eq!(fs.look(&world.path("above/sub")), Err(OsError::ENOENT));
    assert_eq!(fs.look(&world.path("moved/deep")).unwrap().id, sub.id());
}

pub(super) fn a_directory_that_is_replaced_is_still_held(world: &impl World) {
    let (fs, old) = (world.fs(), world.sub("sub"));
    world.rename(&world.path("sub"), &world.path("away"));
    let new = world.sub("sub");
    assert_ne!(old.id(), new.id());
    fs.create(&old.at("app.log"), 0o640).unwrap().write(b"old").unwrap();
    fs.create(&new.at("app.log"), 0o640).unwrap().write(b"new").unwrap();
    assert_eq!(world.read(&world.path("away/app.log")).unwrap(), b"old");
    assert_eq!(world.read(&world.path("sub/app.log")).unwrap(), b"new");
    assert_eq!(fs.unlink(&old.at("app.log")), Ok(()));
    assert_eq!((fs.list(&old).unwrap().len(), fs.list(&new).unwrap().len()), (0, 1));
}

pub(super) fn a_directory_that_is_removed_takes_nothing(world: &impl World) {
    let (fs, sub) = (world.fs(), world.sub("sub"));
    world.put(&world.path("sub/app.log"), b"1");
    let mut file = fs.open(&sub.at("app.log"), Follow::No).unwrap();
    world.remove_dir_all(&world.path("sub"));
    let meta = fs.stat_dir(&sub).unwrap();
    assert_eq!((meta.id, meta.links), (sub.id(), 0));
    assert_eq!(fs.create(&sub.at("app.log"), 0o640).unwrap_err(), OsError::ENOENT);
    assert_eq!(fs.symlink(Path::new("x"), &sub.at("link")), Err(OsError::ENOENT));
    assert_eq!(fs.open(&sub.at("app.log"), Follow::No).unwrap_err(), OsError::ENOENT);
    assert_eq!(fs.stat(&sub.at("app.log")), Err(OsError::ENOENT));
    assert_eq!(fs.mount_of(&sub.at("app.log")), Err(OsError::ENOENT));
    assert_eq!(fs.list(&sub), Ok(vec![]));
    assert_eq!((file.write(b"2"), file.stat().unwrap().links), (Ok(1), 0));
    world.put(&world.path("other"), b"3");
    assert_eq!(fs.rename(&world.at("other"), &sub.at("app.log")), Err(OsError::ENOENT));
    assert_eq!(fs.replace(&world.at("other"), &sub.at("app.log")), Err(OsError::ENOENT));
    let new = world.sub("sub");
    assert_ne!(new.id(), sub.id(), "the number is not free as long as it is held");
    assert_eq!(fs.create(&sub.at("app.log"), 0o640).unwrap_err(), OsError::ENOENT);
}

pub(super) fn a_symlink_that_is_flipped_leads_no_one_astray(world: &impl World) {
    let fs = world.fs();
    let (blue, green) = (world.sub("blue"), world.sub("green"));
    world.symlink(&world.path("current"), Path::new("blue"));
    let held = fs.open_dir(&world.path("current")).unwrap();
    world.symlink(&world.path("next"), Path::new("green"));
    world.rename(&world.path("next"), &world.path("current"));
    drop(fs.create(&held.at("app.log"), 0o640).unwrap());
    assert!(world.read(&world.path("blue/app.log")).is_some());
    assert!(world.read(&world.path("green/app.log")).is_none());
    assert_eq!(held.id(), blue.id());
    assert_eq!(fs.look(&world.path("current")).unwrap().id, green.id());
    assert_eq!(fs.open_dir(&world.path("current")).unwrap().id(), green.id());
}

pub(super) fn files_go_from_one_directory_to_another(world: &impl World) {
    let (fs, one, two) = (world.fs(), world.sub("one"), world.sub("two"));
    world.put(&world.path("one/a"), b"a");
    assert_eq!(fs.rename(&one.at("a"), &two.at("b")), Ok(()));
    assert_eq!(world.read(&world.path("two/b")).unwrap(), b"a");
    world.put(&world.path("one/a"), b"new");
    assert_eq!(fs.rename(&one.at("a"), &two.at("b")), Err(OsError::EEXIST));
    assert_eq!(fs.replace(&one.at("a"), &two.at("b")), Ok(()));
    assert_eq!(world.read(&world.path("two/b")).unwrap(), b"new");
    assert_eq!(world.read(&world.path("one/a")), None);
    // Wherever their paths lead by now.
    world.rename(&world.path("one"), &world.path("two/one"));
    assert_eq!(fs.rename(&two.at("b"), &one.at("c")), Ok(()));
    assert_eq!(world.read(&world.path("two/one/c")).unwrap(), b"new");
}

pub(super) fn a_directory_is_not_moved_into_itself(world: &impl World) {
    let (fs, dir, sub) = (world.fs(), world.held(), world.sub("sub"));
    world.sub("sub/deep");
    assert_eq!(fs.rename(&dir.at("sub"), &sub.at("inside")), Err(OsError::EINVAL));
    assert_eq!(fs.replace(&dir.at("sub"), &sub.at("inside")), Err(OsError::EINVAL));
    assert_eq!(fs.rename(&sub.at("deep"), &dir.at("deep")), Ok(()));
}

pub(super) fn a_directory_can_be_given_to_oneself(world: &impl World) {
    let (fs, sub) = (world.fs(), world.sub("sub"));
    let before = fs.stat_dir(&sub).unwrap();
    assert_eq!(fs.set_dir_owner(&sub, None, Some(before.group)), Ok(()));
    assert_eq!(fs.set_dir_owner(&sub, Some(fs.user()), None), Ok(()));
    assert_eq!(fs.stat_dir(&sub), Ok(before));
    let given = fs.set_dir_owner(&sub, Some(12_345), Some(23_456));
    let after = fs.stat_dir(&sub).unwrap();
    let wanted = if given.is_ok() { (12_345, 23_456) } else { (before.owner, before.group) };
    assert_eq!((after.owner, after.group), wanted);
    assert!(given.is_err() || fs.user() == 0);
}

pub(super) fn a_file_is_on_the_mount_of_its_directory(world: &impl World) {
    let (fs, dir) = (world.fs(), world.held());
    let sub = world.sub("sub");
    world.put(&world.path("sub/app.log"), b"");
    world.symlink(&world.path("sub/link"), Path::new("nowhere"));
    let mount = fs.mount_of_dir(&dir).unwrap();
    assert!(mount.is_some() || !cfg!(target_os = "linux"));
    assert_eq!(fs.mount_of_dir(&sub), Ok(mount));
    assert_eq!(fs.mount_of(&dir.at("sub")), Ok(mount));
    assert_eq!(fs.mount_of(&sub.at("app.log")), Ok(mount));
    assert_eq!(fs.mount_of(&sub.at("link")), Ok(mount));
    assert_eq!(fs.mount_of(&sub.at("none")).unwrap_or(mount), mount);
}
