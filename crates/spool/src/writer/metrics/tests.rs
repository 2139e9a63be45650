//! Tests the textfile against what a spool did, and what a recorder of the `metrics` facade receives.

#[cfg(feature = "metrics")]
mod facade;

use tracing_spool_fileset::{Failure, Op, OsError};
use tracing_subscriber::fmt::MakeWriter as _;

use super::*;
use crate::account::prometheus::escaped;
use crate::writer::event_writer::Spool;

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
