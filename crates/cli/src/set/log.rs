//! Which log is meant: the path on the command line, what the log's lock file says, and the names that are its own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tracing_spool_fileset::internal::lock_note::{BYTES_MAX, LockNote};
use tracing_spool_fileset::internal::name::{Names, Role, is_reserved};
use tracing_spool_fileset::{Disk, Fs as _, OsError};

use crate::say::{self, Problem};

/// The most logs that an error message lists.
const SUGGESTED_MAX: usize = 8;

/// The limits that a log's lock file notes, in the order in which they are shown.
pub(crate) const LIMITS: [&str; 7] = [
    "max_bytes",
    "backup_count",
    "max_total_bytes",
    "max_age",
    "min_free_bytes",
    "min_backups",
    "rotate_every",
];

/// The log to read.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Log {
    /// The path of the live file, such as /var/log/shop/shop.log
    pub(crate) path: PathBuf,

    /// The directory of the backups, if the log has an archive that its lock file doesn't name
    #[arg(long, value_name = "DIR")]
    pub(crate) archive_dir: Option<PathBuf>,
}

/// The names of a log, and how far its numbers go.
#[derive(Clone, Debug)]
pub(crate) struct Naming {
    pub(crate) names: Names,
    /// How many backups the log keeps, if its lock file says so. Numbers above it belong to the log only as long as they
    /// follow each other.
    pub(crate) backup_count: Option<u32>,
}

/// A log's live path, and what its lock file says.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The names beside the live file, without those of periods.
    pub(crate) names: Names,
    pub(crate) lock: Lock,
    /// The text of the lock file, which stays when its process has ended.
    pub(crate) note: LockNote,
}

/// Who has a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// A process writes it.
    Held,
    /// Nobody does.
    Free,
    /// There is no lock file: no process of ours has written here.
    Missing,
    /// The lock file can't be looked at, for this reason.
    Unreadable(String),
}

impl Log {
    /// Returns the names of the log, as its lock file describes them.
    pub(crate) fn naming(&self) -> Result<Naming, Problem> {
        let Found { names, lock, note } = find(&self.path)?;
        // An empty lock file was written on a full disk, and says nothing against names of periods. Without one, they are
        // somebody else's.
        let is_empty = note.words.is_empty() && matches!(lock, Lock::Held | Lock::Free);
        let archive = match &self.archive_dir {
            Some(given) => Some(absolute(given)?),
            None => note.archive_dir().filter(|dir| dir.is_absolute()),
        };
        let names =
            archive.into_iter().fold(names, Names::with_archive).with_periods(is_empty || note.has_periods());
        let backup_count = note.get("backup_count").and_then(|count| count.parse().ok());
        Ok(Naming { names, backup_count })
    }

    /// Says if the lock file can't be read: it may name an archive whose backups would be left out without a word.
    pub(crate) fn say_if_lock_is_shut(&self) -> Result<(), Problem> {
        if let (Lock::Unreadable(why), None) = (find(&self.path)?.lock, &self.archive_dir) {
            say::warn(format_args!(
                "{}: the lock file can't be looked at ({why}): if it names an archive or periods, backups are left out; give \
                 --archive-dir, or read the log as its owner",
                self.path.display()
            ));
        }
        Ok(())
    }
}

/// Finds the log of a live file.
pub(crate) fn find(given: &Path) -> Result<Found, Problem> {
    let path = live_path(given)?;
    let names = Names::new(&path).ok_or_else(|| {
        Problem::unusable(format_args!(
            "{} can't be a log: give the path of a live file, such as /var/log/shop/shop.log",
            given.display()
        ))
    })?;
    let (lock, note) = read_lock(&names);
    if is_reserved(names.base()) && matches!(lock, Lock::Missing | Lock::Unreadable(_)) {
        return Err(Problem::unusable(format_args!(
            "{} is a name that a log gives to its other files: give the path of the live file{}",
            given.display(),
            suggestions(names.dir())
        )));
    }
    Ok(Found { names, lock, note })
}

/// Returns the problem that there is no file of this log.
pub(crate) fn absent(path: &Path) -> Problem {
    let there = path.parent().map(suggestions).unwrap_or_default();
    Problem::failed(format_args!("{} doesn't exist, and neither do backups of it{there}", path.display()))
}

/// Returns the absolute path of the live file. A link to it, such as `latest_link`, is followed. A link that is itself what
/// a log writes through has a lock file of its own.
fn live_path(given: &Path) -> Result<PathBuf, Problem> {
    let path = absolute(given)?;
    if fs::metadata(&path).is_ok_and(|meta| meta.is_dir()) {
        return Err(Problem::unusable(format_args!(
            "{} is a directory: give the path of a live file{}",
            given.display(),
            suggestions(&path)
        )));
    }
    let is_link = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink());
    let is_log = Names::new(&path).is_some_and(|names| names.lock().exists());
    if is_link && !is_log {
        fs::canonicalize(&path).map_err(Problem::doing("following", &path))
    } else {
        Ok(path)
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| {
        Problem::unusable(format_args!("{path:?} is no path: {error}; give the path of a live file"))
    })
}

/// Reads the lock file. Looking who holds it shares it for a moment, for which whoever takes it is prepared.
fn read_lock(names: &Names) -> (Lock, LockNote) {
    let disk = Disk::new();
    let unreadable = |error: OsError| (Lock::Unreadable(error.to_string()), LockNote::default());
    let dir = match disk.open_dir(names.dir()) {
        Ok(dir) => dir,
        Err(OsError::ENOENT | OsError::ENOTDIR) => return (Lock::Missing, LockNote::default()),
        Err(error) => return unreadable(error),
    };
    let at = dir.at(names.lock_name());
    let held = match disk.lock_holder(&at) {
        Ok(held) => held.is_some(),
        Err(error) => return unreadable(error),
    };
    match disk.read_head(&at, BYTES_MAX) {
        Ok(text) => (if held { Lock::Held } else { Lock::Free }, LockNote::parse(&text)),
        Err(OsError::ENOENT) => (Lock::Missing, LockNote::default()),
        Err(error) => unreadable(error),
    }
}

/// Returns the logs that have a lock file in a directory, in words that end an error message.
fn suggestions(dir: &Path) -> String {
    let listed = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let mut logs: Vec<PathBuf> =
        listed.filter_map(|entry| log_of(&entry.file_name()).map(|base| dir.join(base))).collect();
    logs.sort();
    let more = if logs.len() > SUGGESTED_MAX { ", ..." } else { "" };
    let shown: Vec<String> = logs.iter().take(SUGGESTED_MAX).map(|log| log.display().to_string()).collect();
    if shown.is_empty() { String::new() } else { format!(" (logs there: {}{more})", shown.join(", ")) }
}

/// Returns the live file that a lock file belongs to.
fn log_of(name: &OsStr) -> Option<String> {
    let base = name.to_str()?.strip_prefix('.')?.strip_suffix(".lock")?;
    let names = Names::new(&Path::new("/").join(base))?;
    (names.role(name) == Some(Role::Lock)).then(|| base.to_owned())
}
