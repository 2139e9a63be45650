//! Proves that `tail -F` reads every line once while the log rotates.
//! The rotations do not outrun it: what a reader that is too slow loses is its own affair.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tracing_spool::Spool;
use tracing_spool_tests::skip;

use crate::support::{LONG, log, scene};

const ROTATIONS: usize = 50;
const LINES_EACH: usize = 20;

/// A `tail` that is ended with the test, whatever becomes of it.
struct Tail(Child);

impl Drop for Tail {
    fn drop(&mut self) {
        if let Ok(id) = self.0.id().try_into() {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
        let _ = self.0.wait();
    }
}

#[test]
fn tail_follows_fifty_rotations_without_loss_or_repetition() {
    const TEST: &str = "tail_follows_fifty_rotations_without_loss_or_repetition";
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).quiet().open().unwrap();
    let mut command = Command::new("tail");
    command.args(["-n", "+1", "-F"]).arg(&path).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut tail = match command.spawn() {
        Ok(tail) => Tail(tail),
        Err(error) => return skip(TEST, &format!("tail: {error}")),
    };
    let read = lines_of(&mut tail.0);
    let handle = guard.handle();
    let mut next = 0;
    for rotation in 0..=ROTATIONS {
        let until = (rotation + 1) * LINES_EACH;
        (next..until).for_each(|number| log(&spool, &number.to_string()));
        handle.flush(LONG).unwrap();
        for number in next..until {
            let line = read.recv_timeout(LONG).expect("a line is lost: `tail` says nothing more");
            assert_eq!(line, number.to_string(), "lost or repeated, after {rotation} rotations");
        }
        next = until;
        if rotation < ROTATIONS {
            handle.rotate().unwrap();
            // It is asked for, and records have no place behind it: without this the next ones may come before it.
            handle.flush(LONG).unwrap();
        }
    }
    assert_eq!(handle.stats().files.rotations, ROTATIONS as u64);
    assert!(guard.shutdown(LONG).is_complete());
    drop(tail);
    assert_eq!(read.iter().next(), None, "nothing twice at the end");
}

/// What a process prints, line by line, until it ends.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (lines, read) = channel();
    let printed = BufReader::new(child.stdout.take().unwrap());
    thread::spawn(move || printed.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    read
}
