//! Writes records to the file: how many fit, the one `write(2)` for them, and what an error of it means. Where records
//! come from, and who waits for them, is up to the owner.

use super::machine::Engine;
use super::retention::Pruned;
use super::state::BlockReason;
use super::witness::Witness;
use super::writing::Flow;
use crate::effect::execute::Place;
use crate::model::alert::{Event, Trouble};
use crate::model::batch::Batch;
use crate::model::error::OsError;
use crate::model::removal::Reason;
use crate::model::settings::BLOCKED_PROBE;
use crate::model::time::Now;
use crate::policy::{budget, rotation};

impl Engine {
    /// Writes as much of the batch as it can, and returns how many records this call finished: wrote, or gave up
    /// ([`Batch::refused`]).
    ///
    /// What is left stays in the batch. Call again with it at [`wake_at`](Self::wake_at), or earlier with more records
    /// behind it.
    pub fn append(&mut self, batch: &mut Batch, now: Now) -> usize {
        self.append_with(batch, usize::MAX, now, None)
    }

    /// Does what [`append`](Self::append) does with at most one `write(2)` of records, for an owner that is short of
    /// time and has to know after each write how far it got.
    pub fn append_once(&mut self, batch: &mut Batch, now: Now) -> usize {
        self.append_with(batch, 1, now, None)
    }

    /// Does what [`append`](Self::append) does with at most `writes_max` calls of `write(2)` for records, and tells
    /// `witness` of each.
    pub fn append_with(
        &mut self,
        batch: &mut Batch,
        writes_max: usize,
        now: Now,
        mut witness: Option<&mut dyn Witness>,
    ) -> usize {
        let (before, calls) = (batch.finished(), self.desk.counters.write_calls);
        self.attend(now);
        while !batch.is_done()
            && self.writing.may_try(now)
            && !self.is_silent(now)
            && self.desk.counters.write_calls - calls < writes_max as u64
        {
            if self.advance(batch, now, &mut witness) == Flow::Stop {
                break;
            }
        }
        self.conclude(now);
        batch.finished() - before
    }

    /// Takes one step towards the end of the batch.
    fn advance(&mut self, batch: &mut Batch, now: Now, witness: &mut Option<&mut dyn Witness>) -> Flow {
        if batch.partial() == 0 && self.is_mid_record() {
            // The batch whose record was begun was given up. No other record may be glued to the fragment.
            self.cut_partial();
        }
        if std::mem::take(&mut self.writing.rewind) {
            batch.rewind_record();
        }
        if batch.partial() == 0 {
            if self.job_is_due(now) {
                self.run_job(now);
            }
            if self.is_rotation_due(Some(batch.next_len() as u64), now) {
                self.rotation_wanted = true;
                self.start_rotation(now);
            }
            if self.is_silent(now) {
                return Flow::Stop;
            }
        }
        let Some(current) =
            self.stage.current.as_ref().filter(|file| file.place != Place::Nameless && !file.full)
        else {
            // A job finds or creates another file, and waits for its deadline.
            return self.writing.hold(BlockReason::Disk, BLOCKED_PROBE, now);
        };
        if current.nuls > 0 || current.torn {
            return self.mend_tail(now);
        }
        if current.wants_header() && self.settings.header.is_some() {
            return self.write_header(now);
        }
        match self.fitting(batch, now) {
            Some(count) => self.write(batch, count, now, witness),
            None => Flow::Stop,
        }
    }

    /// Returns whether the live file must be rotated now, without waiting any longer for tailers.
    pub(super) fn is_rotation_due(&mut self, next_bytes: Option<u64>, now: Now) -> bool {
        if self.job.is_some() || self.is_mid_record() {
            return false;
        }
        let cause = rotation::due(&self.rotation_facts(next_bytes, now));
        let Some(next_bytes) = next_bytes else { return cause.is_some() };
        let room = budget::room(self.stage.total_bytes(), self.settings.max_total_bytes);
        let may_wait =
            cause == Some(rotation::Cause::Size) && room >= next_bytes && self.writing.hold.is_none();
        let is_put_off = self.tailers.puts_off(may_wait, self.settings.min_rotation_interval, now);
        self.desk.counters.rotations_put_off += u64::from(is_put_off.begins);
        cause.is_some() && !is_put_off.holds
    }

    fn rotation_facts(&self, next_bytes: Option<u64>, now: Now) -> rotation::Facts {
        let Some(current) = &self.stage.current else { return rotation::Facts::default() };
        rotation::Facts {
            is_in_place: current.place == Place::Live && !current.special,
            content_bytes: current.content_bytes(),
            live_bytes: current.bytes,
            next_bytes,
            max_bytes: self.settings.max_bytes,
            is_asked: self.rotation_wanted,
            is_full: current.full,
            is_period_over: self.period.is_over(now),
        }
    }

    /// Returns how many bytes to write next: whole records, or the rest of the current one, within the file, the budget
    /// and the free-space floor. Makes room where it can; returns `None` if the set is blocked.
    fn fitting(&mut self, batch: &Batch, now: Now) -> Option<usize> {
        let current = self.stage.current.as_ref()?;
        if current.special {
            return Some(batch.unwritten().len());
        }
        let next = batch.next_len() as u64;
        let limit = self.make_room(next, now)?;
        if batch.partial() > 0 {
            return Some(batch.next_len());
        }
        // While a rotation is overdue the file keeps growing: an over-long file beats a lost record.
        let file_room = if self.job.is_none() && !self.tailers.is_rotation_put_off() {
            self.settings.max_bytes.saturating_sub(self.live_bytes()).max(next)
        } else {
            u64::MAX
        };
        Some(batch.whole_within(limit.min(file_room)))
    }

    /// Prunes backups until `bytes` more are within the budget and above the floor. Returns how many bytes fit, or
    /// `None` if nothing is left to prune and the set is now blocked.
    fn make_room(&mut self, bytes: u64, now: Now) -> Option<u64> {
        loop {
            let room = budget::room(self.stage.total_bytes(), self.settings.max_total_bytes);
            let above_floor = self.above_floor(bytes, now);
            let (keep, reason) = if room < bytes {
                (0, BlockReason::Budget)
            } else if above_floor < bytes {
                (self.settings.kept_backups(), BlockReason::Disk)
            } else {
                return Some(room.min(above_floor));
            };
            let why = if reason == BlockReason::Budget { Reason::Budget } else { Reason::FreeSpace };
            match self.prune_one(keep, why, now) {
                Pruned::Removed => self.retention.forget_free_bytes(),
                Pruned::Later(delay) => {
                    self.writing.hold(reason, delay.min(BLOCKED_PROBE), now);
                    return None;
                }
                Pruned::Nothing => {
                    self.blocked_for_room(reason, now);
                    return None;
                }
            }
        }
    }

    fn blocked_for_room(&mut self, reason: BlockReason, now: Now) {
        let since = self.writing.hold.as_ref().map_or(now.wall, |hold| hold.since);
        self.writing.hold(reason, BLOCKED_PROBE, now);
        let (trouble, detail) = match reason {
            BlockReason::Budget => (
                Trouble::BudgetFull,
                format!(
                    "max_total_bytes ({}) is reached and nothing can be removed: records wait",
                    self.settings.max_total_bytes
                ),
            ),
            BlockReason::Disk => (
                Trouble::NoSpace,
                format!(
                    "min_free_bytes ({}) is reached and nothing more may be removed: records wait",
                    self.settings.min_free_bytes
                ),
            ),
        };
        self.turn(now).raise_since(trouble, None, &detail, 0, since);
    }

    fn write(
        &mut self,
        batch: &mut Batch,
        count: usize,
        now: Now,
        witness: &mut Option<&mut dyn Witness>,
    ) -> Flow {
        let Some(current) = &mut self.stage.current else { return Flow::Stop };
        let mut start = 0;
        if let Some(witness) = witness {
            // Ask now: others may have appended since the last look.
            start = current.file.stat().map_or(current.bytes, |meta| meta.bytes);
            if batch.partial() == 0 {
                witness.begins(current.id, start, batch, count);
            }
        }
        match current.file.write(&batch.unwritten()[..count]) {
            Ok(0) => self.write_failed(OsError::EIO, now),
            Ok(written) => {
                let finished = batch.finished();
                batch.advance(written);
                current.partial = batch.partial() as u64;
                if let Some(witness) = witness {
                    witness.wrote(
                        current.id,
                        (start + written as u64).saturating_sub(current.partial),
                        batch,
                    );
                }
                self.desk.counters.records_written += (batch.finished() - finished) as u64;
                self.desk.counters.bytes_written += written as u64;
                self.desk.counters.write_calls += 1;
                self.written(written as u64, now);
                Flow::GoOn
            }
            Err(error) if self.is_ceiling(error) => self.met_ceiling(batch, now),
            Err(error) => self.write_failed(error, now),
        }
    }

    /// Counts what is in the file now. A write that worked ends the hold.
    fn written(&mut self, bytes: u64, now: Now) {
        self.desk.moments.last_write = Some(now.wall);
        self.retention.wrote(bytes);
        self.period.wrote(now);
        if let Some(current) = &mut self.stage.current {
            current.dirty = true;
            if !current.special {
                current.bytes += bytes;
            }
        }
        let Self { syncing, stage, desk, settings, .. } = self;
        syncing.plan(&super::desk::Turn { settings, stage, desk, now });
        self.tailers.break_silence(self.settings.quiet_rotation, now);
        self.release(now);
        self.writing.found_anew = false;
        self.writing.ceiling.calls = 0;
        self.desk.alarms.first_success();
    }

    /// Ends the hold that kept records waiting.
    pub(super) fn release(&mut self, now: Now) {
        if self.writing.hold.take().is_some() {
            for trouble in [Trouble::Write, Trouble::NoSpace, Trouble::BudgetFull] {
                self.clear(trouble, now);
            }
            let Self { retention, stage, desk, settings, .. } = self;
            retention.hope_again(&mut super::desk::Turn { settings, stage, desk, now });
        }
    }

    /// Writes the header of a new file. It is not a record, and the file gets all of it or none.
    fn write_header(&mut self, now: Now) -> Flow {
        let limit = self.settings.record_limit().min(self.settings.max_bytes.saturating_sub(1));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let bytes = self.settings.header.as_ref().map(|header| header.bytes(limit)).unwrap_or_default();
        if !bytes.is_empty() && self.make_room(bytes.len() as u64, now).is_none() {
            return Flow::Stop;
        }
        let Some(current) = &mut self.stage.current else { return Flow::Stop };
        let mut written = 0;
        let mut error = None;
        while written < bytes.len() && error.is_none() {
            match current.file.write(&bytes[written..]) {
                Ok(0) => error = Some(OsError::EIO),
                Ok(count) => written += count,
                Err(failed) => error = Some(failed),
            }
        }
        if let Some(error) = error {
            if written > 0 && current.file.truncate(0).is_err() {
                // Half of the header stays: no record may be glued to it.
                (current.has_header, current.torn) = (true, true);
                current.bytes += written as u64;
            }
            return self.write_failed(error, now);
        }
        current.has_header = true;
        current.header_bytes = written as u64;
        if written > 0 {
            self.written(written as u64, now);
        }
        Flow::GoOn
    }

    /// Cuts what a power cut left, and ends an unfinished last line from before, so that no record is glued to it.
    pub(super) fn mend_tail(&mut self, now: Now) -> Flow {
        self.cut_nuls();
        let Some(current) = self.stage.current.as_ref().filter(|file| file.torn) else { return Flow::GoOn };
        if current.special || self.make_room(1, now).is_none() {
            return Flow::Stop;
        }
        let Some(current) = &mut self.stage.current else { return Flow::Stop };
        match current.file.write(b"\n") {
            Ok(0) => self.write_failed(OsError::EIO, now),
            Ok(_) => {
                current.torn = false;
                self.desk.counters.tails_ended += 1;
                self.desk.say(Event::TailEnded { path: self.desk.log() });
                self.desk.counters.write_calls += 1;
                self.written(1, now);
                Flow::GoOn
            }
            Err(error) => self.write_failed(error, now),
        }
    }

    /// Cuts NUL bytes at the end of a file. We never write any: they are blocks that never reached the disk.
    pub(super) fn cut_nuls(&mut self) {
        let Some(current) = self.stage.current.as_mut().filter(|file| file.nuls > 0) else { return };
        let nuls = std::mem::take(&mut current.nuls);
        let end = current.bytes.saturating_sub(nuls);
        let is_as_found = current.stat().is_some_and(|meta| meta.bytes == current.bytes);
        if is_as_found && current.file.truncate(end).is_ok() {
            current.bytes = end;
            current.dirty = true;
            self.desk.counters.nuls_cut += nuls;
            self.desk.say(Event::NulsCut { path: self.desk.log(), bytes: nuls });
        } else {
            current.torn = true;
            self.desk.counters.failures += 1;
        }
    }

    /// Warns of a set near its budget, if nothing can be pruned and the rotation that would change that waits.
    pub(super) fn mind_budget(&mut self, now: Now) {
        let (total, settings) = (self.stage.total_bytes(), &self.settings);
        let near = self.job.is_some()
            && budget::is_near(total, settings.max_total_bytes, settings.budget_warning_percent)
            && crate::policy::retention::victim(&self.stage.picture.inventory, 0).is_none();
        if near {
            let detail =
                format!("{total} of {} bytes are used and nothing can be removed", settings.max_total_bytes);
            self.turn(now).raise(Trouble::BudgetWarning, None, &detail, 0);
        } else {
            self.clear(Trouble::BudgetWarning, now);
        }
    }
}
