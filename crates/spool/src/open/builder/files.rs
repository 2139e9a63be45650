//! The setters of the file set: limits, names, retries, modes, syncs, and how records are rendered.
//! What they mean is `tracing_spool_fileset`'s; none is checked here.

use std::path::PathBuf;
use std::time::Duration;

use tracing_core::Level;
use tracing_spool_fileset::{Allow, Compression, Header, Naming, Owner, SyncPolicy};

use super::SpoolBuilder;
use crate::account::rank::Rank;

/// The file set.
impl SpoolBuilder {
    /// Sets the largest size of the live file in bytes: it is rotated before a record would make it larger. A record that
    /// is itself larger gets a file of its own.
    ///
    /// Default: 10 MiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.description.files.max_bytes = bytes;
        self
    }

    /// Sets the length of the longest record in bytes, its newline included. Longer ones are cut, marked and counted.
    ///
    /// Default: the least of 1 MiB, `queue_bytes` and `max_total_bytes`.
    pub fn max_record_bytes(mut self, bytes: u64) -> Self {
        self.description.files.max_record_bytes = Some(bytes);
        self
    }

    /// Sets how many backups are kept, `app.log.1` being the newest. With 0 a rotation discards the old content.
    ///
    /// Default: 5.
    pub fn backup_count(mut self, count: u32) -> Self {
        self.description.files.backup_count = count;
        self
    }

    /// Sets what backups are called: numbers, `app.log.1` being the newest, or a time, which never changes again. With
    /// [`rotate_every`](Self::rotate_every) that is the period they hold (`app.log.2026-11-27`), otherwise the moment of their
    /// rotation.
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

    /// Compresses every backup except the newest, which tailers may still be reading. It needs the feature `gzip` or `zstd`;
    /// without it [`open`](Self::open) says so. A second thread does the work. Room for the second form of a backup is part of
    /// [`max_total_bytes`](Self::max_total_bytes); where it is missing the backup stays as it is.
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

    /// Keeps backups in this directory, which is for this log alone and on the same file system.
    ///
    /// Default: beside the live file.
    pub fn archive_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.description.files.archive_dir = Some(dir.into());
        self
    }

    /// Removes backups whose last record is older than this.
    ///
    /// Default: any age is kept.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.description.files.max_age = Some(age);
        self
    }

    /// Sets the largest size of the live file and all backups together, in bytes, at every instant.
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

    /// Keeps so many bytes of the file system free for others. 0 turns this off.
    ///
    /// Default: 0.
    pub fn min_free_bytes(mut self, bytes: u64) -> Self {
        self.description.files.min_free_bytes = bytes;
        self
    }

    /// Sets how many backups pruning for free space leaves alone.
    ///
    /// Default: 1, or 0 with `backup_count` 0.
    pub fn min_backups(mut self, count: u32) -> Self {
        self.description.files.min_backups = Some(count);
        self
    }

    /// Sets how often a transient error is retried, after the first call.
    ///
    /// Default: 3.
    pub fn retry_attempts(mut self, retries: u32) -> Self {
        self.description.files.retry_attempts = retries;
        self
    }

    /// Sets the wait before the first retry. It doubles with each further one.
    ///
    /// Default: 100ms.
    pub fn retry_base_delay(mut self, delay: Duration) -> Self {
        self.description.files.retry_base_delay = delay;
        self
    }

    /// Sets the wait after exhausted retries or a permanent error. It doubles with each failed probe.
    ///
    /// Default: 30s.
    pub fn retry_cooldown(mut self, delay: Duration) -> Self {
        self.description.files.retry_cooldown = delay;
        self
    }

    /// Sets the longest such wait.
    ///
    /// Default: 5m.
    pub fn retry_cooldown_max(mut self, delay: Duration) -> Self {
        self.description.files.retry_cooldown_max = delay;
        self
    }

    /// Sets where alerts are written.
    ///
    /// Default: `ALERT_LOG_ROTATION_FAILED.txt` beside the log.
    pub fn alert_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.description.files.alert_file = Some(path.into());
        self
    }

    /// Keeps a symlink to the live file at this path, for whoever looks for the log at a place of their own. It is made at
    /// open, in place of an older one, and looked at again after each rotation. Anything but a symlink that stands there is
    /// refused by [`open`](Self::open). Its directory is created like that of the log. If several logs share a link, it points
    /// at whichever started or rotated last.
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

    /// Writes this first into each new file: a text, or what a function returns at that moment ([`Header::by`]). It counts in
    /// the size of the file.
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
        self.description.files.owner = Some(owner);
        self
    }

    /// Sets the mode of the first file, subject to umask. Each later one has that of the one before it.
    ///
    /// Default: 0640.
    pub fn mode(mut self, mode: u32) -> Self {
        self.description.files.mode = mode;
        self
    }

    /// Sets the mode of directories that are created, subject to umask.
    ///
    /// Default: 0750.
    pub fn dir_mode(mut self, mode: u32) -> Self {
        self.description.files.dir_mode = mode;
        self
    }

    /// Makes a missing directory an error, instead of creating it.
    ///
    /// Default: false.
    pub fn require_dir(mut self) -> Self {
        self.description.files.require_dir = true;
        self
    }

    /// Sets when written bytes are made durable.
    ///
    /// Default: [`SyncPolicy::OnRotate`], `on_rotate`.
    pub fn sync(mut self, policy: SyncPolicy) -> Self {
        self.description.files.sync = policy;
        self
    }

    /// Makes records of this level and above durable after the batch that they were written in, besides what
    /// [`sync`](Self::sync) says: one `fdatasync` for each such batch. With [`SyncPolicy::Never`] it is an error, as a rotation
    /// could then come between a record and its sync.
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

    /// Allows something unusual at the live path that is otherwise refused. Several calls add up.
    ///
    /// Default: nothing.
    pub fn allow(mut self, what: Allow) -> Self {
        self.description.files.allow.push(what);
        self
    }

    /// Writes records as they come, control characters and bytes that are not UTF-8 included. A record can then repaint an
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
