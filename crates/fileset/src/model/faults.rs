//! Checks settings without touching the disk, and reports all faults at once, each with its setting, its value and what
//! would be right.

#[cfg(test)]
mod tests;

use super::compression::Compression;
use super::error::Fault;
use super::header::Header;
use super::name::{self, BACKUPS_MAX, ENDING_BYTES_MAX, NAME_MAX, Names};
use super::settings::{Allow, MIN_RECORD_BYTES, QUIET_ROTATION_MAX, Settings, SyncPolicy};
use std::path::Path;
use std::time::Duration;

impl Settings {
    /// Returns every fault of these settings that can be found without looking at the disk. The settings are usable as
    /// such if there is none.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.path_faults(&mut faults);
        self.size_faults(&mut faults);
        self.count_faults(&mut faults);
        self.time_faults(&mut faults);
        if !self.compression.is_built() {
            let wanted =
                format!("must be none, or the program be built with the feature `{}`", self.compression);
            faults.push(Fault::new("compression", self.compression, wanted));
        }
        if self.mode & !0o7777 != 0 || self.mode & 0o600 != 0o600 {
            faults.push(Fault::new(
                "mode",
                format!("{:o}", self.mode),
                "must be a file mode that lets its owner read and write, such as 0640",
            ));
        }
        if self.dir_mode & !0o7777 != 0 || self.dir_mode & 0o700 != 0o700 {
            faults.push(Fault::new(
                "dir_mode",
                format!("{:o}", self.dir_mode),
                "must be a directory mode that lets its owner do everything, such as 0750",
            ));
        }
        faults
    }

    fn path_faults(&self, faults: &mut Vec<Fault>) {
        let wanted = match file_name_of(&self.path) {
            None => Some("must name a file, such as /var/log/app/app.log".to_owned()),
            Some(_) if self.path.as_os_str().as_encoded_bytes().contains(&0) => {
                Some("must not contain a NUL byte".to_owned())
            }
            Some(base) if base.len() + self.added_bytes_max() > NAME_MAX => {
                let longest = NAME_MAX - self.added_bytes_max();
                Some(format!("must have a file name of at most {longest} bytes"))
            }
            Some(base) if name::is_reserved(base) && !self.allows(Allow::ReservedName) => Some(
                "must not look like another log's backup, hidden, lock or alert file (or allow ReservedName)"
                    .to_owned(),
            ),
            Some(_) => None,
        };
        if let Some(wanted) = wanted {
            faults.push(Fault::new("path", self.path.display(), wanted));
        }
        if let Some(dir) = &self.archive_dir {
            let wanted = if dir.as_os_str().is_empty() {
                Some("must name a directory, such as /var/log/app/old")
            } else if dir.as_os_str().as_encoded_bytes().contains(&0) {
                Some("must not contain a NUL byte")
            } else {
                None
            };
            faults.extend(wanted.map(|wanted| Fault::new("archive_dir", dir.display(), wanted)));
        }
        if let Some(alert) = &self.alert_file {
            let wanted = self.beside_fault(alert);
            faults.extend(wanted.map(|wanted| Fault::new("alert_file", alert.display(), wanted)));
        }
        if let Some(link) = &self.latest_link {
            let wanted = self
                .beside_fault(link)
                .or_else(|| self.is_alert(link).then_some("must not be the alert file"));
            faults.extend(wanted.map(|wanted| Fault::new("latest_link", link.display(), wanted)));
        }
    }

    /// Returns what is wrong with a path for something that the set keeps beside its files.
    fn beside_fault(&self, path: &Path) -> Option<&'static str> {
        if file_name_of(path).is_none() {
            Some("must name a file")
        } else if path.as_os_str().as_encoded_bytes().contains(&0) {
            Some("must not contain a NUL byte")
        } else if self.is_name_of_set(path) {
            Some("must not be a file of the log itself")
        } else {
            None
        }
    }

    /// Returns the most bytes that a name of the set adds to that of the live file: a backup's, a temporary file's, or
    /// the alert file's if another log has the usual name.
    pub(crate) fn added_bytes_max(&self) -> usize {
        let ending = if self.compression == Compression::None { 0 } else { ENDING_BYTES_MAX };
        let alert = self.alert_file.as_deref().and_then(Path::file_name).unwrap_or(name::ALERT_FILE.as_ref());
        (self.naming.bytes_max() + ending).max(".".len() + alert.len()).max(name::DOTTED_BYTES_MAX)
    }

    /// Returns the names of the set by these settings alone, without following symlinks.
    pub(crate) fn names(&self) -> Option<Names> {
        let names = Names::new(&std::path::absolute(&self.path).ok()?)?.with_periods(self.has_periods());
        let archive = self.archive_dir.as_deref().and_then(|dir| std::path::absolute(dir).ok());
        Some(match archive {
            Some(dir) => names.with_archive(dir),
            None => names,
        })
    }

    fn is_name_of_set(&self, path: &Path) -> bool {
        let (Some(names), Ok(path)) = (self.names(), std::path::absolute(path)) else { return false };
        names.dirs().any(|dir| path.parent() == Some(dir))
            && path.file_name().is_some_and(|name| names.role(name).is_some())
    }

    fn is_alert(&self, path: &Path) -> bool {
        let (Some(names), Ok(path)) = (self.names(), std::path::absolute(path)) else { return false };
        let alert = std::path::absolute(self.alert_path(&names));
        alert.is_ok_and(|alert| path == alert || path == names.own_alert(&alert))
    }

    fn size_faults(&self, faults: &mut Vec<Fault>) {
        if self.max_bytes == 0 {
            faults.push(Fault::new("max_bytes", 0, "must be at least 1 byte, such as 10485760 (10 MiB)"));
        }
        if self.max_total_bytes == 0 {
            faults.push(Fault::new(
                "max_total_bytes",
                0,
                "must be at least 1 byte, such as 62914560 (60 MiB)",
            ));
        } else if self.max_total_bytes < self.max_bytes {
            faults.push(Fault::new(
                "max_total_bytes",
                self.max_total_bytes,
                format!("must be at least max_bytes ({}), the size of one file", self.max_bytes),
            ));
        }
        if let Some(limit) = self.max_record_bytes {
            if limit < MIN_RECORD_BYTES {
                faults.push(Fault::new(
                    "max_record_bytes",
                    limit,
                    format!("must be at least {MIN_RECORD_BYTES}"),
                ));
            } else if limit > self.max_total_bytes {
                faults.push(Fault::new(
                    "max_record_bytes",
                    limit,
                    format!("must be at most max_total_bytes ({})", self.max_total_bytes),
                ));
            }
        } else if self.max_total_bytes > 0 && self.max_total_bytes < MIN_RECORD_BYTES {
            faults.push(Fault::new(
                "max_total_bytes",
                self.max_total_bytes,
                format!("must be at least {MIN_RECORD_BYTES}, the shortest limit of a record"),
            ));
        }
        let header_bytes = self.header.as_ref().and_then(Header::text).map_or(0, |text| text.len() as u64);
        let most = self.max_bytes.min(self.record_limit());
        if most > 0 && header_bytes >= most {
            let wanted = format!(
                "must be shorter than max_bytes ({}) and max_record_bytes ({})",
                self.max_bytes,
                self.record_limit()
            );
            faults.push(Fault::new("header", format!("{header_bytes} bytes"), wanted));
        }
    }

    fn count_faults(&self, faults: &mut Vec<Fault>) {
        if !(1..=100).contains(&self.budget_warning_percent) {
            faults.push(Fault::new(
                "budget_warning_percent",
                self.budget_warning_percent,
                "must be from 1 to 100",
            ));
        }
        if let Some(kept) = self.min_backups.filter(|kept| *kept > self.backup_count) {
            faults.push(Fault::new(
                "min_backups",
                kept,
                format!("must be at most backup_count ({})", self.backup_count),
            ));
        }
        if self.backup_count > BACKUPS_MAX {
            faults.push(Fault::new(
                "backup_count",
                self.backup_count,
                format!("must be at most {BACKUPS_MAX}: each rotation renames them all"),
            ));
        }
    }

    fn time_faults(&self, faults: &mut Vec<Fault>) {
        if let Some(schedule) = &self.rotate_every {
            faults.extend(schedule.objection().map(|wanted| Fault::new("rotate_every", schedule, wanted)));
        }
        if self.quiet_rotation > QUIET_ROTATION_MAX {
            let wanted = format!("must be at most {QUIET_ROTATION_MAX:?}: records wait for it");
            faults.push(Fault::new("quiet_rotation", format!("{:?}", self.quiet_rotation), wanted));
        }
        let mut at_least = |field, value: Duration, least: Duration, wanted: &str| {
            if value < least {
                faults.push(Fault::new(field, format!("{value:?}"), wanted));
            }
        };
        let instant = Duration::from_millis(1);
        at_least("retry_base_delay", self.retry_base_delay, instant, "must be at least 1 ms, such as 100 ms");
        at_least("retry_cooldown", self.retry_cooldown, instant, "must be at least 1 ms, such as 30 s");
        at_least(
            "retry_cooldown_max",
            self.retry_cooldown_max,
            self.retry_cooldown,
            "must be at least retry_cooldown",
        );
        if let Some(age) = self.max_age {
            at_least("max_age", age, Duration::from_secs(1), "must be at least 1 s, such as 7 days");
        }
        if let SyncPolicy::Interval(interval) = self.sync {
            at_least("sync", interval, instant, "must be an interval of at least 1 ms, such as 1 s");
        }
        const MOST_RETRIES: u32 = 16;
        if self.retry_attempts > MOST_RETRIES {
            faults.push(Fault::new(
                "retry_attempts",
                self.retry_attempts,
                format!("must be at most {MOST_RETRIES}: the delay doubles with each"),
            ));
        }
    }
}

/// Returns the file name of a path that can name a file: not empty, and not ending in `/`, `.` or `..`.
fn file_name_of(path: &Path) -> Option<&std::ffi::OsStr> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.ends_with(b"/") || bytes.ends_with(b"/.") { None } else { path.file_name() }
}
