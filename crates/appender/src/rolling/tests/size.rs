//! Proves that a file which is long enough is continued in one with a number, and that a restart goes on where it stopped.

use std::fs;
use std::io::Write as _;
use std::time::Duration;

use super::super::{Builder, Rotation};
use super::{DAY, names, open, read, said, scene, write};

fn daily(max_bytes: u64) -> Builder {
    let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app").filename_suffix("log");
    builder.max_bytes(max_bytes)
}

#[test]
fn a_file_goes_on_in_the_next_before_a_record_makes_it_too_long() {
    let (dir, clock) = scene();
    let mut appender = open(&daily(8), dir.path(), &clock);
    for line in ["one\n", "two\n", "three\n", "4\n", "5\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(names(dir.path()), ["app.2026-01-01.1.log", "app.2026-01-01.2.log", "app.2026-01-01.log"]);
    assert_eq!(read(dir.path(), "app.2026-01-01.log"), "one\ntwo\n");
    assert_eq!(read(dir.path(), "app.2026-01-01.1.log"), "three\n4\n");
    assert_eq!(read(dir.path(), "app.2026-01-01.2.log"), "5\n");
    clock.advance(DAY);
    appender.write_all(b"next day\n").unwrap();
    assert_eq!(read(dir.path(), "app.2026-01-02.log"), "next day\n", "each period counts anew");
    assert_eq!(appender.failures(), 0);
}

#[test]
fn each_order_of_parts_has_its_number() {
    for (rotation, prefix, suffix, all) in [
        (Rotation::DAILY, "app.log", "", ["app.log.2026-01-01", "app.log.2026-01-01.1"]),
        (Rotation::HOURLY, "", "log", ["2026-01-01-00.1.log", "2026-01-01-00.log"]),
        (Rotation::NEVER, "app", "log", ["app.1.log", "app.log"]),
        (Rotation::NEVER, "app.log", "", ["app.log", "app.log.1"]),
        (Rotation::NEVER, "", "log", ["1.log", "log"]),
        (Rotation::NEVER, "", "", ["2026-01-01", "2026-01-01.1"]),
    ] {
        let (dir, clock) = scene();
        let builder = Builder::new().rotation(rotation).filename_prefix(prefix).filename_suffix(suffix);
        let mut appender = open(&builder.max_bytes(4), dir.path(), &clock);
        appender.write_all(b"one\n").unwrap();
        clock.advance(Duration::from_secs(60));
        appender.write_all(b"two\n").unwrap();
        assert_eq!(names(dir.path()), all);
    }
}

#[test]
fn without_rotation_a_file_is_continued_under_the_day_of_the_first() {
    let (dir, clock) = scene();
    let mut appender = open(&Builder::new().max_bytes(4), dir.path(), &clock);
    appender.write_all(b"one\n").unwrap();
    clock.advance(DAY);
    appender.write_all(b"two\n").unwrap();
    assert_eq!(names(dir.path()), ["2026-01-01", "2026-01-01.1"]);
}

#[test]
fn a_record_that_is_too_long_has_a_file_of_its_own() {
    let (dir, clock) = scene();
    let mut appender = open(&daily(8), dir.path(), &clock);
    for line in ["one\n", "too long for a file\n", "two\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(read(dir.path(), "app.2026-01-01.1.log"), "too long for a file\n");
    assert_eq!(read(dir.path(), "app.2026-01-01.2.log"), "two\n");
}

#[test]
fn a_restart_goes_on_with_the_newest_file_if_it_has_room() {
    let (dir, clock) = scene();
    for name in ["app.2026-01-01.log", "app.2026-01-01.9.log", "app.2025-12-31.11.log"] {
        write(dir.path(), name, "full....");
    }
    write(dir.path(), "app.2026-01-01.10.log", "one\n");
    for line in [b"two\n", b"3rd\n"] {
        open(&daily(8), dir.path(), &clock).write_all(line).unwrap();
    }
    assert_eq!(read(dir.path(), "app.2026-01-01.10.log"), "one\ntwo\n");
    assert_eq!(read(dir.path(), "app.2026-01-01.11.log"), "3rd\n");
    fs::rename(dir.path().join("app.2026-01-01.11.log"), dir.path().join("app.2026-01-01.11.log.gz"))
        .unwrap();
    open(&daily(8), dir.path(), &clock).write_all(b"4th\n").unwrap();
    assert_eq!(read(dir.path(), "app.2026-01-01.12.log"), "4th\n", "what is compressed is not reopened");
}

#[test]
fn where_the_next_file_cannot_be_begun_the_old_one_is_written_on() {
    let (dir, clock) = scene();
    let mut appender = open(&daily(4), dir.path(), &clock);
    let blocked = dir.path().join("app.2026-01-01.1.log");
    fs::create_dir(&blocked).unwrap();
    for line in [b"one\n", b"two\n", b"3rd\n"] {
        appender.write_all(line).unwrap();
    }
    assert_eq!((appender.failures(), said().len()), (1, 1), "not for each record");
    fs::remove_dir(&blocked).unwrap();
    clock.advance(Duration::from_secs(1));
    appender.write_all(b"4th\n").unwrap();
    assert_eq!(
        read(dir.path(), "app.2026-01-01.log"),
        "one\ntwo\n3rd\n",
        "an overlong file beats a lost record"
    );
    assert_eq!(read(dir.path(), "app.2026-01-01.1.log"), "4th\n");
}
