//! Why an appender with dated names couldn't be opened.

use std::error::Error;
use std::path::Path;
use std::{fmt, io};

/// Why an appender couldn't be opened. It displays the path or the setting, what is wrong with it, and what would be right.
///
/// ```
/// use tracing_spool_appender::rolling::Builder;
/// let error = Builder::new().filename_prefix("app").build("/dev/null/logs").unwrap_err();
/// assert!(error.to_string().starts_with("the log directory /dev/null/logs cannot be made: "));
/// ```
#[derive(Debug)]
pub struct InitError {
    text: String,
    /// The system's error, or none if a setting is wrong.
    source: Option<io::Error>,
}

impl InitError {
    /// Returns an error for a wrong setting.
    pub(super) fn setting(text: String) -> Self {
        Self { text, source: None }
    }

    /// Returns an error with this text, and keeps the system's error behind it as the source.
    pub(super) fn told(text: String, source: io::Error) -> Self {
        Self { text, source: Some(source) }
    }

    /// Returns an error for an operation that failed, such as `"the log file {} cannot be opened"`. The path replaces `{}`.
    pub(super) fn path(what: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let text = what.replace("{}", &path.display().to_string());
        move |source| Self::told(format!("{text}: {source}"), source)
    }

    /// Adds what can be done about the error.
    pub(super) fn with_remedy(mut self, remedy: &str) -> Self {
        self.text = format!("{}: {remedy}", self.text);
        self
    }
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for InitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
