//! The writer thread: [`Worker::round`] is one pass of its loop and can be called without a thread; `run` is the loop. The
//! engine decides about files, and the queue about admission.

mod feed;
mod leave;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use tracing_core::dispatcher::{self, Dispatch};
use tracing_spool_fileset::{Clock, Compression, Mono, Now, Rules};

use crate::account::ledger::{Dropped, Reason};
use crate::account::rank::Rank;
use crate::account::stats::Condition;
use crate::hand_off::inbox::Inbox;
use crate::hand_off::wake::Rest;
use crate::platform::answer::Reply;
use crate::platform::inside::Inside;
use crate::platform::sync::thread;
use crate::settings::choices::Notices;
use crate::sink::{Flushed, Sink, State};
use crate::worker::compressor::{Packer, Spawn};
use crate::worker::control::{Control, Left, Tickets};
use crate::worker::limits;
use crate::worker::notice_queue::Speech;
use crate::worker::pace::Pace;
#[cfg(not(shuttle))]
use crate::worker::ring_watch::RingFile;
use crate::worker::shared::Shared;
use crate::worker::tray::Tray;

/// Panics in a row, without a record written between them, after which the current batch is given up.
const PANICS_IN_A_ROW: u32 = 3;
/// Rest after a panic, so that a repeated panic doesn't become a busy loop.
const AFTER_PANIC: Duration = Duration::from_millis(20);
/// Rest if the sink waits for something and names no time.
const UNNAMED_WAIT: Duration = Duration::from_millis(100);

/// The longest rest while records are held back for tailers, because the queue fills meanwhile.
const SILENT_NAP: Duration = Duration::from_millis(10);

/// After a batch of this many bytes there is no nap.
const WORTH_A_ROUND: usize = 64 * 1024;

/// What to do after a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// There is more to do at once.
    Again,
    /// A record has been admitted but its tag isn't stored yet: yield to its thread.
    Yield,
    /// Nothing to do for now.
    Rest(Rest),
    /// This was the last round.
    Done,
}

/// What a writer thread starts with.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) shared: Arc<Shared>,
    pub(crate) inbox: Inbox,
    pub(crate) control: Receiver<Control>,
    pub(crate) sink: Box<dyn Sink>,
    /// How records are rendered.
    pub(crate) rules: Rules,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) notices: Notices,
    /// The level from which records are synced after their batch.
    pub(crate) sync_from: Option<Rank>,
    /// What an earlier process was writing when it died.
    pub(crate) tray: Option<Tray>,
    /// The first notices.
    pub(crate) lines: VecDeque<String>,
    /// Losses that the first notice states.
    pub(crate) stating: Option<Dropped>,
    /// The file of the ring, if it has one.
    #[cfg(not(shuttle))]
    pub(crate) ring_file: Option<RingFile>,
}

/// Everything the writer thread owns.
#[derive(Debug)]
pub(crate) struct Worker {
    shared: Arc<Shared>,
    inbox: Inbox,
    control: Receiver<Control>,
    /// None after the end.
    sink: Option<Box<dyn Sink>>,
    /// The compression thread.
    packer: Option<Packer>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    sync_from: Option<Rank>,
    speech: Speech,
    tray: Tray,
    #[cfg(not(shuttle))]
    ring_file: Option<RingFile>,
    tickets: Tickets,
    pace: Pace,
    counts: Counts,
    closing: Option<Closing>,
    panics_in_a_row: u32,
}

/// Counts of records since the start.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Taken from the inbox.
    taken: u64,
    /// Of those, in a file or given up.
    settled: u64,
    /// Panics of the user's writer that have been booked.
    panics: u64,
}

#[derive(Debug)]
struct Closing {
    deadline: Mono,
    reply: Reply<Left>,
    /// The last losses have been put into words.
    last_said: bool,
}

impl Worker {
    pub(crate) fn new(ready: Ready) -> Self {
        let rules = ready.rules;
        let mut worker = Self {
            tray: ready.tray.unwrap_or_else(|| Tray::new(rules)),
            pace: Pace::new(ready.clock.now().mono),
            shared: ready.shared,
            inbox: ready.inbox,
            control: ready.control,
            sink: Some(ready.sink),
            packer: None,
            clock: ready.clock,
            rules,
            sync_from: ready.sync_from,
            speech: Speech::new(ready.notices, ready.lines, ready.stating),
            #[cfg(not(shuttle))]
            ring_file: ready.ring_file,
            tickets: Tickets::default(),
            counts: Counts::default(),
            closing: None,
            panics_in_a_row: 0,
        };
        worker.publish();
        worker
    }

    /// Starts the compression thread, if the settings ask for one.
    pub(crate) fn start_packer(&mut self, name: &str, spawn: Spawn) -> io::Result<()> {
        let files = self.sink.as_mut().and_then(|sink| sink.files());
        if files.is_some_and(|files| files.settings().compression != Compression::None) {
            self.packer = Some(Packer::start(name, &self.shared, spawn)?);
        }
        Ok(())
    }

    /// Returns the sink if no thread could be started to run this worker.
    pub(crate) fn give_up(&mut self) -> Option<Box<dyn Sink>> {
        self.sink.take()
    }

    /// Runs the writer thread.
    pub(crate) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let _inside = Inside::of(shared.as_ref());
        // Events that a hook, or code it calls, sends to `tracing` on this thread would come back to this thread.
        let _silence = dispatcher::set_default(&Dispatch::none());
        loop {
            match self.guarded_round() {
                Next::Again => {}
                Next::Yield => thread::yield_now(),
                Next::Rest(rest) => self.rest(rest),
                Next::Done => break,
            }
        }
        if self.is_in_child() {
            // Files, locks and channels belong to the parent, as they were at the fork.
            std::mem::forget(self);
        }
    }

    /// Returns whether this is a child that a hook forked and in which the hook returned. There is nothing to write here,
    /// and what the parent's other threads held at the fork stays locked.
    fn is_in_child(&self) -> bool {
        self.shared.is_forked()
    }

    /// Runs a round. A panic is caught, counted and survived, and the batch is kept.
    pub(crate) fn guarded_round(&mut self) -> Next {
        match catch_unwind(AssertUnwindSafe(|| self.round())) {
            Ok(next) => next,
            Err(payload) => {
                std::mem::forget(payload); // its destructor could panic too
                self.after_panic()
            }
        }
    }

    /// Runs one pass: messages, records, the sink, notices, answers.
    pub(crate) fn round(&mut self) -> Next {
        let now = self.clock.now();
        self.shared.queue.wake.hear(); // must come before the inbox is looked at: see `wake`
        self.take_control(now);
        // What happened at the start comes before the first record: the words on a torn line stand right behind it.
        if self.counts.taken == 0 {
            self.listen(now);
        }
        self.watch_gap(now);
        let before = self.counts;
        self.refill(now);
        self.append(now);
        #[cfg(not(shuttle))]
        if let (Some(ring_file), Some(sink)) = (&mut self.ring_file, &mut self.sink) {
            if let Some(files) = sink.files() {
                ring_file.look(&self.shared.queue, &mut self.inbox, files, now);
            }
        }
        self.listen(now);
        if self.is_in_child() {
            return Next::Done;
        }
        self.publish();
        self.inbox.tend();
        self.pace.took(self.counts.taken - before.taken, now.mono);
        let is_said = !self.speech.gap.is_waiting() && !self.tray.has_notice();
        let is_blocked = self.state().is_blocked();
        self.tickets.answer(self.counts.settled, is_said, is_blocked, self.flushed());
        let progress = self.counts.settled > before.settled;
        if progress {
            self.panics_in_a_row = 0;
        }
        self.next(now, progress)
    }

    fn take_control(&mut self, now: Now) {
        while let Ok(message) = self.control.try_recv() {
            let Some(sink) = &mut self.sink else { continue };
            match message {
                Control::Flush => {
                    sink.hurry();
                    // Take the requests first: everything accepted before them is then part of what waits.
                    let asks = self.shared.asks.take();
                    // Read the place first and then the count: see `gap`.
                    let queue = &self.shared.queue;
                    let place = queue.place();
                    self.speech.state_losses(now, place, self.shared.ledger.dropped());
                    self.tickets.add(self.counts.settled + queue.waiting().records, asks);
                }
                Control::Rotate => {
                    self.shared.asks.rotate.hear();
                    sink.files().into_iter().for_each(|files| files.rotate(now));
                }
                Control::Reopen => {
                    self.shared.asks.reopen.hear();
                    sink.reopen(now);
                }
                Control::Reconfigure(settings) => {
                    if let Some(files) = sink.files() {
                        limits::apply(files, *settings, &self.shared, now);
                    }
                }
                Control::Stop(time, reply) => {
                    self.shared.queue.close();
                    sink.hurry();
                    self.closing = Some(Closing { deadline: now.mono + time, reply, last_said: false });
                }
            }
        }
    }

    fn watch_gap(&mut self, now: Now) {
        if self.speech.is_wanted() {
            let is_blocked = self.state().is_blocked();
            let place = || self.shared.queue.place();
            self.speech.gap.watch(now, is_blocked, place, || self.shared.ledger.dropped());
        }
    }

    /// Passes on the sink's events.
    fn listen(&mut self, now: Now) {
        let Some(sink) = &mut self.sink else { return };
        for event in sink.take_events() {
            self.speech.hear(&event, now.wall);
            self.shared.hear(event);
        }
    }

    fn publish(&mut self) {
        let Some(sink) = &self.sink else { return };
        let (state, view, flushed) = (sink.state(), sink.view(), sink.flushed());
        self.shared.ledger.panicked(view.panics - std::mem::replace(&mut self.counts.panics, view.panics));
        self.shared.publish_state(state);
        self.shared.publish(|picture| {
            picture.files = view.counters;
            picture.live_bytes = view.live_bytes;
            picture.total_bytes = view.total_bytes;
            (picture.moments, picture.max_total_bytes) = (view.moments, view.max_total_bytes);
            picture.health.blocked_since = view.moments.blocked_since;
            picture.health.alerts = view.alerts;
            picture.health.condition = match state {
                State::Blocked(reason) => Condition::Blocked(reason),
                State::Asleep | State::Failing => Condition::Stalled,
                _ if flushed == Flushed::Failing => Condition::Stalled,
                State::Overdue => Condition::Overdue,
                State::Writing | State::Full => Condition::Writing,
            };
        });
    }

    fn flushed(&self) -> Flushed {
        self.sink.as_ref().map_or(Flushed::Done, |sink| sink.flushed())
    }

    fn state(&self) -> State {
        self.sink.as_ref().map_or(State::Writing, |sink| sink.state())
    }

    /// Returns when the sink wants to be called.
    fn wake_at(&self) -> Option<Mono> {
        self.sink.as_ref().and_then(|sink| sink.wake_at())
    }

    fn next(&mut self, now: Now, progress: bool) -> Next {
        let wake_at = self.wake_at();
        if self.closing.is_some() {
            return self.next_while_closing(now, progress);
        }
        if !self.tray.is_done() {
            if progress {
                return Next::Again;
            }
            let files = self.sink.as_mut().and_then(|sink| sink.files());
            let is_silent = files.is_some_and(|files| files.is_silent(now));
            // A nap rather than a hold, because the queue may fill: crossing a watermark then ends the rest.
            let nap = || Rest::Nap(wait(now, wake_at).min(SILENT_NAP));
            return Next::Rest(if is_silent { nap() } else { hold(now, wake_at) });
        }
        if !self.speech.lines.is_empty() || (!self.inbox.is_empty() && self.is_worth_another_round()) {
            return Next::Again;
        }
        let wake_at = [wake_at, self.speech.gap.deadline()].into_iter().flatten().min();
        Next::Rest(self.pace.rest(now.mono, wake_at, self.shared.linger()))
    }

    /// Returns whether to take records that came in during this round at once. A few of them wait for the end of a nap: a
    /// round for each would steal the callers' cache lines every time, and cost the disk a write.
    fn is_worth_another_round(&self) -> bool {
        self.tray.batch.bytes() >= WORTH_A_ROUND
            || self.tickets.are_waiting()
            || self.shared.queue.room.is_wanted()
    }

    fn after_panic(&mut self) -> Next {
        self.shared.ledger.panicked(1);
        self.panics_in_a_row += 1;
        if self.panics_in_a_row < PANICS_IN_A_ROW {
            return Next::Again;
        }
        self.panics_in_a_row = 0;
        self.settle();
        let (mut records, mut bytes) = (0, 0);
        for (rank, charge) in self.tray.rest() {
            self.shared.ledger.drop_one(Reason::Panic, rank);
            self.shared.queue.note_loss(Reason::Panic, rank, 1);
            records += 1;
            bytes += charge;
        }
        let now = self.clock.now();
        if self.tray.has_notice() {
            self.speech.gap.take_back(now);
        }
        self.tray.clear();
        self.counts.settled += records;
        self.release(records, bytes);
        if self.closing.is_some() {
            return self.finish(now, false);
        }
        Next::Rest(Rest::Hold(AFTER_PANIC))
    }

    fn rest(&self, rest: Rest) {
        let queue = &self.shared.queue;
        let parks = matches!(rest, Rest::Park(_));
        let mut on_its_way = false;
        queue.wake.rest(rest, |_| {
            // An admitted record is a reason not to park; a nap ends by itself. While held, it is known what waits.
            on_its_way = parks && queue.park();
            on_its_way || !self.control.is_empty() || self.packer.as_ref().is_some_and(Packer::has_news)
        });
        if parks {
            queue.unpark();
        }
        if on_its_way {
            thread::yield_now(); // its caller must store its tag, and spinning could keep it from running
        }
    }
}

fn hold(now: Now, wake_at: Option<Mono>) -> Rest {
    Rest::Hold(wait(now, wake_at))
}

/// Returns how long until the sink wants to be called; never so short that waiting becomes a busy loop.
fn wait(now: Now, wake_at: Option<Mono>) -> Duration {
    wake_at.map_or(UNNAMED_WAIT, |wake_at| wake_at - now.mono).max(Duration::from_millis(1))
}
