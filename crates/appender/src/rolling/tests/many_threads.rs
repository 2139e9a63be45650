//! Proves that threads which write at once lose nothing, and keep the bounds.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter as _;

use super::super::{Builder, RollingFileAppender, Rotation};
use super::{bytes, names, open, read, scene};

const THREADS: usize = 4;
const LINES: usize = 500;

/// Each thread writes its lines, and does something in between.
fn write_at_once(appender: &RollingFileAppender, between: impl Fn(usize, usize) + Sync) {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let between = &between;
            scope.spawn(move || {
                for number in 0..LINES {
                    let line = format!("{thread} {number}\n");
                    appender.make_writer().write_all(line.as_bytes()).unwrap();
                    between(thread, number);
                }
            });
        }
    });
}

/// How many lines there are, and how many different ones.
fn lines(dir: &Path) -> (usize, usize) {
    let all: String = names(dir).iter().map(|name| read(dir, name)).collect();
    (all.lines().count(), all.lines().collect::<BTreeSet<_>>().len())
}

#[test]
fn no_line_is_lost_over_a_rotation() {
    let (dir, clock) = scene();
    let appender =
        open(&Builder::new().rotation(Rotation::MINUTELY).filename_prefix("app"), dir.path(), &clock);
    write_at_once(&appender, |thread, number| {
        if thread == 0 && number % 50 == 0 {
            clock.advance(Duration::from_secs(60));
        }
    });
    assert_eq!(lines(dir.path()), (THREADS * LINES, THREADS * LINES));
    // One for each period, unless another thread was held up in beginning the one before.
    assert_eq!(((2..=11).contains(&names(dir.path()).len()), appender.failures()), (true, 0));
}

#[test]
fn no_file_grows_too_large() {
    let (dir, clock) = scene();
    let builder = Builder::new().rotation(Rotation::MINUTELY).filename_prefix("app").max_bytes(100);
    let appender = open(&builder, dir.path(), &clock);
    write_at_once(&appender, |thread, number| {
        if thread == 0 && number % 100 == 0 {
            clock.advance(Duration::from_secs(60));
        }
    });
    assert_eq!((lines(dir.path()), appender.failures()), ((THREADS * LINES, THREADS * LINES), 0));
    for name in names(dir.path()) {
        let length = read(dir.path(), &name).len();
        assert!(length <= 100, "{name} has {length} bytes");
    }
}

#[test]
fn the_budget_holds_at_each_moment() {
    let (dir, clock) = scene();
    let builder = Builder::new().rotation(Rotation::MINUTELY).filename_prefix("app");
    let appender = open(&builder.max_bytes(100).max_total_bytes(350), dir.path(), &clock);
    let seen = AtomicUsize::new(0);
    write_at_once(&appender, |thread, number| {
        if thread == 0 && number % 20 == 0 {
            clock.advance(Duration::from_secs(60));
        }
        if let Some(all) = bytes_at_one_moment(dir.path()) {
            seen.fetch_add(1, Ordering::Relaxed);
            assert!(all <= 350, "{all} bytes");
        }
    });
    assert!(appender.failures() == 0 && bytes(dir.path()) > 100 && seen.into_inner() > 0);
}

/// No more than all files had when the last of them was measured; none where one of them has gone by then.
///
/// A listing takes its time. Files that are there at its end were no smaller then than when they were measured.
fn bytes_at_one_moment(dir: &Path) -> Option<u64> {
    let entries: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    let lengths: Option<Vec<u64>> = entries.iter().map(|path| Some(path.metadata().ok()?.len())).collect();
    let bytes = lengths?.iter().sum();
    entries.iter().all(|path| path.exists()).then_some(bytes)
}
