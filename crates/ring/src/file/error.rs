//! Why a ring file was not opened.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a ring file was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it, or another ring of this one.
    Locked {
        /// The file.
        path: PathBuf,
        /// The process that it belongs to, as far as it says.
        process: Option<u32>,
    },
    /// It is on a file system where a page of an allocated file may be missing, or late, when it is wanted.
    FileSystem {
        /// The file.
        path: PathBuf,
        /// The kernel's number of the file system's kind.
        kind: String,
    },
    /// What stands there is no file, or not one of this user alone.
    Unsafe {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// What stands there is no ring: it has no header of one, or not a whole one.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is the ring of another log.
    OtherLog {
        /// The file.
        path: PathBuf,
        /// The log that it belongs to; of a very long path the end.
        log: PathBuf,
        /// The log that it was opened for.
        wanted: PathBuf,
    },
    /// The limits are beyond what a ring can hold.
    Limits,
    /// An operation failed.
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer, as a number.
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
