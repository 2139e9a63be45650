//! The description of a writer with a thread of its own, and its start.
//! What it does once started is in the files beside this one.

use std::io::Write;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};

use super::guard::WorkerGuard;
use super::shared::Shared;
use super::worker::{Worker, start};
use super::writer::NonBlocking;
use crate::leaving::exit;
use crate::leaving::outputs;
use crate::platform::sync::thread::JoinHandle;

/// Starts the thread.
pub(super) type Start<T> = fn(String, Worker<T>, Sender<()>) -> Option<JoinHandle<()>>;

/// Lines that may wait, unless [`buffered_lines_limit`](NonBlockingBuilder::buffered_lines_limit) says otherwise.
pub const DEFAULT_BUFFERED_LINES_LIMIT: usize = 128_000;

/// Describes a [`NonBlocking`]. Everything has a default.
///
/// ```
/// use tracing_spool::compat::non_blocking::NonBlockingBuilder;
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
    /// Puts a queue and a thread in front of `writer`, with the default settings.
    #[must_use = "dropped, the guard ends the thread"]
    pub fn new<T: Write + Send + 'static>(writer: T) -> (Self, WorkerGuard) {
        NonBlockingBuilder::default().finish(writer)
    }
}

impl NonBlockingBuilder {
    /// Lines that may wait (128,000), the one being written among them; one at least, about two million at the most.
    /// Their bytes are bounded too: 512 for each line, at least 64 MiB. A longer line is cut.
    pub fn buffered_lines_limit(mut self, buffered_lines_limit: usize) -> Self {
        self.lines = buffered_lines_limit;
        self
    }

    /// Whether a line that finds no room is dropped and counted (it is), or its caller waits for room.
    pub fn lossy(mut self, is_lossy: bool) -> Self {
        self.is_lossy = is_lossy;
        self
    }

    /// The name of the thread (`tracing-appender`). NUL characters are left out.
    pub fn thread_name(mut self, name: &str) -> Self {
        self.thread_name = name.replace('\0', "");
        self
    }

    /// Starts the thread, which writes to `writer` and drops it at the end.
    ///
    /// Each line is one [`write_all`](Write::write_all); after those that waited comes a [`flush`](Write::flush). If the thread
    /// cannot be started, each line is counted as dropped.
    pub fn finish<T: Write + Send + 'static>(self, writer: T) -> (NonBlocking, WorkerGuard) {
        self.finish_by(writer, start)
    }

    pub(super) fn finish_by<T: Write + Send + 'static>(
        self,
        writer: T,
        start: Start<T>,
    ) -> (NonBlocking, WorkerGuard) {
        let (shared, inbox) = Shared::new(self.thread_name.clone(), self.lines, self.is_lossy);
        let (shared, (done, answer)) = (Arc::new(shared), bounded(1));
        let worker = Worker::new(Arc::clone(&shared), inbox, writer);
        let thread = start(self.thread_name, worker, done);
        match &thread {
            Some(thread) => {
                shared.queue.wake.belongs_to(thread.thread().clone());
                outputs::enter(&shared);
                exit::opened();
            }
            None => {
                shared.queue.close();
                shared.end();
                shared.counter.failed(1);
            }
        }
        let guard = WorkerGuard::new(Arc::clone(&shared), thread, answer);
        (NonBlocking::of(shared, self.is_lossy), guard)
    }
}

impl Default for NonBlockingBuilder {
    fn default() -> Self {
        let thread_name = "tracing-appender".to_owned();
        Self { lines: DEFAULT_BUFFERED_LINES_LIMIT, is_lossy: true, thread_name }
    }
}
