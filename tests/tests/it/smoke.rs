//! Proves that the shared helpers work in this package, before anything else is believed.
//! It proves nothing about the writer.

use std::fs;
use std::process::Command;

use tracing_spool_tests::{SKIPS, skip};

/// The part of `a_skip_reaches_the_file` that runs in a process of its own, where the variable is set.
#[test]
fn skip_in_a_child() {
    if std::env::var_os("TRACING_SPOOL_SMOKE").is_some() {
        skip("smoke", "asked to");
    }
}

#[test]
fn a_skip_reaches_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("skips");
    for _ in 0..2 {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "smoke::skip_in_a_child"])
            .env("TRACING_SPOOL_SMOKE", "1")
            .env(SKIPS, &list)
            .output()
            .unwrap()
            .status;
        assert!(status.success());
    }
    assert_eq!(fs::read_to_string(list).unwrap(), "skipped: smoke: asked to\n".repeat(2));
}
