//! Tests lines in pieces of any size against what is then in the file.

use std::io::Write as _;

use super::*;
use crate::open::test_spool::still;

#[test]
fn each_line_is_a_record_however_it_comes() {
    let mut still = still(|builder| builder);
    let mut lines = still.spool.lines(Level::WARN);
    for piece in ["one\ntw", "o", "\n\nfour\n", "five"] {
        lines.write_all(piece.as_bytes()).unwrap();
    }
    assert_eq!(still.file(), "one\ntwo\n\nfour\n", "the fifth may go on");
    lines.flush().unwrap();
    lines.flush().unwrap();
    lines.write_all(b"six").unwrap();
    drop(lines);
    assert_eq!(still.file(), "one\ntwo\n\nfour\nfive\nsix\n");
    assert_eq!(still.handle.stats().written, 6);
}

#[test]
fn lines_that_are_refused_are_counted_at_their_level() {
    let still = still(|builder| builder.queue_records(10));
    let mut lines = still.spool.lines(Level::DEBUG);
    for _ in 0..20 {
        lines.write_all(b"a line\n").unwrap();
    }
    let stats = still.handle.stats();
    assert_eq!((stats.offered, stats.queue.records), (20, 8));
    assert_eq!(stats.dropped.by(crate::Reason::QueueFull, Level::DEBUG), 12);
}

#[test]
fn a_line_without_an_end_takes_no_more_memory_than_the_longest_record() {
    let mut still = still(|builder| builder.max_record_bytes(100));
    let mut lines = still.spool.lines(Level::INFO);
    for _ in 0..10_000 {
        lines.write_all(&[b'x'; 100]).unwrap();
    }
    drop(lines);
    assert!(still.file().ends_with("bytes]\n"), "{}", still.file());
    assert!(still.file().len() <= 100);
    assert_eq!(still.handle.stats().cut, 1);
}
