//! The seam: every operation of the engine on the outside world is a method of [`Fs`], [`LogFile`] or [`Lock`].
//! Implementations only perform; they don't decide, retry or remember.

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::error::{Holder, OsError};
use crate::model::inventory::{FileId, Meta};
use crate::model::time::Wall;

/// The result of an operation: its value, or the system's error.
pub type Outcome<T> = Result<T, OsError>;

/// The room on a file system, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this process may still use.
    pub available: u64,
    /// Free bytes, including those reserved for root.
    pub free: u64,
}

/// Whether an operation follows a name that is a symlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Refuses symlinks (`O_NOFOLLOW`).
    No,
    /// Opens the target of the link.
    Yes,
}

/// Why a lock was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockRefusal {
    /// Another process holds it.
    Held(Holder),
    /// The attempt to take it failed.
    Failed(OsError),
}

/// A directory that is held open. It stays the directory that was opened, wherever its path leads later.
///
/// Clones share one descriptor, which is closed when the last of them is dropped.
#[derive(Clone)]
pub struct Dir(Arc<Held>);

struct Held {
    path: PathBuf,
    id: FileId,
    handle: Box<dyn Any + Send + Sync>,
}

impl Dir {
    /// Creates a directory that was opened at `path`. `handle` is the value by which the [`Fs`] that opened it
    /// identifies it.
    pub fn new(path: &Path, id: FileId, handle: impl Any + Send + Sync) -> Self {
        Self(Arc::new(Held { path: path.to_owned(), id, handle: Box::new(handle) }))
    }

    /// Returns the path at which it was opened, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Returns the identity of the directory.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.0.id
    }

    /// Returns the handle of its [`Fs`], or `None` if another type of `Fs` opened it.
    #[must_use]
    pub fn handle<T: Any>(&self) -> Option<&T> {
        self.0.handle.downcast_ref()
    }

    /// Returns a name in this directory.
    #[must_use]
    pub fn at(&self, name: impl AsRef<OsStr>) -> At {
        At { dir: self.clone(), name: name.as_ref().to_owned() }
    }
}

impl fmt::Debug for Dir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dir").field("path", &self.0.path).field("id", &self.0.id).finish_non_exhaustive()
    }
}

/// A name in a directory that is held open.
#[derive(Clone, Debug)]
pub struct At {
    /// The directory.
    pub dir: Dir,
    /// The name, a single component.
    pub name: OsString,
}

impl At {
    /// Returns the full path, for messages: where the directory was opened, joined with the name.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }
}

/// The file system that an engine works on.
///
/// Paths come from outside, and are only looked at, opened or created as directories. All work on files is by name in a
/// directory that is held open, so that nothing others do to a path can lead it astray.
pub trait Fs: Send + fmt::Debug {
    /// `stat`: returns what the path leads to, following symlinks.
    fn look(&self, path: &Path) -> Outcome<Meta>;
    /// Returns the path with every symlink resolved. It must exist.
    fn resolve(&self, path: &Path) -> Outcome<PathBuf>;
    /// Checks whether names may be created and removed in a directory (`access` with write and search).
    fn access(&self, path: &Path) -> Outcome<()>;
    /// Creates one directory. Its parent must exist.
    fn make_dir(&self, path: &Path, mode: u32) -> Outcome<()>;
    /// Opens the directory that the path leads to, following symlinks.
    fn open_dir(&self, path: &Path) -> Outcome<Dir>;

    /// `fstat` of a directory that is held open. Returns `EBADF` if other code closed its descriptor.
    fn stat_dir(&self, dir: &Dir) -> Outcome<Meta>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Dir) -> Outcome<()>;
    /// Changes the owner and group of a directory; `None` keeps the current one.
    fn set_dir_owner(&self, dir: &Dir, user: Option<u32>, group: Option<u32>) -> Outcome<()>;
    /// Returns how much room the directory's file system has.
    fn space(&self, dir: &Dir) -> Outcome<Space>;
    /// Returns the longest name that the directory takes, in bytes.
    fn name_max(&self, dir: &Dir) -> Outcome<usize>;
    /// Returns the names in a directory, in no particular order.
    fn list(&self, dir: &Dir) -> Outcome<Vec<OsString>>;
    /// Returns the mount that the directory was reached through, or `None` if the system doesn't tell.
    fn mount_of_dir(&self, dir: &Dir) -> Outcome<Option<u64>>;
    /// Returns the mount that a name leads to, without following symlinks, or `None` if the system doesn't tell.
    fn mount_of(&self, at: &At) -> Outcome<Option<u64>>;

    /// `lstat`: returns what stands under the name itself.
    fn stat(&self, at: &At) -> Outcome<Meta>;
    /// Opens an existing file for appending. Never waits for the reader of a FIFO.
    fn open(&self, at: &At, follow: Follow) -> Outcome<Box<dyn LogFile>>;
    /// Opens an existing regular file for reading only.
    fn open_to_read(&self, at: &At) -> Outcome<Box<dyn LogFile>>;
    /// Creates a file for appending. Returns `EEXIST` if the name is taken.
    fn create(&self, at: &At, mode: u32) -> Outcome<Box<dyn LogFile>>;
    /// Renames onto a free name. Returns `EEXIST` if the name is taken.
    fn rename(&self, from: &At, to: &At) -> Outcome<()>;
    /// Renames onto a name and replaces what stands there. For the alert file and the link to the live file only.
    fn replace(&self, from: &At, to: &At) -> Outcome<()>;
    /// Creates a symlink to `target`. Returns `EEXIST` if the name is taken.
    fn symlink(&self, target: &Path, at: &At) -> Outcome<()>;
    /// Returns the target of a symlink as stored. Returns `EINVAL` if the name is not a symlink.
    fn read_link(&self, at: &At) -> Outcome<PathBuf>;
    /// Removes a name.
    fn unlink(&self, at: &At) -> Outcome<()>;
    /// Reads at most `max` bytes from the start of a regular file.
    fn read_head(&self, at: &At, max: usize) -> Outcome<Vec<u8>>;
    /// Takes the lock file for this process, creating it if necessary, and writes `text` into it. Never waits.
    ///
    /// # Errors
    ///
    /// Returns [`LockRefusal::Held`] if another process has the lock.
    fn lock(&self, at: &At, mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal>;
    /// Returns the process that holds the lock file, if any. Creates nothing and takes nothing.
    fn lock_holder(&self, at: &At) -> Outcome<Option<Holder>>;
    /// Returns the user that owns the files of this process.
    fn user(&self) -> u32;
}

/// A file that is open for appending. Dropping it closes it, unless its descriptor number now refers to another file.
pub trait LogFile: Send + fmt::Debug {
    /// Appends some of `bytes`, and returns how many.
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize>;
    /// `fstat`. An identity other than at the start means that the descriptor number now refers to another file.
    fn stat(&self) -> Outcome<Meta>;
    /// `fdatasync`.
    fn sync(&mut self) -> Outcome<()>;
    /// Truncates the file to `bytes` bytes.
    fn truncate(&mut self, bytes: u64) -> Outcome<()>;
    /// Reads some bytes from `offset` on, and returns how many; 0 at the end.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Outcome<usize>;
    /// Sets when the content last changed.
    fn set_modified(&mut self, modified: Wall) -> Outcome<()>;
    /// `fchmod`.
    fn set_mode(&mut self, mode: u32) -> Outcome<()>;
    /// `fchown`; `None` keeps the current owner or group.
    fn set_owner(&mut self, user: Option<u32>, group: Option<u32>) -> Outcome<()>;
}

/// A held lock. Dropping it releases the lock, except in a forked child, where the parent keeps it.
pub trait Lock: Send + fmt::Debug {
    /// Returns the identity of the lock file.
    fn id(&self) -> FileId;
    /// `fstat` of the lock file, as for [`LogFile::stat`].
    fn stat(&self) -> Outcome<Meta>;
    /// Changes the owner and group of the lock file; `None` keeps the current one.
    fn set_owner(&mut self, user: Option<u32>, group: Option<u32>) -> Outcome<()>;
    /// Replaces the text in the lock file. Whoever reads meanwhile finds the new text, or the old one, at the beginning
    /// of the file.
    fn set_text(&mut self, text: &str) -> Outcome<()>;
}
