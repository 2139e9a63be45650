//! Looks at a ring file from outside: whose it is, whether its process lives, and what waits in it. It takes no ring over
//! and changes nothing.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

use super::error::OpenError;
use super::header::{self, Damage, Header};
use super::locked::owner;
use crate::memory::held::errno;
use crate::memory::{HEAD, TAGS, TAIL};
use crate::ring::Ring;
use crate::word::{Fill, Word};

/// The largest file that is read into memory. Ten thousand times the default would fit.
const IMAGE_BYTES_MAX: u64 = 8 << 30;

/// A ring file, as it was when it was looked at.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sight {
    /// The log that the ring belongs to; if its path is very long, the end of it.
    pub log: PathBuf,
    /// The process that the ring belongs to, if it says so.
    pub process: Option<u32>,
    /// Whether that process still has the ring.
    pub is_in_use: bool,
    /// What had been reserved and not given back. Some of it may be written already.
    pub waiting: Fill,
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Ring {
    /// Looks at the ring file at `path`, whether or not a process has it open.
    ///
    /// # Errors
    ///
    /// Returns an [`OpenError`] if the file can't be read or is no ring.
    pub fn look(path: &Path) -> Result<Sight, OpenError> {
        let failed = |doing, error: &std::io::Error| OpenError::Failed {
            doing,
            path: path.to_owned(),
            errno: errno(error) as i32,
        };
        // Waits neither for the writer of a FIFO nor for a terminal.
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
        let file = opened.map_err(|error| failed("opening", &error))?;
        let meta = file.metadata().map_err(|error| failed("looking at", &error))?;
        if !meta.is_file() {
            return Err(OpenError::Unsafe { path: path.to_owned(), what: "is not a regular file" });
        }
        let beginning = read(&file, TAGS as u64).map_err(|error| failed("reading", &error))?;
        let header = header_of(&beginning, meta.size()).map_err(|damage| match damage {
            Damage::Foreign => OpenError::Foreign { path: path.to_owned() },
            damage => OpenError::Damaged { path: path.to_owned(), damage },
        })?;
        let word = |at: usize| beginning[at..].first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
        let waiting = Word(word(HEAD)).fill(Word(word(TAIL)), header.shape.granules() as u64);
        let process = owner(&file);
        let (file, is_in_use) = shared(file).map_err(|error| failed("locking", &error.into()))?;
        let (log, path, bytes) = (header.log.path(), path.to_owned(), meta.size());
        Ok(Sight { log, process, is_in_use, waiting, path, file, bytes })
    }
}

impl Sight {
    /// Reads the whole file, for [`Ring::from_image`]. While its process lives, the bytes may be of different moments.
    ///
    /// # Errors
    ///
    /// Returns an [`OpenError`] if the file is too large or can't be read.
    pub fn image(&self) -> Result<Vec<u8>, OpenError> {
        if self.bytes > IMAGE_BYTES_MAX {
            return Err(OpenError::Limits);
        }
        read(&self.file, self.bytes).map_err(|error| OpenError::Failed {
            doing: "reading",
            path: self.path.clone(),
            errno: errno(&error) as i32,
        })
    }
}

fn header_of(beginning: &[u8], bytes: u64) -> Result<Header, Damage> {
    let header = header::decode(beginning)?;
    let is_whole = header.is_made && header.shape.bytes() as u64 == bytes && beginning.len() == TAGS;
    if is_whole { Ok(header) } else { Err(Damage::Size) }
}

/// Returns whether anybody else has the file locked. [`Ring::open`] knows a lock that is only shared.
fn shared(file: File) -> Result<(File, bool), Errno> {
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(looked) => looked.unlock().map(|file| (file, false)).map_err(|(_, error)| error),
        Err((file, Errno::EWOULDBLOCK)) => Ok((file, true)),
        Err((_, error)) => Err(error),
    }
}

/// Reads so many bytes, or as many as there are.
fn read(file: &File, bytes: u64) -> std::io::Result<Vec<u8>> {
    let wanted = usize::try_from(bytes).map_err(|_| Errno::EFBIG)?;
    let mut image = Vec::new();
    image.try_reserve_exact(wanted).map_err(|_| Errno::ENOMEM)?;
    image.resize(wanted, 0);
    let mut filled = 0;
    while filled < image.len() {
        match file.read_at(&mut image[filled..], filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    image.truncate(filled);
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Options};

    fn options(log: &str) -> Options {
        Options { any_file_system: true, log: log.into() }
    }

    const LIMITS: Limits = Limits { bytes: 1 << 16, records: 1_000, shares: [80, 80, 95, 98, 100] };

    #[test]
    fn a_ring_is_looked_at_while_it_is_open_and_after() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.ring");
        let opened = Ring::open(&path, LIMITS, options("/logs/app.log")).unwrap();
        opened.ring.offer(2, b"one", 0).unwrap();
        opened.ring.offer(2, b"and two", 0).unwrap();
        let seen = Ring::look(&path).unwrap();
        assert_eq!((seen.log, seen.process), ("/logs/app.log".into(), Some(std::process::id())));
        assert_eq!((seen.is_in_use, seen.waiting.records(), seen.waiting.bytes()), (true, 2, 128));
        drop(opened);
        let seen = Ring::look(&path).unwrap();
        assert!(!seen.is_in_use);
        let found = Ring::from_image(&seen.image().unwrap()).unwrap().found.unwrap();
        assert_eq!((found.records, found.bytes), (2, 10));
        let again = Ring::open(&path, LIMITS, options("/logs/app.log")).unwrap();
        assert_eq!(again.found.unwrap().records, 2, "the look took nothing");
    }

    #[test]
    fn whoever_only_looks_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.ring");
        drop(Ring::open(&path, LIMITS, options("")).unwrap());
        let looking = Flock::lock(File::open(&path).unwrap(), FlockArg::LockSharedNonblock).unwrap();
        // Longer than any look.
        let refused = Ring::open(&path, LIMITS, options("")).unwrap_err();
        assert!(matches!(refused, OpenError::Failed { doing: "locking", .. }), "{refused}");
        drop(looking);
        assert!(Ring::open(&path, LIMITS, options("")).is_ok());
    }

    #[test]
    fn what_is_no_ring_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.ring");
        let said = |path: &Path| Ring::look(path).unwrap_err().to_string();
        assert!(said(&path).contains("opening"), "{}", said(&path));
        assert!(said(dir.path()).contains("not a regular file"));
        std::fs::write(&path, "no ring").unwrap();
        assert!(said(&path).contains("is not a ring file"));
        drop(Ring::open(&dir.path().join("whole"), LIMITS, options("")).unwrap());
        let mut image = std::fs::read(dir.path().join("whole")).unwrap();
        image.pop();
        std::fs::write(&path, &image).unwrap();
        assert!(said(&path).contains("size"), "{}", said(&path));
        std::os::unix::fs::symlink(dir.path().join("whole"), dir.path().join("link")).unwrap();
        assert!(said(&dir.path().join("link")).contains("opening"));
    }
}
