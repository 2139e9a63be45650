//! A rotating, bounded, self-healing set of log files, as an [`io::Write`](std::io::Write) or driven by your own
//! thread. It is the engine of [`tracing-spool`](https://docs.rs/tracing-spool), and works without it.
//!
//! A file set is a live file (`app.log`) and its backups (`app.log.1`, the newest, and so on). You hand it records. It
//! rotates by size between two records, and keeps the whole set within a budget of bytes at every instant. When the
//! disk fails, it carries on: it finishes a failed rotation later, lets records wait while the disk is full, and
//! reopens a live file that others have moved. It knows nothing about `tracing`, has no queue, and never sleeps.
//!
//! The defaults bound what stands on the disk: at most 60 MiB in `app.log` and `app.log.1` to `app.log.5`, each at most
//! 10 MiB unless a single record is longer. Beside them stand a lock file (`.app.log.lock`), an alert file while there
//! is trouble, and an empty `.app.log.new` for the duration of a rotation. The set creates, renames and removes no
//! other name. With [`Naming::Timestamped`], backups are called `app.log.20261123T181911Z` or, if the clock rotates
//! too, by the period that they hold (`app.log.2026-11-23`). With [`Settings::archive_dir`] they stand in another
//! directory, which has a lock file of its own.
//!
//! # As an `io::Write`
//!
//! A record is a line, however its bytes arrive. A [`FileSet`] writes it at once, whole, on the caller's thread:
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("app.log");
//! use std::io::Write as _;
//! use tracing_spool_fileset::{FileSet, Settings};
//!
//! let mut settings = Settings::new(&path);
//! settings.max_bytes = 1 << 20;
//! settings.backup_count = 3;
//! let mut log = FileSet::open(settings)?; // reports every fault of the settings before it touches anything
//! writeln!(log, "order {} shipped", 7)?;
//! assert_eq!(std::fs::read_to_string(&path)?, "order 7 shipped\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! While the set can take no lines, it refuses them with `StorageFull`, `WouldBlock` and the like. A line that was
//! begun is accepted, and the set keeps its rest. Retries and probes happen when the next line arrives; between two
//! writes such a set does nothing.
//!
//! # Behind another crate's queue
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("app.log");
//! use tracing_spool_fileset::{FileSet, Settings};
//!
//! let set = FileSet::open(Settings::new(&path))?;
//! let (writer, guard) = tracing_appender::non_blocking(set);
//! # drop((writer, guard));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Driven by your own thread
//!
//! An [`Engine`] is the same set without a clock. You pass it a [`Batch`] and the time, as the writer thread of
//! `tracing-spool` does, and it tells you when to call again:
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("app.log");
//! use tracing_spool_fileset::{Batch, Clock, Engine, Settings, State, SystemClock};
//!
//! let clock = SystemClock::new();
//! let mut set = Engine::open(Settings::new(&path), clock.now())?;
//! let rules = set.settings().rules();
//! let mut batch = Batch::default();
//! batch.push(b"one", &rules);
//! batch.push(b"two", &rules);
//! assert_eq!(set.append(&mut batch, clock.now()), 2); // one write(2); what is left stays in the batch
//! assert_eq!((set.state(), set.deadline()), (State::Writing, None)); // nothing waits
//! for event in set.take_events() {
//!     println!("{event:?}"); // alerts raised and cleared, removals, rotations; the set itself prints nothing
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Rotation by the clock, and tailers
//!
//! [`Settings::rotate_every`] takes a [`Schedule`]: besides by size, the set then rotates each minute, hour, day or
//! week, in UTC or in a time zone. While the live file has content, [`Engine::wake_at`] takes the next boundary into
//! account.
//!
//! [`Settings::quiet_rotation`] keeps a file silent for a while before it is renamed, so that tailers that poll its
//! name reach its end. Records stay in the batch meanwhile. Call [`Engine::set_pressed`] when you have no more room for
//! them.
//!
//! ```
//! use std::time::Duration;
//! use tracing_spool_fileset::{Schedule, Settings};
//! let mut settings = Settings::new("/var/log/shop/shop.log");
//! settings.rotate_every = Some(Schedule::daily().at(3, 30));
//! settings.quiet_rotation = Duration::from_millis(400);
//! assert!(settings.faults().is_empty());
//! ```
//!
//! # What it touches
//!
//! The set opens its directory once, locks it, and works in it by name, so that nothing others do to the path can lead
//! it astray. It enters another directory only with that directory's lock in hand. It knows files by device and inode,
//! and never removes a file that was put in the place of a backup.
//!
//! The first start, when there is no lock file of this log yet, removes nothing: if existing files would have to go,
//! [`FileSet::open`] names them and fails. Each removal is an [`Event`].
//!
//! # How it is built
//!
//! Everything outside is behind two small traits, [`Fs`] and [`LogFile`]. Errors are told apart by errno, never by
//! their text, and decisions are pure functions. A forked child must open a set of its own; writes to an inherited one
//! are refused.
//!
//! # Features
//!
//! All features are off by default.
//!
//! - `sim`: `SimDisk` and `SimClock`, an in-memory disk with scripted faults, a capacity, crashes and power cuts, and a
//!   clock that jumps. Use them to test what you build on the engine.
//! - `gzip`, `zstd`: [`Settings::compression`] of backups. Whoever drives an engine performs the work
//!   ([`Engine::take_order`]); a [`FileSet`] has a thread for it. A build without these features still recognises
//!   compressed backups.
//! - `serde`: serialises counters, alerts and failures.
//!
//! The crate supports Unix only.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(unix))]
compile_error!("tracing-spool-fileset needs a Unix file system: rename, flock, O_NOFOLLOW and statvfs");

mod effect;
mod engine;
mod file_set;
mod model;
mod policy;
#[cfg(feature = "sim")]
#[cfg_attr(docsrs, doc(cfg(feature = "sim")))]
pub mod sim;

pub use effect::clock::{Clock, SystemClock};
pub use effect::compress::{PackOrder, Packed};
pub use effect::disk::Disk;
pub use effect::fs::{At, Dir, Follow, Fs, Lock, LockRefusal, LogFile, Outcome, Space};
pub use engine::{BlockReason, CloseReport, Counters, Engine, Moments, Resumed, State, Unfinished, Witness};
pub use file_set::FileSet;
pub use model::alert::{Alert, Edge, Event, Rotated, Trouble};
pub use model::batch::Batch;
pub use model::compression::Compression;
pub use model::error::{Failure, Fault, Holder, Op, OpenError, OsError};
pub use model::header::Header;
pub use model::inventory::{FileId, FileKind, Meta};
pub use model::owner::Owner;
pub use model::removal::Reason;
pub use model::render::{Rendered, Rules};
pub use model::schedule::{Schedule, Weekday};
pub use model::settings::{Allow, Naming, Settings, SyncPolicy};
pub use model::slot::{Slot, Stamp};
pub use model::time::{Mono, Now, Wall};
pub use policy::forecast::Forecast;

/// Items for sister packages and tests only. They change without notice.
#[doc(hidden)]
pub mod internal {
    pub use crate::effect::whole;
    pub use crate::engine::Foresight;
    pub use crate::model::{
        errno_class, guest, inventory, lock_note, name, render, schedule, settings, slot,
    };
    pub use crate::policy::foresight::{Course, Gone};
    pub use crate::policy::{backoff, budget, compression, plan, relocation, retention, rotation};
}

/// Runs the README's example as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
