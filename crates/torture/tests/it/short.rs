//! Proves on real processes and a real disk what the simulated one proves in every case: nothing is lost that a flush had
//! reported, nothing torn but by a kill, nothing repeated, and every account is exact.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tracing_spool::Compression;
use tracing_spool_tests::skip;
use tracing_spool_torture::account::Account;
use tracing_spool_torture::checker::{Findings, check};
use tracing_spool_torture::kill_durable::{self, Scene};
use tracing_spool_torture::shim::{Action, Rule};
use tracing_spool_torture::sweep::Ground;
use tracing_spool_torture::{kill, set, shim, soak, sweep};

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
    let verdict = kill::kill_loop(&driver(), dir.path(), Compression::None, 200, 20_261_124).unwrap();
    println!("{verdict}");
    assert!(verdict.flushed > 1_000 && verdict.found > 10_000, "too little happens: {verdict}");
    assert!(verdict.found < verdict.offered, "no kill found anything in the queue: {verdict}");
}

#[test]
fn kills_in_mid_compression_lose_no_flushed_line_and_leave_nothing_half_done() {
    let dir = tempfile::tempdir().unwrap();
    let verdict = kill::kill_loop(&driver(), dir.path(), Compression::Gzip, 60, 7).unwrap();
    println!("{verdict}");
    assert!(verdict.packing > 0 && verdict.flushed > 300, "too little happens: {verdict}");
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

/// A driver whose every write takes `delay_ms` milliseconds, and that leaves within `hasty_ms`.
fn slow_exit(ground: &Ground, delay_ms: u64, hasty_ms: u64) -> (Account, Findings, Duration) {
    let log = ground.dir.join(format!("slow-{delay_ms}/app.log"));
    std::fs::create_dir(log.parent().unwrap()).unwrap();
    let slow = Rule { op: "write", nth: 1, action: Action::Delay(delay_ms), times: 1_000_000 };
    let begun = Instant::now();
    let output = Command::new(&ground.driver)
        .arg("drive")
        .args(["--log".as_ref(), log.as_os_str(), "--page".as_ref(), ground.dir.join("page").as_os_str()])
        .args(["--lines", "200", "--longest", "300", "--max-bytes", "6000", "--backups", "90"])
        .args(["--hasty-ms", &hasty_ms.to_string()])
        .envs(shim::variables(&ground.library, log.parent().unwrap()))
        .envs([shim::rule_variable(&slow)])
        .output()
        .unwrap();
    let took = begun.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let account: Account = serde_json::from_slice(&output.stdout).unwrap();
    let findings = check(&set::read(&log).unwrap());
    assert_eq!(findings.faults(), [""; 0], "{findings}");
    assert_eq!((account.offered, account.dropped), (800, 0));
    (account, findings, took)
}

#[test]
fn a_slow_disk_at_the_exit_of_a_real_program() {
    let dir = tempfile::tempdir().unwrap();
    let Some(ground) = ground("a_slow_disk_at_the_exit_of_a_real_program", dir.path()) else { return };
    // 20 ms for each write, and time enough: all is there.
    let (account, findings, _) = slow_exit(&ground, 20, 30_000);
    assert_eq!((account.written, account.left, findings.lines), (800, 0, 800), "{account:?}");
    // Too little time: what is left is told to the record, but for the one write that hung when time was over.
    let (account, findings, took) = slow_exit(&ground, 900, 2_000);
    assert!(account.incomplete && account.left > 0, "{account:?}");
    assert_eq!(account.written + account.left, 800);
    assert!((account.written..800).contains(&findings.lines), "{} lines, {account:?}", findings.lines);
    assert!(took < Duration::from_secs(12), "{took:?}: the writes of all would take 20 s and more");
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
