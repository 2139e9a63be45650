//! What an engine does when a write is refused: retries, holds records, leaves a moved file, finds the file size limit.

use super::machine::Engine;
use super::retention::Pruned;
use super::state::BlockReason;
use super::writing::{BLOCKED, Ceiling, Flow, Hold};
use crate::effect::execute::Place;
use crate::model::alert::{Event, Trouble};
use crate::model::batch::Batch;
use crate::model::errno_class::Class;
use crate::model::error::{Failure, Op, OsError};
use crate::model::removal::Reason;
use crate::model::settings::BLOCKED_PROBE;
use crate::model::time::Now;
use crate::policy::backoff::Retry;

impl Engine {
    pub(super) fn write_failed(&mut self, error: OsError, now: Now) -> Flow {
        self.desk.counters.failures += 1;
        let failure = Failure::new(Op::Write, self.desk.log(), error);
        match failure.class() {
            Class::NoSpace => match self.prune_one(self.settings.kept_backups(), Reason::FreeSpace, now) {
                Pruned::Removed => return Flow::GoOn,
                Pruned::Later(delay) => return self.writing.hold(BlockReason::Disk, delay, now),
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
                // This descriptor refers to no file any more. Finish the record in the file that is found now.
                if error == OsError::EBADF {
                    // Whoever closed this one has closed the others too.
                    self.mend_descriptors();
                    self.lose_descriptor(now);
                } else {
                    self.cut_partial();
                    self.displaced(now);
                }
                if self.writing.hold.is_none() && !std::mem::replace(&mut self.writing.found_anew, true) {
                    return Flow::GoOn;
                }
            }
            _ => self.leave_moved_file(),
        }
        self.write_must_wait(failure, now)
    }

    /// Returns whether the current record can't get as long as it is, although it has a file for itself.
    pub(super) fn is_ceiling(&self, error: OsError) -> bool {
        let is_ours = |place| matches!(place, Place::Live | Place::Hidden);
        Failure::new(Op::Write, "", error).class() == Class::TooLarge
            && !self.is_worth_leaving()
            && self.stage.current.as_ref().is_some_and(|file| is_ours(file.place) && !file.special)
    }

    /// Tries the current record as often as any step, and then gives it up, because it would keep all others waiting
    /// for ever. Later records that meet the same limit are given up at once.
    pub(super) fn met_ceiling(&mut self, batch: &mut Batch, now: Now) -> Flow {
        let limit_bytes = self.live_bytes();
        let ceiling = &mut self.writing.ceiling;
        ceiling.calls += 1;
        let is_known = ceiling.bytes == Some(limit_bytes);
        if !is_known && ceiling.calls <= self.settings.retry_attempts {
            return self.write_failed(OsError::EFBIG, now);
        }
        self.desk.counters.failures += 1;
        self.cut_partial();
        self.writing.rewind = false;
        batch.refuse_record();
        self.desk.counters.records_refused += 1;
        self.writing.ceiling = Ceiling { bytes: Some(limit_bytes), calls: 0 };
        if !is_known {
            self.desk.say(Event::RecordRefused { path: self.desk.log(), limit_bytes });
        }
        self.release(now);
        Flow::GoOn
    }

    /// Returns whether a file that can't grow holds anything but the current record. If not, a new one would not help.
    pub(super) fn is_worth_leaving(&self) -> bool {
        self.stage.current.as_ref().is_some_and(|file| file.content_bytes() > file.partial)
    }

    /// Leaves a file that others moved and that takes no more bytes, so that it doesn't keep us from the live file.
    pub(super) fn leave_moved_file(&mut self) {
        if self.stage.current.as_ref().is_some_and(|file| file.place == Place::Moved) {
            self.cut_partial();
        }
    }

    pub(super) fn write_must_wait(&mut self, failure: Failure, now: Now) -> Flow {
        let mut hold = self.writing.hold.take().unwrap_or(Hold {
            reason: BlockReason::Disk,
            until: now.mono,
            since: now.wall,
            retry: Retry::default(),
        });
        let verdict = hold.retry.failed(failure.class().into(), &super::desk::backoff(&self.settings));
        let delay = if verdict.exhausted { BLOCKED_PROBE } else { verdict.delay };
        hold.reason = BlockReason::Disk;
        hold.until = now.mono + delay;
        let (since, attempts) = (hold.since, hold.retry.calls());
        self.writing.hold = Some(hold);
        if verdict.exhausted {
            let no_space = failure.class() == Class::NoSpace;
            let trouble = if no_space { Trouble::NoSpace } else { Trouble::Write };
            self.turn(now).raise_since(trouble, Some(failure), BLOCKED, attempts, since);
        }
        Flow::Stop
    }

    /// Cuts our own unfinished record before its file is left. The record is then written whole into the next file. If
    /// it can't be cut, the fragment stays and is counted.
    pub(super) fn cut_partial(&mut self) {
        let Some(current) = self.stage.current.as_mut().filter(|file| file.partial > 0) else { return };
        let partial = std::mem::take(&mut current.partial);
        self.writing.rewind = true;
        let end = current.bytes - partial.min(current.bytes);
        // Only if the descriptor still refers to this file, and the file still ends in what we wrote.
        let is_ours = current.stat().is_some_and(|meta| meta.bytes == current.bytes);
        if is_ours && current.file.truncate(end).is_ok() {
            current.bytes = end;
            self.desk.counters.bytes_written = self.desk.counters.bytes_written.saturating_sub(partial);
        } else {
            // No other record may be glued to it.
            current.torn = current.ends_torn();
            self.desk.counters.fragments += 1;
            self.desk.say(Event::FragmentLeft { path: self.desk.log(), bytes: partial });
        }
    }
}
