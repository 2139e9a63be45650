//! Records into the file: how many fit, the one `write(2)` for them, and what an error of it means.
//! Where the records come from, and who waits for them, is the owner's matter.

use std::time::Duration;

use super::{BlockReason, FileSet, Witness};
use crate::effect::classify::{Class, classify};
use crate::effect::execute::{Place, Setback};
use crate::effect::fs::Fs as _;
use crate::model::alert::{Event, Trouble};
use crate::model::batch::Batch;
use crate::model::error::{Failure, Op, OsError};
use crate::model::settings::BLOCKED_PROBE;
use crate::model::time::{Mono, Now, Wall};
use crate::policy::backoff::{Prospect, Retry};
use crate::policy::plan::Step;
use crate::policy::{budget, retention, rotation};

/// Why no records are written, and until when nothing is tried.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) reason: BlockReason,
    pub(super) until: Mono,
    pub(super) since: Wall,
    retry: Retry,
}

/// A size that no file may exceed, met by a record that had a file for itself.
#[derive(Debug, Default)]
pub(super) struct Ceiling {
    /// What a record was given up for.
    bytes: Option<u64>,
    /// Calls that have failed on the record in hand.
    calls: u32,
}

/// What came of an attempt to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pruned {
    Removed,
    Nothing,
    /// The removal failed in a way that may pass.
    Later(Duration),
}

/// Whether the loop of `append` goes on.
#[derive(PartialEq, Eq)]
pub(super) enum Flow {
    GoOn,
    Stop,
}

impl FileSet {
    /// Writes what it can of the batch; returns how many records this call finished: wrote, or gave up
    /// ([`Batch::refused`]). What is left stays in the batch, which is given again at [`wake_at`](Self::wake_at) or
    /// with more records behind it.
    pub fn append(&mut self, batch: &mut Batch, now: Now) -> usize {
        self.append_with(batch, usize::MAX, now, None)
    }

    /// As [`append`](Self::append), but with at most one `write(2)`: for an owner whose time is short, and who has to
    /// know after each write how far it has come.
    pub fn append_once(&mut self, batch: &mut Batch, now: Now) -> usize {
        self.append_with(batch, 1, now, None)
    }

    /// As [`append`](Self::append), but with at most `writes_max` calls of `write(2)`, of which `witness` is told.
    pub fn append_with(
        &mut self,
        batch: &mut Batch,
        writes_max: usize,
        now: Now,
        mut witness: Option<&mut dyn Witness>,
    ) -> usize {
        let (before, calls) = (batch.finished(), self.counters.write_calls);
        self.attend(now);
        while !batch.is_done()
            && self.hold.as_ref().is_none_or(|hold| hold.until <= now.mono)
            && !self.is_silent(now)
            && self.counters.write_calls - calls < writes_max as u64
        {
            if self.advance(batch, now, &mut witness) == Flow::Stop {
                break;
            }
        }
        self.conclude(now);
        batch.finished() - before
    }

    /// One step towards the end of the batch.
    fn advance(&mut self, batch: &mut Batch, now: Now, witness: &mut Option<&mut dyn Witness>) -> Flow {
        if batch.partial() == 0 && self.is_mid_record() {
            // The batch whose record was begun was given up: no other record may be glued to the fragment.
            self.cut_partial();
        }
        if std::mem::take(&mut self.rewind) {
            batch.rewind_record();
        }
        if batch.partial() == 0 {
            if self.job_is_due(now) {
                self.run_job(now);
            }
            if self.job.is_none() && self.is_rotation_due(batch.next_len() as u64, now) {
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
            // The job that finds or makes another file waits for its deadline.
            return self.hold(BlockReason::Disk, BLOCKED_PROBE, now);
        };
        if current.torn {
            return self.end_tail(now);
        }
        match self.fitting(batch, now) {
            Some(count) => self.write(batch, count, now, witness),
            None => Flow::Stop,
        }
    }

    fn is_rotation_due(&mut self, next_bytes: u64, now: Now) -> bool {
        let Some(current) = &self.stage.current else { return false };
        if current.special || current.place != Place::Live {
            return false;
        }
        // An empty file is due too, and is left as it is by the rotation.
        if self.rotation_wanted || current.full || self.is_period_over(now) {
            return true;
        }
        let is_full = rotation::is_due(current.bytes, next_bytes, self.settings.max_bytes);
        self.puts_off_rotation(is_full, next_bytes, now);
        is_full && !self.tailers.is_rotation_put_off()
    }

    /// How many bytes are written next: whole records, or the rest of the one in hand, within the file, the budget and
    /// the free-space floor. Room is made where it can be; none: the set is blocked.
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
        // While a rotation is overdue the file grows on: an over-long file beats a lost record.
        let file_room = if self.job.is_none() && !self.tailers.is_rotation_put_off() {
            self.settings.max_bytes.saturating_sub(self.live_bytes()).max(next)
        } else {
            u64::MAX
        };
        Some(batch.whole_within(limit.min(file_room)))
    }

    /// Removes own backups until `bytes` more are within the budget and above the floor. Returns how many bytes are;
    /// none: there is nothing more to remove, and the set is now blocked.
    fn make_room(&mut self, bytes: u64, now: Now) -> Option<u64> {
        loop {
            let room = budget::room(self.stage.total_bytes(), self.settings.max_total_bytes);
            let above_floor = self.above_floor(bytes);
            let (keep, reason) = if room < bytes {
                (0, BlockReason::Budget)
            } else if above_floor < bytes {
                (self.settings.kept_backups(), BlockReason::Disk)
            } else {
                return Some(room.min(above_floor));
            };
            match self.prune_one(keep, now) {
                Pruned::Removed => self.free_bytes = None,
                Pruned::Later(delay) => {
                    self.hold(reason, delay.min(BLOCKED_PROBE), now);
                    return None;
                }
                Pruned::Nothing => {
                    self.blocked_for_room(reason, now);
                    return None;
                }
            }
        }
    }

    pub(super) fn above_floor(&mut self, bytes: u64) -> u64 {
        let floor = self.settings.min_free_bytes;
        if floor == 0 {
            return u64::MAX;
        }
        let known = self.free_bytes.map_or(0, |free| budget::above_floor(free, floor));
        if known >= bytes {
            return known;
        }
        match self.stage.fs.space(self.stage.names.dir()) {
            Ok(free) => {
                self.free_bytes = Some(free);
                budget::above_floor(free, floor)
            }
            Err(_) => {
                // Not known is no reason to stop: a full disk says so itself.
                self.counters.failures += 1;
                u64::MAX
            }
        }
    }

    fn blocked_for_room(&mut self, reason: BlockReason, now: Now) {
        let since = self.hold.as_ref().map_or(now.wall, |hold| hold.since);
        self.hold(reason, BLOCKED_PROBE, now);
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
        self.raise(trouble, None, &detail, 0, since, now);
    }

    /// Removes the oldest backup that can be, as long as more than `keep` are left.
    pub(super) fn prune_one(&mut self, keep: u32, now: Now) -> Pruned {
        if self.yield_room(now) {
            // What is on its way to be compressed keeps its plain form; no backup has to go yet.
            return Pruned::Removed;
        }
        while let Some(slot) = retention::victim(&self.stage.inventory, keep, &self.stuck) {
            let failure = match self.stage.perform(Step::Remove(slot), &self.settings) {
                Ok(done) => {
                    self.account(done, now);
                    self.prune_retry = Retry::default();
                    return Pruned::Removed;
                }
                Err(Setback::Failed(failure)) => failure,
                Err(Setback::Displaced) => return Pruned::Nothing,
            };
            self.counters.failures += 1;
            let prospect = prospect(&failure);
            let verdict = self.prune_retry.failed(prospect, &self.backoff());
            if !verdict.exhausted {
                return Pruned::Later(verdict.delay);
            }
            let attempts = self.prune_retry.calls();
            self.prune_retry = Retry::default();
            self.stuck.insert(slot);
            let detail = "a newer backup may have to go in its place";
            self.raise(Trouble::Prune, Some(failure), detail, attempts, now.wall, now);
        }
        Pruned::Nothing
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
            // Asked now: others may have appended since the last look.
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
                self.counters.records_written += (batch.finished() - finished) as u64;
                self.counters.bytes_written += written as u64;
                self.written(written as u64, now);
                Flow::GoOn
            }
            Err(error) if self.is_ceiling(error) => self.met_ceiling(batch, now),
            Err(error) => self.write_failed(error, now),
        }
    }

    /// Counts what is in the file now; a write that worked ends what kept others waiting.
    fn written(&mut self, bytes: u64, now: Now) {
        self.counters.write_calls += 1;
        self.moments.last_write = Some(now.wall);
        self.free_bytes = self.free_bytes.map(|free| free.saturating_sub(bytes));
        if let Some(current) = &mut self.stage.current {
            current.dirty = true;
            if !current.special {
                current.bytes += bytes;
            }
        }
        self.plan_sync(now);
        self.break_silence(now);
        self.release(now);
        self.found_anew = false;
        self.ceiling.calls = 0;
        self.alarms.first_success();
    }

    /// Ends what kept others waiting.
    fn release(&mut self, now: Now) {
        if self.hold.take().is_some() {
            for trouble in [Trouble::Write, Trouble::NoSpace, Trouble::BudgetFull] {
                self.clear(trouble, now);
            }
        }
    }

    /// Ends an unfinished last line of before, so that no record is glued to it.
    pub(super) fn end_tail(&mut self, now: Now) -> Flow {
        if self.make_room(1, now).is_none() {
            return Flow::Stop;
        }
        let Some(current) = &mut self.stage.current else { return Flow::Stop };
        match current.file.write(b"\n") {
            Ok(0) => self.write_failed(OsError::EIO, now),
            Ok(_) => {
                current.torn = false;
                self.counters.tails_ended += 1;
                let path = self.stage.names.live().to_owned();
                self.say(Event::TailEnded { path });
                self.written(1, now);
                Flow::GoOn
            }
            Err(error) => self.write_failed(error, now),
        }
    }

    fn write_failed(&mut self, error: OsError, now: Now) -> Flow {
        self.counters.failures += 1;
        let failure = Failure::new(Op::Write, self.stage.names.live(), error);
        match classify(Op::Write, error) {
            Class::NoSpace => match self.prune_one(self.settings.kept_backups(), now) {
                Pruned::Removed => return Flow::GoOn,
                Pruned::Later(delay) => return self.hold(BlockReason::Disk, delay, now),
                Pruned::Nothing => {}
            },
            Class::TooLarge if self.is_worth_leaving() => {
                self.cut_partial();
                if let Some(current) = &mut self.stage.current {
                    current.full = true;
                }
                return Flow::GoOn;
            }
            Class::Gone => {
                // This descriptor leads nowhere any more: the record is finished in the file that is found now.
                self.cut_partial();
                self.displaced(now);
                if self.hold.is_none() && !std::mem::replace(&mut self.found_anew, true) {
                    return Flow::GoOn;
                }
            }
            _ => self.leave_moved_file(),
        }
        self.write_must_wait(failure, now)
    }

    /// Whether the record in hand may not become as long as it is, though it has a file for itself.
    fn is_ceiling(&self, error: OsError) -> bool {
        let is_ours = |place| matches!(place, Place::Live | Place::Hidden);
        classify(Op::Write, error) == Class::TooLarge
            && !self.is_worth_leaving()
            && self.stage.current.as_ref().is_some_and(|file| is_ours(file.place) && !file.special)
    }

    /// The record in hand is tried as often as any step. Then it is given up, or it would keep all others waiting for
    /// ever; those after it that meet the same limit are given up at once.
    fn met_ceiling(&mut self, batch: &mut Batch, now: Now) -> Flow {
        let limit_bytes = self.live_bytes();
        self.ceiling.calls += 1;
        let is_known = self.ceiling.bytes == Some(limit_bytes);
        if !is_known && self.ceiling.calls <= self.settings.retry_attempts {
            return self.write_failed(OsError::EFBIG, now);
        }
        self.counters.failures += 1;
        self.cut_partial();
        self.rewind = false;
        batch.refuse_record();
        self.counters.records_refused += 1;
        self.ceiling = Ceiling { bytes: Some(limit_bytes), calls: 0 };
        if !is_known {
            let path = self.stage.names.live().to_owned();
            self.say(Event::RecordRefused { path, limit_bytes });
        }
        self.release(now);
        Flow::GoOn
    }

    /// Whether a file that may not grow holds anything but the record in hand: otherwise a new one would not help.
    fn is_worth_leaving(&self) -> bool {
        self.stage.current.as_ref().is_some_and(|file| file.bytes > file.partial)
    }

    /// A file that others moved and that takes no more bytes must not keep us from the live file.
    fn leave_moved_file(&mut self) {
        if self.stage.current.as_ref().is_some_and(|file| file.place == Place::Moved) {
            self.cut_partial();
        }
    }

    fn write_must_wait(&mut self, failure: Failure, now: Now) -> Flow {
        let schedule = self.backoff();
        let mut hold = self.hold.take().unwrap_or(Hold {
            reason: BlockReason::Disk,
            until: now.mono,
            since: now.wall,
            retry: Retry::default(),
        });
        let verdict = hold.retry.failed(prospect(&failure), &schedule);
        let delay = if verdict.exhausted { BLOCKED_PROBE } else { verdict.delay };
        hold.reason = BlockReason::Disk;
        hold.until = now.mono + delay;
        let (since, attempts) = (hold.since, hold.retry.calls());
        self.hold = Some(hold);
        if verdict.exhausted {
            let no_space = classify(Op::Write, failure.error) == Class::NoSpace;
            let trouble = if no_space { Trouble::NoSpace } else { Trouble::Write };
            let detail = "records wait as far as the queue holds them; tried again twice a second";
            self.raise(trouble, Some(failure), detail, attempts, since, now);
        }
        Flow::Stop
    }

    /// Nothing is tried for `delay`.
    fn hold(&mut self, reason: BlockReason, delay: Duration, now: Now) -> Flow {
        let until = now.mono + delay;
        match &mut self.hold {
            Some(hold) => (hold.reason, hold.until) = (reason, until),
            None => self.hold = Some(Hold { reason, until, since: now.wall, retry: Retry::default() }),
        }
        Flow::Stop
    }

    /// The only truncation there is: our own unfinished record goes, before its file is left. It is then written
    /// whole into the next file. Where it cannot be cut, the fragment stays and is counted.
    pub(super) fn cut_partial(&mut self) {
        let Some(current) = self.stage.current.as_mut().filter(|file| file.partial > 0) else { return };
        let partial = std::mem::take(&mut current.partial);
        self.rewind = true;
        let end = current.bytes - partial.min(current.bytes);
        // Only where the end of the file is still what we wrote.
        let ours = current.file.stat().is_ok_and(|meta| meta.bytes == current.bytes);
        if ours && current.file.truncate(end).is_ok() {
            current.bytes = end;
            self.counters.bytes_written = self.counters.bytes_written.saturating_sub(partial);
        } else {
            // No other record may be glued to it.
            current.torn = !matches!(current.file.last_byte(), Ok(None | Some(b'\n')));
            self.counters.fragments += 1;
            let path = self.stage.names.live().to_owned();
            self.say(Event::FragmentLeft { path, bytes: partial });
        }
    }

    /// Warns of a set near its budget, where nothing can be removed and the rotation that would change that waits.
    pub(super) fn mind_budget(&mut self, now: Now) {
        let (total, settings) = (self.stage.total_bytes(), &self.settings);
        let near = self.job.is_some()
            && budget::is_near(total, settings.max_total_bytes, settings.budget_warning_percent)
            && retention::victim(&self.stage.inventory, 0, &self.stuck).is_none();
        if near {
            let detail =
                format!("{total} of {} bytes are used and nothing can be removed", settings.max_total_bytes);
            self.raise(Trouble::BudgetWarning, None, &detail, 0, now.wall, now);
        } else {
            self.clear(Trouble::BudgetWarning, now);
        }
    }
}

/// Whether a failure may pass by itself.
pub(super) fn prospect(failure: &Failure) -> Prospect {
    match classify(failure.op, failure.error) {
        Class::Transient => Prospect::Passing,
        _ => Prospect::Lasting,
    }
}
