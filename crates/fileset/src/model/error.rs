//! Failures as data: an errno with the operation it came from, and the reasons why `open` refuses. `errno_class`
//! decides how bad an errno is.

use std::fmt;
use std::path::PathBuf;

pub use super::errno::{Op, OsError};
use super::errno_class::{Class, classify};

/// A failed operation: what was tried, on which paths, and what the system answered. Displays as `rename /a/app.log ->
/// /a/app.log.1: EBUSY (16): Device or resource busy`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Failure {
    /// The operation.
    pub op: Op,
    /// The path that it was tried on.
    pub path: PathBuf,
    /// The second path, for an operation that has two.
    pub to: Option<PathBuf>,
    /// The system's error.
    pub error: OsError,
    #[cfg_attr(feature = "serde", serde(skip))]
    class: Class,
}

impl Failure {
    /// Creates a failure of `op` on `path`.
    pub fn new(op: Op, path: impl Into<PathBuf>, error: OsError) -> Self {
        Self { op, path: path.into(), to: None, error, class: classify(op, error) }
    }

    /// Creates a failure of an operation that has two paths.
    pub fn between(op: Op, from: impl Into<PathBuf>, to: impl Into<PathBuf>, error: OsError) -> Self {
        Self { to: Some(to.into()), ..Self::new(op, from, error) }
    }

    /// Returns how bad the failure is.
    pub(crate) fn class(&self) -> Class {
        self.class
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op, self.path.display())?;
        if let Some(to) = &self.to {
            write!(f, " -> {}", to.display())?;
        }
        write!(f, ": {}", self.error)
    }
}

impl std::error::Error for Failure {}

/// One fault of the settings, or of what stands at their paths. Displays as `max_bytes = 0: must be at least 1`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The name of the setting.
    pub field: &'static str,
    /// The value that was given.
    pub value: String,
    /// What the setting should be.
    pub wanted: String,
}

impl Fault {
    /// Creates a fault of the setting `field`, whose `value` is not what `wanted` asks for.
    ///
    /// ```
    /// let fault = tracing_spool_fileset::Fault::new("queue_bytes", 0, "must be at least 1 KiB");
    /// assert_eq!(fault.to_string(), "queue_bytes = 0: must be at least 1 KiB");
    /// ```
    pub fn new(field: &'static str, value: impl fmt::Display, wanted: impl Into<String>) -> Self {
        Self { field, value: value.to_string(), wanted: wanted.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}", self.field, self.value, self.wanted)
    }
}

impl std::error::Error for Fault {}

/// The process that holds the lock of a file set, as its lock file describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The text of the lock file, or an empty string if it could not be read. Its first line says process, host and
    /// start time, and is what this value displays as.
    pub text: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The lines behind the first are settings, for programs.
        f.write_str(self.text.lines().next().filter(|words| !words.is_empty()).unwrap_or("another process"))
    }
}

/// Why a file set could not be opened. For [`Unusable`](Self::Unusable), nothing was created or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The settings can't be used. Lists all faults, found before anything was touched.
    Unusable(Vec<Fault>),
    /// Another process writes this log.
    Locked {
        /// The live file.
        path: PathBuf,
        /// The process that holds the lock.
        holder: Holder,
    },
    /// An operation failed although the checks had passed.
    Failed(Failure),
}

const ANOTHERS_LOCK: &str = "; the lock file or its directory is another user's: give it and the log's files to the user of \
                             this process (chown), and set owner where a service starts as root";

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(faults) => {
                write!(f, "the log cannot be opened: ")?;
                for (index, fault) in faults.iter().enumerate() {
                    write!(f, "{}{fault}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::Locked { path, holder } => write!(
                f,
                "the log cannot be opened: path = {}: is being written by {holder}; stop that process, wait for it \
                 (lock_wait), or choose another path",
                path.display()
            ),
            Self::Failed(failure) => {
                let is_anothers = failure.op == Op::Lock && failure.error == OsError::EACCES;
                let way_out = if is_anothers { ANOTHERS_LOCK } else { "" };
                write!(f, "the log cannot be opened: {failure}{way_out}")
            }
        }
    }
}

/// The message contains the error that this one wraps, so there is no separate source.
impl std::error::Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_of_another_user_is_told_with_the_way_out() {
        let said =
            |op| OpenError::Failed(Failure::new(op, "/logs/.app.log.lock", OsError::EACCES)).to_string();
        assert!(said(Op::Lock).contains("set owner where a service starts as root"), "{}", said(Op::Lock));
        assert!(!said(Op::Open).contains("owner"));
    }
}
