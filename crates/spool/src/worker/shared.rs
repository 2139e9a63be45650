//! What callers, the writer thread, the guard and handles share: the queue, the books, the last picture of the file set,
//! and the channel to the writer thread.

use std::path::PathBuf;
use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

use crossbeam_channel::Sender;
use crossbeam_utils::CachePadded;
use tracing_spool_fileset::{Alert, BlockReason, Counters, Edge, Event, Moments};

use crate::account::ledger::{Ledger, Reason};
use crate::account::peaks::Peaks;
use crate::account::rank::Rank;
use crate::account::recovered::Recovered;
use crate::account::stats::{Condition, Health, Stats};
use crate::hand_off::draft::Draft;
use crate::hand_off::queue::{Queue, Refusal};
use crate::platform::inside::{Inside, is_inside};
use crate::platform::sync::{AtomicBool, AtomicU8, AtomicU64, Mutex, MutexGuard, Ordering};
use crate::settings::description::Description;
use crate::sink::State;
use crate::worker::control::{Asks, Control};
use crate::worker::fork_notice::{self, Told};
use crate::worker::hooks::AlertSink;
use crate::worker::late::{Late, Report};

/// The writer thread's last report on the file set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Picture {
    pub(crate) files: Counters,
    pub(crate) moments: Moments,
    pub(crate) live_bytes: u64,
    pub(crate) total_bytes: u64,
    pub(crate) max_total_bytes: u64,
    pub(crate) health: Health,
}

/// Everything that outlives the writer thread.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) ledger: Ledger,
    pub(crate) sink: AlertSink,
    pub(crate) late: Late,
    /// The path of the live file, or the name of the output.
    pub(crate) path: PathBuf,
    pub(crate) shutdown_timeout: Duration,
    /// The linger in nanoseconds. It can change while the log is open.
    linger: AtomicU64,
    /// On cache lines of their own, because they are raised every round.
    pub(crate) peaks: CachePadded<Peaks>,
    /// The current description, including later changes.
    described: Mutex<Description>,
    /// What was recovered from a process that died.
    pub(crate) recovered: Recovered,
    /// Set when the guard has stopped waiting: the writer thread begins nothing new.
    pub(crate) abandoned: AtomicBool,
    control: Sender<Control>,
    /// Flushes that the writer thread must see.
    pub(crate) asks: Asks,
    /// Why the file set takes no records, as a code. It is the reason for what callers drop meanwhile.
    block: AtomicU8,
    /// On cache lines of its own, because it is locked every round and callers read the fields around it: they would suffer
    /// false sharing.
    picture: CachePadded<Mutex<Picture>>,
    said: Said,
}

/// What became of a record that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandedOver {
    /// It waits in the queue.
    Waits,
    /// Its caller wrote it, after the shutdown.
    Late,
}

const NOT_BLOCKED: u8 = 0;
const BY_BUDGET: u8 = 1;
const BY_DISK: u8 = 2;
const BY_OUTPUT: u8 = 3;

/// What is reported only once.
#[derive(Debug, Default)]
struct Said {
    late: AtomicBool,
    forked: Told,
}

/// What a [`Shared`] is made of.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) queue: Queue,
    pub(crate) described: Description,
    pub(crate) sink: AlertSink,
    pub(crate) late: Late,
    pub(crate) path: PathBuf,
    pub(crate) control: Sender<Control>,
    pub(crate) recovered: Recovered,
}

impl Shared {
    pub(crate) fn new(frame: Frame) -> Self {
        Self {
            queue: frame.queue,
            ledger: Ledger::default(),
            sink: frame.sink,
            late: frame.late,
            path: frame.path,
            shutdown_timeout: frame.described.shutdown_timeout,
            linger: AtomicU64::new(nanos(frame.described.linger)),
            peaks: CachePadded::default(),
            described: Mutex::new(frame.described),
            abandoned: AtomicBool::new(false),
            control: frame.control,
            asks: Asks::default(),
            recovered: frame.recovered,
            block: AtomicU8::new(NOT_BLOCKED),
            picture: CachePadded::default(),
            said: Said::default(),
        }
    }

    /// Returns whether a record of `rank` is worth formatting: it isn't if it would be dropped as things stand. A caller
    /// that is refused counts the record with [`refuse`](Self::refuse) and doesn't submit it.
    pub(crate) fn foresee(&self, rank: Rank) -> Result<(), Refusal> {
        match self.queue.foresee(rank) {
            Err(Refusal::Closed) if self.late.is_wanted() => Ok(()),
            other => other,
        }
    }

    /// Hands a record over. A refused one is counted, or written late. In a forked child the ring refuses everything.
    pub(crate) fn submit(&self, draft: &Draft) -> Result<HandedOver, Reason> {
        match self.queue.offer(draft) {
            Ok(()) => Ok(HandedOver::Waits),
            Err(refusal) => self.refused(draft, refusal),
        }
    }

    #[cold]
    fn refused(&self, draft: &Draft, refusal: Refusal) -> Result<HandedOver, Reason> {
        // In a hook, this thread may already hold the desk of late records.
        if refusal == Refusal::Closed && self.late.is_wanted() && !is_inside() {
            let _inside = Inside::of(self);
            if self.late.write(draft, &|report| self.book(report)) {
                return Ok(HandedOver::Late);
            }
        }
        Err(self.refuse(draft.rank, refusal))
    }

    /// Books what became of late records.
    fn book(&self, report: Report) {
        if let Some(finished) = report.finished {
            match finished {
                Ok(()) => self.ledger.wrote(1),
                Err(rank) => self.ledger.drop_one(Reason::DiskError, rank),
            }
            self.queue.release_late();
        }
        if report.is_cut {
            self.ledger.cut_one();
        }
        if report.is_written {
            self.ledger.wrote(1);
        }
        if report.is_begun {
            self.queue.hold_late();
        }
        if report.panics {
            self.ledger.panicked(1);
        }
        report.events.into_iter().for_each(|event| self.hear(event));
    }

    /// Counts a refused record, and returns the reason.
    #[cold]
    pub(crate) fn refuse(&self, rank: Rank, refusal: Refusal) -> Reason {
        if self.is_forked() {
            return self.lose(rank);
        }
        let reason = match refusal {
            Refusal::Closed => Reason::Closed,
            Refusal::Full => self.block_reason().unwrap_or(Reason::QueueFull),
        };
        self.ledger.drop_one(reason, rank);
        self.queue.note_loss(reason, rank, 1);
        if reason == Reason::Closed && !self.said.late.swap(true, Ordering::Relaxed) {
            self.sink.print(&format_args!(
                "{}: records come after the guard was dropped; they are counted, not written (keep the guard alive \
                 until the end of main)",
                self.path.display()
            ));
        }
        reason
    }

    /// Counts a record of a forked child as lost, in the child alone.
    #[cold]
    fn lose(&self, rank: Rank) -> Reason {
        self.queue.shut();
        self.ledger.drop_one(Reason::Forked, rank);
        if self.said.forked.is_due() {
            self.sink.print(&fork_notice::words(&self.path));
        }
        Reason::Forked
    }

    /// Returns whether this is a forked child, which has the memory but not the threads.
    pub(crate) fn is_forked(&self) -> bool {
        self.queue.is_forked()
    }

    /// Returns the reason for a record that is lost while the file set is blocked.
    pub(crate) fn block_reason(&self) -> Option<Reason> {
        match self.block.load(Ordering::Relaxed) {
            BY_BUDGET => Some(Reason::DiskBudget),
            BY_DISK => Some(Reason::DiskError),
            BY_OUTPUT => Some(Reason::Output),
            _ => None,
        }
    }

    /// Passes an alert on. A hook that panics is counted.
    pub(crate) fn alert(&self, alert: &Alert) {
        if alert.edge == Edge::Raised {
            self.publish(|picture| picture.health.last_alert = Some(alert.clone()));
        }
        if self.sink.say(alert) {
            self.ledger.panicked(1);
        }
    }

    /// Passes on an event of the engine, except for what belongs in the log.
    pub(crate) fn hear(&self, event: Event) {
        if self.is_forked() {
            return; // the previous event's hook has forked: a child must not wait for its parent's locks
        }
        match event {
            Event::Alert(alert) => self.alert(&alert),
            Event::AlertFileFailed(failure) => {
                self.sink.print(&format_args!("the alert file cannot be written: {failure}"));
            }
            Event::Rotated(rotated) if self.sink.rotated(&rotated) => self.ledger.panicked(1),
            _ => {}
        }
    }

    /// Runs the hook at the start of one of our threads. Returns false if the hook has forked and this is the child, where
    /// the thread must do nothing and drop nothing.
    #[must_use]
    pub(crate) fn thread_starts(&self) -> bool {
        if self.sink.thread_starts() {
            self.ledger.panicked(1);
        }
        !self.is_forked()
    }

    /// Publishes the writer thread's view. `change` runs under the lock, and must only copy.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut Picture)) {
        change(&mut self.picture.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn publish_state(&self, state: State) {
        let code = match state {
            State::Blocked(BlockReason::Budget) => BY_BUDGET,
            State::Blocked(_) => BY_DISK,
            State::Failing => BY_OUTPUT,
            _ => NOT_BLOCKED,
        };
        // A store that changes nothing would still invalidate the callers' cache line.
        if self.block.load(Ordering::Relaxed) != code {
            self.block.store(code, Ordering::Relaxed);
        }
    }

    pub(crate) fn linger(&self) -> Duration {
        Duration::from_nanos(self.linger.load(Ordering::Relaxed))
    }

    pub(crate) fn set_linger(&self, linger: Duration) {
        self.linger.store(nanos(linger), Ordering::Relaxed);
    }

    /// Sends the writer thread a message. Returns false if it has left.
    pub(crate) fn send(&self, message: Control) -> bool {
        let sent = self.control.send(message).is_ok();
        self.queue.wake.call();
        sent
    }

    pub(crate) fn stats(&self) -> Stats {
        // Three counters can't be read at one moment. A record moves from the queue to one of the others, so if neither
        // changed while the queue was read, the three are consistent. After a few attempts the latest reading must do.
        const ATTEMPTS: usize = 8;
        let mut stats = Stats::default();
        for _ in 0..ATTEMPTS {
            let settled = (self.ledger.written(), self.ledger.dropped());
            let waiting = self.queue.waiting();
            stats.queue.records = waiting.records;
            stats.queue.bytes = waiting.bytes;
            (stats.written, stats.dropped) = settled;
            if settled == (self.ledger.written(), self.ledger.dropped()) {
                break;
            }
        }
        stats.offered = stats.written + stats.dropped.total() + stats.queue.records;
        (stats.queue.peak_records, stats.queue.peak_bytes) =
            self.peaks.with(stats.queue.records, stats.queue.bytes);
        (stats.queue.max_records, stats.queue.max_bytes) =
            (self.queue.bounds().records, self.queue.bounds().bytes);
        stats.cut = self.ledger.cut();
        stats.panics = self.ledger.panics();
        stats.stderr_lines_skipped = self.sink.skipped();
        if let Some(picture) = self.picture() {
            stats.files = picture.files;
            stats.sizes.live_bytes = picture.live_bytes;
            stats.sizes.total_bytes = picture.total_bytes;
            stats.sizes.max_total_bytes = picture.max_total_bytes;
            stats.last_write = picture.moments.last_write;
            stats.last_rotation = picture.moments.last_rotation;
        }
        stats
    }

    pub(crate) fn health(&self) -> Health {
        let mut health = self.picture().map(|picture| picture.health.clone()).unwrap_or_default();
        health.slow_hook = self.sink.slow_hook();
        if self.is_forked() {
            health.condition = Condition::Forked;
        }
        health
    }

    pub(crate) fn described(&self) -> MutexGuard<'_, Description> {
        self.described.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the writer thread has left.
    pub(crate) fn is_closed(&self) -> bool {
        self.picture().is_some_and(|picture| picture.health.condition == Condition::Closed)
    }

    /// Locks the picture. Returns none in a forked child if the parent was holding the lock at the fork: there it stays
    /// locked forever.
    fn picture(&self) -> Option<MutexGuard<'_, Picture>> {
        match self.picture.try_lock() {
            Ok(picture) => Some(picture),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if self.is_forked() => None,
            Err(TryLockError::WouldBlock) => {
                Some(self.picture.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
