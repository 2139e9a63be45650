//! What callers, the guard and the thread share: the queue, the counter, and how far the end has come.
//! It writes nothing.

use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing_spool_ring::{LEVELS, Limits, MOST_BYTES, Reader, Ring};

use crate::account::rank::Rank;
use crate::hand_off::inbox::Inbox;
use crate::hand_off::queue::{Bounds, Queue};
use crate::leaving::outputs::Output;
use crate::platform::answer::Answer;
use crate::platform::inside::{is_inside, is_inside_of};
use crate::platform::sync::{AtomicBool, Ordering};
use crate::settings::overflow::Overflow;
use crate::worker::control::{Asks, Flushed, Patience};
use crate::worker::requests::FlushError;

use super::counter::ErrorCounter;

/// Bytes that may wait, for each line that may.
const BYTES_PER_LINE: u64 = 512;
/// A longer line does not fit, and is cut. It is no more than a claim on addresses: memory is used as lines come.
const LEAST_BYTES: u64 = 64 << 20;

/// How long the end may take, that of the guard and that of the process.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The rank of all lines: none is shed before another, and none wakes the thread for its own sake.
pub(super) const RANK: Rank = Rank::Info;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) counter: ErrorCounter,
    /// Flushes that the thread has not heard of yet.
    pub(super) asks: Asks,
    /// The thread's.
    name: String,
    /// The thread has ended, or was never there.
    has_ended: AtomicBool,
    /// The guard is being dropped: what waits is written, then the thread ends.
    is_stopping: AtomicBool,
    /// The guard's time is over: the thread begins nothing new.
    is_abandoned: AtomicBool,
}

/// A ring, with a smaller bound where the system does not give so many addresses. Where it gives none at all, the program has
/// no memory.
fn ring(limits: Limits) -> (Arc<Ring>, Reader) {
    let bounds = [limits.bytes, LEAST_BYTES.min(limits.bytes), 1 << 16];
    let at = |bytes| Limits { bytes, records: limits.records, shares: limits.shares };
    let ring = bounds.into_iter().find_map(|bytes| Ring::in_memory(at(bytes)).ok());
    ring.unwrap_or_else(|| handle_alloc_error(Layout::new::<[u8; 1 << 16]>()))
}

impl Shared {
    pub(super) fn new(name: String, lines: usize, is_lossy: bool) -> (Self, Inbox) {
        let lines = u64::try_from(lines).unwrap_or(u64::MAX).max(1);
        let bounds = Bounds {
            bytes: lines.saturating_mul(BYTES_PER_LINE).clamp(LEAST_BYTES, MOST_BYTES),
            records: lines,
            max_record: usize::MAX,
            is_flat: true,
            overflow: if is_lossy { Overflow::DropNewest } else { Overflow::Block },
        };
        // One rank, which may fill all of it.
        let (ring, reader) = ring(Limits { shares: [100; LEVELS], ..bounds.limits() });
        let shared = Self {
            queue: Queue::new(bounds, ring),
            counter: ErrorCounter::default(),
            asks: Asks::default(),
            name,
            has_ended: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
        };
        (shared, Inbox::new(reader))
    }

    /// Lets the thread end when nothing waits any more. Nothing is let in from now on.
    pub(super) fn stop(&self) {
        self.queue.close();
        self.is_stopping.store(true, Ordering::SeqCst);
        self.queue.wake.call();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Lets the thread end after the write that it is in. What waits now is lost.
    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::SeqCst);
        self.counter.lost(self.queue.waiting().records);
    }

    /// For the thread as it ends, before it looks for those that ask.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::SeqCst)
    }
}

impl Output for Shared {
    fn is_open(&self) -> bool {
        !self.is_abandoned() && !self.has_ended.load(Ordering::SeqCst)
    }

    fn ask(&self, patience: Patience) -> Result<Answer<Flushed>, FlushError> {
        // As for a spool.
        let waits_for_itself = if patience == Patience::Waits { is_inside_of(self) } else { is_inside() };
        if waits_for_itself {
            return Err(FlushError::OnWriterThread);
        }
        if self.queue.is_forked() {
            return Err(FlushError::Forked);
        }
        let (answer, is_first) = self.asks.enter(patience);
        if is_first {
            self.queue.wake.call();
        }
        // After it was entered: a thread that ends says so first, and looks for it afterwards.
        if self.is_open() { Ok(answer) } else { Err(FlushError::Closed { left: self.waiting() }) }
    }

    fn waiting(&self) -> u64 {
        self.queue.waiting().records
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn name(&self) -> PathBuf {
        PathBuf::from(&self.name)
    }

    /// It says nothing on stderr: tracing-appender's counter is where its losses are told.
    fn print(&self, _: &dyn fmt::Display) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_lines_fit_as_were_asked_for() {
        for lines in [1, 2, 7, 19, 20, 21, 1_000] {
            let (shared, _inbox) = Shared::new(String::new(), lines, true);
            let mut draft = crate::hand_off::draft::Draft::new(RANK);
            draft.push(b"x", usize::MAX);
            let taken = std::iter::from_fn(|| shared.queue.offer(&draft).ok()).count();
            assert_eq!(taken, lines);
        }
        let (shared, _inbox) = Shared::new(String::new(), 0, true);
        assert_eq!(shared.queue.foresee(RANK), Ok(()), "no line at all would be no log");
    }
}
