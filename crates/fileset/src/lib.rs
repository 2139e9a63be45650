//! A rotating, bounded, self-healing set of log files: the engine of `tracing-spool`, usable alone.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(unix))]
compile_error!("tracing-spool-fileset needs a Unix file system: rename, flock, O_NOFOLLOW and statvfs");

pub mod effect;
pub mod file_set;
pub mod model;
pub mod policy;
#[cfg(feature = "sim")]
#[cfg_attr(docsrs, doc(cfg(feature = "sim")))]
pub mod sim;

pub use effect::clock::{Clock, SystemClock};
pub use effect::disk::Disk;
pub use effect::fs::{Fs, LogFile};
pub use file_set::{CloseReport, Counters, FileSet, State};
pub use model::alert::{Alert, Edge, Event, Trouble};
pub use model::batch::Batch;
pub use model::error::{Failure, Fault, Holder, Op, OpenError, OsError};
pub use model::render::{Rendered, Rules};
pub use model::settings::{Allow, Settings, Sync};
pub use model::time::{Mono, Now, Wall};
