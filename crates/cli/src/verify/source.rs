//! The bytes of one file of a set: those of the newest up to the end of a line that is just being written, and in words what
//! is wrong with an archive.

use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use tracing_spool_fileset::Compression;

use crate::say::plain;
use crate::set::Member;

/// How long the rest of a line may take that is being written.
const PATIENCE: Duration = Duration::from_millis(100);
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// Opens a file for one pass over its lines.
pub(super) fn open(member: &Member, is_newest: bool) -> io::Result<Box<dyn Read + '_>> {
    if member.is_plain() && is_newest {
        return Ok(Box::new(Newest { member, at: 0, last: b'\n', deadline: None }));
    }
    member.reader()
}

/// Returns what is wrong with a file that can't be read to its end, and whether its bytes are to blame.
pub(super) fn fault(member: &Member, error: &io::Error) -> (bool, String) {
    let name = match member.form {
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        _ => return (false, plain(error)),
    };
    if error.raw_os_error().is_some() {
        return (false, plain(error));
    }
    let words = if error.kind() == io::ErrorKind::UnexpectedEof {
        format!("the {name} data ends too early: what follows here is gone")
    } else {
        format!("{}: these are no {name} data, from here on at the latest", plain(error))
    };
    (true, words)
}

/// The newest file, as long as it was when it was opened, and then up to the end of its last line.
struct Newest<'a> {
    member: &'a Member,
    at: u64,
    last: u8,
    deadline: Option<Instant>,
}

impl Newest<'_> {
    fn take(&mut self, bytes: &[u8]) -> usize {
        self.at += bytes.len() as u64;
        self.last = bytes.last().copied().unwrap_or(self.last);
        bytes.len()
    }
}

impl Read for Newest<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at < self.member.bytes {
            let count = self.member.section(self.at, self.member.bytes).read(buffer)?;
            if count > 0 {
                return Ok(self.take(&buffer[..count]));
            }
        }
        while self.last != b'\n' {
            let count = self.member.file.read_at(buffer, self.at)?;
            if count > 0 {
                let end = memchr::memchr(b'\n', &buffer[..count]).map_or(count, |at| at + 1);
                return Ok(self.take(&buffer[..end]));
            }
            let now = Instant::now();
            if now >= *self.deadline.get_or_insert(now + PATIENCE) {
                break;
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;

    use super::*;
    use crate::set::{self, Log};

    #[test]
    fn the_newest_file_is_read_to_the_end_of_a_line_that_is_being_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log");
        let append = |bytes: &[u8]| {
            File::options().create(true).append(true).open(&path).unwrap().write_all(bytes).unwrap();
        };
        append(b"one\nhalf");
        let set = set::open(&Log { path: path.clone(), archive_dir: None }).unwrap();
        let read = |is_newest| {
            let mut text = String::new();
            open(&set.members[0], is_newest).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!(read(true), "one\nhalf", "nobody ends it");
        append(b" a line\nthe next");
        assert_eq!(read(true), "one\nhalf a line\n");
        assert_eq!(read(false), "one\nhalf", "what follows in a backup isn't of this moment");
        assert!(fs::metadata(&path).is_ok_and(|meta| meta.len() == 24), "reading changes nothing");
    }

    #[test]
    fn the_rest_of_a_line_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log");
        let mut file = File::options().create(true).append(true).open(&path).unwrap();
        file.write_all(b"half").unwrap();
        let set = set::open(&Log { path, archive_dir: None }).unwrap();
        let mut reader = open(&set.members[0], true).unwrap();
        let mut start = [0; 4];
        reader.read_exact(&mut start).unwrap();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(PATIENCE / 5); // the reader is waiting by now, or will find the rest
            file.write_all(b" a line\n").unwrap();
        });
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        writer.join().unwrap();
        assert_eq!(rest, " a line\n");
    }
}
