//! `tspool follow`: new records as they come, across rotations. `trail` knows which file comes next, `watch` waits, `lines`
//! prints, `troubles` are said.

mod lines;
mod trail;
mod troubles;
mod watch;

use self::lines::Lines;
use self::trail::Trail;
use self::troubles::Troubles;
use self::watch::Watch;
use crate::say::{self, End, Problem};
use crate::set::Log;
use crate::text::filter::Filter;

/// Print new records as they come, across rotations
///
/// When the log rotates, the old file is read to its end and every file between it and the new one is read whole, even if
/// it is compressed by then. If files were removed before they could be read, a line on stderr says that there is a gap.
/// Waits for a log that doesn't exist yet. Ends when its own reader does, or by a signal.
///
/// With --since, prints the records from that moment on first. Otherwise it begins with the last ten.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    tspool follow /var/log/shop/shop.log\n  \
    tspool follow /var/log/shop/shop.log --level warn --since 10m\n  \
    tspool follow /var/log/shop/shop.log -n 0 | jq 'select(.level == \"ERROR\")'")]
pub(crate) struct Options {
    #[command(flatten)]
    log: Log,
    #[command(flatten)]
    filter: Filter,

    /// Begin with the last N records
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, conflicts_with = "since")]
    lines: usize,
}

pub(crate) fn run(options: &Options) -> Result<End, Problem> {
    options.log.say_if_lock_is_shut()?;
    let stdout = say::stdout().map_err(|error| Problem::stdout(&error))?;
    let mut watch = Watch::new(&options.log, &stdout)?;
    let mut lines = Lines::new(&options.filter, stdout);
    let first = if options.filter.since.is_some() { None } else { Some(options.lines) };
    let mut troubles = Troubles::default();
    let mut is_told = false;
    let mut trail = loop {
        match Trail::begin(&options.log, first, &mut lines, &mut troubles)? {
            Some(trail) => break trail,
            None => {
                if troubles.are_none() && !std::mem::replace(&mut is_told, true) {
                    say::warn(format_args!(
                        "{}: waiting for it, as it doesn't exist",
                        options.log.path.display()
                    ));
                }
                if !watch.wait() {
                    return Ok(End::Well);
                }
            }
        }
    };
    loop {
        let is_there_more = match trail.advance(&mut lines, &mut troubles) {
            // It may pass: a directory that is being replaced, or a mode that is about to be set right.
            Err(problem) if !problem.is_of_stdout() => {
                troubles.say(&problem);
                false
            }
            advanced => advanced?,
        };
        if !is_there_more && !watch.wait() {
            return Ok(End::Well);
        }
    }
}
