//! Moves records through the tray: fills it from the queue, passes it to the sink, settles the books, and releases the
//! room.

use super::Worker;
use crate::account::ledger::Reason;
use crate::account::rank::Rank;
use crate::platform::sync::Ordering;
use crate::worker::notice;
use crate::worker::ring_stamps::Keeper;
use tracing_spool_fileset::{Now, Witness};

impl Worker {
    /// Fills the tray from the inbox, if everything in it is written.
    pub(super) fn refill(&mut self, now: Now) {
        self.settle();
        if !self.tray.is_done() || self.shared.abandoned.load(Ordering::Relaxed) {
            return;
        }
        self.tray.clear();
        let is_durable = self.inbox.durable().is_some();
        loop {
            // With a durable queue, a notice has a batch of its own: see `ring_stamps`.
            let takes_notice = !is_durable || self.tray.is_empty();
            if takes_notice && is_durable && !self.speech.lines.is_empty() {
                self.speech.lines.pop_front().into_iter().for_each(|line| self.tray.push_notice(&line));
                break;
            }
            if !takes_notice && (!self.speech.lines.is_empty() || self.speech.gap.is_due(self.inbox.place()))
            {
                break;
            }
            while let Some(line) = self.speech.lines.pop_front() {
                self.tray.push_notice(&line);
            }
            if self.speech.gap.is_waiting() {
                if let Some(loss) = self.speech.gap.take(self.inbox.place()) {
                    if let Some(line) = notice::of_loss(self.speech.style, &loss, now.wall) {
                        self.tray.push_notice(&line);
                        if is_durable {
                            self.speech.stating = Some(loss.lost);
                            break;
                        }
                    }
                }
            }
            if self.tray.is_full() {
                break;
            }
            // A notice has a place between two records, so while one waits, records are taken one by one.
            if let Some(bundle) = self.inbox.bundle().filter(|_| !self.speech.gap.is_waiting()) {
                if self.tray.push_bundle(bundle) {
                    self.counts.taken += bundle.records.len() as u64;
                    self.inbox.took_bundle();
                    continue;
                }
            }
            let Some(arrival) = self.inbox.take() else { break };
            self.counts.taken += 1;
            if self.tray.push(&arrival) {
                self.shared.ledger.cut_one();
            }
        }
    }

    /// Tells the file set whether it may hold records back for tailers: not while room is short, or somebody waits.
    pub(super) fn mind_readers(&mut self) {
        let Some(files) = self.sink.as_mut().and_then(|sink| sink.files()) else { return };
        if !files.settings().quiet_rotation.is_zero() {
            let is_awaited = self.closing.is_some() || self.tickets.are_waiting();
            files.set_pressed(is_awaited || self.shared.queue.is_half_full());
        }
    }

    pub(super) fn append(&mut self, now: Now) {
        self.mind_readers();
        let is_abandoned = self.shared.abandoned.load(Ordering::Relaxed);
        let Some(sink) = &mut self.sink else { return };
        if !self.tray.is_done() && !is_abandoned {
            if let Some(files) = sink.files() {
                files.set_dropped(self.shared.ledger.dropped().total());
            }
            // Each write may take long, and what is left at the deadline must be reported exactly. Outputs without files
            // check the clock themselves.
            let is_one_by_one = self.closing.is_some() && sink.files().is_some();
            let writes_max = if is_one_by_one { 1 } else { usize::MAX };
            let (batch, slips) = self.tray.parts();
            let mut keeper =
                self.inbox.durable().map(|inbox| Keeper::new(inbox, slips, &mut self.speech.stating));
            let witness = keeper.as_mut().map(|keeper| keeper as &mut dyn Witness);
            sink.append(batch, writes_max, now, witness);
            if self.is_in_child() {
                return; // the user's writer has forked: the books are the parent's
            }
        }
        let highest = self.settle();
        let Some(sink) = &mut self.sink else { return };
        let is_to_sync = self.sync_from.is_some() && highest >= self.sync_from;
        if let Some(files) = sink.files().filter(|_| is_to_sync) {
            files.sync(now);
        }
        sink.tick(now);
        let Some(files) = sink.files() else { return };
        if let Some(packer) = self.packer.as_ref().filter(|_| self.closing.is_none()) {
            packer.attend(files, now);
        }
    }

    /// Books what was finished and releases its room. Returns the most important level among it.
    pub(super) fn settle(&mut self) -> Option<Rank> {
        let settled = self.tray.settle();
        if settled.lost_notice {
            self.speech.gap.take_back(self.clock.now()); // to be stated again once that is possible
        }
        if settled.records > 0 {
            self.counts.settled += settled.records;
            let ledger = &self.shared.ledger;
            let refused: u64 = settled.refused.iter().sum();
            if refused > 0 {
                let reason = self.sink.as_ref().map_or(Reason::DiskError, |sink| sink.refusal());
                for (rank, records) in Rank::ALL.into_iter().zip(settled.refused) {
                    ledger.drop_many(reason, rank, records);
                    self.shared.queue.note_loss(reason, rank, records);
                }
            }
            ledger.wrote(settled.records - refused);
            self.release(settled.records, settled.bytes);
        }
        settled.highest
    }

    /// Releases records that are in the file or given up. The queue shrinks nowhere else, so the fill just before is all
    /// that's needed to know its peak.
    pub(super) fn release(&mut self, records: u64, bytes: u64) {
        self.inbox.release(records, bytes);
        let left = self.shared.queue.was_released();
        self.shared.peaks.saw(left.records + records, left.bytes + bytes);
    }
}
