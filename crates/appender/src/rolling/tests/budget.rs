//! Proves that all files of a log stay within their budget, the oldest going first.

use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use super::super::live::{Full, LiveFile};
use super::super::past::Past;
use super::super::troubles::Troubles;
use super::super::{Builder, Rotation, disk};
use super::{DAY, HOUR, as_nobody, bytes, names, open, permit, read, said, say, scene, write};

fn hourly(max_bytes: u64, max_total_bytes: u64) -> Builder {
    let builder = Builder::new().rotation(Rotation::HOURLY).filename_prefix("app");
    builder.max_bytes(max_bytes).max_total_bytes(max_total_bytes)
}

#[test]
fn the_oldest_files_go_before_the_budget_is_passed() {
    let (dir, clock) = scene();
    let mut appender = open(&hourly(10, 25), dir.path(), &clock);
    for number in 0..100 {
        appender.write_all(format!("{number:03}\n").as_bytes()).unwrap();
        assert!(bytes(dir.path()) <= 25);
        clock.advance(Duration::from_secs(600));
    }
    // In each hour six records, two in a file.
    assert_eq!(names(dir.path()), ["app.2026-01-01-16", "app.2026-01-01-16.1"]);
    assert_eq!(read(dir.path(), "app.2026-01-01-16.1"), "098\n099\n");
    assert_eq!(appender.failures(), 0);
}

#[test]
fn what_stands_there_at_the_start_counts_and_others_files_do_not() {
    let (dir, clock) = scene();
    for name in ["app.2025-12-30.gz", "app.2025-12-31", "app.2026-01-01-00", "app.bak"] {
        write(dir.path(), name, "12345678");
    }
    drop(open(&hourly(10, 20), dir.path(), &clock));
    assert_eq!(names(dir.path()), ["app.2025-12-31", "app.2026-01-01-00", "app.bak"]);
    drop(open(&hourly(10, 17), dir.path(), &clock));
    assert_eq!(names(dir.path()), ["app.2026-01-01-00", "app.bak"], "10 are for the live file");
}

#[test]
fn a_long_record_takes_the_room_of_older_files_and_one_beyond_the_budget_is_refused() {
    let (dir, clock) = scene();
    let mut appender = open(&hourly(4, 20), dir.path(), &clock);
    for line in ["one\n", "two\n", "3rd\n", "4th\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    appender.write_all(b"fifteen bytes.\n").unwrap();
    assert_eq!(names(dir.path()), ["app.2026-01-01-00.3", "app.2026-01-01-00.4"]);
    let error = appender.write_all(&[b'x'; 21]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    assert_eq!(names(dir.path()), ["app.2026-01-01-00.3", "app.2026-01-01-00.4"], "nothing went for it");
}

#[test]
fn a_long_record_that_comes_first_takes_room_too() {
    let (dir, clock) = scene();
    let mut appender = open(&hourly(4, 20), dir.path(), &clock);
    for line in ["one\n", "two\n", "3rd\n", "4th\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    clock.advance(HOUR);
    appender.write_all(b"fifteen bytes.\n").unwrap();
    assert_eq!(names(dir.path()), ["app.2026-01-01-00.3", "app.2026-01-01-01"]);
}

#[test]
fn what_is_on_its_way_into_a_file_counts_and_no_more_can_follow_it() {
    let _nobody = as_nobody();
    for mode in [0o700, 0o300] {
        on_its_way(mode);
    }
}

/// In a directory with this mode, which may not let it be listed.
fn on_its_way(mode: u32) {
    let (dir, clock) = scene();
    let names = || {
        permit(dir.path(), 0o700);
        let names = names(dir.path());
        permit(dir.path(), mode);
        names
    };
    let mut appender = open(&hourly(10, 23), dir.path(), &clock);
    for line in ["12345678\n", "9\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    let before = appender.current(clock.now());
    permit(dir.path(), mode);
    before.reserve(6).unwrap(); // another thread, which has not written yet
    appender.write_all(b"abcdefg\n").unwrap();
    assert_eq!(names(), ["app.2026-01-01-00.1", "app.2026-01-01-00.2"], "9 and 8 and 10 are too many");
    appender.write_all(b"abcdefg\n").unwrap();
    assert_eq!(names(), ["app.2026-01-01-00.2", "app.2026-01-01-00.3"], "it has still not written");
    assert_eq!(before.reserve(1), Err(Full::File), "it could grow after it was counted");
}

#[test]
fn a_file_that_stays_the_newest_takes_records_again() {
    let _nobody = as_nobody();
    let (dir, clock) = scene();
    let mut appender = open(&hourly(5, 11), dir.path(), &clock);
    for line in ["one\n", "two\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    write(dir.path(), "app.2026-01-01-00.2", "");
    permit(dir.path(), 0o500);
    assert_eq!(appender.write_all(b"3rd\n").unwrap_err().kind(), ErrorKind::StorageFull);
    appender.write_all(b"\n").unwrap();
    permit(dir.path(), 0o700);
    assert_eq!(read(dir.path(), "app.2026-01-01-00.1"), "two\n\n");
}

#[test]
fn where_nothing_can_be_removed_records_are_refused_until_it_can() {
    let _nobody = as_nobody();
    let (dir, clock) = scene();
    let mut appender = open(&hourly(4, 8), dir.path(), &clock);
    appender.write_all(b"one\n").unwrap();
    appender.write_all(b"two\n").unwrap();
    write(dir.path(), "app.2026-01-01-00.2", "");
    permit(dir.path(), 0o500);
    for _ in 0..2 {
        assert_eq!(appender.write_all(b"3rd\n").unwrap_err().kind(), ErrorKind::StorageFull);
    }
    assert_eq!(appender.failures(), 2, "tried once a second");
    let path = dir.path().display();
    let given_up = format!(
        "the log file {path}/app.2026-01-01-00.2 cannot be begun: max_total_bytes has no room for it; \
         records go into {path}/app.2026-01-01-00.1 while they fit"
    );
    let lines = said();
    assert!(lines.len() == 2 && lines[0].contains("cannot be removed") && lines[1] == given_up, "{lines:?}");
    assert_eq!(bytes(dir.path()), 8, "the budget holds");
    permit(dir.path(), 0o700);
    clock.advance(Duration::from_secs(1));
    appender.write_all(b"4th\n").unwrap();
    assert_eq!(names(dir.path()), ["app.2026-01-01-00.1", "app.2026-01-01-00.2"]);
    assert_eq!(read(dir.path(), "app.2026-01-01-00.2"), "4th\n");
}

#[test]
fn the_file_that_is_written_goes_only_if_the_next_has_room_then() {
    let (dir, clock) = scene();
    let mut appender = open(&hourly(5, 11), dir.path(), &clock);
    for line in ["one\n", "two\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    // As if others had taken the next number between a look and the other.
    let before = appender.current(clock.now());
    let next = LiveFile::new(
        disk::open(&dir.path().join("next"), 0o600).unwrap(),
        before.segment().next().unwrap(),
        None,
    );
    for (bytes, has_room, left) in
        [(12, false, vec!["app.2026-01-01-00.1", "next"]), (11, true, vec!["next"])]
    {
        let wanted = (&next, bytes);
        let made = appender.directory().make_room(
            wanted,
            Some(&before),
            &mut Past::default(),
            &Troubles::new(say),
            clock.now().mono,
        );
        assert_eq!((made, names(dir.path())), (has_room, left.into_iter().map(str::to_owned).collect()));
    }
}

#[test]
fn a_file_that_was_full_before_its_limit_was_lowered_goes_like_any_other() {
    let (dir, clock) = scene();
    write(dir.path(), "app.2026-01-01-00", &"x".repeat(100));
    let mut appender = open(&hourly(10, 20), dir.path(), &clock);
    assert_eq!(names(dir.path()), ["app.2026-01-01-00.1"]);
    clock.advance(DAY);
    appender.write_all(b"x\n").unwrap();
    assert_eq!(appender.failures(), 0);
}
