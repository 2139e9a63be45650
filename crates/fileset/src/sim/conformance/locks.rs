//! Tests lock files on both disks. This process plays the other process that holds one: a lock belongs to an open file,
//! not to a process.

use std::path::Path;

use super::World;
use crate::effect::fs::{At, LockRefusal};
use crate::model::error::{Holder, OsError};

const NAME: &str = ".app.log.lock";

fn text(error: LockRefusal) -> String {
    match error {
        LockRefusal::Held(holder) => holder.text,
        LockRefusal::Failed(error) => panic!("{error}"),
    }
}

pub(super) fn a_lock_is_held_once(world: &impl World) {
    let (fs, at, path) = (world.fs(), world.at(NAME), world.path(NAME));
    let lock = fs.lock(&at, 0o640, "pid 1 on here\n").unwrap();
    assert_eq!(lock.id(), fs.stat(&at).unwrap().id);
    assert_eq!(text(fs.lock(&at, 0o640, "second").unwrap_err()), "pid 1 on here");
    drop(lock);
    assert_eq!(world.read(&path).unwrap(), b"pid 1 on here\n", "the file stays");
    let _lock = fs.lock(&at, 0o640, "pid 2").unwrap();
    assert_eq!(world.read(&path).unwrap(), b"pid 2");
}

pub(super) fn a_holder_is_seen_without_taking(world: &impl World) {
    let (fs, at) = (world.fs(), world.at(NAME));
    assert_eq!(fs.lock_holder(&at), Ok(None));
    assert_eq!(fs.stat(&at), Err(OsError::ENOENT), "nothing was created");
    let lock = fs.lock(&at, 0o640, "pid 1").unwrap();
    assert_eq!(fs.lock_holder(&at), Ok(Some(Holder { text: "pid 1".to_owned() })));
    drop(lock);
    assert_eq!(fs.lock_holder(&at), Ok(None));
    assert!(fs.lock(&at, 0o640, "pid 2").is_ok(), "looking took nothing");
}

pub(super) fn a_lock_wants_a_regular_file(world: &impl World) {
    let (fs, dir, target) = (world.fs(), world.held(), world.path("precious"));
    world.put(&target, b"precious");
    world.symlink(&world.path("link"), &target);
    let failed = |at: &At| (fs.lock(at, 0o640, "x").unwrap_err(), fs.lock_holder(at).unwrap_err());
    assert_eq!(failed(&dir.at("link")), (LockRefusal::Failed(OsError::ELOOP), OsError::ELOOP));
    world.sub("sub");
    assert_eq!(failed(&dir.at("sub")), (LockRefusal::Failed(OsError::EISDIR), OsError::EINVAL));
    world.fifo(&world.path("fifo"));
    assert_eq!(failed(&dir.at("fifo")), (LockRefusal::Failed(OsError::EINVAL), OsError::EINVAL));
    assert_eq!(world.read(&target).unwrap(), b"precious");
}

pub(super) fn a_lock_on_a_file_without_a_name_is_no_lock(world: &impl World) {
    let (fs, at) = (world.fs(), world.at(NAME));
    let old = fs.lock(&at, 0o640, "old").unwrap();
    fs.unlink(&at).unwrap();
    let new = fs.lock(&at, 0o640, "new").unwrap();
    assert_ne!(old.id(), new.id());
    drop(old);
    assert_eq!(text(fs.lock(&at, 0o640, "").unwrap_err()), "new");
}

pub(super) fn a_lock_stays_with_a_directory_that_is_renamed(world: &impl World) {
    let (fs, sub) = (world.fs(), world.sub("sub"));
    let first = fs.lock(&sub.at(NAME), 0o640, "first").unwrap();
    world.rename(&world.path("sub"), &world.path("moved"));
    assert_eq!(text(fs.lock(&sub.at(NAME), 0o640, "").unwrap_err()), "first");
    let again = fs.open_dir(&world.path("moved")).unwrap();
    assert_eq!(text(fs.lock(&again.at(NAME), 0o640, "").unwrap_err()), "first");
    let new = world.sub("sub");
    let second = fs.lock(&new.at(NAME), 0o640, "second").unwrap();
    assert_ne!(first.id(), second.id());
    drop(first);
    assert_eq!(fs.lock_holder(&sub.at(NAME)), Ok(None));
    let _third = fs.lock(&sub.at(NAME), 0o640, "third").unwrap();
    assert_eq!(world.read(&world.path("moved").join(NAME)).unwrap(), b"third");
    world.remove_dir_all(&world.path("moved"));
    let gone = fs.lock(&sub.at(NAME), 0o640, "").unwrap_err();
    assert_eq!(gone, LockRefusal::Failed(OsError::ENOENT));
    assert_eq!(fs.lock_holder(&sub.at(NAME)), Ok(None));
}

pub(super) fn a_lock_file_can_be_looked_at(world: &impl World) {
    let (fs, at) = (world.fs(), world.at(NAME));
    let mut lock = fs.lock(&at, 0o600, "me").unwrap();
    let meta = lock.stat().unwrap();
    assert_eq!((meta.id, meta.bytes, meta.mode, meta.links), (lock.id(), 2, 0o600, 1));
    assert_eq!(lock.set_owner(Some(fs.user()), Some(meta.group)), Ok(()));
    world.hard_link(Path::new(&world.path(NAME)), &world.path("second"));
    fs.unlink(&at).unwrap();
    fs.unlink(&world.at("second")).unwrap();
    assert_eq!(lock.stat().unwrap().links, 0);
}

pub(super) fn a_holder_writes_another_text(world: &impl World) {
    let (fs, at, path) = (world.fs(), world.at(NAME), world.path(NAME));
    let mut lock = fs.lock(&at, 0o640, "a longer text").unwrap();
    for text in ["short\n\n", "a text that is longer again", ""] {
        assert_eq!(lock.set_text(text), Ok(()));
        assert_eq!(world.read(&path).unwrap(), text.as_bytes());
    }
    assert!(fs.lock_holder(&at).unwrap().is_some(), "it is held all the same");
}
