//! Tests the queue and the thread in front of a writer: they wait or drop, count, survive, and end in time.
#![expect(clippy::disallowed_methods, reason = "tests look at the real disk, and have callers of their own")]

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use super::output::Output;
use super::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use crate::rolling;

/// Long enough for anything that does not hang.
const LONG: Duration = Duration::from_secs(60);
/// Long enough to see that something waits.
const SHORT: Duration = Duration::from_millis(30);

/// Says what it is to write, and then waits until it may.
struct Gated {
    asked: Sender<String>,
    gate: Receiver<io::Result<()>>,
}

impl Write for Gated {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.asked.send(String::from_utf8_lossy(line).into_owned()).unwrap();
        // An open gate is one that nobody holds.
        self.gate.recv().unwrap_or(Ok(())).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A spool of so many lines before such a writer: what it asks, and its gate, with room for a few answers.
fn gated(
    builder: NonBlockingBuilder,
) -> (NonBlocking, WorkerGuard, Receiver<String>, SyncSender<io::Result<()>>) {
    let ((asked, asks), (gate, opens)) = (channel(), sync_channel(64));
    let (writer, guard) = builder.finish(Gated { asked, gate: opens });
    (writer, guard, asks, gate)
}

#[test]
fn a_caller_waits_for_room_where_nothing_may_be_lost() {
    let builder = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(1);
    let (mut writer, guard, asks, gate) = gated(builder);
    let counter = writer.error_counter();
    writer.write_all(b"Hello").unwrap();
    assert_eq!(asks.recv_timeout(LONG).unwrap(), "Hello"); // in hand
    writer.write_all(b", ").unwrap(); // the one that may wait
    let (written, is_written) = channel();
    let caller = thread::spawn(move || {
        writer.write_all(b"World").unwrap();
        written.send(()).unwrap();
    });
    assert!(is_written.recv_timeout(SHORT).is_err(), "it waits");
    gate.send(Ok(())).unwrap();
    is_written.recv_timeout(LONG).unwrap();
    drop(gate);
    assert_eq!(asks.recv_timeout(LONG).unwrap() + &asks.recv_timeout(LONG).unwrap(), ", World");
    caller.join().unwrap();
    drop(guard);
    assert_eq!((counter.dropped_lines(), counter.writer_errors()), (0, 0));
}

#[test]
fn a_line_without_room_is_dropped_and_counted_where_that_is_allowed() {
    let (mut writer, guard, asks, gate) = gated(NonBlockingBuilder::default().buffered_lines_limit(2));
    let counter = writer.error_counter();
    writer.write_all(b"1").unwrap();
    assert_eq!(asks.recv_timeout(LONG).unwrap(), "1"); // in hand, and two may wait
    for (line, dropped) in [("2", 0), ("3", 0), ("4", 1), ("5", 2)] {
        writer.write_all(line.as_bytes()).unwrap();
        assert_eq!(counter.dropped_lines(), dropped, "{line}");
    }
    gate.send(Ok(())).unwrap();
    assert_eq!(asks.recv_timeout(LONG).unwrap(), "2");
    writer.write_all(b"6").unwrap();
    drop(gate);
    drop(guard);
    assert_eq!(asks.iter().collect::<Vec<_>>(), ["3", "6"]);
    assert_eq!(counter.dropped_lines(), 2);
}

#[test]
fn so_many_lines_fit_as_were_asked_for() {
    for lines in [0, 1, 2, 7, 19, 20, 21, 1_000] {
        let (mut writer, guard, asks, gate) =
            gated(NonBlockingBuilder::default().buffered_lines_limit(lines));
        let counter = writer.error_counter();
        let taken = (1..).find(|_| {
            writer.write_all(b"x").unwrap();
            counter.dropped_lines() > 0
        });
        // So many wait, and one is being written.
        assert_eq!(taken, Some(lines.max(1) + 2), "no line at all would be no log");
        drop((gate, guard));
        assert_eq!(asks.iter().count(), lines.max(1) + 1);
    }
}

#[test]
fn what_is_written_makes_room_for_more_bytes() {
    const LINE: usize = 64 * 1024;
    let dir = tempfile::tempdir().unwrap();
    // So few lines that they may be a mebibyte together.
    let builder = NonBlockingBuilder::default().buffered_lines_limit(16);
    let (mut writer, guard) = builder.finish(rolling::never(dir.path(), "app.log"));
    let counter = writer.error_counter();
    let written = || std::fs::metadata(dir.path().join("app.log")).map_or(0, |meta| meta.len());
    for round in 1..=16 {
        for _ in 0..4 {
            writer.write_all(&[b'x'; LINE]).unwrap();
        }
        let begun = std::time::Instant::now();
        while written() < (round * 4 * LINE) as u64 && counter.dropped_lines() == 0 {
            assert!(begun.elapsed() < LONG, "it hangs");
            thread::yield_now();
        }
    }
    drop(guard);
    assert_eq!((counter.dropped_lines(), written()), (0, (64 * LINE) as u64));
}

#[test]
fn lines_of_many_threads_arrive() {
    let (writer, guard, asks, gate) = gated(NonBlockingBuilder::default());
    let counter = writer.error_counter();
    drop(gate);
    thread::scope(|scope| {
        for _ in 0..10 {
            let lines = tracing_subscriber::fmt().with_writer(writer.clone()).finish();
            scope.spawn(|| tracing::subscriber::with_default(lines, || tracing::info!("Hello")));
        }
    });
    drop(guard);
    let lines: Vec<String> = asks.iter().collect();
    assert!(lines.len() == 10 && lines.iter().all(|line| line.contains("Hello")), "{lines:?}");
    assert_eq!(counter.dropped_lines(), 0);
}

#[test]
fn lines_that_the_writer_refuses_are_counted_and_the_next_are_written() {
    let (mut writer, guard, asks, gate) = gated(NonBlockingBuilder::default());
    let counter = writer.error_counter();
    for number in 0..6 {
        gate.send(if number % 3 == 2 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }).unwrap();
        writer.write_all(number.to_string().as_bytes()).unwrap();
    }
    drop(guard);
    assert_eq!(asks.iter().collect::<String>(), "012345");
    assert_eq!((counter.dropped_lines(), counter.writer_errors()), (2, 2));
}

/// Panics at each line, flush and drop.
struct Panicking;

impl Write for Panicking {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("at a line")
    }

    fn flush(&mut self) -> io::Result<()> {
        panic!("at a flush")
    }
}

impl Drop for Panicking {
    fn drop(&mut self) {
        panic!("at the end")
    }
}

#[test]
fn a_writer_that_panics_costs_its_lines_and_no_more() {
    let (mut writer, guard) = NonBlockingBuilder::default().lossy(false).finish(Panicking);
    let counter = writer.error_counter();
    for _ in 0..3 {
        writer.write_all(b"x").unwrap();
    }
    drop(guard);
    assert_eq!(counter.dropped_lines(), 3);
    assert_eq!(counter.writer_errors(), 4, "three lines and the end");
}

#[test]
fn the_guard_ends_in_time_and_counts_what_is_left() {
    let (mut writer, mut guard, asks, gate) = gated(NonBlockingBuilder::default());
    let counter = writer.error_counter();
    for line in ["1", "2", "3"] {
        writer.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(asks.recv_timeout(LONG).unwrap(), "1");
    guard.leave(SHORT); // the writer hangs
    assert_eq!(counter.dropped_lines(), 3);
    writer.write_all(b"late").unwrap();
    assert_eq!(counter.dropped_lines(), 4);
    drop(gate);
    assert_eq!(asks.iter().count(), 0, "nothing new is begun, and the thread ends");
    assert_eq!(counter.dropped_lines(), 3, "the one that hung was written after all");
}

#[test]
fn lines_behind_the_end_are_counted_or_an_error() {
    for is_lossy in [true, false] {
        let (mut writer, guard) = NonBlockingBuilder::default().lossy(is_lossy).finish(io::sink());
        drop(guard);
        assert_eq!(writer.write(b"late").is_ok(), is_lossy);
        assert_eq!(writer.error_counter().dropped_lines(), 1);
    }
}

#[test]
fn a_thread_that_cannot_be_started_costs_no_panic_and_hangs_nobody() {
    let output = Arc::new(Output::new(None, false));
    let (mut writer, guard) = (NonBlocking::of(Arc::clone(&output)), WorkerGuard::new(output, None));
    assert!(writer.write_all(b"x").is_err());
    let counter = writer.error_counter();
    assert_eq!((counter.dropped_lines(), counter.writer_errors()), (1, 1));
    drop(guard);
}

#[test]
fn a_line_longer_than_all_that_may_wait_is_written_whole() {
    let builder = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(10);
    let (mut writer, guard, asks, gate) = gated(builder);
    drop(gate);
    for len in [3 << 20, 1, 2 << 20] {
        writer.write_all(&vec![b'x'; len]).unwrap();
    }
    drop(guard);
    assert_eq!(asks.iter().map(|line| line.len()).collect::<Vec<_>>(), [3 << 20, 1, 2 << 20]);
}

#[test]
fn a_name_that_no_thread_can_have_is_made_one() {
    let (mut writer, guard, asks, gate) = gated(NonBlockingBuilder::default().thread_name("a\0b"));
    drop(gate);
    writer.write_all(b"x").unwrap();
    drop(guard);
    assert_eq!(asks.iter().count(), 1);
}

#[test]
fn our_own_appender_gets_all_lines_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, guard) =
        NonBlockingBuilder::default().lossy(false).finish(rolling::never(dir.path(), "app.log"));
    let counter = writer.error_counter();
    let mut expected = String::new();
    for number in 0..20_000 {
        let line = format!("line {number}\n");
        writer.write_all(line.as_bytes()).unwrap();
        expected += &line;
    }
    drop(guard);
    assert!(std::fs::read_to_string(dir.path().join("app.log")).unwrap() == expected);
    assert_eq!((counter.dropped_lines(), counter.writer_errors()), (0, 0));
}

#[test]
fn a_full_disk_behind_our_own_appender_is_counted_line_by_line() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", dir.path().join("app.log")).unwrap();
    let (mut writer, guard) = NonBlockingBuilder::default().finish(rolling::never(dir.path(), "app.log"));
    let counter = writer.error_counter();
    for _ in 0..1_000 {
        writer.write_all(b"line\n").unwrap();
    }
    drop(guard);
    assert_eq!(counter.dropped_lines(), 1_000);
    assert!(counter.writer_errors() > 0);
}
