//! Proves that the engine rotates, prunes and repairs on the disk of this machine.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use tracing_spool_fileset::{Event, FileSet, Settings};

fn listing(dir: &Path) -> Vec<(String, u64)> {
    let mut found: Vec<(String, u64)> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .collect();
    found.sort();
    found
}

#[test]
fn rotates_and_prunes() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(dir.path().join("logs/app.log"));
    settings.max_bytes = 100;
    settings.max_total_bytes = 350;
    settings.backup_count = 3;
    let mut set = FileSet::open(settings).unwrap();
    for number in 0..100 {
        writeln!(set, "record {number:04}").unwrap();
    }
    let names: Vec<String> = listing(&dir.path().join("logs")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [".app.log.lock", "app.log", "app.log.1", "app.log.2", "app.log.3"]);
    assert!(set.total_bytes() <= 350);
    let newest = fs::read_to_string(dir.path().join("logs/app.log")).unwrap();
    assert!(newest.ends_with("record 0099\n"), "{newest}");
    let before = fs::read_to_string(dir.path().join("logs/app.log.1")).unwrap();
    assert_eq!(before.len(), 96, "{before}");
    assert_eq!(set.counters().records_written, 100);
    let is_trouble = |event: &Event| !matches!(event, Event::Rotated(_) | Event::Removed { .. });
    assert!(!set.take_events().iter().any(is_trouble));
}

#[test]
fn ends_a_torn_tail_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    fs::write(&path, "whole\nhal").unwrap();
    let mut set = FileSet::open(Settings::new(&path)).unwrap();
    set.write_all(b"next\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole\nhal\nnext\n");
    assert_eq!(set.counters().tails_ended, 1);
}

#[test]
fn a_second_opener_is_told_who_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let _set = FileSet::open(Settings::new(&path)).unwrap();
    let error = FileSet::open(Settings::new(&path)).unwrap_err().to_string();
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
}
