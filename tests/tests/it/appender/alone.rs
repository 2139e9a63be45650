//! Proves what ours alone promises of a whole process: a writer that logs does not hear itself, a forked child does not hang.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use tracing_spool_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_spool_appender::rolling;

use crate::support::{LONG, child, finish, is_child, read, said, until_within};

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

const FORKED: &str = "appender::alone::a_forked_child_of_a_waiting_caller_never_hangs";

/// In a process of its own, so that nothing but this test forks with this test's files open.
#[test]
fn a_forked_child_of_a_waiting_caller_never_hangs() {
    if !is_child(FORKED) {
        let output = finish(&mut child(FORKED, &[]));
        assert!(output.status.success() && said(&output).contains("1 passed"), "{}", said(&output));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let builder = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(64);
    let (mut writer, guard) = builder.finish(rolling::never(dir.path(), "app.log"));
    writer.write_all(b"before\n").unwrap();
    #[expect(unsafe_code, reason = "what a fork does can only be seen after a fork")]
    // SAFETY: the child calls what a Rust program may call after a fork where its parent's other threads held no lock
    // that it needs (the C library keeps its allocator usable), and ends with `_exit`.
    let forked = unsafe { fork() }.unwrap();
    let child = match forked {
        ForkResult::Child => {
            let code = in_the_child(&mut writer, guard);
            #[expect(unsafe_code, reason = "the parent's destructors and exit handlers are not the child's")]
            // SAFETY: it ends the process and touches nothing of it.
            unsafe {
                libc::_exit(code)
            }
        }
        ForkResult::Parent { child } => child,
    };
    let mut status = WaitStatus::StillAlive;
    let ended = until_within(LONG / 4, || {
        status = waitpid(child, Some(WaitPidFlag::WNOHANG)).unwrap();
        status != WaitStatus::StillAlive
    });
    if !ended {
        kill(child, Signal::SIGKILL).unwrap();
        waitpid(child, None).unwrap();
    }
    assert_eq!(status, WaitStatus::Exited(child, 0), "the code says which step went wrong");
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
