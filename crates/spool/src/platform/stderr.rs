//! The one door to stderr: a line goes out where it goes at once, in one call, past the lock of the standard library.
//! Nothing here waits, whoever holds the other end. What is worth a line is decided elsewhere.
//!
//! `poll` says whether there is room; between that and the write another thread may take it. So a pipe and a terminal are
//! opened anew without waiting, which leaves the flags of the process's own stderr as they are; a socket can be asked for
//! it with each call. Files and devices take what they are given.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc::PIPE_BUF;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::socket::{MsgFlags, send};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::write;
use tracing_spool_process::without_file_size_signal;

/// Writes a line, if it can be written without waiting. False: it was not said, or not to its end.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that prints; it takes the descriptor, and no lock"
)]
pub(crate) fn say(what: &dyn fmt::Display) -> bool {
    put(io::stderr().as_fd(), &line_of(what))
}

/// One line of at most `PIPE_BUF` bytes: so much a pipe takes whole, or not at all.
fn line_of(what: &dyn fmt::Display) -> Vec<u8> {
    // A path in it may hold anything, and a terminal obeys what it is shown.
    let mut line = format!("tracing-spool: {what}").replace(char::is_control, " ");
    let mut end = line.len().min(PIPE_BUF - 1);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line.push('\n');
    line.into_bytes()
}

fn put(stderr: BorrowedFd<'_>, line: &[u8]) -> bool {
    let Some(kind) = kind(stderr).filter(|_| takes_bytes(stderr)) else { return false };
    let written = match kind {
        SFlag::S_IFSOCK => send(stderr.as_raw_fd(), line, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL),
        SFlag::S_IFIFO => write_at_once(stderr, line),
        _ if stderr.is_terminal() => without_being_stopped(|| write_at_once(stderr, line)),
        _ => without_file_size_signal(|| {
            let written = write(stderr, line);
            (written, written == Err(Errno::EFBIG))
        }),
    };
    written == Ok(line.len())
}

fn kind(stderr: BorrowedFd<'_>) -> Option<SFlag> {
    let mode = fstat(stderr).ok()?.st_mode;
    Some(SFlag::from_bits_truncate(mode) & SFlag::S_IFMT)
}

/// Whether there is room, and somebody who may read it: without a reader, the write would be a signal.
fn takes_bytes(stderr: BorrowedFd<'_>) -> bool {
    let mut asked = [PollFd::new(stderr, PollFlags::POLLOUT)];
    let answered = poll(&mut asked, PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
    answered && asked[0].revents() == Some(PollFlags::POLLOUT)
}

/// Writes to a pipe or terminal, but for what has no room now.
fn write_at_once(stderr: BorrowedFd<'_>, line: &[u8]) -> nix::Result<usize> {
    let path = format!("/proc/self/fd/{}", stderr.as_raw_fd());
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    match open(path.as_str(), flags, Mode::empty()) {
        Ok(anew) => write(anew, line),
        Err(Errno::ENXIO) => Err(Errno::ENXIO), // the last reader has gone meanwhile
        // No `/proc`, or somebody else's: what `poll` said has to do.
        Err(_) => write(stderr, line),
    }
}

/// A process in the background would be stopped for writing to a terminal that has `tostop`.
fn without_being_stopped<T>(work: impl FnOnce() -> T) -> T {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTTOU);
    let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let value = work();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    value
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::net::UnixStream;

    use nix::unistd::{pipe, read};

    use super::*;

    /// Fills it; how many lines it took.
    fn fill(stderr: BorrowedFd<'_>, line: &[u8]) -> usize {
        (0..100_000).take_while(|_| put(stderr, line)).count()
    }

    #[test]
    fn a_pipe_takes_whole_lines_until_it_is_full() {
        let (reader, writer) = pipe().unwrap();
        let line = line_of(&"x".repeat(10_000));
        assert_eq!((line.len(), line.last()), (PIPE_BUF, Some(&b'\n')));
        let lines = fill(writer.as_fd(), &line);
        assert!(lines > 0 && !put(writer.as_fd(), b"one more\n"));
        let mut first = vec![0; PIPE_BUF];
        assert_eq!(read(&reader, &mut first), Ok(PIPE_BUF));
        assert_eq!(first, line);
        assert!(put(writer.as_fd(), b"there is room again\n"));
        drop(reader);
        assert!(!put(writer.as_fd(), b"nobody reads\n"));
    }

    #[test]
    fn a_pipe_that_fills_between_look_and_write_is_not_waited_for() {
        let (_reader, writer) = pipe().unwrap();
        fill(writer.as_fd(), &[b'x'; PIPE_BUF]);
        // As it is after a look that found room.
        assert_eq!(write_at_once(writer.as_fd(), b"late\n"), Err(Errno::EAGAIN));
    }

    #[test]
    fn a_socket_takes_lines_until_it_is_full() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let lines = fill(writer.as_fd(), b"a line\n");
        assert!(lines > 0 && lines < 100_000);
        drop(writer);
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert!(read.lines().take(lines).all(|line| line == "a line"));
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        assert!(!put(writer.as_fd(), b"nobody reads\n"));
    }

    #[test]
    fn a_line_is_one_line_and_paints_nothing() {
        assert_eq!(line_of(&"a\nb\x1b[2J\u{9b}c"), "tracing-spool: a b [2J c\n".as_bytes());
        let long = line_of(&"ü".repeat(PIPE_BUF));
        assert!(long.len() <= PIPE_BUF && std::str::from_utf8(&long).is_ok());
    }
}
