//! The writer for `tracing_subscriber`: it hands each line over, and reports what became of it.

use std::sync::Arc;
use std::{fmt, io};

use tracing_core::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::counter::ErrorCounter;
use super::output::Output;

/// Hands lines to the writer thread. It is cheap to clone, and implements [`Write`](io::Write) and [`MakeWriter`]. One
/// `write` is one line.
///
/// ```
/// use tracing_spool_appender::non_blocking::NonBlocking;
/// let (writer, _guard) = NonBlocking::new(std::io::sink());
/// # drop(writer);
/// ```
#[derive(Clone)]
pub struct NonBlocking {
    output: Arc<Output>,
    level: Level,
}

impl NonBlocking {
    pub(super) fn of(output: Arc<Output>) -> Self {
        Self { output, level: Level::INFO }
    }

    /// Returns the counter of lost lines.
    ///
    /// ```
    /// let (writer, guard) = tracing_spool_appender::non_blocking(std::io::sink());
    /// let counter = writer.error_counter();
    /// drop(guard);
    /// assert_eq!(counter.dropped_lines(), 0);
    /// ```
    #[must_use]
    pub fn error_counter(&self) -> ErrorCounter {
        ErrorCounter::of(Arc::clone(&self.output))
    }
}

impl io::Write for NonBlocking {
    /// Takes the line as a whole. If lines may be lost, it always returns `Ok`.
    ///
    /// # Errors
    /// If lines may not be lost, an error says that this line won't be written: the guard is gone, or the wait could last
    /// forever, on the writer's own thread or in a forked child.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.output.take(self.level, line)?;
        Ok(line.len())
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        self.output.take(self.level, line)
    }

    /// Does nothing: the thread flushes its writer when the queue is empty.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for NonBlocking {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self {
        Self { level: *meta.level(), ..self.clone() }
    }
}

impl fmt::Debug for NonBlocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonBlocking").field("counter", &self.error_counter()).finish_non_exhaustive()
    }
}
