//! `tspool recover`: what waits in a ring whose process died, printed, or written into its log.

mod print;
mod standing;
mod write;

use std::path::{Path, PathBuf};

use tracing_spool::RingError;
use tracing_spool_ring::{Opened, Ring, Sight};

use super::limits::Limits;
use super::log::Log;
use super::shown;
use crate::say::{End, Problem};

/// Print the records that wait in the ring of a process that died, or write them into its log
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Options {
    /// The ring's file, such as /run/shop/shop.log.1f2e3d4c.ring; one that was set aside, too
    ring: PathBuf,
    /// Write the records into this log, each once. It must be the log that the ring belongs to
    #[arg(long, value_name = "PATH")]
    into: Option<PathBuf>,
    #[command(flatten)]
    limits: Limits,
}

const HELP: &str = "\
Without --into, the records go to stdout, oldest first, as they would stand in the log, and nothing is changed: the next \
start of the program still writes them. What was found is said on stderr. A record that the process had already written is \
left out.

With --into, the log is opened under the limits that its lock file says, which may remove backups as any start does, and \
its own recovery writes the records. Nothing is left in the ring then. What `tspool pipe --durable` had read last and not \
handed to the ring waits in a file beside it: its size is said, and --into writes that, too.

Exit code: 0 if all that waited was printed or written; 2 for an unusable path, 3 if the ring is in use or can't be read.";

pub(crate) fn run(options: &Options) -> Result<End, Problem> {
    let seen = Ring::look(&options.ring).map_err(|error| unreadable(&error))?;
    if seen.is_in_use {
        let process = seen.process.map_or_else(String::new, |process| format!(" {process}"));
        return Err(Problem::failed(format_args!(
            "{} is in use: process{process} lives, and writes what waits ({}) into {} itself",
            options.ring.display(),
            shown::count(seen.waiting.records(), "record", "records"),
            seen.log.display()
        )));
    }
    // Before the log is opened, too: with a ring that can't be used it would be opened all the same.
    let copy = copy(&options.ring, &seen)?;
    match &options.into {
        None => print::print(&options.ring, &seen, copy, &options.limits),
        Some(into) => {
            write::write(&options.ring, &seen, &log_into(into, &options.ring, &seen, &options.limits)?)
        }
    }
}

/// Reads the ring.
fn copy(ring: &Path, seen: &Sight) -> Result<Opened, Problem> {
    let image = seen.image().map_err(|error| unreadable(&error))?;
    Ring::from_image(&image).map_err(|damage| {
        Problem::failed(format_args!("{} can't be read as a ring: {damage}", ring.display()))
    })
}

/// Returns the log to write to, if it is the ring's.
fn log_into(into: &Path, ring: &Path, seen: &Sight, limits: &Limits) -> Result<Log, Problem> {
    let log = Log::find(into, limits)?;
    // Of a very long path, the ring knows the end.
    let is_its_log = log.settings.path.to_string_lossy().ends_with(&*seen.log.to_string_lossy());
    if seen.log.as_os_str().is_empty() || !is_its_log {
        return Err(Problem::unusable(format_args!(
            "{} is the ring of {}, and not of {}: its records belong there",
            ring.display(),
            seen.log.display(),
            log.settings.path.display()
        )));
    }
    Ok(log)
}

fn unreadable(error: &RingError) -> Problem {
    let words = shown::error(error);
    match error {
        RingError::Foreign { .. } | RingError::Unsafe { .. } => Problem::unusable(words),
        _ => Problem::failed(words),
    }
}
