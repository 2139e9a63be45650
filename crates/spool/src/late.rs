//! Records that come after shutdown, where they are to be written: by the caller itself, one at a time, with the file set
//! that the writer thread left here. The only place where a caller may touch the disk, and only by choice.
//!
//! Whoever writes takes the file set away for that time and holds no lock, so that the others can stop waiting. A disk that
//! hangs is found out once: after one caller has waited for `shutdown_timeout` in vain, the others do not wait at all, until
//! the file set is there again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tracing_spool_fileset::{Batch, Clock, Engine, Rules};

use crate::draft::Draft;
use crate::ledger::Reason;
use crate::origin::{Inside, Origin, is_inside};
use crate::rank::Rank;
use crate::shared::Shared;
use crate::sync::{Condvar, Mutex};

/// What happens to records that come after the spool was shut down.
///
/// ```
/// assert_eq!(tracing_spool::LateRecords::default(), tracing_spool::LateRecords::Count);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LateRecords {
    /// They are dropped and counted as `closed`.
    #[default]
    Count,
    /// The caller writes them itself, one at a time: it may wait for the disk, and for other callers. The log stays
    /// locked until the last clone of the [`Spool`](crate::Spool) is gone.
    Write,
}

/// The place where the file set is left.
#[derive(Debug)]
pub(crate) struct Late {
    choice: LateRecords,
    /// How long a caller waits for the writer thread to leave its file set here.
    patience: Duration,
    desk: Mutex<Desk>,
    left: Condvar,
}

#[derive(Debug)]
enum Desk {
    /// The writer thread or a caller has the file set.
    Empty,
    /// The same, and somebody has waited for it in vain.
    Overdue,
    Set(Box<LateWriter>),
    /// There will be none.
    Gone,
}

/// A file set, used by callers.
#[derive(Debug)]
struct LateWriter {
    /// None once it has been closed.
    file_set: Option<Engine>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    origin: Origin,
    /// Holds a record whose beginning is in the file and whose end is not, and nothing else between two calls.
    batch: Batch,
    /// Its level.
    rank: Rank,
}

impl Late {
    pub(crate) fn new(choice: LateRecords, patience: Duration) -> Self {
        Self { choice, patience, desk: Mutex::new(Desk::Empty), left: Condvar::new() }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.choice == LateRecords::Write
    }

    /// For the writer thread as it leaves: here is my file set, with nothing unwritten.
    pub(crate) fn leave(&self, mut file_set: Engine, clock: Arc<dyn Clock>, rules: Rules) {
        file_set.set_pressed(true); // a late record's caller does not wait for readers
        let (origin, batch, rank) = (Origin::here(), Batch::default(), Rank::Info);
        let writer = LateWriter { file_set: Some(file_set), clock, rules, origin, batch, rank };
        self.set(Desk::Set(Box::new(writer)));
    }

    /// For the writer thread as it leaves: there is none.
    pub(crate) fn leave_nothing(&self) {
        self.set(Desk::Gone);
    }

    /// Writes a record, if that is wished and works; otherwise it is the caller's to count.
    pub(crate) fn write(&self, shared: &Shared, draft: &Draft) -> bool {
        // In a hook the lock may be ours already; in a forked child the file is the parent's.
        if !self.is_wanted() || is_inside() || shared.queue.origin.is_forked() {
            return false;
        }
        let Some(mut writer) = self.take() else { return false };
        let _inside = Inside::of(shared);
        let written = catch_unwind(AssertUnwindSafe(|| writer.write(shared, draft)));
        if shared.queue.origin.is_forked() {
            // A hook has forked: file and lock are the parent's, and another of its threads may hold the desk.
            std::mem::forget(writer);
            return false;
        }
        self.set(Desk::Set(writer));
        written.unwrap_or_else(|payload| {
            std::mem::forget(payload); // its destructor could panic too
            shared.ledger.panicked();
            false
        })
    }

    /// What the writer thread left, or that it is not known in time.
    fn take(&self) -> Option<Box<LateWriter>> {
        let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let is_empty = |desk: &mut Desk| matches!(desk, Desk::Empty);
        let waited = self.left.wait_timeout_while(desk, self.patience, is_empty);
        let mut desk = waited.unwrap_or_else(PoisonError::into_inner).0;
        match std::mem::replace(&mut *desk, Desk::Empty) {
            Desk::Set(writer) => Some(writer),
            Desk::Gone => {
                *desk = Desk::Gone;
                None
            }
            Desk::Empty | Desk::Overdue => {
                *desk = Desk::Overdue;
                None
            }
        }
    }

    fn set(&self, desk: Desk) {
        *self.desk.lock().unwrap_or_else(PoisonError::into_inner) = desk;
        self.left.notify_all();
    }
}

impl LateWriter {
    fn write(&mut self, shared: &Shared, draft: &Draft) -> bool {
        let Some(file_set) = &mut self.file_set else { return false };
        let now = self.clock.now();
        let finish = |file_set: &mut Engine, batch: &mut Batch| {
            file_set.append(batch, now);
            batch.is_done()
        };
        if !self.batch.is_done() {
            if !finish(file_set, &mut self.batch) {
                return false;
            }
            if self.batch.refused().is_empty() {
                shared.ledger.wrote(1);
            } else {
                shared.ledger.drop_one(Reason::DiskError, self.rank);
            }
            shared.queue.release_late();
        }
        self.batch.clear();
        if self.batch.push_cut(&draft.bytes, draft.missing, &self.rules).cut_bytes > 0 {
            shared.ledger.cut_one();
        }
        let done = finish(file_set, &mut self.batch) && self.batch.refused().is_empty();
        let begun = self.batch.partial() > 0;
        if done {
            shared.ledger.wrote(1);
        } else if begun {
            // Its beginning is in the file: its end is kept, and the record counts as waiting.
            shared.queue.hold_late();
            self.rank = draft.rank;
        } else {
            self.batch.clear();
        }
        file_set.tick(now);
        for event in file_set.take_events() {
            shared.hear(event);
        }
        done || begun
    }
}

impl Drop for LateWriter {
    fn drop(&mut self) {
        let Some(file_set) = self.file_set.take() else { return };
        if self.origin.is_forked() {
            // The file and its lock are the parent's.
            std::mem::forget(file_set);
        } else {
            file_set.close(&mut self.batch, self.clock.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_spool_fileset::SystemClock;

    use super::*;

    #[test]
    fn that_there_is_nothing_is_left_too_so_that_nobody_waits() {
        let late = Late::new(LateRecords::Write, Duration::from_secs(3_600));
        late.leave_nothing();
        assert!(late.take().is_none() && late.take().is_none());
    }

    #[test]
    fn one_caller_waits_for_a_file_set_that_does_not_come_and_the_others_do_not() {
        let mut late = Late::new(LateRecords::Write, Duration::from_millis(1));
        assert!(late.take().is_none());
        late.patience = Duration::from_secs(60);
        let begun = SystemClock::new();
        assert!(late.take().is_none() && late.take().is_none());
        assert!(begun.now().mono.since_start() < late.patience, "it waited again");
        late.leave_nothing();
        assert!(late.take().is_none());
    }
}
