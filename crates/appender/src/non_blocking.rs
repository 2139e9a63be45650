//! A queue and a thread in front of any [`Write`](std::io::Write): callers hand over lines, and the thread writes them.
//!
//! ```
//! use tracing_spool_appender::non_blocking::NonBlockingBuilder;
//!
//! let (writer, guard) = NonBlockingBuilder::default()
//!     .buffered_lines_limit(10_000)
//!     .lossy(false) // callers wait for room instead of losing lines
//!     .thread_name("log")
//!     .finish(std::io::sink());
//! let counter = writer.error_counter();
//! let lines = tracing_subscriber::fmt().with_writer(writer).finish();
//! tracing::subscriber::with_default(lines, || tracing::info!("hello"));
//! drop(guard); // writes what is still queued
//! assert_eq!((counter.dropped_lines(), counter.writer_errors()), (0, 0));
//! ```

mod builder;
mod counter;
mod guard;
mod kind;
mod output;
#[cfg(test)]
mod tests;
mod writer;

pub use builder::{DEFAULT_BUFFERED_LINES_LIMIT, NonBlockingBuilder};
pub use counter::ErrorCounter;
pub use guard::WorkerGuard;
pub use writer::NonBlocking;
