//! A drop-in replacement for tracing-appender 0.2.5: one line of `Cargo.toml` puts it in place, and no source changes.
//!
//! ```toml
//! tracing-appender = { package = "tracing-spool-appender", version = "0.1" }
//! ```
//!
//! Behind [`non_blocking`](mod@non_blocking) is the queue of [`tracing_spool`]. A line costs its caller no allocation, and
//! on its way to a file no wake-up of its own. Lost lines are counted, and what is still queued is written at `exit`,
//! wherever the guard is. [`rolling`] adds a size limit, a disk budget, local time and file modes. The README lists the
//! differences in one table.
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let logs = dir.path();
//! use tracing_spool_appender as tracing_appender; // `Cargo.toml` does this
//!
//! let daily = tracing_appender::rolling::daily(logs, "shop.log");
//! let (writer, _guard) = tracing_appender::non_blocking(daily);
//! let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
//! tracing::subscriber::with_default(lines, || tracing::info!(order = 7, "shipped"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(unix))]
compile_error!("tracing-spool-appender needs a Unix file system: symbolic links and file modes");

pub mod non_blocking;
pub mod rolling;
mod start;

pub use start::non_blocking;

/// The examples of the README are doc tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
