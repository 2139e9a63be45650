//! Tests on the real system: forks children, starts threads, ends processes. What that means for a log is tested
//! elsewhere.
#![expect(
    unsafe_code,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test is part of the outside world, and fails by panics"
)]

mod children;
mod endings;
mod forked;
mod threads;

use std::io::Write as _;
use std::process::Command;

/// Says that a test cannot run here, to whoever counts such tests.
fn skip(test: &str, reason: &str) {
    let line = format!("skipped: {test}: {reason}\n");
    print!("{line}");
    if let Some(path) = std::env::var_os("TRACING_SPOOL_SKIPS") {
        let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

const ALONE: &str = "TRACING_SPOOL_ALONE";

/// In a process of its own: true. Elsewhere: starts this test in one, sees it pass, and says what it printed.
fn alone(test: &str) -> Result<(), String> {
    if std::env::var_os(ALONE).is_some() {
        return Ok(());
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", test, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    Err(said)
}
