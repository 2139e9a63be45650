//! One file of a set, open for reading: its place in the order, its identity, and its bytes, unpacked if they are packed.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use flate2::read::MultiGzDecoder;
use tracing_spool_fileset::internal::slot::Slot;
use tracing_spool_fileset::{Compression, FileId};

use crate::say::{self, Problem};

/// Bytes that a decoder reads at once.
const PACKED_BUFFER: usize = 256 * 1024;
/// How much at once, how long and how far apart the end of a line that is being written is looked for.
const MORE: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_millis(100);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// What a file is in its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Backup(Slot),
    /// The file that is being written.
    Live,
    /// The next live file, which an interrupted rotation left.
    Next,
}

impl Role {
    /// Returns a key that sorts the oldest file first.
    pub(crate) fn age(self) -> (u8, std::cmp::Reverse<Option<Slot>>) {
        match self {
            Self::Backup(slot) => (0, std::cmp::Reverse(Some(slot))),
            Self::Live => (1, std::cmp::Reverse(None)),
            Self::Next => (2, std::cmp::Reverse(None)),
        }
    }
}

/// An open file of a set.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) path: PathBuf,
    pub(crate) role: Role,
    pub(crate) form: Compression,
    pub(crate) id: FileId,
    /// The size when it was opened. A plain file is read up to here.
    pub(crate) bytes: u64,
    pub(crate) modified: SystemTime,
    pub(crate) file: File,
}

impl Member {
    /// Returns whether the file holds its lines as they are, so that it can be read from anywhere.
    pub(crate) fn is_plain(&self) -> bool {
        self.form == Compression::None
    }

    /// Returns a function that turns an error of reading this file into a problem. What was read before it is right.
    pub(crate) fn unreadable(&self) -> impl FnOnce(io::Error) -> Problem + '_ {
        |error| match error.kind() {
            _ if self.is_plain() || error.raw_os_error().is_some() => {
                Problem::doing("reading", &self.path)(error)
            }
            io::ErrorKind::UnexpectedEof => Problem::failed(format_args!(
                "{}: the archive is cut short; what stood before is printed",
                self.path.display()
            )),
            _ => Problem::failed(format_args!(
                "{}: the archive is damaged ({}); what stood before is printed",
                self.path.display(),
                say::plain(&error)
            )),
        }
    }

    /// Returns a reader of its lines from the first byte on.
    pub(crate) fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        let raw = Section { file: &self.file, at: 0, end: self.bytes };
        Ok(match self.form {
            Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(PACKED_BUFFER, raw))),
            Compression::Zstd => {
                Box::new(zstd::Decoder::with_buffer(BufReader::with_capacity(PACKED_BUFFER, raw))?)
            }
            _ => Box::new(raw),
        })
    }

    /// Waits for a moment for the end of the last line, which may be being written. A line without an end stays as it is.
    pub(crate) fn await_newline(&mut self) -> io::Result<()> {
        if !self.is_plain() || self.bytes == 0 || self.ends_line(self.bytes - 1)? {
            return Ok(());
        }
        let mut more = vec![0; MORE];
        let mut at = self.bytes;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let count = self.file.read_at(&mut more, at)?;
            if let Some(end) = memchr::memchr(b'\n', &more[..count]) {
                self.bytes = at + end as u64 + 1;
                return Ok(());
            }
            at += count as u64;
            if Instant::now() >= deadline {
                return Ok(());
            }
            if count == 0 {
                std::thread::sleep(BETWEEN_LOOKS);
            }
        }
    }

    fn ends_line(&self, at: u64) -> io::Result<bool> {
        let mut last = [0];
        Ok(self.file.read_at(&mut last, at)? == 1 && last == [b'\n'])
    }

    /// Returns a reader of the bytes from `start` to `end` of a plain file.
    pub(crate) fn section(&self, start: u64, end: u64) -> Section<'_> {
        Section { file: &self.file, at: start, end: end.min(self.bytes) }
    }

    /// Returns the first bytes of its lines, at most `limit`.
    pub(crate) fn head(&self, limit: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.reader()?.take(limit as u64).read_to_end(&mut head)?;
        Ok(head)
    }

    /// Fills `buffer` from `at` on, and returns how many bytes there were.
    pub(crate) fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut section = self.section(at, self.bytes);
        let mut filled = 0;
        while filled < buffer.len() {
            match section.read(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }
}

/// The bytes of a file between two places. It doesn't move the file's offset.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        loop {
            match self.file.read_at(&mut buffer[..wanted], self.at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.at += count as u64;
                    return Ok(count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::set::{self, Log};

    fn open_newest(path: &std::path::Path) -> Member {
        let log = Log { path: path.to_owned(), archive_dir: None };
        set::open(&log).unwrap().members.pop().unwrap()
    }

    fn lines(member: &Member) -> String {
        let mut text = String::new();
        member.reader().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_file_is_read_to_the_end_of_the_line_that_is_being_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log");
        let mut file = File::options().create(true).append(true).open(&path).unwrap();
        file.write_all(b"one\nhalf").unwrap();
        let mut member = open_newest(&path);
        member.await_newline().unwrap();
        assert_eq!(lines(&member), "one\nhalf", "nobody ends it");
        let long = "x".repeat(2 * MORE);
        file.write_all(format!("{long}\nthe next\n").as_bytes()).unwrap();
        assert_eq!(lines(&member), "one\nhalf", "what follows isn't of this moment");
        member.await_newline().unwrap();
        assert_eq!(lines(&member), format!("one\nhalf{long}\n"));
        member.await_newline().unwrap();
        assert!(lines(&member).ends_with("x\n"), "the end is there already");
    }

    #[test]
    fn the_rest_of_a_line_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log");
        let mut file = File::options().create(true).append(true).open(&path).unwrap();
        file.write_all(b"half").unwrap();
        let mut member = open_newest(&path);
        let writer = std::thread::spawn(move || {
            std::thread::sleep(PATIENCE / 5); // the reader is waiting by now, or will find the rest
            file.write_all(b" a line\n").unwrap();
        });
        member.await_newline().unwrap();
        writer.join().unwrap();
        assert_eq!(lines(&member), "half a line\n");
    }
}
