//! What is given to `tracing_subscriber`: hands each line over, and says what became of it.

use std::sync::Arc;
use std::{fmt, io};

use tracing_core::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::counter::ErrorCounter;
use super::output::Output;

/// The callers' end: cheap to clone, [`Write`](io::Write) and [`MakeWriter`]. One `write` is one line.
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

    /// Returns the count of what was lost.
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
    /// Takes the line whole. Where lines may be lost it is `Ok` always; otherwise an error says that the line will not be
    /// written: the guard is gone, or this thread could wait for ever (the writer's own, or a forked child's).
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.output.take(self.level, line)?;
        Ok(line.len())
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        self.output.take(self.level, line)
    }

    /// Nothing: the thread flushes its writer when nothing waits any more.
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
