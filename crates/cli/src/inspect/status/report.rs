//! What is known of a log, gathered once: `text` and `json` only show it.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_spool_fileset::internal::Foresight;
use tracing_spool_fileset::internal::inventory::Backup;
use tracing_spool_fileset::{Compression, Wall};

use super::ring::Ring;
use super::space::{Others, Space, space};
use crate::inspect::log::Log;
use crate::inspect::shown;

/// The most bytes of an alert file that are shown.
const ALERT_BYTES_MAX: u64 = 16 * 1024;

/// The least age of a live file whose growth says anything.
const ESTIMATE_AGE_MIN: Duration = Duration::from_secs(10);

/// A file of the log.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) role: &'static str,
    pub(super) compression: Option<&'static str>,
    pub(super) bytes: u64,
    pub(super) written: Wall,
}

/// An alert that stands.
#[derive(Debug)]
pub(super) struct Alert {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// When the live file is rotated.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) bytes_left: u64,
    /// How long these bytes take, as the live file has grown so far.
    pub(super) estimate: Option<Duration>,
    /// When the clock rotates.
    pub(super) at: Option<Wall>,
}

#[derive(Debug)]
pub(super) struct Report {
    /// Newest first.
    pub(super) files: Vec<File>,
    pub(super) total_bytes: u64,
    pub(super) live_bytes: u64,
    pub(super) backups: usize,
    pub(super) leftover_bytes: u64,
    pub(super) alert: Option<Alert>,
    pub(super) ring: Option<Ring>,
    pub(super) space: Option<Space>,
    pub(super) others: Option<Others>,
    pub(super) next: Next,
    /// What is wrong, in sentences.
    pub(super) troubles: Vec<String>,
}

impl Report {
    pub(super) fn of(log: &Log, seen: Foresight) -> Self {
        let dir = seen.names.dir().to_owned();
        let alert = seen.alert.clone().map(|path| Alert { text: head_of(&path), path });
        let mut report = Self {
            files: files(&seen),
            total_bytes: seen.total_bytes(),
            live_bytes: seen.live.map_or(0, |live| live.bytes),
            backups: seen.backups.len(),
            leftover_bytes: seen.leftovers,
            alert,
            ring: log.note.path("ring").map(|path| Ring::look(&path)),
            space: space(&dir),
            others: Others::beside(log, &seen),
            next: next(log, &seen),
            troubles: Vec::new(),
        };
        report.troubles = report.find_troubles(log);
        report
    }

    fn find_troubles(&self, log: &Log) -> Vec<String> {
        let (mut troubles, settings) = (Vec::new(), &log.settings);
        if let Some(alert) = &self.alert {
            troubles.push(format!("an alert stands: {}", alert.path.display()));
        }
        if self.total_bytes > settings.max_total_bytes {
            let (total, most) = (shown::bytes(self.total_bytes), shown::bytes(settings.max_total_bytes));
            troubles.push(format!("the log takes {total}, and max_total_bytes is {most}"));
        }
        if self.backups as u64 > u64::from(settings.backup_count) {
            let count = settings.backup_count;
            troubles.push(format!("there are {} backups, and backup_count is {count}", self.backups));
        }
        if let Some(space) = &self.space {
            if space.free_bytes < settings.min_free_bytes {
                let (free, floor) = (shown::bytes(space.free_bytes), shown::bytes(settings.min_free_bytes));
                troubles.push(format!("{free} are free, and min_free_bytes is {floor}"));
            } else if space.free_bytes == 0 {
                troubles.push("the file system is full".to_owned());
            }
            if space.total_inodes > 0 && space.free_inodes == 0 {
                troubles.push("the file system has no inode left for a new file".to_owned());
            }
        }
        troubles.extend(self.ring.as_ref().and_then(Ring::trouble));
        troubles
    }
}

fn files(seen: &Foresight) -> Vec<File> {
    let takes_records = seen.live.map(|live| live.id);
    let role = |path: &Path, file: &Backup| match (Some(file.id) == takes_records, seen.is_hidden) {
        (true, true) => "hidden",
        (true, false) => "live",
        _ if path == seen.names.live() => "standing",
        _ => "backup",
    };
    let shown = |(path, file): (PathBuf, &Backup)| File {
        role: role(&path, file),
        compression: match file.compression {
            Compression::Gzip => Some("gzip"),
            Compression::Zstd => Some("zstd"),
            _ => None,
        },
        bytes: file.bytes,
        written: file.modified,
        path,
    };
    seen.files().map(shown).collect()
}

/// Returns the beginning of an alert file, or why it can't be read.
fn head_of(path: &Path) -> String {
    let mut text = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(ALERT_BYTES_MAX).read_to_end(&mut text));
    match read {
        Ok(_) => String::from_utf8_lossy(&text).trim_end().to_owned(),
        Err(error) => crate::say::plain(&error),
    }
}

fn next(log: &Log, seen: &Foresight) -> Next {
    let live = seen.live.unwrap_or_default();
    let bytes_left = log.settings.max_bytes.saturating_sub(live.bytes);
    // An empty file isn't rotated.
    let at = seen.period_end.filter(|_| live.bytes > 0);
    Next { bytes_left, estimate: estimate(log, seen, bytes_left), at }
}

/// Returns how long the live file takes to grow by so many bytes, if it grows as it did since it was made.
fn estimate(log: &Log, seen: &Foresight, bytes_left: u64) -> Option<Duration> {
    let live = seen.live.filter(|live| live.bytes > 0)?;
    let made = fs::symlink_metadata(&log.settings.path).and_then(|meta| meta.created()).ok()?;
    let age = made.elapsed().ok().filter(|age| *age >= ESTIMATE_AGE_MIN)?;
    let millis = age.as_millis().checked_mul(u128::from(bytes_left))? / u128::from(live.bytes);
    u64::try_from(millis).ok().map(Duration::from_millis)
}
