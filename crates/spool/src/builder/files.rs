//! The setters of the file set: limits, names, retries, modes, syncs, and how records are rendered.
//! What they mean is `tracing_spool_fileset`'s; none is checked here.

use std::path::PathBuf;
use std::time::Duration;

use tracing_core::Level;
use tracing_spool_fileset::{Allow, Compression, Header, Naming, Owner, Sync as SyncPolicy};

use super::SpoolBuilder;
use crate::rank::Rank;

/// The file set.
impl SpoolBuilder {
    /// Rotate before the record that would make the live file larger than this many bytes (10 MiB). A record that is
    /// itself larger gets a file of its own.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = bytes;
        self
    }

    /// The longest record in bytes, its newline included; longer ones are cut, marked and counted (the least of
    /// 1 MiB, `queue_bytes` and `max_total_bytes`).
    pub fn max_record_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_record_bytes = Some(bytes);
        self
    }

    /// How many backups are kept, `app.log.1` being the newest (5). 0: a rotation discards the old content.
    pub fn backup_count(mut self, count: u32) -> Self {
        self.settings.backup_count = count;
        self
    }

    /// What backups are called: numbers, `app.log.1` being the newest, or a time, which never changes again: with
    /// [`rotate_every`](Self::rotate_every) the period that they hold (`app.log.2026-11-27`), else the moment of their
    /// rotation (numbers).
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
        self.settings.naming = naming;
        self
    }

    /// How backups are stored, but for the newest, which stays as it is for the readers that follow the log (as they were
    /// written). Needs the feature `gzip` or `zstd`; without it [`open`](Self::open) says so. A second thread
    /// does the work; room for the second form of a backup is part of [`max_total_bytes`](Self::max_total_bytes),
    /// and where it is missing the backup stays as it is.
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
        self.settings.compression = compression;
        self
    }

    /// Where backups are kept: a directory for this log alone, on the same file system (beside the live file).
    pub fn archive_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.settings.archive_dir = Some(dir.into());
        self
    }

    /// Backups whose last record is older than this are removed (age does not matter).
    pub fn max_age(mut self, age: Duration) -> Self {
        self.settings.max_age = Some(age);
        self
    }

    /// Bytes of the live file and all backups together, at every instant (60 MiB).
    pub fn max_total_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_total_bytes = bytes;
        self
    }

    /// From what share of the budget a set that cannot shrink by itself is warned of, in percent (90).
    pub fn budget_warning_percent(mut self, percent: u8) -> Self {
        self.settings.budget_warning_percent = percent;
        self
    }

    /// Bytes of the file system that stay free for others (0: off).
    pub fn min_free_bytes(mut self, bytes: u64) -> Self {
        self.settings.min_free_bytes = bytes;
        self
    }

    /// Backups that pruning for free space leaves alone (1, or 0 with `backup_count` 0).
    pub fn min_backups(mut self, count: u32) -> Self {
        self.settings.min_backups = Some(count);
        self
    }

    /// Retries of a transient error, after the first call (3).
    pub fn retry_attempts(mut self, retries: u32) -> Self {
        self.settings.retry_attempts = retries;
        self
    }

    /// Wait before the first retry; it doubles with each (100 ms).
    pub fn retry_base_delay(mut self, delay: Duration) -> Self {
        self.settings.retry_base_delay = delay;
        self
    }

    /// Wait after exhausted retries or a permanent error; it doubles with each failed probe (30 s).
    pub fn retry_cooldown(mut self, delay: Duration) -> Self {
        self.settings.retry_cooldown = delay;
        self
    }

    /// The longest such wait (5 min).
    pub fn retry_cooldown_max(mut self, delay: Duration) -> Self {
        self.settings.retry_cooldown_max = delay;
        self
    }

    /// Where an alert is put down (`ALERT_LOG_ROTATION_FAILED.txt` beside the log).
    pub fn alert_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.alert_file = Some(path.into());
        self
    }

    /// A symlink to the live file, kept at this path for whoever looks for the log at a place of their own (no link). It is made at
    /// open, in the place of an older one, and looked at again after each rotation; anything but a symlink that stands
    /// there is refused by [`open`](Self::open). Its directory is created like that of the log.
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
        self.settings.latest_link = Some(path.into());
        self
    }

    /// What is written first into each new file: a text, or what a function says at that moment
    /// ([`Header::by`]). It counts in the bytes of the file.
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
        self.settings.header = Some(header.into());
        self
    }

    /// Gives files, directories and the lock file to a user and a group when they are created, for a daemon that starts as
    /// root and goes on as somebody else.
    ///
    /// Default: whoever creates them; a new file gets the group of the one before it.
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
        self.settings.owner = Some(owner);
        self
    }

    /// Mode of the first file at creation, subject to umask (0640). Each later one has that of the one before it.
    pub fn mode(mut self, mode: u32) -> Self {
        self.settings.mode = mode;
        self
    }

    /// Mode of directories at creation, subject to umask (0750).
    pub fn dir_mode(mut self, mode: u32) -> Self {
        self.settings.dir_mode = mode;
        self
    }

    /// A missing directory is an error, instead of being created.
    pub fn require_dir(mut self) -> Self {
        self.settings.create_dirs = false;
        self
    }

    /// When written bytes are made durable (on rotation). [`SyncPolicy::OnDemand`]: after each ERROR too.
    pub fn sync(mut self, policy: SyncPolicy) -> Self {
        self.settings.sync = policy;
        self
    }

    /// Records of this level and above are made durable after the batch that they were written in, besides what
    /// [`sync`](Self::sync) says: one `fdatasync` for each such batch. With [`SyncPolicy::Never`] it is an error, as a
    /// rotation could then come between a record and its sync.
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
        self.sync_at = Some(Rank::of(level));
        self
    }

    /// Allows something unusual at the live path that is otherwise refused. Several calls add up.
    pub fn allow(mut self, what: Allow) -> Self {
        self.settings.allow.push(what);
        self
    }

    /// Records are written as they come, control characters and bytes that are not UTF-8 included. A record can then
    /// repaint an operator's terminal.
    pub fn raw_bytes(mut self) -> Self {
        self.settings.escape = false;
        self
    }

    /// Newlines inside a record are escaped, so that no record can forge another.
    pub fn single_line(mut self) -> Self {
        self.settings.single_line = true;
        self
    }
}
