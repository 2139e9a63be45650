//! Proves what ours alone promises of a whole process: a writer that logs does not hear itself, a forked child does not hang.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tracing_spool_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_spool_appender::rolling;
use tracing_spool_tests::forked;

use crate::support::{is_child, passes_alone, read};

const OWN: &str = "appender::alone::a_writer_that_logs_neither_hangs_nor_loops";

static LINES: AtomicUsize = AtomicUsize::new(0);

/// A writer that has something to say of each line.
struct Chatty;

impl Write for Chatty {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LINES.fetch_add(1, Ordering::SeqCst);
        (0..10).for_each(|_| tracing::error!("the writer has written"));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// In a process of its own: all threads log to this writer, its own thread too.
#[test]
fn a_writer_that_logs_neither_hangs_nor_loops() {
    if !is_child(OWN) {
        passes_alone(OWN);
        return;
    }
    let (writer, guard) = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(2).finish(Chatty);
    let counter = writer.error_counter();
    tracing_subscriber::fmt().with_writer(writer).init();
    for _ in 0..5 {
        tracing::info!("one");
    }
    drop(guard);
    assert_eq!((LINES.load(Ordering::SeqCst), counter.dropped_lines()), (5, 0));
}

const FORKED: &str = "appender::alone::a_forked_child_of_a_waiting_caller_never_hangs";

/// In a process of its own, so that nothing but this test forks with this test's files open.
#[test]
fn a_forked_child_of_a_waiting_caller_never_hangs() {
    if !is_child(FORKED) {
        passes_alone(FORKED);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let builder = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(64);
    let (mut writer, guard) = builder.finish(rolling::never(dir.path(), "app.log"));
    writer.write_all(b"before\n").unwrap();
    let Some(child) = forked::in_two() else { forked::leave(in_the_child(&mut writer, guard)) };
    assert_eq!(forked::end(child), Ok(()), "the code says which step went wrong");
    writer.write_all(b"after\n").unwrap();
    drop(guard);
    assert_eq!(read(dir.path().join("app.log")), "before\nafter\n", "nothing of the child's, nothing twice");
}

/// Writes more than may wait, drops; 0, or the number of the step that did not go as it should.
fn in_the_child(writer: &mut NonBlocking, guard: WorkerGuard) -> i32 {
    let refused = (0..200).filter(|_| writer.write_all(b"of the child\n").is_err()).count();
    if refused < 100 || writer.error_counter().dropped_lines() != refused {
        return 1;
    }
    let begun = Instant::now();
    drop(guard);
    if begun.elapsed() > Duration::from_secs(3) {
        return 2; // it waited for a thread that it does not have
    }
    i32::from(writer.write_all(b"late\n").is_ok()) * 3
}
