//! One set of tests for the real disk and the simulated one: what holds here holds for both, so that what the
//! engine does on the fake says something about the disk. What only the fake can do is in `tests`.
#![expect(clippy::disallowed_methods, reason = "the test plays the others who use the disk")]

use std::path::{Path, PathBuf};

use super::SimDisk;
use crate::effect::disk::Disk;
use crate::effect::fs::{Follow, Fs, LockRefusal};
use crate::model::error::{Holder, OsError};
use crate::model::inventory::FileKind;
use crate::model::time::Wall;

/// A disk, and what others do to it.
trait World {
    fn new() -> Self;
    fn fs(&self) -> Box<dyn Fs>;
    fn dir(&self) -> PathBuf;
    fn put(&self, path: &Path, bytes: &[u8]);
    fn fifo(&self, path: &Path);
    fn symlink(&self, path: &Path, target: &Path);
    fn hard_link(&self, path: &Path, second: &Path);
    fn cut(&self, path: &Path, bytes: usize);
    fn read(&self, path: &Path) -> Option<Vec<u8>>;

    fn at(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }
}

struct Real {
    _kept: tempfile::TempDir,
    dir: PathBuf,
}

impl World for Real {
    fn new() -> Self {
        let kept = tempfile::tempdir().unwrap();
        let dir = kept.path().canonicalize().unwrap();
        Self { _kept: kept, dir }
    }
    fn fs(&self) -> Box<dyn Fs> {
        Box::new(Disk::new())
    }
    fn dir(&self) -> PathBuf {
        self.dir.clone()
    }
    fn put(&self, path: &Path, bytes: &[u8]) {
        std::fs::write(path, bytes).unwrap();
    }
    fn fifo(&self, path: &Path) {
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    fn symlink(&self, path: &Path, target: &Path) {
        std::os::unix::fs::symlink(target, path).unwrap();
    }
    fn hard_link(&self, path: &Path, second: &Path) {
        std::fs::hard_link(path, second).unwrap();
    }
    fn cut(&self, path: &Path, bytes: usize) {
        let kept = std::fs::read(path).unwrap()[..bytes].to_vec();
        std::fs::write(path, kept).unwrap(); // the same inode, as `truncate(1)` or copytruncate leave it
    }
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        std::fs::read(path).ok()
    }
}

struct Fake(SimDisk);

impl World for Fake {
    fn new() -> Self {
        let disk = SimDisk::new();
        disk.mkdir_all("/var/log");
        Self(disk)
    }
    fn fs(&self) -> Box<dyn Fs> {
        self.0.fs()
    }
    fn dir(&self) -> PathBuf {
        PathBuf::from("/var/log")
    }
    fn put(&self, path: &Path, bytes: &[u8]) {
        self.0.put(path, bytes);
    }
    fn fifo(&self, path: &Path) {
        self.0.put_kind(path, FileKind::Fifo);
    }
    fn symlink(&self, path: &Path, target: &Path) {
        self.0.put_symlink(path, target);
    }
    fn hard_link(&self, path: &Path, second: &Path) {
        self.0.ext_hard_link(path, second).unwrap();
    }
    fn cut(&self, path: &Path, bytes: usize) {
        self.0.ext_truncate(path, bytes).unwrap();
    }
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.0.read(path)
    }
}

macro_rules! on_both {
    ($($test:ident)*) => {
        mod real {
            $(#[test] fn $test() { super::$test(&<super::Real as super::World>::new()); })*
        }
        mod fake {
            $(#[test] fn $test() { super::$test(&<super::Fake as super::World>::new()); })*
        }
    };
}

on_both! {
    create_wants_a_free_name_in_a_directory
    open_wants_a_file
    open_follows_a_link_only_when_told
    open_never_waits_for_a_fifo
    rename_never_replaces
    replace_replaces_files_alone
    unlink_takes_names_alone
    a_file_without_a_name_lives_on
    an_append_after_a_cut_leaves_no_hole
    truncate_cuts_the_end
    the_last_byte
    bytes_from_the_middle
    the_head_of_regular_files_alone
    a_file_opened_to_read_is_a_regular_one_and_takes_nothing
    a_file_bears_the_time_it_is_given
    directories
    stat_says_what_stands_there
    a_lock_is_held_once
    a_holder_is_seen_without_taking
    a_lock_wants_a_regular_file
    a_lock_on_a_file_without_a_name_is_no_lock
    links_on_the_way_are_resolved
    a_link_is_made_under_a_free_name_and_says_where_it_leads
    space_and_sync_answer
}

fn text(error: LockRefusal) -> String {
    match error {
        LockRefusal::Held(holder) => holder.text,
        LockRefusal::Failed(error) => panic!("{error}"),
    }
}

fn create_wants_a_free_name_in_a_directory(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&path, 0o640).unwrap();
    assert_eq!(file.write(b"one\n"), Ok(4));
    assert_eq!(file.write(b""), Ok(0));
    assert_eq!(file.sync(), Ok(()));
    assert_eq!(world.read(&path).unwrap(), b"one\n");
    assert_eq!(fs.create(&path, 0o640).unwrap_err(), OsError::EEXIST);
    world.symlink(&world.at("dangling"), Path::new("nowhere"));
    assert_eq!(fs.create(&world.at("dangling"), 0o640).unwrap_err(), OsError::EEXIST);
    assert_eq!(fs.create(&world.at("none/app.log"), 0o640).unwrap_err(), OsError::ENOENT);
    assert_eq!(fs.create(&path.join("app.log"), 0o640).unwrap_err(), OsError::ENOTDIR);
    assert_eq!(fs.create(&world.at(&"x".repeat(256)), 0o640).unwrap_err(), OsError::ENAMETOOLONG);
    assert_eq!(world.read(&path).unwrap(), b"one\n", "nothing was cut");
}

fn open_wants_a_file(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    assert_eq!(fs.open(&path, Follow::No).unwrap_err(), OsError::ENOENT);
    assert_eq!(fs.open(&world.at("none/app.log"), Follow::No).unwrap_err(), OsError::ENOENT);
    assert_eq!(fs.open(&world.dir(), Follow::No).unwrap_err(), OsError::EISDIR);
    world.put(&path, b"one\n");
    assert_eq!(fs.open(&path.join("x"), Follow::No).unwrap_err(), OsError::ENOTDIR);
    let mut file = fs.open(&path, Follow::No).unwrap();
    assert_eq!(file.write(b"two\n"), Ok(4));
    assert_eq!(world.read(&path).unwrap(), b"one\ntwo\n");
}

fn open_follows_a_link_only_when_told(world: &impl World) {
    let (fs, path, link) = (world.fs(), world.at("app.log"), world.at("link"));
    world.put(&path, b"");
    world.symlink(&link, Path::new("app.log"));
    assert_eq!(fs.open(&link, Follow::No).unwrap_err(), OsError::ELOOP);
    assert_eq!(fs.open(&link, Follow::Yes).unwrap().write(b"x"), Ok(1));
    assert_eq!(world.read(&path).unwrap(), b"x");
    world.symlink(&world.at("dangling"), Path::new("nowhere"));
    assert_eq!(fs.open(&world.at("dangling"), Follow::No).unwrap_err(), OsError::ELOOP);
    assert_eq!(fs.open(&world.at("dangling"), Follow::Yes).unwrap_err(), OsError::ENOENT);
    world.symlink(&world.at("ring"), Path::new("ring"));
    assert_eq!(fs.open(&world.at("ring"), Follow::Yes).unwrap_err(), OsError::ELOOP);
}

fn open_never_waits_for_a_fifo(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("fifo"));
    world.fifo(&path);
    let file = fs.open(&path, Follow::No).unwrap();
    assert_eq!(file.stat().unwrap().kind, FileKind::Fifo);
}

fn rename_never_replaces(world: &impl World) {
    let (fs, one, two) = (world.fs(), world.at("one"), world.at("two"));
    assert_eq!(fs.rename(&one, &two), Err(OsError::ENOENT));
    world.put(&one, b"1");
    assert_eq!(fs.rename(&one, &one), Err(OsError::EEXIST));
    assert_eq!(fs.rename(&one, &world.at("none/two")), Err(OsError::ENOENT));
    world.put(&two, b"2");
    assert_eq!(fs.rename(&one, &two), Err(OsError::EEXIST));
    assert_eq!(fs.rename(&world.at("none"), &two), Err(OsError::ENOENT));
    let mut file = fs.open(&one, Follow::No).unwrap();
    let three = world.at("three");
    assert_eq!(fs.rename(&one, &three), Ok(()));
    assert_eq!(file.write(b"!"), Ok(1));
    assert_eq!((world.read(&one), world.read(&three)), (None, Some(b"1!".to_vec())));
    assert_eq!(file.stat(), fs.stat(&three));
    world.symlink(&world.at("dangling"), Path::new("nowhere"));
    assert_eq!(fs.rename(&three, &world.at("dangling")), Err(OsError::EEXIST));
}

fn replace_replaces_files_alone(world: &impl World) {
    let (fs, one, two) = (world.fs(), world.at("one"), world.at("two"));
    assert_eq!(fs.replace(&one, &two), Err(OsError::ENOENT));
    world.put(&one, b"1");
    world.put(&two, b"2");
    assert_eq!(fs.replace(&one, &two), Ok(()));
    assert_eq!((world.read(&one), world.read(&two)), (None, Some(b"1".to_vec())));
    let (empty, full) = (world.at("empty"), world.at("full"));
    fs.make_dir(&empty, 0o750).unwrap();
    fs.make_dir(&full, 0o750).unwrap();
    world.put(&full.join("file"), b"");
    assert_eq!(fs.replace(&two, &empty), Err(OsError::EISDIR));
    assert_eq!(fs.replace(&empty, &two), Err(OsError::ENOTDIR));
    assert_eq!(fs.replace(&empty, &full), Err(OsError::ENOTEMPTY));
    assert_eq!(fs.replace(&full, &empty), Ok(()));
    assert!(world.read(&empty.join("file")).is_some());
    assert_eq!(fs.replace(&empty, &empty.join("inside")), Err(OsError::EINVAL));
}

fn unlink_takes_names_alone(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    assert_eq!(fs.unlink(&path), Err(OsError::ENOENT));
    world.put(&path, b"1");
    world.symlink(&world.at("link"), &path);
    assert_eq!(fs.unlink(&world.at("link")), Ok(()));
    assert_eq!(fs.unlink(&path), Ok(()));
    assert_eq!(fs.stat(&path), Err(OsError::ENOENT));
    fs.make_dir(&path, 0o750).unwrap();
    let refused = if cfg!(target_os = "linux") { OsError::EISDIR } else { OsError::EPERM };
    assert_eq!(fs.unlink(&path), Err(refused));
}

fn a_file_without_a_name_lives_on(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&path, 0o640).unwrap();
    world.hard_link(&path, &world.at("second"));
    assert_eq!(file.stat().unwrap().links, 2);
    fs.unlink(&path).unwrap();
    fs.unlink(&world.at("second")).unwrap();
    assert_eq!(file.write(b"gone\n"), Ok(5));
    let meta = file.stat().unwrap();
    assert_eq!((meta.links, meta.bytes), (0, 5));
    let other = fs.create(&path, 0o640).unwrap();
    assert_ne!(other.stat().unwrap().id, meta.id);
}

fn an_append_after_a_cut_leaves_no_hole(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&path, 0o640).unwrap();
    file.write(b"one\ntwo\n").unwrap();
    world.cut(&path, 0);
    file.write(b"three\n").unwrap();
    assert_eq!(world.read(&path).unwrap(), b"three\n");
}

fn truncate_cuts_the_end(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&path, 0o640).unwrap();
    file.write(b"one\ntw").unwrap();
    assert_eq!(file.truncate(4), Ok(()));
    file.write(b"three\n").unwrap();
    assert_eq!(world.read(&path).unwrap(), b"one\nthree\n");
}

fn the_last_byte(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&path, 0o640).unwrap();
    assert_eq!(file.last_byte(), Ok(None));
    file.write(b"one").unwrap();
    assert_eq!(file.last_byte(), Ok(Some(b'e')));
    world.cut(&path, 1);
    assert_eq!(file.last_byte(), Ok(Some(b'o')));
    assert_eq!(fs.open(&path, Follow::No).unwrap().last_byte(), Ok(Some(b'o')));
}

fn bytes_from_the_middle(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&path, 0o640).unwrap();
    file.write(b"one two").unwrap();
    let read = |offset, max: usize| {
        let mut bytes = vec![0; max];
        let read = file.read_at(offset, &mut bytes).unwrap();
        bytes[..read].to_vec()
    };
    assert_eq!((read(4, 9), read(2, 3)), (b"two".to_vec(), b"e t".to_vec()));
    assert_eq!((read(7, 3), read(99, 3)), (vec![], vec![]));
}

fn the_head_of_regular_files_alone(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("alert"));
    assert_eq!(fs.read_head(&path, 9), Err(OsError::ENOENT));
    world.put(&path, b"0123456789");
    assert_eq!(fs.read_head(&path, 4).unwrap(), b"0123");
    assert_eq!(fs.read_head(&path, 99).unwrap(), b"0123456789");
    world.symlink(&world.at("link"), &path);
    assert_eq!(fs.read_head(&world.at("link"), 9), Err(OsError::ELOOP));
    world.fifo(&world.at("fifo"));
    assert_eq!(fs.read_head(&world.at("fifo"), 9), Err(OsError::EINVAL));
    assert_eq!(fs.read_head(&world.dir(), 9), Err(OsError::EINVAL));
}

fn a_file_opened_to_read_is_a_regular_one_and_takes_nothing(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log.2"));
    assert_eq!(fs.open_to_read(&path).unwrap_err(), OsError::ENOENT);
    assert_eq!(fs.open_to_read(&world.at("none/app.log.2")).unwrap_err(), OsError::ENOENT);
    assert_eq!(fs.open_to_read(&world.dir()).unwrap_err(), OsError::EINVAL);
    world.put(&path, b"one\n");
    assert_eq!(fs.open_to_read(&path.join("x")).unwrap_err(), OsError::ENOTDIR);
    world.symlink(&world.at("link"), Path::new("app.log.2"));
    assert_eq!(fs.open_to_read(&world.at("link")).unwrap_err(), OsError::ELOOP);
    world.fifo(&world.at("fifo"));
    assert_eq!(
        fs.open_to_read(&world.at("fifo")).unwrap_err(),
        OsError::EINVAL,
        "it does not wait for a writer"
    );
    let mut file = fs.open_to_read(&path).unwrap();
    let mut space = [0; 8];
    assert_eq!((file.read_at(1, &mut space), &space[..3]), (Ok(3), &b"ne\n"[..]));
    assert_eq!(file.stat().unwrap().id, fs.stat(&path).unwrap().id);
    assert_eq!(file.write(b"two\n"), Err(OsError::EBADF));
    assert_eq!(file.truncate(0), Err(OsError::EINVAL));
    assert_eq!(world.read(&path).unwrap(), b"one\n");
    fs.unlink(&path).unwrap();
    assert_eq!(file.read_at(0, &mut space), Ok(4), "it is there as long as it is open");
}

fn a_file_bears_the_time_it_is_given(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    let mut file = fs.create(&path, 0o640).unwrap();
    for micros in [0, 1_700_000_000_123_456, 951_782_400_000_000] {
        let time = Wall::from_unix_micros(micros);
        assert_eq!(file.set_modified(time), Ok(()));
        assert_eq!((file.stat().unwrap().modified, fs.stat(&path).unwrap().modified), (time, time));
    }
    assert_eq!(file.write(b"x"), Ok(1));
    assert_ne!(
        fs.stat(&path).unwrap().modified,
        Wall::from_unix_micros(951_782_400_000_000),
        "written since"
    );
}

fn directories(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("sub"));
    assert_eq!(fs.make_dir(&path.join("deep"), 0o750), Err(OsError::ENOENT));
    assert_eq!(fs.make_dir(&path, 0o750), Ok(()));
    assert_eq!(fs.make_dir(&path, 0o750), Err(OsError::EEXIST));
    assert_eq!(fs.stat(&path).unwrap().kind, FileKind::Directory);
    assert_eq!(fs.access(&path), Ok(()));
    assert_eq!(fs.access(&world.at("none")), Err(OsError::ENOENT));
    world.put(&world.at("file"), b"");
    assert_eq!(fs.make_dir(&world.at("file"), 0o750), Err(OsError::EEXIST));
    assert_eq!(fs.make_dir(&world.at("file/sub"), 0o750), Err(OsError::ENOTDIR));
}

fn stat_says_what_stands_there(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    world.put(&path, b"four");
    world.hard_link(&path, &world.at("second"));
    let meta = fs.stat(&path).unwrap();
    assert_eq!((meta.kind, meta.bytes, meta.links), (FileKind::File, 4, 2));
    assert_eq!(meta.owner, fs.user());
    assert_eq!(fs.stat(&world.at("second")), Ok(meta));
    assert_eq!(fs.open(&path, Follow::No).unwrap().stat(), Ok(meta));
    world.symlink(&world.at("link"), Path::new("app.log"));
    let link = fs.stat(&world.at("link")).unwrap();
    assert_eq!((link.kind, link.bytes), (FileKind::Symlink, 7));
    world.fifo(&world.at("fifo"));
    assert_eq!(fs.stat(&world.at("fifo")).unwrap().kind, FileKind::Fifo);
    assert_eq!(fs.stat(&world.at("none")), Err(OsError::ENOENT));
    assert_eq!(fs.stat(&path.join("x")), Err(OsError::ENOTDIR));
}

fn a_lock_is_held_once(world: &impl World) {
    let (fs, path) = (world.fs(), world.at(".app.log.lock"));
    let lock = fs.lock(&path, 0o640, "pid 1 on here\n").unwrap();
    assert_eq!(lock.id(), fs.stat(&path).unwrap().id);
    assert_eq!(text(fs.lock(&path, 0o640, "second").unwrap_err()), "pid 1 on here");
    drop(lock);
    assert_eq!(world.read(&path).unwrap(), b"pid 1 on here\n", "the file stays");
    let _lock = fs.lock(&path, 0o640, "pid 2").unwrap();
    assert_eq!(world.read(&path).unwrap(), b"pid 2");
    let missing = fs.lock(&world.at("none/lock"), 0o640, "").unwrap_err();
    assert_eq!(missing, LockRefusal::Failed(OsError::ENOENT));
}

fn a_holder_is_seen_without_taking(world: &impl World) {
    let (fs, path) = (world.fs(), world.at(".app.log.lock"));
    assert_eq!(fs.lock_holder(&path), Ok(None));
    assert_eq!(fs.stat(&path), Err(OsError::ENOENT), "nothing was created");
    let lock = fs.lock(&path, 0o640, "pid 1").unwrap();
    assert_eq!(fs.lock_holder(&path), Ok(Some(Holder { text: "pid 1".to_owned() })));
    drop(lock);
    assert_eq!(fs.lock_holder(&path), Ok(None));
    assert!(fs.lock(&path, 0o640, "pid 2").is_ok(), "looking took nothing");
}

fn a_lock_wants_a_regular_file(world: &impl World) {
    let (fs, target) = (world.fs(), world.at("precious"));
    world.put(&target, b"precious");
    world.symlink(&world.at("link"), &target);
    let failed = |path: &Path| (fs.lock(path, 0o640, "x").unwrap_err(), fs.lock_holder(path).unwrap_err());
    assert_eq!(failed(&world.at("link")), (LockRefusal::Failed(OsError::ELOOP), OsError::ELOOP));
    assert_eq!(failed(&world.dir()), (LockRefusal::Failed(OsError::EISDIR), OsError::EINVAL));
    world.fifo(&world.at("fifo"));
    assert_eq!(failed(&world.at("fifo")), (LockRefusal::Failed(OsError::EINVAL), OsError::EINVAL));
    assert_eq!(world.read(&target).unwrap(), b"precious");
}

fn a_lock_on_a_file_without_a_name_is_no_lock(world: &impl World) {
    let (fs, path) = (world.fs(), world.at(".app.log.lock"));
    let old = fs.lock(&path, 0o640, "old").unwrap();
    fs.unlink(&path).unwrap();
    let new = fs.lock(&path, 0o640, "new").unwrap();
    assert_ne!(old.id(), new.id());
    drop(old);
    assert_eq!(text(fs.lock(&path, 0o640, "").unwrap_err()), "new");
}

fn links_on_the_way_are_resolved(world: &impl World) {
    let (fs, sub) = (world.fs(), world.at("sub"));
    fs.make_dir(&sub, 0o750).unwrap();
    world.put(&sub.join("app.log"), b"1");
    world.symlink(&world.at("link"), Path::new("sub"));
    assert_eq!(fs.resolve(&world.at("link/../link/app.log")), Ok(sub.join("app.log")));
    assert_eq!(fs.resolve(&world.at("link")), Ok(sub.clone()));
    assert_eq!(fs.resolve(&world.at("link/none")), Err(OsError::ENOENT));
    assert_eq!(fs.rename(&world.at("link/app.log"), &world.at("sub/app.log.1")), Ok(()));
    assert_eq!(world.read(&sub.join("app.log.1")).unwrap(), b"1");
}

fn a_link_is_made_under_a_free_name_and_says_where_it_leads(world: &impl World) {
    let (fs, path, link) = (world.fs(), world.at("app.log"), world.at("latest"));
    assert_eq!(fs.read_link(&link), Err(OsError::ENOENT));
    assert_eq!(fs.symlink(Path::new("app.log"), &link), Ok(()));
    assert_eq!(
        fs.read_link(&link).as_deref(),
        Ok(Path::new("app.log")),
        "as it was said, though nothing is there"
    );
    assert_eq!(fs.stat(&link).unwrap().kind, FileKind::Symlink);
    world.put(&path, b"1");
    assert_eq!(world.read(&link).unwrap(), b"1");
    assert_eq!(fs.symlink(&path, &link), Err(OsError::EEXIST));
    assert_eq!(fs.symlink(&path, &path), Err(OsError::EEXIST));
    assert_eq!(fs.read_link(&path), Err(OsError::EINVAL));
    assert_eq!(fs.read_link(&world.dir()), Err(OsError::EINVAL));
    assert_eq!(fs.read_link(&path.join("x")), Err(OsError::ENOTDIR));
    assert_eq!(fs.symlink(&path, &world.at("none/latest")), Err(OsError::ENOENT));
    let other = world.at("other");
    assert_eq!(fs.symlink(&path, &other), Ok(()));
    assert_eq!(fs.replace(&other, &link), Ok(()), "the link itself is replaced, not what it leads to");
    assert_eq!(fs.read_link(&link), Ok(path.clone()));
    assert_eq!(fs.unlink(&link), Ok(()));
    assert_eq!(world.read(&path).unwrap(), b"1");
}

fn space_and_sync_answer(world: &impl World) {
    let (fs, path) = (world.fs(), world.at("app.log"));
    assert!(fs.space(&world.dir()).unwrap() > 0);
    assert_eq!(fs.space(&path), Err(OsError::ENOENT));
    assert_eq!(fs.sync_dir(&world.dir()), Ok(()));
    assert_eq!(fs.sync_dir(&path), Err(OsError::ENOENT));
    world.put(&path, b"");
    assert_eq!(fs.sync_dir(&path), Err(OsError::ENOTDIR));
}
