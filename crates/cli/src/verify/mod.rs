//! `tspool verify`: reads a log once from its oldest line to its newest, and says whether anything is missing or damaged, and
//! what the log itself says was lost.

mod border;
mod check;
mod finding;
mod flaws;
mod glue;
mod json;
mod lines;
mod numbers;
mod object;
mod progress;
mod report;
mod source;
mod told;

#[cfg(test)]
mod any_set;

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use check::{Check, Tally, Wanted};
use finding::{Kind, LISTED_MAX, Place};
use numbers::Pattern;
use progress::Progress;
use report::{Checked, Verdict};
use tracing_spool_fileset::FileId;

use crate::say::{End, Problem, plain};
use crate::set::{self, Lock, Log, Member, Role, Shut, Snapshot};
use crate::text::{moment, records::first_time};

/// How often, and how long apart, the names are looked at again for a number that is missing: a rotation may be under way.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// How much of a file is read to learn when it begins.
const HEAD_BYTES: usize = 4096;

const NUMBERS: &str =
    r"Check the numbers that lines carry: an expression such as '^(?<key>\S+) N(?<number>\d+)'";
const NUMBERS_IN_FULL: &str = r"Check the numbers that lines carry: an expression such as '^(?<key>\S+) N(?<number>\d+)'

It should match once in a line, at best from its beginning. <number> rises by one from line to line. <key> tells writers apart that count for themselves; if they begin anew at each start, something that changes at a start must be in it. <bytes>, if the lines state it, is the length of the line without its newline.";

/// Check that no line is missing, torn or damaged, and say what was lost
///
/// Reads every file of the log once, plain or compressed, from the oldest line to the newest, in bounded memory, also while
/// the log is being written. Nothing is changed.
///
/// Damage: a file that can't be read, or an archive that is broken (its checksums are looked at); lines that are torn, glued
/// to another, or split; NUL bytes; in a log of JSON, lines that don't parse; the same lines at the end of one file and the
/// beginning of the next; a number that no backup has although a higher one is there. With --numbers also lines that are missing, repeated or out of order. Text without numbers doesn't
/// tell whether a line is missing or a letter has changed.
///
/// Losses: the log says itself how many records were lost, when, at which level and why. With --numbers, lines that are missing
/// are damage only if the log doesn't say that as many were lost at that time.
///
/// Each finding is one line, with colons between: the file, the line, what it is, the byte, why, and an excerpt. What is only
/// worth a look says "warning". At most 20 of a kind are listed; the last line counts all.
///
/// Exit code: 0 the log is whole and nothing was lost; 1 it is damaged, or lines are missing that no notice explains; 2 the
/// command line can't be used; 3 the log can't be found or listed; 4 it is whole, and says that records were lost.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    log: Log,

    /// Read only files with lines of this time or later, and list losses since then: 2h, yesterday, 2026-11-29T06:00:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    since: Option<i64>,

    /// Read only files with lines of this time or earlier, and list losses until then
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    until: Option<i64>,

    // Not a doc comment: its words would be taken for tags.
    #[arg(help = NUMBERS, long_help = NUMBERS_IN_FULL, long, value_name = "REGEX", value_parser = Pattern::parse)]
    numbers: Option<Pattern>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Print nothing; the exit code answers
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
}

pub(crate) fn run(options: &Options) -> Result<End, Problem> {
    let mut out = std::io::BufWriter::new(anstream::stdout());
    let end = examine(options, &mut out)?;
    out.flush().map_err(|error| Problem::stdout(&error))?;
    Ok(end)
}

/// Checks the log, and writes the report.
pub(crate) fn examine(options: &Options, out: &mut dyn Write) -> Result<End, Problem> {
    if options.since.zip(options.until).is_some_and(|(since, until)| since > until) {
        return Err(Problem::unusable("--since is later than --until: nothing can lie between them"));
    }
    options.log.say_if_lock_is_shut()?;
    let Snapshot { mut members, shut, .. } = set::open(&options.log)?;
    let is_live_shut = shut.iter().any(|shut| shut.role == Role::Live);
    let newest = members.last_mut().filter(|_| !is_live_shut).map(|member| {
        let _ = member.await_newline(); // a file that can't be read is said when its turn comes
        member.id
    });
    let is_held = set::find(&options.log.path)?.lock == Lock::Held;
    let holes = find_holes_of_names(&options.log, &members, &shut, is_held);
    let count = members.len();
    let members: Vec<Member> = members.into_iter().filter(|member| is_of_time(member, options)).collect();
    let window = (options.since, options.until);
    let mut check = Check::new(Wanted { numbers: options.numbers.clone(), window, is_held });
    let mut files: Vec<String> = members.iter().map(|member| member.path.display().to_string()).collect();
    tell_of_files(&shut, &holes, &mut files, &mut check);
    let tallies = read(&members, newest, &mut check, options.quiet);
    let left_out = count - members.len();
    let checked = Checked { files, tallies, left_out, check: &check };
    let written = match (options.quiet, options.json) {
        (true, _) => Ok(()),
        (false, true) => writeln!(out, "{}", object::of(&checked)),
        (false, false) => checked.write(out),
    };
    written.map_err(|error| Problem::stdout(&error))?;
    Ok(match checked.verdict() {
        Verdict::Whole => End::Well,
        Verdict::Damaged => End::Damaged,
        Verdict::Lost => End::Lost,
    })
}

fn read(members: &[Member], newest: Option<FileId>, check: &mut Check, is_quiet: bool) -> Vec<Tally> {
    let mut progress = Progress::begin(members.iter().map(|member| member.bytes).sum(), is_quiet);
    let mut tallies = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let mut step = |read| progress.within(read, member.bytes);
        tallies.push(check.file(index, member, newest == Some(member.id), &mut step));
        progress.end_file(member.bytes);
    }
    progress.end();
    check.finish();
    tallies
}

/// Returns whether a file may hold lines of the time that was asked for.
fn is_of_time(member: &Member, options: &Options) -> bool {
    let micros = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    };
    if options.since.is_some_and(|since| micros(member.modified) < since) {
        return false;
    }
    let Some(until) = options.until else { return true };
    let first = first_time(&member.head(HEAD_BYTES).unwrap_or_default());
    first.is_none_or(|first| first <= until)
}

/// Reports files that can't be opened, and files that aren't there. Their names stand behind those that are read.
fn tell_of_files(shut: &[Shut], holes: &[(String, u32)], files: &mut Vec<String>, check: &mut Check) {
    for Shut { path, error, .. } in shut {
        let place = Place { file: files.len(), line: 0, at: 0 };
        check.findings.add(Kind::Unreadable, place, || plain(error), b"");
        files.push(path.display().to_string());
    }
    for (before, number) in holes {
        let place = Place { file: files.len(), line: 0, at: 0 };
        let why = || {
            format!("behind it, number {number} isn't there: a rotation was killed, or the file was removed")
        };
        check.findings.add(Kind::NoFile, place, why, b"");
        files.push(before.clone());
    }
}

/// Returns the numbers that no backup has although a higher one is there, each with the file before it.
///
/// A rotation that is under way has such a hole for a moment, so the names are looked at again if a process writes the log.
fn find_holes_of_names(log: &Log, members: &[Member], shut: &[Shut], is_held: bool) -> Vec<(String, u32)> {
    let mut holes = holes_of_names(members, shut);
    for _ in 0..LOOKS {
        if holes.is_empty() || !is_held {
            break;
        }
        std::thread::sleep(BETWEEN_LOOKS);
        let Ok(again) = set::open(log) else { break };
        let still = holes_of_names(&again.members, &again.shut);
        holes.retain(|(_, number)| still.iter().any(|(_, other)| number == other));
    }
    holes
}

fn holes_of_names(members: &[Member], shut: &[Shut]) -> Vec<(String, u32)> {
    let opened = members.iter().map(|member| (member.role, &member.path));
    let all = opened.chain(shut.iter().map(|shut| (shut.role, &shut.path)));
    let mut numbered: Vec<(u32, String)> = all
        .filter_map(|(role, path)| match role {
            Role::Backup(slot) => Some((slot.number()?, path.display().to_string())),
            Role::Live | Role::Next => None,
        })
        .collect();
    numbered.sort_unstable();
    let mut below = 0;
    let mut holes = Vec::new();
    for (number, path) in numbered {
        holes.extend((below + 1..number).take(LISTED_MAX).map(|missing| (path.clone(), missing)));
        below = number;
    }
    holes.reverse();
    holes
}
