//! Why an appender with dated names could not be opened.
//! What is wrong with a setting is said where the setting is checked.

use std::error::Error;
use std::path::Path;
use std::{fmt, io};

/// Why an appender could not be opened. Displays the path or the setting, what is wrong with it, and what would be right.
///
/// ```
/// use tracing_spool_appender::rolling::Builder;
/// let error = Builder::new().filename_prefix("app").build("/dev/null/logs").unwrap_err();
/// assert!(error.to_string().starts_with("the log directory /dev/null/logs cannot be made: "));
/// ```
#[derive(Debug)]
pub struct InitError {
    text: String,
    /// What the system said; none where a setting is wrong.
    source: Option<io::Error>,
}

impl InitError {
    /// A setting is wrong.
    pub(super) fn setting(text: String) -> Self {
        Self { text, source: None }
    }

    /// The text says it all; the error of the system that it stands for is kept.
    pub(super) fn told(text: String, source: io::Error) -> Self {
        Self { text, source: Some(source) }
    }

    /// Something could not be done, such as `"the log file {} cannot be opened"`; the path takes the place of `{}`.
    pub(super) fn path(what: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let text = what.replace("{}", &path.display().to_string());
        move |source| Self::told(format!("{text}: {source}"), source)
    }

    /// The same error with what can be done about it.
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
