//! Prints what waits in a copy of a ring, and says what it is.

use std::io::Write as _;
use std::path::Path;

use tracing_spool::Recovered;
use tracing_spool::internal::Leftover;
use tracing_spool_fileset::{Batch, Settings};
use tracing_spool_ring::{Opened, Sight};

use super::standing::{Standing, standing};
use crate::inspect::limits::Limits;
use crate::inspect::log::Log;
use crate::inspect::shown;
use crate::pipe::intake;
use crate::say::{self, End, Problem};

pub(super) fn print(path: &Path, seen: &Sight, opened: Opened, limits: &Limits) -> Result<End, Problem> {
    // Without its log, a ring can be read all the same.
    let log = Log::find(&seen.log, limits).ok();
    let rules = log.as_ref().map_or_else(|| Settings::new(&seen.log).rules(), |log| log.settings.rules());
    let mut left = Leftover::of(opened, rules);
    let files = log.and_then(|log| log.look().ok());
    let standing = standing(&mut left, files.as_ref());
    let printed = put(&mut left).map_err(|error| Problem::stdout(&error))?;
    tell(path, seen, printed);
    tell_rest(left.recovered(), standing);
    let read_last = intake::bytes_beside(path)?;
    if read_last > 0 {
        say::warn(format_args!(
            "{} at most, which the process had read last, wait beside {} and aren't printed: --into writes them, too",
            shown::bytes(read_last),
            path.display()
        ));
    }
    Ok(End::Well)
}

/// Records and bytes that were printed.
type Printed = (usize, usize);

/// Prints the records that no file has.
fn put(left: &mut Leftover) -> std::io::Result<Printed> {
    let mut out = anstream::stdout().lock();
    let mut printed = (0, 0);
    let mut put = |batch: &Batch| {
        printed = (printed.0 + batch.records() - batch.finished(), printed.1 + batch.unwritten().len());
        out.write_all(batch.unwritten())
    };
    if !left.is_notice() {
        left.begun().rewind_record();
        put(left.begun())?;
    }
    let mut batch = Batch::default();
    while left.next(&mut batch) {
        put(&batch)?;
    }
    out.flush()?;
    Ok(printed)
}

/// Says what was printed.
fn tell(path: &Path, seen: &Sight, (records, bytes): Printed) {
    let process = seen.process.map_or_else(String::new, |process| format!(" {process}"));
    let records = shown::count(records as u64, "record waits", "records wait");
    let (log, bytes) = (seen.log.display(), shown::bytes(bytes as u64));
    say::warn(format_args!(
        "{records} ({bytes}) in {}, of process{process}, which wrote {log}",
        path.display()
    ));
}

/// Says what else was found.
fn tell_rest(found: Recovered, standing: Standing) {
    match standing {
        Standing::Nothing => {}
        Standing::Written { whole, has_part, path } => {
            if whole > 0 {
                let more = shown::count(whole as u64, "more stands", "more stand");
                say::warn(format_args!("{more} in {} already", path.display()));
            }
            if has_part {
                say::warn(format_args!("the first record printed stands in {} in part", path.display()));
            }
        }
        Standing::Unknown { records } => {
            let records = shown::count(records as u64, "record", "records");
            say::warn(format_args!(
                "the first {records} may stand in the log already: the file that was being written isn't there any more, \
                 or was changed"
            ));
        }
    }
    if found.holes > 0 {
        let holes = shown::count(found.holes, "record was", "records were");
        say::warn(format_args!("{holes} begun and not accepted: nothing is left of them"));
    }
    if found.dropped > 0 {
        let dropped = shown::count(found.dropped, "record was", "records were");
        say::warn(format_args!("{dropped} dropped by that process, which the log doesn't say yet"));
    }
}
