//! When a spool rotates besides by size, and what it does for tailers that follow its file by name: setters alone.
//! What they mean is `tracing_spool_fileset`'s.

use std::time::Duration;

use tracing_spool_fileset::Schedule;

use super::SpoolBuilder;

impl SpoolBuilder {
    /// Rotates by the clock too, whichever comes first. An empty file is not rotated. A file found at the start belongs to the
    /// period of its last change: if that is over, it is rotated at once.
    ///
    /// Default: by size alone.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool::{Schedule, Spool};
    /// let nightly = Schedule::daily().at(3, 30).in_zone("Europe/Berlin");
    /// let (spool, _guard) = Spool::builder(&path).rotate_every(nightly).open()?;
    /// # drop(spool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rotate_every(mut self, schedule: Schedule) -> Self {
        self.description.files.rotate_every = Some(schedule);
        self
    }

    /// Begins a new file at each start: what the process before wrote becomes a backup.
    ///
    /// Default: false.
    pub fn rotate_on_start(mut self) -> Self {
        self.description.files.rotate_on_start = true;
        self
    }

    /// Writes nothing to a file for so long before it is rotated, up to 10 s, so that tailers that poll its name reach its end:
    /// choose more than their interval. Records wait in the queue meanwhile. Where that is half full, or somebody waits for a
    /// flush or the shutdown, the rotation comes at once. Zero turns this off.
    ///
    /// Default: 0s.
    pub fn quiet_rotation(mut self, silence: Duration) -> Self {
        self.description.files.quiet_rotation = silence;
        self
    }

    /// Makes a rotation by size wait so long after the one before. The file grows on, as far as `max_total_bytes` has room for
    /// it. [`Counters::rotations_put_off`](crate::Counters::rotations_put_off) counts them: if it grows, `max_bytes` is too
    /// small for what is logged. Zero turns this off.
    ///
    /// Default: 0s.
    pub fn min_rotation_interval(mut self, interval: Duration) -> Self {
        self.description.files.min_rotation_interval = interval;
        self
    }
}
