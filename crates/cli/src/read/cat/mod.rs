//! `tspool cat`: the records of all files as one log. `range` finds times in plain files without reading them whole, and
//! `copy` passes on what nobody filters.

mod copy;
mod range;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::ops::ControlFlow;

use self::copy::Copy;
use crate::read::from_the_end::{from_the_end, last};
use crate::say::{self, End, Problem};
use crate::set::{self, Log, Member, Snapshot};
use crate::text::filter::Filter;
use crate::text::records::{Record, Taker, forward};

/// Bytes that are collected before they are written.
const OUTPUT: usize = 256 * 1024;

/// Print all records of a log, the oldest first, over all of its files
///
/// Reads plain, .gz and .zst files, numbered or named by time, in the log's directory and its archive, in the order in
/// which they were written. The files are opened as they stand at one moment, so that no record is missing or comes twice
/// although the log rotates meanwhile.
///
/// A record is a line with a time stamp and the lines without one behind it, such as a stack trace. Time stamps and levels
/// are understood in text, JSON and logfmt. In plain files, --since and --until read only the blocks that they need. Where the clock was
/// set back by more than five seconds within a file, that may miss records of the time that came twice.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    tspool cat /var/log/shop/shop.log --since 1h --level error\n  \
    tspool cat /var/log/shop/shop.log --since yesterday --until today | jq .fields.message\n  \
    tspool cat /var/log/shop/shop.log -n 20 --grep 'order [0-9]+ failed'")]
pub(crate) struct Options {
    #[command(flatten)]
    log: Log,
    #[command(flatten)]
    filter: Filter,

    /// Only the last N of these records
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,

    /// Newest first
    #[arg(short, long)]
    reverse: bool,
}

pub(crate) fn run(options: &Options) -> Result<End, Problem> {
    options.log.say_if_lock_is_shut()?;
    let Snapshot { mut members, shut, .. } = set::open(&options.log)?;
    if let Some(newest) = members.last_mut() {
        let path = newest.path.clone();
        newest.await_newline().map_err(Problem::doing("reading", &path))?;
    }
    let stdout = say::stdout().map_err(|error| Problem::stdout(&error))?;
    let out = BufWriter::with_capacity(OUTPUT, stdout);
    let mut reading = Reading { filter: &options.filter, out, is_partial: !shut.is_empty() };
    shut.into_iter().for_each(|shut| say::warn(shut.problem()));
    if options.filter.is_empty() && options.lines.is_none() && !options.reverse {
        reading.everything(&members)?;
    } else {
        reading.look_for_what_is_asked(&options.log, &members);
        let members = range::within(members, &options.filter);
        match (options.lines, options.reverse) {
            (None, false) => reading.oldest_first(&members)?,
            (limit, true) => reading.newest_first(&members, limit.unwrap_or(usize::MAX))?,
            (Some(limit), false) => reading.last(&members, limit)?,
        }
    }
    reading.out.flush().map_err(|error| Problem::stdout(&error))?;
    Ok(if reading.is_partial { End::Partly } else { End::Well })
}

/// What is wanted, and where it goes.
struct Reading<'a> {
    filter: &'a Filter,
    out: BufWriter<File>,
    /// Whether a file couldn't be read to its end.
    is_partial: bool,
}

impl Reading<'_> {
    fn everything(&mut self, members: &[Member]) -> Result<(), Problem> {
        let mut copy = Copy::to(self.out.get_ref());
        members.iter().try_for_each(|member| {
            let copied = copy.copy(member, self.out.get_mut());
            self.go_on(copied)
        })
    }

    /// Says if times or levels are asked for which the log doesn't have, so that nothing printed isn't taken for nothing there.
    fn look_for_what_is_asked(&mut self, log: &Log, members: &[Member]) {
        let is_empty = members.iter().all(|member| member.bytes == 0);
        let has = |is_in: fn(&Member) -> io::Result<bool>| {
            is_empty || members.iter().any(|member| is_in(member).unwrap_or(false))
        };
        let path = log.path.display();
        if self.filter.has_times() && !has(range::have_times) {
            say::warn(format_args!(
                "{path}: no line has a time stamp that is understood, such as 2026-11-29T06:00:00Z, so none is since or \
                 until a moment"
            ));
            self.is_partial = true;
        }
        if self.filter.level.is_some() && !has(range::have_levels) {
            say::warn(format_args!(
                "{path}: no line has a level that is understood, such as INFO, so --level finds none"
            ));
            self.is_partial = true;
        }
    }

    fn oldest_first(&mut self, members: &[Member]) -> Result<(), Problem> {
        for member in members {
            let mut write = self.writer(usize::MAX);
            let outcome = from_the_beginning(member, write.filter, &mut |record| write.take(record));
            let ended = write.ended(outcome, member);
            self.go_on(ended)?;
        }
        Ok(())
    }

    fn newest_first(&mut self, members: &[Member], limit: usize) -> Result<(), Problem> {
        let mut left = limit;
        for member in members.iter().rev() {
            if left == 0 {
                break;
            }
            let mut write = self.writer(left);
            let outcome = range::of(member, write.filter)
                .and_then(|part| from_the_end(member, part, &mut |record| write.take(record)));
            left = write.left;
            let ended = write.ended(outcome, member);
            self.go_on(ended)?;
        }
        Ok(())
    }

    /// Says that a file couldn't be read, and goes on with the next. If stdout is the problem, there is no use in that.
    fn go_on(&mut self, read: Result<(), Problem>) -> Result<(), Problem> {
        let Err(problem) = read else { return Ok(()) };
        if problem.is_of_stdout() {
            return Err(problem);
        }
        say::warn(&problem);
        self.is_partial = true;
        Ok(())
    }

    /// Prints the last `limit` records in their order. They are found from the end, so that old files need not be read.
    fn last(&mut self, members: &[Member], limit: usize) -> Result<(), Problem> {
        let filter = self.filter;
        let newest_first: Vec<&Member> = members.iter().rev().collect();
        let part = |member: &Member| range::of(member, filter);
        let found = last(&newest_first, part, filter, limit, |member, error| {
            say::warn(member.unreadable()(error));
            self.is_partial = true;
        });
        let written = found.iter().try_for_each(|record| write_record(&mut self.out, record));
        written.map_err(|error| Problem::stdout(&error))
    }

    fn writer(&mut self, limit: usize) -> Writer<'_> {
        Writer { filter: self.filter, out: &mut self.out, left: limit, broken: None }
    }
}

/// Writes the records that are wanted, as long as there may be more.
struct Writer<'a> {
    filter: &'a Filter,
    out: &'a mut BufWriter<File>,
    left: usize,
    /// Why stdout takes no more.
    broken: Option<io::Error>,
}

impl Writer<'_> {
    fn take(&mut self, record: Record<'_>) -> io::Result<ControlFlow<()>> {
        if self.filter.takes(record) {
            if let Err(error) = write_record(self.out, record.text) {
                self.broken = Some(error);
                return Ok(ControlFlow::Break(()));
            }
            self.left -= 1;
        }
        Ok(if self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Tells an error of stdout from one of the file.
    fn ended(self, outcome: io::Result<ControlFlow<()>>, member: &Member) -> Result<(), Problem> {
        match self.broken {
            Some(error) => Err(Problem::stdout(&error)),
            None => outcome.map(|_| ()).map_err(member.unreadable()),
        }
    }
}

/// Writes a record. A line that was never ended is ended, so that the next record doesn't continue it.
fn write_record(out: &mut BufWriter<File>, record: &[u8]) -> io::Result<()> {
    out.write_all(record)?;
    if record.ends_with(b"\n") { Ok(()) } else { out.write_all(b"\n") }
}

/// Takes the records of a file from the first one on.
fn from_the_beginning(member: &Member, filter: &Filter, take: &mut Taker<'_>) -> io::Result<ControlFlow<()>> {
    let times = range::have_times(member)?;
    if member.is_plain() {
        let part = range::of(member, filter)?;
        return forward(&mut member.section(part.start, part.end), times, take);
    }
    forward(&mut member.reader()?, times, take)
}
