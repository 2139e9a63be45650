//! What a file set is told, with its defaults, and the faults that need no look at the disk.
//! What stands at the paths is looked at by `engine::start`.

use std::path::PathBuf;
use std::time::Duration;

use super::compression::Compression;
use super::header::Header;
use super::name::{self, Names};
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
pub enum SyncPolicy {
    /// Never.
    Never,
    /// The old file, before it becomes a backup, then the directory.
    #[default]
    OnRotate,
    /// As on rotate, and whenever unsynced bytes are this old.
    Interval(Duration),
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
    /// Whether a missing directory is a fault. Otherwise it is created.
    pub require_dir: bool,
    /// When written bytes are made durable.
    pub sync: SyncPolicy,
    /// What unusual things are allowed at the live path.
    pub allow: Vec<Allow>,
    /// Whether records are written as they come. Otherwise control characters are escaped.
    pub raw_bytes: bool,
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
            require_dir: false,
            sync: SyncPolicy::default(),
            allow: Vec::new(),
            raw_bytes: false,
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
            escape: !self.raw_bytes,
            single_line: self.single_line,
            max_bytes: usize::try_from(self.record_limit()).unwrap_or(usize::MAX),
            ..Rules::default()
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

    /// Whether backups are named by the periods that they hold.
    pub(crate) const fn has_periods(&self) -> bool {
        matches!(self.naming, Naming::Timestamped) && self.rotate_every.is_some()
    }
}
