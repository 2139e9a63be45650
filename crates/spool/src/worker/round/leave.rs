//! The end of the writer thread: what it still does, and its report of what is left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tracing_spool_fileset::{Now, Witness};

use super::{Next, Worker, wait};
use crate::account::ledger::Reason;
use crate::account::rank::Rank;
use crate::account::stats::Condition;
use crate::hand_off::wake::Rest;
use crate::platform::sync::Ordering;
use crate::sink::Flushed;
use crate::worker::control::Left;
use crate::worker::ring_stamps::Keeper;

impl Worker {
    pub(super) fn next_while_closing(&mut self, now: Now, progress: bool) -> Next {
        let Some(closing) = &mut self.closing else { return Next::Done };
        let deadline = closing.deadline;
        let is_late = self.shared.abandoned.load(Ordering::Relaxed) || deadline <= now.mono;
        let waiting = self.shared.queue.waiting().records;
        if is_late {
            return self.finish(now, is_late);
        }
        if !self.tray.is_done() {
            let is_stuck = !progress && !self.state().is_open();
            // There may be room before the deadline, so retry as often as ever, and once more at the very end.
            let left = deadline - now.mono;
            let probe = || wait(now, self.wake_at()).min(left);
            return if is_stuck { Next::Rest(Rest::Hold(probe())) } else { Next::Again };
        }
        if waiting > 0 && self.inbox.is_empty() {
            return Next::Yield; // a record is admitted, and its tag isn't stored yet
        }
        if waiting > 0 || !self.speech.lines.is_empty() {
            return Next::Again;
        }
        if !closing.last_said {
            closing.last_said = true;
            self.speech.state_losses(now, self.inbox.place(), self.shared.ledger.dropped());
            return Next::Again;
        }
        if self.flushed() != Flushed::Done {
            return Next::Rest(Rest::Hold(wait(now, self.wake_at()).min(deadline - now.mono)));
        }
        self.finish(now, false)
    }

    /// Ends the thread: closes the sink, and counts and reports what is left.
    pub(super) fn finish(&mut self, now: Now, is_late: bool) -> Next {
        let mut left = Left { late: is_late, ..Left::default() };
        let hands_over = self.shared.late.is_wanted() && self.tray.is_done();
        if let Some(mut sink) = self.sink.take() {
            if hands_over {
                sink.files().into_iter().for_each(|files| files.stop_packing(now));
                left.unflushed = sink.flushed() != Flushed::Done;
                self.shared.late.leave(sink, Arc::clone(&self.clock), self.rules);
            } else {
                let (batch, slips) = self.tray.parts();
                let mut keeper =
                    self.inbox.durable().map(|inbox| Keeper::new(inbox, slips, &mut self.speech.stating));
                let witness = keeper.as_mut().map(|keeper| keeper as &mut dyn Witness);
                let end = || sink.end(batch, now, witness);
                match catch_unwind(AssertUnwindSafe(end)) {
                    Ok(report) => left.fragment = report.fragment_left,
                    Err(payload) => {
                        std::mem::forget(payload);
                        self.shared.ledger.panicked(1);
                    }
                }
                self.shared.late.leave_nothing();
                left.unflushed = sink.flushed() != Flushed::Done;
                // Count and report what the end has done like everything else.
                self.sink = Some(sink);
                self.listen(now);
                if self.is_in_child() {
                    return Next::Done;
                }
                self.publish();
                self.sink = None;
            }
        }
        self.settle();
        if let Some(packer) = self.packer.take() {
            // Half of the time left, so that whoever waits for the end gets the answer in time.
            let time = self.closing.as_ref().map_or(Duration::ZERO, |closing| closing.deadline - now.mono);
            packer.leave(time / 2);
        }
        left.records = self.count_rest();
        // Mark the log closed first, then look for requests: see `Shared::ask`. In the other order, a request between the
        // two would never be answered.
        self.shared.publish(|picture| picture.health.condition = Condition::Closed);
        self.tickets.add(self.counts.settled + left.records, self.shared.asks.take());
        self.tickets.close(self.counts.settled, left.unflushed);
        self.shared.queue.room.tell();
        if let Some(closing) = self.closing.take() {
            closing.reply.give(left);
        }
        Next::Done
    }

    /// Books everything accepted that won't be written, and returns how many records that are.
    fn count_rest(&mut self) -> u64 {
        if self.inbox.durable().is_some() {
            // They aren't lost: they stay in the ring, and the next process writes them.
            self.shared.queue.shut();
            self.tray.clear();
            return self.shared.queue.waiting().records;
        }
        let reason = self.shared.block_reason().unwrap_or(Reason::Closed);
        let ledger = &self.shared.ledger;
        // The queue's word is emptied after the records are counted, so that none is missing at any moment. Records still
        // between admission and tag are seen by nobody, but the word counts them too.
        let mut known = 0;
        for (rank, _) in self.tray.rest() {
            ledger.drop_one(reason, rank);
            known += 1;
        }
        while let Some(arrival) = self.inbox.take() {
            ledger.drop_one(reason, arrival.rank);
            known += 1;
        }
        let rest = self.shared.queue.leave();
        let all = rest.records;
        self.shared.peaks.saw(all, rest.bytes);
        ledger.drop_many(reason, Rank::Info, all.saturating_sub(known));
        self.tray.clear();
        all
    }
}
