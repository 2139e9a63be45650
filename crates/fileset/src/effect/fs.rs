//! The seam: every operation of the engine on the outside world is a method of [`Fs`], [`LogFile`] or [`Lock`].
//! Implementations only perform; they do not decide, retry or remember.

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::error::{Holder, OsError};
use crate::model::inventory::{FileId, Meta};
use crate::model::time::Wall;

/// What an operation gives: its value, or the errno.
pub type Outcome<T> = Result<T, OsError>;

/// Room on a file system, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// What this process may still use.
    pub available: u64,
    /// What is free, with what is kept back for root.
    pub free: u64,
}

/// Whether a name that is a symlink is followed.
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

/// A directory that is held open. Clones are the same directory, which is closed when the last one is dropped.
///
/// It stays the directory that was opened, wherever its path leads by now.
#[derive(Clone)]
pub struct Dir(Arc<Held>);

struct Held {
    path: PathBuf,
    id: FileId,
    handle: Box<dyn Any + Send + Sync>,
}

impl Dir {
    /// A directory that was opened at `path`; `handle` is what the [`Fs`] that opened it knows it by.
    pub fn new(path: &Path, id: FileId, handle: impl Any + Send + Sync) -> Self {
        Self(Arc::new(Held { path: path.to_owned(), id, handle: Box::new(handle) }))
    }

    /// The path at which it was opened, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Which directory it is.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.0.id
    }

    /// What its [`Fs`] knows it by; none if another kind of `Fs` opened it.
    #[must_use]
    pub fn handle<T: Any>(&self) -> Option<&T> {
        self.0.handle.downcast_ref()
    }

    /// A name in it.
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
    /// The name: one component.
    pub name: OsString,
}

impl At {
    /// The whole path, for messages: where the directory was opened, and the name.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }
}

/// The file system.
///
/// What is given as a path was named by somebody else, and is only looked at, opened or created as a directory. All
/// work on files is by name in a directory that is held open, so that nothing which others do to a path can lead it
/// astray.
pub trait Fs: Send + fmt::Debug {
    /// `stat`: what the path leads to, symlinks followed.
    fn look(&self, path: &Path) -> Outcome<Meta>;
    /// The path with every symlink resolved; it must exist.
    fn resolve(&self, path: &Path) -> Outcome<PathBuf>;
    /// Whether names may be made and removed in a directory (`access` with write and search).
    fn access(&self, path: &Path) -> Outcome<()>;
    /// Creates one directory; its parent must exist.
    fn make_dir(&self, path: &Path, mode: u32) -> Outcome<()>;
    /// Opens the directory that the path leads to, symlinks followed.
    fn open_dir(&self, path: &Path) -> Outcome<Dir>;

    /// `fstat` of a directory that is held open; `EBADF` if its descriptor was closed behind our back.
    fn stat_dir(&self, dir: &Dir) -> Outcome<Meta>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Dir) -> Outcome<()>;
    /// Gives a directory to another owner or group; what is `None` stays.
    fn set_dir_owner(&self, dir: &Dir, user: Option<u32>, group: Option<u32>) -> Outcome<()>;
    /// How much room there is on the directory's file system.
    fn space(&self, dir: &Dir) -> Outcome<Space>;
    /// The longest name that the directory takes, in bytes.
    fn name_max(&self, dir: &Dir) -> Outcome<usize>;
    /// The names in a directory, in no order.
    fn list(&self, dir: &Dir) -> Outcome<Vec<OsString>>;
    /// Which mount the directory was reached through; none where the system does not tell.
    fn mount_of_dir(&self, dir: &Dir) -> Outcome<Option<u64>>;
    /// Which mount a name leads to, symlinks not followed; none where the system does not tell.
    fn mount_of(&self, at: &At) -> Outcome<Option<u64>>;

    /// `lstat`: what stands under the name itself.
    fn stat(&self, at: &At) -> Outcome<Meta>;
    /// Opens an existing file for appending, without ever waiting for a FIFO's reader.
    fn open(&self, at: &At, follow: Follow) -> Outcome<Box<dyn LogFile>>;
    /// Opens an existing regular file for reading alone.
    fn open_to_read(&self, at: &At) -> Outcome<Box<dyn LogFile>>;
    /// Creates a file for appending; `EEXIST` if anything stands there.
    fn create(&self, at: &At, mode: u32) -> Outcome<Box<dyn LogFile>>;
    /// Renames onto a name that must be free; `EEXIST` if it is not.
    fn rename(&self, from: &At, to: &At) -> Outcome<()>;
    /// Renames onto a name, whatever stands there. For the alert file and the link to the live file only.
    fn replace(&self, from: &At, to: &At) -> Outcome<()>;
    /// Creates a symlink that leads to `target`; `EEXIST` if anything stands under the name.
    fn symlink(&self, target: &Path, at: &At) -> Outcome<()>;
    /// Where a symlink leads, as it says itself; `EINVAL` if the name is something else's.
    fn read_link(&self, at: &At) -> Outcome<PathBuf>;
    /// Removes a name.
    fn unlink(&self, at: &At) -> Outcome<()>;
    /// At most `max` bytes from the start of a regular file.
    fn read_head(&self, at: &At, max: usize) -> Outcome<Vec<u8>>;
    /// Takes the lock file for this process, creating it, and writes `text` into it.
    ///
    /// # Errors
    /// [`LockRefusal::Held`] at once, without waiting, if another process has it.
    fn lock(&self, at: &At, mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal>;
    /// Who holds the lock file, if anybody does; creates and takes nothing.
    fn lock_holder(&self, at: &At) -> Outcome<Option<Holder>>;
    /// The user that files of this process belong to.
    fn user(&self) -> u32;
}

/// A file open for appending. Dropping it closes it, unless its descriptor has become another file's.
pub trait LogFile: Send + fmt::Debug {
    /// Appends some of `bytes`: how many, is returned.
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize>;
    /// `fstat`. Another identity than at the start means that the descriptor is somebody else's by now.
    fn stat(&self) -> Outcome<Meta>;
    /// `fdatasync`.
    fn sync(&mut self) -> Outcome<()>;
    /// Cuts the file to `bytes` bytes.
    fn truncate(&mut self, bytes: u64) -> Outcome<()>;
    /// Reads some bytes from `offset` on: how many, is returned; 0 at the end.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Outcome<usize>;
    /// Says when the content last changed.
    fn set_modified(&mut self, modified: Wall) -> Outcome<()>;
    /// `fchmod`.
    fn set_mode(&mut self, mode: u32) -> Outcome<()>;
    /// `fchown`; what is `None` stays.
    fn set_owner(&mut self, user: Option<u32>, group: Option<u32>) -> Outcome<()>;
}

/// As much of a lock file as is read.
pub(crate) const LOCK_TEXT_BYTES_MAX: usize = 1024;

/// A held lock. Dropping it lets it go, except in a forked child: there it stays the parent's.
pub trait Lock: Send + fmt::Debug {
    /// Which file is locked.
    fn id(&self) -> FileId;
    /// `fstat` of the lock file, as for [`LogFile::stat`].
    fn stat(&self) -> Outcome<Meta>;
    /// Gives the lock file to another owner or group; what is `None` stays.
    fn set_owner(&mut self, user: Option<u32>, group: Option<u32>) -> Outcome<()>;
}
