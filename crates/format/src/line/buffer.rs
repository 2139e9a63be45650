//! The line under construction, in memory that each thread keeps. A line reaches its writer whole, in one piece, or not
//! at all: if a `Display` panics in the middle of an event, nothing of the line is written.

use std::cell::Cell;
use std::fmt;

use tracing_subscriber::fmt::format::Writer;

/// A longer buffer is freed and not kept for the next line.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    static SPARE: Cell<(String, String)> = const { Cell::new((String::new(), String::new())) };
}

/// Builds a line and hands it over if `make` completes. `make` gets a second buffer, empty as well, for text that it
/// finds early and shows late. A line that is built while another one is (by a `Display` that logs) gets memory of its
/// own.
pub(crate) fn line(
    writer: &mut Writer<'_>,
    make: impl FnOnce(&mut String, &mut String) -> fmt::Result,
) -> fmt::Result {
    let (mut line, mut late) = SPARE.try_with(Cell::take).unwrap_or_default();
    let made = make(&mut line, &mut late).and_then(|()| writer.write_str(&line));
    line.clear();
    late.clear();
    if line.capacity().max(late.capacity()) <= KEPT_BYTES {
        let _ = SPARE.try_with(|spare| spare.set((line, late)));
    }
    made
}
