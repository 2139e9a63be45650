//! `tspool plan`: what limits would remove, before they do. The engine's own policies decide, on a picture of the directory.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use tracing_spool_fileset::FileId;
use tracing_spool_fileset::internal::inventory::Backup;
use tracing_spool_fileset::internal::{Course, Foresight, Gone};

use super::limits::Limits;
use super::log::{Log, Origin};
use super::shown;
use crate::say::{End, Problem};
use crate::set::Lock;

/// Show what limits would remove from a log, when, and why, before they do
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Options {
    /// The path of the live file, such as /var/log/shop/shop.log
    path: PathBuf,
    #[command(flatten)]
    limits: Limits,
}

const HELP: &str = "\
Nothing is removed, and no lock is taken. A limit that isn't given comes from the log's lock file, and is the default if \
that doesn't say; the first line says which.

Example: what happens if the log may only take 100 MiB?
  tspool plan /var/log/shop/shop.log --max-total-bytes 100MiB";

pub(crate) fn run(options: &Options) -> Result<End, Problem> {
    let log = Log::find(&options.path, &options.limits)?;
    let faults = log.settings.faults();
    if !faults.is_empty() {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        return Err(Problem::unusable(format_args!("these limits can't be used: {}", faults.join("; "))));
    }
    let seen = log.look()?;
    let Some(course) = &seen.course else {
        return Err(Problem::failed(format_args!(
            "{}: each number that a backup could have is taken by something that is not a file of the log; move that away",
            log.settings.path.display()
        )));
    };
    let mut out = anstream::stdout().lock();
    let written = Plan { log: &log, seen: &seen, course, names: names(&seen) }.write(&mut out);
    written.and_then(|()| out.flush()).map_err(|error| Problem::stdout(&error))?;
    Ok(End::Well)
}

/// What is shown.
struct Plan<'a> {
    log: &'a Log,
    seen: &'a Foresight,
    course: &'a Course,
    /// The names that the files have now.
    names: BTreeMap<FileId, String>,
}

impl Plan<'_> {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { log, course, .. } = self;
        writeln!(out, "{}", shown::clean(&log.settings.path.to_string_lossy()))?;
        for (words, origin) in
            [("given", Origin::Given), ("lock file", Origin::LockFile), ("assumed", Origin::Assumed)]
        {
            let limits: Vec<String> =
                log.limits_of(origin).into_iter().filter_map(|name| self.limit(name)).collect();
            if !limits.is_empty() {
                writeln!(out, "  {words:<10} {}", limits.join(", "))?;
            }
        }
        if let Lock::Unreadable(why) = &log.lock {
            writeln!(out, "  the lock file can't be looked at ({why}), so its limits may be others")?;
        }
        if log.lock == Lock::Missing && !course.at_start.is_empty() {
            writeln!(
                out,
                "  no lock file of this log stands here: its first start removes nothing, and refuses to open unless \
                 FoundFiles is allowed"
            )?;
        }
        writeln!(out, "\n{}\n", self.verdict())?;
        let rotates = if course.rotates_at_start { ", which also rotates the live file" } else { "" };
        let first = format!("at the next start, or when the running process takes these limits{rotates}");
        self.section(&first, &course.at_start, out)?;
        if log.settings.max_age.is_some() {
            let second = "for its age: ten minutes after a start, or at once in the running process";
            self.section(second, &course.aged, out)?;
        }
        self.section("by the next rotation, until the new live file is full", &course.at_rotation, out)?;
        writeln!(out, "stays")?;
        for file in &course.stays {
            self.file(file, "", out)?;
        }
        if course.stays.is_empty() {
            writeln!(out, "  nothing")?;
        }
        Ok(())
    }

    /// Returns the answer in a sentence.
    fn verdict(&self) -> String {
        let Self { seen, course, .. } = self;
        let bytes = |gone: &[Gone]| gone.iter().map(|gone| gone.file.bytes).sum::<u64>();
        let soon = bytes(&course.at_start).saturating_add(bytes(&course.aged)).saturating_add(seen.leftovers);
        let files = course.at_start.len() + course.aged.len();
        let total = shown::bytes(seen.total_bytes());
        let now = match (files, soon) {
            (_, 0) => format!("Removes nothing of {total}"),
            _ => format!(
                "Removes {} of {total} ({})",
                shown::bytes(soon),
                shown::count(files as u64, "file", "files")
            ),
        };
        match bytes(&course.at_rotation) {
            0 => format!("{now}, and nothing more by the next rotation."),
            later => format!("{now}, and {} more by the next rotation.", shown::bytes(later)),
        }
    }

    fn section(&self, when: &str, gone: &[Gone], out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{when}")?;
        for gone in gone {
            self.file(&gone.file, gone.why.setting(), out)?;
        }
        if gone.is_empty() {
            writeln!(out, "  nothing")?;
        }
        writeln!(out)
    }

    fn file(&self, file: &Backup, why: &str, out: &mut impl Write) -> io::Result<()> {
        let name = self.names.get(&file.id).map_or("?", String::as_str);
        let width = self.names.values().map(|name| name.chars().count()).max().unwrap_or(0);
        let because = if why.is_empty() { String::new() } else { format!("  goes: {why}") };
        writeln!(out, "  {name:<width$}  {:>10}{because}", shown::bytes(file.bytes))
    }

    fn limit(&self, name: &str) -> Option<String> {
        let settings = &self.log.settings;
        let value = match name {
            "max_bytes" => shown::bytes(settings.max_bytes),
            "backup_count" => settings.backup_count.to_string(),
            "max_total_bytes" => shown::bytes(settings.max_total_bytes),
            "max_age" => shown::duration(settings.max_age?),
            "min_free_bytes" => shown::bytes(Some(settings.min_free_bytes).filter(|floor| *floor > 0)?),
            "min_backups" => settings.min_backups?.to_string(),
            "rotate_every" => settings.rotate_every.as_ref()?.to_string(),
            "naming" => format!("{:?}", settings.naming).to_lowercase(),
            _ => return None,
        };
        Some(format!("{name} {value}"))
    }
}

/// Returns the names that the files have now.
fn names(seen: &Foresight) -> BTreeMap<FileId, String> {
    let name = |path: PathBuf| shown::clean(&path.file_name().unwrap_or_default().to_string_lossy());
    seen.files().map(|(path, file)| (file.id, name(path))).collect()
}
