//! A file set alone, as an `io::Write`: behind another crate's queue, or written by hand.
//! It adds a clock and the record in hand; everything else is `append`'s.

use std::fmt;
use std::io;

use super::{BlockReason, FileSet, State};
use crate::model::batch::Batch;
use crate::model::error::OsError;

impl io::Write for FileSet {
    /// One call is one record: refused whole, or, once begun, taken whole. What a full disk keeps out of the file is
    /// held inside and goes first next time.
    ///
    /// # Errors
    /// `StorageFull` or `WouldBlock` where the set is blocked and holds a record already, or could not begin this
    /// one. `FileTooLarge` where no file may become as long as it is. `Unsupported` in a forked child, which must not
    /// write what its parent rotates.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.refuse_in_child()?;
        if record.is_empty() {
            return Ok(0);
        }
        let mut held = std::mem::take(&mut self.held);
        let outcome = self.write_record(record, &mut held);
        self.held = held;
        outcome
    }

    /// Writes what is held. Nothing is synced: that follows the `sync` setting.
    ///
    /// # Errors
    /// As `write`, where a record stays held, or had to be given up.
    fn flush(&mut self) -> io::Result<()> {
        self.refuse_in_child()?;
        let mut held = std::mem::take(&mut self.held);
        self.hurry();
        let refused = self.counters.records_refused;
        let done = self.write_held(&mut held);
        self.held = held;
        if self.counters.records_refused > refused {
            return Err(OsError::EFBIG.into());
        }
        if done { Ok(()) } else { Err(self.refusal()) }
    }

    /// Formats first, so that `write!` and `writeln!` are one record too.
    fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
        match arguments.as_str() {
            Some(text) => self.write_all(text.as_bytes()),
            None => self.write_all(arguments.to_string().as_bytes()),
        }
    }
}

impl FileSet {
    fn write_record(&mut self, record: &[u8], held: &mut Batch) -> io::Result<usize> {
        if !self.write_held(held) {
            return Err(self.refusal());
        }
        held.push(record, &self.settings.rules());
        let refused = self.counters.records_refused;
        let done = self.write_held(held);
        if self.counters.records_refused > refused {
            return Err(OsError::EFBIG.into());
        }
        if done || held.partial() > 0 {
            return Ok(record.len());
        }
        held.clear();
        Err(self.refusal())
    }

    /// Whether nothing is left.
    fn write_held(&mut self, held: &mut Batch) -> bool {
        let now = self.clock.now();
        // Nobody waits here: a record that is not taken now is refused.
        self.set_pressed(true);
        self.append(held, now);
        let done = held.is_done();
        if done {
            held.clear();
        }
        done
    }

    fn refusal(&self) -> io::Error {
        let why = match self.state() {
            State::Blocked(BlockReason::Budget) => "max_total_bytes is reached and nothing can be removed",
            _ => match self.alarms.open().find_map(|alert| alert.failure.clone()) {
                Some(failure) => return io::Error::new(io::Error::from(failure.error).kind(), failure),
                None => "the file takes no records now",
            },
        };
        io::Error::new(io::ErrorKind::WouldBlock, why)
    }

    fn refuse_in_child(&self) -> io::Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::Unsupported, "a forked child must open a file set of its own"))
    }
}

impl Drop for FileSet {
    /// A record that was begun is finished or cut: no file is left with half a record.
    fn drop(&mut self) {
        if std::process::id() != self.process || self.held.is_done() {
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        self.hurry();
        self.write_held(&mut held);
        if self.is_mid_record() {
            self.cut_partial();
        }
    }
}
