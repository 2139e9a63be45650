//! What can go wrong, as data: an errno, the operation it came from, and the refusals of `open`.
//! How bad an errno is, is decided in `class`.

use std::fmt;
use std::path::PathBuf;

pub use super::errno::{Op, OsError};
use super::errno_class::{Class, classify};

/// One failed operation: what was tried, on which paths, and what the system said.
/// Displays as `rename /a/app.log -> /a/app.log.1: EBUSY (16): Device or resource busy`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Failure {
    /// What was tried.
    pub op: Op,
    /// The path it was tried on.
    pub path: PathBuf,
    /// The second path, where the operation has two.
    pub to: Option<PathBuf>,
    /// What the system said.
    pub error: OsError,
    #[cfg_attr(feature = "serde", serde(skip))]
    class: Class,
}

impl Failure {
    /// A failure of `op` on `path`.
    pub fn new(op: Op, path: impl Into<PathBuf>, error: OsError) -> Self {
        Self { op, path: path.into(), to: None, error, class: classify(op, error) }
    }

    /// A failure of an operation that has two paths.
    pub fn between(op: Op, from: impl Into<PathBuf>, to: impl Into<PathBuf>, error: OsError) -> Self {
        Self { to: Some(to.into()), ..Self::new(op, from, error) }
    }

    /// How bad it is.
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

/// One thing about the settings, or about what stands at their paths, that cannot be used.
/// Displays as `max_bytes = 0: must be at least 1`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The setting.
    pub field: &'static str,
    /// Its value, as given.
    pub value: String,
    /// What would be right.
    pub wanted: String,
}

impl Fault {
    /// A fault of `field`, whose `value` should have been as `wanted` says.
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

/// Who holds the lock of a file set, as its lock file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// Process, host and start time, in the words of the lock file; empty where it could not be read.
    pub text: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "another process" } else { &self.text })
    }
}

/// Why a file set did not open. Nothing has been created or removed where it is [`Unusable`](Self::Unusable).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Settings that cannot be used: all of them, found before anything was touched.
    Unusable(Vec<Fault>),
    /// Another process writes this log.
    Locked {
        /// The live file.
        path: PathBuf,
        /// Who holds it.
        holder: Holder,
    },
    /// An operation failed although everything had looked well.
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

/// Its words are all there is to say: an error that it holds is shown, and is not its source.
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
