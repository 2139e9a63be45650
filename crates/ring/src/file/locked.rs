//! The file of a ring and its lock: opened or created, looked at as an attacker's, locked, made, and left as it was found where
//! that fails. What a ring holds is not its matter.

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

/// How often a file is opened anew that others removed or made while it was being locked.
const TRIES: usize = 16;
/// Names under which a file that cannot be used is set aside.
const ASIDE: u32 = 16;
const MODE: u32 = 0o600;

/// The file of a ring, and its lock.
#[derive(Debug)]
pub(super) struct Locked {
    held: Arc<Held>,
    /// It was created here, or has our header: then nothing is left of it where it cannot be made a ring.
    pub(super) is_ours: bool,
}

impl Locked {
    /// Opens the file or creates it, and takes its lock.
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
                    return Err(OpenError::Locked { path: path.to_owned(), process: owner(&file) });
                }
                Err((_, error)) => return Err(failed("locking", error)),
            };
            // Somebody may have removed the file between our open and our lock: then ours locks nothing.
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

    /// Bytes of it.
    pub(super) fn size(&self) -> Result<u64, OpenError> {
        let meta = self.file().metadata();
        meta.map(|meta| meta.size()).map_err(|error| self.failed("looking at", errno(&error)))
    }

    /// Its first bytes, as far as a header may go.
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

    /// Makes it a ring: its header, which says that it is being made; room that cannot be missing later; and then that it is
    /// made. Where that fails, nothing of it is left.
    pub(super) fn make(&self, shape: Shape, log: &Log) -> Result<Memory, OpenError> {
        let header = header::encode(shape, log);
        // In this order: a death between the two leaves no file that is nobody's, which the ring of another log could become.
        let begin = || {
            platform::without_signals(|| {
                self.file().write_all_at(&header, 0).map_err(|error| errno(&error))?;
                self.file().set_len(header.len() as u64).map_err(|error| errno(&error))
            })
        };
        let memory = begin()
            .map_err(|error| self.failed("writing to", error))
            .and_then(|()| {
                // On a disk, and not on tmpfs: after a power cut it would else be a file of zeros, which nobody dares to use.
                let _ = self.file().sync_data();
                self.map(shape)
            })
            .inspect_err(|_| self.leave())?;
        header::finish(&memory);
        Ok(memory)
    }

    /// Leaves what cannot be made a ring as it was found.
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
        // SAFETY: the mapping has the shape's bytes, and nobody else maps the file: it is locked.
        Ok(unsafe { Memory::new(shape, Box::new(mapping)) })
    }

    /// Gives it a name that says what it is: the first that is free, or the last.
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

/// The file that stands there, or a new one, and whether it is new; none if it went or came meanwhile.
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

/// What speaks against a file that stood there.
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

/// Whose file it says it is.
fn owner(file: &File) -> Option<u32> {
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
