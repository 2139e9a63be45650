//! Proves that a batch of records is one write, and that files change between records.

use std::fs;
use std::io::{IoSlice, Write as _};

use super::super::{Builder, Rotation};
use super::{DAY, names, open, read, scene};

/// Offers what is left until all is taken; how many calls that took.
fn write_all(appender: &mut impl std::io::Write, records: &[&str]) -> usize {
    let (mut taken, mut calls) = (0, 0);
    while taken < records.len() {
        let slices: Vec<IoSlice<'_>> =
            records[taken..].iter().map(|record| IoSlice::new(record.as_bytes())).collect();
        let mut bytes = appender.write_vectored(&slices).unwrap();
        while let Some(record) = records.get(taken).filter(|record| bytes >= record.len()) {
            bytes -= record.len();
            taken += 1;
        }
        assert_eq!(bytes, 0, "it ends where a record ends");
        calls += 1;
    }
    calls
}

/// How many calls of `write` this process has made; none where the system does not say.
fn writes_of_this_thread() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("syscw: ")?.parse().ok())
}

#[test]
fn many_records_are_one_write() {
    let (dir, clock) = scene();
    let mut appender = open(&Builder::new().filename_prefix("app"), dir.path(), &clock);
    let records: Vec<String> = (0..2_000).map(|number| format!("{number}\n")).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let before = writes_of_this_thread();
    assert_eq!(write_all(&mut appender, &records), 1);
    let after = writes_of_this_thread();
    assert_eq!(after, before.map(|before| before + 1));
    assert_eq!(read(dir.path(), "app"), records.concat());
}

#[test]
fn a_batch_is_bounded_and_a_huge_record_goes_alone() {
    let (dir, clock) = scene();
    let mut appender = open(&Builder::new().filename_prefix("app"), dir.path(), &clock);
    let (large, huge) = ("x".repeat(100_000) + "\n", "y".repeat(1 << 20) + "\n");
    let records = [&*large, &*large, &*large, &*huge, "", "small\n"];
    assert_eq!(write_all(&mut appender, &records), 4, "two, one, the huge one, the small one");
    assert_eq!(read(dir.path(), "app"), records.concat());
}

#[test]
fn files_change_between_two_records_of_a_batch() {
    let (dir, clock) = scene();
    let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app").max_bytes(8);
    let mut appender = open(&builder, dir.path(), &clock);
    let records = ["one\n", "two\n", "three\n", "much too long\n", "four\n", "5\n"];
    assert_eq!(write_all(&mut appender, &records), 4);
    let files = ["app.2026-01-01", "app.2026-01-01.1", "app.2026-01-01.2", "app.2026-01-01.3"];
    assert_eq!(names(dir.path()), files);
    let contents = files.map(|file| read(dir.path(), file));
    assert_eq!(contents, ["one\ntwo\n", "three\n", "much too long\n", "four\n5\n"]);
    clock.advance(DAY);
    assert_eq!(write_all(&mut appender, &records[..2]), 1);
    assert_eq!(read(dir.path(), "app.2026-01-02"), "one\ntwo\n");
}

#[test]
fn nothing_is_taken_of_nothing() {
    let (dir, clock) = scene();
    let mut appender = open(&Builder::new().filename_prefix("app"), dir.path(), &clock);
    assert_eq!(appender.write_vectored(&[]).unwrap(), 0);
    assert_eq!(appender.write_vectored(&[IoSlice::new(b""), IoSlice::new(b"")]).unwrap(), 0);
    assert_eq!(appender.write(b"").unwrap(), 0);
    assert_eq!(appender.write_vectored(&[IoSlice::new(b""), IoSlice::new(b"x\n")]).unwrap(), 2);
}

#[test]
fn of_a_batch_that_is_cut_the_whole_records_are_taken() {
    let slices = [IoSlice::new(b"one\n"), IoSlice::new(b""), IoSlice::new(b"two\n")];
    let whole = |written| super::super::appender::whole_records(&slices, written);
    assert_eq!([0, 3, 4, 7, 8].map(whole), [0, 0, 4, 4, 8]);
}
