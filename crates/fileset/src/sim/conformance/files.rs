//! Tests files by name, in a directory that is held, on both disks. Directories themselves are in `dirs`.

use std::path::Path;

use super::World;
use crate::effect::fs::Follow;
use crate::model::error::OsError;
use crate::model::inventory::FileKind;
use crate::model::time::Wall;

pub(super) fn create_wants_a_free_name_in_a_directory(world: &impl World) {
    let (fs, dir, path) = (world.fs(), world.held(), world.path("app.log"));
    let mut file = fs.create(&dir.at("app.log"), 0o640).unwrap();
    assert_eq!(file.write(b"one\n"), Ok(4));
    assert_eq!(file.write(b""), Ok(0));
    assert_eq!(file.sync(), Ok(()));
    assert_eq!(world.read(&path).unwrap(), b"one\n");
    assert_eq!(fs.create(&dir.at("app.log"), 0o640).unwrap_err(), OsError::EEXIST);
    world.symlink(&world.path("dangling"), Path::new("nowhere"));
    assert_eq!(fs.create(&dir.at("dangling"), 0o640).unwrap_err(), OsError::EEXIST);
    let sub = world.sub("sub");
    assert_eq!(fs.create(&dir.at("sub"), 0o640).unwrap_err(), OsError::EEXIST);
    assert_eq!(fs.create(&sub.at("x".repeat(256)), 0o640).unwrap_err(), OsError::ENAMETOOLONG);
    assert_eq!(world.read(&path).unwrap(), b"one\n", "nothing was cut");
}

pub(super) fn open_wants_a_file(world: &impl World) {
    let (fs, dir, path) = (world.fs(), world.held(), world.path("app.log"));
    assert_eq!(fs.open(&dir.at("app.log"), Follow::No).unwrap_err(), OsError::ENOENT);
    world.sub("sub");
    assert_eq!(fs.open(&dir.at("sub"), Follow::No).unwrap_err(), OsError::EISDIR);
    world.put(&path, b"one\n");
    let mut file = fs.open(&dir.at("app.log"), Follow::No).unwrap();
    assert_eq!(file.write(b"two\n"), Ok(4));
    assert_eq!(world.read(&path).unwrap(), b"one\ntwo\n");
}

pub(super) fn open_follows_a_link_only_when_told(world: &impl World) {
    let (fs, dir, path) = (world.fs(), world.held(), world.path("app.log"));
    world.put(&path, b"");
    world.symlink(&world.path("link"), Path::new("app.log"));
    assert_eq!(fs.open(&dir.at("link"), Follow::No).unwrap_err(), OsError::ELOOP);
    assert_eq!(fs.open(&dir.at("link"), Follow::Yes).unwrap().write(b"x"), Ok(1));
    world.symlink(&world.path("far"), &path);
    assert_eq!(fs.open(&dir.at("far"), Follow::Yes).unwrap().write(b"y"), Ok(1));
    assert_eq!(world.read(&path).unwrap(), b"xy");
    world.symlink(&world.path("dangling"), Path::new("nowhere"));
    assert_eq!(fs.open(&dir.at("dangling"), Follow::No).unwrap_err(), OsError::ELOOP);
    assert_eq!(fs.open(&dir.at("dangling"), Follow::Yes).unwrap_err(), OsError::ENOENT);
    world.symlink(&world.path("ring"), Path::new("ring"));
    assert_eq!(fs.open(&dir.at("ring"), Follow::Yes).unwrap_err(), OsError::ELOOP);
}

pub(super) fn open_never_waits_for_a_fifo(world: &impl World) {
    world.fifo(&world.path("fifo"));
    let file = world.fs().open(&world.at("fifo"), Follow::No).unwrap();
    assert_eq!(file.stat().unwrap().kind, FileKind::Fifo);
}

pub(super) fn rename_never_replaces(world: &impl World) {
    let (fs, dir) = (world.fs(), world.held());
    let [one, two, three] = ["one", "two", "three"].map(|name| dir.at(name));
    assert_eq!(fs.rename(&one, &two), Err(OsError::ENOENT));
    world.put(&world.path("one"), b"1");
    assert_eq!(fs.rename(&one, &one), Err(OsError::EEXIST));
    world.put(&world.path("two"), b"2");
    assert_eq!(fs.rename(&one, &two), Err(OsError::EEXIST));
    assert_eq!(fs.rename(&dir.at("none"), &two), Err(OsError::ENOENT));
    let mut file = fs.open(&one, Follow::No).unwrap();
    assert_eq!(fs.rename(&one, &three), Ok(()));
    assert_eq!(file.write(b"!"), Ok(1));
    assert_eq!(
        (world.read(&world.path("one")), world.read(&world.path("three"))),
        (None, Some(b"1!".to_vec()))
    );
    assert_eq!(file.stat(), fs.stat(&three));
    world.symlink(&world.path("dangling"), Path::new("nowhere"));
    assert_eq!(fs.rename(&three, &dir.at("dangling")), Err(OsError::EEXIST));
}

pub(super) fn replace_replaces_files_alone(world: &impl World) {
    let (fs, dir) = (world.fs(), world.held());
    let [one, two] = ["one", "two"].map(|name| dir.at(name));
    assert_eq!(fs.replace(&one, &two), Err(OsError::ENOENT));
    world.put(&world.path("one"), b"1");
    world.put(&world.path("two"), b"2");
    assert_eq!(fs.replace(&one, &two), Ok(()));
    assert_eq!((world.read(&world.path("one")), world.read(&world.path("two"))), (None, Some(b"1".to_vec())));
    let (inside_empty, inside_full) = (world.sub("empty"), world.sub("full"));
    let [empty, full] = ["empty", "full"].map(|name| dir.at(name));
    world.put(&world.path("full/file"), b"");
    assert_eq!(fs.replace(&two, &empty), Err(OsError::EISDIR));
    assert_eq!(fs.replace(&empty, &two), Err(OsError::ENOTDIR));
    assert_eq!(fs.replace(&empty, &full), Err(OsError::ENOTEMPTY));
    assert_eq!(fs.replace(&inside_full.at("file"), &full), Err(OsError::ENOTEMPTY));
    assert_eq!(fs.replace(&full, &empty), Ok(()));
    assert!(world.read(&world.path("empty/file")).is_some());
    assert_eq!(fs.stat_dir(&inside_empty).map(|meta| meta.links), Ok(0), "the other is gone");
}

pub(super) fn unlink_takes_names_alone(world: &impl World) {
    let (fs, dir) = (world.fs(), world.held());
    assert_eq!(fs.unlink(&dir.at("app.log")), Err(OsError::ENOENT));
    world.put(&world.path("app.log"), b"1");
    world.symlink(&world.path("link"), &world.path("app.log"));
    assert_eq!(fs.unlink(&dir.at("link")), Ok(()));
    assert_eq!(fs.unlink(&dir.at("app.log")), Ok(()));
    assert_eq!(fs.stat(&dir.at("app.log")), Err(OsError::ENOENT));
    world.sub("app.log");
    let refused = if cfg!(target_os = "linux") { OsError::EISDIR } else { OsError::EPERM };
    assert_eq!(fs.unlink(&dir.at("app.log")), Err(refused));
}

pub(super) fn a_file_without_a_name_lives_on(world: &impl World) {
    let (fs, dir) = (world.fs(), world.held());
    let mut file = fs.create(&dir.at("app.log"), 0o640).unwrap();
    world.hard_link(&world.path("app.log"), &world.path("second"));
    assert_eq!(file.stat().unwrap().links, 2);
    fs.unlink(&dir.at("app.log")).unwrap();
    fs.unlink(&dir.at("second")).unwrap();
    assert_eq!(file.write(b"gone\n"), Ok(5));
    let meta = file.stat().unwrap();
    assert_eq!((meta.links, meta.bytes), (0, 5));
    let other = fs.create(&dir.at("app.log"), 0o640).unwrap();
    assert_ne!(other.stat().unwrap().id, meta.id);
}

pub(super) fn an_append_after_a_cut_leaves_no_hole(world: &impl World) {
    let mut file = world.fs().create(&world.at("app.log"), 0o640).unwrap();
    file.write(b"one\ntwo\n").unwrap();
    world.cut(&world.path("app.log"), 0);
    file.write(b"three\n").unwrap();
    assert_eq!(world.read(&world.path("app.log")).unwrap(), b"three\n");
}

pub(super) fn truncate_cuts_the_end(world: &impl World) {
    let mut file = world.fs().create(&world.at("app.log"), 0o640).unwrap();
    file.write(b"one\ntw").unwrap();
    assert_eq!(file.truncate(4), Ok(()));
    file.write(b"three\n").unwrap();
    assert_eq!(world.read(&world.path("app.log")).unwrap(), b"one\nthree\n");
}

pub(super) fn bytes_from_the_middle(world: &impl World) {
    let mut file = world.fs().create(&world.at("app.log"), 0o640).unwrap();
    file.write(b"one two").unwrap();
    let read = |offset, max: usize| {
        let mut bytes = vec![0; max];
        let read = file.read_at(offset, &mut bytes).unwrap();
        bytes[..read].to_vec()
    };
    assert_eq!((read(4, 9), read(2, 3)), (b"two".to_vec(), b"e t".to_vec()));
    assert_eq!((read(7, 3), read(99, 3)), (vec![], vec![]));
    world.cut(&world.path("app.log"), 1);
    assert_eq!((read(0, 9), read(6, 1)), (b"o".to_vec(), vec![]));
}

pub(super) fn the_head_of_regular_files_alone(world: &impl World) {
    let (fs, dir) = (world.fs(), world.held());
    assert_eq!(fs.read_head(&dir.at("alert"), 9), Err(OsError::ENOENT));
    world.put(&world.path("alert"), b"0123456789");
    assert_eq!(fs.read_head(&dir.at("alert"), 4).unwrap(), b"0123");
    assert_eq!(fs.read_head(&dir.at("alert"), 99).unwrap(), b"0123456789");
    world.symlink(&world.path("link"), &world.path("alert"));
    assert_eq!(fs.read_head(&dir.at("link"), 9), Err(OsError::ELOOP));
    world.fifo(&world.path("fifo"));
    assert_eq!(fs.read_head(&dir.at("fifo"), 9), Err(OsError::EINVAL));
    world.sub("sub");
    assert_eq!(fs.read_head(&dir.at("sub"), 9), Err(OsError::EINVAL));
}

pub(super) fn a_file_opened_to_read_is_a_regular_one_and_takes_nothing(world: &impl World) {
    let (fs, dir, path) = (world.fs(), world.held(), world.path("app.log.2"));
    let at = dir.at("app.log.2");
    assert_eq!(fs.open_to_read(&at).unwrap_err(), OsError::ENOENT);
    world.sub("sub");
    assert_eq!(fs.open_to_read(&dir.at("sub")).unwrap_err(), OsError::EINVAL);
    world.put(&path, b"one\n");
    world.symlink(&world.path("link"), Path::new("app.log.2"));
    assert_eq!(fs.open_to_read(&dir.at("link")).unwrap_err(), OsError::ELOOP);
    world.fifo(&world.path("fifo"));
    let fifo = fs.open_to_read(&dir.at("fifo"));
    assert_eq!(fifo.unwrap_err(), OsError::EINVAL, "it does not wait for a writer");
    let mut file = fs.open_to_read(&at).unwrap();
    let mut space = [0; 8];
    assert_eq!((file.read_at(1, &mut space), &space[..3]), (Ok(3), &b"ne\n"[..]));
    assert_eq!(file.stat().unwrap().id, fs.stat(&at).unwrap().id);
    assert_eq!(file.write(b"two\n"), Err(OsError::EBADF));
    assert_eq!(file.truncate(0), Err(OsError::EINVAL));
    assert_eq!(world.read(&path).unwrap(), b"one\n");
    fs.unlink(&at).unwrap();
    assert_eq!(file.read_at(0, &mut space), Ok(4), "it is there as long as it is open");
}

pub(super) fn a_file_bears_the_time_it_is_given(world: &impl World) {
    let (fs, at) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&at, 0o640).unwrap();
    for micros in [0, 1_700_000_000_123_456, 951_782_400_000_000] {
        let time = Wall::from_unix_micros(micros);
        assert_eq!(file.set_modified(time), Ok(()));
        assert_eq!((file.stat().unwrap().modified, fs.stat(&at).unwrap().modified), (time, time));
    }
    assert_eq!(file.write(b"x"), Ok(1));
    let last = Wall::from_unix_micros(951_782_400_000_000);
    assert_ne!(fs.stat(&at).unwrap().modified, last, "written since");
}

pub(super) fn a_file_has_the_mode_it_is_given(world: &impl World) {
    let (fs, at) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&at, 0o600).unwrap();
    assert_eq!(fs.stat(&at).unwrap().mode, 0o600);
    for mode in [0o666, 0o444, 0o640] {
        assert_eq!(file.set_mode(mode), Ok(()));
        assert_eq!((fs.stat(&at).unwrap().mode, file.stat().unwrap().mode), (mode, mode));
    }
    assert_eq!(file.write(b"x"), Ok(1));
}

pub(super) fn a_file_can_be_given_to_oneself(world: &impl World) {
    let (fs, at) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&at, 0o640).unwrap();
    let before = file.stat().unwrap();
    assert_eq!(file.set_owner(None, None), Ok(()));
    assert_eq!(file.set_owner(Some(fs.user()), None), Ok(()));
    assert_eq!(file.set_owner(None, Some(before.group)), Ok(()));
    assert_eq!(file.stat(), Ok(before));
}

pub(super) fn a_file_can_be_given_away_by_root_alone(world: &impl World) {
    let (fs, at) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&at, 0o640).unwrap();
    let given = file.set_owner(Some(12_345), Some(23_456));
    let meta = fs.stat(&at).unwrap();
    if fs.user() == 0 && given.is_ok() {
        assert_eq!((meta.owner, meta.group), (12_345, 23_456));
    } else {
        // A container's root may know few users.
        assert!(matches!(given, Err(OsError::EPERM | OsError::EINVAL)), "{given:?}");
        assert_eq!(meta.owner, fs.user());
    }
}

pub(super) fn a_file_takes_room_for_what_is_in_it(world: &impl World) {
    let mut file = world.fs().create(&world.at("app.log"), 0o640).unwrap();
    assert_eq!(file.stat().unwrap().allocated, 0);
    for _ in 0..16 {
        assert_eq!(file.write(&[b'x'; 4096]), Ok(4096));
    }
    file.sync().unwrap();
    let meta = file.stat().unwrap();
    assert_eq!(meta.bytes, 65_536);
    assert!(meta.allocated > 0, "{}", meta.allocated);
}

pub(super) fn stat_says_what_stands_there(world: &impl World) {
    let (fs, dir, path) = (world.fs(), world.held(), world.path("app.log"));
    world.put(&path, b"four");
    world.hard_link(&path, &world.path("second"));
    let meta = fs.stat(&dir.at("app.log")).unwrap();
    assert_eq!((meta.kind, meta.bytes, meta.links), (FileKind::File, 4, 2));
    assert_eq!(meta.owner, fs.user());
    assert_eq!(fs.stat(&dir.at("second")), Ok(meta));
    assert_eq!(fs.look(&path), Ok(meta));
    assert_eq!(fs.open(&dir.at("app.log"), Follow::No).unwrap().stat(), Ok(meta));
    world.symlink(&world.path("link"), Path::new("app.log"));
    let link = fs.stat(&dir.at("link")).unwrap();
    assert_eq!((link.kind, link.bytes), (FileKind::Symlink, 7));
    assert_eq!(fs.look(&world.path("link")), Ok(meta));
    world.fifo(&world.path("fifo"));
    assert_eq!(fs.stat(&dir.at("fifo")).unwrap().kind, FileKind::Fifo);
    assert_eq!(fs.stat(&dir.at("none")), Err(OsError::ENOENT));
}

pub(super) fn a_link_is_made_under_a_free_name_and_says_where_it_leads(world: &impl World) {
    let (fs, dir, path) = (world.fs(), world.held(), world.path("app.log"));
    let link = dir.at("latest");
    assert_eq!(fs.read_link(&link), Err(OsError::ENOENT));
    assert_eq!(fs.symlink(Path::new("app.log"), &link), Ok(()));
    let target = fs.read_link(&link);
    assert_eq!(target.as_deref(), Ok(Path::new("app.log")), "as it was said, though nothing is there");
    assert_eq!(fs.stat(&link).unwrap().kind, FileKind::Symlink);
    world.put(&path, b"1");
    assert_eq!(world.read(&world.path("latest")).unwrap(), b"1");
    assert_eq!(fs.symlink(&path, &link), Err(OsError::EEXIST));
    assert_eq!(fs.symlink(&path, &dir.at("app.log")), Err(OsError::EEXIST));
    assert_eq!(fs.read_link(&dir.at("app.log")), Err(OsError::EINVAL));
    world.sub("sub");
    assert_eq!(fs.read_link(&dir.at("sub")), Err(OsError::EINVAL));
    let other = dir.at("other");
    assert_eq!(fs.symlink(&path, &other), Ok(()));
    assert_eq!(fs.replace(&other, &link), Ok(()), "the link itself is replaced, not what it leads to");
    assert_eq!(fs.read_link(&link), Ok(path.clone()));
    assert_eq!(fs.unlink(&link), Ok(()));
    assert_eq!(world.read(&path).unwrap(), b"1");
}
