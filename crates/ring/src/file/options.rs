//! How a ring file is opened, as its user says.

use std::path::PathBuf;

/// How a ring file is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Takes files on any file system, and not on tmpfs alone. On others a store may wait for the disk, and one that is full
    /// or shut down may raise SIGBUS, which ends the process. Default: off.
    pub any_file_system: bool,
    /// The log that the ring belongs to: it is named in the file, and the ring of another log is refused. Default: no name,
    /// which is one as well.
    pub log: PathBuf,
}
