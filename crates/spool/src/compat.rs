//! The public names of tracing-appender 0.2.5, with this crate's hand-off behind them: `tracing_appender::` in a program
//! becomes `tracing_spool::compat::`, and nothing else changes. It is no second face of [`Spool`](crate::Spool).
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let logs = dir.path();
//! use tracing_spool::compat as tracing_appender; // or replace the name where it stands
//!
//! let daily = tracing_appender::rolling::daily(logs, "shop.log");
//! let (writer, _guard) = tracing_appender::non_blocking(daily);
//! let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
//! tracing::subscriber::with_default(lines, || tracing::info!(order = 7, "shipped"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What differs
//!
//! | | tracing-appender | here |
//! |---|---|---|
//! | a caller, at 50,000 lines/s | allocates, and wakes the writer thread for about each line | neither |
//! | a line is in the file | at once | within 10 ms: the thread naps between two looks |
//! | memory behind a disk that stalls | 128,000 lines of any length | also bounded in bytes, 512 for each line of the limit |
//! | lines in front of a [`RollingFileAppender`](rolling::RollingFileAppender) | one `write(2)` each | one for all that wait, 256 KiB at a time |
//! | a line that the writer refuses, or panics at | lost, uncounted; a panic ends the thread and loses the rest | counted in [`ErrorCounter`](non_blocking::ErrorCounter) |
//! | dropping the guard | waits 1.1 s at most, prints what went wrong, and counts nothing | waits 5 s at most, says nothing, counts what is left |
//! | `max_log_files` | removes whatever begins with the prefix: `app.log` takes `app.log.bak` | removes what this appender would have named itself |
//! | `latest_symlink` | removes whatever has that name, a file too; dangles where the directory is relative | replaces a link, in one step, and points to the file beside it |
//! | the next file cannot be opened | written to the old one until the next period | the same, but tried again each second |
//!
//! # What stays
//!
//! The live file has the date in its name, so tailers and `logrotate` have to look for it; files have no bound in bytes; a full
//! disk loses lines; a file that others delete is written on unseen; two processes may write one file. [`Spool`](crate::Spool)
//! is without all of these, and moving from here to it is a change of two lines.

pub mod non_blocking;
pub mod rolling;
mod start;

pub use start::non_blocking;
