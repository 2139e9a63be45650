//! What was lost, and how often the writer failed. It does not decide what is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the lines that will not be written, whatever the reason; clones show the same numbers.
///
/// ```
/// let (writer, _guard) = tracing_spool::compat::non_blocking(std::io::sink());
/// assert_eq!(writer.error_counter().dropped_lines(), 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ErrorCounter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    lines: AtomicUsize,
    errors: AtomicUsize,
}

impl ErrorCounter {
    /// Lines that were lost: the queue was full, the writer refused them, the guard was gone, or its time was over.
    #[must_use]
    pub fn dropped_lines(&self) -> usize {
        self.0.lines.load(Ordering::Acquire)
    }

    /// How often the writer said an error, or panicked, when it was to write or to flush; and what
    /// [`RollingFileAppender::failures`](crate::compat::rolling::RollingFileAppender::failures) counts, if it is one.
    #[must_use]
    pub fn writer_errors(&self) -> usize {
        self.0.errors.load(Ordering::Acquire)
    }

    pub(super) fn lost(&self, lines: u64) {
        add(&self.0.lines, lines);
    }

    pub(super) fn failed(&self, times: u64) {
        add(&self.0.errors, times);
    }
}

/// A count that has come to its end stays there.
fn add(count: &AtomicUsize, more: u64) {
    let more = usize::try_from(more).unwrap_or(usize::MAX);
    let _ = count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| Some(now.saturating_add(more)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stay_at_their_end() {
        let counter = ErrorCounter::default();
        counter.lost(u64::MAX);
        counter.clone().lost(1);
        counter.failed(1);
        assert_eq!((counter.dropped_lines(), counter.writer_errors()), (usize::MAX, 1));
    }
}
