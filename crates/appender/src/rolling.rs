//! Log files with a date in their names: an appender that starts a new file each minute, hour, day or week, or when the
//! current file is large enough.
//!
//! The appender has no queue and no thread: whoever writes waits for the disk. Put it behind
//! [`non_blocking`](fn@crate::non_blocking) to hand that wait to a thread.
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let logs = dir.path();
//! use std::io::Write as _;
//! use tracing_spool_appender::rolling::{RollingFileAppender, Rotation};
//!
//! let mut appender = RollingFileAppender::builder()
//!     .rotation(Rotation::DAILY)
//!     .filename_prefix("shop")
//!     .filename_suffix("log")
//!     .max_bytes(10 << 20)
//!     .max_total_bytes(100 << 20)
//!     .build(logs)?; // logs/shop.2026-11-25.log, then logs/shop.2026-11-25.1.log
//! writeln!(appender, "order 7 shipped")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod appender;
mod builder;
mod calendar;
mod directory;
mod disk;
mod init_error;
mod limits;
mod live;
mod names;
mod outside;
mod past;
mod retention;
mod rotation;
mod shortcuts;
mod stamp;
#[cfg(test)]
mod tests;
mod troubles;
mod zone;

pub use appender::{RollingFileAppender, RollingWriter};
pub use builder::Builder;
pub use init_error::InitError;
pub use rotation::Rotation;
pub use shortcuts::{daily, hourly, minutely, never, weekly};
