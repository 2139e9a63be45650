//! The builder of a writer with its own thread.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tracing_spool::{OpenError, Overflow, Spool, SpoolBuilder, SpoolGuard, internal};

use super::guard::WorkerGuard;
use super::kind::Kind;
use super::output::{Output, PATIENCE};
use super::writer::NonBlocking;

/// How many lines may wait in the queue, unless [`buffered_lines_limit`](NonBlockingBuilder::buffered_lines_limit) sets
/// another number: 128,000.
pub const DEFAULT_BUFFERED_LINES_LIMIT: usize = 128_000;

const THREAD_NAME: &str = "tracing-appender";
/// Bytes that may wait for each line that may.
const BYTES_PER_LINE: u64 = 512;
/// The least bound of the queue; a longer line is cut. This only reserves address space: memory is used as lines come.
const LEAST_BYTES: u64 = 64 << 20;
/// The bound of the queue if the system doesn't give that much address space.
const FEW_BYTES: u64 = 1 << 16;
const LONGEST_LINE: u64 = 1 << 30;
/// How long a line to a file may wait for others.
const LINGER: Duration = Duration::from_millis(10);

/// Builds a [`NonBlocking`]. Every setting has a default.
///
/// ```
/// use tracing_spool_appender::non_blocking::NonBlockingBuilder;
/// let (writer, _guard) = NonBlockingBuilder::default().lossy(false).finish(std::io::sink());
/// # drop(writer);
/// ```
#[derive(Debug)]
#[must_use = "it starts with `finish`"]
pub struct NonBlockingBuilder {
    lines: usize,
    is_lossy: bool,
    thread_name: String,
}

impl NonBlocking {
    /// Puts a queue and a thread in front of `writer`, with default settings.
    ///
    /// ```
    /// use tracing_spool_appender::non_blocking::NonBlocking;
    /// let (writer, _guard) = NonBlocking::new(std::io::sink());
    /// # drop(writer);
    /// ```
    #[must_use = "dropped, the guard ends the thread"]
    pub fn new<T: Write + Send + 'static>(writer: T) -> (Self, WorkerGuard) {
        NonBlockingBuilder::default().finish(writer)
    }
}

impl NonBlockingBuilder {
    /// Sets how many lines may wait in the queue, besides the one being written: from 1 to about two million.
    ///
    /// Their bytes are bounded too: 512 for each line, but at least 64 MiB in total. A line longer than that is cut, and
    /// says so.
    ///
    /// Default: 128,000.
    pub fn buffered_lines_limit(mut self, buffered_lines_limit: usize) -> Self {
        self.lines = buffered_lines_limit;
        self
    }

    /// Sets what happens to a line that finds the queue full: with `true` it is dropped and counted, with `false` the
    /// caller waits for room.
    ///
    /// Default: true.
    pub fn lossy(mut self, is_lossy: bool) -> Self {
        self.is_lossy = is_lossy;
        self
    }

    /// Sets the name of the thread. NUL characters are removed.
    ///
    /// Default: `tracing-appender`.
    pub fn thread_name(mut self, name: &str) -> Self {
        self.thread_name = name.replace('\0', "");
        self
    }

    /// Starts the thread, which writes to `writer`, and drops it at the end.
    ///
    /// Each line is one [`write`](Write::write), or many lines are one [`write_vectored`](Write::write_vectored) if the
    /// writer implements it. After the lines that were queued, the thread calls [`flush`](Write::flush). It writes to
    /// [`std::io::Stdout`] and [`std::io::Stderr`] past their locks, so a reader that stops reading holds up no `println!`.
    ///
    /// If the thread can't be started, every line is counted as dropped.
    pub fn finish<T: Write + Send + 'static>(self, writer: T) -> (NonBlocking, WorkerGuard) {
        let (log, guard) = match self.open(writer) {
            Ok((log, guard)) => (Some(log), Some(guard)),
            Err(error) => {
                internal::say(&error);
                (None, None)
            }
        };
        let output = Arc::new(Output::new(log, self.is_lossy));
        (NonBlocking::of(Arc::clone(&output)), WorkerGuard::new(output, guard))
    }

    fn open<T: Write + Send + 'static>(&self, writer: T) -> Result<(Spool, SpoolGuard), OpenError> {
        let described = self.describe(writer);
        let lines = u64::try_from(self.lines).unwrap_or(u64::MAX).clamp(1, internal::MOST_RECORDS - 1);
        let most = lines.saturating_mul(BYTES_PER_LINE).clamp(LEAST_BYTES, internal::MOST_BYTES);
        let bounded = |bytes: u64| {
            let bounded = described.clone().queue_records(lines + 1).queue_bytes(bytes);
            bounded.max_record_bytes(bytes.min(LONGEST_LINE)).open()
        };
        let mut opened = bounded(most);
        for bytes in [LEAST_BYTES, FEW_BYTES] {
            if matches!(opened, Err(OpenError::Memory(_))) {
                opened = bounded(bytes);
            }
        }
        opened
    }

    fn describe<T: Write + Send + 'static>(&self, writer: T) -> SpoolBuilder {
        let kind = Kind::of(&writer);
        let name = if self.thread_name.is_empty() { THREAD_NAME } else { &self.thread_name };
        let builder = match kind {
            Kind::Stdout => Spool::stdout(),
            Kind::Stderr => Spool::stderr(),
            Kind::File | Kind::Other => Spool::writer(writer),
        };
        builder
            .verbatim(name)
            .thread_name(name)
            .overflow(if self.is_lossy { Overflow::DropNewest } else { Overflow::Block })
            .linger(if kind == Kind::File { LINGER } else { Duration::ZERO })
            .notices(tracing_spool::Notices::Off)
            .shutdown_timeout(PATIENCE)
    }
}

impl Default for NonBlockingBuilder {
    fn default() -> Self {
        Self { lines: DEFAULT_BUFFERED_LINES_LIMIT, is_lossy: true, thread_name: THREAD_NAME.to_owned() }
    }
}
