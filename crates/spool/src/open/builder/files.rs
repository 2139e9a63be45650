//! The builder's setters for files: limits, names, retries, modes, syncs, and how records are rendered. What the settings
//! mean is decided in `tracing_spool_fileset`; nothing is checked here.

use std::path::PathBuf;
use std::time::Duration;

use tracing_core::Level;
use tracing_spool_fileset::{Allow, Compression, Header, Naming, Owner, SyncPolicy};

use super::SpoolBuilder;
use crate::account::rank::Rank;

/// The file set.
impl SpoolBuilder {
    /// Sets the largest size of the live file in bytes. The file is rotated before a record would make it larger; a record
    /// that is larger than that by itself gets a file of its own.
    ///
    /// Default: 10 MiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.description.files.max_bytes = bytes;
        self
    }

    /// Sets the length of the longest record in bytes, including its newline. Longer records are cut, marked and counted.
    ///
    /// Default: the least of 1 MiB, `queue_bytes` and `max_total_bytes`.
    pub fn max_record_bytes(mut self, bytes: u64) -> Self {
        self.description.files.max_record_bytes = Some(bytes);
        self
    }

    /// Sets how many backups are kept. `app.log.1` is the newest. With 0, a rotation discards the old content.
    ///
    /// Default: 5.
    pub fn backup_count(mut self, count: u32) -> Self {
        self.description.files.backup_count = count;
        self
    }

    /// Sets how backups are named: by a number that shifts (`app.log.1` is the newest), or by a time that never changes.
    /// With [`rotate_every`](Self::rotate_every) that time is the period which the backup covers (`app.log.2026-11-27`);
    /// without it, the moment of the rotation.
    ///
    /// Default: [`Naming::Numbered`], `numbered`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool::{Naming, Spool};
    /// let (spool, guard) = Spool::builder(&path).naming(Naming::Timestamped).open()?;
    /// # drop((spool, guard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn naming(mut self, naming: Naming) -> Self {
        self.description.files.naming = naming;
        self
    }

    /// Compresses every backup except the newest, which tailers may still be reading. A second thread does the work. Needs
    /// the feature `gzip` or `zstd`; without it, [`open`](Self::open) returns an error.
    ///
    /// While a backup is being compressed, both of its forms count towards [`max_total_bytes`](Self::max_total_bytes). If
    /// there is no room for both, the backup stays uncompressed.
    ///
    /// Default: [`Compression::None`], `none`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool::{Compression, Spool};
    /// let (spool, guard) = Spool::builder(&path).compression(Compression::Gzip).open()?; // app.log.2.gz and on
    /// # drop((spool, guard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compression(mut self, compression: Compression) -> Self {
        self.description.files.compression = compression;
        self
    }

    /// Sets a directory for backups. It must belong to this log alone and be on the same file system as the live file.
    ///
    /// Default: beside the live file.
    pub fn archive_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.description.files.archive_dir = Some(dir.into());
        self
    }

    /// Sets the age at which a backup is removed, counted from its last record.
    ///
    /// Default: any age is kept.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.description.files.max_age = Some(age);
        self
    }

    /// Sets the largest size in bytes of the live file and all backups together. It holds at every instant.
    ///
    /// Default: 60 MiB.
    pub fn max_total_bytes(mut self, bytes: u64) -> Self {
        self.description.files.max_total_bytes = bytes;
        self
    }

    /// Warns when the log reaches this percentage of `max_total_bytes` and nothing is left to prune.
    ///
    /// Default: 90.
    pub fn budget_warning_percent(mut self, percent: u8) -> Self {
        self.description.files.budget_warning_percent = percent;
        self
    }

    /// Sets how many bytes of the file system stay free for others. When less is free, the oldest backups are removed. 0
    /// turns this off.
    ///
    /// Default: 0.
    pub fn min_free_bytes(mut self, bytes: u64) -> Self {
        self.description.files.min_free_bytes = bytes;
        self
    }

    /// Sets how many backups are kept even when the file system runs short of free space.
    ///
    /// Default: 1, or 0 with `backup_count` 0.
    pub fn min_backups(mut self, count: u32) -> Self {
        self.description.files.min_backups = Some(count);
        self
    }

    /// Sets how often a call that failed with a transient error is repeated.
    ///
    /// Default: 3.
    pub fn retry_attempts(mut self, retries: u32) -> Self {
        self.description.files.retry_attempts = retries;
        self
    }

    /// Sets the delay before the first retry. It doubles with each further retry.
    ///
    /// Default: 100ms.
    pub fn retry_base_delay(mut self, delay: Duration) -> Self {
        self.description.files.retry_base_delay = delay;
        self
    }

    /// Sets the delay before the next attempt once the retries are used up, or after a permanent error. It doubles with
    /// each attempt that fails.
    ///
    /// Default: 30s.
    pub fn retry_cooldown(mut self, delay: Duration) -> Self {
        self.description.files.retry_cooldown = delay;
        self
    }

    /// Sets the upper bound of [`retry_cooldown`](Self::retry_cooldown) as it doubles.
    ///
    /// Default: 5m.
    pub fn retry_cooldown_max(mut self, delay: Duration) -> Self {
        self.description.files.retry_cooldown_max = delay;
        self
    }

    /// Sets the path of the alert file, which exists while an alert is open and says what is wrong.
    ///
    /// Default: `ALERT_LOG_ROTATION_FAILED.txt` beside the log.
    pub fn alert_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.description.files.alert_file = Some(path.into());
        self
    }

    /// Maintains a symlink to the live file at this path. It replaces an older symlink when the log opens, and is checked
    /// after each rotation. Its directory is created like that of the log. If anything but a symlink is there,
    /// [`open`](Self::open) returns an error. If several logs share a link, it points at whichever started or rotated last.
    ///
    /// Default: no link.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// use tracing_spool::Spool;
    /// let (log, link) = (dir.path().join("shop-4.2.log"), dir.path().join("latest"));
    /// let (spool, guard) = Spool::builder(log).latest_link(&link).open()?;
    /// assert_eq!(std::fs::read_link(link)?.to_str(), Some("shop-4.2.log"));
    /// # drop((spool, guard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn latest_link(mut self, path: impl Into<PathBuf>) -> Self {
        self.description.files.latest_link = Some(path.into());
        self
    }

    /// Sets the first lines of each new file: a text, or the result of a function that is called at that moment
    /// ([`Header::by`]). They count towards the size of the file.
    ///
    /// Default: nothing.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, _guard) = tracing_spool::Spool::builder(&path).header("# shop 1.4").open()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn header(mut self, header: impl Into<Header>) -> Self {
        self.description.files.header = Some(header.into());
        self
    }

    /// Sets the user and group of the files, directories and lock file that the spool creates. It's for a daemon that
    /// starts as root and then drops its privileges.
    ///
    /// Default: whoever creates them; a new file gets the group of the file before it.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool::{Owner, Spool};
    /// let builder = Spool::builder(&path).owner(Owner::named("root", "root")?);
    /// # drop(builder);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn owner(mut self, owner: Owner) -> Self {
        self.description.files.owner = Some(owner);
        self
    }

    /// Sets the mode of the first file, subject to umask. Each later file has the mode of the one before it.
    ///
    /// Default: 0640.
    pub fn mode(mut self, mode: u32) -> Self {
        self.description.files.mode = mode;
        self
    }

    /// Sets the mode of the directories that the spool creates, subject to umask.
    ///
    /// Default: 0750.
    pub fn dir_mode(mut self, mode: u32) -> Self {
        self.description.files.dir_mode = mode;
        self
    }

    /// Makes [`open`](Self::open) return an error if the directory is missing, instead of creating it.
    ///
    /// Default: false.
    pub fn require_dir(mut self) -> Self {
        self.description.files.require_dir = true;
        self
    }

    /// Sets when written records are synced to the disk, so that they survive a power cut.
    ///
    /// Default: [`SyncPolicy::OnRotate`], `on_rotate`.
    pub fn sync(mut self, policy: SyncPolicy) -> Self {
        self.description.files.sync = policy;
        self
    }

    /// Sets the level from which records are synced at once: a batch that contains such a record is followed by one
    /// `fdatasync`, in addition to what [`sync`](Self::sync) does. It can't be combined with [`SyncPolicy::Never`], because
    /// a rotation could then come between a record and its sync.
    ///
    /// Default: no level.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (spool, _guard) =
    ///     tracing_spool::Spool::builder(&path).sync_at(tracing_core::Level::WARN).open()?;
    /// # drop(spool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sync_at(mut self, level: Level) -> Self {
        self.description.sync_at = Some(Rank::of(level));
        self
    }

    /// Allows something unusual at the live path that [`open`](Self::open) otherwise refuses. Several calls add up.
    ///
    /// Default: nothing.
    pub fn allow(mut self, what: Allow) -> Self {
        self.description.files.allow.push(what);
        self
    }

    /// Writes records as they come, including control characters and bytes that aren't UTF-8. A record can then repaint an
    /// operator's terminal.
    ///
    /// Default: false.
    pub fn raw_bytes(mut self) -> Self {
        self.description.files.raw_bytes = true;
        self
    }

    /// Escapes newlines inside a record, so that no record can forge another.
    ///
    /// Default: false.
    pub fn single_line(mut self) -> Self {
        self.description.files.single_line = true;
        self
    }
}
