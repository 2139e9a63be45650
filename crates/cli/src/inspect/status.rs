//! `tspool status`: why the disk is full, whether the log is healthy, and who has it. It reads, and changes nothing.

mod json;
mod report;
mod ring;
mod space;
mod text;

use std::io::Write as _;
use std::path::PathBuf;

use self::report::Report;
use super::limits::Limits;
use super::log::Log;
use crate::say::{End, Problem};

/// Show a log's files, limits, holder, alert, ring, free space and next rotation
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Options {
    /// The path of the live file, such as /var/log/shop/shop.log
    path: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: Limits,
}

const HELP: &str = "\
Exit code: 0 if the log is well, 1 if an alert stands, the log is over a limit, or records of a dead process wait in its \
ring; 2 for an unusable path or limit, 3 if the log can't be looked at.

The fields of --json:
  log, total_bytes, max_total_bytes, total_percent, live_bytes, max_bytes, backups, backup_count, max_age_seconds,
  min_free_bytes, leftover_bytes (of interrupted compressions)
  limits: from (\"lock_file\", or \"defaults\" where no lock file says any), given (flags), assumed (defaults)
  files: array of name, path, role (live, standing, hidden, backup), compression, bytes, written_at, age_seconds
  lock: state (held, free, missing, unreadable), by
  alert: path, text; or null
  ring: path, records, bytes, process, process_lives, problem; or null
  space: free_bytes, total_bytes, free_inodes, total_inodes; or null
  others: files, bytes; or null
  next: bytes_left, seconds_left, at
  troubles: array of sentences
A value that isn't known or doesn't apply is null. Times are RFC 3339, in UTC.";

pub(crate) fn run(options: &Options) -> Result<End, Problem> {
    let log = Log::find(&options.path, &options.limits)?;
    let report = Report::of(&log, log.look()?);
    let mut out = anstream::stdout().lock();
    let written = if options.json {
        writeln!(out, "{}", json::object(&log, &report))
    } else {
        text::write(&log, &report, &mut out)
    };
    written.and_then(|()| out.flush()).map_err(|error| Problem::stdout(&error))?;
    Ok(if report.troubles.is_empty() { End::Well } else { End::Troubled })
}
