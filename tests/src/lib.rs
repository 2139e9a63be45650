//! What the integration tests share: a disk that fails when told to, numbered records, a driver for a file set, children,
//! and how a test says that it cannot run on this machine. Nothing here decides whether one may be left out.

pub mod child;
pub mod faulty;
pub mod files;
pub mod forked;
pub mod host;
pub mod neighbour;
pub mod opens;
pub mod properties;
pub mod world;

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

/// Names the file that skips are appended to, one line each.
pub const SKIPS: &str = "TRACING_SPOOL_SKIPS";

/// Says that `test` does not run here and why; the caller returns afterwards.
///
/// The test runner swallows what a passing test prints. The line therefore also goes to the file named by
/// `TRACING_SPOOL_SKIPS`, from which `.ci/run` counts.
pub fn skip(test: &str, reason: &str) {
    let line = skip_line(test, reason);
    print!("{line}");
    let Some(path) = env::var_os(SKIPS).map(PathBuf::from) else { return };
    // One write of a file opened for appending: lines of tests that run at once do not mix.
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        eprintln!("cannot add a skip to {}: {error}", path.display());
    }
}

/// `skipped: <test>: <reason>`, one line whatever the reason holds.
fn skip_line(test: &str, reason: &str) -> String {
    let reason: Vec<&str> = reason.split_whitespace().collect();
    format!("skipped: {test}: {}\n", reason.join(" "))
}

#[cfg(test)]
mod tests {
    use super::skip_line;

    #[test]
    fn a_skip_is_one_line() {
        let line = skip_line("museum_d1_tmpfs", "no\nnamespaces: EPERM ");
        assert_eq!(line, "skipped: museum_d1_tmpfs: no namespaces: EPERM\n");
    }
}
