//! The directory of an appender: it opens files, continues the newest, removes the oldest, and updates the link. The
//! appender decides when, and `retention` which files must go.

use std::io;
use std::path::{Path, PathBuf};

use tracing_spool_fileset::Mono;

use super::disk;
use super::init_error::InitError;
use super::limits::Limits;
use super::live::LiveFile;
use super::names::{Names, Own, Period, Segment};
use super::past::Past;
use super::retention::{Old, split_off_surplus, total};
use super::troubles::{Kind, Troubles};

/// How many names a warning shows.
const NAMES_SHOWN: usize = 3;

#[derive(Debug)]
pub(super) struct LogDirectory {
    pub(super) path: PathBuf,
    pub(super) link: Option<PathBuf>,
    pub(super) names: Names,
    pub(super) limits: Limits,
}

impl LogDirectory {
    pub(super) fn path_of(&self, segment: Segment) -> PathBuf {
        self.path.join(self.names.name(segment))
    }

    /// Checks that the link wouldn't replace anything of the log.
    ///
    /// # Errors
    /// Returns an error if the link, which has this value in the settings, would replace a file of ours or a directory that
    /// contains them: it would point to itself, and no file could be opened any more.
    pub(super) fn check_link(&self, value: &str) -> Result<(), InitError> {
        let place =
            self.link.as_deref().and_then(|link| Some((disk::real(link.parent()?), link.file_name()?)));
        let Some((parent, name)) = place else { return Ok(()) };
        let directory = disk::real(&self.path);
        let is_own = |name: &str| self.names.read(name).is_some();
        let is_taken = name.to_str().is_some_and(is_own) && parent == directory;
        if !is_taken && !directory.starts_with(parent.join(name)) {
            return Ok(());
        }
        let other = if is_own("latest") { "current" } else { "latest" };
        let what = if is_taken { "is the name of a file" } else { "is a directory" };
        let text = format!(
            "latest_symlink = {value:?}: {what} of this log: give the link another name, such as {other:?}"
        );
        Err(InitError::setting(text))
    }

    /// Returns the segment of a period to continue: its newest, or the next one if that is compressed. If the directory
    /// can't be listed, it is the first: [`open`](Self::open) continues from there.
    pub(super) fn newest(&self, period: Period, troubles: &Troubles, now: Mono) -> Segment {
        let first = Segment::first(period);
        match self.newest_listed(period) {
            Ok(newest) => newest.unwrap_or(first),
            Err(error) => {
                self.report_unlisted(&error, troubles, now);
                first
            }
        }
    }

    fn newest_listed(&self, period: Period) -> io::Result<Option<Segment>> {
        // Without a size limit the name is known, and a file with a number may be logrotate's.
        if self.limits.max_bytes.is_none() {
            return Ok(None);
        }
        let own = match self.own_files() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            own => own?,
        };
        let newest = own.into_iter().map(|(own, _)| own).filter(|own| own.segment.period == period).max();
        Ok(newest.map(|Own { segment, is_compressed }| {
            segment.next().filter(|_| is_compressed).unwrap_or(segment)
        }))
    }

    /// Returns where the log continues after a file that is large enough, or none if the numbers are used up.
    pub(super) fn next(&self, live: Segment) -> Option<Segment> {
        let next = live.next()?;
        if !self.limits.prunes() {
            return Some(next);
        }
        // Another appender on this log may be far ahead, and have removed what came between. A file that filled such a gap
        // would be the oldest by its name, and the first that either of them removes.
        let newest = self.newest_listed(live.period).ok().flatten(); // making room lists it again, and reports
        Some(newest.map_or(next, |newest| newest.max(next)))
    }

    /// Opens a segment, or the first one after it that has room, and reserves `bytes` in it. Missing directories are
    /// created.
    pub(super) fn open(
        &self,
        mut segment: Segment,
        bytes: usize,
        past: &mut Past,
    ) -> Result<LiveFile, InitError> {
        loop {
            let path = self.path_of(segment);
            let opened = disk::open(&path, self.limits.mode).or_else(|_| {
                disk::make_directories(&self.path)
                    .map_err(InitError::path("the log directory {} cannot be made", &self.path))?;
                disk::open(&path, self.limits.mode)
                    .map_err(InitError::path("the log file {} cannot be opened", &path))
            })?;
            let live = LiveFile::new(opened, segment, self.limits.max_bytes);
            // A file with some room, but too little for this record, is skipped like a full one.
            if !live.is_full() && live.reserve(bytes).is_ok() {
                return Ok(live);
            }
            let Some(next) = segment.next() else {
                let _is_free = live.reserve_overlong(bytes); // it has no budget yet
                return Ok(live);
            };
            self.remember(&live, past);
            segment = next;
        }
    }

    /// Removes our oldest files until no more are left than the limits allow with `live`, and the budget has room for
    /// `live` at its largest and another `bytes`. What is left of the budget is then `live`'s; returns whether that
    /// suffices for these bytes.
    ///
    /// `before` takes records until `live` does. It is removed only if `live` then has room; otherwise it must continue.
    pub(super) fn make_room(
        &self,
        (live, bytes): (&LiveFile, u64),
        before: Option<&LiveFile>,
        past: &mut Past,
        troubles: &Troubles,
        now: Mono,
    ) -> bool {
        let Limits { max_files, max_bytes, max_total_bytes, .. } = self.limits;
        if !self.limits.prunes() {
            return true;
        }
        if let Some(before) = before {
            self.remember(before, past);
        }
        let mut old = self.old_files(live.segment(), past).unwrap_or_else(|error| {
            self.report_unlisted(&error, troubles, now);
            self.remembered_files(live.segment(), past)
        });
        let budget = max_total_bytes.unwrap_or(u64::MAX);
        let files = max_files.map_or(usize::MAX, |files| files - 1);
        let needed = live.length().saturating_add(bytes);
        let wanted = needed.max(max_bytes.unwrap_or(0));
        let mut surplus = split_off_surplus(&mut old, files, budget.saturating_sub(wanted));
        let before = before.map(LiveFile::segment);
        let is_before = |old: &Old| !old.own.is_compressed && Some(old.own.segment) == before;
        surplus.sort_by_key(is_before);
        for old_file in surplus {
            let is_kept = is_before(&old_file) && needed > budget.saturating_sub(total(&old));
            if is_kept || !self.remove(&old_file, troubles, now) {
                old.push(old_file);
            }
        }
        let rest = budget.saturating_sub(total(&old));
        past.know(old);
        live.set_budget(rest);
        needed <= rest
    }

    fn remember(&self, live: &LiveFile, past: &mut Past) {
        if self.limits.prunes() {
            past.remember(live, self.names.name(live.segment()));
        }
    }

    fn remove(&self, old: &Old, troubles: &Troubles, now: Mono) -> bool {
        let path = self.path.join(&old.name);
        let removed = disk::remove(&path);
        if let Err(error) = &removed {
            let what = format_args!("the old log file {} cannot be removed: {error}", path.display());
            troubles.report(Kind::Remove, &what, now);
        }
        removed.is_ok()
    }

    /// Points the link at a segment.
    pub(super) fn link_to(&self, segment: Segment) -> Result<(), InitError> {
        let Some(link) = &self.link else { return Ok(()) };
        if let Some(kind) = disk::other_than_link(link) {
            let told = format!(
                "{} is {kind} and no symbolic link: move it away, or give latest_symlink another name",
                link.display()
            );
            return Err(InitError::told(told, io::ErrorKind::AlreadyExists.into()));
        }
        let file = self.path_of(segment);
        // A relative target is resolved from the link's directory.
        let target = if link.parent() == file.parent() { file.file_name().map(PathBuf::from) } else { None };
        target
            .map_or_else(|| std::path::absolute(&file), Ok)
            .and_then(|target| disk::link(&target, link))
            .map_err(|error| {
                let error = InitError::path("the symbolic link {} cannot be made", link)(error);
                error.with_remedy("let this user write to its directory, or give latest_symlink another name")
            })
    }

    /// Warns about files that tracing-appender counts and removes by the two ends of their names, and this appender keeps.
    pub(super) fn warn_of_uncounted(&self, troubles: &Troubles) {
        let Names { prefix, suffix, .. } = &self.names;
        if self.limits.max_files.is_none() || (prefix.is_none() && suffix.is_none()) {
            return;
        }
        let (prefix, suffix) = (prefix.as_deref().unwrap_or_default(), suffix.as_deref().unwrap_or_default());
        let mut uncounted = disk::files(&self.path).unwrap_or_default();
        uncounted.retain(|name| {
            name.starts_with(prefix) && name.ends_with(suffix) && self.names.read(name).is_none()
        });
        if !uncounted.is_empty() {
            troubles.warn(&warning(&self.path, uncounted));
        }
    }

    /// Returns the files that are no longer written, except for what is on its way into them, with their sizes.
    fn old_files(&self, live: Segment, past: &Past) -> io::Result<Vec<Old>> {
        // Read before the files are measured: a thread that is done by then has written everything it will.
        let on_their_way = past.on_their_way();
        let live = self.names.name(live);
        let mut old = Vec::new();
        let is_old = |(own, name): &(Own, String)| *name != live && self.names.is_bounded(*own, name, &live);
        for (own, name) in self.own_files()?.into_iter().filter(is_old) {
            if let Some(bytes) = disk::length(&self.path.join(&name))? {
                old.push(at_most(Old { own, name, bytes }, &on_their_way));
            }
        }
        Ok(old)
    }

    /// Returns the same from memory: a file can be measured and removed by its name while the directory can't be listed,
    /// because its permissions or the limit of open files forbid it. Files that others have created since the last listing
    /// are missing.
    fn remembered_files(&self, live: Segment, past: &Past) -> Vec<Old> {
        let on_their_way = past.on_their_way();
        let live = self.names.name(live);
        let there = |old: &Old| {
            let bytes = disk::length(&self.path.join(&old.name)).unwrap_or(Some(old.bytes))?;
            Some(at_most(Old { bytes, ..old.clone() }, &on_their_way))
        };
        past.known().iter().filter(|old| old.name != live).filter_map(there).collect()
    }

    fn report_unlisted(&self, error: &io::Error, troubles: &Troubles, now: Mono) {
        let path = self.path.display();
        let what = format_args!(
            "the log directory {path} cannot be listed, so only files known to this process are removed: {error}"
        );
        troubles.report(Kind::List, &what, now);
    }

    fn own_files(&self) -> io::Result<Vec<(Own, String)>> {
        let files = disk::files(&self.path)?.into_iter();
        Ok(files.filter_map(|name| Some((self.names.read(&name)?, name))).collect())
    }
}

/// Returns the file with the largest size that it can reach, including bytes on their way into it.
fn at_most(old: Old, on_their_way: &[(Segment, u64)]) -> Old {
    let is_left = |(segment, _): &&(Segment, u64)| !old.own.is_compressed && old.own.segment == *segment;
    let length = on_their_way.iter().find(is_left).map_or(0, |(_, length)| *length);
    Old { bytes: old.bytes.max(length), ..old }
}

fn warning(directory: &Path, mut names: Vec<String>) -> String {
    names.sort_unstable();
    let (count, directory) = (names.len(), directory.display());
    names.truncate(NAMES_SHOWN);
    let more = count - names.len();
    let shown = names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() };
    let files = if count == 1 { "file" } else { "files" };
    format!(
        "max_log_files leaves {count} {files} in {directory} alone that tracing-appender would have removed in time: {shown}. \
         Their names begin and end as this log's do, but have no date that it writes. Delete or move what is not needed."
    )
}
