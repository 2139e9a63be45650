//! The spool as an `io::Write` of one's own, for what speaks lines: another logger, a child's pipe.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;

use tracing_core::Level;

use crate::account::rank::Rank;
use crate::writer::event_writer::Spool;
use crate::writer::record::Record;

/// Makes a record of each line that is written to it, all of one level. Made by [`Spool::lines`].
///
/// A line ends with its newline, however its bytes come. What follows the last newline is held until its end comes, or until
/// [`flush`](io::Write::flush) or the drop, which end it. As with an [`EventWriter`](crate::EventWriter), writing never fails
/// and never waits for the disk; what the queue refuses is counted.
pub struct Lines {
    spool: Spool,
    record: Record,
}

impl Spool {
    /// Returns a writer that makes a record of each line, at `level`: for `fern`, for `env_logger`, for a child's output.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use std::process::{Command, Stdio};
    /// use tracing_core::Level;
    ///
    /// let (spool, guard) = tracing_spool::Spool::builder(&path).open()?;
    /// let mut child = Command::new("sh").args(["-c", "echo one; echo two"]).stdout(Stdio::piped()).spawn()?;
    /// if let Some(mut output) = child.stdout.take() {
    ///     std::io::copy(&mut output, &mut spool.lines(Level::INFO))?;
    /// }
    /// child.wait()?;
    /// assert_eq!(guard.shutdown(std::time::Duration::from_secs(5)).written, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn lines(&self, level: Level) -> Lines {
        Lines { spool: self.clone(), record: Record::new(Rank::of(level)) }
    }
}

impl Lines {
    fn end(&mut self) {
        self.record.finish(self.spool.shared());
        self.record = Record::new(self.record.rank());
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.record.push(piece, self.spool.shared());
            if piece.ends_with(b"\n") {
                self.end();
            }
        }
        Ok(bytes.len())
    }

    /// Ends the line that was begun. It does not wait for the file: see [`SpoolHandle::flush`](crate::SpoolHandle::flush).
    fn flush(&mut self) -> io::Result<()> {
        self.end();
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.record.finish(self.spool.shared());
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("level", &self.record.rank().name()).finish_non_exhaustive()
    }
}
