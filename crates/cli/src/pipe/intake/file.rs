//! A file of an intake: opened as if an attacker had put it there, filled at its end, and read anywhere. Its size is the
//! witness of what was taken from the stream.

use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{geteuid, read};

use crate::pipe::platform;
use crate::say::{self, Problem};

/// The first page holds the state; what was taken stands behind it.
pub(super) const PAGE: u64 = 4096;
const MODE: u32 = 0o600;
/// Time between two attempts on a file system that is full.
const FULL: Duration = Duration::from_millis(50);

/// One file.
#[derive(Debug)]
pub(super) struct Store {
    file: File,
    path: PathBuf,
    size: u64,
    /// Memory below this was given back.
    given: u64,
    /// So was memory below this, from the end of the longest record on.
    cut: u64,
    /// Memory below this can be given back: once it is worth a call, or where there is no other.
    settled: u64,
    is_new: bool,
    /// Whether the stream is moved by the system, without a stop in our memory.
    is_direct: bool,
    is_full: bool,
}

impl Store {
    /// Opens the file at `path`, or creates it.
    pub(super) fn open(path: PathBuf) -> Result<Self, Problem> {
        let flags = (OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(MODE)
            .custom_flags(flags)
            .open(&path)
            .map_err(Problem::doing("opening", &path))?;
        let meta = file.metadata().map_err(Problem::doing("looking at", &path))?;
        let wanted = if !meta.is_file() {
            "must be a regular file"
        } else if meta.uid() != geteuid().as_raw() {
            "must belong to the user of this process"
        } else if meta.nlink() != 1 {
            "must not have further hard links"
        } else if meta.mode() & 0o077 != 0 {
            "must not be open to others (mode 0600)"
        } else {
            let (size, is_new) = (meta.len().max(PAGE), meta.len() == 0);
            return Ok(Self {
                file,
                path,
                size,
                given: PAGE,
                settled: PAGE,
                cut: PAGE,
                is_new,
                is_direct: true,
                is_full: false,
            });
        };
        Err(Problem::failed(format_args!("{}: {wanted}", path.display())))
    }

    /// Returns the end of what was taken.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns whether the file was empty when it was opened.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn read(&self, space: &mut [u8], at: u64) -> Result<(), Problem> {
        self.file.read_exact_at(space, at).map_err(Problem::doing("reading", &self.path))
    }

    /// Returns what stands from `at` on, at most up to `end`, and as much as `space` holds.
    pub(super) fn piece<'a>(&self, at: u64, end: u64, space: &'a mut [u8]) -> Result<&'a [u8], Problem> {
        let len = usize::try_from(end - at).unwrap_or(usize::MAX).min(space.len());
        self.read(&mut space[..len], at)?;
        Ok(&space[..len])
    }

    pub(super) fn write(&self, bytes: &[u8], at: u64) -> Result<(), Problem> {
        self.file.write_all_at(bytes, at).map_err(Problem::doing("writing", &self.path))
    }

    /// Takes what is in `stream`, at most as much as `space` holds, and returns it. `Err` is of the stream.
    pub(super) fn take<'a>(
        &mut self,
        stream: BorrowedFd<'_>,
        space: &'a mut [u8],
    ) -> Result<Result<&'a [u8], Errno>, Problem> {
        let taken = if self.is_direct { self.take_directly(stream, space)? } else { None };
        let taken = match taken {
            Some(taken) => taken,
            None => self.take_by_copy(stream, space)?,
        };
        Ok(taken.map(|len| &space[..len]))
    }

    /// Moves what is in the pipe, or returns nothing if that isn't possible.
    fn take_directly(
        &mut self,
        stream: BorrowedFd<'_>,
        space: &mut [u8],
    ) -> Result<Option<Result<usize, Errno>>, Problem> {
        match platform::take_over(stream, &self.file, self.size, space.len()) {
            Ok(len) => {
                self.is_full = false;
                self.read(&mut space[..len], self.size)?;
                self.size += len as u64;
                Ok(Some(Ok(len)))
            }
            Err(Errno::ENOSPC) => {
                self.wait_for_space();
                Ok(Some(Err(Errno::EAGAIN)))
            }
            Err(Errno::EINVAL) => {
                self.is_direct = false;
                Ok(None)
            }
            Err(error) => Ok(Some(Err(error))),
        }
    }

    /// Reads from a stream that is no pipe. What a process reads and doesn't get to store before it's killed is lost.
    fn take_by_copy(
        &mut self,
        stream: BorrowedFd<'_>,
        space: &mut [u8],
    ) -> Result<Result<usize, Errno>, Problem> {
        let len = match read(stream, space) {
            Ok(len) => len,
            Err(error) => return Ok(Err(error)),
        };
        while let Err(error) = self.file.write_all_at(&space[..len], self.size) {
            if error.raw_os_error() != Some(Errno::ENOSPC as i32) {
                return Err(Problem::doing("writing", &self.path)(error));
            }
            self.wait_for_space();
        }
        self.is_full = false;
        self.size += len as u64;
        Ok(Ok(len))
    }

    fn wait_for_space(&mut self) {
        // Otherwise we might wait for ever for what we hold ourselves.
        if self.settled > self.given {
            platform::give_back(&self.file, self.given..self.settled);
            self.given = self.settled;
            return;
        }
        if !std::mem::replace(&mut self.is_full, true) {
            say::warn(format_args!("{}: its file system is full; waiting for room", self.path.display()));
        }
        std::thread::sleep(FULL);
    }

    /// Gives memory back: what stands below `until`, and what is `cut` from a line that isn't complete. Small parts wait
    /// until they are worth a call.
    pub(super) fn give_back(&mut self, until: u64, cut: Range<u64>) {
        let worth = platform::WIDE as u64;
        self.settled = until / PAGE * PAGE;
        if self.settled >= self.given + worth {
            platform::give_back(&self.file, self.given..self.settled);
            self.given = self.settled;
        }
        let cut = cut.start.next_multiple_of(PAGE).max(self.cut)..cut.end / PAGE * PAGE;
        if cut.end >= cut.start + worth {
            platform::give_back(&self.file, cut.clone());
            self.cut = cut.end;
        }
    }

    /// Removes the file. It is empty of what isn't in the ring.
    pub(super) fn remove(&self) {
        // One that stays is found at the next start, and holds nothing.
        let _ = nix::unistd::unlink(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    /// On a small file system the intake could wait for ever for memory that it holds itself.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_settled_is_given_back_where_there_is_no_other_memory() {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut store = Store::open(dir.path().join("intake")).unwrap();
        let (stream, writer) = nix::unistd::pipe().unwrap();
        let taken = 8 * PAGE;
        for _ in 0..8 {
            nix::unistd::write(&writer, &[b'x'; 4096]).unwrap();
        }
        let mut space = vec![0; 1 << 16];
        while store.size() < PAGE + taken {
            store.take(stream.as_fd(), &mut space).unwrap().unwrap();
        }
        store.give_back(store.size(), 0..0);
        let held = |store: &Store| store.file.metadata().unwrap().blocks() * 512;
        assert!(held(&store) >= taken, "so little isn't worth a call");
        store.wait_for_space();
        assert_eq!((held(&store), store.size()), (0, PAGE + taken));
    }
}
