//! The metrics of a handle's spool: as text, as a file for the textfile collector of `node_exporter`, and for the `metrics`
//! facade. Which metrics there are is the table of `account::metric_table`.

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

/// Readable by all: `node_exporter` is another user.
const TEXTFILE_MODE: u32 = 0o644;

impl SpoolHandle {
    /// [`stats`](Self::stats) and [`health`](Self::health) in Prometheus' text format: the answer to `/metrics`. Works
    /// after the shutdown too. For several spools in one answer there is [`prometheus_text`].
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

    /// Writes [`prometheus_text`](Self::prometheus_text) to `path`, for the textfile collector of `node_exporter`: name it
    /// `SOMETHING.prom` in the collector's directory, and call this every few seconds. The file is replaced whole; its
    /// mode is 0644, subject to umask. The file is written on the calling thread.
    ///
    /// # Errors
    /// What failed; the file before it then stands as it did.
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
    /// Tells the recorder that the program has installed all metrics of this spool: names, units and help, then the
    /// values of [`stats`](Self::stats) and [`health`](Self::health). Call it every few seconds, or before each scrape.
    /// Without a recorder it does nothing. Every sample carries the path of the log as the label `log`.
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

/// The metrics of several spools as one text. Their samples carry the path of the log as the label `log`.
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
