//! What a log is written to: a file set, or one output that isn't made of files.

use std::fmt;
use std::io::Write;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the records of a log go, and whether they go there verbatim: without an added newline, and with no level shed
/// before another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    pub(crate) target: Target,
    pub(crate) is_verbatim: bool,
    /// The name of the log, if that isn't the target's name.
    pub(crate) name: Option<String>,
}

/// Where the records of a log go.
#[derive(Clone, Debug, Default)]
pub(crate) enum Target {
    /// Into files, which the other settings describe.
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

    /// Returns the name of a log that has no path.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Descriptor(given) => {
                given.with(|descriptor| format!("fd {}", descriptor.as_raw_fd())).unwrap_or("fd".to_owned())
            }
            _ => self.field().to_owned(),
        }
    }

    /// Returns the name that a fault uses for it.
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

/// A value that only one log can own, although its description can be cloned.
pub(crate) struct Given<T>(Arc<Mutex<Option<T>>>);

impl<T> Given<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(Some(value))))
    }

    /// Takes the value. A second call finds nothing.
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
