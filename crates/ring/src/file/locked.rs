//! The file of a ring and its lock: opens or creates it, checks it as if an attacker had put it there, locks it, makes
//! it a ring, and leaves it as it was found if that fails. `adopt` looks at what a ring holds.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::unistd::geteuid;

use super::error::OpenError;
use super::header::{self, Log};
use super::options::Options;
use crate::memory::held::{Held, errno};
use crate::memory::mapping::Mapping;
use crate::memory::{FileState, Memory, OWNER_AT, Shape};
use crate::platform;

/// The number of attempts to open the file while other processes remove or create it.
const TRIES: usize = 16;
/// The number of names under which unusable files are set aside.
const ASIDE: u32 = 16;
const MODE: u32 = 0o600;

/// An open ring file and its lock.
#[derive(Debug)]
pub(super) struct Locked {
    held: Arc<Held>,
    /// Whether we created the file, or it has our header. If so, it is removed when it can't be made a ring.
    pub(super) is_ours: bool,
}

impl Locked {
    /// Opens the file, creating it if necessary, and locks it.
    pub(super) fn take(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let failed =
            |doing, error: Errno| OpenError::Failed { doing, path: path.to_owned(), errno: error as i32 };
        for _ in 0..TRIES {
            let Some((file, is_ours)) = open(path).map_err(|error| failed("opening", error))? else {
                continue;
            };
            if !is_ours {
                check(&file, path)?;
            }
            let meta = file.metadata().map_err(|error| failed("looking at", errno(&error)))?;
            let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(file) => Self { held: Arc::new(Held::new(file, path, &meta)), is_ours },
                Err((file, Errno::EWOULDBLOCK)) => {
                    let process = owner(&file);
                    // A look from outside holds the lock too, for a moment, and shares it.
                    if let Ok(looked) = Flock::lock(file, FlockArg::LockSharedNonblock) {
                        drop(looked);
                        continue;
                    }
                    return Err(OpenError::Locked { path: path.to_owned(), process });
                }
                Err((_, error)) => return Err(failed("locking", error)),
            };
            // Somebody may have removed the file between our `open` and our lock. Then our lock protects nothing.
            if file.held.state() == FileState::InPlace {
                file.check_file_system(options).inspect_err(|_| file.leave())?;
                return Ok(file);
            }
        }
        Err(failed("locking", Errno::EAGAIN))
    }

    fn check_file_system(&self, options: &Options) -> Result<(), OpenError> {
        if options.any_file_system {
            return Ok(());
        }
        match platform::doubtful_file_system(self.file()) {
            Ok(None) => Ok(()),
            Ok(Some(kind)) => Err(OpenError::FileSystem { path: self.path().to_owned(), kind }),
            Err(error) => Err(self.failed("looking at", error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.held.path
    }

    pub(super) fn failed(&self, doing: &'static str, error: Errno) -> OpenError {
        OpenError::Failed { doing, path: self.path().to_owned(), errno: error as i32 }
    }

    fn file(&self) -> &File {
        self.held.file()
    }

    /// Returns the size of the file in bytes.
    pub(super) fn size(&self) -> Result<u64, OpenError> {
        let meta = self.file().metadata();
        meta.map(|meta| meta.size()).map_err(|error| self.failed("looking at", errno(&error)))
    }

    /// Reads the beginning of the file, as many bytes as a header may have.
    pub(super) fn beginning(&self) -> Result<Vec<u8>, OpenError> {
        let mut bytes = vec![0; header::BYTES];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file().read_at(&mut bytes[filled..], filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed("reading", errno(&error))),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Makes the file a ring: writes a header that says "being made", allocates the file's blocks so that none can be
    /// missing later, and then sets the state to "made". Removes the file if any of that fails.
    pub(super) fn make(&self, shape: Shape, log: &Log) -> Result<Memory, OpenError> {
        let header = header::encode(shape, log);
        // The header comes first. Otherwise a death in between would leave a sized file without an owner, which the
        // ring of another log could take for its own.
        let begin = || {
            platform::without_signals(|| {
                self.file().write_all_at(&header, 0).map_err(|error| errno(&error))?;
                self.file().set_len(header.len() as u64).map_err(|error| errno(&error))
            })
        };
        let memory = begin()
            .map_err(|error| self.failed("writing to", error))
            .and_then(|()| {
                // On a disk, a power cut could otherwise leave a file of zeros, which nobody dares to use.
                let _ = self.file().sync_data();
                self.map(shape)
            })
            .inspect_err(|_| self.leave())?;
        header::finish(&memory);
        Ok(memory)
    }

    /// Leaves a file that can't be made a ring as it was found.
    fn leave(&self) {
        if !self.is_ours {
            let _ = self.file().set_len(0);
        } else {
            self.held.remove();
        }
    }

    pub(super) fn map(&self, shape: Shape) -> Result<Memory, OpenError> {
        let room = || platform::allocate(self.file(), shape.bytes() as u64);
        platform::without_signals(room).map_err(|error| self.failed("allocating", error))?;
        let mapping = Mapping::of_file(&self.held, shape).map_err(|error| self.failed("mapping", error))?;
        // SAFETY: the mapping has the shape's size, and the lock keeps other processes from mapping the file.
        Ok(unsafe { Memory::new(shape, Box::new(mapping)) })
    }

    /// Renames the file to `<path>.damaged.N`, for the first `N` that is free, and returns that path. If all 16 are
    /// taken, the last is replaced.
    pub(super) fn put_aside(&self) -> Result<PathBuf, OpenError> {
        let name = |number: u32| {
            let mut name = self.path().as_os_str().to_owned();
            name.push(format!(".damaged.{number}"));
            PathBuf::from(name)
        };
        let is_free = |path: &PathBuf| std::fs::symlink_metadata(path).is_err();
        let aside = (1..ASIDE).map(name).find(is_free).unwrap_or_else(|| name(ASIDE));
        std::fs::rename(self.path(), &aside).map_err(|error| self.failed("setting aside", errno(&error)))?;
        Ok(aside)
    }
}

/// Opens the file, or creates it; the flag tells whether it is new. Returns `None` if another process created or
/// removed the file meanwhile.
fn open(path: &Path) -> Result<Option<(File, bool)>, Errno> {
    let flags = (OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let mut open = OpenOptions::new();
    open.read(true).write(true).mode(MODE).custom_flags(flags);
    match open.open(path) {
        Ok(file) => return Ok(Some((file, false))),
        Err(error) if errno(&error) != Errno::ENOENT => return Err(errno(&error)),
        Err(_) => {}
    }
    match open.create_new(true).open(path) {
        Ok(file) => Ok(Some((file, true))),
        Err(error) if errno(&error) == Errno::EEXIST => Ok(None),
        Err(error) => Err(errno(&error)),
    }
}

/// Rejects an existing file that is not ours alone.
fn check(file: &File, path: &Path) -> Result<(), OpenError> {
    let failed =
        |error: Errno| OpenError::Failed { doing: "looking at", path: path.to_owned(), errno: error as i32 };
    let meta = file.metadata().map_err(|error| failed(errno(&error)))?;
    let what = if !meta.is_file() {
        "must be a regular file"
    } else if meta.uid() != geteuid().as_raw() {
        "must belong to the user of this process"
    } else if meta.nlink() > 1 {
        "must not have further hard links"
    } else if meta.mode() & 0o077 != 0 {
        "must not be open to others (mode 0600)"
    } else {
        return Ok(());
    };
    Err(OpenError::Unsafe { path: path.to_owned(), what })
}

/// Reads the number of the process that the file names as its owner.
pub(super) fn owner(file: &File) -> Option<u32> {
    let mut word = [0; 8];
    file.read_exact_at(&mut word, OWNER_AT).ok()?;
    u32::try_from(u64::from_ne_bytes(word)).ok().filter(|process| *process != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_that_is_not_known_to_keep_its_word_is_told() {
        if cfg!(miri) {
            return; // the interpreter has no file systems
        }
        let Ok(file) = File::open("/proc/self/status") else {
            return println!("left out: there is no /proc");
        };
        assert!(platform::doubtful_file_system(&file).unwrap().is_some());
        let Ok(file) = tempfile::tempfile_in("/dev/shm") else { return println!("left out: no /dev/shm") };
        assert_eq!(platform::doubtful_file_system(&file).unwrap(), None);
    }

    #[test]
    fn a_symlink_is_not_followed() {
        if cfg!(miri) {
            return; // the interpreter has no locks
        }
        let dir = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| dir.path().join(name));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let options = Options { any_file_system: true, ..Options::default() };
        let Err(OpenError::Failed { errno, .. }) = Locked::take(&link, &options) else { panic!("followed") };
        assert_eq!((errno, target.exists()), (Errno::ELOOP as i32, false));
        assert!(Locked::take(&target, &options).is_ok());
    }
}
