//! The log writer for `tracing`: events go through a bounded queue to one writer thread and from there into a rotating,
//! bounded, self-healing set of files.
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
//! - **A caller never waits** unless [`Overflow`] says so, makes no system call while the writer thread is awake, and
//!   allocates nothing in the steady state. When the queue fills, DEBUG goes first and ERROR last.
//! - **Every record is accounted for**: [`Stats`] says what was written and what was dropped for which [`Reason`], and
//!   a line in the log itself says so where the records are missing ([`Notices`]).
//! - **Disk trouble never reaches the application**: it becomes an [`Alert`] with a beginning and an end.
//!
//! The [`manual`] has a page for each task: getting started, settings, rotation, containers, metrics, troubleshooting and more.
//!
//! # The guard
//!
//! [`SpoolGuard`] keeps the spool open; dropping it writes what waits. **Bind it to a name that lives until the end of
//! `main`**: `let (spool, _) = ...` drops it at once. `std::process::exit` drops nothing, and a static is never dropped:
//! then everything is flushed as the process ends, and what destructors and `atexit` handlers log after that is written
//! too. [`install_panic_hook`] does it for panics, [`flush_all()`] at any time.
//!
//! # Coming from tracing-appender
//!
//! One line of `Cargo.toml` puts the package `tracing-spool-appender` in its place, and no source is touched:
//! `tracing-appender = { package = "tracing-spool-appender", version = "0.1" }`. Files keep their dated names there; a [`Spool`]
//! has a constant one, and a budget.
//!
//! # stdout, stderr, anything
//!
//! [`Spool::stdout`], [`Spool::stderr`], [`Spool::fd`] and [`Spool::writer`] have the same queue, levels and account in front of
//! what is no file set: a reader that sleeps stops no caller. [`SpoolLayer::tee`] writes to two logs at once.
//!
//! # Features
//!
//! None is on by default.
//!
//! - `signals`: `SpoolHandle::install_signals`. SIGHUP opens the log anew, SIGUSR1 rotates it, SIGTERM, SIGINT
//!   and SIGQUIT write what waits and then kill.
//! - `gzip`, `zstd`: [`SpoolBuilder::compression`] of backups, on a thread of its own.
//! - `serde`: [`SpoolConfig`] is read from any format that serde knows; [`Stats`] and [`Health`] are written to any.
//! - `metrics`: `SpoolHandle::record_metrics` tells the `metrics` facade what [`Stats`] and [`Health`] know.
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
/// Why the ring of a [`Durable`] log was not opened.
#[cfg(not(shuttle))]
pub use tracing_spool_ring::OpenError as RingError;

/// What sister packages need, and nobody else. It changes without notice.
#[doc(hidden)]
pub mod internal {
    pub use crate::platform::stderr::say;
    pub use tracing_spool_ring::{MOST_BYTES, MOST_RECORDS};
}

/// The examples of the READMEs are doc tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../../README.md")]
struct Readme;
