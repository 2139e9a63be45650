//! Process-level building blocks for libraries that open files and start threads: fork detection, descriptors
//! and mappings that forked children must not keep, exit hooks, fork-safe locks, and threads that leave the
//! program's signals alone.
//!
//! The crate holds the `unsafe` system calls that [`tracing-spool`](https://docs.rs/tracing-spool) needs; it
//! knows nothing about logging.
//!
//! ```
//! use std::fs::File;
//! use tracing_spool_process::{ClosedInChildren, Process};
//!
//! let opened_by = Process::here();
//! let file = File::open("/dev/null")?;
//! let _closed = ClosedInChildren::new(&file);
//! assert!(opened_by.is_here()); // false in every child forked from here on
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Limitations
//!
//! A child made by the raw `clone` system call, bypassing the C library's `fork`, doesn't run
//! `pthread_atfork` handlers. On Linux [`Process`] still detects such a child, but the child keeps its
//! inherited descriptors and mappings.
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

/// Runs the README's example as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
