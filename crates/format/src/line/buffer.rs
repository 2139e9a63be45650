//! The line in the making, in memory that each thread keeps. A line reaches its writer whole, in one piece, or not at all: a
//! `Display` that panics in the middle of an event leaves nothing behind.

use std::cell::Cell;
use std::fmt;

use tracing_subscriber::fmt::format::Writer;

/// Longer ones are not kept for the next line.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    static SPARE: Cell<(String, String)> = const { Cell::new((String::new(), String::new())) };
}

/// Makes a line, and hands it over if it came to its end. `make` has a second text at hand, empty too, for what it finds early and
/// shows late. A line that is made while another is (a `Display` that logs) has memory of its own.
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
