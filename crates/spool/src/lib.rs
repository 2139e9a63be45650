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
//!     .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(spool))
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
//! # The guard
//!
//! [`SpoolGuard`] keeps the spool open; dropping it writes what waits. **Bind it to a name that lives until the end of
//! `main`**: `let (spool, _) = ...` drops it at once. `std::process::exit` drops nothing: call
//! [`SpoolGuard::shutdown`] before it.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admission;
mod alerts;
mod builder;
mod control;
mod draft;
mod durable;
mod error;
mod event_time;
mod gap;
mod guard;
mod handle;
mod inbox;
mod late;
mod ledger;
mod losses;
mod notice;
mod origin;
mod pace;
mod page;
mod place;
mod queue;
mod rank;
mod recovered;
#[cfg(not(shuttle))]
mod recovery;
mod ring_inbox;
mod room;
mod shared;
mod shelf;
mod source;
mod stats;
mod sync;
mod tray;
mod wake;
mod worker;
mod writer;

pub use builder::{QUEUE_BYTES, QUEUE_RECORDS, SHUTDOWN_TIMEOUT, SpoolBuilder};
pub use error::OpenError;
pub use event_time::EventTime;
pub use guard::{ShutdownReport, SpoolGuard};
pub use handle::{FlushError, RequestError, SpoolHandle};
pub use late::LateRecords;
pub use ledger::{Dropped, Reason};
pub use notice::Notices;
pub use queue::{HandOff, Overflow};
pub use recovered::Recovered;
pub use stats::{Condition, Health, Stats};
#[cfg(shuttle)]
pub use sync::let_naps_end;
pub use writer::{EventWriter, Spool};

pub use tracing_spool_fileset::file_set::BlockReason;
pub use tracing_spool_fileset::{
    Alert, Allow, Clock, Counters, Edge, Failure, Fault, Fs, Holder, Op, OsError, Sync as SyncPolicy,
    Trouble, Wall,
};

/// The examples of the README are doc tests too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
