//! Proves that a queue in a ring file outlives its process, however that ends, and that a forked child leaves it alone.
//! Thousands of kills are the matter of `crates/torture`, a death at every call of `crates/spool/src/open/recovery/tests.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use tracing_spool::{Durable, Overflow, Reason, Spool, SpoolBuilder};
use tracing_spool_tests::forked;

use crate::support::{LONG, child, content, finish, is_child, log, passes, said, scene, until};

const DIR: &str = "TRACING_SPOOL_DURABLE_DIR";
const WAY: &str = "TRACING_SPOOL_DURABLE_WAY";

fn durable(dir: &Path) -> SpoolBuilder {
    Spool::builder(dir.join("app.log"))
        .durable(Durable::at(dir.join("ring")).on_any_file_system())
        .overflow(Overflow::Block)
        .max_bytes(1 << 20)
        .backup_count(100)
        .max_total_bytes(1 << 30)
        .quiet()
}

/// The child for `test`, in this directory.
fn child_in(test: &str, dir: &Path, way: &str) -> Command {
    let mut command = child(test, &[]);
    command.env(DIR, dir).env(WAY, way);
    command
}

fn told(name: &str) -> String {
    std::env::var(name).unwrap()
}

fn line(number: usize) -> String {
    format!("record {number} {}\n", "x".repeat(1_000 + number * 7 % 1_000))
}

/// Opens the log anew and ends it in order; the numbers of the lines that then stand there, each of them whole.
fn numbers_after(dir: &Path) -> Vec<usize> {
    let (_spool, guard) = durable(dir).open().unwrap();
    let recovered = guard.recovered();
    assert_eq!(recovered.uncertain, 0, "{recovered}");
    assert!(guard.shutdown(LONG).is_complete());
    let text = content(&dir.join("app.log"));
    let ours = text.split_inclusive('\n').filter(|line| !line.contains(" tracing_spool: "));
    ours.map(|found| {
        let number = found.split(' ').nth(1).and_then(|word| word.parse().ok());
        let number = number.unwrap_or_else(|| panic!("no record of ours: {found:?}"));
        assert_eq!(found, line(number), "torn or glued");
        number
    })
    .collect()
}

const T7: &str = "threads::durable::museum_t7_however_it_ends_every_record_is_written_by_the_next";

#[test]
fn museum_t7_however_it_ends_every_record_is_written_by_the_next() {
    const RECORDS: usize = 3_000;
    if is_child(T7) {
        let (spool, guard) = durable(&PathBuf::from(told(DIR))).open().unwrap();
        (0..RECORDS).for_each(|number| log(&spool, &line(number)));
        std::mem::forget(guard);
        match told(WAY).as_str() {
            "exit" => std::process::exit(0),
            "abort" => std::process::abort(),
            "term" => raise(Signal::SIGTERM).unwrap(),
            _ => raise(Signal::SIGKILL).unwrap(),
        }
        unreachable!("it has ended");
    }
    let mut saved = 0;
    for way in ["exit", "abort", "term", "kill"] {
        let (dir, path) = scene();
        let output = finish(&mut child_in(T7, dir.path(), way));
        let written = content(&path).lines().count();
        assert!(written < RECORDS || way == "exit", "it had all been written: {}", said(&output));
        saved += RECORDS - written.min(RECORDS);
        assert_eq!(numbers_after(dir.path()), (0..RECORDS).collect::<Vec<_>>(), "{way}");
    }
    assert!(saved > 0, "nothing had to be saved");
}

const I7: &str = "threads::durable::museum_i7_a_record_cut_by_a_kill_is_finished";

#[test]
fn museum_i7_a_record_cut_by_a_kill_is_finished() {
    if is_child(I7) {
        let (spool, _guard) = durable(&PathBuf::from(told(DIR))).max_bytes(1 << 30).open().unwrap();
        for number in 0.. {
            log(&spool, &line(number));
        }
    }
    let mut cut = 0;
    for round in 0..30 {
        let (dir, path) = scene();
        let mut running = child_in(I7, dir.path(), "").spawn().unwrap();
        assert!(until(|| path.metadata().is_ok_and(|meta| meta.len() > 0)));
        std::thread::sleep(Duration::from_micros(1_000 + round * 3_217 % 11_000)); // any time will do
        running.kill().unwrap();
        running.wait_with_output().unwrap();
        cut += usize::from(!content(&path).ends_with('\n'));
        let numbers = numbers_after(dir.path());
        assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>(), "round {round}");
    }
    println!("{cut} of 30 kills cut a record");
}

const FORK: &str = "threads::durable::a_forked_child_leaves_the_ring_alone";

/// In a process of its own, so that nothing but this test forks with this test's files open.
#[test]
fn a_forked_child_leaves_the_ring_alone() {
    if !is_child(FORK) {
        let (dir, _path) = scene();
        passes(&mut child_in(FORK, dir.path(), ""));
        return;
    }
    let dir = PathBuf::from(told(DIR));
    let (spool, guard) = durable(&dir).open().unwrap();
    log(&spool, &line(0));
    let Some(child) = forked::in_two() else {
        (0..100).for_each(|_| log(&spool, "of the child"));
        let dropped = guard.handle().stats().dropped;
        drop((spool, guard));
        forked::leave(i32::from(dropped.for_reason(Reason::Forked) != 100))
    };
    assert_eq!(forked::end(child), Ok(()), "100 dropped as forked");
    log(&spool, &line(1));
    assert!(durable(&dir).open().is_err(), "the ring is locked still");
    assert!(guard.shutdown(LONG).is_complete());
    drop(spool);
    assert_eq!(numbers_after(&dir), [0, 1]);
}

/// Museum row O11, the ring: what callers hand over while it goes, and is made anew, is written once and in order.
#[test]
fn museum_o11_a_ring_that_is_removed_under_callers_is_made_anew() {
    const THREADS: usize = 4;
    let (dir, path) = scene();
    let (spool, guard) = durable(dir.path()).queue_bytes(64 * 1024).open().unwrap();
    let handle = guard.handle();
    let ring = dir.path().join("ring");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let logged: Vec<usize> = std::thread::scope(|scope| {
        let caller = |thread: usize| {
            let (spool, stop) = (&spool, &stop);
            scope.spawn(move || {
                let mut number = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    log(spool, &format!("{thread} {number}\n"));
                    number += 1;
                }
                number
            })
        };
        let callers: Vec<_> = (0..THREADS).map(caller).collect();
        for _ in 0..3 {
            std::fs::remove_file(&ring).unwrap();
            until(|| ring.exists());
            // The alert ends with the next look.
            until(|| handle.health().alerts.is_empty());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let report = guard.shutdown(LONG);
    assert!(report.is_complete() && report.dropped == 0, "{report}");
    let text = content(&path);
    // The oldest may have been rotated away.
    let mut next = [None; THREADS];
    for line in text.lines().filter(|line| !line.contains(" tracing_spool: ")) {
        let (thread, number) = line.split_once(' ').unwrap();
        let (thread, number): (usize, usize) = (thread.parse().unwrap(), number.parse().unwrap());
        assert_eq!(number, next[thread].unwrap_or(number), "once, and in the order of its thread");
        next[thread] = Some(number + 1);
    }
    assert_eq!(next.map(Option::unwrap).to_vec(), logged);
    assert_eq!(report.written, logged.iter().sum::<usize>() as u64);
}

/// Opens the log as it is by default, shuts it down, and opens it again beside a clone of the first.
fn opens_twice(dir: &Path) {
    for expected in 0..2 {
        let (spool, guard) = Spool::builder(dir.join("app.log")).open().unwrap();
        let health = guard.handle().health();
        assert!(health.is_well() && health.last_alert.is_none(), "{expected}: {health:?}");
        log(&spool, &line(expected));
        assert!(guard.shutdown(LONG).is_complete());
        std::mem::forget(spool); // as a subscriber that is there for good
    }
}

#[test]
fn a_directory_that_systemd_does_not_give_is_no_trouble() {
    const TEST: &str = "threads::durable::a_directory_that_systemd_does_not_give_is_no_trouble";
    if is_child(TEST) {
        return opens_twice(Path::new(&told(DIR)));
    }
    let (of_disk, _) = scene();
    let in_memory = tempfile::tempdir_in("/dev/shm").ok();
    let file = of_disk.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let given = in_memory.as_ref().map(|dir| dir.path().to_owned());
    let missing = of_disk.path().join("missing");
    for runtime in [Some(missing), Some(file), Some(of_disk.path().to_owned()), given].into_iter().flatten() {
        let (dir, path) = scene();
        let mut child = child_in(TEST, dir.path(), "");
        let output = finish(child.env("RUNTIME_DIRECTORY", &runtime));
        assert!(output.status.success(), "{}: {}", runtime.display(), said(&output));
        assert_eq!(content(&path), format!("{}{}", line(0), line(1)), "{}", runtime.display());
    }
}
