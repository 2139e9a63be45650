//! The line in the making, in memory that each thread keeps. A line reaches its writer whole, in one piece, or not at all: a
//! `Display` that panics in the middle of an event leaves nothing behind.

use std::cell::Cell;
use std::fmt;

use tracing_subscriber::fmt::format::Writer;

/// Longer ones are not kept for the next line.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    static SPARE: Cell<String> = const { Cell::new(String::new()) };
}

/// Makes a line, and hands it over if it came to its end. One that is made while another is (a `Display` that logs) has memory of
/// its own.
pub(crate) fn line(writer: &mut Writer<'_>, make: impl FnOnce(&mut String) -> fmt::Result) -> fmt::Result {
    let mut line = SPARE.try_with(Cell::take).unwrap_or_default();
    let made = make(&mut line).and_then(|()| writer.write_str(&line));
    line.clear();
    if line.capacity() <= KEPT_BYTES {
        let _ = SPARE.try_with(|spare| spare.set(line));
    }
    made
}
