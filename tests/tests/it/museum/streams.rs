//! Streams whose reader does not do what a writer hopes for: it sleeps, it goes, it is a terminal that somebody stopped.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::termios::{FlowArg, tcflow};
use nix::unistd::{dup2_stdout, pipe};
use tracing::Dispatch;
use tracing_spool::{Condition, FlushError, Reason, Spool, SpoolBuilder, SpoolGuard};
use tracing_subscriber::prelude::*;

use crate::support::{LONG, child, finish, is_child, read, said, scene, until_within};

/// A log into one end, without times, and what logs into it.
fn open(builder: SpoolBuilder) -> (Dispatch, SpoolGuard) {
    let (spool, guard) = builder.quiet().open().unwrap();
    (tracing_subscriber::registry().with(spool.layer().without_time().with_target(false)).into(), guard)
}

/// What a reader finds: how many lines of each level, and how many of each level are said to be lost.
#[derive(Debug, Default, PartialEq)]
struct Found {
    lines: BTreeMap<String, u64>,
    lost: BTreeMap<String, u64>,
}

fn read_all(reader: OwnedFd) -> Found {
    let mut found = Found::default();
    for line in BufReader::new(File::from(reader)).lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.contains(&"tracing_spool:") {
            // "... 7 records lost: 7 INFO (queue full), between ...", with a comma between two levels.
            let levels = line.split("lost: ").nth(1).unwrap().split(" (").next().unwrap();
            for level in levels.split(", ") {
                let (count, level) = level.split_once(' ').unwrap();
                *found.lost.entry(level.to_owned()).or_default() += count.parse::<u64>().unwrap();
            }
        } else {
            assert!(line.ends_with(" end"), "half a line: {line:?}");
            *found.lines.entry(words[0].to_owned()).or_default() += 1;
        }
    }
    found
}

#[test]
fn museum_f3_a_reader_that_sleeps_stops_nobody_and_loses_no_error() {
    const LINES: u64 = 300_000;
    const ERRORS: u64 = 300;
    let (reader, writer) = pipe().unwrap();
    let (dispatch, guard) = open(Spool::fd(writer));
    // Nobody reads before all this is done: whatever waited for a reader would wait for ever.
    tracing::dispatcher::with_default(&dispatch, || {
        for number in 0..LINES {
            if number % (LINES / ERRORS) == 0 {
                tracing::error!("{number} of {LINES} shipped, and that is the end");
            } else {
                tracing::info!("{number} of {LINES} shipped, and that is the end");
            }
        }
    });
    let handle = guard.handle();
    assert!(matches!(handle.flush(Duration::from_millis(20)), Err(FlushError::TimedOut { left: 1.. })));
    assert!(until_within(LONG, || handle.health().condition == Condition::Stalled));

    let reads = thread::spawn(|| read_all(reader));
    let report = guard.shutdown(LONG);
    drop(dispatch);
    let (found, stats) = (reads.join().unwrap(), handle.stats());
    assert!(report.is_complete(), "{report}");
    assert_eq!(stats.offered, LINES);
    assert_eq!(found.lines.values().sum::<u64>(), stats.written);
    assert_eq!(found.lines["ERROR"], ERRORS);
    let lost = BTreeMap::from([("INFO".to_owned(), LINES - ERRORS - found.lines["INFO"])]);
    assert_eq!(found.lost, lost, "the loss is said in the stream, by level, and exactly");
    assert_eq!(stats.dropped.for_reason(Reason::QueueFull), lost["INFO"]);
}

#[test]
fn museum_f3_a_terminal_that_was_stopped_holds_no_caller_and_no_end() {
    let pair = openpty(None, None).unwrap();
    tcflow(&pair.slave, FlowArg::TCOOFF).unwrap();
    let (dispatch, guard) = open(Spool::fd(pair.slave.try_clone().unwrap()));
    tracing::dispatcher::with_default(&dispatch, || {
        (0..10_000).for_each(|number| tracing::info!("{number} end"));
    });
    let (handle, begun) = (guard.handle(), Instant::now());
    let report = guard.shutdown(Duration::from_millis(300));
    assert!(begun.elapsed() < LONG / 4, "{:?}", begun.elapsed());
    assert!(report.timed_out && report.written + report.left == 10_000, "{report}");
    assert_eq!(handle.stats().offered, handle.stats().written + handle.stats().dropped.total());
}

#[test]
fn museum_f3_a_reader_that_has_left_costs_its_records_and_no_time() {
    let (reader, writer) = pipe().unwrap();
    let (dispatch, guard) = open(Spool::fd(writer));
    let log = || tracing::dispatcher::with_default(&dispatch, || tracing::warn!("end"));
    let handle = guard.handle();
    log();
    handle.flush(LONG).unwrap();
    let mut line = [0; 8];
    File::from(reader).read_exact(&mut line).unwrap();
    (0..1_000).for_each(|_| log());
    handle.flush(LONG).unwrap();
    let stats = handle.stats();
    assert_eq!((stats.written, stats.dropped.for_reason(Reason::Output)), (1, 1_000));
    assert_eq!((stats.files.alerts_raised, handle.health().alerts.len()), (1, 1));
    let begun = Instant::now();
    assert!(guard.shutdown(LONG).is_complete());
    assert!(begun.elapsed() < LONG / 4);
}

const FOLLOWED: &str = "museum::streams::stdout_that_leads_elsewhere_is_followed_but_into_no_database";
const PLACE: &str = "TRACING_SPOOL_PLACE";

/// In a process of its own, whose stdout it changes.
#[test]
fn stdout_that_leads_elsewhere_is_followed_but_into_no_database() {
    if !is_child(FOLLOWED) {
        let (dir, _) = scene();
        let output = finish(child(FOLLOWED, &[]).env(PLACE, dir.path()));
        assert!(output.status.success() && said(&output).contains(" first"), "{}", said(&output));
        let [daemon, database, back] =
            ["daemon.log", "database", "back.log"].map(|name| read(dir.path().join(name)));
        assert!(daemon.contains(" followed") && !daemon.contains(" lost"), "{daemon}");
        assert_eq!(database, "", "the number is not the thing");
        assert!(back.contains(" and back") && back.contains("1 INFO (output error)"), "{back}");
        return;
    }
    let place = std::path::PathBuf::from(std::env::var_os(PLACE).unwrap());
    let open_file = |name: &str, reads: bool| {
        OpenOptions::new().read(reads).write(true).create(true).truncate(true).open(place.join(name)).unwrap()
    };
    let (dispatch, guard) = open(Spool::stdout());
    let log = |what: &str| {
        tracing::dispatcher::with_default(&dispatch, || tracing::info!("{what} end"));
        guard.handle().flush(LONG).unwrap();
    };
    log("first");
    dup2_stdout(open_file("daemon.log", false)).unwrap();
    log("followed");
    dup2_stdout(open_file("database", true)).unwrap();
    log("lost");
    dup2_stdout(open_file("back.log", false)).unwrap();
    log("and back");
    assert!(guard.shutdown(LONG).is_complete());
}

const PIPED: &str = "museum::streams::a_program_whose_reader_has_left_ends_at_once";

/// As `program | head -1`: in a process of its own, that ends for lack of nothing but time.
#[test]
fn a_program_whose_reader_has_left_ends_at_once() {
    if is_child(PIPED) {
        let (dispatch, _guard) = open(Spool::stdout());
        tracing::dispatcher::with_default(&dispatch, || {
            (0..100_000).for_each(|number| tracing::info!("{number} end"));
        });
        return;
    }
    let mut running = child(PIPED, &[]).spawn().unwrap();
    let mut reader = BufReader::new(running.stdout.take().unwrap());
    while !reader.by_ref().lines().next().unwrap().unwrap().ends_with(" end") {}
    drop(reader);
    let begun = Instant::now();
    let mut status = None;
    assert!(until_within(LONG, || {
        status = running.try_wait().unwrap();
        status.is_some()
    }));
    assert!(begun.elapsed() < LONG / 12, "{:?}", begun.elapsed());
}
