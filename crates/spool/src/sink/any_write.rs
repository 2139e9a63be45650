//! Any `io::Write` as a sink. Whatever it does, the thread goes on: its panics are caught here, and what it refuses is
//! counted.
//!
//! Records are offered together, one slice each (`write_vectored`): a writer without that method gets one `write` per
//! record, and one with it gets all of them at once.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, IoSlice, Write};
use std::path::Path;
use std::sync::Arc;

use tracing_spool_fileset::internal::guest;
use tracing_spool_fileset::{
    Batch, Clock, CloseReport, Engine, Event, Failure, Mono, Now, Op, OsError, Witness,
};
use tracing_spool_process::Process;

use super::desk::Desk;
use super::hold::Hold;
use super::{Flushed, PATIENCE, Sink, State, View, left_of};
use crate::account::ledger::Reason;

/// The most records offered at once. A writer that takes only the first of them is offered fewer next time.
const TOGETHER: usize = 1_024;
/// How often in a row a writer may return `Interrupted`.
const INTERRUPTIONS: usize = 16;

pub(crate) struct AnyWrite {
    /// None after the end.
    writer: Option<Box<dyn Write + Send>>,
    desk: Desk,
    hold: Hold,
    /// Something was written since it was last flushed.
    is_dirty: bool,
    /// Why it couldn't be flushed, and when to try again.
    unflushed: Hold,
    /// How many records are offered at once.
    together: usize,
    /// It took the beginning of a record and refused the rest, so a newline must separate the next record.
    is_torn: bool,
    /// Records may be anything, not only lines.
    is_verbatim: bool,
    panics: u64,
    clock: Arc<dyn Clock>,
    /// The process that opened it: in a child that the writer has forked, nothing more is written.
    process: Process,
}

/// The outcome of a call to the writer.
enum Outcome {
    Took(usize),
    /// Nothing, for the moment.
    NotNow,
    Refused(Option<io::Error>),
}

impl AnyWrite {
    pub(crate) fn new(
        writer: Box<dyn Write + Send>,
        name: &Path,
        is_verbatim: bool,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            writer: Some(writer),
            desk: Desk::new(name),
            hold: Hold::default(),
            is_dirty: false,
            unflushed: Hold::default(),
            together: TOGETHER,
            is_torn: false,
            is_verbatim,
            panics: 0,
            clock: Arc::clone(clock),
            process: Process::here(),
        }
    }

    /// Runs the writer's code. A panic counts as a refusal without an error.
    fn call(&mut self, call: impl Fn(&mut dyn Write) -> io::Result<usize>) -> Outcome {
        let Some(writer) = self.writer.as_mut().filter(|_| self.process.is_here()) else {
            return Outcome::Refused(None);
        };
        for _ in 0..INTERRUPTIONS {
            return match guest::run(|| call(writer.as_mut())) {
                Some(Ok(0)) => Outcome::Refused(Some(io::ErrorKind::WriteZero.into())),
                Some(Ok(bytes)) => Outcome::Took(bytes),
                Some(Err(error)) => match error.kind() {
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::WouldBlock => Outcome::NotNow,
                    _ => Outcome::Refused(Some(error)),
                },
                None => {
                    self.panics += 1;
                    Outcome::Refused(None)
                }
            };
        }
        Outcome::NotNow
    }

    fn write(&mut self, batch: &Batch) -> Outcome {
        if self.is_torn {
            match self.call(|writer| writer.write(b"\n")) {
                Outcome::Took(_) => self.is_torn = false,
                other => return other,
            }
        }
        let bytes = batch.unwritten();
        let mut start = 0;
        let slices: Vec<IoSlice<'_>> = batch
            .lens()
            .take(self.together)
            .map(|len| {
                start += len;
                IoSlice::new(&bytes[start - len..start])
            })
            .collect();
        match self.call(|writer| writer.write_vectored(&slices)) {
            Outcome::Took(taken) => {
                let is_alone = slices.first().is_some_and(|first| taken <= first.len());
                self.together =
                    if is_alone { self.together / 2 } else { self.together * 2 }.clamp(2, TOGETHER);
                // A writer that claims to have taken more than it was given has taken what it was given.
                Outcome::Took(taken.min(start))
            }
            other => other,
        }
    }

    /// Refuses the current record. Its beginning may already be in the writer.
    fn refuse(&mut self, error: Option<io::Error>, batch: &mut Batch, now: Now) {
        self.is_torn |= batch.partial() > 0 && !self.is_verbatim;
        batch.refuse_record();
        self.hold.end();
        self.desk.refused(1);
        self.failed(error, "the writer", now);
    }

    fn failed(&mut self, error: Option<io::Error>, who: &str, now: Now) {
        let Some(error) = error else {
            return self.desk.failed(None, format!("{who} panicked"), now);
        };
        let code = error.raw_os_error();
        let failure = code.map(|code| Failure::new(Op::Write, self.desk.name(), OsError::from_code(code)));
        let detail = if failure.is_some() { String::new() } else { format!("{who}: {error}") };
        self.desk.failed(failure, detail, now);
    }

    fn flush_if_due(&mut self, now: Now) {
        if self.is_dirty && !self.unflushed.is_early(now) {
            self.flush(now);
        }
    }

    fn flush(&mut self, now: Now) {
        match self.call(|writer| writer.flush().map(|()| 1)) {
            Outcome::Took(_) => {
                self.is_dirty = false;
                self.unflushed.end();
            }
            Outcome::NotNow => self.unflushed.full(now),
            Outcome::Refused(error) => {
                self.failed(error, "the writer's flush", now);
                self.unflushed.failed(now);
            }
        }
    }
}

impl Sink for AnyWrite {
    fn append(&mut self, batch: &mut Batch, writes_max: usize, now: Now, _: Option<&mut dyn Witness>) {
        if self.hold.is_early(now) {
            return;
        }
        for _ in 0..writes_max {
            if !self.process.is_here() {
                return;
            }
            if batch.is_done() || self.clock.now().mono - now.mono > PATIENCE {
                break;
            }
            match self.write(batch) {
                Outcome::Took(bytes) => {
                    let finished = batch.finished();
                    batch.advance(bytes);
                    self.desk.wrote(batch.finished() - finished, bytes, now);
                    self.is_dirty = true;
                    self.hold.end();
                }
                Outcome::NotNow => {
                    self.hold.full(now);
                    break;
                }
                Outcome::Refused(error) => self.refuse(error, batch, now),
            }
        }
        if batch.is_done() {
            self.flush_if_due(now);
        }
        self.desk.waits(self.hold.long_since());
    }

    /// Flushes again after a flush failed.
    fn tick(&mut self, now: Now) {
        self.desk.tick(now);
        if self.unflushed.state() != State::Writing {
            self.flush_if_due(now);
        }
    }

    fn hurry(&mut self) {
        self.hold.hurry();
        self.unflushed.hurry();
    }

    fn reopen(&mut self, _: Now) {
        self.hurry();
    }

    fn wake_at(&self) -> Option<Mono> {
        let all = [self.hold.wake_at(), self.unflushed.wake_at(), self.desk.wake_at()];
        all.into_iter().flatten().min()
    }

    fn state(&self) -> State {
        self.hold.state()
    }

    fn flushed(&self) -> Flushed {
        match self.unflushed.state() {
            _ if !self.is_dirty => Flushed::Done,
            State::Failing => Flushed::Failing,
            _ => Flushed::Pending,
        }
    }

    fn take_events(&mut self) -> Vec<Event> {
        self.desk.take_events()
    }

    fn view(&self) -> View {
        View { panics: self.panics, ..self.desk.view() }
    }

    fn refusal(&self) -> Reason {
        Reason::Output
    }

    fn end(&mut self, batch: &mut Batch, now: Now, _: Option<&mut dyn Witness>) -> CloseReport {
        if self.is_dirty {
            self.flush(now);
        }
        let writer = self.writer.take();
        if guest::run(|| drop(writer)).is_none() {
            self.panics += 1;
            self.failed(None, "the writer's destructor", now);
        }
        left_of(batch)
    }

    fn files(&mut self) -> Option<&mut Engine> {
        None
    }
}

impl fmt::Debug for AnyWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyWrite").field("desk", &self.desk).finish_non_exhaustive()
    }
}
