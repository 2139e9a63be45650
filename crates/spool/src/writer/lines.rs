//! The spool as an `io::Write` for other sources of lines: another logger, a child's pipe.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;

use tracing_core::Level;

use crate::account::rank::Rank;
use crate::writer::event_writer::Spool;
use crate::writer::record::Record;

/// Turns each line written to it into a record, all of one level. [`Spool::lines`] returns it.
///
/// A line ends with its newline, however its bytes arrive. An unfinished line is kept until its newline comes, or until
/// [`flush`](io::Write::flush) or the drop, which both end it. Like an [`EventWriter`](crate::EventWriter), it never fails,
/// and never waits for the disk; records that the queue refuses are counted.
pub struct Lines {
    spool: Spool,
    record: Record,
}

impl Spool {
    /// Returns a writer that turns each line into a record at `level`: for `fern`, for `env_logger`, for the output of a
    /// child process.
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

    /// Ends the current line. It doesn't wait for the file; [`SpoolHandle::flush`](crate::SpoolHandle::flush) does.
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
