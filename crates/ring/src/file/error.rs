//! The reasons why a ring file can't be opened.

use std::fmt;
use std::path::{Path, PathBuf};

use super::header::Damage;

/// Why a ring file could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The file is locked by another process, or by another ring in this one.
    Locked {
        /// The path of the file.
        path: PathBuf,
        /// The number of the process that the file names as its owner, if it names one.
        process: Option<u32>,
    },
    /// The file is on a file system other than tmpfs, where a page of an allocated file may be missing, or slow to
    /// arrive, when it is touched.
    FileSystem {
        /// The path of the file.
        path: PathBuf,
        /// The kernel's number for the type of the file system.
        kind: String,
    },
    /// The path leads to something other than a regular file, or to a file that other users can access.
    Unsafe {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The file is not a ring: it has no header of one, or only part of one.
    Foreign {
        /// The path of the file.
        path: PathBuf,
    },
    /// The file is a ring that can't be read. [`Ring::open`](crate::Ring::open) sets such a file aside.
    Damaged {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The file is the ring of another log.
    OtherLog {
        /// The path of the file.
        path: PathBuf,
        /// The log that the ring belongs to; if its path is very long, the end of it.
        log: PathBuf,
        /// The log that the ring was opened for.
        wanted: PathBuf,
    },
    /// The limits are beyond what a ring can hold.
    Limits,
    /// A system call failed.
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The path of the file.
        path: PathBuf,
        /// The system's error number.
        errno: i32,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { path, process: Some(process) } => {
                write!(f, "{} is in use by process {process}", path.display())
            }
            Self::Locked { path, process: None } => write!(f, "{} is in use", path.display()),
            Self::FileSystem { path, kind } => write!(
                f,
                "{} must be on tmpfs, and is on a file system of kind {kind}, where a full or failing disk could \
                 stall or end the process (or allow it by name)",
                path.display()
            ),
            Self::Foreign { path } => write!(f, "{} is not a ring file, and stays as it is", path.display()),
            Self::Damaged { path, damage } => {
                write!(f, "{} can't be read as a ring: {damage}", path.display())
            }
            Self::OtherLog { path, log, wanted } => write!(
                f,
                "{} is the ring of {}, and not of {}: each log needs one of its own",
                path.display(),
                log_name(log),
                log_name(wanted)
            ),
            Self::Unsafe { path, what } => write!(f, "{} {what}", path.display()),
            Self::Limits => f.write_str("a ring cannot be so large"),
            Self::Failed { doing, path, errno } => {
                let error = std::io::Error::from_raw_os_error(*errno);
                write!(f, "{doing} {} failed: {error}", path.display())
            }
        }
    }
}

fn log_name(log: &Path) -> String {
    if log.as_os_str().is_empty() { "a log without a name".to_owned() } else { log.display().to_string() }
}

impl std::error::Error for OpenError {}
