//! `tspool demo`: a disk that is full for a while, and a log that grows, with tracing-spool and with tracing-appender side by
//! side. `disk` makes the place, `play` writes, `picture` draws.

mod disk;
mod picture;
mod play;

use std::path::PathBuf;

use self::disk::SmallDisk;
use crate::say::{self, End, Problem};

/// Show what becomes of a log when the disk is full, beside tracing-appender, the usual writer
///
/// Fills a small disk in memory (or, where none can be mounted, a directory) and draws which lines were kept, which were
/// lost, and what was said about them. Takes a few seconds and some megabytes, and leaves nothing behind.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The directory to work in  [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<End, Problem> {
    let place = match &options.dir {
        Some(dir) => tempfile::tempdir_in(dir).map_err(Problem::doing("creating a directory in", dir))?,
        None => {
            let dir = std::env::temp_dir();
            tempfile::tempdir().map_err(Problem::doing("creating a directory in", &dir))?
        }
    };
    let scenes = SmallDisk::mount(place.path());
    let mut words = match &scenes {
        Ok(disk) => picture::of_a_full_disk(&play::full_disk(disk)?),
        Err(why) => format!("The full disk is left out: {why}.\n\n"),
    };
    let budget = place.path().join("budget");
    words += &picture::of_a_budget(&play::budget(&budget)?);
    drop(scenes);
    say::print(&words)?;
    Ok(End::Well)
}
