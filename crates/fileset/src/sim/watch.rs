//! What a test has the disk watch after every call of the process: how much the files of a directory hold together, and
//! that what belongs to others stays as it is. It stops nothing.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use super::names::Ino;

/// Which names count.
pub(super) type Names = Box<dyn Fn(&OsStr) -> bool + Send>;

/// Which names belong to others, by the path of their directory and themselves.
pub(super) type Foreign = Box<dyn Fn(&Path, &OsStr) -> bool + Send>;

/// What the files of one directory may hold together.
pub(super) struct Cap {
    pub(super) dir: PathBuf,
    /// Which directory that is, if the cap stays with it; else it is wherever the path leads.
    pub(super) pinned: Option<Ino>,
    pub(super) names: Names,
    pub(super) bytes: u64,
    /// The files that count, as of a version of the names.
    pub(super) members: Vec<Ino>,
    pub(super) names_version: u64,
}

impl Cap {
    pub(super) fn new(dir: PathBuf, pinned: Option<Ino>, names: Names, bytes: u64) -> Self {
        Self { dir, pinned, names, bytes, members: Vec::new(), names_version: 0 }
    }
}

impl fmt::Debug for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} bytes in {}", self.bytes, self.dir.display())
    }
}

/// What belongs to others.
pub(super) struct Guard {
    pub(super) foreign: Foreign,
    /// A call of the process is under way: what changes is its doing.
    pub(super) acting: bool,
    /// The inode that was last found to have no foreign name, and as of which version of the names.
    pub(super) cleared: Option<(Ino, u64)>,
    /// What the call under way did.
    pub(super) harm: Option<String>,
}

impl Guard {
    pub(super) fn new(foreign: Foreign) -> Self {
        Self { foreign, acting: false, cleared: None, harm: None }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("harm", &self.harm).finish_non_exhaustive()
    }
}
