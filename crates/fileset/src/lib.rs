//! A rotating, bounded, self-healing set of log files: the engine of `tracing-spool`, usable alone.
//!
//! An [`Engine`] is a live file (`app.log`) and its backups (`app.log.1`, the newest, and on). You hand it records. It
//! rotates by size between two records, keeps the whole set within a budget of bytes at every instant, and goes on
//! when the disk does not: a rotation that fails is finished later, a full disk makes records wait, a live file that
//! others moved is opened anew. It knows nothing of `tracing`, has no thread and no queue, and never sleeps.
//!
//! From a path and the defaults one can tell what will stand on the disk: at most 60 MiB in `app.log` and
//! `app.log.1` to `app.log.5`, each at most 10 MiB unless one record is longer; beside them a lock file
//! (`.app.log.lock`), an alert file while there is trouble, and for the moment of a rotation an empty `.app.log.new`.
//! No other name is created, renamed or removed. With [`Naming::Timestamped`] backups are called `app.log.20261123T181911Z`
//! or, if the clock rotates too, by the period that they hold (`app.log.2026-11-23`),
//! and with [`Settings::archive_dir`] they stand elsewhere, with a second lock file.
//!
//! # As an `io::Write`
//!
//! A record is a line, however its bytes come. It goes to the file at once, whole, on the caller's thread:
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
//! let mut log = FileSet::open(settings)?; // every fault of the settings at once, before anything is touched
//! writeln!(log, "order {} shipped", 7)?;
//! assert_eq!(std::fs::read_to_string(&path)?, "order 7 shipped\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Lines are refused (`StorageFull`, `WouldBlock` and the like) while the set can take none; a line that was begun
//! is taken, and its rest is held inside. Retries and probes happen when the next line comes: with nobody to call
//! it, a set used in this way does nothing between two writes.
//!
//! # Behind a queue of another crate
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
//! # Driven with time as a value
//!
//! An [`Engine`] is the same set without a clock. The writer thread of `tracing-spool` gives it a [`Batch`] and the time,
//! and is told when to come again:
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
//! # By the clock, and for those who read
//!
//! [`Settings::rotate_every`] takes a [`Schedule`]: rotation each minute, hour, day or week in UTC or a time zone,
//! besides by size. [`Engine::wake_at`] then names the boundary too, as long as the live file has content.
//! [`Settings::quiet_rotation`] keeps a file silent before it is renamed, so that readers that look at its name now and
//! then reach its end: records stay in the batch for that long, and the owner says with [`Engine::set_pressed`] when it
//! has no room for them.
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
//! The directory is opened once, locked, and worked in by name: what others do to the path leads nothing astray, and another
//! directory is entered only with its lock in hand. A file is known by device and inode: what was put in the place of a
//! backup is not removed for it. A first start, where no lock file of this log stands, removes nothing: if files that stand
//! there would have to go, [`FileSet::open`] says which, and fails. Each removal is an [`Event`].
//!
//! # What it rests on
//!
//! Everything outside is behind two small traits, [`Fs`] and [`LogFile`]; errors are told apart by errno, never by text.
//! Decisions are pure functions. A forked child must open a set of its own; writes to an inherited one are refused.
//!
//! # Features
//!
//! - `sim`: `SimDisk` and `SimClock`, a disk in memory with faults by script, a capacity, crashes and power cuts, and a
//!   clock that jumps, for testing what stands on the engine. Off by default.
//! - `gzip`, `zstd`: [`Settings::compression`] of backups; whoever drives the set performs the orders
//!   ([`Engine::take_order`]). Off by default. A set with compressed backups is kept by a build without them, too.
//! - `serde`: counters, alerts and failures can be serialised. Off by default.
//!
//! Unix only.
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

/// What sister packages and tests need, and nobody else. It changes without notice.
#[doc(hidden)]
pub mod internal {
    pub use crate::effect::whole;
    pub use crate::model::{errno_class, guest, inventory, name, render, schedule, settings, slot};
    pub use crate::policy::{backoff, budget, compression, plan, relocation, retention, rotation};
}
