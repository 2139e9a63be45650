//! Proves which file a record goes into, by the time, and where the link leads.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::super::{Builder, Rotation};
use super::{DAY, HOUR, names, open, read, scene, try_open};

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
    let error = try_open(&builder, &file, &clock).unwrap_err();
    let told = format!("the log directory {}/below cannot be made: ", file.display());
    assert!(error.to_string().starts_with(&told), "{error}");
    let taken = dir.path().join("taken");
    fs::create_dir_all(taken.join("app.log")).unwrap();
    let error = try_open(&Builder::new().filename_prefix("app.log"), &taken, &clock).unwrap_err();
    let told = format!("the log file {}/app.log cannot be opened: ", taken.display());
    assert!(error.to_string().starts_with(&told), "{error}");
}

#[test]
fn a_file_that_others_rename_is_written_on_unseen() {
    let (dir, clock) = scene();
    let mut appender = open(&Builder::new().filename_prefix("app.log"), dir.path(), &clock);
    fs::rename(dir.path().join("app.log"), dir.path().join("app.log.1")).unwrap();
    appender.write_all(b"one\n").unwrap();
    assert_eq!(
        (names(dir.path()), read(dir.path(), "app.log.1")),
        (vec!["app.log.1".into()], "one\n".into())
    );
    drop(appender);
    drop(open(&Builder::new().filename_prefix("app.log"), dir.path(), &clock));
    assert_eq!(names(dir.path()), ["app.log", "app.log.1"], "logrotate's number is none of ours");
}

#[test]
fn the_link_stands_where_build_was_told_though_the_prefix_leads_elsewhere() {
    let (dir, clock) = scene();
    let builder = Builder::new().filename_prefix("below/app.log").latest_symlink("latest");
    let mut appender = open(&builder, dir.path(), &clock);
    appender.write_all(b"one\n").unwrap();
    assert_eq!(
        (names(dir.path()), read(dir.path(), "latest")),
        (vec!["below".into(), "latest".into()], "one\n".into())
    );
}
