//! Files with the date in their names: an appender that begins a new one each minute, hour, day or week.
//! It has no queue and no thread: whoever writes waits for the disk, unless [`non_blocking`](fn@super::non_blocking) is in front.
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let logs = dir.path();
//! use std::io::Write as _;
//! use tracing_spool::compat::rolling::{RollingFileAppender, Rotation};
//!
//! let mut appender = RollingFileAppender::builder()
//!     .rotation(Rotation::DAILY)
//!     .filename_prefix("shop")
//!     .filename_suffix("log")
//!     .max_log_files(7)
//!     .build(logs)?; // logs/shop.2026-11-25.log
//! writeln!(appender, "order 7 shipped")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod appender;
mod builder;
mod disk;
mod init_error;
mod live;
mod names;
mod rotation;
mod shortcuts;
#[cfg(test)]
mod tests;

pub use appender::{RollingFileAppender, RollingWriter};
pub use builder::Builder;
pub use init_error::InitError;
pub use rotation::Rotation;
pub use shortcuts::{daily, hourly, minutely, never, weekly};
