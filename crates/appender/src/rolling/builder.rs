//! The description of an appender with dated names.
//! What it does once open is the appender's.

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

/// Describes a [`RollingFileAppender`]. Everything has a default.
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

/// A part of a name; an empty one is none.
fn part(text: impl Into<String>) -> Option<String> {
    Some(text.into()).filter(|text| !text.is_empty())
}

impl RollingFileAppender {
    /// Opens an appender in `directory` whose files begin with `filename_prefix`.
    ///
    /// # Panics
    /// If directory or file cannot be made, or the prefix is not UTF-8: as the function it stands for. See
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

    /// Begins to describe an appender.
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
    /// Describes an appender with one file, named after the day of its beginning, without bounds and link.
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

    /// Sets how often a new file is begun.
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

    /// Sets what stands before the date in a file's name, with a dot between.
    ///
    /// A prefix such as `shop/app` puts the files into a directory below. One that ends with the slash makes names that begin
    /// with the dot: `shop/.2026-11-25`.
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

    /// Sets what stands behind the date in a file's name, with a dot between.
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

    /// Sets how many files are kept, the one that is written among them; 0 keeps all.
    ///
    /// The appender removes files when it is built and whenever it begins one: the oldest first, by date and number in their
    /// names. It counts regular files with its prefix and suffix and the date of any rotation, so a log that was hourly and
    /// is daily now stays bounded. A number behind the date, and an ending such as `.gz` or `.zst` behind it all, make no
    /// difference.
    ///
    /// Files that merely begin and end as the log's do, such as `shop.log.bak`, are kept. tracing-appender removes them, so
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

    /// Sets the largest size of a file, in bytes: at least 1.
    ///
    /// Before a record would make a file larger, the appender goes on in the next one, which has a number behind the date:
    /// `shop.2026-11-28.log`, `shop.2026-11-28.1.log`, `shop.2026-11-28.2.log`. Without rotation, these are `shop.log`,
    /// `shop.1.log`, `shop.2.log`. The higher number is the newer file. A record that is larger has a file of its own. After
    /// a restart, the newest file of the period is written on if it has room.
    ///
    /// What other processes or appenders append to the file counts. A number whose file has no room for the record is passed
    /// by. A file grows larger only while the next one cannot be created, which is [told](RollingFileAppender::failures), and
    /// by what two processes write at the same moment.
    ///
    /// Default: files of any size.
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

    /// Sets how many bytes all files of the log have together, the one that is written among them: at least
    /// [`max_bytes`](Self::max_bytes), which has to be set too.
    ///
    /// Before the appender writes to a new file, it removes the oldest ones until this one may become as large as
    /// `max_bytes`. So the log never has more, not even for a moment. It counts the files that
    /// [`max_log_files`](Self::max_log_files) counts, whoever wrote them, each time it begins one. Two appenders on one log
    /// can have one file more. While the directory cannot be listed, it counts and removes the files that it knows: those of
    /// the last listing, and its own since.
    ///
    /// A record that is larger than the budget is refused with [`FileTooLarge`](std::io::ErrorKind::FileTooLarge). Where old
    /// files cannot be removed and the budget has no room, records are refused with
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

    /// Names files, and begins them, by the clock in the system's time zone, which is looked up by [`build`](Self::build).
    ///
    /// A day is as long as the clock shows: 23 or 25 hours where it is put forward or back. An hour that comes twice is one
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

    /// Sets the permissions of files that the appender creates, from which the process's umask takes what it always takes.
    ///
    /// The owner has to be able to write. Files that exist keep theirs.
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

    /// Keeps a symbolic link of this name, in the directory given to [`build`](Self::build), to the file that is written.
    ///
    /// A link of that name is replaced in one step. Anything else of that name is left alone: it is an error of `build`. So is
    /// a name that a file of this log can have, such as that of the live file.
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

    /// Opens the file of now in `directory`, which is made if it is missing.
    ///
    /// # Errors
    /// If settings contradict each other or the local time zone cannot be read, in which case nothing is touched; or if
    /// directory, file or link cannot be made. The error names the setting or the path.
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

    /// The same in another world.
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
        // A prefix may name a directory below; what is listed and removed is in there too.
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
            path.push("."); // it is listed
        }
        let directory = LogDirectory { path, link, names, limits: self.limits };
        directory.check_link(self.latest.as_deref().unwrap_or_default())?;
        let calendar = Calendar::new(self.rotation.clone(), zone);
        let appender = RollingFileAppender::open(directory, calendar, outside)?;
        // There, tracing-appender removes nothing.
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
