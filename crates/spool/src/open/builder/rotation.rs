//! The builder's setters for rotation by the clock and for tailers that follow the file by name. What they mean is decided
//! in `tracing_spool_fileset`.

use std::time::Duration;

use tracing_spool_fileset::Schedule;

use super::SpoolBuilder;

impl SpoolBuilder {
    /// Sets a schedule for rotation, in addition to rotation by size: whichever comes first. An empty file isn't rotated. A
    /// file found at the start belongs to the period of its last change, and is rotated at once if that period is over.
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

    /// Rotates the log when it's opened, so that each run of the program begins with a new file.
    ///
    /// Default: false.
    pub fn rotate_on_start(mut self) -> Self {
        self.description.files.rotate_on_start = true;
        self
    }

    /// Sets how long the spool stops writing to a file before it rotates it, at most 10 s, so that tailers that poll by
    /// name reach the file's end. Choose more than their polling interval. Zero turns this off.
    ///
    /// Records wait in the queue meanwhile. If the queue is half full, or somebody waits for a flush or the shutdown, the
    /// rotation comes at once.
    ///
    /// Default: 0s.
    pub fn quiet_rotation(mut self, silence: Duration) -> Self {
        self.description.files.quiet_rotation = silence;
        self
    }

    /// Sets the shortest time between two rotations by size. Until it's over the file keeps growing, as far as
    /// `max_total_bytes` allows. Zero turns this off.
    ///
    /// [`Counters::rotations_put_off`](crate::Counters::rotations_put_off) counts the rotations that had to wait. If it
    /// keeps growing, `max_bytes` is too small for what you log.
    ///
    /// Default: 0s.
    pub fn min_rotation_interval(mut self, interval: Duration) -> Self {
        self.description.files.min_rotation_interval = interval;
        self
    }
}
