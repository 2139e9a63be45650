//! Why a spool did not open.

use std::fmt;
use std::io;
use std::path::PathBuf;

use tracing_spool_fileset::{self as fileset, Failure, Fault, Holder};

use crate::settings::variables::Variables;

/// Why a spool did not open.
///
/// ```
/// use tracing_spool::{OpenError, Spool};
/// match Spool::builder("").queue_bytes(0).open() {
///     Err(OpenError::Unusable(faults)) => assert!(faults.len() >= 2, "all of them at once"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[non_exhaustive]
pub enum OpenError {
    /// Settings that can't be used: all of them, found before anything was touched.
    Unusable(Vec<Fault>),
    /// Another process, or another spool of this process, writes this log.
    Locked {
        /// The live file.
        path: PathBuf,
        /// The process that holds the log's lock.
        holder: Holder,
    },
    /// An operation failed although all checks had passed.
    Failed(Failure),
    /// The ring of a [durable](crate::SpoolBuilder::durable) log can't be used.
    #[cfg(not(shuttle))]
    Ring(tracing_spool_ring::OpenError),
    /// The system didn't provide the memory for the queue.
    Memory(io::Error),
    /// The writer thread couldn't be started.
    Thread(io::Error),
}

impl From<fileset::OpenError> for OpenError {
    fn from(error: fileset::OpenError) -> Self {
        match error {
            fileset::OpenError::Unusable(faults) => Self::Unusable(faults),
            fileset::OpenError::Locked { path, holder } => Self::Locked { path, holder },
            fileset::OpenError::Failed(failure) => Self::Failed(failure),
            other => Self::Thread(io::Error::other(other)),
        }
    }
}

impl OpenError {
    /// Returns the same error, with each fault attributed to the environment variable that it came from.
    pub(super) fn explained_by(self, variables: &Variables) -> Self {
        match self {
            Self::Unusable(faults) => Self::Unusable(variables.attribute(faults)),
            other => other,
        }
    }

    /// Returns whether another process, or another spool of this one, holds the log.
    pub(crate) fn is_locked(&self) -> bool {
        #[cfg(not(shuttle))]
        if matches!(self, Self::Ring(tracing_spool_ring::OpenError::Locked { .. })) {
            return true;
        }
        matches!(self, Self::Locked { .. })
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The engine's words are ours.
        let said = match self {
            Self::Unusable(faults) => fileset::OpenError::Unusable(faults.clone()),
            Self::Locked { path, holder } => {
                fileset::OpenError::Locked { path: path.clone(), holder: holder.clone() }
            }
            Self::Failed(failure) => fileset::OpenError::Failed(failure.clone()),
            #[cfg(not(shuttle))]
            Self::Ring(error) => return write!(f, "the log cannot be opened: its ring: {error}"),
            Self::Memory(error) => {
                return write!(f, "the log cannot be opened: no memory for its queue: {error}");
            }
            Self::Thread(error) => {
                return write!(f, "the log cannot be opened: the writer thread cannot be started: {error}");
            }
        };
        said.fmt(f)
    }
}

/// In words too: a `main` that returns this error prints it so.
impl fmt::Debug for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `Display` already shows the inner error, so there is no `source`.
impl std::error::Error for OpenError {}
