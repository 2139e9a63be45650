//! What is given to `tracing_subscriber`: hands each line over, and says what became of it.
//! How a line travels is `queue`'s.

use std::sync::Arc;
use std::{fmt, io};

use tracing_subscriber::fmt::MakeWriter;

use super::counter::ErrorCounter;
use super::shared::{RANK, Shared};
use crate::hand_off::draft::Draft;
use crate::hand_off::queue::Refusal;
use crate::leaving::exit;

/// The callers' end: cheap to clone, [`Write`](io::Write) and [`MakeWriter`]. One `write` is one line.
///
/// ```
/// use tracing_spool::compat::non_blocking::NonBlocking;
/// let (writer, _guard) = NonBlocking::new(std::io::sink());
/// # drop(writer);
/// ```
#[derive(Clone)]
pub struct NonBlocking {
    shared: Arc<Shared>,
    is_lossy: bool,
}

impl NonBlocking {
    pub(super) fn of(shared: Arc<Shared>, is_lossy: bool) -> Self {
        Self { shared, is_lossy }
    }

    /// The count of what was lost.
    #[must_use]
    pub fn error_counter(&self) -> ErrorCounter {
        self.shared.counter.clone()
    }

    fn hand_over(&self, line: &[u8]) -> Result<(), Refusal> {
        let queue = &self.shared.queue;
        queue.foresee(RANK)?;
        let mut draft = Draft::new(RANK);
        draft.push(line, queue.max_record());
        queue.offer(&draft)?;
        if exit::ends() {
            exit::follow(self.shared.as_ref());
        }
        Ok(())
    }
}

impl io::Write for NonBlocking {
    /// Takes the line whole. Where lines may be lost it is `Ok` always; otherwise an error says that the line will not be
    /// written: the guard is gone, or this thread could wait for ever (the writer's own, or a forked child's).
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(refusal) = if line.is_empty() { Ok(()) } else { self.hand_over(line) } {
            self.shared.counter.lost(1);
            if !self.is_lossy {
                return Err(io::Error::other(match refusal {
                    Refusal::Closed => "the thread that writes lines has ended",
                    Refusal::Full => "no room for the line, and no thread that could make some",
                }));
            }
        }
        Ok(line.len())
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        self.write(line).map(drop)
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
}

impl fmt::Debug for NonBlocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lossy, counter) = (&self.is_lossy, &self.shared.counter);
        f.debug_struct("NonBlocking").field("lossy", lossy).field("counter", counter).finish_non_exhaustive()
    }
}
