//! `status` for people: aligned text, in which only what is wrong has a colour.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::report::{File, Next, Report};
use super::ring::Ring;
use crate::inspect::log::{Log, Origin};
use crate::inspect::shown;
use crate::set::Lock;

const WRONG: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))).bold();

pub(super) fn write(log: &Log, report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", shown::clean(&log.settings.path.to_string_lossy()))?;
    for trouble in &report.troubles {
        writeln!(out, "{WRONG}trouble:{WRONG:#} {}", shown::clean(trouble))?;
    }
    let rows = [
        ("total", Some(total(log, report))),
        ("live", Some(live(log, report))),
        ("backups", Some(backups(log, report))),
        ("limits", Some(limits(log))),
        ("lock", Some(lock(log))),
        ("alert", report.alert.is_none().then(|| "no alert file".to_owned())),
        ("ring", report.ring.as_ref().map(ring)),
        ("disk", Some(disk(log, report))),
        ("other files", others(report)),
        ("next", Some(next(&report.next))),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            writeln!(out, "  {name:<12} {value}")?;
        }
    }
    writeln!(out)?;
    files(&report.files, out)?;
    for line in report.alert.iter().flat_map(|alert| alert.text.lines()) {
        writeln!(out, "  {}", shown::clean(line))?;
    }
    Ok(())
}

fn total(log: &Log, report: &Report) -> String {
    let (total, most) = (report.total_bytes, log.settings.max_total_bytes);
    let percent = total.saturating_mul(100).checked_div(most).unwrap_or(0);
    let files = shown::count(report.files.len() as u64, "file", "files");
    let left = match report.leftover_bytes {
        0 => String::new(),
        left => format!(", {} of interrupted compressions", shown::bytes(left)),
    };
    format!("{} of {} ({percent} %), {files}{left}", shown::bytes(total), shown::bytes(most))
}

fn live(log: &Log, report: &Report) -> String {
    format!("{} of {}", shown::bytes(report.live_bytes), shown::bytes(log.settings.max_bytes))
}

fn backups(log: &Log, report: &Report) -> String {
    let age = log
        .settings
        .max_age
        .map_or_else(String::new, |age| format!(", none older than {}", shown::duration(age)));
    format!("{} of {}{age}", report.backups, log.settings.backup_count)
}

fn limits(log: &Log) -> String {
    let given = log.limits_of(Origin::Given);
    let given = if given.is_empty() { String::new() } else { format!("; given: {}", given.join(", ")) };
    if log.note.has_limits() {
        format!("as the lock file says{given}")
    } else {
        format!("unknown, the lock file doesn't say: the defaults are assumed{given}")
    }
}

fn lock(log: &Log) -> String {
    let words = shown::clean(&log.note.words);
    match &log.lock {
        Lock::Held if words.is_empty() => "held by another process".to_owned(),
        Lock::Held => format!("held by {words}"),
        Lock::Free if words.is_empty() => "free".to_owned(),
        Lock::Free => format!("free (last held by {words})"),
        Lock::Missing => "no lock file: no process has opened this log yet".to_owned(),
        Lock::Unreadable(why) => format!("unknown, the lock file can't be looked at: {why}"),
    }
}

fn ring(ring: &Ring) -> String {
    if let Some(problem) = &ring.problem {
        return problem.clone();
    }
    let records = shown::count(ring.records, "record waits", "records wait");
    let process =
        ring.process.map_or_else(|| "its process".to_owned(), |process| format!("its process {process}"));
    let state = if ring.process_lives { "lives" } else { "is gone" };
    let path = shown::clean(&ring.path.to_string_lossy());
    format!("{records} ({}) in {path}; {process} {state}", shown::bytes(ring.bytes))
}

fn disk(log: &Log, report: &Report) -> String {
    let Some(space) = &report.space else { return "the free space can't be told".to_owned() };
    let floor = match log.settings.min_free_bytes {
        0 => String::new(),
        floor => format!(", {} have to stay free", shown::bytes(floor)),
    };
    let inodes = match space.total_inodes {
        0 => String::new(),
        total => format!("; {} of {total} inodes free", space.free_inodes),
    };
    format!("{} of {} free{floor}{inodes}", shown::bytes(space.free_bytes), shown::bytes(space.total_bytes))
}

fn others(report: &Report) -> Option<String> {
    let others = report.others.filter(|others| others.files > 0)?;
    let files = shown::count(others.files, "file", "files");
    Some(format!("{files} in this directory, {}, not the log's", shown::bytes(others.bytes)))
}

fn next(next: &Next) -> String {
    let estimate = next
        .estimate
        .map(|estimate| format!(", in about {} as it has grown so far", shown::duration(estimate)));
    let by_size = format!("after {} more{}", shown::bytes(next.bytes_left), estimate.unwrap_or_default());
    match next.at {
        Some(at) => {
            format!(
                "{by_size}; by the clock at {}, in {}",
                shown::moment(at),
                shown::duration(shown::until(at))
            )
        }
        None => by_size,
    }
}

fn files(files: &[File], out: &mut impl Write) -> io::Result<()> {
    let name = |file: &File| {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        shown::clean(&name)
    };
    let width = files.iter().map(|file| name(file).chars().count()).max().unwrap_or(0);
    for file in files {
        let form = file.compression.map_or_else(String::new, |form| format!(" ({form})"));
        let role = format!("{}{form}", file.role);
        let (size, age) = (shown::bytes(file.bytes), shown::duration(shown::since(file.written)));
        writeln!(out, "  {:<width$}  {size:>10}  {role:<14}  written {age} ago", name(file))?;
    }
    Ok(())
}
