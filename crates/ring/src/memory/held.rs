//! Keeps a ring file open and locked.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the ring's file is removed and looked at here"
)]

use std::fs::{File, Metadata};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::Flock;
use nix::unistd::close;
use tracing_spool_process::{ClosedInChildren, Process};

use super::FileState;

/// An open file with its lock, until dropped. A forked child has neither: its copy of the descriptor refers to
/// `/dev/null`, and dropping this value there leaves the parent's lock alone.
#[derive(Debug)]
pub(crate) struct Held {
    /// Dropped before the file is closed.
    closed: Option<ClosedInChildren>,
    /// `None` only while this value is being dropped.
    file: Option<Flock<File>>,
    process: Process,
    pub(crate) path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl Held {
    pub(crate) fn new(file: Flock<File>, path: &Path, meta: &Metadata) -> Self {
        Self {
            closed: Some(ClosedInChildren::new(&*file)),
            file: Some(file),
            process: Process::here(),
            path: path.to_owned(),
            identity: (meta.dev(), meta.ino()),
        }
    }

    #[expect(clippy::expect_used, reason = "it is taken by `drop` alone")]
    pub(crate) fn file(&self) -> &File {
        self.file.as_deref().expect("there until dropped")
    }

    /// Removes the file, if it still stands at its path.
    pub(crate) fn remove(&self) {
        if self.state() == FileState::InPlace {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// Tells what stands at the path.
    pub(crate) fn state(&self) -> FileState {
        match std::fs::symlink_metadata(&self.path) {
            Ok(meta) if (meta.dev(), meta.ino()) == self.identity => FileState::InPlace,
            Ok(_) => FileState::Replaced,
            Err(error) if [Errno::ENOENT, Errno::ENOTDIR].contains(&errno(&error)) => FileState::Removed,
            Err(_) => FileState::InPlace,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.closed = None;
        let Some(file) = self.file.take() else { return };
        let still_locked = if self.process.is_here() {
            match file.unlock() {
                Ok(_closed) => return,
                Err((file, _)) => file,
            }
        } else {
            file
        };
        // `Flock` would unlock in its own `Drop`, and in a forked child that would release the parent's lock.
        let descriptor = still_locked.as_raw_fd();
        std::mem::forget(still_locked);
        let _the_last_use = close(descriptor);
    }
}

/// Returns the error number of a standard library error.
pub(crate) fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use nix::fcntl::FlockArg;

    use super::*;

    fn open(path: &Path) -> File {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
    }

    /// A lock is the open file's, and so that of each of its descriptors: a forked child has one as well.
    #[test]
    fn a_lock_ends_with_its_owner_and_not_with_a_forked_childs_copy() {
        if cfg!(miri) {
            return; // locks of files are beyond the interpreter
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ring");
        let is_locked = || Flock::lock(open(&path), FlockArg::LockExclusiveNonblock).is_err();
        for (process, stays_locked) in [(Process::here(), false), (Process::ELSEWHERE, true)] {
            let file = open(&path);
            let _other_descriptor = file.try_clone().unwrap();
            let meta = file.metadata().unwrap();
            let Ok(locked) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { panic!("held") };
            let mut held = Held::new(locked, &path, &meta);
            held.process = process;
            assert!(is_locked());
            drop(held);
            assert_eq!(is_locked(), stays_locked);
        }
    }
}
