//! Requests to the writer thread from outside, and their answers: from the handle, from signals, and from whatever ends the
//! process.

use std::fmt;

use crate::platform::answer::{Answer, Unanswered};
use crate::platform::inside::{is_inside, is_inside_of};
use crate::worker::control::{Control, Flushed, Once, Patience};
use crate::worker::shared::Shared;

/// Why a flush didn't get everything into the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The timeout passed first.
    TimedOut {
        /// Records that still wait in the queue.
        left: u64,
    },
    /// The log's output accepts no records. They wait in the queue until there is room, or the disk works again.
    Blocked {
        /// Records accepted before the call that still wait.
        left: u64,
    },
    /// The `Write` behind the log took everything, but its own `flush` fails.
    NotFlushed,
    /// The spool was shut down.
    Closed {
        /// Records accepted before the call that are in no file.
        left: u64,
    },
    /// The call came from the writer thread or an alert hook, and would have waited for itself.
    OnWriterThread,
    /// The call came from a forked child, which has no writer thread.
    Forked,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut { left } => write!(f, "flush timed out with {left} records waiting"),
            Self::Blocked { left } => write!(f, "the log takes no records at the moment; {left} are waiting"),
            Self::NotFlushed => f.write_str("the writer behind the log cannot flush what it was given"),
            Self::Closed { left } => write!(f, "the spool was shut down with {left} records not written"),
            Self::OnWriterThread => f.write_str("flush was called on the writer thread or in an alert hook"),
            Self::Forked => f.write_str("flush was called in a forked child, which has no writer thread"),
        }
    }
}

impl std::error::Error for FlushError {}

/// Why a request didn't reach the writer thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The spool was shut down.
    Closed,
    /// The request came from a forked child, which has no writer thread.
    Forked,
    /// The log goes to a stream or a writer, and has no files.
    NoFiles,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the spool was shut down",
            Self::Forked => "a forked child has no writer thread",
            Self::NoFiles => "the log has no files that could be rotated",
        })
    }
}

impl std::error::Error for RequestError {}

impl Shared {
    /// Requests a flush. The answer arrives separately.
    pub(crate) fn ask(&self, patience: Patience) -> Result<Answer<Flushed>, FlushError> {
        // A thread that ends the process inside a hook can wait for other outputs: nothing waits for that hook any more.
        let waits_for_itself = if patience == Patience::Waits { is_inside_of(self) } else { is_inside() };
        if waits_for_itself {
            return Err(FlushError::OnWriterThread);
        }
        if self.is_forked() {
            return Err(FlushError::Forked);
        }
        let (answer, is_first) = self.asks.enter(patience);
        let is_told = !is_first || self.send(Control::Flush);
        // Checked after the request was entered: a leaving writer thread first marks itself closed and then looks for
        // requests, so one of us sees the other.
        if !is_told || self.is_closed() {
            return Err(FlushError::Closed { left: self.waiting() });
        }
        Ok(answer)
    }

    /// Requests a new file.
    pub(crate) fn rotate(&self) -> Result<(), RequestError> {
        if !self.is_forked() && !self.described().output.target.is_files() {
            return Err(RequestError::NoFiles);
        }
        self.request_once(&self.asks.rotate, Control::Rotate)
    }

    /// Requests a check whether the live file was moved.
    pub(crate) fn reopen(&self) -> Result<(), RequestError> {
        self.request_once(&self.asks.reopen, Control::Reopen)
    }

    fn request_once(&self, once: &Once, message: Control) -> Result<(), RequestError> {
        let is_here = !self.is_forked() && !self.is_closed();
        if is_here && !once.ask() {
            return Ok(()); // a request is already in flight
        }
        self.request(message)
    }

    pub(crate) fn request(&self, message: Control) -> Result<(), RequestError> {
        if self.is_forked() {
            return Err(RequestError::Forked);
        }
        if self.is_closed() || !self.send(message) {
            return Err(RequestError::Closed);
        }
        Ok(())
    }

    /// Returns the number of queued records.
    pub(crate) fn waiting(&self) -> u64 {
        self.queue.waiting().records
    }
}

/// Turns the answer to a flush, or its absence, into a result.
pub(crate) fn understand(
    waiting: impl FnOnce() -> u64,
    answer: Result<Flushed, Unanswered>,
) -> Result<(), FlushError> {
    match answer {
        Ok(Flushed::Done) => Ok(()),
        Ok(Flushed::Blocked(left)) => Err(FlushError::Blocked { left }),
        Ok(Flushed::Unflushed) => Err(FlushError::NotFlushed),
        Ok(Flushed::Closed(left)) => Err(FlushError::Closed { left }),
        Err(Unanswered::InTime) => Err(FlushError::TimedOut { left: waiting() }),
        Err(Unanswered::Ever) => Err(FlushError::Closed { left: waiting() }),
    }
}
