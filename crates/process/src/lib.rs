//! What `tracing-spool` asks the operating system for with `unsafe`: whether this is a forked child, descriptors and mappings that
//! children must not keep, a word at `exit`, and threads that leave the program's signals alone. It knows nothing of logs.
//!
//! ```
//! use std::fs::File;
//! use tracing_spool_process::{ClosedInChildren, Process};
//!
//! let opened_by = Process::here();
//! let file = File::open("/dev/null")?;
//! let _closed = ClosedInChildren::new(&file);
//! assert!(opened_by.is_here(), "and in no child that is forked from here on");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A child that is made by the bare system call `clone`, without the C library's `fork`, is known as such on Linux, but keeps
//! descriptors and mappings: handlers of `pthread_atfork` do not run there.
#![expect(unsafe_code, reason = "what this package is for; each block argues why it is sound")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod exit;
mod fork;
mod ignored;
mod inherited;
mod lock;
mod signals;
mod system;
mod threads;

pub use exit::at_exit;
pub use fork::Process;
pub use ignored::is_ignored;
pub use inherited::{ClearedInChildren, ClosedInChildren, ForkWatch};
pub use lock::ProcessLock;
pub use signals::{without_file_size_signal, without_signals, without_stream_signals};
pub use threads::{give_way, spawn};
