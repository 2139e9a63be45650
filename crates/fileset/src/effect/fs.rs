//! The seam: every operation of the engine on the outside world is a method of [`Fs`], [`LogFile`] or [`Lock`].
//! Implementations only perform; they do not decide, retry or remember.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::error::{Holder, OsError};
use crate::model::inventory::{FileId, Meta};
use crate::model::time::Wall;

/// What an operation gives: its value, or the errno.
pub type Outcome<T> = Result<T, OsError>;

/// Whether a path that names a symlink is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// `O_NOFOLLOW`.
    No,
    /// The link's target is opened.
    Yes,
}

/// A lock that was not had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockRefusal {
    /// Another process has it.
    Held(Holder),
    /// It could not be tried.
    Failed(OsError),
}

/// The file system. Paths are absolute.
pub trait Fs: Send + fmt::Debug {
    /// `lstat`: what stands at the path itself.
    fn stat(&self, path: &Path) -> Outcome<Meta>;
    /// Opens an existing file for appending, without ever waiting for a FIFO's reader.
    fn open(&self, path: &Path, follow: Follow) -> Outcome<Box<dyn LogFile>>;
    /// Opens an existing regular file for reading alone.
    fn open_to_read(&self, path: &Path) -> Outcome<Box<dyn LogFile>>;
    /// Creates a file for appending; `EEXIST` if anything stands there.
    fn create(&self, path: &Path, mode: u32) -> Outcome<Box<dyn LogFile>>;
    /// Renames onto a name that must be free; `EEXIST` if it is not.
    fn rename(&self, from: &Path, to: &Path) -> Outcome<()>;
    /// Renames onto a name, whatever stands there. For the alert file and the link to the live file only.
    fn replace(&self, from: &Path, to: &Path) -> Outcome<()>;
    /// Creates a symlink at `path` that leads to `target`; `EEXIST` if anything stands there.
    fn symlink(&self, target: &Path, path: &Path) -> Outcome<()>;
    /// Where a symlink leads, as it says itself; `EINVAL` if the path names something else.
    fn read_link(&self, path: &Path) -> Outcome<PathBuf>;
    /// Removes a name.
    fn unlink(&self, path: &Path) -> Outcome<()>;
    /// Creates one directory; its parent must exist.
    fn make_dir(&self, path: &Path, mode: u32) -> Outcome<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> Outcome<()>;
    /// Bytes that this process may still use on the path's file system.
    fn space(&self, path: &Path) -> Outcome<u64>;
    /// Whether names may be made and removed in a directory (`access` with write and search).
    fn access(&self, path: &Path) -> Outcome<()>;
    /// The path with every symlink resolved; it must exist.
    fn resolve(&self, path: &Path) -> Outcome<PathBuf>;
    /// The names in a directory, in no order.
    fn list(&self, path: &Path) -> Outcome<Vec<OsString>>;
    /// At most `max` bytes from the start of a regular file.
    fn read_head(&self, path: &Path, max: usize) -> Outcome<Vec<u8>>;
    /// Takes the lock file at the path for this process, creating it, and writes `text` into it.
    ///
    /// # Errors
    /// [`LockRefusal::Held`] at once, without waiting, if another process has it.
    fn lock(&self, path: &Path, mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal>;
    /// Who holds the lock file at the path, if anybody does; creates and takes nothing.
    fn lock_holder(&self, path: &Path) -> Outcome<Option<Holder>>;
    /// The user that files of this process belong to.
    fn user(&self) -> u32;
}

/// A file open for appending. Dropping it closes it.
pub trait LogFile: Send + fmt::Debug {
    /// Appends some of `bytes`: how many, is returned.
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize>;
    /// `fstat`.
    fn stat(&self) -> Outcome<Meta>;
    /// `fdatasync`.
    fn sync(&mut self) -> Outcome<()>;
    /// Cuts the file to `bytes` bytes.
    fn truncate(&mut self, bytes: u64) -> Outcome<()>;
    /// The last byte of a file that has one.
    fn last_byte(&self) -> Outcome<Option<u8>>;
    /// Reads some bytes from `offset` on: how many, is returned; 0 at the end.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Outcome<usize>;
    /// Says when the content last changed.
    fn set_modified(&mut self, modified: Wall) -> Outcome<()>;
}

/// A held lock. Dropping it lets it go, except in a forked child: there it stays the parent's.
pub trait Lock: Send + fmt::Debug {
    /// Which file is locked.
    fn id(&self) -> FileId;
}
