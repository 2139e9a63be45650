//! What a spool tells Prometheus: its metrics as text, and as a file for the textfile collector of `node_exporter`.
//! Which metrics there are is `metric`'s table.

use std::fmt::Write as _;
use std::path::Path;

use tracing_spool_fileset::Failure;
use tracing_spool_fileset::internal::whole;

use crate::handle::SpoolHandle;
use crate::metric::{Kind, METRICS, Reading};

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
    let mut text = String::new();
    for metric in METRICS {
        let (name, help) = (metric.name, metric.help);
        let kind = if metric.kind == Kind::Counter { "counter" } else { "gauge" };
        // Writing to a `String` cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for reading in &readings {
            (metric.read)(reading, &mut |labels, value| {
                let _ = write!(text, "{name}{{log=\"{}\"", escaped(&reading.log));
                for (label, word) in labels {
                    let _ = write!(text, ",{label}=\"{}\"", escaped(word));
                }
                let _ = writeln!(text, "}} {value}");
            });
        }
    }
    text
}

/// A label's value, as it stands between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use tracing_spool_fileset::{Failure, Op, OsError};
    use tracing_subscriber::fmt::MakeWriter as _;

    use super::*;
    use crate::writer::Spool;

    const LONG: std::time::Duration = std::time::Duration::from_secs(60);

    #[expect(clippy::disallowed_methods, reason = "a test looks at the file")]
    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn the_textfile_says_what_the_stats_say() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("a \"quoted\".log");
        let (spool, guard) = Spool::builder(&log).queue_records(1_000).open().unwrap();
        let handle = guard.handle();
        for _ in 0..3 {
            std::io::Write::write_all(&mut spool.make_writer(), b"a record\n").unwrap();
        }
        handle.flush(LONG).unwrap();
        let file = dir.path().join("app.prom");
        handle.write_textfile(&file).unwrap();
        handle.write_textfile(&file).unwrap();
        let text = read(&file);
        let log = escaped(&log.display().to_string());
        for line in [
            format!("tracing_spool_records_written_total{{log=\"{log}\"}} 3"),
            format!("tracing_spool_written_bytes_total{{log=\"{log}\"}} 27"),
            format!("tracing_spool_queue_limit_records{{log=\"{log}\"}} 1000"),
            format!("tracing_spool_condition{{log=\"{log}\",condition=\"writing\"}} 1"),
            format!("tracing_spool_condition{{log=\"{log}\",condition=\"blocked_disk\"}} 0"),
            format!("tracing_spool_alert_open{{log=\"{log}\",trouble=\"no_space\"}} 0"),
            format!(
                "tracing_spool_records_dropped_total{{log=\"{log}\",reason=\"queue_full\",level=\"DEBUG\"}} 0"
            ),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        // Each sample stands in the block of its metric, and each block begins with its two words.
        let mut block = "";
        for line in text.lines() {
            match line.strip_prefix("# TYPE ") {
                Some(words) => block = words.split(' ').next().unwrap(),
                None if line.starts_with("# HELP ") => {}
                None => assert_eq!(line.split('{').next().unwrap(), block),
            }
        }
        let Err(Failure { op, error, .. }) = handle.write_textfile(dir.path().join("no/app.prom")) else {
            panic!("it wrote into a directory that is not there")
        };
        assert_eq!((op, error), (Op::OpenDir, OsError::ENOENT));
    }
}
