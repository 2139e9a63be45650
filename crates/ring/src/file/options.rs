//! Options for opening a ring file.

use std::path::PathBuf;

/// Options for [`Ring::open`](crate::Ring::open).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Allows ring files on file systems other than tmpfs.
    ///
    /// There, storing a record may block on the disk, and a file system that is full or shut down may raise SIGBUS,
    /// which ends the process.
    ///
    /// Default: `false`.
    pub any_file_system: bool,
    /// Names the log that the ring belongs to. The name is stored in the file, and the ring of another log is refused.
    ///
    /// Default: an empty name, which is a name like any other.
    pub log: PathBuf,
}
