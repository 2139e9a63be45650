//! Proves what ours alone promises of a whole process: a writer that logs does not hear itself.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_spool::compat::non_blocking::NonBlockingBuilder;

use crate::support::{child, finish, is_child, said};

const OWN: &str = "compat::alone::a_writer_that_logs_neither_hangs_nor_loops";

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
        let output = finish(&mut child(OWN, &[]));
        assert!(output.status.success() && said(&output).contains("1 passed"), "{}", said(&output));
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
