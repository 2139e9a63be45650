//! One function per rotation that opens an appender in one call. Each calls [`RollingFileAppender::new`].

use std::path::Path;

use super::appender::RollingFileAppender;
use super::rotation::Rotation;

/// Opens an appender that starts a new file each minute: `directory/file_name_prefix.2026-11-25-18-19`.
///
/// # Panics
/// As [`RollingFileAppender::new`].
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let logs = dir.path();
/// let appender = tracing_spool_appender::rolling::minutely(logs, "shop.log");
/// # drop(appender);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn minutely(directory: impl AsRef<Path>, file_name_prefix: impl AsRef<Path>) -> RollingFileAppender {
    RollingFileAppender::new(Rotation::MINUTELY, directory, file_name_prefix)
}

/// Opens an appender that starts a new file each hour: `directory/file_name_prefix.2026-11-25-18`.
///
/// # Panics
/// As [`RollingFileAppender::new`].
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let logs = dir.path();
/// let appender = tracing_spool_appender::rolling::hourly(logs, "shop.log");
/// # drop(appender);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn hourly(directory: impl AsRef<Path>, file_name_prefix: impl AsRef<Path>) -> RollingFileAppender {
    RollingFileAppender::new(Rotation::HOURLY, directory, file_name_prefix)
}

/// Opens an appender that starts a new file each day at midnight UTC: `directory/file_name_prefix.2026-11-25`.
///
/// # Panics
/// As [`RollingFileAppender::new`].
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let logs = dir.path();
/// let appender = tracing_spool_appender::rolling::daily(logs, "shop.log");
/// # drop(appender);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn daily(directory: impl AsRef<Path>, file_name_prefix: impl AsRef<Path>) -> RollingFileAppender {
    RollingFileAppender::new(Rotation::DAILY, directory, file_name_prefix)
}

/// Opens an appender that starts a new file each week, on Sunday at midnight UTC: `directory/file_name_prefix.2026-11-22`.
///
/// # Panics
/// As [`RollingFileAppender::new`].
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let logs = dir.path();
/// let appender = tracing_spool_appender::rolling::weekly(logs, "shop.log");
/// # drop(appender);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn weekly(directory: impl AsRef<Path>, file_name_prefix: impl AsRef<Path>) -> RollingFileAppender {
    RollingFileAppender::new(Rotation::WEEKLY, directory, file_name_prefix)
}

/// Opens an appender that writes to one file and never rotates it by time: `directory/file_name`.
///
/// # Panics
/// As [`RollingFileAppender::new`].
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let logs = dir.path();
/// let appender = tracing_spool_appender::rolling::never(logs, "shop.log");
/// # drop(appender);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn never(directory: impl AsRef<Path>, file_name: impl AsRef<Path>) -> RollingFileAppender {
    RollingFileAppender::new(Rotation::NEVER, directory, file_name)
}
