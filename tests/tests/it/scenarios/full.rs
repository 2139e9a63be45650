//! Proves that a file system that is really full stops nobody: own backups go, the loss is told to the record, and it
//! all comes back. A twin on the simulated disk runs where no file system may be mounted.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use tracing_spool::{Alert, Condition, Edge, FlushError, Spool, SpoolBuilder, SpoolGuard, Stats, Trouble};
use tracing_spool_fileset::SystemClock;
use tracing_spool_fileset::sim::SimDisk;
use tracing_spool_tests::skip;

use crate::support::{LONG, child, content, finish, is_child, log, said, scene, until};

const TEST: &str = "scenarios::full::low_disk_space_handling";
/// The mounted file system's directory, for the process that lives on it.
const MOUNT: &str = "TRACING_SPOOL_MOUNT";
const FILE_SYSTEM: u64 = 1 << 20;

#[test]
fn low_disk_space_handling() {
    if is_child(TEST) {
        return on_the_small_disk(&PathBuf::from(std::env::var_os(MOUNT).unwrap()));
    }
    let (dir, _) = scene();
    let allowed = Command::new("unshare")
        .args(["-Urm", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(dir.path())
        .output();
    match allowed {
        Ok(output) if output.status.success() => {}
        Ok(output) => return skip("low_disk_space_handling", &said(&output)),
        Err(error) => return skip("low_disk_space_handling", &format!("unshare: {error}")),
    }
    // The arguments of the shell are the test binary and its own.
    let script = "mount -t tmpfs -o size=1m tmpfs \"$TRACING_SPOOL_MOUNT\" && exec \"$@\"";
    let mut command = child(TEST, &["unshare", "-Urm", "sh", "-c", script, "sh"]);
    let output = finish(command.env(MOUNT, dir.path()));
    assert!(output.status.success() && said(&output).contains("1 passed"), "{}", said(&output));
}

/// Files larger than the file system altogether, a queue that a little is too much for.
fn builder(path: &Path, alerts: Sender<Alert>) -> SpoolBuilder {
    let tell = Mutex::new(alerts);
    Spool::builder(path)
        .max_bytes(100_000)
        .backup_count(20)
        .queue_records(100)
        .quiet()
        .on_alert(move |alert| tell.lock().unwrap().send(alert.clone()).unwrap())
}

/// The number first, 1,000 bytes in all.
fn line(number: u64) -> String {
    format!("{number:06} {}", "x".repeat(992))
}

/// Logs and waits until it is written: nothing may be lost.
fn log_all(spool: &Spool, guard: &SpoolGuard, numbers: std::ops::Range<u64>) {
    for number in numbers {
        log(spool, &line(number));
        guard.handle().flush(LONG).unwrap();
    }
}

/// Too much for the queue while the disk is full; returns the numbers at that point.
fn log_too_much(spool: &Spool, guard: &SpoolGuard, alerts: &Receiver<Alert>) -> Stats {
    let handle = guard.handle();
    let (mut number, mut raised) = (3_000, None);
    // As long as own backups can go, there is room.
    assert!(until(|| {
        (0..50).for_each(|more| log(spool, &line(number + more)));
        number += 50;
        raised = alerts.try_recv().ok();
        raised.is_some()
    }));
    let raised = raised.unwrap();
    assert_eq!((raised.trouble, raised.edge), (Trouble::NoSpace, Edge::Raised));
    assert!(until(|| matches!(handle.health().condition, Condition::Blocked(_))));
    (0..300).for_each(|more| log(spool, &line(number + more)));
    assert!(matches!(handle.flush(LONG), Err(FlushError::Blocked { .. })), "it says so instead of waiting");
    let stats = handle.stats();
    assert!(stats.dropped.total() > 200 && stats.queued_records >= 90, "{stats:?}");
    stats
}

/// There is room again: what waited is written, and what was lost is told, to the record.
fn comes_back(
    spool: &Spool,
    guard: SpoolGuard,
    alerts: &Receiver<Alert>,
    lost: u64,
    content: impl FnOnce() -> String,
) {
    guard.handle().flush(LONG).unwrap();
    let cleared = alerts.recv_timeout(LONG).unwrap();
    assert_eq!((cleared.trouble, cleared.edge), (Trouble::NoSpace, Edge::Cleared));
    log(spool, "back again");
    guard.handle().flush(LONG).unwrap();
    let (handle, report) = (guard.handle(), guard.shutdown(LONG));
    assert!(report.is_complete() && report.dropped == lost, "{report}");
    let (stats, text) = (handle.stats(), content());
    assert_eq!(stats.offered, stats.written + lost);
    assert_eq!(stats.files.fragments, 0);
    let mut told = 0;
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once("tracing_spool: ") {
            let words: Vec<&str> = rest.split_whitespace().collect();
            told += match words[..] {
                [count, "records" | "record", "lost:", ..] => count.parse::<u64>().unwrap(),
                _ => 0,
            };
        } else {
            assert!(line.len() == 999 || line == "back again", "a torn or glued line: {line:?}");
        }
    }
    assert_eq!(told, lost, "the log itself says how many are missing: {text}");
}

/// Ends a loop of another thread, even if this one panics.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn on_the_small_disk(dir: &Path) {
    let path = dir.join("app.log");
    let (tell, alerts) = channel();
    let (spool, guard) = builder(&path, tell).open().unwrap();
    // Three times what the disk holds: own backups go for the newer.
    log_all(&spool, &guard, 0..3_000);
    let stats = guard.handle().stats();
    assert_eq!((stats.written, stats.dropped.total()), (3_000, 0));
    assert!(stats.files.pruned_files >= 20 && stats.total_bytes < FILE_SYSTEM, "{stats:?}");
    assert!(content(&path).lines().rev().zip((0..3_000).rev()).all(|(found, number)| found == line(number)));
    assert_eq!(alerts.try_recv().ok(), None, "room was made, there is nothing to warn of");

    // Now somebody else takes all that is left, down to the one backup that is kept for readers.
    let ballast = dir.join("ballast");
    let mut file = File::create(&ballast).unwrap();
    while file.write(&[0; 4_096]).is_ok() {}
    let stop = AtomicBool::new(false);
    let lost = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // What the log frees is taken at once.
                let _ = file.write(&[0; 4_096]);
                thread::yield_now();
            }
        });
        let _stop = StopAtEnd(&stop);
        log_too_much(&spool, &guard, &alerts).dropped.total()
    });
    drop(file);
    fs::remove_file(&ballast).unwrap();
    comes_back(&spool, guard, &alerts, lost, || content(&path));
}

#[test]
fn low_disk_space_on_the_simulated_disk() {
    let (disk, (tell, alerts)) = (SimDisk::new(), channel());
    disk.set_capacity(Some(FILE_SYSTEM));
    let (spool, guard) =
        builder(Path::new("/log/app.log"), tell).open_with(disk.fs(), Arc::new(SystemClock::new())).unwrap();
    log_all(&spool, &guard, 0..3_000);
    let stats = guard.handle().stats();
    assert_eq!((stats.written, stats.dropped.total()), (3_000, 0));
    assert!(stats.files.pruned_files >= 20, "{stats:?}");
    disk.set_capacity(Some(0));
    let lost = log_too_much(&spool, &guard, &alerts).dropped.total();
    disk.set_capacity(Some(FILE_SYSTEM));
    comes_back(&spool, guard, &alerts, lost, || {
        let backups = (1..=20).rev().map(|number| format!("/log/app.log.{number}"));
        let files = backups.chain(["/log/app.log".to_owned()]).filter_map(|path| disk.read(path));
        String::from_utf8(files.collect::<Vec<_>>().concat()).unwrap()
    });
}
