//! The builder of an appender with dated names. The appender acts on its settings.

use std::path::Path;

use jiff::tz::TimeZone;

use super::appender::RollingFileAppender;
use super::calendar::Calendar;
use super::directory::LogDirectory;
use super::init_error::InitError;
use super::limits::Limits;
use super::names::Names;
use super::outside::Outside;
use super::rotation::Rotation;

/// Builds a [`RollingFileAppender`]. Every setting has a default.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let logs = dir.path();
/// use tracing_spool_appender::rolling::{Builder, Rotation};
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
    limits: Limits,
    is_local: bool,
}

/// Returns a part of a name, or none if it is empty.
fn part(text: impl Into<String>) -> Option<String> {
    Some(text.into()).filter(|text| !text.is_empty())
}

impl RollingFileAppender {
    /// Opens an appender in `directory` whose file names begin with `filename_prefix`.
    ///
    /// # Panics
    /// Panics if the directory or file can't be created, or the prefix isn't UTF-8, as tracing-appender does. Use
    /// [`builder`](Self::builder) for an error instead.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let logs = dir.path();
    /// use tracing_spool_appender::rolling::{RollingFileAppender, Rotation};
    /// let appender = RollingFileAppender::new(Rotation::DAILY, logs, "shop.log");
    /// # drop(appender);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[expect(clippy::panic, reason = "at start, where the function that this replaces panics as well")]
    pub fn new(rotation: Rotation, directory: impl AsRef<Path>, filename_prefix: impl AsRef<Path>) -> Self {
        let prefix = filename_prefix.as_ref();
        let Some(prefix) = prefix.to_str() else { panic!("the prefix {} is not UTF-8", prefix.display()) };
        match Self::builder().rotation(rotation).filename_prefix(prefix).build(directory) {
            Ok(appender) => appender,
            Err(error) => panic!("initializing rolling file appender failed: {error}"),
        }
    }

    /// Returns a builder with default settings.
    ///
    /// ```
    /// let builder = tracing_spool_appender::rolling::RollingFileAppender::builder();
    /// # drop(builder);
    /// ```
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// Returns a builder for an appender with a single file, which is named after the day it was created, without limits
    /// and link.
    ///
    /// ```
    /// use tracing_spool_appender::rolling::Builder;
    /// const DEFAULT: Builder = Builder::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        let (rotation, limits) = (Rotation::NEVER, Limits::new());
        Self { rotation, prefix: None, suffix: None, latest: None, limits, is_local: false }
    }

    /// Sets how often a new file is started.
    ///
    /// Default: [`Rotation::NEVER`].
    ///
    /// ```
    /// use tracing_spool_appender::rolling::{Builder, Rotation};
    /// let hourly = Builder::new().rotation(Rotation::HOURLY);
    /// # drop(hourly);
    /// ```
    #[must_use]
    pub fn rotation(self, rotation: Rotation) -> Self {
        Self { rotation, ..self }
    }

    /// Sets the part of a file's name before the date. A dot separates them.
    ///
    /// A prefix such as `shop/app` puts the files into a subdirectory. A prefix that ends with the slash makes names that
    /// begin with the dot: `shop/.2026-11-25`.
    ///
    /// Default: nothing.
    ///
    /// ```
    /// use tracing_spool_appender::rolling::{Builder, Rotation};
    /// let shop = Builder::new().rotation(Rotation::DAILY).filename_prefix("shop.log"); // shop.log.2026-11-25
    /// # drop(shop);
    /// ```
    #[must_use]
    pub fn filename_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: part(prefix), ..self }
    }

    /// Sets the part of a file's name after the date. A dot separates them.
    ///
    /// Default: nothing.
    ///
    /// ```
    /// use tracing_spool_appender::rolling::{Builder, Rotation};
    /// let shop = Builder::new().rotation(Rotation::DAILY).filename_suffix("log"); // 2026-11-25.log
    /// # drop(shop);
    /// ```
    #[must_use]
    pub fn filename_suffix(self, suffix: impl Into<String>) -> Self {
        Self { suffix: part(suffix), ..self }
    }

    /// Sets how many files are kept, including the current one. 0 keeps all.
    ///
    /// The appender removes files when it is built and whenever it starts a new one: the oldest first, by the date and
    /// number in their names. It counts regular files with its prefix and suffix and the date of any rotation, so a log
    /// that changes from hourly to daily stays bounded. A number after the date, and a final extension such as `.gz` or
    /// `.zst`, make no difference.
    ///
    /// Files that merely start and end like the log's, such as `shop.log.bak`, are kept. tracing-appender removes them, so
    /// one line on stderr names them when the appender is built.
    ///
    /// Default: all files are kept.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let logs = dir.path();
    /// use tracing_spool_appender::rolling::{Builder, Rotation};
    /// let week = Builder::new().rotation(Rotation::DAILY).filename_prefix("shop").max_log_files(7).build(logs)?;
    /// # drop(week);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn max_log_files(self, files: usize) -> Self {
        Self { limits: Limits { max_files: Some(files).filter(|files| *files > 0), ..self.limits }, ..self }
    }

    /// Sets the largest size of a file in bytes, at least 1.
    ///
    /// Before a record would make a file larger, the appender continues in the next one, which has a number after the date:
    /// `shop.2026-11-28.log`, `shop.2026-11-28.1.log`, `shop.2026-11-28.2.log`. Without rotation these are `shop.log`,
    /// `shop.1.log`, `shop.2.log`. The higher number is the newer file. A record that is larger than the limit gets a file
    /// of its own. After a restart, the appender continues the newest file of the period if it has room.
    ///
    /// Bytes that other processes or appenders append to the file count. A number whose file has no room for the record is
    /// skipped. A file exceeds the limit only while the next one can't be created, which
    /// [`failures`](RollingFileAppender::failures) counts, and by what two processes write at the same moment.
    ///
    /// Default: no limit.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let logs = dir.path();
    /// use std::io::Write as _;
    /// use tracing_spool_appender::rolling::Builder;
    /// let builder = Builder::new().filename_prefix("shop").filename_suffix("log").max_bytes(20);
    /// let mut shop = builder.build(logs)?;
    /// shop.write_all(b"order 7 shipped\n")?;
    /// shop.write_all(b"order 8 shipped\n")?;
    /// assert_eq!(std::fs::read_to_string(logs.join("shop.1.log"))?, "order 8 shipped\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        Self { limits: Limits { max_bytes: Some(bytes), ..self.limits }, ..self }
    }

    /// Sets the largest size in bytes of all files of the log together, including the current one. It must be at least
    /// [`max_bytes`](Self::max_bytes), which must be set too.
    ///
    /// Before the appender writes to a new file, it removes the oldest ones until the new file can grow to `max_bytes`. So
    /// the log never exceeds the budget, not even for a moment.
    ///
    /// Each time it starts a file, it counts the files that [`max_log_files`](Self::max_log_files) counts, whoever wrote
    /// them. Two appenders on one log can have one file more. While the directory can't be listed, it counts and removes
    /// the files that it knows: those of the last listing, and its own since.
    ///
    /// A record that is larger than the budget is refused with [`FileTooLarge`](std::io::ErrorKind::FileTooLarge). If old
    /// files can't be removed and the budget has no room, records are refused with
    /// [`StorageFull`](std::io::ErrorKind::StorageFull).
    ///
    /// Default: no budget.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let logs = dir.path();
    /// use tracing_spool_appender::rolling::{Builder, Rotation};
    /// let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("shop.log");
    /// let shop = builder.max_bytes(10 << 20).max_total_bytes(100 << 20).build(logs)?;
    /// # drop(shop);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn max_total_bytes(self, bytes: u64) -> Self {
        Self { limits: Limits { max_total_bytes: Some(bytes), ..self.limits }, ..self }
    }

    /// Names and rotates files by the system's time zone, which [`build`](Self::build) looks up.
    ///
    /// A day lasts as long as the clock shows: 23 or 25 hours when the clocks change. An hour that comes twice is one
    /// period, with one file.
    ///
    /// Default: UTC.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let logs = dir.path();
    /// use tracing_spool_appender::rolling::{Builder, Rotation};
    /// let daily = Builder::new().rotation(Rotation::DAILY).local_time().build(logs)?; // a new file at local midnight
    /// # drop(daily);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn local_time(self) -> Self {
        Self { is_local: true, ..self }
    }

    /// Sets the permissions of the files that the appender creates, subject to the process's umask.
    ///
    /// The owner must be able to write. Existing files keep their permissions.
    ///
    /// Default: `0o666`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let logs = dir.path();
    /// let private = tracing_spool_appender::rolling::Builder::new().mode(0o600).build(logs)?;
    /// # drop(private);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        Self { limits: Limits { mode, ..self.limits }, ..self }
    }

    /// Maintains a symbolic link of this name to the current file, in the directory given to [`build`](Self::build).
    ///
    /// An existing link of that name is replaced atomically. Anything else of that name is left alone, and makes `build`
    /// fail. So does a name that a file of this log can have, such as that of the live file.
    ///
    /// Default: no link.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let logs = dir.path();
    /// use tracing_spool_appender::rolling::{Builder, Rotation};
    /// let daily = Builder::new().rotation(Rotation::DAILY).latest_symlink("latest.log").build(logs)?;
    /// # drop(daily);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn latest_symlink(self, name: impl Into<String>) -> Self {
        Self { latest: part(name), ..self }
    }

    /// Opens the current file in `directory`. A missing directory is created.
    ///
    /// # Errors
    /// Returns an error if settings contradict each other or the local time zone can't be read, before anything is touched;
    /// or if the directory, file or link can't be created. The error names the setting or the path.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let logs = dir.path();
    /// use tracing_spool_appender::rolling::Builder;
    /// let builder = Builder::new().max_bytes(200).max_total_bytes(100);
    /// let error = builder.build(logs).unwrap_err();
    /// assert_eq!(error.to_string(), "max_total_bytes = 100: must be at least max_bytes, which is 200");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(&self, directory: impl AsRef<Path>) -> Result<RollingFileAppender, InitError> {
        self.build_with(directory.as_ref(), Outside::system())
    }

    /// Builds the appender with another clock, time zone and stderr, for tests.
    pub(super) fn build_with(
        &self,
        directory: &Path,
        outside: Outside,
    ) -> Result<RollingFileAppender, InitError> {
        self.limits.check()?;
        let zone = if self.is_local { (outside.local_zone)()? } else { TimeZone::UTC };
        let mut names = Names {
            prefix: self.prefix.clone(),
            suffix: self.suffix.clone(),
            rotates: self.rotation != Rotation::NEVER,
            has_segments: self.limits.max_bytes.is_some(),
        };
        let link = self.latest.as_ref().map(|name| directory.join(name));
        let mut path = directory.to_owned();
        // A prefix may name a subdirectory. Files are then listed and removed there.
        let below = self.prefix.as_deref().and_then(|prefix| prefix.rsplit_once('/'));
        if let Some((below, prefix)) = below {
            path.push(if below.is_empty() { "/" } else { below });
            if prefix.is_empty() && self.suffix.is_none() && !names.rotates {
                let text = format!(
                    "filename_prefix = \"{below}/\": without rotation and suffix, needs a name behind the slash"
                );
                return Err(InitError::setting(text));
            }
            names.prefix = Some(prefix.to_owned()); // even an empty one: its dot is part of tracing-appender's names
        }
        if path.as_os_str().is_empty() {
            path.push("."); // an empty path can't be listed
        }
        let directory = LogDirectory { path, link, names, limits: self.limits };
        directory.check_link(self.latest.as_deref().unwrap_or_default())?;
        let calendar = Calendar::new(self.rotation.clone(), zone);
        let appender = RollingFileAppender::open(directory, calendar, outside)?;
        // In a subdirectory tracing-appender removes nothing, so there is nothing to warn about.
        if below.is_none() {
            appender.warn_of_uncounted();
        }
        Ok(appender)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}
