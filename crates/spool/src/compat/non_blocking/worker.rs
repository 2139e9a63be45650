//! The thread: takes lines out of the queue and gives them to the writer, one by one, or many at once where the writer is
//! our own appender. It keeps no line that the writer refused.

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::Sender;
use tracing_core::dispatcher::{self, Dispatch};
use tracing_spool_fileset::{Clock, Mono, SystemClock};

use super::shared::Shared;
use crate::compat::rolling::RollingFileAppender;
use crate::hand_off::inbox::Inbox;
use crate::hand_off::wake::Rest;
use crate::platform::inside::Inside;
use crate::platform::sync;
use crate::platform::sync::thread::{self, JoinHandle};
use crate::settings::description::LINGER;
use crate::worker::control::Tickets;
use crate::worker::pace::Pace;

/// Lines after which a writer is flushed, however many wait.
const ROUND_LINES: u64 = 4_096;
/// What is written at once.
const BATCH_BYTES: usize = 256 * 1024;

pub(super) struct Worker<W> {
    shared: Arc<Shared>,
    inbox: Inbox,
    writer: W,
    clock: SystemClock,
    pace: Pace,
    batch: Batch,
    /// Lines that were taken since the start, those lost among them.
    settled: u64,
    tickets: Tickets,
}

/// Lines that are written together.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where each line ends in them.
    ends: Vec<usize>,
    /// What they count for in the queue.
    charge: u64,
    /// Failures of the appender that have been counted.
    seen_failures: u64,
}

/// Starts the thread; none if the system has none to give. It answers when the writer has been dropped.
pub(super) fn start<W: Write + Send + 'static>(
    name: String,
    worker: Worker<W>,
    done: Sender<()>,
) -> Option<JoinHandle<()>> {
    let life = move || {
        let shared = Arc::clone(&worker.shared);
        let outcome = guarded(|| worker.run());
        if shared.queue.is_forked() {
            return std::mem::forget((shared, done));
        }
        if outcome.is_none() {
            // A bug of ours. Without a thread nobody may wait, neither for room nor for a flush.
            shared.queue.close();
            shared.end();
            drop(shared.asks.take());
            shared.counter.failed(1);
            shared.counter.lost(shared.queue.waiting().records);
        }
        let _ = done.send(());
    };
    sync::spawn(thread::Builder::new().name(name), life).ok()
}

impl<W: Write + Send + 'static> Worker<W> {
    pub(super) fn new(shared: Arc<Shared>, inbox: Inbox, writer: W) -> Self {
        let clock = SystemClock::new();
        let pace = Pace::new(clock.now().mono);
        let (batch, tickets) = (Batch::default(), Tickets::default());
        Self { shared, inbox, writer, clock, pace, batch, settled: 0, tickets }
    }

    fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let _inside = Inside::of(shared.as_ref());
        // What the writer logs through `tracing` would come back to the writer.
        let _silence = dispatcher::set_default(&Dispatch::none());
        loop {
            self.shared.queue.wake.hear(); // before the inbox is looked at: see `wake`
            self.hear_asks();
            let taken = self.round();
            if self.shared.queue.is_forked() {
                // The writer has forked, and this is the child: lines and writer are the parent's.
                return std::mem::forget(self);
            }
            self.inbox.tend();
            self.settled += taken;
            self.tickets.answer(self.settled, true, false, true);
            let now = self.clock.now().mono;
            self.pace.took(taken, now);
            if self.shared.is_abandoned() {
                break;
            }
            if taken > 0 {
                continue;
            }
            if !self.shared.is_stopping() {
                self.rest(now);
            } else if self.shared.queue.waiting().records == 0 {
                break;
            } else {
                thread::yield_now(); // a line that is let in and not yet there: a moment
            }
        }
        // First said, then looked for: see `Shared::ask`.
        self.shared.end();
        self.hear_asks();
        let Self { shared, writer, mut tickets, settled, .. } = self;
        if guarded(|| drop(writer)).is_none() {
            shared.counter.failed(1);
        }
        tickets.close(settled);
    }

    /// Those that wait for a flush: for all lines that are there now.
    fn hear_asks(&mut self) {
        let asks = self.shared.asks.take();
        if !asks.is_empty() {
            self.tickets.add(self.settled + self.shared.queue.waiting().records, asks);
        }
    }

    /// Writes what waits; returns how many lines that were.
    fn round(&mut self) -> u64 {
        let own = (&mut self.writer as &mut dyn Any).downcast_mut::<RollingFileAppender>();
        match own {
            Some(appender) => self.batch.write(&self.shared, &mut self.inbox, appender),
            None => self.write_each(),
        }
    }

    fn write_each(&mut self) -> u64 {
        let Self { shared, inbox, writer, .. } = self;
        let mut taken = 0;
        while taken < ROUND_LINES && !shared.is_abandoned() {
            let Some(line) = inbox.take() else { break };
            taken += 1;
            let outcome = guarded(|| writer.write_all(line.record));
            if shared.queue.is_forked() {
                return taken;
            }
            if !matches!(outcome, Some(Ok(()))) {
                shared.counter.failed(1);
                // An abandoned line has been counted with the rest.
                if !shared.is_abandoned() {
                    shared.counter.lost(1);
                }
            }
            if !shared.is_abandoned() {
                let charge = line.charge;
                inbox.release(1, charge);
                shared.queue.was_released();
            }
        }
        if taken > 0 && !shared.is_abandoned() && !matches!(guarded(|| writer.flush()), Some(Ok(()))) {
            shared.counter.failed(1);
        }
        taken
    }

    fn rest(&mut self, now: Mono) {
        let (shared, rest) = (&self.shared, self.pace.rest(now, None, LINGER));
        let parks = matches!(rest, Rest::Park(_));
        let mut on_its_way = false;
        shared.queue.wake.rest(rest, |_| {
            on_its_way = parks && shared.queue.park();
            on_its_way || shared.is_stopping() || shared.asks.are_waiting()
        });
        if parks {
            shared.queue.unpark();
        }
        if on_its_way {
            thread::yield_now(); // its caller has to store its tag
        }
    }
}

impl Batch {
    fn write(&mut self, shared: &Shared, inbox: &mut Inbox, appender: &RollingFileAppender) -> u64 {
        self.bytes.clear();
        self.ends.clear();
        self.charge = 0;
        while self.bytes.len() < BATCH_BYTES && !shared.is_abandoned() {
            let Some(line) = inbox.take() else { break };
            self.bytes.extend_from_slice(line.record);
            self.ends.push(self.bytes.len());
            self.charge += line.charge;
        }
        let lines = self.ends.len() as u64;
        if lines == 0 {
            return 0;
        }
        let lost = match appender.append(&self.bytes) {
            Ok(()) => 0,
            Err(cut) => {
                shared.counter.failed(1);
                self.ends.iter().filter(|end| **end > cut.written).count() as u64
            }
        };
        let failures = appender.failures();
        shared.counter.failed(failures - self.seen_failures);
        self.seen_failures = failures;
        if !shared.is_abandoned() {
            shared.counter.lost(lost);
            inbox.release(lines, self.charge);
            shared.queue.was_released();
        }
        if self.bytes.capacity() > 2 * BATCH_BYTES {
            self.bytes = Vec::new(); // a very long line is no reason to keep so much
        }
        lines
    }
}

/// What the writer did; nothing if it panicked.
fn guarded<T>(act: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(act)).map_err(std::mem::forget).ok() // the payload could panic too
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::non_blocking::shared::RANK;
    use crate::compat::rolling;
    use crate::hand_off::draft::Draft;

    /// A worker without a thread, for whom `lines` wait.
    fn worker<W: Write + Send + 'static>(writer: W, lines: u64) -> Worker<W> {
        let (shared, inbox) = Shared::new(String::new(), 10_000, true);
        for number in 0..lines {
            let mut draft = Draft::new(RANK);
            draft.push(format!("line {number}\n").as_bytes(), usize::MAX);
            shared.queue.offer(&draft).unwrap();
        }
        Worker::new(Arc::new(shared), inbox, writer)
    }

    #[test]
    fn all_that_waits_goes_to_our_own_appender_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut worker = worker(rolling::never(dir.path(), "app.log"), 5_000);
        assert_eq!(worker.round(), 5_000, "one round is one write");
        assert_eq!(worker.shared.queue.waiting().records, 0);
        let lines: Vec<String> = (0..5_000).map(|number| format!("line {number}")).collect();
        let written = String::from_utf8(worker.batch.bytes.clone()).unwrap();
        assert!(written.lines().eq(lines));
    }

    /// Counts calls.
    #[derive(Default)]
    struct Calls {
        lines: usize,
        flushes: usize,
    }

    impl Write for Calls {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.lines += 1;
            Ok(line.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            self.flushes += 1;
            Ok(())
        }
    }

    #[test]
    fn another_writer_gets_line_by_line_and_a_flush_behind_them() {
        let mut worker = worker(Calls::default(), ROUND_LINES + 10);
        assert_eq!((worker.round(), worker.round(), worker.round()), (ROUND_LINES, 10, 0));
        assert_eq!((worker.writer.lines as u64, worker.writer.flushes), (ROUND_LINES + 10, 2));
        assert_eq!(worker.shared.queue.waiting().records, 0);
    }
}
