//! Proves that the limits hold where another appender, or anybody else, writes files with this log's names.

use std::io::Write as _;
use std::time::Duration;

use super::super::Builder;
use super::super::live::Full;
use super::{names, open, read, said, scene, write};

fn app(max_bytes: u64) -> Builder {
    Builder::new().filename_prefix("app").max_bytes(max_bytes)
}

#[test]
fn a_number_that_has_too_little_room_for_the_record_is_passed_by() {
    for builder in [app(10), app(10).max_total_bytes(50), app(10).max_log_files(9)] {
        let (dir, clock) = scene();
        let mut appender = open(&builder, dir.path(), &clock);
        write(dir.path(), "app.1", "12345678\n");
        write(dir.path(), "app.3", "12345678\n");
        for line in ["one.\n", "two.\n", "3rd.\n", "4th.\n", "5th.\n"] {
            appender.write_all(line.as_bytes()).unwrap();
            clock.advance(Duration::from_millis(700));
        }
        assert_eq!((appender.failures(), said()), (0, vec![]));
        assert_eq!(read(dir.path(), "app"), "one.\ntwo.\n");
        for foreign in ["app.1", "app.3"] {
            assert_eq!(read(dir.path(), foreign), "12345678\n");
        }
        let mut others = names(dir.path());
        others.retain(|name| !["app", "app.1", "app.3"].contains(&&**name));
        let others: Vec<String> = others.iter().map(|name| read(dir.path(), name)).collect();
        assert_eq!(others, ["3rd.\n4th.\n", "5th.\n"]);
    }
}

#[test]
fn a_number_with_a_little_room_is_written_on_and_passed_by_when_that_is_used_up() {
    let (dir, clock) = scene();
    let mut appender = open(&app(10), dir.path(), &clock);
    appender.write_all(b"123456789\n").unwrap();
    write(dir.path(), "app.1", "1234\n");
    for line in ["one.\n", "two.\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(
        (read(dir.path(), "app.1"), read(dir.path(), "app.2")),
        ("1234\none.\n".into(), "two.\n".into())
    );
}

#[test]
fn where_another_appender_is_ahead_no_gap_behind_it_is_filled() {
    let (dir, clock) = scene();
    let builder = app(4).max_total_bytes(8);
    let mut slow = open(&builder, dir.path(), &clock);
    let mut quick = open(&builder, dir.path(), &clock);
    slow.write_all(b"one\n").unwrap();
    for _ in 0..5 {
        quick.write_all(b"two\n").unwrap();
    }
    assert_eq!(names(dir.path()), ["app.4", "app.5"]);
    slow.write_all(b"3rd\n").unwrap();
    quick.write_all(b"4th\n").unwrap();
    assert_eq!(names(dir.path()), ["app.6", "app.7"], "the newest two, though the slow one was at 0");
    assert_eq!((read(dir.path(), "app.6"), read(dir.path(), "app.7")), ("3rd\n".into(), "4th\n".into()));
}

#[test]
fn a_file_that_two_appenders_share_is_no_longer_than_one() {
    let (dir, clock) = scene();
    let [mut one, mut two] = [(); 2].map(|()| open(&app(10), dir.path(), &clock));
    for _ in 0..4 {
        one.write_all(b"one\n").unwrap();
        two.write_all(b"two\n").unwrap();
    }
    assert_eq!(names(dir.path()), ["app", "app.1", "app.2", "app.3"]);
    for name in names(dir.path()) {
        assert_eq!(read(dir.path(), &name), "one\ntwo\n");
    }
}

#[test]
fn what_others_append_counts_and_opens_no_file_that_was_left() {
    let (dir, clock) = scene();
    let mut appender = open(&app(10), dir.path(), &clock);
    appender.write_all(b"one\n").unwrap();
    let live = appender.current(clock.now());
    live.seal();
    write(dir.path(), "app", "one\ntwo\n");
    live.measure();
    assert_eq!((live.length(), live.reserve(1)), (8, Err(Full::File)), "it is sealed still");
    live.unseal();
    assert_eq!((live.reserve(3), live.reserve(2)), (Err(Full::File), Ok(())));
    live.measure();
    assert_eq!(live.length(), 10, "what has its room reserved and is not written yet is not taken from it");
}

#[test]
fn behind_the_last_number_the_file_is_written_on_and_that_is_told() {
    let (dir, clock) = scene();
    write(dir.path(), "app.9999999", "one\n");
    let mut appender = open(&app(4), dir.path(), &clock);
    appender.write_all(b"two\n").unwrap();
    let path = dir.path().join("app.9999999");
    let told = format!("there is no number behind the log file {}: it is written on", path.display());
    assert_eq!((appender.failures(), said()), (1, vec![told]));
    assert_eq!(read(dir.path(), "app.9999999"), "one\ntwo\n");
}
