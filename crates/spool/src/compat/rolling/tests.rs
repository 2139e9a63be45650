//! Proves what an appender with dated names leaves in its directory, by a clock that jumps and the real disk.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests look at the real disk")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tracing_spool_fileset::sim::SimClock;
use tracing_subscriber::fmt::MakeWriter as _;

use super::live::LiveFile;
use super::{Builder, RollingFileAppender, Rotation};
use crate::compat::non_blocking::NonBlocking;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A directory, and a clock that shows Thursday, the first of January 2026, at midnight.
fn scene() -> (TempDir, SimClock) {
    (tempfile::tempdir().unwrap(), SimClock::new())
}

fn open(builder: &Builder, dir: &Path, clock: &SimClock) -> RollingFileAppender {
    builder.build_with(dir, Box::new(clock.clone())).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

#[test]
fn each_rotation_begins_a_file_when_its_period_is_over() {
    for (rotation, period, first, second) in [
        (Rotation::MINUTELY, Duration::from_secs(60), "a.2026-01-01-00-00", "a.2026-01-01-00-01"),
        (Rotation::HOURLY, HOUR, "a.2026-01-01-00", "a.2026-01-01-01"),
        (Rotation::DAILY, DAY, "a.2026-01-01", "a.2026-01-02"),
        (Rotation::WEEKLY, 3 * DAY, "a.2025-12-28", "a.2026-01-04"), // on Sunday
    ] {
        let (dir, clock) = scene();
        let mut appender = open(&Builder::new().rotation(rotation).filename_prefix("a"), dir.path(), &clock);
        appender.write_all(b"one\n").unwrap();
        clock.advance(period - Duration::from_micros(1));
        appender.write_all(b"two\n").unwrap();
        assert_eq!(names(dir.path()), [first]);
        clock.advance(Duration::from_micros(1));
        appender.write_all(b"three\n").unwrap();
        appender.flush().unwrap();
        assert_eq!(names(dir.path()), [first, second]);
        assert_eq!(
            (read(dir.path(), first), read(dir.path(), second)),
            ("one\ntwo\n".into(), "three\n".into())
        );
        assert_eq!(appender.failures(), 0);
    }
}

#[test]
fn without_rotation_there_is_one_file_for_ever() {
    let (dir, clock) = scene();
    let mut appender = open(&Builder::new().filename_prefix("app.log").max_log_files(1), dir.path(), &clock);
    appender.write_all(b"one\n").unwrap();
    clock.advance(400 * DAY);
    appender.write_all(b"two\n").unwrap();
    drop(appender);
    let mut again = open(&Builder::new().filename_prefix("app.log"), dir.path(), &clock);
    again.write_all(b"three\n").unwrap();
    assert_eq!(
        (names(dir.path()), read(dir.path(), "app.log")),
        (vec!["app.log".into()], "one\ntwo\nthree\n".into())
    );
}

#[test]
fn events_go_to_the_file_of_their_hour() {
    let (dir, clock) = scene();
    let appender =
        open(&Builder::new().rotation(Rotation::HOURLY).filename_prefix("app"), dir.path(), &clock);
    let lines = tracing_subscriber::fmt()
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_ansi(false)
        .with_writer(appender)
        .finish();
    tracing::subscriber::with_default(lines, || {
        for text in ["file 1", "file 2"] {
            tracing::info!("{text}");
            clock.advance(Duration::from_secs(1));
            tracing::info!("{text}");
            clock.advance(HOUR - Duration::from_secs(1));
        }
    });
    assert_eq!(names(dir.path()), ["app.2026-01-01-00", "app.2026-01-01-01"]);
    assert_eq!(read(dir.path(), "app.2026-01-01-00"), "file 1\nfile 1\n");
    assert_eq!(read(dir.path(), "app.2026-01-01-01"), "file 2\nfile 2\n");
}

#[test]
fn so_many_files_are_kept_and_the_oldest_go_first() {
    let (dir, clock) = scene();
    let builder = Builder::new().rotation(Rotation::HOURLY).filename_prefix("app").max_log_files(2);
    let mut appender = open(&builder, dir.path(), &clock);
    for text in ["file 1\n", "file 2\n", "file 3\n"] {
        appender.write_all(text.as_bytes()).unwrap();
        clock.advance(HOUR);
    }
    assert_eq!(names(dir.path()), ["app.2026-01-01-01", "app.2026-01-01-02"]);
    assert_eq!(read(dir.path(), "app.2026-01-01-02"), "file 3\n");
    // At start too; and a start in a period that has its file is no reason to keep one less.
    drop(appender);
    drop(open(&builder, dir.path(), &clock));
    assert_eq!(names(dir.path()), ["app.2026-01-01-02", "app.2026-01-01-03"]);
    drop(open(&builder, dir.path(), &clock));
    assert_eq!(names(dir.path()), ["app.2026-01-01-02", "app.2026-01-01-03"]);
}

#[test]
fn files_of_others_are_not_removed() {
    let (dir, clock) = scene();
    let foreign = [
        "app.2025-12-01.log.bak",
        "app.2025-12-01.log.gz",
        "app.2025-12-01-10.log",
        "app.2025-13-01.log",
        "app.config.log",
        "app.log",
        "apple.2025-12-01.log",
    ];
    for name in foreign {
        fs::write(dir.path().join(name), name).unwrap();
    }
    let own = ["app.2025-12-01.log", "app.2025-12-30.log", "app.2025-12-31.log"];
    for name in own {
        fs::write(dir.path().join(name), name).unwrap();
    }
    fs::create_dir(dir.path().join("app.2025-11-01.log")).unwrap();
    symlink("app.log", dir.path().join("app.2025-11-02.log")).unwrap();
    let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app").filename_suffix("log");
    let appender = open(&builder.max_log_files(2), dir.path(), &clock);
    let left = names(dir.path());
    for name in foreign {
        assert!(left.iter().any(|left| left == name), "{name} is gone");
    }
    assert!(
        left.contains(&"app.2025-11-01.log".to_owned()) && left.contains(&"app.2025-11-02.log".to_owned())
    );
    let kept: Vec<&String> = left.iter().filter(|name| own.contains(&name.as_str())).collect();
    assert_eq!(kept, ["app.2025-12-31.log"], "with the one of today, two");
    assert_eq!(appender.failures(), 0);
}

#[test]
fn a_clock_that_goes_back_begins_no_file_and_the_live_one_is_kept() {
    let (dir, clock) = scene();
    let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app").max_log_files(1);
    let mut appender = open(&builder, dir.path(), &clock);
    clock.step_wall(-10 * 86_400_000_000);
    appender.write_all(b"one\n").unwrap();
    assert_eq!(names(dir.path()), ["app.2026-01-01"]);
    drop(appender);
    let mut earlier = open(&builder, dir.path(), &clock);
    earlier.write_all(b"two\n").unwrap();
    assert_eq!(names(dir.path()), ["app.2025-12-22"], "the oldest by name is the one that is written");
}

#[test]
fn the_link_follows_the_newest_file() {
    let (dir, clock) = scene();
    let logs = dir.path().join("logs");
    let builder =
        Builder::new().rotation(Rotation::HOURLY).filename_prefix("app").latest_symlink("latest.log");
    let mut appender = open(&builder, &logs, &clock);
    let link = logs.join("latest.log");
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("app.2026-01-01-00"), "right from any directory");
    clock.advance(HOUR);
    appender.write_all(b"test\n").unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("app.2026-01-01-01"));
    assert_eq!(fs::read_to_string(&link).unwrap(), "test\n");
    assert_eq!(names(&logs), ["app.2026-01-01-00", "app.2026-01-01-01", "latest.log"]);
}

#[test]
fn what_is_no_link_is_not_replaced_by_one() {
    let (dir, clock) = scene();
    let builder = Builder::new().rotation(Rotation::HOURLY).filename_prefix("app").latest_symlink("notes");
    fs::write(dir.path().join("notes"), "mine").unwrap();
    let error = builder.build_with(dir.path(), Box::new(clock.clone())).unwrap_err();
    assert!(error.to_string().contains("link"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    fs::remove_file(dir.path().join("notes")).unwrap();
    let mut appender = open(&builder, dir.path(), &clock);
    fs::remove_file(dir.path().join("notes")).unwrap();
    fs::write(dir.path().join("notes"), "mine").unwrap();
    clock.advance(HOUR);
    appender.write_all(b"two\n").unwrap();
    assert_eq!(appender.failures(), 1, "told, and no reason not to rotate");
    assert_eq!(
        (read(dir.path(), "notes"), read(dir.path(), "app.2026-01-01-01")),
        ("mine".into(), "two\n".into())
    );
}

#[test]
fn a_file_that_cannot_be_begun_is_tried_again_each_second() {
    let (dir, clock) = scene();
    let mut appender =
        open(&Builder::new().rotation(Rotation::DAILY).filename_prefix("app"), dir.path(), &clock);
    let blocked = dir.path().join("app.2026-01-02");
    fs::create_dir(&blocked).unwrap();
    clock.advance(DAY);
    for line in [b"one\n", b"two\n"] {
        appender.write_all(line).unwrap();
    }
    assert_eq!(appender.failures(), 1, "not for each line");
    clock.advance(Duration::from_secs(1));
    appender.write_all(b"three\n").unwrap();
    assert_eq!((appender.failures(), read(dir.path(), "app.2026-01-01")), (2, "one\ntwo\nthree\n".into()));
    fs::remove_dir(&blocked).unwrap();
    clock.advance(Duration::from_secs(1));
    appender.write_all(b"four\n").unwrap();
    assert_eq!((appender.failures(), read(dir.path(), "app.2026-01-02")), (2, "four\n".into()));
}

#[test]
fn what_fails_behind_a_queue_is_counted_by_its_counter() {
    let (dir, clock) = scene();
    let appender = open(&Builder::new().rotation(Rotation::DAILY).filename_prefix("app"), dir.path(), &clock);
    fs::create_dir(dir.path().join("app.2026-01-02")).unwrap();
    clock.advance(DAY);
    let (mut writer, guard) = NonBlocking::new(appender);
    writer.write_all(b"one\n").unwrap();
    let counter = writer.error_counter();
    drop(guard);
    assert_eq!((counter.writer_errors(), counter.dropped_lines()), (1, 0));
    assert_eq!(read(dir.path(), "app.2026-01-01"), "one\n");
}

#[test]
fn a_directory_that_is_missing_is_made_and_one_that_cannot_be_is_an_error() {
    let (dir, clock) = scene();
    let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("below/app").max_log_files(1);
    let below = dir.path().join("some/where/below");
    let mut appender = open(&builder, &dir.path().join("some/where"), &clock);
    assert_eq!(names(&below), ["app.2026-01-01"]);
    clock.advance(DAY);
    appender.write_all(b"x\n").unwrap();
    assert_eq!(names(&below), ["app.2026-01-02"], "the old one is looked for where it is");
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = builder.build(&file).unwrap_err();
    assert!(error.to_string().starts_with("the log directory cannot be made: "), "{error}");
}

#[test]
fn many_threads_lose_no_line_over_a_rotation() {
    let (dir, clock) = scene();
    let appender =
        open(&Builder::new().rotation(Rotation::MINUTELY).filename_prefix("app"), dir.path(), &clock);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (appender, clock) = (&appender, &clock);
            scope.spawn(move || {
                for number in 0..500 {
                    let line = format!("{thread} {number}\n");
                    appender.make_writer().write_all(line.as_bytes()).unwrap();
                    if thread == 0 && number % 50 == 0 {
                        clock.advance(Duration::from_secs(60));
                    }
                }
            });
        }
    });
    let all: String = names(dir.path()).iter().map(|name| read(dir.path(), name)).collect();
    let mut lines: Vec<&str> = all.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!((lines.len(), all.lines().count()), (2_000, 2_000));
    // One for each period, unless another thread was held up in beginning the one before.
    assert_eq!(((2..=11).contains(&names(dir.path()).len()), appender.failures()), (true, 0));
}

#[test]
fn behind_a_torn_record_comes_a_newline() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let live = LiveFile::new(std::os::fd::OwnedFd::from(ours).into());
    let cut = live.append(&vec![b'x'; 16 << 20]).unwrap_err();
    assert!(cut.written > 0 && cut.error.kind() == std::io::ErrorKind::WouldBlock, "{cut:?}");
    let mut rest = vec![0; cut.written];
    std::io::Read::read_exact(&mut theirs, &mut rest).unwrap();
    live.append(b"one\n").unwrap();
    live.append(b"two\n").unwrap();
    drop(live);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut theirs, &mut text).unwrap();
    assert_eq!(text, "\none\ntwo\n");
}

#[test]
fn a_full_disk_is_an_error_of_the_write() {
    let full = fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
    let cut = LiveFile::new(full).append(b"x\n").unwrap_err();
    assert_eq!((cut.written, cut.error.kind()), (0, std::io::ErrorKind::StorageFull));
}
