//! Proves what holds for any input with inputs drawn by proptest, and with those that fuzzing found worth keeping.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tracing_spool_tests::properties;

const CASES: u32 = 2_000;
const MOST_BYTES: usize = 300;

#[track_caller]
fn holds(target: &str, property: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut kept = 0;
    for entry in std::fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display())) {
        property(&std::fs::read(entry.unwrap().path()).unwrap());
        kept += 1;
    }
    assert!(kept > 0, "nothing in {}", corpus.display());
    let all = std::env::var_os("TRACING_SPOOL_ALL").is_some();
    let cases = if all { CASES * 100 } else { CASES };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&vec(any::<u8>(), 0..MOST_BYTES), |bytes| {
        property(&bytes);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn names_that_are_taken_for_ours_are_ours() {
    holds("names", properties::names);
}

#[test]
fn a_start_over_anything_keeps_what_stands_there() {
    holds("start", properties::start);
}

#[test]
fn settings_are_refused_by_name_or_work() {
    holds("settings", properties::settings);
}

#[test]
fn tails_are_kept_and_ended() {
    holds("tail", properties::tail);
}

#[test]
fn rendered_records_are_harmless_lines() {
    holds("render", properties::render);
}

#[test]
fn lines_of_whatever_events_are_lines() {
    holds("formats", properties::formats);
}

#[test]
fn rings_are_looked_at_whatever_they_hold() {
    holds("ring", properties::ring);
}
