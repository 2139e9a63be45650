//! System errors by their number, and the operations that meet them.

use nix::errno::Errno;
use std::fmt;

/// An error of the operating system, identified by its number. Displays as `ENOSPC (28): No space left on device`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OsError(Errno);

macro_rules! named {
    ($($name:ident)*) => {
        #[expect(missing_docs, reason = "each is the errno of its name")]
        impl OsError {
            $(pub const $name: Self = Self(Errno::$name);)*
        }
    };
}

named! {
    EAGAIN EBUSY ETXTBSY EINTR ENOENT EACCES EPERM ENOSPC EROFS EIO EDQUOT EMFILE ENFILE ENOMEM ESTALE EXDEV
    EISDIR ENOTDIR ELOOP ENAMETOOLONG EFBIG EEXIST EINVAL ENXIO ENOTEMPTY EBADF EMLINK ENOSYS EOPNOTSUPP ENOTSUP ENOLCK
}

impl OsError {
    /// Returns the error with number `code` (`errno`). An unknown number stays unknown.
    ///
    /// ```
    /// use tracing_spool_fileset::OsError;
    /// assert_eq!(OsError::from_code(28), OsError::ENOSPC);
    /// ```
    #[must_use]
    pub fn from_code(code: i32) -> Self {
        Self(Errno::from_raw(code))
    }

    /// Returns the error number.
    #[must_use]
    pub fn code(self) -> i32 {
        self.0 as i32
    }

    pub(crate) fn errno(self) -> Errno {
        self.0
    }
}

impl From<Errno> for OsError {
    fn from(errno: Errno) -> Self {
        Self(errno)
    }
}

impl From<std::io::Error> for OsError {
    /// Converts an I/O error. One without an error number becomes `EIO`.
    fn from(error: std::io::Error) -> Self {
        error.raw_os_error().map_or(Self::EIO, Self::from_code)
    }
}

impl From<OsError> for std::io::Error {
    fn from(error: OsError) -> Self {
        Self::from_raw_os_error(error.code())
    }
}

impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({}): {}", self.0, self.code(), self.0.desc())
    }
}

impl fmt::Debug for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for OsError {}

/// Serialises as the text that it displays.
#[cfg(feature = "serde")]
impl serde::Serialize for OsError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A kind of operation on the outside world. Failures are reported by it, and `sim` scripts faults by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Op {
    /// Looking at a file: `fstat`, `lstat`.
    Stat,
    /// Opening a directory, to work in it by name.
    OpenDir,
    /// Opening a file that stands there.
    Open,
    /// Creating a file, which must not stand there.
    Create,
    /// `write(2)` to a file or a stream.
    Write,
    /// `fdatasync` of a file.
    Sync,
    /// Setting the time of a compressed backup to that of the plain one.
    SetTime,
    /// Setting the mode of a new file.
    SetMode,
    /// Setting the owner of a new file or directory.
    SetOwner,
    /// Cutting an unfinished record, or NUL bytes, from the end of a file.
    Truncate,
    /// Reading a file: its last byte, a lock file, a backup to be compressed.
    Read,
    /// Listing a directory, which only backups named by time need.
    List,
    /// A rename that replaces nothing.
    Rename,
    /// A rename that replaces what stands there: the alert file's, the link's.
    Replace,
    /// Making a symbolic link.
    Link,
    /// Removing a file.
    Unlink,
    /// Making a directory that is missing.
    MakeDir,
    /// `fsync` of a directory.
    SyncDir,
    /// Asking for the free space of a file system: `statvfs`.
    Space,
    /// Asking whether a directory lets this process do what rotation needs.
    Access,
    /// Taking the lock of a set.
    Lock,
    /// Starting a thread.
    Spawn,
}

impl Op {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 22] = [
        Self::Stat,
        Self::OpenDir,
        Self::Open,
        Self::Create,
        Self::Write,
        Self::Sync,
        Self::SetTime,
        Self::SetMode,
        Self::SetOwner,
        Self::Truncate,
        Self::Read,
        Self::List,
        Self::Rename,
        Self::Replace,
        Self::Link,
        Self::Unlink,
        Self::MakeDir,
        Self::SyncDir,
        Self::Space,
        Self::Access,
        Self::Lock,
        Self::Spawn,
    ];

    /// Returns the word for it in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::OpenDir => "open directory",
            Self::Open => "open",
            Self::Create => "create",
            Self::Write => "write",
            Self::Sync => "fdatasync",
            Self::SetTime => "futimens",
            Self::SetMode => "fchmod",
            Self::SetOwner => "fchown",
            Self::Truncate => "truncate",
            Self::Read => "read",
            Self::List => "list",
            Self::Rename => "rename",
            Self::Replace => "replace",
            Self::Link => "symlink",
            Self::Unlink => "unlink",
            Self::MakeDir => "mkdir",
            Self::SyncDir => "fsync directory",
            Self::Space => "statvfs",
            Self::Access => "access",
            Self::Lock => "lock",
            Self::Spawn => "spawn thread",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
