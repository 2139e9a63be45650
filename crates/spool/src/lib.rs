//! Writes `tracing` events to files that rotate, stay within a size limit, and recover from disk trouble by themselves.
//! Events pass through a bounded queue to one writer thread, so callers don't wait for the disk.
//!
//! ```no_run
//! use tracing_subscriber::prelude::*;
//!
//! let (spool, _guard) = tracing_spool::Spool::builder("/var/log/shop/shop.log")
//!     .max_bytes(10 * 1024 * 1024)
//!     .backup_count(5)
//!     .max_total_bytes(60 * 1024 * 1024)
//!     .open()?; // fails here, not later: bad settings, no permission, a second process
//! tracing_subscriber::registry()
//!     .with(spool.layer())
//!     .init();
//! # Ok::<(), tracing_spool::OpenError>(())
//! ```
//!
//! - **Callers never wait** unless [`Overflow`] says so. While the writer thread is awake, a caller makes no system call;
//!   in the steady state, it allocates nothing. As the queue fills, DEBUG goes first and ERROR last.
//! - **Every record is accounted for.** [`Stats`] counts what was written, and what was dropped for which [`Reason`]. A
//!   line in the log itself says how many records are missing at that place ([`Notices`]).
//! - **Disk trouble never reaches the application.** It becomes an [`Alert`] that is raised and later cleared.
//!
//! The [`manual`] has a page for each task: getting started, settings, rotation, containers, metrics, troubleshooting and more.
//!
//! # The guard
//!
//! [`SpoolGuard`] keeps the spool open, and dropping it writes what is still queued. **Bind it to a name that lives until
//! the end of `main`**: `let (spool, _) = ...` drops it at once. `std::process::exit` drops nothing, and a static is never
//! dropped; the spool then flushes as the process ends, and also writes what destructors and `atexit` handlers log after
//! that. [`install_panic_hook`] flushes after a panic, and [`flush_all()`] flushes whenever you call it.
//!
//! # Coming from tracing-appender
//!
//! One line of `Cargo.toml` replaces tracing-appender, and your source stays as it is:
//!
//! ```toml
//! tracing-appender = { package = "tracing-spool-appender", version = "0.1" }
//! ```
//!
//! That package keeps dated file names. A [`Spool`] writes to a path that never changes, and has a disk budget.
//!
//! # stdout, stderr, anything
//!
//! [`Spool::stdout`], [`Spool::stderr`], [`Spool::fd`] and [`Spool::writer`] put the same queue, levels and counters in
//! front of something other than files: a reader that stops reading stops no caller. [`SpoolLayer::tee`] writes to two logs
//! at once.
//!
//! # Features
//!
//! None is on by default.
//!
//! - `signals` adds `SpoolHandle::install_signals`: SIGHUP reopens the log, SIGUSR1 rotates it, and SIGTERM, SIGINT and
//!   SIGQUIT flush before they kill.
//! - `gzip` and `zstd` compress backups on a thread of their own ([`SpoolBuilder::compression`]).
//! - `serde` reads [`SpoolConfig`] from any format that serde supports, and serializes [`Stats`] and [`Health`].
//! - `metrics` adds `SpoolHandle::record_metrics`, which reports [`Stats`] and [`Health`] to the `metrics` facade.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod account;
mod hand_off;
mod leaving;
#[cfg(any(doc, doctest))]
pub mod manual;
mod open;
mod platform;
mod settings;
mod sink;
mod worker;
mod writer;

pub use account::ledger::{Dropped, Reason};
pub use account::recovered::Recovered;
pub use account::stats::{Condition, Health, Hook, QueueStats, Sizes, SlowHook, Stats};
pub use leaving::outputs::{FlushAllError, flush_all};
pub use leaving::panic_hook::{PANIC_FLUSH_TIMEOUT, install_panic_hook};
#[cfg(feature = "signals")]
pub use leaving::signals::SignalAction;
pub use open::builder::SpoolBuilder;
pub use open::error::OpenError;
pub use open::reconfigure::ReconfigureError;
#[cfg(shuttle)]
pub use platform::sync::let_naps_end;
pub use settings::choices::{LateRecords, Notices};
pub use settings::config::{ConfigError, ConfigFault, SpoolConfig};
pub use settings::description::{LINGER, QUEUE_BYTES, QUEUE_RECORDS, SHUTDOWN_TIMEOUT};
pub use settings::durable::Durable;
pub use settings::overflow::Overflow;
pub use settings::table::{Part, Setting};
pub use worker::hooks::SLOW_HOOK;
pub use worker::requests::{FlushError, RequestError};
pub use writer::event_writer::{EventWriter, Spool};
pub use writer::guard::{ShutdownReport, SpoolGuard};
pub use writer::handle::SpoolHandle;
pub use writer::layer::{Shedding, SpoolLayer};
pub use writer::lines::Lines;
pub use writer::metrics::prometheus_text;

pub use tracing_spool_fileset::{
    Alert, Allow, BlockReason, Compression, Counters, Edge, Failure, Fault, Header, Holder, Naming, Op,
    OsError, Owner, Rotated, Schedule, SyncPolicy, Trouble, Wall, Weekday,
};
/// For [`SpoolBuilder::open_with`], which tests use.
#[doc(hidden)]
pub use tracing_spool_fileset::{Clock, Fs};
pub use tracing_spool_format::{
    Compact, EventTime, Ids, Json, JsonFields, Keys, Logfmt, LogfmtFields, Text, TextFields, ZoneError,
};
/// Why the ring of a [`Durable`] log couldn't be opened.
#[cfg(not(shuttle))]
pub use tracing_spool_ring::OpenError as RingError;

/// Internals that sister packages need. They change without notice.
#[doc(hidden)]
pub mod internal {
    pub use crate::account::claim::CLAIM;
    #[cfg(not(shuttle))]
    pub use crate::open::leftover::Leftover;
    pub use crate::platform::stderr::say;
    pub use tracing_spool_ring::{MOST_BYTES, MOST_RECORDS};
}

/// The examples of the READMEs are doc tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../../README.md")]
struct Readme;
