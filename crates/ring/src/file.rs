//! Mappings: anonymous ones, and files that are made, locked, really allocated, and found again.
//! What a ring holds is not its matter.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the ring's file is opened, made and set aside here and nowhere else"
)]

use std::fs::{File, OpenOptions};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use nix::unistd::{close, geteuid};

use crate::adopt::{self, Adopted, Damage, Found, Header};
use crate::error::OpenError;
use crate::memory::{Backing, Memory, OWNER_AT, PAGE, Shape};
use crate::platform;
use crate::reader::Reader;
use crate::ring::{Limits, Ring};
use crate::stamp::Task;

/// How often a file is opened anew that others removed while it was being locked.
const TRIES: usize = 16;
/// Names under which a file that cannot be used is set aside.
const ASIDE: u32 = 16;
const MODE: u32 = 0o600;
const HEADER_BYTES: usize = size_of::<Header>();

/// How a ring file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Files on any file system are taken. On some a full disk then raises SIGBUS, which ends the process.
    pub any_file_system: bool,
}

/// A ring file that was opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The producers' side.
    pub ring: Arc<Ring>,
    /// The consumer's side.
    pub reader: Reader,
    /// What was in it; none if it is new.
    pub found: Option<Found>,
    /// A file that could not be used, why, and the name that it has now.
    pub set_aside: Option<(PathBuf, Damage)>,
}

impl Ring {
    /// A ring in a file: the one that stands there, with all that is in it, or a new one.
    ///
    /// A file of another size than `limits` ask for is used as it is while there are records in it, and is made anew
    /// otherwise. One that cannot be used is set aside under another name.
    ///
    /// # Errors
    /// [`OpenError`]; what stood there is then as it was.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.ring");
    /// use tracing_spool_ring::{Limits, Options, Ring};
    /// let limits = Limits { bytes: 1 << 16, records: 1_000, shares: [80, 80, 95, 98, 100] };
    /// let mut options = Options::default();
    /// options.any_file_system = true; // a test may run anywhere
    /// let opened = Ring::open(&path, limits, options)?;
    /// assert!(opened.ring.offer(4, b"the last words", 0).is_ok());
    /// drop(opened); // and nobody has read them
    /// let found = Ring::open(&path, limits, options)?.found.ok_or("nothing found")?;
    /// assert_eq!((found.records, found.bytes, found.process), (1, 14, std::process::id()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(path: &Path, limits: Limits, options: Options) -> Result<Opened, OpenError> {
        let shape = limits.shape().ok_or(OpenError::Limits)?;
        let mut file = Locked::take(path, options)?;
        let mut set_aside = None;
        match file.look(shape)? {
            Standing::Usable(memory, adopted) => {
                adopt::own(&memory);
                let (ring, mut reader) =
                    Self::new(memory, limits).map_err(|error| file.failed("mapping", error))?;
                reader.resume(adopted.holes_below, adopted.stamps);
                return Ok(Opened { ring, reader, found: Some(adopted.found), set_aside });
            }
            Standing::Nothing => {}
            Standing::Idle => {
                file.remove()?;
                file = Locked::take(path, options)?;
            }
            Standing::Damaged(damage) => {
                set_aside = Some((file.put_aside()?, damage));
                file = Locked::take(path, options)?;
            }
        }
        let memory = file.make(shape)?;
        let (ring, reader) = Self::new(memory, limits).map_err(|error| file.failed("mapping", error))?;
        Ok(Opened { ring, reader, found: None, set_aside })
    }

    /// The ring whose file held these bytes, in memory of its own: for looking into one that was set aside.
    ///
    /// # Errors
    /// [`Damage`] where there is nothing to look at.
    pub fn from_image(image: &[u8]) -> Result<Opened, Damage> {
        let header =
            header_of(image.get(..HEADER_BYTES).and_then(<[u8]>::first_chunk).unwrap_or(&[0; HEADER_BYTES]));
        let shape = adopt::shape_of(header, image.len() as u64)?.ok_or(Damage::Foreign)?;
        let mut memory = Memory::heap(shape);
        memory.fill_from(image);
        let adopted = adopt::adopt(&memory)?;
        let limits = Limits { bytes: u64::MAX, records: u64::MAX, shares: [100; crate::LEVELS] };
        let (ring, mut reader) = Self::new(memory, limits).map_err(|_| Damage::Size)?;
        reader.resume(adopted.holes_below, adopted.stamps);
        Ok(Opened { ring, reader, found: Some(adopted.found), set_aside: None })
    }
}

/// What stands at the path of a ring.
enum Standing {
    Nothing,
    Usable(Memory, Adopted),
    /// Of another size, with nothing in it.
    Idle,
    Damaged(Damage),
}

/// The file of a ring, and its lock.
#[derive(Debug)]
struct Locked {
    path: PathBuf,
    held: Arc<Held>,
}

impl Locked {
    /// Opens the file or creates it, and takes its lock.
    fn take(path: &Path, options: Options) -> Result<Self, OpenError> {
        let failed = |doing, error| OpenError::Failed { doing, path: path.to_owned(), error };
        for _ in 0..TRIES {
            let flags = (OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
            let mut open = OpenOptions::new();
            open.read(true).write(true).create(true).truncate(false).mode(MODE).custom_flags(flags);
            let file = open.open(path).map_err(|error| failed("opening", errno(&error)))?;
            check(&file, path, options)?;
            let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(file) => Self { path: path.to_owned(), held: Arc::new(Held::new(file)) },
                Err((file, Errno::EWOULDBLOCK)) => {
                    return Err(OpenError::Locked { path: path.to_owned(), process: owner(&file) });
                }
                Err((_, error)) => return Err(failed("locking", error)),
            };
            // Somebody may have removed the file between our open and our lock: then ours locks nothing.
            let ours = file.held.file().metadata().map(|meta| (meta.dev(), meta.ino()));
            let named = std::fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.ino()));
            if ours.is_ok_and(|ours| named.is_ok_and(|named| named == ours)) {
                return Ok(file);
            }
        }
        Err(failed("locking", Errno::EAGAIN))
    }

    fn failed(&self, doing: &'static str, error: Errno) -> OpenError {
        OpenError::Failed { doing, path: self.path.clone(), error }
    }

    /// Looks at what is in it. The lock is ours, so nobody changes it.
    fn look(&self, wanted: Shape) -> Result<Standing, OpenError> {
        let file = self.held.file();
        let bytes = file.metadata().map_err(|error| self.failed("looking at", errno(&error)))?.size();
        let mut head = [0; HEADER_BYTES];
        // A file that is shorter has no header.
        let _ = file.read_exact_at(&mut head, 0);
        let shape = match adopt::shape_of(header_of(&head), bytes) {
            Ok(Some(shape)) => shape,
            Ok(None) => return Ok(Standing::Nothing),
            Err(damage) => return Ok(Standing::Damaged(damage)),
        };
        let memory = self.map(shape)?;
        Ok(match adopt::adopt(&memory) {
            Ok(adopted) => {
                let found = &adopted.found;
                let is_at_rest =
                    found.stamp.as_ref().is_none_or(|stamp| !matches!(stamp.task, Task::Text(_)));
                if shape != wanted && found.records == 0 && is_at_rest {
                    Standing::Idle
                } else {
                    Standing::Usable(memory, adopted)
                }
            }
            Err(damage) => Standing::Damaged(damage),
        })
    }

    /// Makes it a ring: gives it room that cannot be missing later, maps it, and writes its header last.
    fn make(&self, shape: Shape) -> Result<Memory, OpenError> {
        let made = self.held.file().set_len(0).map_err(|error| self.failed("emptying", errno(&error)));
        let memory = made.and_then(|()| self.map(shape)).inspect_err(|_| {
            // Half a file of ours, with nothing in it.
            let _ = std::fs::remove_file(&self.path);
        })?;
        adopt::format(&memory);
        Ok(memory)
    }

    fn map(&self, shape: Shape) -> Result<Memory, OpenError> {
        let len = i64::try_from(shape.bytes()).map_err(|_| OpenError::Limits)?;
        platform::allocate(self.held.file(), len).map_err(|error| self.failed("allocating", error))?;
        let mapping = Mapping::of_file(&self.held, shape).map_err(|error| self.failed("mapping", error))?;
        // SAFETY: the mapping has the shape's bytes, and nobody else maps the file: it is locked.
        Ok(unsafe { Memory::new(shape, Box::new(mapping)) })
    }

    fn remove(&self) -> Result<(), OpenError> {
        std::fs::remove_file(&self.path).map_err(|error| self.failed("removing", errno(&error)))
    }

    /// Gives it a name that says what it is: the first that is free, or the last.
    fn put_aside(&self) -> Result<PathBuf, OpenError> {
        let name = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".damaged.{number}"));
            PathBuf::from(name)
        };
        let is_free = |path: &PathBuf| std::fs::symlink_metadata(path).is_err();
        let aside = (1..ASIDE).map(name).find(is_free).unwrap_or_else(|| name(ASIDE));
        std::fs::rename(&self.path, &aside).map_err(|error| self.failed("setting aside", errno(&error)))?;
        Ok(aside)
    }
}

/// What speaks against a file.
fn check(file: &File, path: &Path, options: Options) -> Result<(), OpenError> {
    let failed = |error| OpenError::Failed { doing: "looking at", path: path.to_owned(), error };
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
        return if options.any_file_system { Ok(()) } else { check_file_system(file, path) };
    };
    Err(OpenError::Unsafe { path: path.to_owned(), what })
}

fn check_file_system(file: &File, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::Failed { doing: "looking at", path: path.to_owned(), error };
    match platform::doubtful_file_system(file).map_err(failed)? {
        Some(kind) => Err(OpenError::FileSystem { path: path.to_owned(), kind }),
        None => Ok(()),
    }
}

/// Whose file it says it is.
fn owner(file: &File) -> Option<u32> {
    let mut word = [0; 8];
    file.read_exact_at(&mut word, OWNER_AT).ok()?;
    u32::try_from(u64::from_le_bytes(word)).ok().filter(|process| *process != 0)
}

fn header_of(bytes: &[u8; HEADER_BYTES]) -> Header {
    let mut header = Header::default();
    for (word, bytes) in header.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    }
    header
}

fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// An open file with its lock, until dropped. A forked child that drops it leaves the lock alone.
#[derive(Debug)]
struct Held {
    /// Always there until dropped.
    file: Option<Flock<File>>,
    process: u32,
}

impl Held {
    fn new(file: Flock<File>) -> Self {
        Self { file: Some(file), process: std::process::id() }
    }

    #[expect(clippy::expect_used, reason = "it is taken by `drop` alone")]
    fn file(&self) -> &File {
        self.file.as_deref().expect("there until dropped")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        let still_locked = if std::process::id() == self.process {
            match file.unlock() {
                Ok(_closed) => return,
                Err((file, _)) => file,
            }
        } else {
            file
        };
        // `Flock` would unlock in its own `Drop`: in a forked child that is the parent's lock.
        let descriptor = still_locked.as_raw_fd();
        std::mem::forget(still_locked);
        let _the_last_use = close(descriptor);
    }
}

/// A mapping, until dropped.
#[derive(Debug)]
struct Mapping {
    base: NonNull<u8>,
    len: NonZeroUsize,
    /// Its file stays locked as long as it is mapped.
    held: Option<Arc<Held>>,
}

// SAFETY: it owns its memory and does nothing with it but unmap it.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

const ACCESS: ProtFlags = ProtFlags::PROT_READ.union(ProtFlags::PROT_WRITE);

impl Mapping {
    fn of_file(held: &Arc<Held>, shape: Shape) -> Result<Self, Errno> {
        let len = NonZeroUsize::new(shape.bytes()).ok_or(Errno::EINVAL)?;
        // SAFETY: a new mapping, at an address that the system chooses. That the file is not cut short meanwhile is
        // argued in `memory` (7).
        let base = unsafe { mmap(None, len, ACCESS, MapFlags::MAP_SHARED, held.file(), 0)? };
        Ok(Self { base: base.cast(), len, held: Some(Arc::clone(held)) })
    }
}

/// Bytes that are brought by one call: while it runs, no other thread of the process can map memory.
const CHUNK: usize = 1 << 20;
const LARGE_PAGE: usize = 1 << 21;
/// So many bytes in one go are a busy ring's, and are worth large pages.
const IS_BUSY: usize = 1 << 22;

impl Backing for Mapping {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn bring(&self, bytes: Range<usize>) -> bool {
        let end = bytes.end.min(self.len.get());
        let start = (bytes.start & !(PAGE - 1)).min(end);
        if self.held.is_none() && end - start >= IS_BUSY {
            let address = self.base.as_ptr() as usize;
            let first = (address + start).next_multiple_of(LARGE_PAGE) - address;
            let last = ((address + end) & !(LARGE_PAGE - 1)) - address;
            // SAFETY: inside, as it is not before `start` and not behind `end`, and the mapping is our own.
            unsafe { platform::large_pages(self.base.add(first).cast(), last.saturating_sub(first), true) };
        }
        (start..end).step_by(CHUNK).all(|from| {
            // SAFETY: inside, as `from` is before `end`, which is not behind the end of the mapping, which is our own.
            unsafe { platform::bring(self.base.add(from).cast(), CHUNK.min(end - from)) }
        })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped with this length, and whoever had references to it is gone: they borrowed the `Memory`.
        let _ = unsafe { munmap(self.base.cast(), self.len.get()) };
    }
}

/// Memory of this process.
pub(crate) fn anonymous(shape: Shape) -> Result<Memory, Errno> {
    let len = NonZeroUsize::new(shape.bytes()).ok_or(Errno::EINVAL)?;
    // SAFETY: new memory, at an address that the system chooses.
    let base = unsafe { mmap_anonymous(None, len, ACCESS, MapFlags::MAP_PRIVATE)? };
    // One page of two mebibytes for each of the few places that a quiet ring touches would be most of what it takes.
    // SAFETY: our own memory.
    unsafe { platform::large_pages(base, len.get(), false) };
    let mapping = Mapping { base: base.cast(), len, held: None };
    // SAFETY: it has the shape's bytes, zeroed, and only `mapping` knows them.
    Ok(unsafe { Memory::new(shape, Box::new(mapping)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> File {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
    }

    /// Memory of a system that cannot be asked for pages.
    #[derive(Debug)]
    struct Mute(Mapping);

    impl Backing for Mute {
        fn base(&self) -> NonNull<u8> {
            self.0.base()
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn pages_that_are_touched_are_there_to_be_written() {
        use nix::sys::resource::{UsageWho, getrusage};
        if cfg!(miri) {
            return; // the interpreter has no pages
        }
        let faults = || getrusage(UsageWho::RUSAGE_THREAD).unwrap().minor_page_faults();
        let shape = Shape::new(1 << 14).unwrap();
        let len = NonZeroUsize::new(shape.bytes()).unwrap();
        // SAFETY: new memory, at an address that the system chooses.
        let base = unsafe { mmap_anonymous(None, len, ACCESS, MapFlags::MAP_PRIVATE).unwrap() };
        let mapping = Mapping { base: base.cast(), len, held: None };
        // SAFETY: it has the shape's bytes, zeroed, and only `mapping` knows them.
        let memory = unsafe { Memory::new(shape, Box::new(Mute(mapping))) };
        assert_eq!(memory.begin(10), 1 << 14, "all, as it cannot be asked for the rest later");
        let before = faults();
        for granule in 0..1 << 14 {
            memory.tag(granule).store(1, std::sync::atomic::Ordering::Relaxed);
            // SAFETY: this is the only thread.
            unsafe { memory.write(granule, 0, b"x") };
        }
        assert_eq!(faults() - before, 0);
    }

    /// A lock is the open file's, and so that of each of its descriptors: a forked child has one as well.
    #[test]
    fn a_lock_ends_with_its_owner_and_not_with_a_forked_childs_copy() {
        if cfg!(miri) {
            return; // locks of files are beyond the interpreter
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ring");
        let is_locked = || Flock::lock(open(&path), FlockArg::LockExclusiveNonblock).is_err();
        for (process, stays_locked) in [(std::process::id(), false), (0, true)] {
            let file = open(&path);
            let _other_descriptor = file.try_clone().unwrap();
            let Ok(locked) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { panic!("held") };
            let held = Held { file: Some(locked), process };
            assert!(is_locked());
            drop(held);
            assert_eq!(is_locked(), stays_locked);
        }
    }

    #[test]
    fn a_file_system_that_is_not_known_to_keep_its_word_is_told() {
        if cfg!(miri) {
            return; // the interpreter has no file systems
        }
        let path = Path::new("/proc/self/status");
        let Ok(file) = File::open(path) else { return println!("left out: there is no /proc") };
        let refused = check_file_system(&file, path);
        assert!(matches!(refused, Err(OpenError::FileSystem { kind, .. }) if !kind.is_empty()));
    }

    #[test]
    fn a_symlink_is_not_followed() {
        if cfg!(miri) {
            return; // the interpreter has no locks
        }
        let dir = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| dir.path().join(name));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let options = Options { any_file_system: true };
        let Err(OpenError::Failed { error, .. }) = Locked::take(&link, options) else { panic!("followed") };
        assert_eq!((error, target.exists()), (Errno::ELOOP, false));
        assert!(Locked::take(&target, options).is_ok());
    }
}
