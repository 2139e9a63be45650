//! What callers, the writer thread, the guard and handles share: the queue, the books, the last picture of the file
//! set, and the way to send the writer thread a message.

use std::path::PathBuf;
use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

use crossbeam_channel::Sender;
use crossbeam_utils::CachePadded;
use tracing_spool_fileset::{Alert, BlockReason, Counters, Edge, Event, Moments, State};

use crate::alerts::AlertSink;
use crate::at_exit;
use crate::builder::SpoolBuilder;
use crate::control::{Asks, Control};
use crate::draft::Draft;
use crate::forked;
use crate::late::Late;
use crate::ledger::{Ledger, Reason};
use crate::peaks::Peaks;
use crate::queue::{Bounds, Queue, Refusal};
use crate::rank::Rank;
use crate::recovered::Recovered;
use crate::stats::{Condition, Health, Stats};
use crate::sync::{AtomicBool, AtomicU8, AtomicU64, Mutex, MutexGuard, Ordering};

/// The writer thread's last word on the file set.
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
    pub(crate) path: PathBuf,
    pub(crate) shutdown_timeout: Duration,
    /// How long a record may wait for company, in nanoseconds: it can change.
    linger: AtomicU64,
    /// On lines of their own too, being raised at every round.
    pub(crate) peaks: CachePadded<Peaks>,
    bounds: Bounds,
    /// As it was opened, and changed since.
    described: Mutex<SpoolBuilder>,
    /// What was saved of a process that died.
    pub(crate) recovered: Recovered,
    /// The guard's patience is over: the writer thread begins nothing new.
    pub(crate) abandoned: AtomicBool,
    control: Sender<Control>,
    /// Flushes that the writer thread is to hear of.
    pub(crate) asks: Asks,
    /// Why the file set takes no records, as a code; the reason for what callers drop meanwhile.
    block: AtomicU8,
    /// On lines of its own, as it is locked at every round: the fields around it are read by callers.
    picture: CachePadded<Mutex<Picture>>,
    late_said: AtomicBool,
    pub(crate) told: forked::Told,
}

const NOT_BLOCKED: u8 = 0;
const BY_BUDGET: u8 = 1;
const BY_DISK: u8 = 2;

/// What a [`Shared`] is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) queue: Queue,
    pub(crate) bounds: Bounds,
    pub(crate) described: SpoolBuilder,
    pub(crate) sink: AlertSink,
    pub(crate) late: Late,
    pub(crate) path: PathBuf,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) linger: Duration,
    pub(crate) control: Sender<Control>,
    pub(crate) recovered: Recovered,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            queue: parts.queue,
            ledger: Ledger::default(),
            sink: parts.sink,
            late: parts.late,
            path: parts.path,
            shutdown_timeout: parts.shutdown_timeout,
            linger: AtomicU64::new(nanos(parts.linger)),
            peaks: CachePadded::default(),
            bounds: parts.bounds,
            described: Mutex::new(parts.described),
            abandoned: AtomicBool::new(false),
            control: parts.control,
            asks: Asks::default(),
            recovered: parts.recovered,
            block: AtomicU8::new(NOT_BLOCKED),
            picture: CachePadded::default(),
            late_said: AtomicBool::new(false),
            told: forked::Told::default(),
        }
    }

    /// Whether a record of `rank` is worth the trouble: not if it would be dropped as things stand. Who is told no counts
    /// the record with [`refuse`](Self::refuse) and does not submit it.
    pub(crate) fn foresee(&self, rank: Rank) -> Result<(), Refusal> {
        match self.queue.foresee(rank) {
            Err(Refusal::Closed) if self.late.is_wanted() => Ok(()),
            other => other,
        }
    }

    /// Hands a record over; what is refused is counted, or written late. In a forked child the ring refuses all.
    pub(crate) fn submit(&self, draft: &Draft) {
        if let Err(refusal) = self.queue.offer(draft) {
            let wrote = refusal == Refusal::Closed && self.late.write(self, draft);
            if !wrote {
                self.refuse(draft.rank, refusal);
            }
        } else if at_exit::ends() {
            at_exit::follow(self);
        }
    }

    /// Counts a record that was refused.
    #[cold]
    pub(crate) fn refuse(&self, rank: Rank, refusal: Refusal) {
        if self.queue.origin.is_forked() {
            return forked::lose(self, rank);
        }
        let reason = match refusal {
            Refusal::Closed => Reason::Closed,
            Refusal::Full => self.block_reason().unwrap_or(Reason::QueueFull),
        };
        self.ledger.drop_one(reason, rank);
        self.queue.note_loss(reason, rank, 1);
        if reason == Reason::Closed && !self.late_said.swap(true, Ordering::Relaxed) {
            self.sink.print(&format_args!(
                "{}: records come after the guard was dropped; they are counted, not written (keep the guard alive \
                 until the end of main)",
                self.path.display()
            ));
        }
    }

    /// The reason for a record that is lost while the file set is blocked.
    pub(crate) fn block_reason(&self) -> Option<Reason> {
        match self.block.load(Ordering::Relaxed) {
            BY_BUDGET => Some(Reason::DiskBudget),
            BY_DISK => Some(Reason::DiskError),
            _ => None,
        }
    }

    /// Passes an alert on; a hook that panics is counted.
    pub(crate) fn alert(&self, alert: &Alert) {
        if alert.edge == Edge::Raised {
            self.publish(|picture| picture.health.last_alert = Some(alert.clone()));
        }
        if self.sink.say(alert) {
            self.ledger.panicked();
        }
    }

    /// Passes on what the engine tells, but for what belongs into the log.
    pub(crate) fn hear(&self, event: Event) {
        if self.queue.origin.is_forked() {
            return; // the hook of the event before has forked: this child waits for no lock of its parent's
        }
        match event {
            Event::Alert(alert) => self.alert(&alert),
            Event::AlertFileFailed(failure) => {
                self.sink.print(&format_args!("the alert file cannot be written: {failure}"));
            }
            Event::Rotated(rotated) if self.sink.rotated(&rotated) => self.ledger.panicked(),
            _ => {}
        }
    }

    /// A thread of ours begins. False: its hook has forked, and this is the child, where the thread has nothing to do and
    /// nothing to drop.
    #[must_use]
    pub(crate) fn thread_starts(&self) -> bool {
        if self.sink.thread_starts() {
            self.ledger.panicked();
        }
        !self.queue.origin.is_forked()
    }

    /// Publishes what the writer thread sees. `change` runs under the lock: it copies and does nothing else.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut Picture)) {
        change(&mut self.picture.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn publish_state(&self, state: State) {
        let code = match state {
            State::Blocked(BlockReason::Budget) => BY_BUDGET,
            State::Blocked(_) => BY_DISK,
            _ => NOT_BLOCKED,
        };
        // A store that changes nothing would still take the line away from callers.
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

    /// Sends the writer thread a message; false if it has left.
    pub(crate) fn send(&self, message: Control) -> bool {
        let sent = self.control.send(message).is_ok();
        self.queue.wake.call();
        sent
    }

    pub(crate) fn stats(&self) -> Stats {
        // Three counters cannot be read at one moment. A record moves from the queue to one of the others, so if
        // neither changed while the queue was read, the three belong together; after a few attempts the newest
        // reading has to do.
        const ATTEMPTS: usize = 8;
        let mut stats = Stats::default();
        for _ in 0..ATTEMPTS {
            let settled = (self.ledger.written(), self.ledger.dropped());
            let waiting = self.queue.waiting();
            stats.queued_records = waiting.records;
            stats.queued_bytes = waiting.bytes;
            (stats.written, stats.dropped) = settled;
            if settled == (self.ledger.written(), self.ledger.dropped()) {
                break;
            }
        }
        stats.offered = stats.written + stats.dropped.total() + stats.queued_records;
        (stats.peak_records, stats.peak_bytes) = self.peaks.with(stats.queued_records, stats.queued_bytes);
        (stats.max_queue_records, stats.max_queue_bytes) = (self.bounds.records, self.bounds.bytes);
        stats.cut = self.ledger.cut();
        stats.panics = self.ledger.panics();
        stats.stderr_lines_skipped = self.sink.skipped();
        if let Some(picture) = self.picture() {
            stats.files = picture.files;
            stats.live_bytes = picture.live_bytes;
            stats.total_bytes = picture.total_bytes;
            stats.max_total_bytes = picture.max_total_bytes;
            stats.last_write = picture.moments.last_write;
            stats.last_rotation = picture.moments.last_rotation;
        }
        stats
    }

    pub(crate) fn health(&self) -> Health {
        let mut health = self.picture().map(|picture| picture.health.clone()).unwrap_or_default();
        health.slow_hook = self.sink.slow_hook();
        if self.queue.origin.is_forked() {
            health.condition = Condition::Forked;
        }
        health
    }

    pub(crate) fn described(&self) -> MutexGuard<'_, SpoolBuilder> {
        self.described.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the writer thread has left.
    pub(crate) fn is_closed(&self) -> bool {
        self.picture().is_some_and(|picture| picture.health.condition == Condition::Closed)
    }

    /// The picture; none in a forked child whose parent was just looking at it: there it stays locked for ever.
    fn picture(&self) -> Option<MutexGuard<'_, Picture>> {
        match self.picture.try_lock() {
            Ok(picture) => Some(picture),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if self.queue.origin.is_forked() => None,
            Err(TryLockError::WouldBlock) => {
                Some(self.picture.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
