//! What a log is written to: a file set, or one output that is no file set of ours.

use std::fmt;
use std::io::Write;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the records of a log go, and whether they go there as they come: without so much as a newline, and none shed before
/// another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    pub(crate) target: Target,
    pub(crate) is_verbatim: bool,
    /// What it is called, where that is not its target's name.
    pub(crate) name: Option<String>,
}

/// Where the records of a log go.
#[derive(Clone, Debug, Default)]
pub(crate) enum Target {
    /// Into files, of which the other settings speak.
    #[default]
    Files,
    Stdout,
    Stderr,
    Descriptor(Given<OwnedFd>),
    Writer(Given<Box<dyn Write + Send>>),
}

impl Target {
    pub(crate) fn is_files(&self) -> bool {
        matches!(self, Self::Files)
    }

    /// What the log is called where a file set has its path.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Descriptor(given) => {
                given.with(|descriptor| format!("fd {}", descriptor.as_raw_fd())).unwrap_or("fd".to_owned())
            }
            _ => self.field().to_owned(),
        }
    }

    /// How a fault calls it.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Self::Files => "path",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Descriptor(_) => "fd",
            Self::Writer(_) => "writer",
        }
    }
}

/// What one log alone can have, though its description can be cloned.
pub(crate) struct Given<T>(Arc<Mutex<Option<T>>>);

impl<T> Given<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(Some(value))))
    }

    /// Takes it; whoever comes second finds nothing.
    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(look)
    }
}

impl<T> Clone for Given<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Given<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given")
    }
}
