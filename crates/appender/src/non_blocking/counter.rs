//! The counters of lost lines and of writer errors.

use std::fmt;
use std::sync::Arc;

use super::output::Output;

/// Counts the lines that won't be written, whatever the reason. Clones show the same numbers.
///
/// ```
/// let (writer, _guard) = tracing_spool_appender::non_blocking(std::io::sink());
/// assert_eq!(writer.error_counter().dropped_lines(), 0);
/// ```
#[derive(Clone)]
pub struct ErrorCounter(Arc<Output>);

impl ErrorCounter {
    pub(super) fn of(output: Arc<Output>) -> Self {
        Self(output)
    }

    /// Returns how many lines were lost, because the queue was full, the writer refused them, the guard was gone, or its
    /// time was over.
    #[must_use]
    pub fn dropped_lines(&self) -> usize {
        self.0.dropped_lines()
    }

    /// Returns how often the writer returned an error or panicked while writing or flushing.
    #[must_use]
    pub fn writer_errors(&self) -> usize {
        self.0.writer_errors()
    }
}

impl fmt::Debug for ErrorCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ErrorCounter").field(&self.dropped_lines()).finish()
    }
}
