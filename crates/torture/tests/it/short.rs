//! Proves on real processes and a real disk what the simulated one proves in every case: nothing is lost that a flush had
//! reported, nothing torn but by a kill, nothing repeated, and every account is exact.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use tracing_spool_tests::skip;
use tracing_spool_torture::kill_durable::{self, Scene};
use tracing_spool_torture::sweep::Ground;
use tracing_spool_torture::{kill, shim, soak, sweep};

fn driver() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_torture")).to_owned()
}

fn ground(test: &str, dir: &Path) -> Option<Ground> {
    match shim::build(dir) {
        Ok(library) => Some(Ground { driver: driver(), library, dir: dir.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skip(test, "there is no C compiler");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn two_hundred_kills_lose_no_flushed_line() {
    let dir = tempfile::tempdir().unwrap();
    let verdict = kill::kill_loop(&driver(), dir.path(), 200, 20_261_124).unwrap();
    println!("{verdict}");
    assert!(verdict.flushed > 1_000 && verdict.found > 10_000, "too little happens: {verdict}");
    assert!(verdict.found < verdict.offered, "no kill found anything in the queue: {verdict}");
}

#[test]
fn a_sample_of_failing_calls_of_a_real_program_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let Some(ground) = ground("a_sample_of_failing_calls_of_a_real_program_loses_nothing", dir.path()) else {
        return;
    };
    let verdict = sweep::sweep(&ground, |number| number % 7 == 0).unwrap();
    println!("{verdict}");
    assert!(
        verdict.runs > 100 && verdict.failures > verdict.runs as u64 / 2,
        "too little happens: {verdict}"
    );
}

#[test]
fn seconds_of_random_faults_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let Some(ground) = ground("seconds_of_random_faults_lose_nothing", dir.path()) else { return };
    println!("{}", soak::soak(&ground, 10, 5).unwrap());
}

#[test]
fn two_hundred_kills_lose_nothing_of_a_durable_queue() {
    let dir = tempfile::tempdir().unwrap();
    let verdict = kill_durable::kill_loop(&driver(), dir.path(), dir.path(), Scene::Plain, 200, 6).unwrap();
    println!("{verdict}");
    assert!(verdict.saved > 1_000 && verdict.recoveries > 20, "too little happens: {verdict}");
    assert!(verdict.backups > 2, "nothing was rotated: {verdict}");
}

#[test]
fn kills_while_the_log_is_moved_away_repeat_no_more_than_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let verdict = kill_durable::kill_loop(&driver(), dir.path(), dir.path(), Scene::Moved, 60, 6).unwrap();
    println!("{verdict}");
    assert!(verdict.accepted > 1_000, "too little happens: {verdict}");
}

#[test]
fn kills_on_a_full_disk_lose_nothing_of_a_durable_queue() {
    const TEST: &str = "kills_on_a_full_disk_lose_nothing_of_a_durable_queue";
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mount = "mount -t tmpfs -o size=10m tmpfs \"$1\" || exit 77; shift; exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "--", "sh", "-c", mount, "sh"])
        .arg(&small)
        .arg(driver())
        .args(["kill-durable", "60", "--seed", "6", "--scene", "full", "--dir"])
        .arg(&small)
        .output();
    let output = match output {
        Err(error) => return skip(TEST, &format!("unshare: {error}")),
        Ok(output) if output.status.code() == Some(77) => return skip(TEST, "nothing can be mounted"),
        Ok(output) => output,
    };
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() && said.starts_with("unshare:") {
        return skip(TEST, said.trim());
    }
    assert!(output.status.success(), "{said}");
    println!("{said}");
}
