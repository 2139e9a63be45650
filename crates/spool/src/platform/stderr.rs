//! The one door to stderr. A line is written in one call, if that is possible at once, and bypasses the standard library's
//! lock. Nothing here waits, whoever holds the other end. What is worth a line is decided elsewhere.

use std::fmt;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use tracing_spool_process::without_stream_signals;

use crate::platform::descriptor::{End, Kind, Room, Thing, WHOLE, open_anew, room, write_once};

/// Writes a line if that is possible without waiting. Returns false if it wasn't written, or not completely.
pub fn say(what: &dyn fmt::Display) -> bool {
    End::Stderr.descriptor().is_ok_and(|stderr| put(stderr, &line_of(what)))
}

/// Makes one line, short enough that a pipe takes it as a whole or not at all.
fn line_of(what: &dyn fmt::Display) -> Vec<u8> {
    // A path may contain anything, and a terminal obeys control characters.
    let mut line = format!("tracing-spool: {what}").replace(char::is_control, " ");
    let mut end = line.len().min(WHOLE - 1);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line.push('\n');
    line.into_bytes()
}

fn put(stderr: BorrowedFd<'_>, line: &[u8]) -> bool {
    let Ok(thing) = Thing::behind(stderr) else { return false };
    // Without a reader, the write would raise SIGPIPE.
    if room(stderr, Duration::ZERO) != Room::Some {
        return false;
    }
    let written = without_stream_signals(|| {
        let written = match thing.kind {
            Kind::Pipe | Kind::Terminal => write_at_once(stderr, thing.kind, line),
            kind => write_once(stderr, kind, line),
        };
        (written, written.is_err())
    });
    written == Ok(line.len())
}

/// Writes to a pipe or terminal as much as it has room for now.
fn write_at_once(stderr: BorrowedFd<'_>, kind: Kind, line: &[u8]) -> nix::Result<usize> {
    match open_anew(stderr) {
        Ok(anew) => write_once(anew.as_fd(), kind, line),
        Err(Errno::ENXIO) => Err(Errno::ENXIO), // the last reader has gone in the meantime
        // Without a usable `/proc`, rely on what `poll` said.
        Err(_) => write_once(stderr, kind, line),
    }
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
        assert_eq!((line.len(), line.last()), (WHOLE, Some(&b'\n')));
        let lines = fill(writer.as_fd(), &line);
        assert!(lines > 0 && !put(writer.as_fd(), b"one more\n"));
        let mut first = vec![0; WHOLE];
        assert_eq!(read(&reader, &mut first), Ok(WHOLE));
        assert_eq!(first, line);
        assert!(put(writer.as_fd(), b"there is room again\n"));
        drop(reader);
        assert!(!put(writer.as_fd(), b"nobody reads\n"));
    }

    #[test]
    fn a_pipe_that_fills_between_look_and_write_is_not_waited_for() {
        let (_reader, writer) = pipe().unwrap();
        fill(writer.as_fd(), &[b'x'; WHOLE]);
        // As it is after a look that found room.
        assert_eq!(write_at_once(writer.as_fd(), Kind::Pipe, b"late\n"), Err(Errno::EAGAIN));
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
        let long = line_of(&"ü".repeat(WHOLE));
        assert!(long.len() <= WHOLE && std::str::from_utf8(&long).is_ok());
    }
}
