//! The description of an appender with dated names.
//! What it does once open is the appender's.

use std::path::Path;

use tracing_spool_fileset::SystemClock;

use super::appender::{RollingFileAppender, Watch};
use super::init_error::InitError;
use super::names::Names;
use super::rotation::Rotation;

/// Describes a [`RollingFileAppender`]. Everything has a default.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let logs = dir.path();
/// use tracing_spool::compat::rolling::{Builder, Rotation};
/// let hourly = Builder::new().rotation(Rotation::HOURLY).filename_prefix("shop.log").build(logs)?;
/// # drop(hourly);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    rotation: Rotation,
    prefix: Option<String>,
    suffix: Option<String>,
    latest: Option<String>,
    most_files: Option<usize>,
}

/// A part of a name; an empty one is none.
fn part(text: impl Into<String>) -> Option<String> {
    Some(text.into()).filter(|text| !text.is_empty())
}

impl RollingFileAppender {
    /// An appender for `directory` whose files begin with `filename_prefix`.
    ///
    /// # Panics
    /// If directory or file cannot be made, or the prefix is not UTF-8: as the function it stands for. See
    /// [`builder`](Self::builder) for an error instead.
    #[expect(clippy::panic, reason = "at start, where the function that this replaces panics as well")]
    pub fn new(rotation: Rotation, directory: impl AsRef<Path>, filename_prefix: impl AsRef<Path>) -> Self {
        let prefix = filename_prefix.as_ref();
        let Some(prefix) = prefix.to_str() else { panic!("the prefix {} is not UTF-8", prefix.display()) };
        match Self::builder().rotation(rotation).filename_prefix(prefix).build(directory) {
            Ok(appender) => appender,
            Err(error) => panic!("the rolling file appender cannot be opened: {error}"),
        }
    }

    /// Begins to describe an appender.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// One file for ever, without prefix or suffix (its name is the day of its beginning), nothing removed, no link.
    #[must_use]
    pub const fn new() -> Self {
        Self { rotation: Rotation::NEVER, prefix: None, suffix: None, latest: None, most_files: None }
    }

    /// How often a new file is begun (never).
    #[must_use]
    pub fn rotation(self, rotation: Rotation) -> Self {
        Self { rotation, ..self }
    }

    /// What stands before the date, and a dot between (nothing).
    #[must_use]
    pub fn filename_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: part(prefix), ..self }
    }

    /// What stands behind the date, and a dot between (nothing).
    #[must_use]
    pub fn filename_suffix(self, suffix: impl Into<String>) -> Self {
        Self { suffix: part(suffix), ..self }
    }

    /// How many files are kept, the one that is written among them; 0: all of them (all of them).
    ///
    /// Looked after at start and whenever a file is begun. The oldest by the date in its name goes first. Only regular
    /// files go whose names this appender would have given: same prefix, suffix and rotation. So files of a rotation that
    /// was used before stay.
    #[must_use]
    pub fn max_log_files(self, files: usize) -> Self {
        Self { most_files: Some(files).filter(|files| *files > 0), ..self }
    }

    /// Name of a symbolic link, in the same directory, to the file that is written (none).
    ///
    /// What stands under that name and is no link is not touched: an error of [`build`](Self::build).
    #[must_use]
    pub fn latest_symlink(self, name: impl Into<String>) -> Self {
        Self { latest: part(name), ..self }
    }

    /// Opens the file of now in `directory`, which is made if it is missing.
    ///
    /// # Errors
    /// Where directory, file or link cannot be made.
    pub fn build(&self, directory: impl AsRef<Path>) -> Result<RollingFileAppender, InitError> {
        self.build_with(directory.as_ref(), Box::new(SystemClock::new()))
    }

    /// The same with another clock.
    pub(super) fn build_with(
        &self,
        directory: &Path,
        clock: Watch,
    ) -> Result<RollingFileAppender, InitError> {
        let mut names = Names {
            rotation: self.rotation.clone(),
            prefix: self.prefix.clone(),
            suffix: self.suffix.clone(),
        };
        let mut directory = directory.to_owned();
        // A prefix may name a directory below; what is listed and removed is in there too.
        if let Some((below, prefix)) = self.prefix.as_deref().and_then(|prefix| prefix.rsplit_once('/')) {
            directory.push(if below.is_empty() { "/" } else { below });
            names.prefix = part(prefix);
        }
        RollingFileAppender::open(names, directory, self.latest.as_deref(), self.most_files, clock)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}
