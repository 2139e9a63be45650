//! The shortest way to a writer with its own thread. The settings are in [`non_blocking`](mod@crate::non_blocking).

use std::io::Write;

use crate::non_blocking::{NonBlocking, WorkerGuard};

/// Puts a queue and a thread in front of `writer`, with default settings.
///
/// ```
/// let (writer, _guard) = tracing_spool_appender::non_blocking(std::io::sink());
/// let lines = tracing_subscriber::fmt().with_writer(writer).finish();
/// tracing::subscriber::with_default(lines, || tracing::info!("hello"));
/// ```
#[must_use = "dropped, the guard ends the thread"]
pub fn non_blocking<T: Write + Send + 'static>(writer: T) -> (NonBlocking, WorkerGuard) {
    NonBlocking::new(writer)
}
