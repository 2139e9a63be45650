//! Records that come after shutdown, where they are to be written: by the caller itself, one at a time, with the file set
//! that the writer thread left here. The only place where a caller may touch the disk, and only by choice.
//!
//! Whoever writes takes the file set away for that time and holds no lock, so that the others can stop waiting. A disk that
//! hangs is found out once: after one caller has waited for `shutdown_timeout` in vain, the others do not wait at all, until
//! the file set is there again.

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

/// The place where the file set is left.
#[derive(Debug)]
pub(crate) struct Late {
    choice: LateRecords,
    /// The one that opened the log.
    process: Process,
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

/// What became of late records.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// One that an earlier call began: it is in the file, or given up, with its level.
    pub(crate) finished: Option<Result<(), Rank>>,
    /// This one.
    pub(crate) is_written: bool,
    /// This one is in the file with its beginning, and waits.
    pub(crate) is_begun: bool,
    pub(crate) is_cut: bool,
    /// What the file set told meanwhile.
    pub(crate) events: Vec<Event>,
    /// The file set panicked.
    pub(crate) panics: bool,
}

/// A file set, used by callers.
#[derive(Debug)]
struct LateWriter {
    /// None once it has been closed.
    sink: Option<Box<dyn Sink>>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    process: Process,
    /// Holds a record whose beginning is in the file and whose end is not, and nothing else between two calls.
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

    /// For the writer thread as it leaves: here is my file set, with nothing unwritten.
    pub(crate) fn leave(&self, mut sink: Box<dyn Sink>, clock: Arc<dyn Clock>, rules: Rules) {
        // A late record's caller does not wait for readers of files.
        sink.files().into_iter().for_each(|files| files.set_pressed(true));
        let (process, batch, rank) = (Process::here(), Batch::default(), Rank::Info);
        let writer = LateWriter { sink: Some(sink), clock, rules, process, batch, rank };
        self.set(Desk::Set(Box::new(writer)));
    }

    /// For the writer thread as it leaves: there is none.
    pub(crate) fn leave_nothing(&self) {
        self.set(Desk::Gone);
    }

    /// Writes a record, if that is wished and works, and has the caller `book` what became of it, in the order in which
    /// records are written. False: the record is the caller's to count. Not for a thread that is inside: the desk may be
    /// its own.
    pub(crate) fn write(&self, draft: &Draft, book: &dyn Fn(Report)) -> bool {
        // In a forked child the file is the parent's.
        if !self.is_wanted() || !self.process.is_here() {
            return false;
        }
        let Some(mut writer) = self.take() else { return false };
        let written = catch_unwind(AssertUnwindSafe(|| {
            // On a thread of the program's, whose signals are not blocked as the writer thread's are.
            let (is_taken, report) = without_stream_signals(|| {
                let written = writer.write(draft);
                let failed = !written.1.is_written;
                (written, failed)
            });
            book(report);
            is_taken
        }));
        if !self.process.is_here() {
            // A hook has forked: file and lock are the parent's, and another of its threads may hold the desk.
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
    /// Whether the record is in the file, or its beginning; and what is to be booked.
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
            // Its beginning is in the file: its end is kept.
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
            // The file and its lock are the parent's.
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
