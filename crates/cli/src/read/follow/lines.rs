//! Prints the records that are wanted, as soon as their lines are complete.

use std::fs::File;
use std::io::{self, Write as _};
use std::ops::ControlFlow;

use crate::say::Problem;
use crate::text::filter::Filter;
use crate::text::records::{Record, forward, have_times};

/// The longest beginning of a line that is held until the rest comes. A longer one is printed in pieces.
const HELD_MAX: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub(super) filter: &'a Filter,
    out: File,
    /// The beginning of a line whose end hasn't come.
    held: Vec<u8>,
    /// Whether a line of the log had a time stamp. A line without one then belongs to the record before it.
    have_times: bool,
    /// Whether the last record was wanted.
    was_wanted: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(filter: &'a Filter, out: File) -> Self {
        Self { filter, out, held: Vec::new(), have_times: false, was_wanted: false }
    }

    /// Prints what is complete in `bytes`, and keeps the rest.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let Some(end) = memchr::memrchr(b'\n', bytes).map(|end| end + 1) else {
            self.held.extend_from_slice(bytes);
            return if self.held.len() > HELD_MAX { self.end_file() } else { Ok(()) };
        };
        let printed = if self.held.is_empty() {
            self.print(&bytes[..end])
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(&bytes[..end]);
            self.print(&held)
        };
        printed.map_err(|error| Problem::stdout(&error))?;
        self.held.extend_from_slice(&bytes[end..]);
        Ok(())
    }

    /// Ends a line that its file will not end.
    pub(super) fn end_file(&mut self) -> Result<(), Problem> {
        if self.held.is_empty() {
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.held);
        held.push(b'\n');
        self.print(&held).map_err(|error| Problem::stdout(&error))
    }

    /// Prints the wanted ones of whole records.
    pub(super) fn print_record(&mut self, record: &[u8]) -> Result<(), Problem> {
        self.was_wanted = true;
        self.out.write_all(record).map_err(|error| Problem::stdout(&error))?;
        if record.ends_with(b"\n") {
            Ok(())
        } else {
            self.out.write_all(b"\n").map_err(|error| Problem::stdout(&error))
        }
    }

    fn print(&mut self, mut lines: &[u8]) -> io::Result<()> {
        if self.filter.is_empty() {
            return self.out.write_all(lines);
        }
        self.have_times = self.have_times || have_times(lines);
        let (filter, times) = (self.filter, self.have_times);
        let mut wanted = Vec::new();
        let mut was_wanted = self.was_wanted;
        let _ = forward(&mut lines, times, &mut |record: Record<'_>| {
            // The first lines may belong to a record whose beginning was printed, or not, before.
            if !times || record.time.is_some() {
                was_wanted = filter.takes(record);
            }
            if was_wanted {
                wanted.extend_from_slice(record.text);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.was_wanted = was_wanted;
        self.out.write_all(&wanted)
    }
}
