//! One set of tests for the real disk and the simulated one. What holds here holds for both, so what the engine does on
//! the simulated disk says something about the real one. What only the simulated disk can do is in `tests`.
#![expect(clippy::disallowed_methods, reason = "the test plays the others who use the disk")]

mod dirs;
mod files;
mod locks;

use std::path::{Path, PathBuf};

use super::SimDisk;
use crate::effect::disk::Disk;
use crate::effect::fs::{At, Dir, Fs};
use crate::model::inventory::FileKind;

/// A disk, and what others do to it.
trait World {
    fn new() -> Self;
    fn fs(&self) -> Box<dyn Fs>;
    fn dir(&self) -> PathBuf;
    fn put(&self, path: &Path, bytes: &[u8]);
    fn make_dir(&self, path: &Path);
    fn fifo(&self, path: &Path);
    fn symlink(&self, path: &Path, target: &Path);
    fn hard_link(&self, path: &Path, second: &Path);
    fn rename(&self, from: &Path, to: &Path);
    fn remove_dir_all(&self, path: &Path);
    fn cut(&self, path: &Path, bytes: usize);
    fn read(&self, path: &Path) -> Option<Vec<u8>>;

    /// The path of a name, for the others.
    fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }
    /// The directory, for the process.
    fn held(&self) -> Dir {
        self.fs().open_dir(&self.dir()).unwrap()
    }
    /// A name in it, for the process.
    fn at(&self, name: &str) -> At {
        self.held().at(name)
    }
    /// A new directory with that name, for the process.
    fn sub(&self, name: &str) -> Dir {
        self.make_dir(&self.path(name));
        self.fs().open_dir(&self.path(name)).unwrap()
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
    fn make_dir(&self, path: &Path) {
        std::fs::create_dir(path).unwrap();
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
    fn rename(&self, from: &Path, to: &Path) {
        std::fs::rename(from, to).unwrap();
    }
    fn remove_dir_all(&self, path: &Path) {
        std::fs::remove_dir_all(path).unwrap();
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
    fn make_dir(&self, path: &Path) {
        self.0.mkdir_all(path);
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
    fn rename(&self, from: &Path, to: &Path) {
        self.0.ext_rename(from, to).unwrap();
    }
    fn remove_dir_all(&self, path: &Path) {
        self.0.ext_remove_dir_all(path).unwrap();
    }
    fn cut(&self, path: &Path, bytes: usize) {
        self.0.ext_truncate(path, bytes).unwrap();
    }
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.0.read(path)
    }
}

macro_rules! on_both {
    ($($file:ident: $($test:ident)*;)*) => {
        mod real {
            $($(#[test] fn $test() { super::$file::$test(&<super::Real as super::World>::new()); })*)*
        }
        mod fake {
            $($(#[test] fn $test() { super::$file::$test(&<super::Fake as super::World>::new()); })*)*
        }
    };
}

on_both! {
    files:
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
        bytes_from_the_middle
        the_head_of_regular_files_alone
        a_file_opened_to_read_is_a_regular_one_and_takes_nothing
        a_file_bears_the_time_it_is_given
        a_file_has_the_mode_it_is_given
        a_file_can_be_given_to_oneself
        a_file_can_be_given_away_by_root_alone
        a_file_takes_room_for_what_is_in_it
        stat_says_what_stands_there
        a_link_is_made_under_a_free_name_and_says_where_it_leads;
    dirs:
        directories_are_made_and_looked_at
        only_a_directory_can_be_opened_as_one
        a_directory_is_known_by_its_identity
        links_on_the_way_are_resolved
        space_names_and_sync_answer
        a_directory_that_is_renamed_is_still_held
        a_directory_that_is_replaced_is_still_held
        a_directory_that_is_removed_takes_nothing
        a_symlink_that_is_flipped_leads_no_one_astray
        files_go_from_one_directory_to_another
        a_directory_is_not_moved_into_itself
        a_directory_can_be_given_to_oneself
        a_file_is_on_the_mount_of_its_directory;
    locks:
        a_lock_is_held_once
        a_holder_is_seen_without_taking
        a_lock_wants_a_regular_file
        a_lock_on_a_file_without_a_name_is_no_lock
        a_lock_stays_with_a_directory_that_is_renamed
        a_lock_file_can_be_looked_at a_holder_writes_another_text;
}
