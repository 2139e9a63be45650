//! What a file set is told, with its defaults, and the faults that need no look at the disk.
//! What stands at the paths is looked at by `engine::start`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::compression::Compression;
use super::error::Fault;
use super::header::Header;
use super::name::{self, BACKUPS_MAX, ENDING_BYTES_MAX, NAME_MAX, Names};
pub use super::naming::Naming;
use super::owner::Owner;
use super::render::Rules;
use super::schedule::Schedule;

/// Default of [`Settings::max_bytes`]: 10 MiB.
pub const MAX_BYTES: u64 = 10 << 20;
/// Default of [`Settings::max_record_bytes`], where the budget allows it: 1 MiB.
pub const MAX_RECORD_BYTES: u64 = 1 << 20;
/// Default of [`Settings::backup_count`].
pub const BACKUP_COUNT: u32 = 5;
/// Default of [`Settings::max_total_bytes`]: 60 MiB.
pub const MAX_TOTAL_BYTES: u64 = 60 << 20;
/// Default of [`Settings::budget_warning_percent`].
pub const BUDGET_WARNING_PERCENT: u8 = 90;
/// Default of [`Settings::retry_attempts`].
pub const RETRY_ATTEMPTS: u32 = 3;
/// Default of [`Settings::retry_base_delay`].
pub const RETRY_BASE_DELAY: Duration = Duration::from_millis(100);
/// Default of [`Settings::retry_cooldown`].
pub const RETRY_COOLDOWN: Duration = Duration::from_secs(30);
/// Default of [`Settings::retry_cooldown_max`].
pub const RETRY_COOLDOWN_MAX: Duration = Duration::from_secs(5 * 60);
/// Default of [`Settings::mode`].
pub const MODE: u32 = 0o640;
/// Default of [`Settings::dir_mode`].
pub const DIR_MODE: u32 = 0o750;
/// The longest [`Settings::quiet_rotation`]: records wait for it.
pub const QUIET_ROTATION_MAX: Duration = Duration::from_secs(10);
/// How often a blocked set probes.
pub const BLOCKED_PROBE: Duration = Duration::from_millis(500);
/// The least time between two looks at whether files and directories are still ours, while records come.
pub const WATCH_EVERY: Duration = Duration::from_millis(50);
/// How often they are looked at while none come.
pub const IDLE_WATCH_EVERY: Duration = Duration::from_secs(1);
/// For how long age removes nothing after a start, or after the clock has jumped.
pub const CLOCK_TRUSTED_AFTER: Duration = Duration::from_secs(10 * 60);
/// The shortest record length that may be set, so that a mark of what was cut has room.
pub const MIN_RECORD_BYTES: u64 = 64;

/// When written bytes are made durable with `fdatasync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sync {
    /// Never.
    Never,
    /// The old file, before it becomes a backup, then the directory.
    #[default]
    OnRotate,
    /// As on rotate, and whenever unsynced bytes are this old.
    Interval(Duration),
    /// As on rotate, and after each batch whose owner asks for it (the writer does for ERROR records).
    OnDemand,
}

/// Something unusual that is refused unless allowed by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Allow {
    /// The live path is a symlink: it is followed once, at open, and the set lives where it points.
    Symlink,
    /// The live file has further hard links: it is written through them. Without this it is rotated away at start, and
    /// nothing is written to it.
    HardLink,
    /// The live file belongs to another user. (Root may always write what belongs to the owner of the directory.)
    ForeignOwner,
    /// The live path is a device: written, but never rotated, measured or removed.
    Device,
    /// The live path is a FIFO: written, but never rotated, measured or removed.
    Fifo,
    /// The live name could be another log's backup, hidden, lock or alert file.
    ReservedName,
    /// Files that stood there before the first start are this log's own, and may be removed to keep its limits.
    FoundFiles,
    /// The file system has no locks: nothing else writes this log, which nobody checks.
    NoLock,
}

/// Everything a file set is told. Create it with [`Settings::new`] and change what should differ.
///
/// ```
/// use tracing_spool_fileset::Settings;
/// let mut settings = Settings::new("/var/log/shop/shop.log");
/// settings.max_bytes = 1 << 20;
/// settings.backup_count = 3;
/// assert!(settings.faults().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The live file. Made absolute at open.
    pub path: PathBuf,
    /// Rotate before the record that would make the live file larger than this many bytes.
    pub max_bytes: u64,
    /// Rotate by the clock too, whichever comes first.
    pub rotate_every: Option<Schedule>,
    /// Whether a live file with content is rotated when the set is opened.
    pub rotate_on_start: bool,
    /// How long nothing is written to a file before it is rotated, so that readers who look now and then reach its end;
    /// 0: off.
    pub quiet_rotation: Duration,
    /// A rotation by size waits so long after the one before, and the file grows on, within the budget; 0: off.
    pub min_rotation_interval: Duration,
    /// Longest record in bytes, its newline included; longer ones are cut and marked. `None`: the lesser of 1 MiB
    /// and `max_total_bytes`.
    pub max_record_bytes: Option<u64>,
    /// How many backups are kept: `app.log.1` (newest) and on. 0: a rotation discards the old content.
    pub backup_count: u32,
    /// What backups are called.
    pub naming: Naming,
    /// Where backups are kept. `None`: beside the live file. On the same file system, and for this log alone: it is
    /// locked too.
    pub archive_dir: Option<PathBuf>,
    /// How backups are stored, but for the newest, which readers may still be at. Whoever drives the set performs the
    /// orders for it: [`Engine::take_order`](crate::Engine::take_order).
    pub compression: Compression,
    /// Backups whose last record is older than this are removed. `None`: age does not matter.
    pub max_age: Option<Duration>,
    /// Bytes of the live file, the hidden new one and all backups together, at every instant.
    pub max_total_bytes: u64,
    /// From what share of the budget a set that cannot shrink by itself is warned of, in percent.
    pub budget_warning_percent: u8,
    /// Bytes of the file system that stay free for others; 0: off.
    pub min_free_bytes: u64,
    /// Backups that pruning for free space leaves alone. `None`: 1, or 0 with `backup_count` 0.
    pub min_backups: Option<u32>,
    /// Retries of a transient error, after the first call.
    pub retry_attempts: u32,
    /// Wait before the first retry; doubles with each.
    pub retry_base_delay: Duration,
    /// Wait after exhausted retries or a permanent error; doubles with each failed probe.
    pub retry_cooldown: Duration,
    /// The longest such wait.
    pub retry_cooldown_max: Duration,
    /// Where an alert is put down. `None`: `ALERT_LOG_ROTATION_FAILED.txt` beside the log.
    pub alert_file: Option<PathBuf>,
    /// A symlink that leads to the live file, kept at this path. Only a symlink is ever replaced. `None`: no link.
    pub latest_link: Option<PathBuf>,
    /// What is written first into each new file. It counts in the file's bytes. `None`: nothing.
    pub header: Option<Header>,
    /// To whom files and directories are given when they are created: for a program that starts as root and goes on as
    /// somebody else. `None`: a new file gets the group of the one before it, where that can be done.
    pub owner: Option<Owner>,
    /// Mode of the first file, subject to umask. A later one has that of the one before it.
    pub mode: u32,
    /// Mode of directories at creation, subject to umask.
    pub dir_mode: u32,
    /// Whether missing directories are created.
    pub create_dirs: bool,
    /// When written bytes are made durable.
    pub sync: Sync,
    /// What unusual things are allowed at the live path.
    pub allow: Vec<Allow>,
    /// Whether control characters are escaped.
    pub escape: bool,
    /// Whether newlines inside a record are escaped too.
    pub single_line: bool,
}

impl Settings {
    /// The defaults, for the live file `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_bytes: MAX_BYTES,
            rotate_every: None,
            rotate_on_start: false,
            quiet_rotation: Duration::ZERO,
            min_rotation_interval: Duration::ZERO,
            max_record_bytes: None,
            backup_count: BACKUP_COUNT,
            naming: Naming::default(),
            archive_dir: None,
            compression: Compression::None,
            max_age: None,
            max_total_bytes: MAX_TOTAL_BYTES,
            budget_warning_percent: BUDGET_WARNING_PERCENT,
            min_free_bytes: 0,
            min_backups: None,
            retry_attempts: RETRY_ATTEMPTS,
            retry_base_delay: RETRY_BASE_DELAY,
            retry_cooldown: RETRY_COOLDOWN,
            retry_cooldown_max: RETRY_COOLDOWN_MAX,
            alert_file: None,
            latest_link: None,
            header: None,
            owner: None,
            mode: MODE,
            dir_mode: DIR_MODE,
            create_dirs: true,
            sync: Sync::default(),
            allow: Vec::new(),
            escape: true,
            single_line: false,
        }
    }

    /// The longest record that will be written, in bytes.
    #[must_use]
    pub fn record_limit(&self) -> u64 {
        self.max_record_bytes.unwrap_or(MAX_RECORD_BYTES.min(self.max_total_bytes))
    }

    /// How records become bytes of the file.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            escape: self.escape,
            single_line: self.single_line,
            max_bytes: usize::try_from(self.record_limit()).unwrap_or(usize::MAX),
        }
    }

    /// Backups that pruning for free space leaves alone.
    #[must_use]
    pub fn kept_backups(&self) -> u32 {
        self.min_backups.unwrap_or(1.min(self.backup_count))
    }

    /// Where alerts go, and the name for when another log has that one.
    pub(crate) fn alert_path(&self, names: &Names) -> PathBuf {
        self.alert_file.clone().unwrap_or_else(|| names.dir().join(name::ALERT_FILE))
    }

    pub(crate) fn allows(&self, what: Allow) -> bool {
        self.allow.contains(&what)
    }

    /// Everything about these settings that cannot be used, without a look at the disk.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.path_faults(&mut faults);
        self.size_faults(&mut faults);
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

    /// What speaks against a path for something that the set keeps besides its files.
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

    /// The most that is added to the name of the live file, for a name of the set: of a backup, of the alert file where
    /// another log has that one's usual name, of a temporary.
    pub(crate) fn added_bytes_max(&self) -> usize {
        let ending = if self.compression == Compression::None { 0 } else { ENDING_BYTES_MAX };
        let alert = self.alert_file.as_deref().and_then(Path::file_name).unwrap_or(name::ALERT_FILE.as_ref());
        (self.naming.bytes_max() + ending).max(".".len() + alert.len()).max(name::DOTTED_BYTES_MAX)
    }

    /// Whether backups are named by the periods that they hold.
    pub(crate) const fn has_periods(&self) -> bool {
        matches!(self.naming, Naming::Timestamped) && self.rotate_every.is_some()
    }

    /// The names of the set by these settings alone, symlinks not followed.
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
        if let Sync::Interval(interval) = self.sync {
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

/// The file name of a path that can name a file: not empty, not ending in `/`, `.` or `..`.
fn file_name_of(path: &Path) -> Option<&std::ffi::OsStr> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.ends_with(b"/") || bytes.ends_with(b"/.") { None } else { path.file_name() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(change: impl FnOnce(&mut Settings)) -> Vec<&'static str> {
        let mut settings = Settings::new("/logs/app.log");
        change(&mut settings);
        settings.faults().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn defaults_are_the_contract() {
        let settings = Settings::new("app.log");
        assert!(settings.faults().is_empty());
        assert_eq!(settings.max_bytes, 10_485_760);
        assert_eq!(settings.max_total_bytes, 62_914_560);
        assert_eq!(settings.record_limit(), 1_048_576);
        assert_eq!((settings.backup_count, settings.kept_backups()), (5, 1));
        assert_eq!((settings.mode, settings.dir_mode), (0o640, 0o750));
        assert_eq!(settings.sync, Sync::OnRotate);
        assert!(settings.escape && !settings.single_line && settings.create_dirs);
        assert_eq!((&settings.rotate_every, settings.rotate_on_start), (&None, false));
        assert_eq!(
            (settings.quiet_rotation, settings.min_rotation_interval),
            (Duration::ZERO, Duration::ZERO)
        );
    }

    #[test]
    fn limits_follow_each_other() {
        let mut settings = Settings::new("app.log");
        settings.backup_count = 0;
        settings.max_bytes = 1_000;
        settings.max_total_bytes = 2_000;
        assert_eq!((settings.kept_backups(), settings.record_limit()), (0, 2_000));
        settings.max_record_bytes = Some(100);
        assert_eq!(settings.rules().max_bytes, 100);
    }

    #[test]
    fn every_fault_at_once_with_field_value_and_wish() {
        let mut settings = Settings::new("");
        settings.max_bytes = 0;
        settings.max_total_bytes = 0;
        settings.mode = 0o1_000_000;
        let said: Vec<String> = settings.faults().iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[0].starts_with("path = : must name a file"));
        assert!(said[1].starts_with("max_bytes = 0: must be at least 1"));
    }

    #[test]
    fn each_fault_names_its_field() {
        for bad in ["", "/", "logs/", "..", "/logs/.", "a/.."] {
            assert_eq!(fields(|s| s.path = bad.into()), ["path"], "{bad:?}");
        }
        assert_eq!(fields(|s| s.path = "/logs/a\0b".into()), ["path"]);
        assert_eq!(fields(|s| s.path = "/logs/app.log.3".into()), ["path"]);
        assert_eq!(
            fields(|s| {
                s.path = "/logs/app.log.3".into();
                s.allow = vec![Allow::ReservedName];
            })
            .len(),
            0
        );
        assert_eq!(fields(|s| s.path = format!("/logs/{}", "x".repeat(226)).into()), ["path"]);
        assert_eq!(fields(|s| s.path = format!("/logs/{}", "x".repeat(225)).into()).len(), 0);
        assert_eq!(fields(|s| s.alert_file = Some("/logs/app.log.2".into())), ["alert_file"]);
        assert_eq!(fields(|s| s.alert_file = Some("/logs/".into())), ["alert_file"]);
        assert_eq!(fields(|s| s.alert_file = Some("a\0".into())), ["alert_file"]);
        assert_eq!(fields(|s| s.alert_file = Some("data/ALERT.txt".into())).len(), 0);
        for bad in
            ["/logs/", "a\0", "/logs/app.log", "/logs/.app.log.link", "/logs/ALERT_LOG_ROTATION_FAILED.txt"]
        {
            assert_eq!(fields(|s| s.latest_link = Some(bad.into())), ["latest_link"], "{bad:?}");
        }
        let bad = |s: &mut Settings| {
            (s.archive_dir, s.alert_file) = (Some("/old".into()), Some("/data/alert".into()));
            s.latest_link = Some("/data/alert".into());
        };
        assert_eq!(fields(bad), ["latest_link"]);
        let bad = |s: &mut Settings| {
            (s.archive_dir, s.latest_link) = (Some("/old".into()), Some("/old/app.log.7".into()));
        };
        assert_eq!(fields(bad), ["latest_link"]);
        assert_eq!(fields(|s| s.latest_link = Some("/logs/current".into())).len(), 0);
        let by_period = |s: &mut Settings| {
            (s.naming, s.rotate_every) = (Naming::Timestamped, Some(Schedule::daily()));
            s.latest_link = Some("/logs/app.log.2026-11-27".into());
        };
        assert_eq!(fields(by_period), ["latest_link"]);
        assert_eq!(fields(|s| s.latest_link = Some("/logs/app.log.2026-11-27".into())).len(), 0);
        assert_eq!(fields(|s| s.archive_dir = Some("".into())), ["archive_dir"]);
        assert_eq!(fields(|s| s.archive_dir = Some("a\0".into())), ["archive_dir"]);
        assert_eq!(fields(|s| s.archive_dir = Some("old".into())).len(), 0);
    }

    #[test]
    fn each_fault_of_a_number_or_a_time_names_its_field() {
        assert_eq!(fields(|s| s.max_total_bytes = 100), ["max_total_bytes"]);
        assert_eq!(
            fields(|s| {
                s.max_bytes = 10;
                s.max_total_bytes = 10;
            }),
            ["max_total_bytes"]
        );
        assert_eq!(fields(|s| s.max_record_bytes = Some(63)), ["max_record_bytes"]);
        assert_eq!(fields(|s| s.max_record_bytes = Some(61 << 20)), ["max_record_bytes"]);
        assert_eq!(fields(|s| s.budget_warning_percent = 0), ["budget_warning_percent"]);
        assert_eq!(fields(|s| s.budget_warning_percent = 101), ["budget_warning_percent"]);
        assert_eq!(fields(|s| s.min_backups = Some(6)), ["min_backups"]);
        assert_eq!(fields(|s| s.backup_count = 10_001), ["backup_count"]);
        assert_eq!(fields(|s| s.retry_base_delay = Duration::ZERO), ["retry_base_delay"]);
        assert_eq!(fields(|s| s.retry_cooldown = Duration::ZERO), ["retry_cooldown"]);
        assert_eq!(fields(|s| s.retry_cooldown_max = Duration::ZERO), ["retry_cooldown_max"]);
        assert_eq!(fields(|s| s.retry_attempts = 17), ["retry_attempts"]);
        assert_eq!(fields(|s| s.max_age = Some(Duration::from_millis(999))), ["max_age"]);
        assert_eq!(fields(|s| s.rotate_every = Some(Schedule::daily().at(24, 0))), ["rotate_every"]);
        assert_eq!(fields(|s| s.quiet_rotation = Duration::from_millis(10_001)), ["quiet_rotation"]);
        assert_eq!(fields(|s| s.sync = Sync::Interval(Duration::ZERO)), ["sync"]);
        assert_eq!(fields(|s| s.mode = 0o040), ["mode"]);
        assert_eq!(fields(|s| s.dir_mode = 0o600), ["dir_mode"]);
    }
}
