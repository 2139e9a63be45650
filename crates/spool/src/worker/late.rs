//! Late records: the caller writes a record that comes after the shutdown itself, one at a time, with the file set that the
//! writer thread left here. This is the only place where a caller may touch the disk, and only by choice.
//!
//! The writing caller takes the file set out for that time and holds no lock, so that the others can stop waiting. A
//! hanging disk is noticed once: after one caller has waited for `shutdown_timeout` in vain, the others don't wait at all
//! until the file set is back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tracing_spool_fileset::{Batch, Clock, Event, Rules};
use tracing_spool_process::{Process, without_stream_signals};

use crate::account::rank::Rank;
use crate::hand_off::draft::Draft;
use crate::platform::sync::{Condvar, Mutex};
use crate::settings::choices::LateRecords;
use crate::sink::Sink;

/// The desk where the file set is left.
#[derive(Debug)]
pub(crate) struct Late {
    choice: LateRecords,
    /// The process that opened the log.
    process: Process,
    /// How long a caller waits for the writer thread to leave its file set.
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
    /// There will be no file set.
    Gone,
}

/// What became of late records, for the books.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// A record that an earlier call began: it is in the file, or given up, with its level.
    pub(crate) finished: Option<Result<(), Rank>>,
    /// This call's record is written.
    pub(crate) is_written: bool,
    /// The beginning of this call's record is in the file, and the rest waits.
    pub(crate) is_begun: bool,
    pub(crate) is_cut: bool,
    /// Events of the file set.
    pub(crate) events: Vec<Event>,
    /// The file set panicked.
    pub(crate) panics: bool,
}

/// A file set that callers use.
#[derive(Debug)]
struct LateWriter {
    /// None once it has been closed.
    sink: Option<Box<dyn Sink>>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    process: Process,
    /// Holds a record whose beginning is in the file and whose end isn't; otherwise empty between two calls.
    batch: Batch,
    /// Its level.
    rank: Rank,
}

impl Late {
    pub(crate) fn new(choice: LateRecords, patience: Duration) -> Self {
        Self {
            choice,
            process: Process::here(),
            patience,
            desk: Mutex::new(Desk::Empty),
            left: Condvar::new(),
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.choice == LateRecords::Write
    }

    /// Leaves the file set, with nothing unwritten. For the writer thread as it ends.
    pub(crate) fn leave(&self, mut sink: Box<dyn Sink>, clock: Arc<dyn Clock>, rules: Rules) {
        // The caller of a late record doesn't wait for tailers.
        sink.files().into_iter().for_each(|files| files.set_pressed(true));
        let (process, batch, rank) = (Process::here(), Batch::default(), Rank::Info);
        let writer = LateWriter { sink: Some(sink), clock, rules, process, batch, rank };
        self.set(Desk::Set(Box::new(writer)));
    }

    /// Says that there is no file set. For the writer thread as it ends.
    pub(crate) fn leave_nothing(&self) {
        self.set(Desk::Gone);
    }

    /// Writes a record if that is asked for and works, and has the caller `book` what became of it, in the order in which
    /// records are written. Returns false if the caller must count the record. Never called inside the writer thread or a
    /// hook, whose own desk it may be.
    pub(crate) fn write(&self, draft: &Draft, book: &dyn Fn(Report)) -> bool {
        // In a forked child the file belongs to the parent.
        if !self.is_wanted() || !self.process.is_here() {
            return false;
        }
        let Some(mut writer) = self.take() else { return false };
        let written = catch_unwind(AssertUnwindSafe(|| {
            // This is a thread of the program, which doesn't block the signals that the writer thread blocks.
            let (is_taken, report) = without_stream_signals(|| {
                let written = writer.write(draft);
                let failed = !written.1.is_written;
                (written, failed)
            });
            book(report);
            is_taken
        }));
        if !self.process.is_here() {
            // A hook has forked: the file and its lock belong to the parent, and another of its threads may hold the desk.
            std::mem::forget(writer);
            return false;
        }
        self.set(Desk::Set(writer));
        written.unwrap_or_else(|payload| {
            std::mem::forget(payload); // its destructor could panic too
            book(Report { panics: true, ..Report::default() });
            false
        })
    }

    /// Takes what the writer thread left, or returns none if it isn't there in time.
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
    /// Writes a record. Returns whether it, or its beginning, is in the file, and what to book.
    fn write(&mut self, draft: &Draft) -> (bool, Report) {
        let mut report = Report::default();
        let Some(sink) = &mut self.sink else { return (false, report) };
        let now = self.clock.now();
        let finish = |sink: &mut dyn Sink, batch: &mut Batch| {
            sink.append(batch, usize::MAX, now, None);
            batch.is_done()
        };
        if !self.batch.is_done() {
            if !finish(sink.as_mut(), &mut self.batch) {
                return (false, report);
            }
            let is_written = self.batch.refused().is_empty();
            report.finished = Some(if is_written { Ok(()) } else { Err(self.rank) });
        }
        self.batch.clear();
        report.is_cut = self.batch.push_cut(&draft.bytes, draft.missing, &self.rules).cut_bytes > 0;
        report.is_written = finish(sink.as_mut(), &mut self.batch) && self.batch.refused().is_empty();
        report.is_begun = !report.is_written && self.batch.partial() > 0;
        if report.is_begun {
            // Its beginning is in the file, so its end is kept.
            self.rank = draft.rank;
        } else if !report.is_written {
            self.batch.clear();
        }
        sink.tick(now);
        report.events = sink.take_events();
        (report.is_written || report.is_begun, report)
    }
}

impl Drop for LateWriter {
    fn drop(&mut self) {
        let Some(mut sink) = self.sink.take() else { return };
        if !self.process.is_here() {
            // The file and its lock belong to the parent.
            std::mem::forget(sink);
        } else {
            sink.end(&mut self.batch, self.clock.now(), None);
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
