//! Proves that local time names and begins files, over both days on which clocks are changed.

use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use super::super::{Builder, InitError, Rotation};
use super::{HOUR, names, open, outside, read, scene};

/// Writes a line each half hour from `from` on.
fn write_each_half_hour(rotation: Rotation, from: &str, lines: usize) -> Vec<(String, usize)> {
    let (dir, clock) = scene();
    let start = Timestamp::from_microsecond(clock.now().wall.unix_micros()).unwrap();
    clock.advance(from.parse::<Timestamp>().unwrap().duration_since(start).try_into().unwrap());
    let builder = Builder::new().rotation(rotation).filename_prefix("app").local_time();
    let mut appender = open(&builder, dir.path(), &clock);
    for _ in 0..lines {
        appender.write_all(b"line\n").unwrap();
        clock.advance(HOUR / 2);
    }
    let lines_of = |name: String| (name.clone(), read(dir.path(), &name).lines().count());
    names(dir.path()).into_iter().map(lines_of).collect()
}

fn files(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
    expected.iter().map(|&(name, lines)| (name.to_owned(), lines)).collect()
}

#[test]
fn names_and_midnight_are_local() {
    assert_eq!(
        write_each_half_hour(Rotation::DAILY, "2026-06-30T21:00:00Z", 4),
        files(&[("app.2026-06-30", 2), ("app.2026-07-01", 2)])
    );
}

#[test]
fn a_day_has_23_or_25_hours_when_clocks_change() {
    assert_eq!(
        write_each_half_hour(Rotation::DAILY, "2026-03-28T23:00:00Z", 48),
        files(&[("app.2026-03-29", 46), ("app.2026-03-30", 2)])
    );
    assert_eq!(
        write_each_half_hour(Rotation::DAILY, "2026-10-24T22:00:00Z", 52),
        files(&[("app.2026-10-25", 50), ("app.2026-10-26", 2)])
    );
}

#[test]
fn an_hour_that_comes_twice_has_one_file_and_one_that_does_not_come_has_none() {
    assert_eq!(
        write_each_half_hour(Rotation::HOURLY, "2026-10-24T23:30:00Z", 7),
        files(&[("app.2026-10-25-01", 1), ("app.2026-10-25-02", 4), ("app.2026-10-25-03", 2)])
    );
    assert_eq!(
        write_each_half_hour(Rotation::HOURLY, "2026-03-29T00:30:00Z", 3),
        files(&[("app.2026-03-29-01", 1), ("app.2026-03-29-03", 2)])
    );
}

#[test]
fn clocks_that_are_put_back_do_not_lead_back_to_earlier_files() {
    let (dir, clock) = scene();
    let start = Timestamp::from_microsecond(clock.now().wall.unix_micros()).unwrap();
    let first_pass = "2026-10-25T00:50:00Z".parse::<Timestamp>().unwrap(); // 02:50
    clock.advance(first_pass.duration_since(start).try_into().unwrap());
    let builder = Builder::new().rotation(Rotation::MINUTELY).filename_prefix("app").local_time();
    let mut appender = open(&builder, dir.path(), &clock);
    appender.write_all(b"one\n").unwrap();
    clock.advance(HOUR / 2); // 02:20
    appender.write_all(b"two\n").unwrap();
    assert_eq!(names(dir.path()), ["app.2026-10-25-02-50"]);
    clock.advance(HOUR / 2 + Duration::from_secs(60)); // 02:51
    appender.write_all(b"three\n").unwrap();
    assert_eq!(names(dir.path()), ["app.2026-10-25-02-50", "app.2026-10-25-02-51"]);
}

#[test]
fn a_zone_that_cannot_be_read_is_an_error_before_anything_is_touched() {
    let (dir, clock) = scene();
    let unreadable = || Err(InitError::setting("TZ".to_owned()));
    let world = || super::Outside { local_zone: unreadable, ..outside(&clock) };
    let missing = dir.path().join("missing");
    let builder = Builder::new().rotation(Rotation::DAILY);
    assert!(Builder::new().local_time().build_with(&missing, world()).is_err());
    assert_eq!(names(dir.path()), [""; 0]);
    assert!(builder.build_with(&missing, world()).is_ok(), "UTC asks for no zone");
}
