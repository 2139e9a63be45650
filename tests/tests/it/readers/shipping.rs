//! Proves that a log arrives elsewhere, each line once, by the ways of docs/manual/shipping.md: runs the scripts of
//! `tests/shipping`, which judge for themselves and say which program they miss.

use std::path::Path;
use std::process::Command;

use tracing_spool_tests::skip;

/// What a script ends with where a program is missing.
const SKIPPED: i32 = 77;

#[track_caller]
fn run(test: &str, script: &str, arguments: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("shipping").join(script);
    let output =
        Command::new(path).args(arguments).env("FILLER", env!("CARGO_BIN_EXE_filler")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.code() == Some(SKIPPED) {
        let reason = said.trim_end().split_once(".sh: ").map_or(said.as_str(), |(_, reason)| reason);
        return skip(test, reason);
    }
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    print!("{said}");
}

#[test]
fn a_log_arrives_by_rsyslog_over_tcp_each_line_once() {
    run("a_log_arrives_by_rsyslog_over_tcp_each_line_once", "rsyslog-to-rsyslog.sh", &[]);
}

#[test]
fn no_line_is_lost_while_the_other_rsyslog_is_away() {
    run("no_line_is_lost_while_the_other_rsyslog_is_away", "rsyslog-to-rsyslog.sh", &["away"]);
}

#[test]
fn a_log_arrives_in_clickhouse_each_line_once() {
    run("a_log_arrives_in_clickhouse_each_line_once", "clickhouse.sh", &[]);
}
