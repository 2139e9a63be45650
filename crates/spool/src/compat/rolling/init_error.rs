//! Why an appender with dated names could not be opened.

use std::error::Error;
use std::{fmt, io};

/// Why an appender could not be opened: what failed, and the system's error as its source.
#[derive(Debug)]
pub struct InitError {
    what: &'static str,
    source: io::Error,
}

impl InitError {
    pub(super) fn of(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { what, source }
    }
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.source)
    }
}

impl Error for InitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
