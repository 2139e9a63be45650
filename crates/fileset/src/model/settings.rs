//! The settings of a file set, with their defaults. `faults` checks them without touching the disk; `engine::start` looks
//! at what stands at the paths.

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
/// The longest [`Settings::quiet_rotation`]; records wait that long.
pub const QUIET_ROTATION_MAX: Duration = Duration::from_secs(10);
/// How often a blocked set probes.
pub const BLOCKED_PROBE: Duration = Duration::from_millis(500);
/// The least time between two checks, while records come, whether files and directories are still ours.
pub const WATCH_EVERY: Duration = Duration::from_millis(50);
/// The time between two such checks while no records come.
pub const IDLE_WATCH_EVERY: Duration = Duration::from_secs(1);
/// How long after a start, or after the clock has jumped, nothing is removed because of its age.
pub const CLOCK_TRUSTED_AFTER: Duration = Duration::from_secs(10 * 60);
/// The smallest [`Settings::max_record_bytes`], which leaves room for the mark of a cut.
pub const MIN_RECORD_BYTES: u64 = 64;

/// When written bytes are made durable with `fdatasync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncPolicy {
    /// Never by itself: the kernel decides when bytes reach the disk.
    Never,
    /// At a rotation: the old file before it becomes a backup, and then the directory.
    #[default]
    OnRotate,
    /// At a rotation, and whenever unsynced bytes are this old.
    Interval(Duration),
}

/// Something unusual at the live path that is refused unless it is in [`Settings::allow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Allow {
    /// The live path is a symlink. It is followed once, at open, and the set lives where it points.
    Symlink,
    /// The live file has other hard links, which then show what is written. Without this, the file is rotated away at
    /// start and nothing is written to it.
    HardLink,
    /// The live file belongs to another user. Root needs this only if the file's owner doesn't own the directory.
    ForeignOwner,
    /// The live path is a device. It is written, but never rotated, measured or removed.
    Device,
    /// The live path is a FIFO. It is written, but never rotated, measured or removed.
    Fifo,
    /// The live name could be another log's backup, hidden, lock or alert file.
    ReservedName,
    /// Files with names of this log existed before its first start. They count as its own, and may be removed to keep its
    /// limits.
    FoundFiles,
    /// The file system has no locks. You promise that no other process writes this log; nothing checks it.
    NoLock,
}

/// The settings of a file set. Create them with [`Settings::new`] and change the fields that should differ.
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
    /// The path of the live file. It is made absolute when the set is opened.
    pub path: PathBuf,
    /// The size of the live file, in bytes, at which it is rotated: before the record that would make it larger than
    /// this.
    ///
    /// Default: 10 MiB.
    pub max_bytes: u64,
    /// Rotates by the clock too; whichever comes first, size or time, rotates.
    ///
    /// Default: `None`, by size only.
    pub rotate_every: Option<Schedule>,
    /// Rotates a live file with content when the set is opened.
    ///
    /// Default: `false`.
    pub rotate_on_start: bool,
    /// How long nothing is written to a file before it is rotated, so that tailers that poll reach its end. At most 10
    /// seconds.
    ///
    /// Default: zero, which rotates at once.
    pub quiet_rotation: Duration,
    /// The least time between two rotations by size. Until then the file keeps growing, within the budget.
    ///
    /// Default: zero, no minimum.
    pub min_rotation_interval: Duration,
    /// The longest record in bytes, including its newline. Longer records are cut and marked `…[+N bytes]`.
    ///
    /// Default: `None`, the lesser of 1 MiB and [`max_total_bytes`](Self::max_total_bytes).
    pub max_record_bytes: Option<u64>,
    /// How many backups are kept: `app.log.1` is the newest. With 0, a rotation discards the old content.
    ///
    /// Default: 5.
    pub backup_count: u32,
    /// How backups are named.
    ///
    /// Default: [`Naming::Numbered`].
    pub naming: Naming,
    /// The directory for backups. It must be on the file system of the live file and serve this log alone; it is locked
    /// too.
    ///
    /// Default: `None`, beside the live file.
    pub archive_dir: Option<PathBuf>,
    /// Compresses every backup except the newest, which tailers may still be reading. Whoever drives the set performs
    /// the work: see [`Engine::take_order`](crate::Engine::take_order).
    ///
    /// Default: [`Compression::None`].
    pub compression: Compression,
    /// Removes backups whose last record is older than this.
    ///
    /// Default: `None`, age doesn't matter.
    pub max_age: Option<Duration>,
    /// The budget: the most bytes that the live file, the hidden new file and all backups hold together, at every
    /// instant.
    ///
    /// Default: 60 MiB.
    pub max_total_bytes: u64,
    /// Raises an alert when the set reaches this percentage of [`max_total_bytes`](Self::max_total_bytes) and nothing
    /// is left to prune.
    ///
    /// Default: 90.
    pub budget_warning_percent: u8,
    /// The free-space floor: bytes of the file system that stay free for others.
    ///
    /// Default: 0, no floor.
    pub min_free_bytes: u64,
    /// The number of backups that pruning for free space leaves alone.
    ///
    /// Default: `None`, which means 1, or 0 if [`backup_count`](Self::backup_count) is 0.
    pub min_backups: Option<u32>,
    /// How often a transient error is retried after the first attempt.
    ///
    /// Default: 3.
    pub retry_attempts: u32,
    /// The wait before the first retry. It doubles with each further one.
    ///
    /// Default: 100 ms.
    pub retry_base_delay: Duration,
    /// The wait after all retries have failed, or after a permanent error. It doubles with each failed probe.
    ///
    /// Default: 30 s.
    pub retry_cooldown: Duration,
    /// The longest wait between two probes.
    ///
    /// Default: 5 min.
    pub retry_cooldown_max: Duration,
    /// The file that describes open alerts.
    ///
    /// Default: `None`, `ALERT_LOG_ROTATION_FAILED.txt` beside the log.
    pub alert_file: Option<PathBuf>,
    /// The path of a symlink that is kept pointing at the live file. Only a symlink is ever replaced there.
    ///
    /// Default: `None`, no link.
    pub latest_link: Option<PathBuf>,
    /// The first lines of each new file. They count towards its size.
    ///
    /// Default: `None`, no header.
    pub header: Option<Header>,
    /// The owner of files and directories that the set creates, for a program that starts as root and then drops its
    /// privileges.
    ///
    /// Default: `None`, a new file gets the group of the file before it, where possible.
    pub owner: Option<Owner>,
    /// The permission bits of the first file, subject to the umask. A later file gets those of the file before it.
    ///
    /// Default: `0o640`.
    pub mode: u32,
    /// The permission bits of a directory that the set creates, subject to the umask.
    ///
    /// Default: `0o750`.
    pub dir_mode: u32,
    /// Treats a missing directory as a fault instead of creating it.
    ///
    /// Default: `false`.
    pub require_dir: bool,
    /// When written bytes are made durable.
    ///
    /// Default: [`SyncPolicy::OnRotate`].
    pub sync: SyncPolicy,
    /// The unusual things that are allowed at the live path.
    ///
    /// Default: none.
    pub allow: Vec<Allow>,
    /// Writes the bytes of records as they come instead of escaping control characters.
    ///
    /// Default: `false`.
    pub raw_bytes: bool,
    /// Escapes newlines inside a record too, so that every record is one line.
    ///
    /// Default: `false`.
    pub single_line: bool,
}

impl Settings {
    /// Returns the default settings for the live file `path`.
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

    /// Returns the longest record that will be written, in bytes.
    #[must_use]
    pub fn record_limit(&self) -> u64 {
        self.max_record_bytes.unwrap_or(MAX_RECORD_BYTES.min(self.max_total_bytes))
    }

    /// Returns the rules by which records become bytes of the file.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            escape: !self.raw_bytes,
            single_line: self.single_line,
            max_bytes: usize::try_from(self.record_limit()).unwrap_or(usize::MAX),
            ..Rules::default()
        }
    }

    /// Returns the number of backups that pruning for free space leaves alone.
    #[must_use]
    pub fn kept_backups(&self) -> u32 {
        self.min_backups.unwrap_or(1.min(self.backup_count))
    }

    /// Returns the path of the alert file, unless another log uses that one.
    pub(crate) fn alert_path(&self, names: &Names) -> PathBuf {
        self.alert_file.clone().unwrap_or_else(|| names.dir().join(name::ALERT_FILE))
    }

    pub(crate) fn allows(&self, what: Allow) -> bool {
        self.allow.contains(&what)
    }

    /// Returns whether backups are named by the periods that they hold.
    pub(crate) const fn has_periods(&self) -> bool {
        matches!(self.naming, Naming::Timestamped) && self.rotate_every.is_some()
    }
}
