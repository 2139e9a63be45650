//! The metrics of a spool: as text, as a file for `node_exporter`'s textfile collector, and for the `metrics` facade. The
//! table in `account::metric_table` lists them.

#[cfg(test)]
mod tests;

use std::path::Path;

use tracing_spool_fileset::Failure;
use tracing_spool_fileset::internal::whole;

use crate::account::metric_table::Reading;
use crate::account::prometheus;
#[cfg(feature = "metrics")]
use crate::account::recorder;
use crate::writer::handle::SpoolHandle;

/// World-readable, because `node_exporter` runs as another user.
const TEXTFILE_MODE: u32 = 0o644;

impl SpoolHandle {
    /// Returns [`stats`](Self::stats) and [`health`](Self::health) in the Prometheus text format, as the answer to
    /// `/metrics`. It works after the shutdown too. To answer for several spools at once, use [`prometheus_text`].
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, guard) = tracing_spool::Spool::builder(&path).open()?;
    /// let text = guard.handle().prometheus_text();
    /// assert!(text.contains("# TYPE tracing_spool_records_written_total counter\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn prometheus_text(&self) -> String {
        prometheus_text(std::slice::from_ref(self))
    }

    /// Writes [`prometheus_text`](Self::prometheus_text) to `path`, for `node_exporter`'s textfile collector. Name the file
    /// `SOMETHING.prom` in the collector's directory, and call this every few seconds.
    ///
    /// The calling thread writes the file, and replaces it as a whole. Its mode is 0644, subject to umask.
    ///
    /// # Errors
    /// Returns the operation that failed. The previous file is then unchanged.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, guard) = tracing_spool::Spool::builder(&path).open()?;
    /// guard.handle().write_textfile(dir.path().join("app.prom"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_textfile(&self, path: impl AsRef<Path>) -> Result<(), Failure> {
        whole::put(path.as_ref(), TEXTFILE_MODE, self.prometheus_text().as_bytes())
    }

    #[cfg(feature = "metrics")]
    /// Reports all metrics of this spool to the recorder that the program has installed: names, units and descriptions
    /// first, then the values of [`stats`](Self::stats) and [`health`](Self::health).
    ///
    /// Call it every few seconds, or before each scrape. Without a recorder it does nothing. Every sample carries the path
    /// of the log as the label `log`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, guard) = tracing_spool::Spool::builder(&path).open()?;
    /// guard.handle().record_metrics();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn record_metrics(&self) {
        recorder::record_all(&self.reading());
    }
}

/// Returns the metrics of several spools as one text. Each sample carries the path of its log as the label `log`.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// let (_all, all) = tracing_spool::Spool::builder(dir.path().join("app.log")).open()?;
/// let (_errors, errors) = tracing_spool::Spool::builder(dir.path().join("errors.log")).open()?;
/// let text = tracing_spool::prometheus_text(&[all.handle(), errors.handle()]);
/// assert_eq!(text.matches("\ntracing_spool_queue_records{").count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn prometheus_text(handles: &[SpoolHandle]) -> String {
    let readings: Vec<Reading> = handles.iter().map(SpoolHandle::reading).collect();
    prometheus::text_of(&readings)
}
