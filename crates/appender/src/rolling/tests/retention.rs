//! Proves which files `max_log_files` counts and removes, and that others are left alone and told of.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;

use super::super::{Builder, Rotation};
use super::{HOUR, names, open, read, said, scene, write};

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
fn files_of_others_are_not_removed_and_told_of_once() {
    let (dir, clock) = scene();
    let foreign =
        ["app.2025-12-01.bak.log", "app.2025-13-01.log", "app.config.log", "app.log", "apple.2025-12-01.log"];
    let unlike = ["app.2025-12-01.log.bak", "ap.2025-12-01.log"];
    let own = ["app.2025-12-01.log", "app.2025-12-30.log", "app.2025-12-31.log"];
    for name in foreign.iter().chain(&unlike).chain(&own) {
        write(dir.path(), name, name);
    }
    fs::create_dir(dir.path().join("app.2025-11-01.log")).unwrap();
    symlink("app.log", dir.path().join("app.2025-11-02.log")).unwrap();
    let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app").filename_suffix("log");
    let mut appender = open(&builder.max_log_files(2), dir.path(), &clock);
    let left = names(dir.path());
    for name in foreign.iter().chain(&unlike).chain(&["app.2025-11-01.log", "app.2025-11-02.log"]) {
        assert!(left.iter().any(|left| left == name), "{name} is gone");
    }
    let kept: Vec<&String> = left.iter().filter(|name| own.contains(&name.as_str())).collect();
    assert_eq!(kept, ["app.2025-12-31.log"], "with the one of today, two");
    let told = format!(
        "max_log_files leaves 5 files in {} alone that tracing-appender would have removed in time: \
         app.2025-12-01.bak.log, app.2025-13-01.log, app.config.log and 2 more. Their names begin and end as this log's do, \
         but have no date that it writes. Delete or move what is not needed.",
        dir.path().display()
    );
    assert_eq!((said(), appender.failures()), (vec![told], 0));
    clock.advance(24 * HOUR);
    appender.write_all(b"x\n").unwrap();
    assert_eq!(said(), [""; 0], "once");
}

#[test]
fn where_nothing_is_bounded_nobody_is_warned() {
    let (dir, clock) = scene();
    write(dir.path(), "app.log.bak", "");
    let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app");
    drop(open(&builder, dir.path(), &clock));
    assert_eq!(said(), [""; 0]);
    let one = Builder::new().filename_prefix("below/app.log").max_log_files(1);
    drop(open(&one, dir.path(), &clock));
    write(&dir.path().join("below"), "app.log.bak", "");
    drop(open(&one, dir.path(), &clock));
    assert_eq!(said(), [""; 0], "with such a prefix tracing-appender finds no file");
}

#[test]
fn files_of_former_rotations_and_compressed_ones_are_counted() {
    let (dir, clock) = scene();
    for name in [
        "app.2025-12-30-23.log",
        "app.2025-12-30.log",
        "app.2025-12-31.2.log",
        "app.2025-12-31.10.log",
        "app.2025-12-31-07-30.log",
    ] {
        write(dir.path(), name, name);
    }
    let kept_of = |files| {
        let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app").filename_suffix("log");
        drop(open(&builder.max_log_files(files), dir.path(), &clock));
        names(dir.path())
    };
    assert_eq!(kept_of(6).len(), 6);
    assert_eq!(
        kept_of(4),
        ["app.2025-12-31-07-30.log", "app.2025-12-31.10.log", "app.2025-12-31.2.log", "app.2026-01-01.log"]
    );
    assert_eq!(kept_of(3), ["app.2025-12-31-07-30.log", "app.2025-12-31.10.log", "app.2026-01-01.log"]);
    assert_eq!(kept_of(1), ["app.2026-01-01.log"]);
    assert_eq!(said(), [""; 0]);
}

#[test]
fn compressed_files_are_counted_where_tracing_appender_counted_them() {
    let (dir, clock) = scene();
    for name in [
        "app.log.2025-12-30.gz",
        "app.log.2025-12-31",
        "app.2025-12-30.log.gz",
        "2025-12-30",
        "2025-12-30-23",
    ] {
        write(dir.path(), name, name);
    }
    let daily = || Builder::new().rotation(Rotation::DAILY).max_log_files(1);
    drop(open(&daily().filename_prefix("app.log"), dir.path(), &clock));
    let kept = ["2025-12-30", "2025-12-30-23", "app.2025-12-30.log.gz", "app.log.2026-01-01"];
    assert_eq!(names(dir.path()), kept, "`app.log.` and a date, whatever comes behind it");
    drop(open(&daily().filename_prefix("app").filename_suffix("log"), dir.path(), &clock));
    assert!(names(dir.path()).contains(&"app.2025-12-30.log.gz".to_owned()), "its end is not `log`");
    drop(open(&Builder::new().rotation(Rotation::HOURLY).max_log_files(1), dir.path(), &clock));
    let bare: Vec<String> = names(dir.path()).into_iter().filter(|name| name.starts_with("202")).collect();
    assert_eq!(bare, ["2025-12-30", "2026-01-01-00"], "a date of another form is nobody's without a prefix");
}
