//! Episodes of trouble, and the alert file that exists while one is open. What counts as trouble is decided where it
//! happens; hooks and printing are the owner's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::state::Counters;

use crate::effect::fs::{At, Fs};
use crate::effect::site::{Site, split, unlink_gone};
use crate::effect::whole;
use crate::model::alert::{Alert, Event, Trouble};
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::FileId;
use crate::model::name::Names;
use crate::model::settings::Settings;
use crate::model::time::{Mono, Now, Wall};

/// The largest size of the alert file.
const ALERT_BYTES_MAX: usize = 4096;

/// How long after a failed attempt the alert file is retried, unless a probe comes earlier.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// An episode of trouble that begins.
pub(super) struct Episode<'a> {
    pub(super) trouble: Trouble,
    pub(super) failure: Option<Failure>,
    pub(super) detail: &'a str,
    pub(super) attempts: u32,
    pub(super) since: Wall,
}

/// What an alert file is written with, and what it says besides the trouble.
pub(super) struct Report<'a> {
    pub(super) site: &'a Site,
    pub(super) settings: &'a Settings,
    pub(super) counters: &'a Counters,
    pub(super) dropped: u64,
    pub(super) total_bytes: u64,
}

/// A file of ours, known by its name and its identity. Another file that has the name by now is not touched.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) at: At,
    pub(super) id: FileId,
}

/// The open episodes, and where they are written down.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    open: BTreeMap<Trouble, Alert>,
    /// Whether the file is out of date.
    outdated: bool,
    retry_at: Option<Mono>,
    /// Our alert file.
    standing: Option<Standing>,
    /// An alert file of ours from before this start, removed by the first success.
    stale: Option<Standing>,
    /// A temporary that could not be removed, or that a killed process left behind.
    litter: Option<At>,
    /// Whether the owner was told that the file can't be written.
    failure_said: bool,
}

impl Alarms {
    pub(super) fn open(&self) -> impl Iterator<Item = &Alert> {
        self.open.values()
    }

    pub(super) fn wake_at(&self) -> Option<Mono> {
        self.retry_at.filter(|_| self.outdated)
    }

    /// Opens an episode, unless it is open already.
    pub(super) fn raise(&mut self, log: &Path, episode: Episode<'_>, now: Now) -> Option<Alert> {
        let Episode { trouble, failure, detail, attempts, since } = episode;
        if let Some(alert) = self.open.get_mut(&trouble) {
            alert.attempts = alert.attempts.max(attempts);
            return None;
        }
        let begun = Alert::raised(trouble, log.to_owned(), failure, detail, now.wall);
        let alert = Alert { attempts, since, ..begun };
        self.open.insert(trouble, alert.clone());
        self.restate();
        Some(alert)
    }

    /// Ends an episode, if it is open.
    pub(super) fn clear(&mut self, trouble: Trouble, now: Now) -> Option<Alert> {
        let alert = self.open.remove(&trouble)?;
        self.restate();
        Some(alert.cleared(now.wall))
    }

    /// Lets the file be written again, because what it says has changed.
    pub(super) fn restate(&mut self) {
        self.outdated = true;
        self.retry_at = None;
    }

    /// Lets a file that could not be written be retried, because a probe is under way.
    pub(super) fn try_again(&mut self) {
        self.retry_at = None;
    }

    /// Remembers an alert file of ours that was there at the start; the first success removes it.
    pub(super) fn found_stale(&mut self, file: Standing) {
        self.stale = Some(file);
    }

    /// Remembers a temporary of ours that was there at the start.
    pub(super) fn found_litter(&mut self, at: At) {
        self.litter = Some(at);
    }

    /// Notes that a record was written.
    pub(super) fn first_success(&mut self) {
        if self.litter.is_some() && !self.outdated {
            self.restate();
        }
        if let Some(file) = self.stale.take() {
            self.standing.get_or_insert(file);
            self.restate();
        }
    }

    /// Brings the alert file in line with the open episodes. Returns what to tell the owner if that fails.
    pub(super) fn attend(&mut self, report: &Report<'_>, now: Now) -> Option<Event> {
        if !self.outdated || self.retry_at.is_some_and(|at| now.mono < at) {
            return None;
        }
        let outcome = if self.open.is_empty() { self.remove(report) } else { self.put_down(report, now) };
        match outcome {
            Ok(()) => {
                self.outdated = false;
                self.failure_said &= !self.open.is_empty();
                None
            }
            Err(failure) => {
                self.retry_at = Some(now.mono + RETRY_AFTER);
                // Tell it once; the alert itself was told before.
                (!std::mem::replace(&mut self.failure_said, true)).then_some(Event::AlertFileFailed(failure))
            }
        }
    }

    fn remove(&mut self, report: &Report<'_>) -> Result<(), Failure> {
        if let Some(file) = &self.standing {
            take_back(report.site, file)?;
            self.standing = None;
        }
        if let Some(at) = &self.litter {
            if let Some(at) = reached(report.site, at)? {
                unlink_gone(&report.site.fs, &at)?;
            }
            self.litter = None;
        }
        Ok(())
    }

    /// Writes the file under a temporary name and renames it, so that nobody sees half a file.
    fn put_down(&mut self, report: &Report<'_>, now: Now) -> Result<(), Failure> {
        let Report { site, settings, .. } = report;
        let wanted = settings.alert_path(&site.names);
        let (dir, name) = split(&wanted);
        let dir = site.beside(dir)?;
        let (temporary, wanted) = (dir.at(site.names.alert_temporary_name()), dir.at(name));
        let text = self.text(report, now);
        let outcome = whole::write(&site.fs, &temporary, settings.mode, text.as_bytes())
            .and_then(|()| self.place(site, &temporary, &wanted));
        match outcome {
            Ok(file) => {
                // The set has moved since. Don't leave an alert where nobody would ever remove it.
                let is_elsewhere = |before: &Standing| {
                    (before.at.dir.id(), &before.at.name) != (file.at.dir.id(), &file.at.name)
                };
                if let Some(before) = self.standing.replace(file.clone()).filter(is_elsewhere) {
                    let _ = take_back(site, &before);
                }
                (self.stale, self.litter) = (None, None);
                Ok(())
            }
            Err(failure) => {
                // The disk is often full: leave nothing half-written on it.
                self.litter = unlink_gone(&site.fs, &temporary).is_err().then_some(temporary);
                Err(failure)
            }
        }
    }

    /// Renames the temporary to the alert's name, or to a name of our own if another log's alert stands there.
    fn place(&self, site: &Site, temporary: &At, wanted: &At) -> Result<Standing, Failure> {
        let failed = |op, to: &At, error| Failure::between(op, temporary.path(), to.path(), error);
        let id = site.fs.stat(temporary).map_err(|error| Failure::new(Op::Stat, temporary.path(), error))?.id;
        if self.standing.is_none() {
            match site.fs.rename(temporary, wanted) {
                Ok(()) => return Ok(Standing { at: wanted.clone(), id }),
                // If that fails, what stands there decides.
                Err(OsError::EEXIST | OsError::EINVAL | OsError::ENOSYS | OsError::EPERM) => {}
                Err(error) => return Err(failed(Op::Rename, wanted, error)),
            }
        }
        let own = own_alert(site, wanted);
        let is_free = site.fs.stat(wanted) == Err(OsError::ENOENT);
        let target = if is_free || is_ours(&site.fs, wanted, &site.names) { wanted } else { &own };
        site.fs.replace(temporary, target).map_err(|error| failed(Op::Replace, target, error))?;
        Ok(Standing { at: target.clone(), id })
    }

    fn text(&self, report: &Report<'_>, now: Now) -> String {
        let mut text = format!(
            "{}\ntime: {}\nprocess: {}\n",
            log_line(&report.site.names),
            now.wall,
            std::process::id()
        );
        for alert in self.open.values() {
            // Writing to a `String` cannot fail.
            let _ =
                writeln!(text, "\ntrouble: {}\nsince: {}\nraised: {}", alert.trouble, alert.since, alert.at);
            if let Some(failure) = &alert.failure {
                let _ = writeln!(
                    text,
                    "error: {}\noperation: {}\npath: {}",
                    failure.error,
                    failure.op,
                    one_line(&failure.path)
                );
                if let Some(to) = &failure.to {
                    let _ = writeln!(text, "to: {}", one_line(to));
                }
                let _ = writeln!(text, "attempts: {}", alert.attempts);
            }
            let _ = writeln!(text, "meaning: {}", alert.detail);
        }
        let counters = report.counters;
        let _ = writeln!(
            text,
            "\nrecords written: {}\nrecords dropped: {}\nrotations: {}\nfailed calls: {}\nfiles pruned: {} ({} bytes)\n\
             bytes in all files: {} of at most {}",
            counters.records_written,
            report.dropped,
            counters.rotations,
            counters.failures,
            counters.pruned_files,
            counters.pruned_bytes,
            report.total_bytes,
            report.settings.max_total_bytes,
        );
        let end = (0..=ALERT_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text
    }
}

/// The first line of an alert file, which says whose it is.
fn log_line(names: &Names) -> String {
    format!("log: {}", one_line(names.live()))
}

fn one_line(path: &Path) -> String {
    path.display().to_string().replace(char::is_control, "?")
}

/// Returns whether an alert file is about the log with these names.
pub(super) fn is_ours(fs: &dyn Fs, at: &At, names: &Names) -> bool {
    let line = format!("{}\n", log_line(names));
    fs.read_head(at, line.len()).is_ok_and(|head| head == line.as_bytes())
}

/// Returns the name to use when another log has the usual one.
pub(super) fn own_alert(site: &Site, wanted: &At) -> At {
    let own = site.names.own_alert(Path::new(&wanted.name));
    wanted.dir.at(own)
}

/// Removes an alert file of ours. Another file that has its name by now is not touched.
fn take_back(site: &Site, file: &Standing) -> Result<(), Failure> {
    let Some(at) = reached(site, &file.at)? else { return Ok(()) };
    match site.fs.stat(&at) {
        Ok(meta) if meta.id != file.id => Ok(()),
        _ => unlink_gone(&site.fs, &at),
    }
}

/// Reaches the name by a descriptor that still refers to its directory, since others may have closed the original one.
/// Returns `None` if nothing leads to that directory any more.
fn reached(site: &Site, at: &At) -> Result<Option<At>, Failure> {
    if site.fs.stat_dir(&at.dir).map(|meta| meta.id) == Ok(at.dir.id()) {
        return Ok(Some(at.clone()));
    }
    let own = site.dirs().map(|(_, dir, _)| dir).find(|dir| dir.id() == at.dir.id()).cloned();
    let dir = match own.map_or_else(|| site.beside(at.dir.path()), Ok) {
        Err(failure) if failure.error != OsError::ENOENT => return Err(failure),
        dir => dir.ok(),
    };
    Ok(dir.filter(|dir| dir.id() == at.dir.id()).map(|dir| dir.at(&at.name)))
}
