//! The public names of tracing-appender 0.2.5: one line of `Cargo.toml` replaces it, and no source changes.
//!
//! ```toml
//! tracing-appender = { package = "tracing-spool-appender", version = "0.1" }
//! ```
//!
//! What [`rolling`] adds: a size limit, a disk budget, local time, file modes, and errors that name the path.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(unix))]
compile_error!("tracing-spool-appender needs a Unix file system: symbolic links and file modes");

pub mod rolling;
